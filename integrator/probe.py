"""Whether the database takes writes: a full disk or a read-only file is noticed before the next delivery is."""

import threading
import time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from integrator.store import Store, Unwritable, agenda, facts

EVERY = 5.0  # seconds an answer is believed


class Probe:
    """Reads and writes a little, at most once in a few seconds however often it is asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._next = 0.0
        self._trouble: str | None = None

    def trouble(self) -> str | None:
        """What is wrong with the database, in a few words."""
        with self._lock:
            if time.monotonic() >= self._next:
                self._trouble = self._ask()
                self._next = time.monotonic() + EVERY
            return self._trouble

    def _ask(self) -> str | None:
        try:
            self._store.read(lambda conn: conn.execute(sa.select(agenda.c.subject).limit(1)).first())
        except sa.exc.SQLAlchemyError:
            return "the database does not answer"
        try:
            self._store.write(self._leave_a_trace)
        except Unwritable:
            return "the database takes no writes"
        return None

    def _leave_a_trace(self, conn: Connection) -> None:
        value = {"value": self._store.now().isoformat()}
        insert = self._store.upsert(facts).values(name="probed", **value)
        conn.execute(insert.on_conflict_do_update(index_elements=["name"], set_=value))
