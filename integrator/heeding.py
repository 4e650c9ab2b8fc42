"""What a tracker's answers mean for the whole of it: that it works, or wants to be left alone, and what is left."""

from collections.abc import Iterable

import structlog
from sqlalchemy.engine import Connection

from adapters.tracker import Outcome, Tracker
from integrator import budgets, metrics
from integrator.agenda import Agenda
from integrator.store import Store

log = structlog.get_logger()


def heed(store: Store, agenda: Agenda, conn: Connection, tracker: Tracker, outcomes: Iterable[Outcome]) -> None:
    """Store it, in the transaction that puts a batch down."""
    budgets.note(store, conn, tracker.name, tracker.budgets)
    stops = [outcome.stopped for outcome in outcomes if outcome.stopped is not None and not outcome.is_interrupted]
    stop = next(iter(stops), None)
    if stop is None:
        agenda.answered(conn, tracker.name)
        return
    log.warning("tracker held back", tracker=tracker.name, error=str(stop), kind=type(stop).__name__)
    metrics.TRACKER_ERRORS.labels(tracker.name, type(stop).__name__).inc()
    agenda.hold_with(conn, tracker.name, stop)


def why_failed(outcomes: Iterable[Outcome]) -> str:
    """What failed, each with the tracker's reason; empty if nothing did."""
    failed = [pair for outcome in outcomes for pair in outcome.failed]
    return "; ".join(f"{type(change).__name__}: {error}" for change, error in failed)
