"""From a delivery to what is written on the tracker, through the service's own agenda, workers and texts."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from bench.figure import Figure
from bench.worker import ISSUES, REFS, REQUEST, Quick, at_work
from integrator.agenda import Agenda
from integrator.lanes import Lane
from integrator.service import THREADS
from integrator.store import Store
from mapping.issue import IssueRef
from tests.postgres import database
from webhooks.delivery import Delivery, Touch

ROUNDS = 3
SENDERS = 16
PATIENCE = 120.0
LOOK_UP = 0.02


def measure() -> Iterator[Figure]:
    """Issues a second on SQLite, and how much faster four worker processes are than one on PostgreSQL."""
    name = f"delivered and written on a tracker in memory, {ISSUES} issues, SQLite"
    yield Figure(name, median(_delivered() for _ in range(ROUNDS)), "/s", least=300)
    rates = [(_written(1), _written(4)) for _ in range(ROUNDS)]
    slow = f"written at {REQUEST * 1000:.0f} ms a request, PostgreSQL"
    yield Figure(f"{slow}, 1 worker process", median(alone for alone, _ in rates), "/s")
    yield Figure(f"{slow}, 4 worker processes", median(four for _, four in rates), "/s")
    yield Figure("ratio of the two", median(four / alone for alone, four in rates), "x", least=3)
    yield Figure("load of the machine in the last minute", os.getloadavg()[0])


def _delivered() -> float:
    """Issues a second from the first delivery to the last issue put down, in one process."""
    tracker = Quick()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        senders = stack.enter_context(ThreadPoolExecutor(SENDERS))
        tasks = stack.enter_context(at_work(f"sqlite:///{Path(folder) / 'bench.db'}", tracker, THREADS)).agenda
        begun = time.perf_counter()
        list(senders.map(partial(_deliver, tasks), REFS))
        _wait_until_done(tasks)
        took = time.perf_counter() - begun
    return _rate(tracker.written(), took)


def _deliver(tasks: Agenda, ref: IssueRef) -> None:
    tasks.accept("github", Delivery(f"opened {ref}", "issues.opened", (Touch(ref),)))


def _written(processes: int) -> float:
    """Issues a second with so many processes of one worker each, from the moment at which all are due."""
    url = database()
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store(url)))
        store.migrate()
        workers = [stack.enter_context(_process(url)) for _ in range(processes)]
        _wait_until_at_work(workers)
        tasks = Agenda(store, "bench")
        begun = time.perf_counter()
        tasks.touch(REFS, Lane.EVENT)
        _wait_until_done(tasks)
        took = time.perf_counter() - begun
        written = sum(int(worker.communicate(timeout=PATIENCE)[0]) for worker in workers)
    return _rate(written, took)


@contextmanager
def _process(url: str) -> Iterator["subprocess.Popen[str]"]:
    """A worker process; its tracker is its own, and holds all issues."""
    command = [sys.executable, "-m", "bench.worker", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_until_at_work(workers: Sequence["subprocess.Popen[str]"]) -> None:
    for worker in workers:
        assert worker.stdout is not None
        if worker.stdout.readline() != "at work\n":
            raise RuntimeError("a worker process did not start")


def _wait_until_done(tasks: Agenda) -> None:
    until = time.monotonic() + PATIENCE
    while tasks.is_busy():
        if time.monotonic() > until:
            raise RuntimeError("the workers did not come to an end")
        time.sleep(LOOK_UP)


def _rate(written: int, took: float) -> float:
    if written != ISSUES:
        raise RuntimeError(f"{written} issues were written, not {ISSUES}")
    return ISSUES / took
