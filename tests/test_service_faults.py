"""Everything that can go wrong between the service and its trackers: each issue ends as planned, each comment once.

Each try tells the same story (tests/fault_house.py) to a new service, lets one fault strike one to three requests in a
row on both trackers somewhere in it, and looks at the end. `HYPOTHESIS_PROFILE=nightly` strikes at many places.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contracts import Recorder
from tests.fault_house import START, TOTAL, Sight, Trial, duplicates, said_by_us, trial
from tests.standins.github.faults import Fault as GitHubFault
from tests.standins.github.faults import Kind
from tests.standins.jira.faults import Fault as JiraFault
from tests.standins.jira.faults import FaultKind

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
TRIES, GROUPS = 8, 5
WRITES, REQUESTS = 8, 45  # of each tracker in a story without faults, about
LAGS = (0.0, 3.0)
FOREVER = 10.0

pytestmark = pytest.mark.broken_answers

Judge = Callable[[str, float, "Score"], None]


@dataclass(frozen=True)
class Row:
    """A fault and what each tracker's stand-in calls it; empty: that tracker has no such fault."""

    name: str
    github: Kind | None
    jira: FaultKind | None
    only_writes: bool = False
    how: dict[str, Any] = field(default_factory=dict)


ROWS = (
    Row("connection reset before a write", Kind.RESET_BEFORE, "reset-before", only_writes=True),
    Row("connection reset after a write", Kind.RESET_AFTER, "reset-after", only_writes=True),
    Row("502 before a write", Kind.BAD_GATEWAY_BEFORE, "502-before", only_writes=True),
    Row("502 after a write", Kind.BAD_GATEWAY_AFTER, "502-after", only_writes=True),
    Row("answer that drips", Kind.DRIP, "drip", how={"seconds": TOTAL / 4}),
    Row("black hole, nothing done", Kind.SILENT_BEFORE, "timeout", how={"seconds": FOREVER}),
    Row("black hole, all done", Kind.SILENT_AFTER, "timeout-after", how={"seconds": FOREVER}),
    Row("truncated answer", Kind.TRUNCATED, "truncated"),
    Row("garbage for an answer", Kind.GARBAGE, "garbage"),
    Row("429 with Retry-After", Kind.TOO_MANY, "429", how={"retry_after": 7}),
    Row("429 without Retry-After", Kind.TOO_MANY, "429-bare"),
    Row("503 with Retry-After", None, "503", how={"retry_after": 7}),
    Row("429 for one issue's writes", None, "429", only_writes=True, how={"reason": "jira-per-issue-on-write"}),
    Row("403, secondary limit", Kind.SECONDARY_LIMIT, None),
    Row("403, primary limit", Kind.PRIMARY_LIMIT, None),
    Row("GraphQL 200, RATE_LIMITED", Kind.GRAPHQL_RATE_LIMITED, None),
    Row("GraphQL partial, failed ones not done", Kind.PARTIAL_BEFORE, None),
    Row("GraphQL partial, failed ones done", Kind.PARTIAL_AFTER, None),
    Row("401 in the middle of a batch", Kind.UNAUTHORIZED, "401"),
)

_A, _B, _C = ("a", ("P0", "emergency")), ("b", ("P2",)), ("c", ("P1", "emergency"))
_BOT, _ACCOUNT, _ALICE = ("spark-integrator[bot]", "status"), ("integrator", "status"), ("alice", "")
PLANNED = [
    Sight("github", "Retrospective: c", "None open", (), ()),
    Sight("github", _A[0], "Done closed", _A[1], (_BOT,)),
    Sight("github", _B[0], "Backlog open", _B[1], (_ALICE, _BOT)),
    Sight("github", _C[0], "Done closed", _C[1], (_ALICE, _BOT)),
    Sight("jira", "Retrospective: c", "Backlog {}", (), ()),
    Sight("jira", _A[0], "Done {'OKR impact': None}", _A[1], (_ACCOUNT,)),
    Sight("jira", _B[0], "Backlog {'OKR impact': None}", _B[1], (_ALICE, _ACCOUNT)),
    Sight("jira", _C[0], "Done {'OKR impact': None}", _C[1], (_ALICE, _ACCOUNT)),
]


@dataclass
class Somewhere:
    """Matches a tracker's requests from the n-th on (of those that write, or of all)."""

    number: int
    only_writes: bool
    seen: int = 0

    def __call__(self, method: str, path: str, body: Any) -> bool:
        if self.only_writes and not _writes(method, path, body):
            return False
        self.seen += 1
        return self.seen >= self.number


