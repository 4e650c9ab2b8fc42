"""The servers that are compared, each in a process group and a folder of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.load import REPOSITORY, SECRET
from tests.installation import free_port

PATIENCE = 30.0

APP_YAML = f"""
trackers:
  github:
    kind: github
    repositories: [{REPOSITORY}]
sla: {{enforce_from: 2026-01-01}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """Pull the plug: SIGKILL for every process of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


@contextmanager
def integrator(folder: Path, database: str = "") -> Iterator[Server]:
    """The real `integrator serve --no-work`; its database is `database` (a URL) or a SQLite file in the folder."""
    bind = ("--bind", f"127.0.0.1:{(port := free_port())}")
    program = str(Path(sys.executable).with_name("integrator"))
    environ = installation(folder, database or f"sqlite:///{folder / 'integrator.db'}")
    with _running([program, "serve", "--no-work", *bind], port, folder, environ) as server:
        yield server


@contextmanager
def unstored(folder: Path) -> Iterator[Server]:
    """The same with storing switched off."""
    command = [sys.executable, "-m", "bench.unstored", str(port := free_port())]
    with _running(command, port, folder, installation(folder, f"sqlite:///{folder / 'none.db'}")) as server:
        yield server


@contextmanager
def gidgethub_aiohttp(folder: Path) -> Iterator[Server]:
    """gidgethub, aiohttp and sqlite3."""
    command = [sys.executable, "-m", "bench.gidgethub_aiohttp", str(port := free_port()), str(folder / "rows.db")]
    with _running(command, port, folder, {}) as server:
        yield server


def installation(folder: Path, database: str) -> dict[str, str]:
    """The environment of the integrator in a folder that gets its app.yaml."""
    (folder / "app.yaml").write_text(APP_YAML, encoding="utf-8")
    return {
        "INTEGRATOR_CONFIG": str(folder / "app.yaml"),
        "INTEGRATOR_DATABASE_URL": database,
        "INTEGRATOR_GITHUB_TOKEN": "nobody asks for it",
        "INTEGRATOR_GITHUB_WEBHOOK_SECRETS": SECRET,
    }


@contextmanager
def _running(command: list[str], port: int, folder: Path, environ: Mapping[str, str]) -> Iterator[Server]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("INTEGRATOR_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**plain, **environ}, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    server = Server(port, folder, process)
    try:
        _wait_for(server)
        yield server
    finally:
        server.kill()


def _wait_for(server: Server) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", server.port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"it did not start: {(server.folder / 'log').read_text(encoding='utf-8', errors='replace')}")
