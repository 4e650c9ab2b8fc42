"""The pace of creations: nobody goes over it, whoever waits is given a time, and events go before backfills."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from adapters.tracker import Pace
from integrator.creations import Creations
from integrator.lanes import Lane
from integrator.scenario import Clock
from integrator.store import Store
from integrator.tables import creations, intents
from mapping.issue import IssueRef
from tests.postgres import database

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
PACES = (Pace(10, MINUTE), Pace(30, HOUR))


def ref(number: int, tracker: str = "github") -> IssueRef:
    return IssueRef(tracker, f"acme/shop#{number}")


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture(params=["memory", "postgresql"])
def store(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Store]:
    opened = Store("sqlite://" if request.param == "memory" else database(), clock)
    opened.migrate()
    yield opened
    opened.close()


def begin(store: Store, *numbers: int, lane: Lane = Lane.EVENT, each: int = 1) -> dict[int, timedelta]:
    """Ask for creations on these issues; who has to wait, and for how long."""
    refs = [ref(number) for number in numbers]
    wanted = [(one, f"comment-{count}") for one in refs for count in range(each)]
    waiting = Creations(store).begin(wanted, PACES, dict.fromkeys(refs, lane))
    return {number: waiting[ref(number)] - store.now() for number in numbers if ref(number) in waiting}


def begun(store: Store) -> list[str]:
    query = sa.select(intents.c.subject).distinct()
    return sorted(store.read(lambda conn: list(conn.scalars(query))))


def test_up_to_the_pace_all_begin_and_the_rest_is_given_a_time(store: Store, clock: Clock) -> None:
    assert begin(store, *range(8)) == {}
    clock.at += SECOND
    assert begin(store, *range(8, 12)) == {10: 59 * SECOND, 11: 59 * SECOND}
    assert begun(store) == sorted(str(ref(number)) for number in range(10))
    clock.at += 59 * SECOND
    assert begin(store, 10, 11) == {}


def test_whoever_waits_is_given_a_time_in_turn(store: Store, clock: Clock) -> None:
    assert begin(store, *range(10)) == {}
    waits = begin(store, *range(10, 35))
    assert list(waits.values()) == [MINUTE] * 10 + [2 * MINUTE] * 10 + [HOUR] * 5


def test_the_time_given_is_kept_from_those_who_come_later(store: Store, clock: Clock) -> None:
    begin(store, *range(10))
    assert begin(store, *range(10, 15)) == dict.fromkeys(range(10, 15), MINUTE)
    clock.at += MINUTE
    assert begin(store, *range(20, 26)) == {25: MINUTE}
    assert begin(store, *range(10, 15)) == {}


def test_a_backfill_has_a_part_of_the_pace_and_events_take_no_notice_of_it(store: Store, clock: Clock) -> None:
    waits = begin(store, *range(100), lane=Lane.SWEEP)
    assert list(waits) == list(range(6, 100))
    assert list(waits.values())[:18] == [MINUTE] * 6 + [2 * MINUTE] * 6 + [HOUR] * 6
    assert begin(store, 200, 201, 202, 203) == {}
    assert begin(store, 204) == {204: MINUTE}
    clock.at += MINUTE
    assert begin(store, *range(210, 219)) == {}
    assert list(begin(store, *range(6, 12), lane=Lane.SWEEP)) == list(range(6, 12)), "events were first"


def test_several_on_one_issue_begin_together_or_not_at_all(store: Store) -> None:
    assert begin(store, *range(4), each=2) == {}
    assert begin(store, 4, each=3) == {4: MINUTE}
    assert begin(store, 5) == {5: MINUTE}, "who wants little does not slip past who wants more"


def test_more_than_the_whole_pace_on_one_issue_is_not_put_off_for_ever(store: Store) -> None:
    assert begin(store, 1, each=40) == {}
    assert begin(store, 2) == {2: HOUR}


def test_where_nothing_limits_it_nothing_is_counted(store: Store) -> None:
    assert Creations(store).begin([(ref(number), "status") for number in range(50)]) == {}
    assert store.read(lambda conn: conn.execute(sa.select(creations)).all()) == []


def test_trackers_have_a_pace_each(store: Store) -> None:
    begin(store, *range(10))
    assert Creations(store).begin([(ref(1, "hub"), "status")], PACES) == {}


def test_what_is_old_is_forgotten(store: Store, clock: Clock) -> None:
    begin(store, *range(10))
    clock.at += HOUR
    begin(store, 1)
    count = sa.select(sa.func.count()).select_from(creations)
    assert store.read(lambda conn: conn.execute(count).scalar_one()) == 1


asks = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(Lane), st.integers(1, 3), st.integers(0, 90)), min_size=1, max_size=60
)


def test_no_span_ever_holds_more_than_the_pace(clock: Clock) -> None:
    store = Store("sqlite://", clock)
    store.migrate()

    @given(asks=asks)
    def holds(asks: list[tuple[int, Lane, int, int]]) -> None:
        store.write(lambda conn: conn.execute(sa.delete(creations)))
        done: list[datetime] = []
        for number, lane, each, pause in asks:
            clock.at += pause * SECOND
            if not begin(store, number, lane=lane, each=each):
                done += [clock.at] * each
            for pace in PACES:
                assert sum(at > clock.at - pace.within for at in done) <= pace.most

    holds()
    store.close()


@pytest.mark.parametrize("engine", ["file", "postgresql"])
def test_two_workers_keep_the_pace_together(engine: str, tmp_path: Path, clock: Clock) -> None:
    url = f"sqlite:///{tmp_path}/a.db" if engine == "file" else database()
    stores = [Store(url, clock) for _ in range(2 if engine == "postgresql" else 1)]
    stores[0].migrate()
    waiting: list[dict[int, timedelta]] = []
    ready = threading.Barrier(4)

    def work(store: Store, start: int) -> None:
        ready.wait()
        for number in range(start, start + 10):
            waiting.append(begin(store, number))

    threads = [threading.Thread(target=work, args=(stores[n % len(stores)], n * 10)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(not one for one in waiting) == 10
    times = sorted(wait for one in waiting for wait in one.values())
    assert times == [MINUTE] * 10 + [2 * MINUTE] * 10 + [HOUR] * 10, "everybody was given a time of its own"
    for store in stores:
        store.close()
