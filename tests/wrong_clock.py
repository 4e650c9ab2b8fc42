"""The integrator on a machine whose clock is wrong: `python tests/wrong_clock.py SECONDS COMMAND …`."""

import sys
import time
from datetime import UTC, datetime, timedelta

import integrator.clock

AHEAD = float(sys.argv.pop(1))
_right = time.time


def wall_clock() -> datetime:
    """What this machine takes for the time."""
    return datetime.now(UTC) + timedelta(seconds=AHEAD)


integrator.clock.wall_clock = wall_clock  # before anything else asks for it
time.time = lambda: _right() + AHEAD

from integrator.cli import run  # noqa: E402

run()
