"""Streams for log lines on bad days: a disk that is full, a reader that went away, one that reads no more."""

import json
import threading
from collections import deque
from contextlib import suppress
from typing import TextIO

DELAY = 0.1  # seconds that lines wait for more
MOST = 10_000  # lines that wait for a reader
PATIENCE = 2.0  # seconds for the last of them


class Forgiving:
    """A stream that nobody has to fear: a line that can't be written (disk full, reader gone) is dropped.

    Otherwise a full disk would end a worker over a line that says so, and turn a stored delivery's 202 into a 500.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or don't."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or don't."""
        with suppress(OSError, ValueError):
            self._stream.flush()


class Behind:
    """A stream that nobody has to wait for: a thread writes what came in the last tenth of a second, all at once.

    Otherwise a reader that stands still would hold up every delivery. Lines beyond `MOST` are dropped, and counted.
    """

    def __init__(self, stream: Forgiving) -> None:
        self._stream = stream
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._come = threading.Event()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Have it written soon."""
        if len(self._lines) < MOST:
            self._lines.append(text)
        else:
            self._dropped += 1
        if not self._come.is_set():
            self._come.set()
        return len(text)

    def flush(self) -> None:
        """Nobody waits."""

    def close(self) -> None:
        """Have the last lines written, if anybody reads them."""
        self._ends.set()
        self._come.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        while not self._ends.is_set():
            self._come.wait()
            self._ends.wait(DELAY)
            self._come.clear()
            self._write()

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if self._dropped:
            lines.append(
                json.dumps({"event": "log lines were dropped", "level": "error", "lines": self._dropped}) + "\n"
            )
            self._dropped = 0
        self._stream.write("".join(lines))
        self._stream.flush()
