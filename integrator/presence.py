"""Who works on a SQLite database: every working process holds a lock beside it for as long as it lives.

A process that finds itself alone knows that all leases in the database belong to the dead, and need not wait for
them to run out. On PostgreSQL a process may be cut off and still be alive, so there the leases decide.
"""

from collections.abc import Callable
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows has no such lock: leases run out by themselves there
    fcntl = None  # type: ignore[assignment]


class Presence:
    """A process being at work on a database file."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._file: IO[bytes] | None = None

    def enter(self, if_alone: Callable[[], None]) -> None:
        """Be present from now on; when nobody else is, do `if_alone` first, before anybody can come."""
        if fcntl is None:
            return
        self._file = self._path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if_alone()
        except BlockingIOError:
            pass
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def leave(self) -> None:
        """Be present no more."""
        if self._file is not None:
            self._file.close()
            self._file = None
