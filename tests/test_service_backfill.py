"""Emergencies before backfill, through the real service: a P0 that arrives during a sync is handled at once."""

import time
from pathlib import Path

from integrator.agenda import Agenda
from integrator.lanes import Lane
from integrator.store import Store
from mapping.issue import IssueRef
from tests.connected import P0_FORM, P2_FORM, REPO, company
from tests.contracts import Recorder
from tests.installation import wait_for
from tests.standins.github.faults import Kind
from tests.standins.github.server import GitHubStandIn

SWEPT, BATCH = 120, 100
LATENCY = 0.4  # seconds a request, so that a batch takes five
PROMPT = 10.0  # seconds on a busy machine; the way itself takes two


def test_a_p0_during_a_backfill_is_handled_before_its_first_batch_is_done(tmp_path: Path, recorder: Recorder) -> None:
    with company(tmp_path, recorder, enforce_from="2099-01-01") as acme:
        numbers = [acme.github.open_issue(REPO, "alice", f"Slow {n}", P2_FORM) for n in range(SWEPT)]
        _sweep(acme.integrator.environ["INTEGRATOR_DATABASE_URL"], numbers)
        acme.github.fault(lambda *_: True, Kind.DELAY, times=100_000, seconds=LATENCY)
        acme.integrator.start()
        acme.connect()
        wait_for(lambda: _done(acme.github, numbers) > 0, acme.integrator.log)
        begun = time.monotonic()
        emergency = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        wait_for(lambda: acme.github.issue(REPO, emergency).column == "Emergency Queue", acme.integrator.log)
        assert time.monotonic() - begun < PROMPT
        assert "P0" in acme.github.issue(REPO, emergency).labels
        assert _done(acme.github, numbers) < BATCH
        acme.integrator.kill()


def _sweep(url: str, numbers: list[int]) -> None:
    """Put these on the agenda as `sync` does."""
    store = Store(url)
    store.migrate()
    Agenda(store, "test").touch([IssueRef("github", f"{REPO}#{number}") for number in numbers], Lane.SWEEP)
    store.close()


def _done(github: GitHubStandIn, numbers: list[int]) -> int:
    return sum("P2" in github.issue(REPO, number).labels for number in numbers)
