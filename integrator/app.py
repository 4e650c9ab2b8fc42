"""The web application: webhooks in, health and metrics out."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.exceptions import HTTPException

from integrator import metrics
from integrator.agenda import Agenda
from integrator.store import Store, agenda
from mapping.issue import IssueRef
from webhooks.delivery import Delivery
from webhooks.receiver import Receiver, blueprint


def web_app(
    store: Store,
    tasks: Agenda,
    receivers: Mapping[str, Receiver],
    spelled: Callable[[IssueRef], IssueRef],
    workers_alive: Callable[[], bool] | None,
) -> Flask:
    """The Flask application. `spelled` gives an issue's name in app.yaml's spelling; `workers_alive` is None where
    this process has no workers.
    """
    app = Flask("integrator", static_folder=None)

    def accept(tracker: str, delivery: Delivery) -> bool:
        touches = tuple(replace(touch, ref=spelled(touch.ref)) for touch in delivery.touches)
        return tasks.accept(tracker, replace(delivery, touches=touches))

    app.register_blueprint(blueprint(receivers, accept, _heard))
    app.register_error_handler(HTTPException, _as_json)

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return {"status": "alive"}

    @app.get("/readyz")
    def readyz() -> ResponseReturnValue:
        reasons = list(_reasons(store, workers_alive))
        return ({"status": "not ready", "reasons": reasons}, 503) if reasons else {"status": "ready"}

    @app.get("/metrics")
    def metrics_page() -> ResponseReturnValue:
        _measure(store)
        return generate_latest(), 200, {"Content-Type": CONTENT_TYPE_LATEST}

    return app


def _heard(tracker: str, event: str, answer: str) -> None:
    metrics.DELIVERIES.labels(tracker, event, answer).inc()


def _as_json(error: HTTPException) -> ResponseReturnValue:
    return {"error": error.name.lower()}, error.code or 500


def _reasons(store: Store, workers_alive: Callable[[], bool] | None) -> list[str]:
    reasons = []
    try:
        store.read(lambda conn: conn.execute(sa.select(agenda.c.subject).limit(1)).first())
    except sa.exc.SQLAlchemyError:
        reasons.append("the database does not answer")
    if workers_alive is not None and not workers_alive():
        reasons.append("the workers are not running")
    return reasons


def _measure(store: Store) -> None:
    now = store.now()

    def counts(conn: Any) -> tuple[int, int]:
        rows = sa.select(sa.func.count()).select_from(agenda)
        is_due = (agenda.c.look_at <= now) | (agenda.c.timer_at <= now)
        due = conn.execute(rows.where(agenda.c.parked_at.is_(None), is_due)).scalar_one()
        return due, conn.execute(rows.where(agenda.c.parked_at.is_not(None))).scalar_one()

    try:
        due, parked = store.read(counts)
    except sa.exc.SQLAlchemyError:
        return
    metrics.DUE.set(due)
    metrics.PARKED.set(parked)
