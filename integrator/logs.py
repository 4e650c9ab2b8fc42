"""Logs: one line an event, readable on a terminal, JSON elsewhere. No secret is ever an argument of a log call."""

import logging
import sys
from typing import Any

import structlog

from integrator.agenda import Claim
from integrator.log_stream import Behind, Forgiving
from integrator.subjects import Subject
from mapping.issue import BoardRef, IssueRef


def about(claim: Claim, ref: Subject | None = None) -> dict[str, str]:
    """What a line is about: the subject (or another one that followed from it), and the delivery that told of it."""
    subject = ref or claim.ref
    kind = "issue" if isinstance(subject, IssueRef) else "board" if isinstance(subject, BoardRef) else "round"
    return {kind: str(subject)} | ({"delivery": claim.heard} if claim.heard else {})


def set_up_logs(level: int = logging.INFO) -> None:
    """Send structured lines to stderr."""
    _send_to(Forgiving(sys.stderr), level)


def set_up_logs_behind() -> Behind:
    """The same for a server, which doesn't wait for whoever reads them; `close` it at the end."""
    stream = Behind(Forgiving(sys.stderr))
    _send_to(stream, logging.INFO)
    return stream


def _send_to(stream: Any, level: int) -> None:
    on_terminal = sys.stderr.isatty()
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
        logger_factory=structlog.WriteLoggerFactory(stream),
    )
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(levelname)s %(name)s %(message)s")
