"""Deliveries on their way into the database: those that arrive together are stored together.

To make fifty deliveries durable takes hardly longer than to make one. So while some are stored others gather, and the
first of those waits a moment for more.
"""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from integrator.store import LOCKED, Store, Unwritable
from integrator.touching import Keeping, Row, Touching
from webhooks.delivery import Delivery, NotStored

log = structlog.get_logger()

PATIENCE = 8.0  # seconds: a webhook's sender waits ten
GATHER = 0.003  # seconds that the first of a group waits for more
LINGER = 1.0  # seconds in which the thread that stores waits for another group


@dataclass(eq=False, slots=True)
class _Waiting:
    """A delivery that a thread or an event loop waits for, and what became of it."""

    tracker: str
    delivery: Delivery
    over: threading.Event | asyncio.Future[None]
    is_new: bool | None = None
    error: Exception | None = None

    @property
    def is_over(self) -> bool:
        """Whether it is known what became of it."""
        return self.is_new is not None or self.error is not None


class Inbox:
    """Where a server hands deliveries in; what those are about goes on this lane of the agenda.

    `patience`: seconds that a delivery waits. Once one has waited in vain, none waits any more until the database
    answers: the server's threads are needed for its health checks, too.
    """

    def __init__(self, store: Store, lane: int, patience: float = PATIENCE) -> None:
        self._store = store
        self._lane = lane
        self._patience = patience
        self._touching, self._keeping = Touching(store), Keeping(store)
        self._lock = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._is_storing = self._hangs = False

    def accept(self, tracker: str, delivery: Delivery) -> bool:
        """Store a delivery and touch its issues in one transaction; False when its id was known already.

        NotStored when the database refuses, or doesn't answer while the sender listens.
        """
        over = threading.Event()
        mine = _Waiting(tracker, delivery, over)
        if self._lay_down(mine) and not over.wait(self._patience):
            self._give_up(mine)
        return self._told(mine)

    async def accepted(self, tracker: str, delivery: Delivery) -> bool:
        """The same on an event loop, which does other things meanwhile."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        mine = _Waiting(tracker, delivery, over)
        if self._lay_down(mine):
            end_of_patience = loop.call_later(self._patience, _end, [over])
            await over
            end_of_patience.cancel()
            if not mine.is_over:
                self._give_up(mine)
        return self._told(mine)

    def _lay_down(self, mine: _Waiting) -> bool:
        """Have it stored, by a thread that lives as long as any come; False when it is not worth while."""
        with self._lock:
            if self._hangs:
                return False
            self._waiting.append(mine)
            self._lock.notify()
            if not self._is_storing:
                threading.Thread(target=self._store_all, name="inbox", daemon=True).start()
                self._is_storing = True
            return True

    def _give_up(self, mine: _Waiting) -> None:
        with self._lock:
            if mine.is_over:
                return
            self._hangs = self._is_storing
            if mine in self._waiting:
                self._waiting.remove(mine)

    def _store_all(self) -> None:
        while group := self._taken():
            try:
                self._store_together(group)
            except Exception as error:
                log.exception("deliveries not stored")
                for one in group:
                    one.error = one.error or error
            _tell(group)

    def _taken(self) -> list[_Waiting]:
        with self._lock:
            self._hangs = False
            self._lock.wait_for(lambda: self._waiting, LINGER)
        time.sleep(GATHER)
        with self._lock:
            group, self._waiting = self._waiting, []
            self._is_storing = bool(group)
            self._hangs = False
            return group

    def _told(self, mine: _Waiting) -> bool:
        if mine.is_new is not None:
            return mine.is_new
        if mine.error is not None and not isinstance(mine.error, Unwritable):
            raise mine.error
        why = str(mine.error or "the database is too slow")
        log.error("delivery not stored", tracker=mine.tracker, delivery=mine.delivery.id, error=why)
        raise NotStored("the database does not take writes") from mine.error

    def _store_together(self, group: Sequence[_Waiting]) -> None:
        """All in one transaction, or, where the fault is a delivery's own, each in one of its own."""
        try:
            new = self._store.write(lambda conn: self._write(conn, group))
        except Exception as error:
            if len(group) > 1 and _is_of_one(error):
                for one in group:
                    self._store_together([one])
                return
            for one in group:
                one.error = error
            return
        for one in group:
            name = (one.tracker, one.delivery.id)
            one.is_new = name in new
            new.discard(name)
        self._store.bell.ring()

    def _write(self, conn: Connection, group: Sequence[_Waiting]) -> set[tuple[str, str]]:
        """Touch first, so that the ids of deliveries follow the order of commits; what is new is returned."""
        now = self._store.now()
        told = [(touch, one.delivery.id) for one in group for touch in one.delivery.touches]
        self._touching.touch(conn, [Row.of(touch.ref, self._lane, now, touch, heard) for touch, heard in told])
        return self._keeping.keep(conn, [(one.tracker, one.delivery) for one in group], now)


def _tell(group: Sequence[_Waiting]) -> None:
    """Wake those that wait; an event loop once for all of them."""
    loops = defaultdict(list)
    for one in group:
        if isinstance(one.over, threading.Event):
            one.over.set()
        else:
            loops[one.over.get_loop()].append(one.over)
    for loop, futures in loops.items():
        with suppress(RuntimeError):  # it is closed: nobody waits
            loop.call_soon_threadsafe(_end, futures)


def _end(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def _is_of_one(error: Exception) -> bool:
    """Whether a delivery is to blame and not the database."""
    if isinstance(error, Unwritable):
        cause = error.__cause__
        is_locked = isinstance(cause, sa.exc.DBAPIError) and getattr(cause.orig, "sqlstate", "") == LOCKED
        return is_locked or isinstance(cause, sa.exc.DataError | sa.exc.IntegrityError)
    return True
