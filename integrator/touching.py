"""The statements that every delivery and every issue runs, made once: making one takes longer than running it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from integrator.store import Instant, Store, agenda, deliveries, intents
from integrator.subjects import Subject
from webhooks.delivery import Touch


def touching(store: Store) -> Any:
    """Put a row of `touch_row` on the agenda: the earlier time and the better lane win."""
    insert = store.upsert(agenda)
    new = insert.excluded
    waiting = agenda.c.look_at.is_not(None)
    return insert.on_conflict_do_update(
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


def touch_row(
    ref: Subject, lane: int, at: datetime, told: Touch | None = None, heard: str | None = None
) -> dict[str, Any]:
    """A subject as `touching` takes it, with what was `told` of it, and by which delivery that was `heard`."""
    return {
        "subject": str(ref),
        "tracker": ref.tracker,
        "lane": lane,
        "look_at": at,
        "seq": 1,
        "floor": told.floor if told else None,
        "shows": " ".join(told.shows) if told else "",
        "heard": heard,
        "attempts": 0,
    }


def keeping(store: Store) -> Any:
    """Store deliveries; those that are new come back."""
    return store.upsert(deliveries).on_conflict_do_nothing().returning(deliveries.c.tracker, deliveries.c.delivery)


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
    """The tokens that belong to the floor: those of one second add up, those of an earlier one are forgotten."""
    same = new.floor == agenda.c.floor
    newer = agenda.c.floor.is_(None) | (new.floor > agenda.c.floor)
    return sa.case((same, agenda.c.shows + " " + new.shows), (newer, new.shows), else_=agenda.c.shows)
