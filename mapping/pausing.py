"""Planned work stops while a P0 is open, and goes on where it was after the last one (R4, R29, R33).

The label is the memory: what carries it, put there by us, was in In Progress.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mapping.case import Case
from mapping.changes import BoardFacts, PostComment
from mapping.issue import Column
from mapping.items import Item
from mapping.paused import came_late, is_freed, is_marked, is_ours, is_untouched, paused_at
from mapping.placement import emergency_since
from mapping.plan import stops_work
from mapping.policy import Policy
from mapping.ruling import PAUSE, RESTORE, Ruling, Rulings, is_said, key
from mapping.wip import Seats

BECAUSE = ("R33",)


@dataclass(frozen=True, slots=True)
class Stop:
    """The P0s that stop all other work: what each is called here, when the first of them began and when the last."""

    names: tuple[str, ...]
    began_at: datetime
    renewed_at: datetime


def stop_of(items: Sequence[Item], elsewhere: Sequence[Case], tracker: str, policy: Policy) -> Stop | None:
    """What stops work on a tracker's board; None: nothing does. P0s of other trackers do where the policy says so."""
    here = [item.case for item in items if item.case is not None]
    others = elsewhere if policy.pause.scope == "all" else ()
    p0s = {case.issue.ref: case for case in (*here, *others) if stops_work(case)}
    if not p0s:
        return None
    names = tuple(ref.key if ref.tracker == tracker else str(ref) for ref in sorted(p0s))
    began = [emergency_since(case) for case in p0s.values()]
    return Stop(names, min(began), max(began))


def pausing(items: Sequence[Item], stop: Stop, policy: Policy) -> Rulings:
    """What leaves In Progress for the time of the emergency: everything but emergencies."""
    if policy.pause.mode == "label":
        return {}
    leaving = [item for item in _stopped(items, stop, policy) if Column.BACKLOG not in item.card.card.barred]
    return {item.id: _moved(item, stop, policy) for item in leaving}


def marking(items: Sequence[Item], stop: Stop, policy: Policy) -> Rulings:
    """What stays in In Progress all the same, and is only marked: the policy wants it so, or it can't be moved."""
    return {
        item.id: _marked(item, stop, policy) for item in _stopped(items, stop, policy) if not is_marked(item, policy)
    }


def restoring(items: Sequence[Item], stop: Stop | None, seats: Seats, policy: Policy) -> Rulings:
    """What our mark is taken from: after the last P0 of everything, before it of what closed or became an emergency."""
    ours = [item for item in items if item.is_movable and is_ours(item, policy)]
    over = ours if stop is None else [item for item in ours if _is_past(item)]
    rulings: dict[str, Ruling] = {}
    for item in sorted(over, key=lambda item: (came_late(item, policy), paused_at(item, policy), item.number)):
        waits = item.column is Column.BACKLOG and not _is_past(item) and is_untouched(item, policy)
        rulings[item.id] = _restored(item, seats, policy) if waits else Ruling(paused=False, because=BECAUSE)
    return rulings


def _stopped(items: Sequence[Item], stop: Stop, policy: Policy) -> Iterator[Item]:
    """The work in In Progress; what a person took our mark from is left alone, and what is closed is no work."""
    for item in items:
        is_work = item.column is Column.IN_PROGRESS and item.takes_room and item.is_movable and not _is_past(item)
        if is_work and not is_freed(item, stop.renewed_at, policy):
            yield item


def _is_past(item: Item) -> bool:
    """Its pause is of no account any more: the issue is closed, or an emergency itself."""
    return item.case is not None and (item.case.issue.closed_at is not None or item.is_emergency)


def _moved(item: Item, stop: Stop, policy: Policy) -> Ruling:
    """Out of In Progress. Whoever moved it in during the emergency, or marked it, is told."""
    if not is_marked(item, policy):
        comments = _told(item, stop, Column.BACKLOG.value, "", policy) if item.entered_at > stop.began_at else ()
        return Ruling(Column.BACKLOG, True, tuple(comments), BECAUSE)
    why = "" if is_ours(item, policy) else "A person put the label of the pause, so a person moves it back."
    return Ruling(Column.BACKLOG, comments=tuple(_told(item, stop, Column.BACKLOG.value, why, policy)), because=BECAUSE)


def _marked(item: Item, stop: Stop, policy: Policy) -> Ruling:
    why = item.card.card.barred.get(Column.BACKLOG, "") if policy.pause.mode == "move" else ""
    is_told = why or item.entered_at > stop.began_at
    return Ruling(None, True, tuple(_told(item, stop, "", why, policy)) if is_told else (), BECAUSE)


def _told(item: Item, stop: Stop, back_to: str, why: str, policy: Policy) -> Iterator[PostComment]:
    mark = key(PAUSE, item.entered_at)
    if item.case is not None and not is_said(item.case.issue, mark):
        limit = policy.board.wip.limits.get(Column.IN_PROGRESS, 0)
        zone = policy.sla.time_zone
        facts = BoardFacts(item.column_name, limit, stop.names, back_to, why, PAUSE, zone)
        yield PostComment(mark, facts, {}, BECAUSE)


def _restored(item: Item, seats: Seats, policy: Policy) -> Ruling:
    """Back to In Progress, where there is room; else it stays in Backlog, and it is said why."""
    others = seats.in_the_way(item, Column.IN_PROGRESS) if seats.wip.mode == "enforce" else ()
    barred = item.card.card.barred.get(Column.IN_PROGRESS, "")
    if not others and not barred:
        seats.take(item, Column.IN_PROGRESS)
        return Ruling(Column.IN_PROGRESS, False, because=BECAUSE)
    return Ruling(None, False, tuple(_kept(item, others, barred, policy)), ("R18", *BECAUSE))


def _kept(item: Item, others: Sequence[Item], barred: str, policy: Policy) -> Iterator[PostComment]:
    mark = key(RESTORE, paused_at(item, policy))
    if item.case is not None and not is_said(item.case.issue, mark):
        limit = policy.board.wip.limits.get(Column.IN_PROGRESS, 0)
        names = tuple(other.name for other in others)
        column, zone = Column.IN_PROGRESS.value, policy.sla.time_zone
        facts = BoardFacts(column, limit, names, item.column_name, barred, RESTORE, zone)
        yield PostComment(mark, facts, {}, ("R18", *BECAUSE))
