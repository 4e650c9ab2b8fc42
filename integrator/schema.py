"""The tables' revision: older ones are brought up to date by one process at a time, newer ones are refused."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

log = structlog.get_logger()

LOCK = 7275001  # PostgreSQL's advisory lock: any number that nobody else uses
STEP_ASIDE = 0.1  # seconds between two looks at whether the other process is done


class NewerSchema(Exception):
    """The tables were made by a newer version, so this one can't know what its writes would break."""


def bring_up_to_date(engine: Engine) -> None:
    """Make or change the tables where needed; NewerSchema when their revision is unknown to this version."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    with engine.connect() as conn:
        if _is_current(conn, script):
            return
    with _alone(engine) as conn:
        if not _is_current(conn, script):
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
            conn.commit()


def _is_current(conn: Connection, script: ScriptDirectory) -> bool:
    there = MigrationContext.configure(conn).get_current_heads()
    known = {revision.revision for revision in script.walk_revisions()}
    if strange := sorted(set(there) - known):
        raise NewerSchema(
            f"the database was made by a newer version of the integrator: its tables are at revision {strange[0]}, "
            f"and this version knows up to {script.get_current_head()}; upgrade this installation, or name a database "
            "of its own in INTEGRATOR_DATABASE_URL and run `integrator sync`"
        )
    return set(there) == set(script.get_heads())


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A connection whose process is the only one to change tables, for as long as it is open.

    PostgreSQL's lock is asked for again and again: a session that stands and waits for it would itself be waited for
    by an index that is made concurrently.
    """
    with engine.connect().execution_options(immediate=True) as conn:
        if engine.dialect.name == "sqlite":
            yield conn
            return
        try:
            for limit in ("lock_timeout", "idle_in_transaction_session_timeout"):
                conn.exec_driver_sql(f"SET {limit} = 0")  # a change of tables may have to wait for long
            told = False
            while not conn.execute(sa.select(sa.func.pg_try_advisory_lock(LOCK))).scalar_one():
                conn.commit()
                if not told:
                    log.info("another process updates the tables; waiting for it")
                told = True
                time.sleep(STEP_ASIDE)
            conn.commit()
            yield conn
        finally:
            conn.invalidate()  # the lock ends with the session, whatever happened
