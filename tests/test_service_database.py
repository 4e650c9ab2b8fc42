"""The database on bad days under the real process: what is not stored is answered 503, what is answered 202 is done."""

import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest
import requests
import sqlalchemy as sa

from tests.connected import P2_FORM, REPO, Company, company
from tests.contracts import Recorder
from tests.installation import PATIENCE, SECRET, answers, wait_for
from tests.postgres import OwnServer, own_server

GITHUB_WAITS = 10.0  # seconds for an answer
REPORTS = 40
MOUNTED = 2 * 1024  # KiB

Answers = dict[str, requests.Response]


class Sender:
    """Stands for GitHub's sender: reports, the delivery of each, and how each was answered last."""

    def __init__(self, acme: Company) -> None:
        self._acme = acme
        self._hook = acme.github.connect("http://127.0.0.1:9/", SECRET)
        self.numbers: list[int] = []
        self.answers: Answers = {}

    def report(self, count: int) -> list[str]:
        """New issues; the ids of their deliveries."""
        known = len(self._acme.github.deliveries)
        self.numbers += [self._acme.github.open_issue(REPO, "carol", "Slow", P2_FORM) for _ in range(count)]
        return [delivery.guid for delivery in self._acme.github.deliveries[known:]]

    def send(self, guid: str) -> requests.Response:
        """Send one; no answer may take longer than GitHub waits."""
        headers, body = self._acme.github.signed(guid, self._hook)
        begun = time.monotonic()
        self.answers[guid] = self._acme.integrator.post("github", headers, body)
        assert time.monotonic() - begun < GITHUB_WAITS
        return self.answers[guid]

    def send_all(self, guids: list[str]) -> set[int]:
        """Send them four at a time; the statuses of the answers."""
        with ThreadPoolExecutor(4) as four:
            return {answer.status_code for answer in four.map(self.send, guids)}

    def refused(self) -> list[str]:
        """What is to be sent again; each refusal says when."""
        refusals = {guid: answer for guid, answer in self.answers.items() if answer.status_code == 503}
        assert {answer.headers.get("Retry-After") for answer in refusals.values()} <= {"30"}
        return list(refusals)

    def taken(self) -> set[str]:
        """What was answered 202."""
        return {guid for guid, answer in self.answers.items() if answer.status_code == 202}


def _all_done_once(acme: Company, sender: Sender) -> None:
    wait_for(lambda: all(acme.github.issue(REPO, n).labels == {"P2"} for n in sender.numbers), acme.integrator.log)
    wait_for(acme.integrator.is_settled, acme.integrator.log)
    assert [n for n in sender.numbers if len(acme.github.issue(REPO, n).comments) > 1] == []


def _reasons(acme: Company) -> list[str]:
    return list(requests.get(f"{acme.integrator.url}/readyz", timeout=GITHUB_WAITS).json().get("reasons", []))


# ---------------------------------------------------------------- a full disk


def _processes(acme: Company) -> list[int]:
    main = acme.integrator.pid
    return [main, *map(int, Path(f"/proc/{main}/task/{main}/children").read_text("ascii").split())]


