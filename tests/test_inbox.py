"""Deliveries that arrive together: stored in one transaction, each answered for itself, nobody kept for ever."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

import integrator.inbox
from integrator.inbox import Inbox
from integrator.lanes import Lane
from integrator.store import Store
from integrator.tables import agenda, deliveries
from mapping.issue import IssueRef
from tests.installation import PATIENCE, wait_for
from tests.postgres import database
from webhooks.delivery import Delivery, NotStored, Touch

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
ONE, TWO = IssueRef("github", "acme/shop#1"), IssueRef("github", "acme/shop#2")


class Gated(Store):
    """A store whose writes wait for a gate to open; they are counted."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.gate = threading.Event()
        self.gate.set()
        self.writes = 0

    def write(self, work: Callable[[Connection], Any]) -> Any:
        self.writes += 1
        self.gate.wait(10)
        return super().write(work)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gated]:
    opened = Gated(f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else database())
    opened.migrate()
    yield opened
    opened.close()


def delivery(name: str, *shows: str, ref: IssueRef = ONE, floor: datetime = START) -> Delivery:
    return Delivery(name, "issues.opened", (Touch(ref, floor, shows),))


def together(store: Gated, inbox: Inbox, *those: Delivery) -> list[Future[bool]]:
    """Hand them in while another one is being stored."""
    written = store.writes
    store.gate.clear()
    with ThreadPoolExecutor(len(those) + 1) as senders:
        senders.submit(inbox.accept, "github", delivery("the first", ref=TWO))
        wait_for(lambda: store.writes == written + 1, lambda: "nobody stores")
        futures = []
        for number, one in enumerate(those, 1):
            futures.append(senders.submit(inbox.accept, "github", one))
            wait_for(lambda number=number: len(inbox._waiting) == number, lambda: "it does not wait")  # type: ignore[misc]
        store.gate.set()
    return futures


def results(futures: Sequence[Future[bool]]) -> list[object]:
    return [type(error) if (error := future.exception()) else future.result() for future in futures]


def stored(store: Store) -> list[str]:
    query = sa.select(deliveries.c.delivery).order_by(deliveries.c.delivery)
    return store.read(lambda conn: list(conn.scalars(query)))


def test_those_that_wait_are_stored_in_one_transaction(store: Gated) -> None:
    futures = together(store, Inbox(store, Lane.EVENT), *(delivery(f"d{n:02}") for n in range(20)))
    assert results(futures) == [True] * 20
    assert store.writes == 2
    assert stored(store) == [*(f"d{n:02}" for n in range(20)), "the first"]
    row = store.read(lambda conn: conn.execute(sa.select(agenda).where(agenda.c.subject == str(ONE))).one())
    assert (row.seq, row.lane, row.floor) == (20, Lane.EVENT, START)


def test_of_two_with_one_name_one_is_new(store: Gated) -> None:
    inbox = Inbox(store, Lane.EVENT)
    assert results(together(store, inbox, delivery("a"), delivery("b"), delivery("a"))) == [True, True, False]
    assert not inbox.accept("github", delivery("b"))
    assert inbox.accept("jira", delivery("b"))


def test_what_they_show_is_kept_in_the_order_in_which_they_came(store: Gated) -> None:
    later = START + timedelta(seconds=1)
    those = (
        delivery("a", "labels=a"),
        delivery("x", "labels=x", ref=TWO),
        delivery("b", "labels=b", floor=later),
        delivery("c", "labels=c", floor=later),
    )
    together(store, Inbox(store, Lane.EVENT), *those)
    shows = store.read(lambda conn: conn.scalar(sa.select(agenda.c.shows).where(agenda.c.subject == str(ONE))))
    assert shows == "labels=b labels=c"


def test_one_that_cannot_be_stored_harms_no_other(store: Gated) -> None:
    unnamed = Delivery(None, "issues.opened", (Touch(ONE),))  # type: ignore[arg-type]  # the table wants an id
    garbled = delivery("g", "comment:\ud800=True")  # no text that a database takes
    futures = together(store, Inbox(store, Lane.EVENT), delivery("a"), unnamed, garbled, delivery("b"))
    assert results(futures) == [True, NotStored, UnicodeEncodeError, True]
    assert stored(store) == ["a", "b", "the first"]
    assert store.writes == 2 + 4


def test_a_database_that_refuses_is_asked_once_for_all(store: Gated) -> None:
    store.write(lambda conn: conn.execute(sa.text("DROP TABLE agenda")))
    store.writes = 0
    futures = together(store, Inbox(store, Lane.EVENT), *(delivery(str(number)) for number in range(5)))
    assert results(futures) == [NotStored] * 5
    assert store.writes == 2


def test_an_event_loop_hands_in_many_and_does_other_things_meanwhile(store: Gated) -> None:
    inbox = Inbox(store, Lane.EVENT)
    store.gate.clear()

    async def all_of_them() -> Sequence[object]:
        waiting = [asyncio.create_task(inbox.accepted("github", delivery(f"d{n:02}"))) for n in range(20)]
        twice = asyncio.create_task(inbox.accepted("github", delivery("d07")))
        garbled = asyncio.create_task(inbox.accepted("github", delivery("g", "comment:\ud800=True")))
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting)
        store.gate.set()
        return await asyncio.gather(*waiting, twice, garbled, return_exceptions=True)

    *those, twice, garbled = asyncio.run(all_of_them())
    assert those == [True] * 20
    assert twice is False
    assert isinstance(garbled, UnicodeEncodeError)
    assert stored(store) == [f"d{n:02}" for n in range(20)]


