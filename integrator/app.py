"""The web application: webhooks in, health and metrics out."""

from collections.abc import Callable, Collection, Mapping

import sqlalchemy as sa
from flask import Flask
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.exceptions import HTTPException

from integrator import gauges, metrics
from integrator.probe import Probe
from integrator.store import Store
from integrator.tables import trackers as held_back
from webhooks.receiver import ALIVE, Receiver, Reception
from webhooks.wsgi import Accept, blueprint


def reception(receivers: Mapping[str, Receiver]) -> Reception:
    """Where deliveries come in, counted."""
    return Reception(receivers, _heard)


def web_app(
    store: Store,
    received: Reception,
    accept: Accept,
    trackers: Collection[str],
    workers_alive: Callable[[], bool] | None,
) -> Flask:
    """The Flask application. `received` has no receivers where this process takes no webhooks, `workers_alive` is None
    where it has no workers; `trackers` are all that app.yaml names.
    """
    app = Flask("integrator", static_folder=None)
    probe = Probe(store)
    app.register_blueprint(blueprint(received, accept))
    app.register_error_handler(HTTPException, _as_json)

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        return ALIVE

    @app.get("/readyz")
    def readyz() -> ResponseReturnValue:
        reasons = [] if (trouble := probe.trouble()) is None else [trouble]
        if workers_alive is not None and not workers_alive():
            reasons.append("the workers are not running")
        if reasons:
            return {"status": "not ready", "reasons": reasons}, 503
        held = _held(store)
        return {"status": "ready", "held_back": held} if held else {"status": "ready"}

    @app.get("/metrics")
    def metrics_page() -> ResponseReturnValue:
        if probe.trouble() is None:  # else they stay as they are, and nobody waits for a database that hangs
            gauges.measure(store, trackers)
        return generate_latest(), 200, {"Content-Type": CONTENT_TYPE_LATEST}

    return app


def _heard(tracker: str, event: str, answer: str) -> None:
    metrics.DELIVERIES.labels(tracker, event, answer).inc()


def _as_json(error: HTTPException) -> ResponseReturnValue:
    return {"error": error.name.lower()}, error.code or 500


def _held(store: Store) -> dict[str, str]:
    """Why whole trackers are left alone just now. Deliveries are taken all the same, so this process is ready."""
    query = sa.select(held_back).where(held_back.c.not_before > store.now())
    try:
        rows = store.read(lambda conn: conn.execute(query).all())
    except sa.exc.SQLAlchemyError:
        return {}  # gone since it was asked: the next look says so
    return {row.name: f"until {row.not_before:%H:%M:%S} UTC: {row.why}" for row in rows}