def _writes(method: str, path: str, body: Any) -> bool:
    if path == "/graphql":
        return str(body["query"]).startswith("mutation")
    return method != "GET" and not path.endswith(("/bulkfetch", "/search/jql", "/access_tokens"))


@dataclass
class Score:
    """What came of a fault's tries: `late` are the seconds until the last issue was as planned, at the worst."""

    tries: int = 0
    losses: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    healed: int = 0
    late: timedelta = timedelta()

    def add(self, company: Trial, strikes: int) -> None:
        """Look at how one ended."""
        sights = company.sights()
        there = sum(bool(key) for sight in sights for _, key in sight.comments)
        self.tries += strikes
        self.losses += _losses(company, sights)
        self.duplicates += duplicates(sights)
        self.healed += said_by_us(company) - there
        self.late = max(self.late, company.clock() - START)

    def __str__(self) -> str:
        figures = f"{self.tries} | {len(self.losses)} | {len(self.duplicates)} | {self.healed}"
        return f"{figures} | {self.late.total_seconds():.0f} s"


def _losses(company: Trial, sights: list[Sight]) -> Iterator[str]:
    ended = [sight.without_alarms() for sight in sights]
    yield from (f"missing {sight}" for sight in PLANNED if sight not in ended)
    yield from (f"unplanned {sight}" for sight in ended if sight not in PLANNED)
    yield from company.unplanned()


def _arm(company: Trial, row: Row, dice: random.Random) -> list[GitHubFault | JiraFault]:
    times, writes = dice.choice((1, 1, 3)), row.only_writes or dice.random() < 0.5
    place = dice.randint(1, WRITES if writes else REQUESTS)
    armed: list[GitHubFault | JiraFault] = []
    if row.github is not None:
        how = {name: value for name, value in row.how.items() if name != "reason"}
        armed.append(company.github.fault(Somewhere(place, writes), row.github, times, **how))
    if row.jira is not None:
        armed.append(company.jira.fault(Somewhere(place, writes), row.jira, times, **row.how))
    return armed


def _struck(fault: GitHubFault | JiraFault) -> bool:
    return bool(fault.hits if isinstance(fault, GitHubFault) else fault.used)


@pytest.fixture
def judge(capsys: pytest.CaptureFixture[str]) -> Judge:
    """Print a row of the table in docs/reliability.md, and fail if anything was lost or is there twice."""

    def judged(name: str, lag: float, score: Score) -> None:
        with capsys.disabled():
            print(f"\n| {name} | {lag:g} s | {score} |", end=" ")
        assert not score.losses, score.losses
        assert not score.duplicates, score.duplicates

    return judged


@pytest.mark.skipif(not NIGHTLY, reason="takes long: nightly")
@pytest.mark.parametrize("lag", LAGS, ids=("current", "lagging"))
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_fault_anywhere_costs_nothing_but_time(
    row: Row, lag: float, tmp_path: Path, recorder: Recorder, judge: Judge
) -> None:
    score, dice = Score(), random.Random(f"{row.name} {lag}")
    for number in range(TRIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        with trial(folder, recorder, lag) as company:
            armed = _arm(company, row, dice)
            company.story()
            score.add(company, sum(map(_struck, armed)))
    judge(row.name, lag, score)


@pytest.mark.parametrize("seed", range(2 * TRIES if NIGHTLY else GROUPS))
def test_several_in_one_story(seed: int, tmp_path: Path, recorder: Recorder, judge: Judge) -> None:
    dice, score, lag = random.Random(seed), Score(), LAGS[seed % 2]
    with trial(tmp_path, recorder, lag) as company:
        armed = [fault for row in ROWS[seed % GROUPS :: GROUPS] for fault in _arm(company, row, dice)]
        company.story()
        score.add(company, sum(map(_struck, armed)))
    judge("several in one story", lag, score)


@pytest.mark.parametrize("lag", LAGS, ids=("current", "lagging"))
@pytest.mark.parametrize("ahead", [300.0, -300.0])
def test_a_wrong_clock_costs_nothing_but_punctuality(
    ahead: float, lag: float, tmp_path: Path, recorder: Recorder, judge: Judge
) -> None:
    score, dice = Score(), random.Random(f"{ahead} {lag}")
    with trial(tmp_path, recorder, lag, ahead) as company:
        for name in ("403, primary limit", "429 with Retry-After"):
            _arm(company, next(row for row in ROWS if row.name == name), dice)
        company.story()
        late = company.clock()
        company.clock.pass_by(max(0.0, -ahead))  # by our clock nothing is resolved before then
        company.settle()
        score.add(company, 2)
        score.late = late - START
    judge(f"our clock {ahead:+g} s", lag, score)