def test_an_event_loop_waits_no_longer_than_a_thread(store: Gated) -> None:
    inbox = Inbox(store, Lane.EVENT, patience=0.1)
    store.gate.clear()

    async def two() -> Sequence[object]:
        slow = asyncio.create_task(inbox.accepted("github", delivery("slow")))
        await asyncio.to_thread(wait_for, lambda: store.writes == 1, lambda: "nobody stores")
        return await asyncio.gather(slow, inbox.accepted("github", delivery("waited")), return_exceptions=True)

    assert [type(one) for one in asyncio.run(two())] == [NotStored] * 2
    store.gate.set()
    wait_for(lambda: not inbox._is_storing, lambda: "it does not come back")
    assert stored(store) == ["slow"]


def test_a_loop_that_ended_meanwhile_harms_nobody(store: Gated) -> None:
    inbox = Inbox(store, Lane.EVENT)
    store.gate.clear()

    async def gone() -> None:
        asyncio.create_task(inbox.accepted("github", delivery("gone")))  # noqa: RUF006 - it ends with the loop
        await asyncio.sleep(0.02)

    asyncio.run(gone())
    store.gate.set()
    assert inbox.accept("github", delivery("next"))
    assert stored(store) == ["gone", "next"]


def test_nobody_waits_for_ever_and_what_had_to_wait_is_not_stored_behind_the_senders_back(store: Gated) -> None:
    inbox = Inbox(store, Lane.EVENT, patience=0.2)
    store.gate.clear()
    with ThreadPoolExecutor(2) as senders:
        slow = senders.submit(inbox.accept, "github", delivery("slow"))
        wait_for(lambda: store.writes == 1, lambda: "nobody stores")
        assert results([slow, senders.submit(inbox.accept, "github", delivery("waited"))]) == [NotStored] * 2
    begun = time.monotonic()
    for name in map(str, range(50)):
        with pytest.raises(NotStored):
            inbox.accept("github", delivery(name))
    assert time.monotonic() - begun < 50 * 0.2 / 2, "each waited for itself"
    store.gate.set()
    wait_for(lambda: not inbox._is_storing, lambda: "it does not come back")
    assert not inbox.accept("github", delivery("slow")), "what was on its way is stored, and known when it comes again"
    assert results(together(store, inbox, delivery("x"), delivery("y"))) == [True, True]
    assert stored(store) == ["slow", "the first", "x", "y"]


def test_whose_patience_ends_as_it_is_stored_keeps_nobody_out(store: Gated) -> None:
    class Late(Inbox):
        """Its waiters give up only once what they waited for has happened."""

        def _give_up(self, mine: Any) -> None:
            store.gate.set()
            wait_for(lambda: mine.is_over, lambda: "it is not stored")
            super()._give_up(mine)

    inbox = Late(store, Lane.EVENT, patience=0.05)
    store.gate.clear()
    assert inbox.accept("github", delivery("just in time"))
    assert inbox.accept("github", delivery("next"))


def gathered(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Groups gather until this is set, however fast or slow the machine is."""
    gathering = threading.Event()
    monkeypatch.setattr(integrator.inbox, "time", SimpleNamespace(sleep=lambda _: gathering.wait(PATIENCE)))
    return gathering


def test_the_first_of_a_group_waits_for_those_that_come_at_once(store: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    gathering = gathered(monkeypatch)
    inbox = Inbox(store, Lane.EVENT)
    with ThreadPoolExecutor(3) as senders:
        futures = [senders.submit(inbox.accept, "github", delivery(name)) for name in "abc"]
        wait_for(lambda: len(inbox._waiting) == 3, lambda: "they are not stored together")
        gathering.set()
    assert (results(futures), store.writes) == ([True] * 3, 1)


def test_whose_patience_ends_as_a_group_gathers_keeps_nobody_out(store: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox(store, Lane.EVENT, patience=0.2)
    gathering = gathered(monkeypatch)
    with pytest.raises(NotStored):
        inbox.accept("github", delivery("too late"))
    gathering.set()
    wait_for(lambda: not inbox._is_storing, lambda: "it does not come back")
    assert inbox.accept("github", delivery("next"))
    assert stored(store) == ["next"]


def test_a_bell_that_breaks_ends_nothing(store: Gated) -> None:
    inbox = Inbox(store, Lane.EVENT)
    ring, store.bell.ring = store.bell.ring, threading.Lock().release  # type: ignore[method-assign]
    assert inbox.accept("github", delivery("stored"))
    store.bell.ring = ring  # type: ignore[method-assign]
    assert inbox.accept("github", delivery("next"))
    assert stored(store) == ["next", "stored"]


def test_a_row_that_somebody_holds_keeps_out_only_its_own_deliveries(store: Gated) -> None:
    if store.is_sqlite:
        pytest.skip("SQLite has one writer, and no rows to hold")
    inbox = Inbox(store, Lane.EVENT)
    assert inbox.accept("github", delivery("before"))
    with store.engine.connect() as somebody:
        somebody.execute(sa.select(agenda).where(agenda.c.subject == str(ONE)).with_for_update())
        futures = together(store, inbox, delivery("held"), *(delivery(f"free {n}", ref=TWO) for n in range(3)))
        assert results(futures) == [NotStored, True, True, True]
    assert inbox.accept("github", delivery("after"))
