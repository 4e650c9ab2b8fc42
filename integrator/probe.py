"""Whether the database takes writes: a full disk or a read-only file is noticed before the next delivery is."""

import threading
import time
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from integrator.store import Store, Unwritable
from integrator.tables import agenda, facts

EVERY = 5.0  # seconds an answer is believed
PATIENCE = 2.0  # seconds somebody who asks is kept waiting
SILENT = "the database does not answer"


@dataclass(slots=True)
class _Look:
    """A look at the database, under way or over."""

    over: threading.Event = field(default_factory=threading.Event)
    ended_at: float = 0.0
    trouble: str | None = None

    @property
    def is_old(self) -> bool:
        return self.over.is_set() and time.monotonic() >= self.ended_at + EVERY


class Probe:
    """Reads and writes a little, at most once in a few seconds however often it is asked.

    It looks in a thread of its own: a database that hangs hangs nobody who asks.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._look: _Look | None = None

    def trouble(self) -> str | None:
        """What is wrong with the database, in a few words."""
        look = self._latest()
        return look.trouble if look.over.wait(PATIENCE) else SILENT

    def _latest(self) -> _Look:
        with self._lock:
            if self._look is None or self._look.is_old:
                self._look = _Look()
                threading.Thread(target=self._take, args=(self._look,), name="probe", daemon=True).start()
            return self._look

    def _take(self, look: _Look) -> None:
        try:
            look.trouble = self._ask()
        except Exception as error:
            look.trouble = f"the database can't be asked ({type(error).__name__})"
        look.ended_at = time.monotonic()
        look.over.set()

    def _ask(self) -> str | None:
        try:
            self._store.read(lambda conn: conn.execute(sa.select(agenda.c.subject).limit(1)).first())
        except sa.exc.SQLAlchemyError:
            return SILENT
        try:
            self._store.write(self._leave_a_trace)
        except Unwritable:
            return "the database takes no writes"
        return None

    def _leave_a_trace(self, conn: Connection) -> None:
        value = {"value": self._store.now().isoformat()}
        insert = self._store.upsert(facts).values(name="probed", **value)
        conn.execute(insert.on_conflict_do_update(index_elements=["name"], set_=value))
