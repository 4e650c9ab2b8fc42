"""The real server with little patience for bodies, and no tracker: `python -m tests.slow_door PORT`."""

import sys

from integrator.granian_server import Entrance, serve
from webhooks.delivery import Delivery
from webhooks.receiver import Reception

BODY_TAKES = 0.5


async def _accept(tracker: str, delivery: Delivery) -> bool:
    raise AssertionError("there is no tracker")


def application() -> Entrance:
    """What Granian's worker process loads."""
    return Entrance(Reception({}, lambda *_: None), _accept, lambda environ, start: [], BODY_TAKES)


if __name__ == "__main__":
    serve("127.0.0.1", int(sys.argv[1]), "tests.slow_door:application")