@contextmanager
def _no_file_may_grow(acme: Company) -> Iterator[None]:
    """What a full disk does to the database, for the processes that run, without any privilege."""
    size = (acme.integrator.folder / "integrator.db-wal").stat().st_size
    for pid in _processes(acme):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    yield
    for pid in _processes(acme):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def _mounted(folder: Path) -> Iterator[None]:
    """A disk of a few megabytes in this place."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MOUNTED}k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk takes privileges")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def _disk_filled(folder: Path) -> Iterator[None]:
    """Not a byte is left."""
    with (folder / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(b"x" * 4096)
    yield
    (folder / "filler").unlink()


def _stored_in_sqlite(acme: Company) -> set[str]:
    with sqlite3.connect(acme.integrator.folder / "integrator.db") as conn:
        return {str(row[0]) for row in conn.execute("SELECT delivery FROM deliveries")}


def _fill_and_empty(acme: Company, filled: Callable[[], AbstractContextManager[None]]) -> None:
    sender = Sender(acme)
    acme.integrator.start()
    assert sender.send_all(sender.report(5)) == {202}
    with filled():
        reports = sender.report(REPORTS)
        assert sender.send_all(reports) <= {202, 503}
        wait_for(lambda: sender.send(reports[-1]).status_code == 503, acme.integrator.log)
        assert sender.send_all(reports[-10:]) == {503}
        wait_for(lambda: _reasons(acme) == ["the database takes no writes"], acme.integrator.log)
        assert answers(f"{acme.integrator.url}/healthz") == 200
        stored = _stored_in_sqlite(acme)
        assert sender.taken() <= stored, "it said 202 and has not stored it"
    wait_for(lambda: answers(f"{acme.integrator.url}/readyz") == 200, acme.integrator.log)
    assert sender.send_all(sender.refused()) == {202}
    _all_done_once(acme, sender)
    assert _stored_in_sqlite(acme) == set(sender.answers)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of running processes are Linux's")
def test_a_full_disk(tmp_path: Path, recorder: Recorder) -> None:
    with company(tmp_path, recorder) as acme:
        _fill_and_empty(acme, lambda: _no_file_may_grow(acme))


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounting takes privileges")
def test_a_small_disk_that_is_really_full(tmp_path: Path, recorder: Recorder) -> None:
    """The log is on it too: lines that can't be written end no worker."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with _mounted(folder), company(folder, recorder) as acme:
        try:
            _fill_and_empty(acme, lambda: _disk_filled(folder))
        finally:
            acme.integrator.kill()


# ---------------------------------------------------------------- PostgreSQL


def _stored_in_postgresql(server: OwnServer) -> set[str]:
    plain = sa.make_url(server.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as conn:
        return {str(row[0]) for row in conn.execute("SELECT delivery FROM deliveries")}


def _kill_soon(postgres: OwnServer) -> None:
    time.sleep(0.3)
    postgres.kill()


@pytest.mark.parametrize("server", ["granian", "waitress"])
def test_postgresql_that_hangs_hangs_no_health_check(server: str, tmp_path: Path, recorder: Recorder) -> None:
    with own_server() as postgres, company(tmp_path, recorder, database=postgres.url) as acme:
        acme.integrator.start("--server", server)
        postgres.signal(signal.SIGSTOP)
        try:
            for _ in range(20):
                with contextlib.suppress(requests.Timeout):
                    requests.get(f"{acme.integrator.url}/metrics", timeout=0.05)
                    requests.get(f"{acme.integrator.url}/readyz", timeout=0.05)
            assert requests.get(f"{acme.integrator.url}/healthz", timeout=PATIENCE).status_code == 200
            told = requests.get(f"{acme.integrator.url}/readyz", timeout=PATIENCE)
            assert (told.status_code, told.json()["reasons"]) == (503, ["the database does not answer"])
        finally:
            postgres.signal(signal.SIGCONT)
        wait_for(acme.integrator.is_ready, acme.integrator.log)


@pytest.mark.parametrize("server", ["granian", "waitress"])
def test_postgresql_killed_under_load_and_started_again(server: str, tmp_path: Path, recorder: Recorder) -> None:
    with own_server() as postgres, company(tmp_path, recorder, database=postgres.url) as acme:
        sender = Sender(acme)
        acme.integrator.start("--server", server)
        reports = sender.report(3 * REPORTS)
        with ThreadPoolExecutor(1) as killer:
            killed = killer.submit(_kill_soon, postgres)
            assert sender.send_all(reports) <= {202, 503}
            killed.result()
        assert sender.send_all(reports[:4]) == {503}
        wait_for(lambda: _reasons(acme) == ["the database does not answer"], acme.integrator.log)
        assert answers(f"{acme.integrator.url}/healthz") == 200
        postgres.start()
        assert sender.taken() <= _stored_in_postgresql(postgres), "it said 202 and has not stored it"
        wait_for(lambda: answers(f"{acme.integrator.url}/readyz") == 200, acme.integrator.log)
        assert sender.send_all(sender.refused()) == {202}
        _all_done_once(acme, sender)
        assert _stored_in_postgresql(postgres) == set(sender.answers)
        acme.integrator.kill()
