"""What a tick of the agenda costs when 100 clocks are due among a million, and among a thousand."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bench.figure import Figure
from integrator.agenda import Agenda, Claim
from integrator.lanes import Lane
from integrator.store import Store
from integrator.tables import agenda

DUE = 100


def measure() -> Iterator[Figure]:
    """Milliseconds for claiming and putting down the due ones, few rows and many, and the ratio."""
    few, many = _tick(1_000), _tick(1_000_000)
    yield Figure(f"a tick with {DUE} due of 1,000 clocks (SQLite)", few, "ms")
    yield Figure(f"a tick with {DUE} due of 1,000,000 clocks (SQLite)", many, "ms")
    yield Figure("ratio of the two", many / few, "x", most=3)


def _tick(rows: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'bench.db'}")
        store.migrate()
        _fill(store, rows)
        tasks = Agenda(store, "bench")
        times = [_timed(store, tasks) for _ in range(5)]
        store.close()
        return min(times)


def _timed(store: Store, tasks: Agenda) -> float:
    soonest = sa.select(agenda.c.subject).order_by(agenda.c.timer_at.desc()).limit(DUE)
    due = sa.update(agenda).where(agenda.c.subject.in_(soonest)).values(timer_at=store.now() - timedelta(seconds=1))
    store.write(lambda conn: conn.execute(due))
    begun = time.perf_counter()
    claims = tasks.claim("github", DUE)
    _put_down(store, tasks, claims, store.now() + timedelta(hours=1))
    took = (time.perf_counter() - begun) * 1000
    if len(claims) != DUE:
        raise RuntimeError(f"{len(claims)} were due, not {DUE}")
    return took


def _put_down(store: Store, tasks: Agenda, claims: Sequence[Claim], at: datetime) -> None:
    def work(conn: Connection) -> None:
        for claim in claims:
            tasks.done(conn, claim, at, None)

    store.write(work)


def _fill(store: Store, rows: int) -> None:
    now = store.now()
    for start in range(0, rows, 50_000):
        _insert(store, [_row(number, now) for number in range(start, min(start + 50_000, rows))])


def _row(number: int, now: datetime) -> dict[str, Any]:
    return {
        "subject": f"github:acme/shop#{number + 1}",
        "tracker": "github",
        "lane": Lane.EVENT,
        "timer_at": now + timedelta(hours=1, seconds=number),
        "seq": 1,
        "attempts": 0,
    }


def _insert(store: Store, rows: Sequence[dict[str, Any]]) -> None:
    store.write(lambda conn: conn.execute(sa.insert(agenda), rows))
