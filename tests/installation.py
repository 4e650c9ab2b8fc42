"""An installation of the integrator as its users run it: app.yaml, environment, and the real process."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from integrator.agenda import Agenda
from integrator.store import Store

SECRET = "It's a Secret to Everybody"
STARTING = threading.BoundedSemaphore(2)  # more that start at once take no less time, and starve other tests
PATIENCE = 120.0  # seconds: a machine may be busy with much else


def wait_for(what: Callable[[], bool], why: Callable[[], str], seconds: float = PATIENCE) -> None:
    """Wait until it is so; AssertionError with what `why` says then when it doesn't come."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"waited {seconds} s in vain: {why()}"
        time.sleep(0.05)


def free_port() -> int:
    """A port that nobody takes by chance: outgoing connections get theirs from 32768 on."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Installation:
    """A folder with app.yaml, and the service that runs on it. `database`: the URL, or SQLite in the folder."""

    def __init__(self, folder: Path, app_yaml: str, environ: Mapping[str, str], database: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "app.yaml").write_text(app_yaml, encoding="utf-8")
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("INTEGRATOR_")},
            **environ,
            "INTEGRATOR_CONFIG": str(folder / "app.yaml"),
            "INTEGRATOR_DATABASE_URL": database or f"sqlite:///{folder / 'integrator.db'}",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str, wait: bool = True) -> None:
        """Start `integrator serve` in a process group of its own."""
        with STARTING:
            self._start(arguments)
            if wait:
                wait_for(self.is_ready, self.log)

    def _start(self, arguments: Sequence[str]) -> None:
        command = [_integrator(), "serve", "--bind", f"127.0.0.1:{self.port}", *arguments]
        log = (self.folder / "serve.log").open("ab")
        self._process = subprocess.Popen(
            command, cwd=self.folder, env=self.environ, stdout=log, stderr=log, start_new_session=True
        )
        log.close()

    @property
    def pid(self) -> int:
        """Of the service's main process."""
        assert self._process is not None
        return self._process.pid

    @contextlib.contextmanager
    def beside(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Another process of this installation in a group of its own; killed at the end if it still lives."""
        with (self.folder / "serve.log").open("ab") as log:
            process = subprocess.Popen(
                [_integrator(), *arguments],
                cwd=self.folder,
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            pull_the_plug(process)

    def is_ready(self) -> bool:
        assert self._process is not None and self._process.poll() is None, f"the service ended: {self.log()}"
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            return requests.get(f"{self.url}/readyz", timeout=2).status_code == 200
        return False

    def log(self) -> str:
        return (self.folder / "serve.log").read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """Pull the plug: SIGKILL for every process of the service."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end, and wait; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)
        code = self._process.wait(PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None
        return code

    def run(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the integrator to its end."""
        done = subprocess.run(
            [_integrator(), *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not ok or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def is_settled(self) -> bool:
        """Nothing is due, leased, waiting for a retry or parked."""
        store = Store(self.environ["INTEGRATOR_DATABASE_URL"])
        try:
            tasks = Agenda(store, "a test")
            return not tasks.rows(parked=False) and not tasks.rows(parked=True) and not tasks.is_busy()
        finally:
            store.close()

    def post(self, tracker: str, headers: Mapping[str, str], body: bytes) -> requests.Response:
        return requests.post(f"{self.url}/webhooks/{tracker}", data=body, headers=dict(headers), timeout=30)


@contextlib.contextmanager
def installed(folder: Path, app_yaml: str, environ: Mapping[str, str], **how: Any) -> Iterator[Installation]:
    installation = Installation(folder, app_yaml, environ, **how)
    try:
        yield installation
    finally:
        installation.kill()


def pull_the_plug(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)


def answers(url: str) -> int:
    """The status of a GET; 0 when nobody is there."""
    with contextlib.suppress(requests.ConnectionError, requests.Timeout):
        return requests.get(url, timeout=5).status_code
    return 0


def _integrator() -> str:
    return str(Path(sys.executable).with_name("integrator"))
