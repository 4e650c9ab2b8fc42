"""The agenda on every engine: what is taken up, when, by whom, and what becomes of it on bad days."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from adapters.tracker import AccessDenied, RateLimited, TrackerError, Unreachable
from integrator import adopting
from integrator.adopting import OtherPolicy
from integrator.agenda import LEASE, MAX_ATTEMPTS, Agenda, Claim
from integrator.creations import SETTLE
from integrator.lanes import Lane
from integrator.scenario import Clock
from integrator.store import Store
from integrator.subjects import Subject
from integrator.tables import agenda, deliveries, intents, trackers
from integrator.touching import MOST_SHOWN
from mapping.issue import BoardRef, IssueRef
from tests.postgres import database
from webhooks.delivery import Delivery, NotStored, Touch

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ONE, TWO, THREE = (IssueRef("github", f"acme/shop#{number}") for number in (1, 2, 3))
OPS = IssueRef("jira", "OPS-7")


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


@pytest.fixture
def tasks(store: Store) -> Agenda:
    return Agenda(store, "me")


def row(store: Store, ref: IssueRef = ONE) -> sa.Row[tuple[object, ...]]:
    return store.read(lambda conn: conn.execute(sa.select(agenda).where(agenda.c.subject == str(ref))).one())


def count(store: Store, table: sa.Table) -> int:
    return store.read(lambda conn: conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def claim_one(tasks: Agenda) -> Claim:
    (claim,) = tasks.claim("github", 10)
    return claim


def done(store: Store, tasks: Agenda, claim: Claim, timer_at: datetime | None = None) -> None:
    store.write(lambda conn: tasks.done(conn, claim, timer_at, None))


def fail(store: Store, tasks: Agenda, claim: Claim, why: str = "no") -> None:
    store.write(lambda conn: tasks.failed(conn, claim, why))


def delivery(guid: str, *touches: Touch) -> Delivery:
    return Delivery(guid, "issues", touches or (Touch(ONE),))


# ---------------------------------------------------------------- putting on


TOUCHES = [
    # first lane and time, second lane and time -> lane and time
    ((Lane.EVENT, 0), (Lane.SWEEP, 0), (Lane.EVENT, 0)),
    ((Lane.SWEEP, 0), (Lane.EVENT, 0), (Lane.EVENT, 0)),
    ((Lane.SWEEP, 0), (Lane.EVENT, 5), (Lane.EVENT, 0)),
    ((Lane.EVENT, 0), (Lane.SWEEP, 5), (Lane.EVENT, 0)),
    ((Lane.SWEEP, 5), (Lane.EVENT, 0), (Lane.EVENT, 0)),
    ((Lane.EVENT, 5), (Lane.SWEEP, 0), (Lane.EVENT, 0)),
]


@pytest.mark.parametrize(("first", "second", "expected"), TOUCHES)
def test_the_earlier_time_and_the_better_lane_win(
    store: Store,
    tasks: Agenda,
    first: tuple[Lane, int],
    second: tuple[Lane, int],
    expected: tuple[Lane, int],
) -> None:
    for lane, seconds in (first, second):
        tasks.touch([ONE], lane, START + seconds * SECOND)
    found = row(store)
    assert (found.lane, found.look_at, found.seq) == (expected[0], START + expected[1] * SECOND, 2)


def test_what_was_finished_is_touched_into_the_lane_it_is_told(store: Store, tasks: Agenda) -> None:
    tasks.touch([ONE], Lane.EVENT)
    done(store, tasks, claim_one(tasks))
    tasks.touch([ONE], Lane.SWEEP)
    assert row(store).lane == Lane.SWEEP


def test_a_delivery_is_stored_once_and_touches_every_time(store: Store, tasks: Agenda) -> None:
    assert tasks.accept("github", delivery("a", Touch(ONE), Touch(TWO)))
    assert not tasks.accept("github", delivery("a"))
    assert tasks.accept("jira", delivery("a", Touch(OPS)))
    assert [row(store, ref).seq for ref in (ONE, TWO, OPS)] == [2, 1, 1]
    assert count(store, deliveries) == 2


def test_a_delivery_that_cannot_be_stored_leaves_nothing(store: Store, tasks: Agenda) -> None:
    broken = Delivery(None, "issues", (Touch(ONE),))  # type: ignore[arg-type]  # the table wants an id
    with pytest.raises(NotStored, match="the database does not take writes"):
        tasks.accept("github", broken)
    assert count(store, deliveries) == count(store, agenda) == 0


def test_the_floor_is_the_newest_that_was_heard(store: Store, tasks: Agenda) -> None:
    for number, floor in enumerate([None, START, None, START - MINUTE, START + MINUTE, START]):
        tasks.accept("github", delivery(str(number), Touch(ONE, floor)))
    assert claim_one(tasks).floor == START + MINUTE


def test_the_floor_grows_by_the_answer_to_our_own_write(store: Store, tasks: Agenda) -> None:
    tasks.accept("github", delivery("a", Touch(ONE, START)))
    claim = claim_one(tasks)
    store.write(lambda conn: tasks.done(conn, claim, None, START + MINUTE))
    assert row(store).floor == START + MINUTE


def test_tokens_of_one_second_add_up_and_older_ones_are_forgotten(store: Store, tasks: Agenda) -> None:
    tasks.accept("github", delivery("a", Touch(ONE, START, ("open=True",))))
    tasks.accept("github", delivery("b", Touch(ONE, START, ("open=False",))))
    tasks.accept("github", delivery("c", Touch(ONE, START - SECOND, ("old=1",))))
    assert claim_one(tasks).shows == ("open=True", "open=False")
    tasks.accept("github", delivery("d", Touch(ONE, START + SECOND, ("labels=x",))))
    tasks.free_leases()
    assert claim_one(tasks).shows == ("labels=x",)


def test_tokens_that_are_heard_again_and_again_don_t_pile_up(store: Store, tasks: Agenda) -> None:
    for number in range(100):
        tasks.accept("github", delivery(str(number), Touch(ONE, START, ("open=True", "labels=a"))))
    assert claim_one(tasks).shows == ("open=True", "labels=a")


def test_of_very_many_tokens_the_latest_are_kept(store: Store, tasks: Agenda) -> None:
    for number in range(1000):
        tasks.accept("github", delivery(str(number), Touch(ONE, START, (f"labels={number:020}",))))
    shows = claim_one(tasks).shows
    assert shows[-1] == f"labels={999:020}" and len(" ".join(shows)) < 2 * MOST_SHOWN


# ---------------------------------------------------------------- taking up


def test_events_go_before_due_clocks_before_sweeps(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.EVENT)
    done(store, tasks, claim_one(tasks), timer_at=START)
    tasks.touch([THREE], Lane.SWEEP, START - MINUTE)
    clock.at += SECOND
    tasks.touch([TWO], Lane.EVENT)
    assert [(claim.ref, claim.lane) for claim in tasks.claim("github", 10)] == [(TWO, Lane.EVENT), (ONE, Lane.TIMER)]
    assert [(claim.ref, claim.lane) for claim in tasks.claim("github", 10)] == [(THREE, Lane.SWEEP)]


def test_a_sweep_never_delays_a_due_clock(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.EVENT)
    done(store, tasks, claim_one(tasks), timer_at=START + MINUTE)
    tasks.touch([ONE, *(IssueRef("github", f"acme/shop#{n}") for n in range(10, 60))], Lane.SWEEP, START - MINUTE)
    clock.at += MINUTE
    assert [(claim.ref, claim.lane) for claim in tasks.claim("github", 1)] == [(ONE, Lane.TIMER)]


def test_within_a_lane_the_longest_waiting_goes_first_and_no_more_than_asked(tasks: Agenda) -> None:
    for seconds, ref in ((3, ONE), (1, TWO), (2, THREE)):
        tasks.touch([ref], Lane.SWEEP, START - seconds * SECOND)
    assert [claim.ref for claim in tasks.claim("github", 2)] == [ONE, THREE]
    assert [claim.ref for claim in tasks.claim("github", 2)] == [TWO]


def test_only_what_is_due_and_of_this_tracker(tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.EVENT, START + SECOND)
    tasks.touch([OPS], Lane.EVENT)
    assert tasks.claim("github", 10) == []
    assert tasks.next_due() == START
    clock.at += SECOND
    assert [claim.ref for claim in tasks.claim("github", 10)] == [ONE]
    assert [claim.ref for claim in tasks.claim("jira", 10)] == [OPS]


def test_what_is_touched_while_worked_on_stays_due(store: Store, tasks: Agenda) -> None:
    tasks.touch([ONE], Lane.EVENT)
    claim = claim_one(tasks)
    tasks.touch([ONE], Lane.EVENT)
    assert tasks.claim("github", 10) == []
    done(store, tasks, claim)
    again = claim_one(tasks)
    assert again.seq == claim.seq + 1
    done(store, tasks, again)
    assert tasks.claim("github", 10) == [] and not tasks.is_busy()


def test_a_due_clock_is_taken_up_by_itself_and_once(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.SWEEP)
    done(store, tasks, claim_one(tasks), timer_at=START + MINUTE)
    assert tasks.next_due() == START + MINUTE
    assert tasks.claim("github", 10) == []
    clock.at += MINUTE
    claim = claim_one(tasks)
    assert claim.lane is Lane.TIMER
    done(store, tasks, claim)
    assert tasks.claim("github", 10) == [] and tasks.next_due() is None


# ---------------------------------------------------------------- leases


def test_nobody_takes_what_is_leased_until_the_lease_is_over(store: Store, tasks: Agenda, clock: Clock) -> None:
    other = Agenda(store, "other")
    tasks.touch([ONE], Lane.EVENT)
    claim_one(tasks)
    clock.at += LEASE - SECOND
    assert other.claim("github", 10) == []
    clock.at += SECOND
    assert [claim.ref for claim in other.claim("github", 10)] == [ONE]


def test_a_renewed_lease_lasts_as_long_again(store: Store, tasks: Agenda, clock: Clock) -> None:
    other = Agenda(store, "other")
    tasks.touch([ONE, TWO], Lane.EVENT)
    claims = tasks.claim("github", 1)
    (theirs,) = other.claim("github", 10)
    clock.at += LEASE - SECOND
    assert tasks.renew([*claims, theirs]) == {claims[0].ref}
    clock.at += LEASE - SECOND
    assert [claim.ref for claim in other.claim("github", 10)] == [theirs.ref]


def test_a_strangers_lease_cannot_be_put_down(store: Store, tasks: Agenda, clock: Clock) -> None:
    slow = Agenda(store, "slow")
    tasks.touch([ONE], Lane.EVENT)
    old = claim_one(slow)
    clock.at += LEASE
    new = claim_one(tasks)
    before = row(store)
    done(store, slow, old, timer_at=START)
    fail(store, slow, old)
    store.write(lambda conn: slow.later(conn, old, START + MINUTE))
    store.write(lambda conn: slow.gone(conn, old))
    slow.release([old])
    assert slow.renew([old]) == set()
    assert row(store) == before
    done(store, tasks, new)
    assert not tasks.is_busy()


def test_what_is_released_is_taken_up_again_as_it_was(store: Store, tasks: Agenda) -> None:
    tasks.touch([ONE], Lane.EVENT)
    claim = claim_one(tasks)
    tasks.release([claim])
    assert claim_one(tasks) == claim


def test_the_only_process_frees_the_leases_of_the_dead(store: Store, tasks: Agenda) -> None:
    dead = Agenda(store, "dead")
    tasks.touch([ONE, TWO], Lane.EVENT)
    assert len(dead.claim("github", 10)) == 2
    assert tasks.claim("github", 10) == []
    tasks.free_leases()
    assert len(tasks.claim("github", 10)) == 2


@pytest.mark.parametrize("store", ["file", "postgresql"], indirect=True)
def test_two_claimers_never_get_the_same_issue(store: Store, tasks: Agenda) -> None:
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, 301)]
    tasks.touch(refs, Lane.EVENT)
    begin = threading.Barrier(4)

    def work(name: str) -> list[Subject]:
        mine, taken = Agenda(store, name), list[Subject]()
        begin.wait(10)
        while claims := mine.claim("github", 7):
            taken += [claim.ref for claim in claims]
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = Counter(ref for refs in pool.map(work, "abcd") for ref in refs)
    assert taken == Counter(refs)


@pytest.mark.parametrize("store", ["file", "postgresql"], indirect=True)
def test_nothing_touched_is_lost_and_nothing_is_worked_on_twice_at_once(store: Store, tasks: Agenda) -> None:
    """Four workers beside touches of the same few issues: after every touch somebody looks."""
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, 6)]
    touched: Counter[Subject] = Counter()
    looked: dict[Subject, int] = {}
    at_work: Counter[Subject] = Counter()
    lock, over = threading.Lock(), threading.Event()

    def work(name: str) -> None:
        mine = Agenda(store, name)
        while not over.is_set() or mine.is_busy():
            for claim in mine.claim("github", 3):
                with lock:
                    at_work[claim.ref] += 1
                    assert at_work[claim.ref] == 1
                    looked[claim.ref] = touched[claim.ref]
                with lock:
                    at_work[claim.ref] -= 1
                done(store, mine, claim)

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work, name) for name in "abcd"]
        for number in range(100):
            ref = refs[number % len(refs)]
            with lock:
                touched[ref] += 1
            tasks.touch([ref], Lane.EVENT)
        over.set()
        for worker in workers:
            worker.result(30)
    assert looked == dict(touched)


# ---------------------------------------------------------------- failing


def test_each_failure_waits_longer_and_the_last_one_parks(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.EVENT)
    pauses = []
    for attempt in range(MAX_ATTEMPTS):
        claim = claim_one(tasks)
        assert claim.attempts == attempt
        fail(store, tasks, claim, f"no {attempt}" + "x" * 1000)
        found = row(store)
        pauses.append((found.look_at - clock.at) / SECOND)
        assert found.last_error.startswith(f"no {attempt}") and len(found.last_error) == 500
        assert (found.lease_until, found.lease_by) == (None, None)
        clock.at = found.look_at
    expected = [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert all(0.8 * due <= pause <= 1.2 * due for pause, due in zip(pauses, expected, strict=True)), pauses
    clock.at += timedelta(days=30)
    assert tasks.claim("github", 10) == []
    assert [found["subject"] for found in tasks.rows(parked=True)] == [str(ONE)]
    assert tasks.rows(parked=False) == [] and not tasks.is_busy() and tasks.next_due() is None


def _park(store: Store, tasks: Agenda, ref: IssueRef) -> None:
    tasks.touch([ref], Lane.EVENT)
    store.write(
        lambda conn: conn.execute(
            sa.update(agenda)
            .where(agenda.c.subject == str(ref))
            .values(attempts=MAX_ATTEMPTS - 1, lease_by="me", lease_until=START)
        )
    )
    fail(store, tasks, Claim(ref, 1, Lane.EVENT, MAX_ATTEMPTS - 1, None))


def test_an_event_takes_a_parked_issue_up_again_with_all_its_attempts(store: Store, tasks: Agenda) -> None:
    _park(store, tasks, ONE)
    assert tasks.claim("github", 10) == []
    tasks.accept("github", delivery("a"))
    assert claim_one(tasks).attempts == 0


def test_replay_puts_back_what_is_parked_all_of_it_or_the_named(store: Store, tasks: Agenda) -> None:
    for ref in (ONE, TWO, THREE):
        _park(store, tasks, ref)
    assert tasks.replay([TWO, OPS]) == 1
    assert [claim.ref for claim in tasks.claim("github", 10)] == [TWO]
    assert tasks.replay(None) == 2
    assert tasks.replay(None) == 0
    assert {claim.ref for claim in tasks.claim("github", 10)} == {ONE, THREE}


def test_an_event_during_the_last_attempt_is_not_parked_with_it(store: Store, tasks: Agenda) -> None:
    tasks.touch([ONE], Lane.EVENT)
    claim = Claim(ONE, claim_one(tasks).seq, Lane.EVENT, MAX_ATTEMPTS - 1, None)
    tasks.accept("github", delivery("a"))
    fail(store, tasks, claim)
    again = claim_one(tasks)
    assert (again.attempts, row(store).parked_at, row(store).last_error) == (0, None, "no")


def test_a_failed_clock_waits_too_and_what_is_due_later_stays(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.EVENT)
    done(store, tasks, claim_one(tasks), timer_at=START + MINUTE)
    clock.at += MINUTE
    tasks.touch([ONE], Lane.SWEEP, START + 60 * MINUTE)
    fail(store, tasks, claim_one(tasks))
    found = row(store)
    assert found.timer_at > clock.at
    assert found.look_at == START + 60 * MINUTE
    assert tasks.claim("github", 10) == []


def test_success_forgets_the_failures(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.EVENT)
    fail(store, tasks, claim_one(tasks))
    clock.at += MINUTE
    done(store, tasks, claim_one(tasks))
    assert (row(store).attempts, row(store).last_error) == (0, None)


def test_what_happened_meanwhile_need_not_wait_for_the_pace(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE, TWO], Lane.SWEEP)
    claims = {claim.ref: claim for claim in tasks.claim("github", 10)}
    tasks.touch([ONE], Lane.EVENT)
    for claim in claims.values():
        store.write(
            lambda conn, claim=claim: tasks.later(conn, claim, START + 240 * MINUTE, unless_touched=True)  # type: ignore[misc]
        )
    assert [(claim.ref, claim.lane) for claim in tasks.claim("github", 10)] == [(ONE, Lane.EVENT)]
    clock.at += 240 * MINUTE
    assert [claim.ref for claim in tasks.claim("github", 10, lanes=[Lane.SWEEP])] == [TWO]


def test_later_costs_no_attempt_and_waits_whatever_happened(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.EVENT)
    claim = claim_one(tasks)
    tasks.touch([ONE], Lane.EVENT)
    store.write(lambda conn: tasks.later(conn, claim, START + SECOND))
    assert tasks.claim("github", 10) == []
    clock.at += SECOND
    assert claim_one(tasks).attempts == 0


def test_gone_is_forgotten_unless_it_was_touched_meanwhile(store: Store, tasks: Agenda) -> None:
    tasks.touch([ONE, TWO], Lane.EVENT)
    one, two = sorted(tasks.claim("github", 10), key=lambda claim: claim.ref)
    tasks.touch([TWO], Lane.EVENT)
    store.write(lambda conn: tasks.gone(conn, one))
    store.write(lambda conn: tasks.gone(conn, two))
    assert [claim.ref for claim in tasks.claim("github", 10)] == [TWO]
    assert count(store, agenda) == 1


# ---------------------------------------------------------------- intents


def test_while_a_batch_lasts_and_when_it_breaks_what_is_created_may_be_only_now(
    store: Store, tasks: Agenda, clock: Clock
) -> None:
    tasks.touch([ONE], Lane.EVENT)
    claims = tasks.claim("github", 10)
    tasks.creations.begin([(ONE, "status")])
    for moment in range(1, 5):
        clock.at += 8 * SECOND
        tasks.renew(claims)
        assert tasks.creations.unsettled([ONE]) == {ONE: START + moment * 8 * SECOND + SETTLE}
    clock.at += 9 * SECOND
    tasks.give_up(claims)
    assert tasks.creations.unsettled([ONE]) == {ONE: clock.at + SETTLE}
    assert len(Agenda(store, "other").claim("github", 10)) == 1


def test_what_is_heard_of_while_it_waits_in_a_backfill_is_let_go(store: Store, tasks: Agenda) -> None:
    tasks.touch([ONE, TWO, THREE], Lane.SWEEP)
    claims = tasks.claim("github", 10)
    tasks.touch([ONE], Lane.EVENT)
    tasks.touch([TWO], Lane.SWEEP)
    assert tasks.let_go(claims) == {ONE}
    other = Agenda(store, "other")
    assert [(claim.ref, claim.lane) for claim in other.claim("github", 10)] == [(ONE, Lane.EVENT)]
    assert tasks.let_go(claims) == set() and tasks.let_go([]) == set()


def test_what_may_have_been_created_is_unsettled_for_ten_seconds(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE, TWO], Lane.EVENT)
    claims = tasks.claim("github", 10)
    tasks.creations.begin([(ONE, "status")])
    assert tasks.creations.unsettled([claim.ref for claim in claims]) == {ONE: START + SETTLE}
    clock.at += SETTLE - SECOND
    assert tasks.creations.unsettled([ONE]) == {ONE: START + SETTLE}
    tasks.creations.begin([(ONE, "status")])
    clock.at += SECOND
    assert tasks.creations.unsettled([ONE]) == {ONE: START + 2 * SETTLE - SECOND}
    clock.at += SETTLE
    assert tasks.creations.unsettled([ONE]) == {}


def test_a_result_settles_it(store: Store, tasks: Agenda) -> None:
    tasks.touch([ONE], Lane.EVENT)
    claim = claim_one(tasks)
    tasks.creations.begin([(ONE, "status"), (TWO, "status")])
    done(store, tasks, claim)
    assert tasks.creations.unsettled([claim.ref]) == {}
    assert count(store, intents) == 1
    tasks.creations.begin([])


# ---------------------------------------------------------------- holding a tracker


def test_a_held_tracker_is_left_alone_and_the_others_are_not(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE, OPS], Lane.EVENT)
    tasks.hold("github", RateLimited("asked for a pause", START + MINUTE))
    assert tasks.claim("github", 10) == []
    assert len(tasks.claim("jira", 10)) == 1
    clock.at += MINUTE
    assert len(tasks.claim("github", 10)) == 1


@pytest.mark.parametrize(
    ("kind", "grow"), [(Unreachable, [5, 10, 20, 40, 60, 60]), (AccessDenied, [5, 10, 20, 40, 80, 160, 300, 300])]
)
def test_holds_in_a_row_grow_and_end(
    store: Store, tasks: Agenda, clock: Clock, kind: type[TrackerError], grow: list[int]
) -> None:
    """Also when a tracker is away for days."""

    def pause() -> float:
        tasks.hold("github", kind("x" * 1000))
        held = store.read(lambda conn: conn.execute(sa.select(trackers)).one())
        assert len(held.why) == 500
        clock.at = held.not_before
        return float((held.not_before - before) / SECOND)

    pauses = []
    for _ in range(100):
        before = clock.at
        pauses.append(pause())
    assert pauses == grow + [grow[-1]] * (100 - len(grow))
    clock.at += 300 * SECOND
    store.write(lambda conn: tasks.answered(conn, "github"))
    before = clock.at
    assert pause() == 5


def test_the_longer_of_two_pauses_counts(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.EVENT)
    tasks.hold("github", RateLimited("limit reached", START + 50 * MINUTE))
    tasks.hold("github", Unreachable("no answer"))
    (held,) = store.read(lambda conn: conn.execute(sa.select(trackers)).all())
    assert (held.not_before, held.why) == (START + 50 * MINUTE, "limit reached")


def test_an_answer_from_before_a_pause_ends_it_not(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.EVENT)
    tasks.hold("github", RateLimited("slow down", START + MINUTE))
    store.write(lambda conn: Agenda(store, "other").answered(conn, "github"))
    assert tasks.claim("github", 10) == []
    clock.at += MINUTE
    store.write(lambda conn: tasks.answered(conn, "github"))
    assert count(store, trackers) == 0 and len(tasks.claim("github", 10)) == 1


# ---------------------------------------------------------------- the policy


def test_a_new_policy_makes_everything_due_behind_events_and_stops_the_others(store: Store, clock: Clock) -> None:
    old, new = Agenda(store, "old", "old"), Agenda(store, "new", "new")
    assert old.adopt_policy() and not old.adopt_policy()
    old.touch([ONE, TWO, THREE], Lane.EVENT)
    for claim in old.claim("github", 2):
        done(store, old, claim, timer_at=START + 60 * MINUTE)
    fail(store, old, claim_one(old))
    assert new.adopt_policy()
    with pytest.raises(OtherPolicy, match=r"newer app\.yaml"):
        old.claim("github", 10)
    lanes = [[claim.lane for claim in new.claim("github", 10)] for _ in range(2)]
    assert lanes == [[Lane.EVENT], [Lane.SWEEP, Lane.SWEEP]]
    assert not new.adopt_policy()


@pytest.fixture
def small_portions() -> Iterator[int]:
    before, adopting.AT_ONCE = adopting.AT_ONCE, 2
    yield adopting.AT_ONCE
    adopting.AT_ONCE = before


def test_what_a_process_was_killed_over_the_next_one_goes_on_with(store: Store, small_portions: int) -> None:
    refs = [IssueRef("github", f"acme/shop#{number}") for number in range(1, 8)]
    old, new = Agenda(store, "old", "old"), Agenda(store, "new", "new")
    old.adopt_policy()
    old.touch(refs, Lane.EVENT)
    for claim in old.claim("github", 10):
        done(store, old, claim)

    class Killed(Exception):
        pass

    written: list[object] = []

    class Dying(Store):
        def write(self, work: Callable[[Connection], Any]) -> Any:
            if len(written) == 2:
                raise Killed
            written.append(work)
            return store.write(work)

    dying = object.__new__(Dying)
    dying.__dict__.update(store.__dict__)
    with pytest.raises(Killed):
        adopting.adopt(dying, "new", Lane.SWEEP)
    assert len(new.claim("github", 10)) == small_portions
    assert not new.adopt_policy()
    assert len(new.claim("github", 10)) == len(refs) - small_portions
    assert not new.adopt_policy() and new.claim("github", 10) == []


def test_what_is_worked_on_while_the_policy_changes_is_looked_at_again(store: Store) -> None:
    old, new = Agenda(store, "old", "old"), Agenda(store, "new", "new")
    old.adopt_policy()
    old.touch([ONE], Lane.EVENT)
    done(store, old, claim_one(old), timer_at=START)
    (claim,) = old.claim("github", 10)
    assert claim.lane is Lane.TIMER
    new.adopt_policy()
    done(store, old, claim)
    assert [again.ref for again in new.claim("github", 10)] == [ONE]


def test_an_agenda_without_a_policy_is_never_stopped(store: Store, tasks: Agenda) -> None:
    Agenda(store, "new", "new").adopt_policy()
    tasks.touch([ONE], Lane.EVENT)
    assert len(tasks.claim("github", 10)) == 1


# ---------------------------------------------------------------- looking


def test_rows_show_what_is_due_in_the_order_it_is_taken_up(store: Store, tasks: Agenda, clock: Clock) -> None:
    tasks.touch([ONE], Lane.EVENT)
    done(store, tasks, claim_one(tasks), timer_at=START + MINUTE)
    tasks.touch([TWO], Lane.SWEEP)
    tasks.touch([THREE], Lane.EVENT)
    assert [found["subject"] for found in tasks.rows(parked=False)] == [str(THREE), str(TWO)]
    clock.at += MINUTE
    assert {found["subject"] for found in tasks.rows(parked=False)} == {str(ONE), str(TWO), str(THREE)}


def test_busy_is_what_is_due_or_leased(store: Store, tasks: Agenda, clock: Clock) -> None:
    assert not tasks.is_busy()
    tasks.touch([ONE], Lane.EVENT, START + SECOND)
    assert not tasks.is_busy()
    clock.at += SECOND
    assert tasks.is_busy()
    claim = claim_one(tasks)
    assert tasks.is_busy()
    done(store, tasks, claim, timer_at=START + MINUTE)
    assert not tasks.is_busy()


ACTS = st.lists(
    st.tuples(st.sampled_from(["event", "sweep", "claim", "done", "fail", "later", "wait", "die"]), st.integers(0, 90)),
    max_size=30,
)


@given(ACTS)
def test_an_event_is_never_lost_whatever_happens(acts: list[tuple[str, int]]) -> None:
    """After any story an issue that was touched after the last good look is still to be looked at, or parked."""
    clock = Clock(START)
    store = Store("sqlite://", clock)
    store.migrate()
    workers = [Agenda(store, "a"), Agenda(store, "b")]
    held: list[tuple[Agenda, Claim, int]] = []

    def put_off(owner: Agenda, claim: Claim) -> None:
        store.write(lambda conn: owner.later(conn, claim, clock.at + SECOND))

    touched = looked = 0
    for act, number in acts:
        mine = workers[number % 2]
        if act in ("event", "sweep"):
            touched += 1
            mine.touch([ONE], Lane.EVENT if act == "event" else Lane.SWEEP)
        elif act == "claim":
            held += [(mine, claim, touched) for claim in mine.claim("github", 1)]
        elif act == "wait":
            clock.at += number * SECOND
        elif act == "die":
            held.clear()
        elif held:
            owner, claim, seen = held.pop(number % len(held))
            ours = bool(owner.renew([claim]))
            if act == "done":
                done(store, owner, claim)
                looked = max(looked, seen) if ours else looked
            elif act == "fail":
                fail(store, owner, claim)
            else:
                put_off(owner, claim)
    waiting = [found["subject"] for found in workers[0].rows(parked=False) + workers[0].rows(parked=True)]
    store.close()
    assert (str(ONE) in waiting) or looked == touched


def test_a_board_is_taken_whether_it_is_due_or_not_by_one_alone(store: Store, tasks: Agenda) -> None:
    """Who finds it taken leaves word there, so that it is looked at again."""
    board, other = BoardRef("github"), Agenda(store, "other")
    claim = other.take(board)
    assert claim is not None
    assert tasks.take(board) is None
    store.write(lambda conn: other.done(conn, claim, None, None))
    (again,) = tasks.claim("github", 10)
    assert again.ref == board
    store.write(lambda conn: tasks.done(conn, again, None, None))
    assert tasks.claim("github", 10) == []
