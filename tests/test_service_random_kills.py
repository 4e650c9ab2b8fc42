"""The plug is pulled at random instants while people report, decide and close: nothing is lost, nothing is there twice.

`HYPOTHESIS_PROFILE=nightly` pulls it fifty times on each engine, with reads that are current and reads that lag.
"""

import os
import random
import resource
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from integrator.store import Store
from integrator.tables import deliveries
from tests.connected import P0_FORM, P0_WIKI, P2_FORM, REPO, Company, company
from tests.contracts import Recorder
from tests.fault_house import P2_WIKI, Sight, duplicates, github_sights, jira_sights
from tests.installation import SECRET, pull_the_plug, wait_for
from tests.postgres import database, own_server
from tests.standins.github.faults import Kind

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
KILLS = 50 if NIGHTLY else 2
ROUNDS = 10 if NIGHTLY else 1
SETTLING = 300.0  # a killed worker's leases run for a minute, on a busy machine
ANSWER_TAKES = 0.1  # seconds: a kill in the middle of a request is likely
WRONG = (-300.0, 0.0, 300.0)  # by how many seconds the workers' clocks are ahead of the database's and the trackers'

Expected = dict[tuple[str, str], tuple[str, tuple[str, ...], int]]


@dataclass
class People:
    """They report on both trackers, and later decide or close; `planned`: column, labels and comments of each issue."""

    acme: Company
    dice: random.Random
    planned: Expected = field(default_factory=dict)
    open_p0: list[tuple[str, str, int | str]] = field(default_factory=list)

    def act(self, number: int) -> None:
        """One report on each tracker, and something about an earlier one."""
        is_p0 = self.dice.random() < 0.7
        title = f"report {number}"
        on_github = self.acme.github.open_issue(REPO, "carol", title, P0_FORM if is_p0 else P2_FORM)
        on_jira = self.acme.jira.create_issue("OPS", "carol", title, P0_WIKI if is_p0 else P2_WIKI, (), None)
        for tracker, name in (("github", on_github), ("jira", on_jira)):
            at_first = ("Emergency Queue", ("P0", "emergency"), 1) if is_p0 else ("Backlog", ("P2",), 1)
            self.planned[tracker, title] = at_first
            if is_p0:
                self.open_p0.append((tracker, title, name))
        handled = [report for report in self.open_p0 if self._is_handled(report)]
        if handled:
            self.open_p0.remove(report := self.dice.choice(handled))
            self._decide(*report)

    def _is_handled(self, report: tuple[str, str, int | str]) -> bool:
        """What is closed before anybody looked at it is no emergency any more, and left alone."""
        tracker, title, name = report
        if isinstance(name, int):
            issue = self.acme.github.issue(REPO, name)
            return (issue.column, tuple(sorted(issue.labels)), len(issue.comments)) == self.planned[tracker, title]
        seen = self.acme.jira.issue(name)
        return (seen.status, tuple(sorted(seen.labels)), len(seen.comments)) == self.planned[tracker, title]

    def _decide(self, tracker: str, title: str, name: int | str) -> None:
        closes = self.dice.random() < 0.5
        self.planned[tracker, title] = ("Done", ("P0", "emergency"), 1) if closes else ("Backlog", ("P2",), 2)
        if isinstance(name, int) and closes:
            self.acme.github.close(REPO, name, "alice")
        elif isinstance(name, int):
            self.acme.github.comment(REPO, name, "alice", "/p2")
        elif closes:
            self.acme.jira.transition(name, "alice", "Done")
        else:
            self.acme.jira.comment(name, "alice", "/p2")


class Courier:
    """Brings every delivery, in order, again and again until it is answered 202."""

    def __init__(self, acme: Company, urls: list[str]) -> None:
        self._acme = acme
        self._urls = urls
        self._hook = acme.github.connect("http://127.0.0.1:9/", SECRET)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(name,), daemon=True) for name in ("github", "jira")]
        self.taken: set[str] = set()
        for thread in self._threads:
            thread.start()

    def _run(self, tracker: str) -> None:
        carried = 0
        while not self._ended.wait(0.02):
            told = self._acme.github.deliveries if tracker == "github" else self._acme.jira.deliveries
            for each in list(told[carried:]):
                self._bring(tracker, each)
                carried += 1

    def _bring(self, tracker: str, delivery: object) -> None:
        if tracker == "github":
            name = delivery.guid  # type: ignore[attr-defined]
            headers, body = self._acme.github.signed(name, self._hook)
        else:
            name, headers, body = delivery.id, delivery.headers(SECRET, 0), delivery.body  # type: ignore[attr-defined]
        while not self._ended.is_set():
            for url in self._urls:
                if _posted(f"{url}/webhooks/{tracker}", headers, body) == 202:
                    self.taken.add(name)
                    return
            time.sleep(0.05)

    def is_done(self) -> bool:
        """Whether everything was brought that there is now."""
        return len(self.taken) == len(self._acme.github.deliveries) + len(self._acme.jira.deliveries)

    def end(self) -> None:
        """Bring no more."""
        self._ended.set()
        for thread in self._threads:
            thread.join()


