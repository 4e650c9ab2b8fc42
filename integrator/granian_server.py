"""Granian as `serve` needs it: it remembers which signal ended it, and never outlives its parent."""

import logging
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from integrator.ending import Ending, end_when_told
from integrator.errors import FAULTY
from integrator.pool import FAREWELL
from integrator.service import wsgi

THREADS = 64  # each waits for its delivery to be stored, and those that wait are stored together
LOOK_UP = 1.0  # seconds between two looks at whether the parent still lives
LAST_PATIENCE = int(FAREWELL) + 5  # seconds for the worker process


def serve(host: str, port: int, target: str = "integrator.granian_server:application") -> None:
    """Listen until told to end; KeyboardInterrupt when it was Ctrl-C. `target` makes the application."""
    server = _Server(
        target=target,
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        respawn_failed_workers=True,
        workers_kill_timeout=LAST_PATIENCE,
        log_access=False,
    )
    logging.getLogger("_granian").addFilter(_is_no_advice)
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


def _is_no_advice(record: logging.LogRecord) -> bool:
    """Granian thinks that so many threads compute; they wait."""
    return "Python threads" not in record.getMessage()


def _insist(processes: Sequence[int], ended: threading.Event) -> None:
    while not ended.wait(LOOK_UP):
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)


def application() -> Flask:
    """What Granian's worker process loads. Until Granian listens there, a signal ends it in order."""
    end_when_told()
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    threading.Thread(target=_end_with, args=(os.getppid(),), name="orphan", daemon=True).start()
    return wsgi()


def _end_with(parent: int) -> None:
    """A worker process whose parent was killed would go on listening, and keep a new one from starting."""
    while os.getppid() == parent:
        time.sleep(LOOK_UP)
    for _ in range(LAST_PATIENCE):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LOOK_UP)
    os._exit(FAULTY)
