"""The bell: heard at once in this process and, on PostgreSQL, in all others; whatever breaks, it goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import psycopg
import pytest
import sqlalchemy as sa

from integrator import bell as bells
from integrator.agenda import Agenda
from integrator.bell import CHANNEL
from integrator.lanes import Lane
from integrator.store import Store
from mapping.issue import IssueRef
from tests.installation import wait_for
from tests.postgres import database, own_server
from webhooks.delivery import Delivery, Touch

ISSUE = IssueRef("github", "acme/shop#1")


class Ear:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.heard = 0
        self._news = threading.Event()

    def wake(self) -> None:
        self.heard += 1
        self._news.set()

    def hears(self, what: Callable[[], object]) -> float:
        """Do something, and wait until it is heard; the seconds that took."""
        self._news.clear()
        begun = time.monotonic()
        what()
        assert self._news.wait(10), "nothing was heard"
        return time.monotonic() - begun


@pytest.fixture
def url() -> str:
    return database()


@pytest.fixture
def stores(url: str) -> Iterator[Callable[[], Store]]:
    opened: list[Store] = []

    def connect() -> Store:
        opened.append(Store(url))
        opened[-1].migrate()
        return opened[-1]

    yield connect
    for store in opened:
        store.close()


def listening(store: Store) -> Ear:
    """An ear that has heard that the line stands."""
    ear = Ear()
    ear.hears(lambda: store.bell.listen(ear.wake))
    return ear


def _calm(ear: Ear) -> int:
    time.sleep(0.2)
    return ear.heard


def test_on_sqlite_a_touch_is_heard_in_this_process(tmp_path: Path) -> None:
    store, ear = Store(f"sqlite:///{tmp_path}/a.db"), Ear()
    store.migrate()
    store.bell.listen(ear.wake)
    clerk = Agenda(store, "me")
    clerk.touch([ISSUE], Lane.EVENT)
    clerk.accept("github", Delivery("d-1", "issues", (Touch(ISSUE),)))
    assert ear.heard == 2
    assert [thread.name for thread in threading.enumerate() if thread.name in {"bell", "listener"}] == []
    store.close()


def test_on_postgresql_a_delivery_wakes_workers_of_other_processes_at_once(stores: Callable[[], Store]) -> None:
    receiver, worker = stores(), stores()
    ear, clerk = listening(worker), Agenda(receiver, "me")
    took = [
        ear.hears(lambda number=number: clerk.accept("github", Delivery(f"{number}", "issues", (Touch(ISSUE),))))  # type: ignore[misc]
        for number in range(20)
    ]
    assert median(took) < 0.25, took  # polling alone: half a second at the worst


def test_one_call_speaks_for_many_rings(stores: Callable[[], Store]) -> None:
    receiver, worker = stores(), stores()
    ear = listening(worker)
    before = _calm(ear)
    for _ in range(2000):
        receiver.bell.ring()
    wait_for(lambda: ear.heard > before, lambda: "nothing was heard")
    assert 1 <= _calm(ear) - before < 100


def test_a_process_hears_its_own_rings_once(stores: Callable[[], Store]) -> None:
    alone = stores()
    ear = listening(alone)
    before = _calm(ear)
    alone.bell.ring()
    assert _calm(ear) - before == 1


def test_a_command_that_ends_at_once_is_still_heard(stores: Callable[[], Store], url: str) -> None:
    ear = listening(stores())

    def command() -> None:
        store = Store(url)
        Agenda(store, "me").touch([ISSUE], Lane.EVENT)
        store.close()

    assert ear.hears(command) < 5


def test_a_lost_line_is_made_anew_and_heard_as_a_ring(
    stores: Callable[[], Store], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bells, "AGAIN", 0.05)
    receiver, worker = stores(), stores()
    ear = listening(worker)
    ear.hears(lambda: _end_listeners(url))
    assert ear.hears(receiver.bell.ring) < 5


def _end_listeners(url: str) -> None:
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as conn:
        (ended,) = conn.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            f" WHERE datname = current_database() AND query = 'LISTEN {CHANNEL}'"
        ).fetchone() or (0,)
    assert ended == 1


def test_rings_and_ears_survive_a_restart_of_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bells, "AGAIN", 0.05)
    with own_server() as server:
        receiver, worker = Store(server.url), Store(server.url)
        receiver.migrate()
        ear = listening(worker)
        server.kill()
        receiver.bell.ring()
        time.sleep(0.3)
        ear.hears(server.start)
        before = _calm(ear)
        receiver.bell.ring()
        wait_for(lambda: ear.heard > before, lambda: "nothing was heard")
        receiver.close()
        worker.close()


def test_the_clock_is_kept_right(stores: Callable[[], Store], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bells, "MINUTE", 0.0)
    store = stores()
    right = store.now()
    assert store._server is not None
    store._server = (store._server[0].replace(year=2001), store._server[1])
    assert store.now().year == 2001
    listening(store)
    wait_for(lambda: store.now() >= right, lambda: f"it is {store.now()}")


def test_a_closed_bell_is_silent(stores: Callable[[], Store]) -> None:
    store = stores()
    listening(store)
    begun = time.monotonic()
    store.bell.close()
    assert time.monotonic() - begun < 2
    store.bell.ring()
    assert [thread for thread in store.bell._threads if thread.is_alive()] == []
