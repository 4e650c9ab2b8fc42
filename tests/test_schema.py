"""The tables' revision: new and older ones are brought up to date once, a newer one is refused with a way out."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import integrator
from integrator import schema
from integrator.schema import NewerSchema
from integrator.store import Store
from integrator.tables import facts, metadata
from tests.here import run
from tests.postgres import database

ENGINES = ("file", "memory", "postgresql")


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"file": f"sqlite:///{tmp_path}/a.db", "memory": "sqlite://"}.get(request.param) or database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    yield opened
    opened.close()


def downgrade(store: Store, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(integrator.__file__).parent / "migrations"))
    with store.engine.connect() as conn:
        config.attributes["connection"] = conn
        command.downgrade(config, revision)
        conn.commit()


def stamp(store: Store, revision: str) -> None:
    """Make the database one that a version with this revision has been at."""
    version: sa.TableClause = sa.table("alembic_version", sa.column("version_num"))
    store.write(lambda conn: conn.execute(sa.update(version).values(version_num=revision)))


def keep(store: Store, name: str) -> None:
    store.write(lambda conn: conn.execute(sa.insert(facts).values(name=name, value="x")))


def kept(store: Store) -> list[str]:
    return store.read(lambda conn: list(conn.scalars(sa.select(facts.c.name))))


def test_the_migrations_make_the_tables_that_the_code_knows(store: Store) -> None:
    store.migrate()
    there = sa.inspect(store.engine)
    for table in metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in there.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}
        assert {index["name"] for index in there.get_indexes(table.name)} >= {index.name for index in table.indexes}
    assert set(there.get_table_names()) == {*metadata.tables, "alembic_version"}


def test_the_tables_can_be_dropped_and_made_anew(store: Store) -> None:
    store.migrate()
    downgrade(store, "base")
    assert sa.inspect(store.engine).get_table_names() == ["alembic_version"]
    store.migrate()
    assert kept(store) == []


def test_what_is_up_to_date_is_left_alone(store: Store) -> None:
    store.migrate()
    keep(store, "a")
    sent: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    store.migrate()
    assert [one for one in sent if "advisory_lock" in one or one.startswith(("CREATE", "UPDATE"))] == []
    assert kept(store) == ["a"]


def test_an_older_one_is_brought_up_to_date_and_keeps_what_it_holds(store: Store) -> None:
    store.migrate()
    keep(store, "a")
    downgrade(store, "0001")
    assert "agenda_parked" not in {index["name"] for index in sa.inspect(store.engine).get_indexes("agenda")}
    store.migrate()
    assert "agenda_parked" in {index["name"] for index in sa.inspect(store.engine).get_indexes("agenda")}
    assert kept(store) == ["a"]


def test_a_newer_one_is_refused_and_left_as_it_is(store: Store) -> None:
    store.migrate()
    stamp(store, "9000")
    with pytest.raises(NewerSchema, match=r"revision 9000, .*`integrator sync`"):
        store.migrate()
    version: sa.Select[Any] = sa.select(sa.column("version_num")).select_from(sa.table("alembic_version"))
    assert store.read(lambda conn: conn.execute(version).scalar_one()) == "9000"


def test_a_process_that_is_at_work_goes_on_while_a_newer_one_adds_to_the_tables(store: Store) -> None:
    store.migrate()
    store.write(lambda conn: conn.execute(sa.text("ALTER TABLE facts ADD COLUMN since BIGINT")))
    stamp(store, "9000")
    keep(store, "a")
    assert kept(store) == ["a"]


@pytest.mark.parametrize("command_line", [["work"], ["serve"], ["serve", "--no-work"], ["agenda", "list"]])
def test_every_command_says_the_way_out(command_line: list[str], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    store = Store(url)
    store.migrate()
    stamp(store, "9000")
    store.close()
    secrets = {"INTEGRATOR_GITHUB_TOKEN": "t", "INTEGRATOR_GITHUB_WEBHOOK_SECRETS": "s"}
    (tmp_path / "app.yaml").write_text(
        "trackers: {github: {kind: github, repositories: [acme/shop]}}\nsla: {enforce_from: 2020-01-01}\n"
    )
    done = run(tmp_path, {"INTEGRATOR_DATABASE_URL": url, **secrets}, *command_line)
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert line.startswith("integrator: the database was made by a newer version") and "upgrade" in line


MIGRATE = """
import sys, time
from integrator.store import Store
store = Store(sys.argv[1])
time.sleep(max(0, float(sys.argv[2]) - time.time()))
store.migrate()
store.close()
"""


@pytest.mark.parametrize("engine", ["file", "postgresql"])
def test_several_processes_may_start_at_once(engine: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db" if engine == "file" else database()
    migrate = [sys.executable, "-c", MIGRATE, url, str(time.time() + 2)]
    with ExitStack() as stack:
        start = [subprocess.Popen(migrate, stderr=subprocess.PIPE, text=True) for _ in range(4)]
        processes = [stack.enter_context(process) for process in start]
        said = [process.communicate(timeout=120)[1] for process in processes]
    assert [line for text in said for line in text.splitlines() if "waiting for it" not in line] == []
    assert [process.returncode for process in processes] == [0] * 4


def test_on_postgresql_one_waits_until_the_other_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "STEP_ASIDE", 0.01)
    url = database()
    first, second = Store(url), Store(url)
    order: list[str] = []

    def late() -> None:
        second.migrate()
        order.append("second")

    with schema._alone(first.engine):
        thread = threading.Thread(target=late)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
    first.close()
    second.close()


def test_a_migration_that_broke_leaves_nothing_and_no_lock() -> None:
    url = database()
    broken, whole = Store(url), Store(url)
    sa.event.listen(broken.engine, "before_cursor_execute", _break_at_the_journal)
    with pytest.raises(RuntimeError, match="pulled"):
        broken.migrate()
    assert sa.inspect(whole.engine).get_table_names() == []
    whole.migrate()
    assert kept(whole) == []
    broken.close()
    whole.close()


def _break_at_the_journal(conn: object, cursor: object, statement: str, *_: object) -> None:
    if "CREATE TABLE journal" in statement:
        raise RuntimeError("the plug was pulled")
