"""Where a card belongs (R21): emergencies in their queue, closed work in Done, and never a fight over a column."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mapping.case import Case
from mapping.issue import Card, Column, Happened, Standing
from mapping.judging import is_self

ROBOT_WINDOW = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Placement:
    """What to do about an issue's card: the column to move it to (None: leave it), what to remember, what to say."""

    move_to: Column | None
    memo: dict[str, Any]
    flag: str = ""


def placement(case: Case, now: datetime) -> Placement:
    """Decide where the card goes. What we placed and when is kept in the memo: the tracker doesn't always tell."""
    card = case.issue.card
    kept = {key: case.memo[key] for key in ("placed", "placed_at", "undone") if key in case.memo}
    if card is None:
        return Placement(None, kept)
    want = _wanted(case, card)
    if want is None or card.column is want:
        return Placement(None, kept)
    if want in card.barred:
        return Placement(None, kept, card.barred[want])
    if want is Column.EMERGENCY_QUEUE and (stays := _stays(case, card)):
        return Placement(None, kept, stays)
    again = case.memo.get("placed") == want.value and _moved_by_robot(case, card)
    undone = {"undone": True} if again else {}
    return Placement(want, {"placed": want.value, "placed_at": now.isoformat(), **undone})


def _wanted(case: Case, card: Card) -> Column | None:
    """The column that the protocol wants; None: wherever the card is will do."""
    closed_at = case.issue.closed_at
    if closed_at is not None:
        left_before = card.moved_at is None or card.moved_at < closed_at
        is_left_over = left_before or _was_moved_by_us(case, card)
        return Column.DONE if card.name is not None and is_left_over else None
    if case.is_emergency:
        return Column.EMERGENCY_QUEUE
    if case.severity is not None and card.name is None:
        return Column.BACKLOG
    return Column.BACKLOG if case.severity is not None and _left_over(case, card) else None


def _was_moved_by_us(case: Case, card: Card) -> bool:
    """The last move was ours: we meant an open issue, and somebody closed it meanwhile."""
    moves = [event for event in case.events if event.kind is Happened.MOVED]
    if moves:
        return is_self(moves[-1].by)
    placed_at = _placed_at(case)
    is_there = card.column is not None and case.memo.get("placed") == card.column.value
    return is_there and placed_at is not None and card.moved_at is not None and card.moved_at < placed_at + ROBOT_WINDOW


def _left_over(case: Case, card: Card) -> bool:
    """The card stands where only a past emergency or a past closing put it."""
    if card.column is Column.EMERGENCY_QUEUE:
        return _is_placed(case, card.column) and _chosen_by(case, case.reported_at) is None
    return card.column is Column.DONE and _stood_there_when_reopened(case, card)


def _is_placed(case: Case, column: Column) -> bool:
    """We put it there: the memo says so, or the tracker, where the memo was lost with its comment."""
    moves = [event for event in case.events if event.kind is Happened.MOVED]
    return bool(case.memo.get("placed") == column.value or (moves and is_self(moves[-1].by)))


def _stays(case: Case, card: Card) -> str:
    """Why an emergency's card is left outside the queue; empty: it is moved there."""
    here = card.name or "no column"
    if by := _chosen_by(case, emergency_since(case)):
        return f"The card stays in {here}, where {by} put it."
    if card.name is None or not _was_placed(case, card) or _stood_there_when_reopened(case, card):
        return ""
    if _write_was_lost(case, card) or _moved_by_robot(case, card):
        return ""
    return f"The card stays in {here}, where it was put after it had been in the Emergency Queue."


def _stood_there_when_reopened(case: Case, card: Card) -> bool:
    """Where the card is was decided before the issue was reopened: by us, a built-in workflow, or for the last time."""
    reopened = [event.at for event in case.events if event.kind is Happened.REOPENED]
    return bool(reopened) and card.moved_at is not None and card.moved_at < reopened[-1]


def emergency_since(case: Case) -> datetime:
    """When the emergency began, or began again: its severity, or the last reopening."""
    reopened = [event.at for event in case.events if event.kind is Happened.REOPENED]
    return max([case.since, *reopened])


def _chosen_by(case: Case, since: datetime) -> str | None:
    """The person who last moved the card after `since`, if the tracker says."""
    moves = [e for e in case.events if e.kind is Happened.MOVED and e.at > since]
    last = moves[-1].by if moves else None
    return last.name if last and last.standing in {Standing.TEAM, Standing.OUTSIDER} else None


def _was_placed(case: Case, card: Card) -> bool:
    """We have put the card into the queue before: our memo says so, or what we did before it came where it is."""
    if "placed" in case.memo:
        return bool(case.memo["placed"] == Column.EMERGENCY_QUEUE.value)
    acts = [e for e in case.events if e.kind in {Happened.LABELED, Happened.MOVED}]
    ours = [e.at for e in acts if e.by and e.by.standing is Standing.SELF]
    since = emergency_since(case)
    return card.moved_at is not None and any(since <= at < card.moved_at - ROBOT_WINDOW for at in ours)


def _placed_at(case: Case) -> datetime | None:
    return datetime.fromisoformat(case.memo["placed_at"]) if "placed_at" in case.memo else None


def _write_was_lost(case: Case, card: Card) -> bool:
    """Nothing happened to the card since before we meant to move it: our own move never arrived."""
    placed_at = _placed_at(case)
    return placed_at is not None and card.moved_at is not None and card.moved_at < placed_at - timedelta(seconds=1)


def _moved_by_robot(case: Case, card: Card) -> bool:
    """A move within seconds after ours, and the first one: a built-in workflow, which is undone once (R21)."""
    placed_at = _placed_at(case)
    if placed_at is None or card.moved_at is None or case.memo.get("undone"):
        return False
    return timedelta(0) <= card.moved_at - placed_at + timedelta(seconds=1) and card.moved_at - placed_at < ROBOT_WINDOW
