"""What was changed or refused, when and because of which rules: the audit journal, the log and the count of it."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from adapters.tracker import Outcome
from integrator import metrics
from integrator.agenda import Claim
from integrator.logs import about
from integrator.tables import journal
from mapping.changes import Change
from mapping.issue import Subject

log = structlog.get_logger()


def as_json(change: Change) -> dict[str, Any]:
    """A change as people and scripts read it: its kind, its own keys, and why."""
    detail = {key: sorted(value) if isinstance(value, frozenset) else value for key, value in asdict(change).items()}
    detail.pop("body", None)
    because = list(detail.pop("because"))
    return {"change": type(change).__name__, **detail, "because": because}


def tell(conn: Connection, at: datetime, claim: Claim, ref: Subject, outcome: Outcome) -> None:
    """Write down what became of a subject's changes, and count and log those that were made, because of a claim."""
    note(conn, at, ref, outcome)
    for change in outcome.applied:
        metrics.CHANGES.labels(ref.tracker, type(change).__name__).inc()
        log.info("changed", **about(claim, ref), change=type(change).__name__, because=change.because)


def note(conn: Connection, at: datetime, ref: Subject, outcome: Outcome) -> None:
    """Write down what became of an issue's changes; of what there was no time for nothing is said."""
    failed = () if outcome.is_interrupted else outcome.failed
    lines = [_line(at, ref, change, None) for change in outcome.applied]
    lines += [_line(at, ref, change, error[:500]) for change, error in failed]
    if lines:
        conn.execute(sa.insert(journal), lines)


def _line(at: datetime, ref: Subject, change: Change, error: str | None) -> dict[str, Any]:
    detail = as_json(change)
    return {
        "at": at,
        "subject": str(ref),
        "change": detail.pop("change"),
        "because": " ".join(detail.pop("because")),
        "detail": json.dumps(detail, default=str),
        "error": error,
    }