def _posted(url: str, headers: dict[str, str], body: bytes) -> int:
    try:
        return requests.post(url, data=body, headers=headers, timeout=10).status_code
    except requests.RequestException:
        return 0


@contextmanager
def _busy(tmp_path: Path, recorder: Recorder, lag: float, url: str = "") -> Iterator[tuple[Company, People]]:
    seed = random.SystemRandom().randrange(10**6) if NIGHTLY else 7
    print(f"\nseed {seed}")
    with company(tmp_path, recorder, database=url) as acme:
        acme.github.lag = acme.jira.lag = lag
        acme.github.access.strict = True
        acme.github.fault(lambda *_: True, Kind.DELAY, times=10**9, seconds=ANSWER_TAKES)
        acme.jira.fault(lambda *_: True, "delay", times=10**9, seconds=ANSWER_TAKES)
        yield acme, People(acme, random.Random(seed))


def _judge(
    acme: Company, people: People, courier: Courier, name: str, tries: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """At rest: all is as planned, nothing is there twice, nothing is parked, and what was answered 202 is stored."""
    begun = time.monotonic()

    def at_rest() -> bool:
        return courier.is_done() and acme.integrator.is_settled() and courier.is_done()

    wait_for(at_rest, acme.integrator.log, SETTLING)
    took = time.monotonic() - begun
    courier.end()
    sights = [sight.without_alarms() for sight in (*github_sights(acme.github), *jira_sights(acme.jira))]
    ended = {(sight.tracker, sight.title): _end(sight) for sight in sights}
    lost = [(what, planned, ended.get(what)) for what, planned in people.planned.items() if ended.get(what) != planned]
    twice = duplicates(sights)
    unstored = courier.taken - _stored(acme)
    with capsys.disabled():
        figures = (
            f"{len(people.planned)} issues, {len(courier.taken)} deliveries | {tries} | {len(lost)} | {len(twice)}"
        )
        print(f"\n| {name} | {figures} | at rest after {took:.0f} s |", end=" ")
    assert (lost, twice, unstored) == ([], [], set())


def _end(sight: Sight) -> tuple[str, tuple[str, ...], int]:
    column = sight.state.removesuffix(" open").removesuffix(" closed").partition(" {")[0]
    return column, sight.labels, len(sight.comments)


def _stored(acme: Company) -> set[str]:
    """The ids of the deliveries that the database holds."""
    store = Store(acme.integrator.environ["INTEGRATOR_DATABASE_URL"])
    try:
        return {
            str(name).rpartition(":")[2]
            for name in store.read(lambda c: c.scalars(sa.select(deliveries.c.delivery)).all())
        }
    finally:
        store.close()


@dataclass(frozen=True)
class Worker:
    """A process of `work` on a machine whose clock is so many seconds ahead."""

    ahead: float
    process: subprocess.Popen[bytes]
    log: Path

    def is_at_work(self) -> bool:
        return "at work" in self.log.read_text("utf-8", errors="replace")


@contextmanager
def _worker(acme: Company, ahead: float) -> Iterator[Worker]:
    """Start one; killed at the end if it still lives."""
    program = [sys.executable, str(Path(__file__).with_name("wrong_clock.py")), str(ahead), "work"]
    path = acme.integrator.folder / f"{uuid.uuid4()}.log"
    with path.open("ab") as log:
        how = {"cwd": acme.integrator.folder, "env": acme.integrator.environ}
        process = subprocess.Popen(program, stdout=log, stderr=log, start_new_session=True, **how)  # type: ignore[call-overload]
    try:
        yield Worker(ahead, process, path)
    finally:
        pull_the_plug(process)


@pytest.mark.parametrize("lag", [0.0, 3.0] if NIGHTLY else [3.0])
def test_sqlite(lag: float, tmp_path: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    with _busy(tmp_path, recorder, lag) as (acme, people):
        courier = Courier(acme, [acme.integrator.url])
        acme.integrator.start()
        for number in range(KILLS):
            people.act(number)
            time.sleep(people.dice.uniform(0, 1.5))
            acme.integrator.kill()
            acme.integrator.start(wait=people.dice.random() < 0.8)
        _judge(acme, people, courier, f"kill -9, SQLite, reads lag {lag:g} s", KILLS, capsys)


@pytest.mark.skipif(not NIGHTLY, reason="killed workers' leases take a minute: nightly")
@pytest.mark.parametrize("lag", [0.0, 3.0])
def test_postgresql(lag: float, tmp_path: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    with _busy(tmp_path, recorder, lag, database()) as (acme, people), ExitStack() as fleet:
        acme.integrator.start("--no-work")
        courier = Courier(acme, [acme.integrator.url])
        workers = [fleet.enter_context(_worker(acme, ahead)) for ahead in WRONG]
        for number in range(KILLS):
            killed = workers.pop(people.dice.randrange(len(workers)))
            wait_for(killed.is_at_work, acme.integrator.log)
            people.act(number)
            time.sleep(people.dice.uniform(0, 1.5))
            pull_the_plug(killed.process)
            workers.append(fleet.enter_context(_worker(acme, killed.ahead)))
        _judge(
            acme,
            people,
            courier,
            f"kill -9 of one of 3, PostgreSQL, clocks ± 5 min, reads lag {lag:g} s",
            KILLS,
            capsys,
        )


@contextmanager
def _full_disk(acme: Company) -> Iterator[None]:
    """What a full disk does to the database: none of its files may grow."""
    size = (acme.integrator.folder / "integrator.db-wal").stat().st_size
    children = Path(f"/proc/{acme.integrator.pid}/task/{acme.integrator.pid}/children").read_text("ascii").split()
    pids = [acme.integrator.pid, *map(int, children)]
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    yield
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.mark.skipif(
    not NIGHTLY or not sys.platform.startswith("linux"), reason="nightly, by Linux' limits of processes"
)
@pytest.mark.parametrize("lag", [0.0, 3.0])
def test_full_disk(lag: float, tmp_path: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    with _busy(tmp_path, recorder, lag) as (acme, people):
        courier = Courier(acme, [acme.integrator.url])
        acme.integrator.start()
        for number in range(ROUNDS):
            people.act(number)
            time.sleep(people.dice.uniform(0, 1.5))
            with _full_disk(acme):
                people.act(number + ROUNDS)
                time.sleep(people.dice.uniform(0, 3))
        _judge(acme, people, courier, f"disk full, SQLite, reads lag {lag:g} s", ROUNDS, capsys)


@pytest.mark.skipif(not NIGHTLY, reason="a database server of its own, again and again: nightly")
@pytest.mark.parametrize("lag", [0.0, 3.0])
def test_database_killed(lag: float, tmp_path: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    with own_server() as postgres, _busy(tmp_path, recorder, lag, postgres.url) as (acme, people):
        courier = Courier(acme, [acme.integrator.url])
        acme.integrator.start()
        for number in range(ROUNDS):
            people.act(number)
            time.sleep(people.dice.uniform(0, 1.5))
            postgres.kill()
            people.act(number + ROUNDS)
            time.sleep(people.dice.uniform(0, 3))
            postgres.start()
        _judge(acme, people, courier, f"PostgreSQL killed and started again, reads lag {lag:g} s", ROUNDS, capsys)
        acme.integrator.kill()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"] if NIGHTLY else ["sqlite"])
def test_every_202_is_stored(
    engine: str, tmp_path: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    with company(tmp_path, recorder, database=database() if engine == "postgresql" else "") as acme:
        acme.github.open_issue(REPO, "carol", "Slow", P2_FORM)
        hook = acme.github.connect("http://127.0.0.1:9/", SECRET)
        headers, body = acme.github.signed(acme.github.deliveries[0].guid, hook)
        taken: list[str] = []
        for _ in range(ROUNDS):
            acme.integrator.start("--no-work")
            killer = threading.Timer(random.uniform(0.3, 1.5), acme.integrator.kill)
            killer.start()
            with ThreadPoolExecutor(8) as eight:
                for names in eight.map(lambda _: _load(acme.integrator.url, headers, body), range(8)):
                    taken += names
            killer.join()
        lost = set(taken) - _stored(acme)
        with capsys.disabled():
            print(f"\n| kill -9 under load, {engine} | {len(taken)} acknowledged | {ROUNDS} | {len(lost)} |", end=" ")
        assert taken and not lost


def _load(url: str, headers: dict[str, str], body: bytes) -> list[str]:
    """Post until nobody answers any more; the ids of what was answered 202."""
    taken: list[str] = []
    with requests.Session() as session:
        while True:
            name = str(uuid.uuid4())
            try:
                answer = session.post(
                    f"{url}/webhooks/github", body, headers={**headers, "X-GitHub-Delivery": name}, timeout=5
                )
            except requests.RequestException:
                return taken
            if answer.status_code == 202:
                taken.append(name)
