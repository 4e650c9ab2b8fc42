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


class Taken(Exception):
    """Another process works on this SQLite database already."""


class Presence:
    """A process being at work on a database file: a passing one (`sync`) or the standing one (`serve`, `work`)."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._files: list[IO[bytes]] = []

    def stand(self) -> None:
        """Be the one that stands at work here; Taken when another does."""
        if fcntl is None:
            return
        file = self._open(".worker")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Taken(
                f"another `integrator serve` or `integrator work` is at work on {self._database} already, and SQLite "
                "takes one; stop that one, or use PostgreSQL (INTEGRATOR_DATABASE_URL)"
            ) from None

    def enter(self, if_alone: Callable[[], None]) -> None:
        """Be present from now on; when nobody else is, do `if_alone` first, before anybody can come."""
        if fcntl is None:
            return
        file = self._open(".lock")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if_alone()
        except BlockingIOError:
            pass
        fcntl.flock(file, fcntl.LOCK_SH)

    def leave(self) -> None:
        """Be present no more."""
        while self._files:
            self._files.pop().close()

    def _open(self, suffix: str) -> IO[bytes]:
        self._files.append(self._database.with_name(self._database.name + suffix).open("ab"))
        return self._files[-1]
