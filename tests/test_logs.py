"""Logs on bad days: a stream that takes no lines ends nothing."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from integrator.log_stream import MOST, Behind, Forgiving

SAY = """
import logging, sys
import structlog
from integrator.logs import set_up_logs
set_up_logs()
for number in range(3):
    structlog.get_logger().error("disk full", number=number)
    logging.getLogger("other").error("disk full")
try:
    raise OSError("no")
except OSError:
    structlog.get_logger().exception("stumbled")
print("went on")
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
def test_a_full_disk_costs_the_lines_and_nothing_else() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", SAY], stdout=subprocess.PIPE, stderr=full, text=True, check=False)
    assert done.stdout == "went on\n"


def test_a_reader_that_went_away_costs_nothing_either(tmp_path: Path) -> None:
    stream = (tmp_path / "log").open("w")
    stream.close()
    forgiving = Forgiving(stream)
    assert forgiving.write("lost") == 4
    forgiving.flush()


def test_a_line_is_json_with_a_level_and_a_time() -> None:
    done = subprocess.run([sys.executable, "-c", SAY], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [(line["event"], line["level"]) for line in lines] == [("disk full", "error")] * 3 + [("stumbled", "error")]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert "OSError: no" in lines[-1]["exception"]


def test_a_reader_that_stands_still_holds_nobody_up_and_is_told_what_it_missed() -> None:
    read, write = os.pipe()
    with os.fdopen(read) as reader, os.fdopen(write, "w", buffering=1) as stream:
        lines = Behind(Forgiving(stream))
        for number in range(3 * MOST):
            lines.write(f"{number:06} {'x' * 100}\n")
        told = json.loads("{}")
        while told.get("event") != "log lines were dropped":
            line = reader.readline()
            told = json.loads(line) if line.startswith("{") else told
        threading.Thread(target=reader.read, daemon=True).start()  # more may be on the way
        lines.close()
    assert told["level"] == "error"
    assert 0 < told["lines"] <= 2 * MOST


def test_the_last_lines_are_written_at_the_end(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        lines = Behind(Forgiving(stream))
        for number in range(100):
            lines.write(f"{number}\n")
        lines.close()
    assert (tmp_path / "log").read_text().split() == [str(number) for number in range(100)]
