"""The database: transactions, and the one writer that SQLite needs. `integrator.tables` is what is in it."""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

from integrator.bell import Bell
from integrator.clock import Clock, wall_clock
from integrator.schema import bring_up_to_date

T = TypeVar("T")

GROUP = 256
TRIES = 3
DEADLOCK, LOCKED = "40P01", "55P03"  # PostgreSQL's SQLSTATEs; the second: somebody else holds the row
STEP_ASIDE = 0.05  # seconds in which the other transaction gets through
PATIENCE = 5  # seconds for a connection: a webhook's sender waits ten
DEADLINES = {  # libpq's, in seconds (the last: milliseconds): a host that vanished is noticed in half a minute
    "connect_timeout": PATIENCE,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
SERVER_LIMITS = {  # PostgreSQL's own, in milliseconds and seconds: a session whose host vanished holds no row for long
    "lock_timeout": 2_000,
    "idle_in_transaction_session_timeout": 15_000,
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}


class Unwritable(Exception):
    """The database did not take a write; nothing of it is stored."""


class _Deadlock(Unwritable):
    """Two transactions waited for each other, and this one was given up."""


class Store:
    """Transactions on SQLite or PostgreSQL.

    `write` runs its work in a transaction and returns only when it is durable. On SQLite one thread takes all
    writes and commits them in groups, each behind a savepoint of its own, so that one failure harms no other.
    """

    def __init__(self, url: str, clock: Clock = wall_clock) -> None:
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._in_memory = self.is_sqlite and not self.engine.url.database
        self.file = Path(self.engine.url.database) if self.is_sqlite and self.engine.url.database else None
        self._clock = clock
        self._server: tuple[datetime, float] | None = None
        self.bell = Bell(self.engine, every_minute=self.set_clock)
        self._writer = _Writer(self.engine) if self.is_sqlite else None

    def now(self) -> datetime:
        """The time that all processes on this database agree on: the clock's, or on PostgreSQL the server's."""
        if self._server is None:
            return self._clock()
        then, at = self._server
        return then + timedelta(seconds=time.monotonic() - at)

    def set_clock(self) -> None:
        """Take the time from PostgreSQL, so that neither a wrong clock here nor one that is put right matters."""
        if not self.is_sqlite and self._clock is wall_clock:
            query = sa.select(sa.func.clock_timestamp())
            then = self.read(lambda conn: conn.execute(query).scalar_one())
            self._server = then.astimezone(UTC), time.monotonic()

    def migrate(self) -> None:
        """Bring the tables up to date; several processes may try at once. NewerSchema when they are too new."""
        bring_up_to_date(self.engine)
        self.set_clock()

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run a read in a transaction of its own."""
        if self._in_memory:
            return self.write(work)
        with self.engine.connect() as conn:
            return work(conn)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` and return its result once it is committed; Unwritable when the database refused."""
        if self._writer is not None:
            return self._writer.submit(work).result()
        for _ in range(TRIES - 1):
            with suppress(_Deadlock):
                return self._transaction(work)
            time.sleep(STEP_ASIDE)
        return self._transaction(work)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        try:
            with self.engine.begin() as conn:
                return work(conn)
        except sa.exc.DBAPIError as error:
            kind = _Deadlock if getattr(error.orig, "sqlstate", None) == DEADLOCK else Unwritable
            raise kind(f"the database did not take the write: {type(error.orig).__name__}") from error
        except sa.exc.TimeoutError as error:
            raise Unwritable("no connection to the database became free in time") from error

    def upsert(self, table: sa.Table) -> Any:
        """An INSERT that can say ON CONFLICT, in the engine's own dialect."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def close(self) -> None:
        """Finish pending writes and let go of the connections."""
        self.bell.close()
        if self._writer is not None:
            self._writer.close()
        self.engine.dispose()


class _Writer:
    """The only thread that writes to SQLite: it commits waiting work in groups."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: SimpleQueue[tuple[Callable[[Connection], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Queue work for the next group; its future ends when the group is committed."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise Unwritable("the database is closed")
            if not self._thread.is_alive():
                self._thread.start()
            self._queue.put((work, future))
        return future

    def close(self) -> None:
        """Commit what is queued and end the thread."""
        with self._lock:
            self._closed = True
            self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = self._group(first)
            self._commit(group)
            if last:
                return

    def _group(
        self, first: tuple[Callable[[Connection], Any], Future[Any]]
    ) -> tuple[list[tuple[Callable[[Connection], Any], Future[Any]]], bool]:
        group = [first]
        while len(group) < GROUP:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return group, False
            if item is None:
                return group, True
            group.append(item)
        return group, False

    def _commit(self, group: list[tuple[Callable[[Connection], Any], Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        is_alone = len(group) == 1
        try:
            with self._engine.connect().execution_options(immediate=True) as conn, conn.begin():
                for work, future in group:
                    try:
                        done.append((future, work(conn) if is_alone else _attempt(conn, work)))
                    except Exception as error:
                        if is_alone or not _is_open(conn):
                            raise
                        future.set_exception(_as_unwritable(error))
        except Exception as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(_as_unwritable(error))
            return
        for future, result in done:
            future.set_result(result)


def _attempt(conn: Connection, work: Callable[[Connection], T]) -> T:
    """Run `work` behind a savepoint, so that it leaves nothing when it fails."""
    savepoint = conn.begin_nested()
    try:
        result = work(conn)
        savepoint.commit()
    except Exception:
        if _is_open(conn):
            savepoint.rollback()
        raise
    return result


def _is_open(conn: Connection) -> bool:
    """Whether the transaction is still there: on a full disk SQLite takes back the whole of it, savepoints and all."""
    return bool(cast(sqlite3.Connection, conn.connection.dbapi_connection).in_transaction)


def _as_unwritable(error: Exception) -> Exception:
    if isinstance(error, sa.exc.DBAPIError):
        unwritable = Unwritable(f"the database did not take the write: {error.orig}")
        unwritable.__cause__ = error
        return unwritable
    return error


def _engine(url: str) -> Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        limits = " ".join(f"-c {name}={value}" for name, value in SERVER_LIMITS.items())
        patience = {key: value for key, value in {**DEADLINES, "options": limits}.items() if key not in parsed.query}
        pool = {"pool_size": 20, "max_overflow": 20, "pool_timeout": PATIENCE, "pool_pre_ping": True}
        return sa.create_engine(parsed, connect_args=patience, **pool)
    arguments: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": 10}}
    if not parsed.database:
        arguments["poolclass"] = StaticPool
    engine = sa.create_engine(parsed, **arguments)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite, not by the driver
    for pragma in ("busy_timeout=10000", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    _write_ahead(connection, time.monotonic() + PATIENCE)


def _write_ahead(connection: sqlite3.Connection, until: float) -> None:
    """Turn the log on. While another process opens the file for the first time, SQLite refuses this without waiting."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(STEP_ASIDE)
        else:
            return


def _begin_sqlite(conn: Connection) -> None:
    immediate = conn.get_execution_options().get("immediate", False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
