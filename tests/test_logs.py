"""Logs on bad days: a stream that takes no lines ends nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from integrator.logs import Forgiving

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
