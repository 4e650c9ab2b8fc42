"""What a site was asked before, shared by all threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """Answers that stay good for a while. The lock is held while asking, so many threads ask once."""

    def __init__(self, keep: timedelta, clock: Callable[[], datetime]) -> None:
        self._keep = keep
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[Hashable, tuple[datetime, T]] = {}

    def get(self, key: Hashable, ask: Callable[[], T]) -> T:
        """The answer from before if it is young enough, else a new one; a failure is not kept."""
        with self._lock:
            held = self._held.get(key)
            if held is None or self._clock() - held[0] >= self._keep:
                held = self._held[key] = (self._clock(), ask())
            return held[1]

    def peek(self, key: Hashable) -> T | None:
        """The answer from before, if it is young enough."""
        with self._lock:
            held = self._held.get(key)
            return held[1] if held is not None and self._clock() - held[0] < self._keep else None

    def drop(self, *keys: Hashable) -> None:
        """Forget these answers, or (without a key) all: something has changed."""
        with self._lock:
            for key in keys or tuple(self._held):
                self._held.pop(key, None)


class Recent(Generic[T]):
    """The newest `size` things by key; older ones are forgotten."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, T] = OrderedDict()

    def put(self, key: Hashable, value: T) -> None:
        """Remember, and forget the oldest if there are too many."""
        with self._lock:
            self._held[key] = value
            self._held.move_to_end(key)
            while len(self._held) > self._size:
                self._held.popitem(last=False)

    def get(self, key: Hashable) -> T | None:
        """What is remembered under the key, if anything."""
        with self._lock:
            return self._held.get(key)

    def take(self, key: Hashable) -> T | None:
        """The same, and forget it."""
        with self._lock:
            return self._held.pop(key, None)
