"""Receivers and workers as processes of their own on PostgreSQL; Jira Data Center; the end of a process."""

import signal
import time
from pathlib import Path

import pytest

from tests.connected import P0_FORM, P0_WIKI, REPO, Company, company
from tests.contracts import Recorder
from tests.installation import wait_for
from tests.postgres import database


def test_a_receiver_and_two_workers_on_postgresql(tmp_path: Path, recorder: Recorder) -> None:
    with company(tmp_path, recorder, database=database()) as acme:
        acme.integrator.start("--no-work")
        acme.connect()
        numbers = [acme.github.open_issue(REPO, "carol", f"Down {n}", P0_FORM) for n in range(12)]
        keys = [acme.jira.create_issue("OPS", "carol", f"Down {n}", P0_WIKI, (), None) for n in range(4)]
        acme.github.settle()
        assert acme.github.issue(REPO, numbers[0]).labels == frozenset(), "nobody works yet"
        with acme.integrator.beside("work"), acme.integrator.beside("work") as second:
            wait_for(lambda: _all_handled(acme, numbers, keys), acme.integrator.log)
            wait_for(acme.integrator.is_settled, acme.integrator.log)
            assert {len(acme.github.issue(REPO, n).comments) for n in numbers} == {1}
            assert {len(acme.jira.issue(key).comments) for key in keys} == {1}
            second.send_signal(signal.SIGTERM)
            assert second.wait(30) == 0
        assert "Traceback" not in acme.integrator.log()


def _all_handled(acme: Company, numbers: list[int], keys: list[str]) -> bool:
    on_github = all(acme.github.issue(REPO, n).column == "Emergency Queue" for n in numbers)
    return on_github and all("P0" in acme.jira.issue(key).labels for key in keys)


def test_data_center_from_webhook_to_board(tmp_path: Path, recorder: Recorder) -> None:
    with company(tmp_path, recorder, product="data-center") as acme:
        acme.integrator.start()
        acme.connect()
        key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
        acme.jira.comment(key, "alice", "/p1")
        wait_for(lambda: set(acme.jira.issue(key).labels) == {"P1", "emergency"}, acme.integrator.log)
        wait_for(acme.integrator.is_settled, acme.integrator.log)
        done = acme.jira.issue(key)
        assert (done.status, len(done.comments)) == ("Emergency Queue", 2)


@pytest.mark.parametrize("server", ["granian", "waitress"])
def test_told_to_end_it_ends_and_gives_its_leases_back(server: str, tmp_path: Path, recorder: Recorder) -> None:
    with company(tmp_path, recorder, database=database()) as acme:
        acme.integrator.start("--server", server)
        acme.connect()
        number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        wait_for(lambda: acme.github.issue(REPO, number).column == "Emergency Queue", acme.integrator.log)
        begun = time.monotonic()
        assert acme.integrator.stop() == 0
        assert time.monotonic() - begun < 20
        assert "Traceback" not in acme.integrator.log()
        acme.github.label(REPO, number, "alice", "P1")
        acme.integrator.start("--server", server)
        acme.github.comment(REPO, number, "alice", "/p1")
        wait_for(lambda: acme.github.issue(REPO, number).labels == {"P1", "emergency"}, acme.integrator.log)
