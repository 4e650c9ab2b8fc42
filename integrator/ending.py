"""The end of a long-running command: the first signal is an order to finish, the second ends the process at once."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Ending:
    """Remembers the signal that told this process to end."""

    def __init__(self) -> None:
        self.told: int | None = None
        self._orders: SimpleQueue[int] = SimpleQueue()  # its `put` may interrupt its `get`; an Event's `set` may not

    def catch(self) -> None:
        """Listen to SIGTERM and Ctrl-C from now on."""
        for number in SIGNALS:
            signal.signal(number, self.signalled)

    def signalled(self, number: int, frame: FrameType | None) -> None:
        """Take an order; the second one is obeyed on the spot."""
        if self.told is not None:
            os._exit(128 + number)
        self.told = number
        self._orders.put(number)

    def wait(self, seconds: float) -> bool:
        """Whether the order came within this time."""
        try:
            self._orders.get(timeout=seconds)
        except Empty:
            return False
        return True

    def leave(self) -> None:
        """End as the signal asks for: Ctrl-C is an interruption, SIGTERM is an end like any other."""
        if self.told == signal.SIGINT:
            raise KeyboardInterrupt


def end_when_told() -> None:
    """Until something better listens, a SIGTERM is an orderly end too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


@contextmanager
def held_back() -> Iterator[None]:
    """Signals wait, for a moment in which nobody could obey them.

    A process that is started meanwhile lets them wait, too, until it listens to them.
    """
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
