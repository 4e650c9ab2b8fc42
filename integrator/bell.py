"""The bell that wakes idle workers: those of this process at once, on PostgreSQL those of all others a moment later."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine

log = structlog.get_logger()

CHANNEL = "spark_agenda"
GAP = 0.01  # seconds: one NOTIFY speaks for all rings in between
LOOK_UP = 0.5  # seconds between two looks at whether to end
MINUTE = 60.0
AGAIN = 2.0  # seconds before a lost connection is made anew


class Bell:
    """Rung after a commit that made something due. Whoever misses it polls.

    PostgreSQL lets transactions with a NOTIFY commit only one after the other, which halves the deliveries a second;
    so it is sent outside of them, and one for all that were rung meanwhile.
    """

    def __init__(self, engine: Engine, every_minute: Callable[[], None]) -> None:
        self._engine = engine
        self._goes_far = engine.dialect.name != "sqlite"
        self._every_minute = every_minute
        self._me = os.urandom(8).hex()
        self._wakes: list[Callable[[], None]] = []
        self._rung, self._closed = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def ring(self) -> None:
        """Something is due now."""
        for wake in self._wakes:
            wake()
        if self._goes_far:
            self._start("bell", self._send)
            self._rung.set()

    def listen(self, wake: Callable[[], None] | None = None) -> None:
        """Call `wake` at each ring from now on, in this process or another; on PostgreSQL, keep the clock right too."""
        if wake is not None:
            self._wakes.append(wake)
        if self._goes_far:
            self._start("listener", self._listen)

    def close(self) -> None:
        """Send what was rung, and end."""
        with self._lock:
            self._closed.set()
            threads = list(self._threads)
        self._rung.set()
        for thread in threads:
            thread.join(2 * AGAIN)

    def _start(self, name: str, work: Callable[[], None]) -> None:
        with self._lock:
            if not self._closed.is_set() and all(thread.name != name for thread in self._threads):
                self._threads.append(threading.Thread(target=work, name=name, daemon=True))
                self._threads[-1].start()

    def _send(self) -> None:
        ended = False
        while not ended:
            self._rung.wait()
            self._rung.clear()
            ended = self._closed.is_set()
            self._send_once()
            self._closed.wait(GAP)

    def _send_once(self) -> None:
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
                conn.execute(sa.select(sa.func.pg_notify(CHANNEL, self._me)))
        except sa.exc.SQLAlchemyError as error:
            log.warning("other processes not woken", error=type(error).__name__)

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen_once()
            except (sa.exc.SQLAlchemyError, self._engine.dialect.loaded_dbapi.Error) as error:
                log.warning("the database can't be heard; looking for work by the clock", error=type(error).__name__)
                self._closed.wait(AGAIN)

    def _listen_once(self) -> None:
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            line = cast(Any, conn.connection.driver_connection)
            conn.detach()  # not the pool's any more: what it listens to ends when it is closed
            line.execute(f"LISTEN {CHANNEL}")
            next_minute = time.monotonic()
            while not self._closed.is_set():
                if time.monotonic() >= next_minute:
                    self._every_minute()
                    self._wake_all()
                    next_minute = time.monotonic() + MINUTE
                for notice in line.notifies(timeout=LOOK_UP):
                    if notice.payload != self._me:
                        self._wake_all()

    def _wake_all(self) -> None:
        for wake in self._wakes:
            wake()
