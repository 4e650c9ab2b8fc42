"""`integrator serve --no-work` with storing switched off, and with nothing else different.

`python -m bench.unstored PORT`
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from integrator.config import load
from integrator.granian_server import Entrance, door, serve
from integrator.logs import set_up_logs_behind
from integrator.service import build, database_url
from integrator.store import Store


class Forgetful(Store):
    """A database that takes every write and keeps none."""

    def write(self, work: Callable[[Connection], Any]) -> Any:
        """Say that it is done; no delivery was new."""
        return set()


def application() -> Entrance:
    """What Granian's worker process loads."""
    set_up_logs_behind()
    return door(build(load(Path(os.environ["INTEGRATOR_CONFIG"])), Forgetful(database_url()), dict, threads=0))


if __name__ == "__main__":
    serve("127.0.0.1", int(sys.argv[1]), "bench.unstored:application")
