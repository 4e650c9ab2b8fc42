"""The statements that every delivery and every issue runs, made once: making one takes longer than running it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from integrator.batches import as_json, handed_over
from integrator.store import Store
from integrator.subjects import Subject
from integrator.tables import Instant, agenda, deliveries, intents, microseconds
from webhooks.delivery import Delivery, Touch

MOST_SHOWN = 10_000  # characters: tokens of a hundred deliveries, all of one second


class Row(NamedTuple):
    """A subject to put on the agenda, as the table has it; instants are microseconds since 1970."""

    subject: str
    tracker: str
    lane: int
    look_at: int
    floor: int | None
    shows: str
    heard: str | None
    seq: int = 1
    attempts: int = 0

    @classmethod
    def of(cls, ref: Subject, lane: int, at: datetime, told: Touch | None = None, heard: str | None = None) -> Self:
        """With what was `told` of it, and by which delivery that was `heard`."""
        floor = microseconds(told.floor) if told and told.floor else None
        shows = " ".join(told.shows) if told else ""
        return cls(str(ref), ref.tracker, int(lane), microseconds(at), floor, shows, heard)


class Touching:
    """Puts subjects on the agenda, many with one statement: the earlier time and the better lane win."""

    def __init__(self, store: Store) -> None:
        columns = tuple(agenda.c[name] for name in Row._fields)
        insert = store.upsert(agenda).from_select(Row._fields, handed_over(store, columns))
        new = insert.excluded
        waiting = agenda.c.look_at.is_not(None)
        self._statement = insert.on_conflict_do_update(
            index_elements=[agenda.c.subject],
            set_={
                "look_at": sa.case((waiting & (agenda.c.look_at <= new.look_at), agenda.c.look_at), else_=new.look_at),
                "lane": sa.case((waiting & (agenda.c.lane < new.lane), agenda.c.lane), else_=new.lane),
                "seq": agenda.c.seq + 1,
                "floor": later(agenda.c.floor, new.floor),
                "shows": _shows(new),
                "heard": sa.func.coalesce(new.heard, agenda.c.heard),
                "attempts": 0,
                "parked_at": None,
            },
        )

    def touch(self, conn: Connection, rows: Iterable[Row]) -> None:
        """In the order of their names, so that two who touch the same ones don't wait for each other."""
        for wave in _waves(sorted(rows, key=lambda row: row.subject)):
            conn.execute(self._statement, {"rows": as_json(wave)})


def _waves(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """One statement can't touch a subject twice: each wave has it at most once, the first wave all of them."""
    waves: list[list[Row]] = []
    times: Counter[str] = Counter()
    for row in rows:
        if times[row.subject] == len(waves):
            waves.append([])
        waves[times[row.subject]].append(row)
        times[row.subject] += 1
    yield from waves


class Keeping:
    """Stores deliveries, many with one statement."""

    _COLUMNS = ("tracker", "delivery", "event", "subjects", "received_at")

    def __init__(self, store: Store) -> None:
        given = handed_over(store, tuple(deliveries.c[name] for name in self._COLUMNS))
        insert = store.upsert(deliveries).from_select(self._COLUMNS, given).on_conflict_do_nothing()
        self._statement = insert.returning(deliveries.c.tracker, deliveries.c.delivery)

    def keep(self, conn: Connection, those: Sequence[tuple[str, Delivery]], at: datetime) -> set[tuple[str, str]]:
        """The tracker and id of each that was not there yet."""
        now = microseconds(at)
        rows = [(tracker, one.id, one.event, _subjects(one), now) for tracker, one in those]
        return {(tracker, name) for tracker, name in conn.execute(self._statement, {"rows": as_json(rows)}).all()}


def _subjects(delivery: Delivery) -> str:
    return " ".join(str(touch.ref) for touch in delivery.touches)


def putting_down() -> Any:
    """The subject `named`, leased `by` somebody, is as it should be; touched since it was `claimed`, it stays due."""
    unchanged = agenda.c.seq == sa.bindparam("claimed")
    mine = (agenda.c.subject == sa.bindparam("named"), agenda.c.lease_by == sa.bindparam("by"))
    return (
        sa.update(agenda)
        .where(*mine)
        .values(
            look_at=sa.case((unchanged, sa.null()), else_=agenda.c.look_at),
            timer_at=sa.bindparam("again_at", type_=Instant),
            floor=later(agenda.c.floor, sa.bindparam("answered", type_=Instant)),
            shows=sa.case((unchanged, ""), else_=agenda.c.shows),
            heard=sa.case((unchanged, sa.null()), else_=agenda.c.heard),
            lease_until=None,
            lease_by=None,
            attempts=0,
            parked_at=None,
            last_error=None,
            role=sa.bindparam("means"),
        )
    )


def intending(store: Store) -> Any:
    """Note that something is about to be created, or is again."""
    insert = store.upsert(intents)
    return insert.on_conflict_do_update(index_elements=["subject", "key"], set_={"begun_at": insert.excluded.begun_at})


def settling() -> Any:
    """Forget what was about to be created on the subject `named`."""
    return sa.delete(intents).where(intents.c.subject == sa.bindparam("named"))


def later(stored: Any, new: Any) -> Any:
    """The later of two instants of which either may be missing."""
    return sa.case((stored.is_(None), new), (new.is_(None), stored), (new > stored, new), else_=stored)


def _shows(new: Any) -> Any:
    """The tokens that belong to the floor: those of one second add up, those of an earlier one are forgotten.

    What is heard again adds nothing, and of very many the latest are kept: a row stays small whatever is sent.
    """
    kept = agenda.c.shows
    size, more = sa.func.length(kept), sa.func.length(new.shows)
    again = sa.func.substr(kept, size - more + 1) == new.shows
    same = new.floor == agenda.c.floor
    newer = agenda.c.floor.is_(None) | (new.floor > agenda.c.floor)
    return sa.case(
        (same & again, kept),
        (same & (size < MOST_SHOWN), kept + " " + new.shows),
        (same | newer, new.shows),
        else_=kept,
    )
