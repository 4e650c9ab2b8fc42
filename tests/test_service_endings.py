"""The end of a process: it finishes the request under way, gives back the rest and says how it ended; or at once."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from integrator.agenda import Agenda
from integrator.lanes import Lane
from integrator.store import Store
from integrator.tables import agenda
from mapping.issue import IssueRef
from tests.connected import P0_FORM, REPO, Company, company
from tests.contracts import Recorder
from tests.installation import PATIENCE, answers, wait_for
from tests.postgres import database
from tests.standins.github.faults import Fault, Kind

AT_ONCE = 8.0  # seconds, on a busy machine
SILENCE = 15.0  # seconds that an answer may be waited for
SERVERS = ["granian", "waitress"]
ISSUES = 30


@pytest.fixture
def acme(tmp_path: Path, recorder: Recorder) -> Iterator[Company]:
    with company(tmp_path, recorder) as running:
        yield running


@pytest.fixture
def fleet(tmp_path: Path, recorder: Recorder) -> Iterator[Company]:
    with company(tmp_path, recorder, database=database()) as running:
        yield running


def serve(acme: Company, server: str = "granian") -> list[str]:
    return ["serve", "--bind", f"127.0.0.1:{acme.integrator.port}", "--server", server]


def _is_ready(acme: Company) -> bool:
    return answers(f"{acme.integrator.url}/readyz") == 200


def _backlog(acme: Company, kind: Kind, seconds: float) -> Fault:
    """Issues that are due on a tracker which is slow to answer."""
    numbers = [acme.github.open_issue(REPO, "carol", f"Down {n}", P0_FORM) for n in range(ISSUES)]
    store = Store(acme.integrator.environ["INTEGRATOR_DATABASE_URL"])
    store.migrate()
    Agenda(store, "a test").touch([IssueRef("github", f"{REPO}#{number}") for number in numbers], Lane.EVENT)
    store.close()
    return acme.github.fault(lambda _, path, __: path == "/graphql", kind, times=1000, seconds=seconds)


def _leased(acme: Company) -> int:
    store = Store(acme.integrator.environ["INTEGRATOR_DATABASE_URL"])
    leased = sa.select(sa.func.count()).select_from(agenda).where(agenda.c.lease_until.is_not(None))
    count = store.read(lambda conn: conn.execute(leased).scalar_one())
    store.close()
    return count


# ---------------------------------------------------------------- in order


@pytest.mark.parametrize("command", ["work", "granian", "waitress"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_finishes_the_request_under_way_and_gives_back_the_rest(
    fleet: Company, command: str, number: signal.Signals, code: int
) -> None:
    slow = _backlog(fleet, Kind.DELAY, 2)
    with fleet.integrator.beside(*(["work"] if command == "work" else serve(fleet, command))) as process:
        wait_for(lambda: slow.hits == 1, fleet.integrator.log)
        assert _leased(fleet) == ISSUES
        process.send_signal(number)
        assert process.wait(PATIENCE) == code
    assert (slow.hits, _leased(fleet)) == (1, 0), "it asked for more, or kept what it had taken up"
    assert "Traceback" not in fleet.integrator.log()
    assert "leases lost" not in fleet.integrator.log()


def test_a_request_into_a_black_hole_ends_with_its_deadline(fleet: Company) -> None:
    hole = _backlog(fleet, Kind.SILENT_BEFORE, 60)
    with fleet.integrator.beside("work") as process:
        wait_for(lambda: hole.hits == 1, fleet.integrator.log)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert time.monotonic() - begun < SILENCE + AT_ONCE
    assert (hole.hits, _leased(fleet)) == (1, 0), "it asked again, or kept what it had taken up"


@pytest.mark.parametrize("server", SERVERS)
def test_ctrl_c_on_a_terminal_reaches_every_process_of_it(acme: Company, server: str) -> None:
    with acme.integrator.beside(*serve(acme, server)) as process:
        wait_for(lambda: _is_ready(acme), acme.integrator.log)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    assert "Traceback" not in acme.integrator.log()


@pytest.mark.parametrize("command", ["work", "granian", "waitress"])
@pytest.mark.parametrize("pause", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_told_to_end_while_it_starts_it_ends(acme: Company, command: str, pause: float) -> None:
    with acme.integrator.beside(*(["work"] if command == "work" else serve(acme, command))) as process:
        time.sleep(pause)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) in {0, -signal.SIGTERM}
    assert "Traceback" not in acme.integrator.log()


# ---------------------------------------------------------------- at once


@pytest.mark.parametrize("command", ["work", "granian", "waitress"])
def test_a_second_ctrl_c_ends_it_at_once(fleet: Company, command: str) -> None:
    hole = _backlog(fleet, Kind.SILENT_BEFORE, 60)
    with fleet.integrator.beside(*(["work"] if command == "work" else serve(fleet, command))) as process:
        wait_for(lambda: hole.hits == 1, fleet.integrator.log)
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(1)
        assert process.poll() is None, "it waits for the request"
        begun = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert time.monotonic() - begun < AT_ONCE
        wait_for(lambda: answers(f"{fleet.integrator.url}/healthz") == 0, fleet.integrator.log, AT_ONCE)


def test_a_killed_server_leaves_no_orphan_on_its_port(acme: Company) -> None:
    with acme.integrator.beside(*serve(acme)) as process:
        wait_for(lambda: _is_ready(acme), acme.integrator.log)
        os.kill(process.pid, signal.SIGKILL)
        wait_for(lambda: answers(f"{acme.integrator.url}/healthz") == 0, acme.integrator.log, AT_ONCE)
    acme.integrator.start()


# ---------------------------------------------------------------- SQLite takes one


@pytest.mark.parametrize("second", ["work", "serve"])
def test_on_sqlite_a_second_that_works_is_refused(acme: Company, second: str) -> None:
    acme.integrator.start()
    done = acme.integrator.run(*([second] if second == "work" else ["serve", "--bind", "127.0.0.1:0"]), ok=False)
    database_file = acme.integrator.folder / "integrator.db"
    says = f"integrator: another `integrator serve` or `integrator work` is at work on {database_file} already"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(says) and "PostgreSQL" in done.stderr
    acme.integrator.run("sync", "--tracker", "github")
    acme.integrator.kill()
    acme.integrator.start()


def test_on_sqlite_a_receiver_and_a_worker_may_be_two(acme: Company) -> None:
    acme.integrator.start("--no-work")
    acme.connect()
    with acme.integrator.beside("work"):
        number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        wait_for(lambda: "P0" in acme.github.issue(REPO, number).labels, acme.integrator.log)


# ---------------------------------------------------------------- while somebody is still sending


@contextmanager
def _slow_delivery(acme: Company) -> Iterator[socket.socket]:
    """A delivery of which a byte is missing."""
    with socket.create_connection(("127.0.0.1", acme.integrator.port), PATIENCE) as sender:
        head = "POST /webhooks/github HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        sender.sendall(head.encode())
        assert sender.recv(1000).startswith(b"HTTP/1.1 100 ")
        sender.sendall(b"{")
        yield sender


@pytest.mark.parametrize("numbers", [[signal.SIGTERM], [signal.SIGINT, signal.SIGTERM, signal.SIGTERM]])
def test_a_delivery_under_way_is_answered_however_often_the_server_is_told(
    acme: Company, numbers: list[signal.Signals]
) -> None:
    """Told through its parent, by a terminal, and by whoever thinks that it has to be said again."""
    with acme.integrator.beside(*serve(acme)) as process:
        wait_for(lambda: _is_ready(acme), acme.integrator.log)
        (worker,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
        with _slow_delivery(acme) as sender:
            process.send_signal(numbers[0])
            for number in numbers:
                os.kill(worker, number)
                time.sleep(0.5)
            sender.sendall(b"}")
            assert sender.recv(1000).startswith(b"HTTP/1.1 415 ")
            assert process.wait(AT_ONCE) == (130 if numbers[0] == signal.SIGINT else 0)


def test_nor_does_a_delivery_under_way_keep_an_orphan_on_its_port(acme: Company) -> None:
    with acme.integrator.beside(*serve(acme)) as process:
        wait_for(lambda: _is_ready(acme), acme.integrator.log)
        with _slow_delivery(acme) as sender:
            os.kill(process.pid, signal.SIGKILL)
            time.sleep(3)
            sender.sendall(b"}")
            assert sender.recv(1000).startswith(b"HTTP/1.1 415 ")
        wait_for(lambda: answers(f"{acme.integrator.url}/healthz") == 0, acme.integrator.log, AT_ONCE)
