"""Granian as `serve` needs it: it remembers which signal ended it, and never outlives its parent."""

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog
import uvloop
from granian import Granian, loops
from granian.constants import HTTPModes, Interfaces, Loops

from integrator.ending import SIGNALS, Ending, held_back
from integrator.errors import FAULTY
from integrator.pool import FAREWELL
from integrator.service import Service, begun
from webhooks.rsgi import Door

LAST_PATIENCE = int(FAREWELL) + 5  # seconds for the worker process
LOOK_UP = 10.0  # seconds; a process that ends within 5.5 s of its start is none that Granian starts again

log = structlog.get_logger()


def serve(host: str, port: int, target: str = "integrator.granian_server:application") -> None:
    """Listen until told to end; KeyboardInterrupt when it was Ctrl-C. `target` makes the application."""
    server = _Server(
        target=target,
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        workers=1,
        loop=Loops.auto,
        http=HTTPModes.http1,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=LAST_PATIENCE,
        log_access=False,
    )
    try:
        server.serve()
    except SystemExit:
        if server.ending.told is None:
            raise
    server.ending.leave()


class _Server(Granian):  # type: ignore[misc, valid-type]
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ending = Ending()

    def signal_handler_interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.ending.told is not None:
            for process in self.wrks:
                process.kill()
        self.ending.signalled(number, frame)
        super().signal_handler_interrupt(number, frame)

    def _spawn_workers(self, *what: Any) -> None:
        with held_back():
            super()._spawn_workers(*what)

    def _respawn_workers(self, *what: Any, **how: Any) -> None:
        with held_back():
            super()._respawn_workers(*what, **how)


@loops.register("auto")
def _loop() -> "HeardOnce":
    """The event loop that Granian takes."""
    loop = HeardOnce()
    asyncio.set_event_loop(loop)
    return loop


class HeardOnce(uvloop.Loop):
    """Hands on one signal: Granian's handler waits for ever over a third, and the whole process with it."""

    _is_told = False

    def add_signal_handler(self, sig: int, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        """Have it called, unless another was before."""
        super().add_signal_handler(sig, self._tell, callback, args)

    def _tell(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if not self._is_told:
            self._is_told = True
            callback(*args)


class Entrance(Door):
    """The door in Granian's worker process."""

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called before the loop runs: a signal that came before it does would be lost."""
        loop.call_soon(signal.pthread_sigmask, signal.SIG_UNBLOCK, SIGNALS)


def application() -> Entrance:
    """What Granian's worker process loads."""
    threading.Thread(target=_end_with_the_parent, name="orphan", daemon=True).start()
    service = begun()
    threading.Thread(target=_follow, args=(service,), name="follower", daemon=True).start()
    return door(service)


def door(service: Service) -> Entrance:
    """The way into a service from Granian, in a process that has loaded all that it needs."""
    gc.collect()
    gc.freeze()  # what was loaded stays; walking through it held deliveries up for 80 ms
    gc.set_threshold(10_000, 20, 20)  # a delivery is hundreds of objects, and all of them go with it
    return Entrance(service.reception, service.agenda.accepted, service.app)


def _follow(service: Service) -> None:
    """Begin anew once a newer app.yaml is to be followed: this process ends, and Granian starts another."""
    while not service.may_follow():
        time.sleep(LOOK_UP)
    log.warning("beginning anew with the newer app.yaml")
    os.kill(os.getpid(), signal.SIGTERM)


def _end_with_the_parent() -> None:
    """A worker process whose parent was killed would go on listening, and keep a new one from starting."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_PATIENCE)
    os._exit(FAULTY)
