"""Who is alone on a SQLite database: across processes, and after a kill."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from integrator import presence as presences
from integrator.presence import Presence, Taken

ENTER = """
import sys, time
from pathlib import Path
from integrator.presence import Presence
here = Presence(Path(sys.argv[1]))
here.enter(lambda: print("alone", flush=True))
print("in", flush=True)
time.sleep(20)
"""


def _said(database: Path) -> list[str]:
    said: list[str] = []
    mine = Presence(database)
    mine.enter(lambda: said.append("alone"))
    mine.leave()
    mine.leave()
    return said


def test_alone_only_while_nobody_else_is_in(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    first = Presence(database)
    first.enter(lambda: None)
    assert _said(database) == []
    first.leave()
    assert _said(database) == ["alone"]


def test_nobody_comes_in_while_the_one_who_is_alone_sees_to_it(tmp_path: Path) -> None:
    database, order = tmp_path / "a.db", list[str]()
    second = Presence(database)

    def come() -> None:
        second.enter(lambda: order.append("never"))
        order.append("second")

    def meanwhile() -> None:
        threading.Thread(target=come).start()
        time.sleep(0.1)
        order.append("first")

    first = Presence(database)
    first.enter(meanwhile)
    while "second" not in order:
        time.sleep(0.005)
    assert order == ["first", "second"]
    first.leave()
    second.leave()


def test_a_killed_process_is_no_longer_in(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    command = [sys.executable, "-c", ENTER, str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline(), process.stdout.readline()] == ["alone\n", "in\n"]
        assert _said(database) == []
        process.kill()
    assert _said(database) == ["alone"]


def test_one_stands_at_work_and_others_only_pass(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    serving, second, syncing = Presence(database), Presence(database), Presence(database)
    serving.stand()
    serving.enter(lambda: None)
    syncing.enter(lambda: None)
    with pytest.raises(Taken, match=r"is at work on .*a\.db already.*stop that one, or use PostgreSQL"):
        second.stand()
    serving.leave()
    second.leave()
    second.stand()
    second.leave()
    syncing.leave()


def test_a_killed_process_stands_there_no_more(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    command = [sys.executable, "-c", ENTER.replace("here.enter", "here.stand(); here.enter"), str(database)]
    mine = Presence(database)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "alone\n"
        with pytest.raises(Taken):
            mine.stand()
        process.kill()
    mine.stand()
    mine.leave()


def test_without_such_locks_nobody_claims_to_be_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presences, "fcntl", None)
    assert _said(tmp_path / "a.db") == []
    for standing in (Presence(tmp_path / "a.db"), Presence(tmp_path / "a.db")):
        standing.stand()
