"""The law of a board: one thing in progress, all of it stopped by a P0, emergencies in order (R18, R20, R33).

Pure, and the same however often it is asked: what it wants is wanted no more once it is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mapping.board import Board
from mapping.case import Case
from mapping.changes import BoardPlan, Change, MoveCard
from mapping.dropping import dropping
from mapping.issue import Column, IssueRef
from mapping.items import Item, items_of
from mapping.owners import dedicating
from mapping.pausing import Stop, marking, pausing, restoring, stop_of
from mapping.policy import Policy
from mapping.queue import ordering
from mapping.ruling import Rulings, draft_changes, issue_changes, said_twice, together
from mapping.wip import Newcomer, Seats, limiting, newcomers


def plan_board(board: Board, policy: Policy, now: datetime, elsewhere: Sequence[Case] = ()) -> BoardPlan:
    """What the law wants of a board's cards. `elsewhere` are the P0s of other trackers.

    Nothing is due by itself: a card that was sent back too often stays until somebody acts.
    """
    items = items_of(board, policy, now)
    stop = stop_of(items, elsewhere, board.ref.tracker, policy)
    rulings = _rulings(items, stop, policy, now)
    moved = [change for item in sorted(items, key=lambda item: item.id) for change in _of_draft(item, rulings)]
    issues, placed = _of_issues(items, rulings, policy), ordering(items, policy, now)
    return BoardPlan(issues, (*moved, *placed), stops_work=stop is not None)


def _rulings(items: Sequence[Item], stop: Stop | None, policy: Policy, now: datetime) -> Rulings:
    """The limit first, then the pause of those who were there rightly, then what comes back where there is room."""
    seats = Seats(policy.board.wip)
    stopped = pausing(items, stop, policy) if stop else {}
    shut = frozenset({Column.IN_PROGRESS} if stop and policy.pause.mode == "move" else ())
    wrongly = _wrongly_there(items, stopped, stop, policy) if stop else ()
    late = newcomers([item for item in items if item.id not in stopped], seats)
    limited = limiting([*wrongly, *late], seats, shut, policy, now)
    sent_back = {card for card, ruling in limited.items() if ruling.column is not None}
    paused = {card: ruling for card, ruling in stopped.items() if card not in sent_back}
    stay = [item for item in items if item.id not in sent_back and item.id not in paused]
    marked = marking(stay, stop, policy) if stop else {}
    told = {card: ruling for card, ruling in limited.items() if card not in paused}
    return together(paused, told, marked, restoring(items, stop, seats, policy))


def _wrongly_there(items: Sequence[Item], stopped: Rulings, stop: Stop, policy: Policy) -> list[Newcomer]:
    """Who was too much already when work was stopped: it must not come back later as if it had been there rightly."""
    in_time = [item for item in items if item.column is Column.IN_PROGRESS and item.entered_at <= stop.began_at]
    return [newcomer for newcomer in newcomers(in_time, Seats(policy.board.wip)) if newcomer.item.id in stopped]


def _of_issues(items: Sequence[Item], rulings: Rulings, policy: Policy) -> Mapping[IssueRef, tuple[Change, ...]]:
    wanted: dict[IssueRef, tuple[Change, ...]] = {}
    owners, dropped = dedicating(items, rulings, policy), dropping(items, policy)
    for item in items:
        if item.case is not None:
            issue = item.case.issue
            ruled = issue_changes(issue, rulings[item.id], policy) if item.id in rulings else ()
            if changes := (*ruled, *owners.get(issue.ref, ()), *dropped.get(issue.ref, ()), *said_twice(issue)):
                wanted[issue.ref] = changes
    return wanted


def _of_draft(item: Item, rulings: Rulings) -> Iterator[MoveCard]:
    if item.case is None and item.id in rulings:
        yield from draft_changes(item, rulings[item.id])
