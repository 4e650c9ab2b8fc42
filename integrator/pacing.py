"""The pace at which comments and issues are created, kept by all workers together: counted where the intents are.

Who finds no room is given a time of its own, in turn, and finds the room kept when it comes back then: so a thousand
of them are looked at once more each, not over and over. What comes first in the order of lanes takes no notice of the
times given to what comes after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.tracker import Pace
from integrator.store import Store
from integrator.tables import creations

_LOCK = 7275002  # of PostgreSQL's advisory locks, each with a tracker: any number that nobody else uses


@dataclass(frozen=True, slots=True)
class Wish:
    """A subject that wants to create something: how many, in which lane, and the part of the pace that is its own."""

    subject: str
    number: int
    lane: int
    part: float


def ask(
    store: Store, conn: Connection, tracker: str, wishes: Sequence[Wish], paces: Sequence[Pace]
) -> dict[str, datetime]:
    """Count what may be created now; the others, and when each of them may."""
    now = store.now()
    _wait_for_the_turn(store, conn, tracker)
    conn.execute(sa.delete(creations).where(*_old(tracker, now, paces)))
    kept = _kept(conn, tracker, wishes)
    waiting: dict[str, datetime] = {}
    for wish in sorted(wishes, key=lambda wish: wish.lane):
        seen = _seen(tracker, wish)
        came_in_turn = wish.subject in kept and kept[wish.subject] <= now
        at = _room(conn, [*seen, creations.c.at <= now] if came_in_turn else seen, wish, paces, now)
        if at > now:
            at = waiting[wish.subject] = _room(conn, seen, wish, paces, now)
        _count(conn, tracker, wish, at, begun=at <= now)
    return waiting


def _wait_for_the_turn(store: Store, conn: Connection, tracker: str) -> None:
    """SQLite writes one transaction after the other anyway."""
    if not store.is_sqlite:
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, sa.func.hashtext(tracker))))


def _old(tracker: str, now: datetime, paces: Sequence[Pace]) -> tuple[Any, ...]:
    return creations.c.tracker == tracker, creations.c.at <= now - max(pace.within for pace in paces)


def _kept(conn: Connection, tracker: str, wishes: Sequence[Wish]) -> dict[str, datetime]:
    """The times that these were given before, which are given back."""
    subjects = [wish.subject for wish in wishes]
    mine = creations.c.tracker == tracker, creations.c.subject.in_(subjects), creations.c.begun.is_(False)
    rows = conn.execute(sa.select(creations.c.subject, creations.c.at).where(*mine)).all()
    conn.execute(sa.delete(creations).where(*mine))
    return {row.subject: row.at for row in rows}


def _seen(tracker: str, wish: Wish) -> list[Any]:
    return [creations.c.tracker == tracker, creations.c.begun | (creations.c.lane <= wish.lane)]


def _room(conn: Connection, seen: Sequence[Any], wish: Wish, paces: Sequence[Pace], now: datetime) -> datetime:
    """The earliest time at which no span that ends then holds too many."""
    newest = sa.select(creations.c.at).where(*seen).order_by(creations.c.at.desc()).limit(1)
    times = [now]
    for pace in paces:
        most = max(1, int(pace.most * wish.part))
        in_the_way = conn.execute(newest.offset(max(0, most - wish.number))).scalar()
        if in_the_way is not None:
            times.append(in_the_way + pace.within)
    return max(times)


def _count(conn: Connection, tracker: str, wish: Wish, at: datetime, begun: bool) -> None:
    row = {"tracker": tracker, "subject": wish.subject, "lane": wish.lane, "at": at, "begun": begun}
    conn.execute(sa.insert(creations), [row] * wish.number)
