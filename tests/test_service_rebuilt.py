"""The trackers are the database: ours deleted, a backfill explains every issue as before, and writes nothing."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.tracker import Gone
from integrator.commands.looking import explained
from integrator.tables import agenda
from mapping.issue import IssueRef
from tests.board_company import Running, running
from tests.connected import P0_FORM, P0_WIKI, P2_FORM, REPO
from tests.contracts import Recorder

STORIES = 100 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 2
ACTS = 14
PEOPLE = ("alice", "bob", "carol")
COLUMNS = ("Backlog", "In Progress", "Review")
WORDS = ("hello", "/p0", "/p2", "/ack", "/eta 2h", "/ic @bob", "/waiting", "/resume", "/sent", "/resolve", "/p9")
BODIES = ("", "Nobody can log in", P0_FORM, P2_FORM)
QUIET = timedelta(minutes=10)
"""No clock changes anything so soon after the end of a story."""


class GitHub:
    """What people do on GitHub."""

    def __init__(self, company: Running) -> None:
        self._github = company.github

    def open(self, by: str, title: str, body: str) -> str:
        return f"{REPO}#{self._github.open_issue(REPO, by, title, body)}"

    def comment(self, key: str, by: str, body: str) -> None:
        self._github.comment(REPO, _number(key), by, body)

    def label(self, key: str, by: str, label: str) -> None:
        self._github.label(REPO, _number(key), by, label)

    def move(self, key: str, by: str, to: str) -> None:
        self._github.move_card(REPO, _number(key), by, to)

    def close(self, key: str, by: str) -> None:
        self._github.close(REPO, _number(key), by)


class Jira:
    """What people do on Jira."""

    def __init__(self, company: Running) -> None:
        self._jira = company.jira

    def open(self, by: str, title: str, body: str) -> str:
        return self._jira.create_issue("OPS", by, title, P0_WIKI if body == P0_FORM else body)

    def comment(self, key: str, by: str, body: str) -> None:
        self._jira.comment(key, by, body)

    def label(self, key: str, by: str, label: str) -> None:
        self._jira.set_labels(key, by, {*self._jira.issue(key).labels, label})

    def move(self, key: str, by: str, to: str) -> None:
        if self._jira.issue(key).status != to:
            self._jira.transition(key, by, to)

    def close(self, key: str, by: str) -> None:
        self.move(key, by, "Done")


def _number(key: str) -> int:
    return int(key.rpartition("#")[2])


def tell(company: Running, random: Random) -> list[IssueRef]:
    """A story on both trackers, up to a quiet moment; the issues of which it tells."""
    sides: dict[str, GitHub | Jira] = {"github": GitHub(company), "jira": Jira(company)}
    refs: list[IssueRef] = []
    for number in range(ACTS):
        name = random.choice(tuple(sides))
        side, mine = sides[name], [ref.key for ref in refs if ref.tracker == name]
        if not mine or random.random() < 0.35:
            key = side.open(random.choice(PEOPLE), f"Checkout {number}", random.choice(BODIES))
            refs.append(IssueRef(name, key))
        else:
            _act(side, random, random.choice(mine))
        company.pass_by(random.choice((0, 1, 20, 400, 4000)))
        if random.random() < 0.5:
            company.settle()
    company.settle()
    while (due := next_clock(company)) is not None and due < company.clock() + QUIET:
        company.pass_by((due - company.clock()).total_seconds() + 1)
        company.settle()
    return refs


def _act(side: GitHub | Jira, random: Random, key: str) -> None:
    team = random.choice(PEOPLE[:2])
    acts: list[Callable[[], None]] = [
        lambda: side.comment(key, random.choice(PEOPLE), random.choice(WORDS)),
        lambda: side.comment(key, team, random.choice(WORDS)),
        lambda: side.label(key, team, random.choice(("P0", "P1", "P3", "emergency"))),
        lambda: side.move(key, team, random.choice(COLUMNS)),
        lambda: side.close(key, team),
    ]
    random.choice(acts)()


def next_clock(company: Running) -> datetime | None:
    """When an issue's clock could change something by itself."""
    earliest = sa.select(sa.func.min(agenda.c.timer_at)).where(agenda.c.subject.not_like("%:board"))
    at: datetime | None = company.service.store.read(lambda conn: conn.execute(earliest).scalar())
    return at


def explanations(company: Running, refs: list[IssueRef], now: datetime) -> Mapping[str, Mapping[str, Any]]:
    """What `explain --json` prints of each issue."""
    told = {}
    for ref in refs:
        issue = company.trackers[ref.tracker].read([ref])[ref]
        assert not isinstance(issue, Gone), issue
        told[str(ref)] = explained(issue, company.config, now)
    return told


def writes(company: Running) -> list[str]:
    """Every request that wrote something to a tracker."""
    github = [f"{r.method} {r.path} {r.body}" for r in company.github.requests if r.is_write]
    jira = [f"{r.method} {r.path} {r.body}" for r in company.jira.requests if r.method != "GET"]
    reads = ("/access_tokens", "/issue/bulkfetch", "/search/jql")
    return [one for one in [*github, *jira] if not any(read in one for read in reads)]


@pytest.mark.parametrize("seed", range(STORIES))
def test_a_deleted_database_changes_nothing(seed: int, tmp_path: Path, recorder: Recorder) -> None:
    with running(tmp_path, recorder) as company:
        refs = tell(company, Random(seed))
        before, wrote = explanations(company, refs, company.clock()), writes(company)
        at = company.clock()
        company.start()
        company.sync()
        company.settle()
        assert writes(company)[len(wrote) :] == []
        assert explanations(company, refs, at) == before
        assert wrote and {ref.tracker for ref in refs} == {"github", "jira"}
