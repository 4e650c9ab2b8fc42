"""How much GitHub is asked for at once: half as much when it runs out of time, and slowly more again."""

import threading
from collections.abc import Callable
from typing import TypeVar

from adapters.tracker import Failing

R = TypeVar("R")

GOES_WELL = 5
"""So many whole portions in a row were answered in time before a little more is tried."""


class TooSlow(Failing):
    """GitHub ran out of time or resources: a smaller question may succeed."""


class Portion:
    """The size that works for one kind of request; the threads of a connection share it.

    GitHub has ten seconds for a request, whatever it asks for; then the time is lost and costs points besides.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._size = most
        self._well = 0

    @property
    def size(self) -> int:
        """How much to ask for now."""
        return self._size

    def shrink(self, to: int) -> None:
        """More than this was too much."""
        with self._lock:
            self._size, self._well = max(1, min(self._size, to)), 0

    def worked(self, size: int) -> None:
        """So much was done in time; less than a whole portion tells nothing."""
        with self._lock:
            if size < self._size:
                return
            self._well += 1
            if self._well == GOES_WELL:
                self._size, self._well = min(self._most, self._size + max(1, self._size // 5)), 0

    def tried(self, ask: Callable[[int], R], at_most: int) -> R:
        """Ask for a portion, for half of it where that is too much, and so on; TooSlow when one is too much.

        Only what worked is remembered: a host that answers nothing at all says nothing about size.
        """
        size, halved = max(1, min(self.size, at_most)), False
        while True:
            try:
                answer = ask(size)
            except TooSlow:
                if size == 1:
                    raise
                size, halved = size // 2, True
                continue
            if halved:
                self.shrink(size)
            else:
                self.worked(size)
            return answer
