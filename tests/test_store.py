"""The database on bad days: full, read-only, gone, locked, closed; and never a result that was not committed."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from integrator.store import GROUP, Store, Unwritable
from integrator.tables import facts, trackers
from tests.postgres import database

ENGINES = ("file", "memory", "postgresql")


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"file": f"sqlite:///{tmp_path}/a.db", "memory": "sqlite://"}.get(request.param) or database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    opened.migrate()
    yield opened
    opened.close()


def put(store: Store, name: str, value: str = "x") -> Callable[[Connection], str]:
    def work(conn: Connection) -> str:
        conn.execute(store.upsert(facts).values(name=name, value=value))
        return name

    return work


def names(store: Store) -> list[str]:
    return store.read(lambda conn: list(conn.scalars(sa.select(facts.c.name).order_by(facts.c.name))))


def together(store: Store, *works: Callable[[Connection], object]) -> list[Future[object]]:
    """Submit works so that the writer takes them as one group."""
    started, go = threading.Event(), threading.Event()

    def hold_up(conn: Connection) -> None:
        started.set()
        go.wait(10)

    assert store._writer is not None
    store._writer.submit(hold_up)
    started.wait(10)
    futures = [store._writer.submit(work) for work in works]
    go.set()
    for future in futures:
        future.exception(10)
    return futures


# ---------------------------------------------------------------- on every engine


def test_what_was_written_is_there(store: Store) -> None:
    assert store.write(put(store, "a")) == "a"
    assert names(store) == ["a"]


def test_a_work_that_fails_leaves_nothing_and_raises_its_own_error(store: Store) -> None:
    def work(conn: Connection) -> None:
        put(store, "a")(conn)
        raise KeyError("my own")

    with pytest.raises(KeyError, match="my own"):
        store.write(work)
    assert names(store) == []


def test_what_the_database_refuses_is_unwritable(store: Store) -> None:
    store.write(put(store, "a"))
    with pytest.raises(Unwritable, match="the database did not take the write"):
        store.write(put(store, "a"))
    assert names(store) == ["a"]


# ---------------------------------------------------------------- SQLite's one writer


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path}/a.db")
    opened.migrate()
    yield opened
    opened.close()


def test_a_new_file_that_another_process_is_opening_is_waited_for(tmp_path: Path) -> None:
    """Turning the log on needs the file for itself, and SQLite waits for nobody there."""
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE theirs (a)")
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.2, lambda: other.execute("ROLLBACK")).start()
    store = Store(f"sqlite:///{tmp_path}/a.db")
    store.migrate()
    assert names(store) == []
    store.close()
    other.close()


def test_a_file_that_may_not_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"this is no database at all, but it is long enough to be taken for one " * 20)
    begun = time.monotonic()
    with pytest.raises(sa.exc.DatabaseError, match="file is not a database"):
        Store(f"sqlite:///{tmp_path}/a.db").migrate()
    assert time.monotonic() - begun < 2


def test_one_that_fails_in_a_group_harms_no_other(file: Store) -> None:
    def breaks(conn: Connection) -> None:
        put(file, "half")(conn)
        raise RuntimeError("no")

    one, two, three, four = together(file, put(file, "a"), breaks, put(file, "a"), put(file, "b"))
    assert (one.result(), four.result()) == ("a", "b")
    assert isinstance(two.exception(), RuntimeError)
    assert isinstance(three.exception(), Unwritable)
    assert names(file) == ["a", "b"]


def test_a_group_is_one_commit(file: Store) -> None:
    commits: list[object] = []
    sa.event.listen(file.engine, "commit", commits.append)
    together(file, *(put(file, f"{number:03}") for number in range(GROUP + 10)))
    assert len(names(file)) == GROUP + 10
    assert len(commits) == 3  # the one that held them up, a whole group, the rest


def test_a_full_disk_gives_nobody_in_the_group_a_result(file: Store) -> None:
    """SQLite takes the whole transaction back when the disk is full, not only the statement."""
    _fill(file)
    big = "x" * 5_000_000
    futures = together(file, put(file, "before"), put(file, "big", big), put(file, "after"))
    there = names(file)
    for future, name in zip(futures, ("before", "big", "after"), strict=True):
        failed = isinstance(future.exception(), Unwritable)
        assert failed is (name not in there), f"{name} was answered wrongly: {there}"
    assert "big" not in there


def _fill(store: Store) -> None:
    """From now on the file may only grow by a little."""

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 20}")

    sa.event.listen(store.engine, "checkout", limit)


def test_after_the_disk_was_full_it_goes_on(file: Store) -> None:
    _fill(file)
    with pytest.raises(Unwritable, match="full"):
        file.write(put(file, "big", "x" * 5_000_000))
    assert file.write(put(file, "small")) == "small"
    assert names(file) == ["small"]


def test_a_failed_commit_gives_nobody_a_result(file: Store) -> None:
    def no_commit(conn: Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    sa.event.listen(file.engine, "commit", no_commit, once=False)
    with pytest.raises(sqlite3.OperationalError):
        file.write(put(file, "a"))
    sa.event.remove(file.engine, "commit", no_commit)
    assert names(file) == []
    assert file.write(put(file, "b")) == "b"


def test_a_read_only_database_is_unwritable_and_still_read(file: Store, tmp_path: Path) -> None:
    file.write(put(file, "a"))
    sa.event.listen(file.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA query_only=1"))
    with pytest.raises(Unwritable, match="readonly"):
        file.write(put(file, "b"))
    assert names(file) == ["a"]


def test_a_lock_of_another_process_is_waited_for(file: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.2, lambda: other.execute("COMMIT")).start()
    begun = time.monotonic()
    assert file.write(put(file, "a")) == "a"
    assert time.monotonic() - begun >= 0.1
    other.close()


def test_closing_commits_what_was_queued_and_takes_no_more(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/a.db")
    store.migrate()
    assert store._writer is not None
    futures = [store._writer.submit(put(store, f"{number:03}")) for number in range(500)]
    store.close()
    assert [future.result(0) for future in futures] == [f"{number:03}" for number in range(500)]
    assert not store._writer._thread.is_alive()
    with pytest.raises(Unwritable, match="the database is closed"):
        store.write(put(store, "late"))
    store.close()


def test_a_store_that_never_wrote_closes(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path}/a.db").close()


def test_times_are_kept_to_the_microsecond_and_missing_ones_too(file: Store) -> None:
    at = datetime(2026, 11, 23, 9, 0, 0, 1, tzinfo=UTC)
    rows: list[dict[str, object]] = [
        {"name": "a", "not_before": at, "failures": 1},
        {"name": "b", "not_before": None, "failures": 1},
    ]
    file.write(lambda conn: conn.execute(sa.insert(trackers), rows))
    assert file.read(lambda conn: list(conn.scalars(sa.select(trackers.c.not_before).order_by("name")))) == [at, None]


# ---------------------------------------------------------------- PostgreSQL


@pytest.fixture
def postgres() -> Iterator[Store]:
    opened = Store(database())
    opened.migrate()
    yield opened
    opened.close()


def _plain(url: sa.URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def test_the_plain_name_of_postgresql_is_taken_too() -> None:
    store = Store(database().replace("postgresql+psycopg:", "postgresql:"))
    store.migrate()
    assert store.engine.driver == "psycopg"
    store.close()


def test_time_is_the_servers_for_the_wall_clock() -> None:
    url = sa.make_url(database())
    with psycopg.connect(_plain(url), autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {url.database} SET search_path = public, pg_catalog")
        conn.execute(f"ALTER DATABASE {url.database} SET timezone = 'America/New_York'")
        conn.execute(
            "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
            " $$ SELECT pg_catalog.clock_timestamp() + interval '1 hour' $$"
        )
    store = Store(url.render_as_string(hide_password=False))
    store.migrate()
    ahead = store.now() - datetime.now(UTC)
    assert timedelta(minutes=59) < ahead < timedelta(minutes=61)
    assert store.now().tzinfo is UTC  # in another zone, an hour more could be none on the night of the change
    store.close()
    standing = Store(url.render_as_string(hide_password=False), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    standing.migrate()
    assert standing.now() == datetime(2026, 1, 1, tzinfo=UTC)
    standing.close()


def test_a_lost_connection_is_unwritable_once_and_then_made_anew(postgres: Store) -> None:
    def killed(conn: Connection) -> None:
        pid = conn.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        with psycopg.connect(_plain(postgres.engine.url), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        put(postgres, "a")(conn)

    with pytest.raises(Unwritable):
        postgres.write(killed)
    assert postgres.write(put(postgres, "b")) == "b"
    assert names(postgres) == ["b"]


def test_two_that_lock_each_other_out_both_succeed_in_the_end(postgres: Store) -> None:
    postgres.write(put(postgres, "one"))
    postgres.write(put(postgres, "two"))
    met = threading.Barrier(2)
    tries: list[str] = []

    def crossing(first: str, second: str) -> Callable[[Connection], None]:
        def work(conn: Connection) -> None:
            tries.append(first)
            conn.execute(sa.update(facts).where(facts.c.name == first).values(value=first))
            if len(tries) <= 2:
                met.wait(10)
            conn.execute(sa.update(facts).where(facts.c.name == second).values(value=first))

        return work

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(postgres.write, [crossing("one", "two"), crossing("two", "one")]))
    assert len(tries) >= 3
    values = postgres.read(lambda conn: set(conn.scalars(sa.select(facts.c.value))))
    assert len(values) == 1


def test_nobody_there_is_unwritable() -> None:
    store = Store("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(Unwritable):
        store.write(put(store, "a"))
    store.close()


def test_no_connection_left_is_unwritable(postgres: Store) -> None:
    small = Store(postgres.engine.url.render_as_string(hide_password=False))
    small.engine.dispose()
    small.engine = sa.create_engine(postgres.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    with small.engine.connect(), pytest.raises(Unwritable):
        small.write(put(small, "a"))
    small.close()
