"""Workers in threads: woken at once, not brought down by anything, and stopped cleanly."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from integrator import pool as pools
from integrator.adopting import OtherPolicy
from integrator.pool import Pool
from tests.installation import wait_for

PATIENT = timedelta(seconds=30)


class Job:
    """Stands for a worker: does what it is told, and keeps when it was called."""

    def __init__(
        self,
        work: Callable[[], int] = lambda: 0,
        beat: Callable[[], None] = lambda: None,
        give_back: Callable[[], None] = lambda: None,
    ) -> None:
        self.rounds = 0
        self.stopped = False
        self.given_back = 0
        self.beats = 0
        self._work = work
        self._beat = beat
        self._give_back = give_back

    def run_due(self) -> int:
        self.rounds += 1
        return self._work()

    def beat(self) -> None:
        self.beats += 1
        self._beat()

    def stop(self) -> None:
        self.stopped = True

    def give_back(self) -> None:
        self.given_back += 1
        self._give_back()


@contextmanager
def running(*jobs: Job) -> Iterator[Pool]:
    pool = Pool(jobs)  # type: ignore[arg-type]
    pool.start()
    try:
        yield pool
    finally:
        pool.stop(10)


@pytest.fixture
def slow_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "POLL", PATIENT)


def _soon(what: Callable[[], bool]) -> None:
    wait_for(what, lambda: "nothing happened")


@pytest.mark.usefixtures("slow_poll")
def test_it_wakes_at_once() -> None:
    job = Job()
    with running(job) as pool:
        _soon(lambda: job.rounds == 1)
        time.sleep(0.1)
        assert job.rounds == 1
        begun = time.monotonic()
        pool.wake()
        _soon(lambda: job.rounds == 2)
        assert time.monotonic() - begun < PATIENT.total_seconds() / 10


@pytest.mark.usefixtures("slow_poll")
def test_a_ring_during_a_round_is_heard_after_it() -> None:
    begun, go = threading.Event(), threading.Event()

    def work() -> int:
        begun.set()
        go.wait(10)
        return 0

    job = Job(work)
    with running(job) as pool:
        begun.wait(10)
        pool.wake()
        go.set()
        _soon(lambda: job.rounds == 2)


@pytest.mark.usefixtures("slow_poll")
def test_a_busy_worker_goes_on_without_a_pause() -> None:
    left = iter([50, 50, 3])
    job = Job(lambda: next(left, 0))
    with running(job):
        _soon(lambda: job.rounds == 4)


def test_an_idle_worker_polls() -> None:
    job = Job()
    with running(job):
        _soon(lambda: job.rounds >= 3)


def test_it_survives_whatever_a_worker_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "BREATHER", timedelta(milliseconds=10))
    troubles = iter([RuntimeError("stumbled"), OSError("again")])

    def work() -> int:
        if (trouble := next(troubles, None)) is not None:
            raise trouble
        return 0

    job = Job(work)
    with running(job) as pool:
        _soon(lambda: job.rounds >= 3)
        assert pool.is_alive and not pool.superseded


def test_a_stumbling_worker_takes_a_breath_and_still_stops_at_once() -> None:
    def work() -> int:
        raise RuntimeError("stumbled")

    job = Job(work)
    with running(job) as pool:
        _soon(lambda: job.rounds == 1)
        time.sleep(0.1)
        assert job.rounds == 1
        begun = time.monotonic()
        pool.stop()
        assert time.monotonic() - begun < 1


def test_a_newer_policy_ends_the_worker_and_is_remembered() -> None:
    def work() -> int:
        raise OtherPolicy("newer")

    with running(Job(work), Job()) as pool:
        _soon(lambda: pool.superseded)
        _soon(lambda: not pool.is_alive)


def test_stopping_waits_for_the_batch_at_hand() -> None:
    begun, finished = threading.Event(), threading.Event()

    def work() -> int:
        begun.set()
        time.sleep(0.2)
        finished.set()
        return 0

    with running(Job(work)) as pool:
        begun.wait(10)
        pool.stop()
        assert finished.is_set() and not pool.is_alive


def test_stopping_tells_every_worker_before_it_waits_for_one() -> None:
    first, second = Job(), Job()
    begun = threading.Event()

    def until_the_other_is_told() -> int:
        begun.set()
        wait_for(lambda: second.stopped, lambda: "the other was not told")
        return 0

    first._work = until_the_other_is_told
    with running(first, second) as pool:
        begun.wait(10)
        pool.stop()
        assert first.stopped and not pool.is_alive


def test_a_worker_that_hangs_is_not_waited_for_and_its_leases_are_given_back() -> None:
    go = threading.Event()
    stuck = [Job(lambda: int(go.wait(10))) for _ in range(3)]
    with running(*stuck, Job()) as pool:
        _soon(lambda: all(job.rounds == 1 for job in stuck))
        begun = time.monotonic()
        pool.stop(0.3)
        assert time.monotonic() - begun < 0.9, "the time is for all of them together"
        assert [job.given_back for job in stuck] == [1, 1, 1]
        go.set()


def test_a_database_that_went_keeps_nobody_from_ending() -> None:
    go = threading.Event()

    def gone() -> None:
        raise OSError("no database")

    one, two = Job(lambda: int(go.wait(10)), give_back=gone), Job(lambda: int(go.wait(10)))
    with running(one, two) as pool:
        _soon(lambda: one.rounds == two.rounds == 1)
        pool.stop(0.05)
        assert two.given_back == 1
        go.set()


def test_one_that_hangs_holds_up_no_other() -> None:
    go = threading.Event()
    stuck, free = Job(lambda: int(go.wait(10))), Job()
    with running(stuck, free) as pool:
        _soon(lambda: stuck.rounds == 1)
        pool.wake()
        _soon(lambda: free.rounds > 3)
        go.set()


def test_the_heart_beats_for_every_worker_and_survives_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "BEAT", timedelta(milliseconds=10))

    def miss() -> None:
        raise OSError("no database")

    one, two = Job(beat=miss), Job()
    with running(one, two):
        _soon(lambda: one.beats > 2 and two.beats > 2)
