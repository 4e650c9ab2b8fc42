"""The order of the Emergency Queue (R20): by severity, then by what is due first; what is no emergency comes after."""

from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from mapping.board import Kind
from mapping.changes import PlaceCard
from mapping.clocks import OPEN, clocks
from mapping.issue import Column
from mapping.items import Item
from mapping.policy import Policy
from mapping.severity import Severity

NEVER = datetime.max.replace(tzinfo=UTC)


def ordering(items: Sequence[Item], policy: Policy, now: datetime) -> Iterator[PlaceCard]:
    """The fewest cards to place so that the queue is in order, each right below the one before it."""
    present = [item for item in items if item.column is Column.EMERGENCY_QUEUE and not item.is_leaving]
    wanted = sorted(present, key=lambda item: _urgency(item, policy, now))
    still = _standing_still(present, {item.id: place for place, item in enumerate(wanted)})
    above: str | None = None
    for item in wanted:
        if item.id not in still:
            yield PlaceCard(item.id, above, ("R20",))
        above = item.id


def _urgency(item: Item, policy: Policy, now: datetime) -> tuple[Any, ...]:
    """Severity, the next promise to the customer that is due, number; equal for all that is no emergency."""
    if item.case is None or item.case.severity is None or not item.is_emergency:
        return (len(Severity),)
    promised = [clock for clock in clocks(item.case, policy, now) if clock.name in {"response", "resolution"}]
    due = [clock.due_at for clock in promised if clock.state in OPEN and clock.due_at is not None]
    return (item.case.severity.rank, min(due, default=NEVER), *item.number)


def _standing_still(present: Sequence[Item], place: dict[str, int]) -> set[str]:
    """The most cards that are in order among themselves; those that can't be seen are always among them.

    Each card goes onto the first pile whose top is wanted after it: the piles' number is that of the cards in order.
    """
    fixed = [place[item.id] for item in present if item.card.kind is Kind.HIDDEN]
    piles: list[list[int]] = []
    passed = 0
    for item in present:
        at = place[item.id]
        passed += item.card.kind is Kind.HIDDEN
        if bisect(fixed, at) == passed:
            height = bisect(piles, at, key=_top)
            if height == len(piles):
                piles.append([])
            piles[height].append(at)
    still: set[int] = set()
    end = len(present)
    for pile in reversed(piles):
        end = next(at for at in pile if at < end)
        still.add(end)
    return {item.id for item in present if place[item.id] in still}


def _top(pile: Sequence[int]) -> int:
    return pile[-1]
