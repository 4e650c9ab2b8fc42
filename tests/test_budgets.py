"""What trackers say of their limits: stored by whoever heard it, and a reserve kept from backfills."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.tracker import Budget
from integrator import budgets, gauges, metrics
from integrator.agenda import Agenda
from integrator.lanes import Lane
from integrator.scenario import Clock
from integrator.store import Store
from mapping.issue import IssueRef
from tests.postgres import database

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
EVENT, TIMED, SWEPT = (IssueRef("github", f"acme/shop#{number}") for number in (1, 2, 3))


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture(params=["file", "memory", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    url = {"file": f"sqlite:///{tmp_path}/a.db", "memory": "sqlite://"}.get(request.param) or database()
    opened = Store(url, clock)
    opened.migrate()
    yield opened
    opened.close()


def said(
    left: int, of: str = "graphql", limit: int = 5000, seen: timedelta = MINUTE, lasts: timedelta = HOUR
) -> Budget:
    return Budget(of, limit, left, START + lasts, START + seen)


def note(store: Store, *told: Budget, tracker: str = "github") -> None:
    store.write(lambda conn: budgets.note(store, conn, tracker, told))


def test_nothing_is_known_of_a_tracker_that_said_nothing(store: Store) -> None:
    note(store)
    assert budgets.budget_of(store, "github") is None


def test_the_scarcest_limit_counts_and_other_trackers_have_their_own(store: Store) -> None:
    note(store, said(4000), said(900, of="core", limit=1000))
    note(store, said(1), tracker="other")
    assert budgets.budget_of(store, "github") == said(4000)
    note(store, said(700, of="core", limit=1000, seen=2 * MINUTE))
    assert budgets.budget_of(store, "github") == said(700, of="core", limit=1000, seen=2 * MINUTE)


def test_of_two_workers_the_one_that_heard_later_is_believed(store: Store) -> None:
    note(store, said(3000, seen=2 * MINUTE))
    note(store, said(3500, seen=MINUTE))
    assert budgets.budget_of(store, "github") == said(3000, seen=2 * MINUTE)
    note(store, said(5000, seen=3 * MINUTE, lasts=2 * HOUR))
    assert budgets.budget_of(store, "github") == said(5000, seen=3 * MINUTE, lasts=2 * HOUR)


def test_a_limit_that_began_anew_is_forgotten(store: Store, clock: Clock) -> None:
    note(store, said(10))
    clock.at = START + HOUR
    assert budgets.budget_of(store, "github") is None


@pytest.mark.parametrize(
    ("told", "swept"),
    [
        ((), True),
        ((said(1000),), True),
        ((said(999),), False),
        ((said(0),), False),
        ((said(5000), said(999, of="core")), False),
        ((said(0, lasts=timedelta()),), True),
    ],
)
def test_the_reserve_is_kept_from_sweeps_only(store: Store, told: tuple[Budget, ...], swept: bool) -> None:
    tasks = Agenda(store, "me")
    note(store, *told)
    tasks.touch([EVENT, TIMED], Lane.EVENT)
    for claim in tasks.claim("github", 10):
        timer = START if claim.ref == TIMED else None
        store.write(lambda conn, claim=claim, timer=timer: tasks.done(conn, claim, timer, None))  # type: ignore[misc]
    tasks.touch([EVENT], Lane.EVENT)
    tasks.touch([SWEPT], Lane.SWEEP)
    claimed = [claim.ref for _ in range(2) for claim in tasks.claim("github", 10)]
    assert claimed == [EVENT, TIMED, SWEPT][: 3 if swept else 2]


def test_sweeps_go_on_when_the_limit_begins_anew_or_more_is_left(store: Store, clock: Clock) -> None:
    tasks = Agenda(store, "me")
    tasks.touch([SWEPT], Lane.SWEEP)
    note(store, said(10))
    assert tasks.claim("github", 10) == []
    note(store, said(2000, seen=2 * MINUTE))
    (claim,) = tasks.claim("github", 10)
    tasks.release([claim])
    note(store, said(10, seen=3 * MINUTE))
    assert tasks.claim("github", 10) == []
    clock.at = START + HOUR
    assert [claim.ref for claim in tasks.claim("github", 10)] == [SWEPT]


def test_metrics_show_what_is_left_and_all_of_it_when_it_began_anew(store: Store, clock: Clock) -> None:
    note(store, said(1200), said(4000, of="core"))
    gauges.measure(store, ["github"])
    shown = {of: metrics.BUDGET_LEFT.labels("github", of)._value.get() for of in ("core", "graphql")}
    assert shown == {"core": 4000, "graphql": 1200}
    assert metrics.BUDGET_LIMIT.labels("github", "core")._value.get() == 5000
    clock.at = START + HOUR
    gauges.measure(store, ["github"])
    assert metrics.BUDGET_LEFT.labels("github", "graphql")._value.get() == 5000
