"""Granian as `serve` needs it: it remembers which signal ended it, and never outlives its parent."""

import gc
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops

from integrator.ending import Ending, end_when_told
from integrator.errors import FAULTY
from integrator.pool import FAREWELL
from integrator.service import Service, begun
from webhooks.rsgi import Door

LOOK_UP = 1.0  # seconds between two looks at whether the parent still lives
LAST_PATIENCE = int(FAREWELL) + 5  # seconds for the worker process


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

    def _stop_workers(self) -> None:
        """A signal that comes while a worker process begins to listen is lost there, so it is said again and again."""
        ended = threading.Event()
        processes = [process._id() for process in self.wrks]
        threading.Thread(target=_insist, args=(processes, ended), name="insist", daemon=True).start()
        super()._stop_workers()
        ended.set()


def _insist(processes: Sequence[int], ended: threading.Event) -> None:
    while not ended.wait(LOOK_UP):
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)


def application() -> Door:
    """What Granian's worker process loads. Until Granian listens there, a signal ends it in order."""
    end_when_told()
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    threading.Thread(target=_end_with, args=(os.getppid(),), name="orphan", daemon=True).start()
    made = door(begun())
    gc.collect()
    gc.freeze()  # what was loaded stays; walking through it held deliveries up for 80 ms
    return made


def door(service: Service) -> Door:
    """The way into a service from Granian."""
    return Door(service.reception, service.agenda.accepted, service.app)


def _end_with(parent: int) -> None:
    """A worker process whose parent was killed would go on listening, and keep a new one from starting."""
    while os.getppid() == parent:
        time.sleep(LOOK_UP)
    for _ in range(LAST_PATIENCE):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LOOK_UP)
    os._exit(FAULTY)
