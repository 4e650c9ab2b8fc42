"""Logs: one line an event, readable on a terminal, JSON elsewhere. No secret is ever an argument of a log call."""

import logging
import sys
from contextlib import suppress
from typing import TextIO

import structlog

from integrator.agenda import Claim
from integrator.subjects import Subject
from mapping.issue import BoardRef, IssueRef


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


def about(claim: Claim, ref: Subject | None = None) -> dict[str, str]:
    """What a line is about: the subject (or another one that followed from it), and the delivery that told of it."""
    subject = ref or claim.ref
    kind = "issue" if isinstance(subject, IssueRef) else "board" if isinstance(subject, BoardRef) else "round"
    return {kind: str(subject)} | ({"delivery": claim.heard} if claim.heard else {})


def set_up_logs(level: int = logging.INFO) -> None:
    """Send structured lines to stderr."""
    on_terminal = sys.stderr.isatty()
    stream: TextIO = Forgiving(sys.stderr)  # type: ignore[assignment]
    renderer = structlog.dev.ConsoleRenderer(colors=on_terminal) if on_terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
    )
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(levelname)s %(name)s %(message)s")
