"""One person dedicated to each P1, who owns nothing else that is being worked on (R8, R34)."""

from collections.abc import Mapping
from datetime import datetime

from mapping.board import Board
from mapping.issue import Column, IssueRef
from mapping.items import Item, items_of
from mapping.policy import Policy
from mapping.severity import Severity


def shared_owners(board: Board, policy: Policy, now: datetime) -> Mapping[IssueRef, str]:
    """The P1s whose one owner has other work in progress or another emergency, and what to say about it."""
    items = items_of(board, policy, now)
    said: dict[IssueRef, str] = {}
    for item in items:
        case = item.case
        if case is None or not case.is_emergency or case.severity is not Severity.P1 or len(item.assignees) != 1:
            continue
        (owner,) = item.assignees
        others = [other.name for other in items if other.id != item.id and _is_worked_on(other, owner.id)]
        if others:
            also = " and ".join(dict.fromkeys(sorted(others)))
            said[case.issue.ref] = f"{owner.name} also has {also}; whoever owns a P1 has nothing else."
    return said


def _is_worked_on(item: Item, owner: str) -> bool:
    """The item is in progress or an emergency, and it is theirs."""
    in_progress = item.column is Column.IN_PROGRESS and item.takes_room
    return (in_progress or item.is_emergency) and owner in {person.id for person in item.assignees}
