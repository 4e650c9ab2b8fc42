"""`sync` ended in the middle, as a process of its own: what is done is done, and the next run does the rest."""

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from integrator.store import Store
from integrator.tables import agenda, journal
from tests.connected import REPO, Company, company
from tests.contracts import Recorder
from tests.installation import PATIENCE, wait_for
from tests.standins.github.faults import Kind
from tests.standins.github.server import Request

ISSUES = 300
AT = 111  # 37 %
LATER = "2999-01-01"  # no clock runs on what is older than the integrator
LABEL = "needs-triage"


@pytest.fixture
def acme(tmp_path: Path, recorder: Recorder) -> Iterator[Company]:
    with company(tmp_path, recorder, enforce_from=LATER) as made:
        for number in range(ISSUES):
            made.github.open_issue(REPO, "carol", f"Slow {number}")
        made.github.fault(lambda method, path, body: "mutation" in str(body), Kind.DELAY, times=1000, seconds=0.03)
        yield made


@dataclass(frozen=True)
class Asked:
    """What a run asked for: pages of open issues, and each issue that it read."""

    pages: int
    read: Counter[int]

    @classmethod
    def by(cls, requests: Sequence[Request]) -> "Asked":
        queries = [str(request.body["query"]) for request in requests if request.path == "/graphql"]
        numbers = (re.findall(r"\bi(\d+): issue\b", query) for query in queries if query.startswith("query Read"))
        return cls(
            sum(query.startswith("query Open") for query in queries),
            Counter(int(number) for found in numbers for number in found),
        )


def labelled(acme: Company) -> int:
    return sum(LABEL in acme.github.issue(REPO, number).labels for number in range(1, ISSUES + 1))


def interrupted(acme: Company, number: signal.Signals) -> tuple[int, str]:
    """A run that gets a signal once 37 % of the issues have their label; its exit code, and what it said."""
    command = [str(Path(sys.executable).with_name("integrator")), "sync", "--tracker", "github"]
    how = {"cwd": acme.integrator.folder, "env": acme.integrator.environ, "text": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how) as process:  # type: ignore[call-overload]
        wait_for(lambda: labelled(acme) >= AT or process.poll() is not None, lambda: f"{labelled(acme)} are labelled")
        assert process.poll() is None, process.communicate()
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def put_down(acme: Company) -> set[int]:
    """The issues that are on the agenda no more."""
    store = Store(acme.integrator.environ["INTEGRATOR_DATABASE_URL"])
    query = sa.select(agenda.c.subject).where(agenda.c.look_at.is_(None), agenda.c.subject.contains("#"))
    done = {int(subject.rpartition("#")[2]) for subject in store.read(lambda conn: conn.scalars(query).all())}
    store.close()
    return done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_next_run_asks_for_nothing_that_was_finished(acme: Company, number: signal.Signals) -> None:
    code, said = interrupted(acme, number)
    if number is signal.SIGINT:
        assert code == 130
        assert "interrupted; `integrator sync --tracker github` goes on from there" in said
    done, labels = put_down(acme), labelled(acme)
    assert 100 <= len(done) < ISSUES
    before = len(acme.github.requests)
    again = acme.integrator.run("sync", "--tracker", "github")
    assert f"github: {ISSUES - len(done)} seen" in again.stdout and ", 0 failed in " in again.stdout
    asked = Asked.by(acme.github.requests[before:])
    assert asked.pages == 0
    assert asked.read == Counter(set(range(1, ISSUES + 1)) - done), "each issue that was left, once"
    assert labels >= AT and labelled(acme) == ISSUES
    assert set(Counter(_labellings(acme)).values()) == {1}


def _labellings(acme: Company) -> list[str]:
    store = Store(acme.integrator.environ["INTEGRATOR_DATABASE_URL"])
    query = sa.select(journal.c.subject).where(journal.c.change == "SetLabels")
    found = list(store.read(lambda conn: conn.scalars(query).all()))
    store.close()
    return found


def test_ended_while_it_lists_it_lists_on(acme: Company) -> None:
    listing = acme.github.fault(lambda method, path, body: "query Open" in str(body), Kind.DELAY, 1000, seconds=1)
    with acme.integrator.beside("sync", "--tracker", "github") as process:
        wait_for(lambda: listing.hits == 2, acme.integrator.log)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    listing.times = 0
    before = len(acme.github.requests)
    acme.integrator.run("sync", "--tracker", "github")
    assert Asked.by(acme.github.requests[before:]).pages == 2
    assert labelled(acme) == ISSUES
