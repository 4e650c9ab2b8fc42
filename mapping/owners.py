"""One person dedicated to each P1, who owns nothing else that is being worked on (R8, R34)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mapping.case import Case
from mapping.changes import BoardFacts, Change, DropComment, PostComment, digest_of
from mapping.issue import Column, Comment, Issue, IssueRef, Person
from mapping.items import Item
from mapping.plan import may_speak
from mapping.policy import Policy
from mapping.ruling import OWNER, Rulings, is_said
from mapping.severity import Severity

BECAUSE = ("R8", "R34")


@dataclass(frozen=True, slots=True)
class Shared:
    """The one owner of a P1, and what else is theirs, by its name on the board."""

    owner: Person
    others: tuple[str, ...]

    @property
    def says(self) -> str:
        """What the status comment says about it."""
        return f"{self.owner.name} also has {' and '.join(self.others)}; whoever owns a P1 has nothing else."


def shared_owners(items: Sequence[Item], rulings: Rulings) -> Mapping[IssueRef, Shared]:
    """The P1s whose one owner has other work in progress, once the rulings are made true, or another emergency."""
    owned = {item.id: {person.id for person in item.assignees} for item in items if _is_worked_on(item, rulings)}
    shared: dict[IssueRef, Shared] = {}
    for item in items:
        case = item.case
        if case is None or not case.is_emergency or case.severity is not Severity.P1 or len(item.assignees) != 1:
            continue
        (owner,) = item.assignees
        others = {other.name for other in items if other.id != item.id and owner.id in owned.get(other.id, ())}
        if others:
            shared[case.issue.ref] = Shared(owner, tuple(sorted(others)))
    return shared


def dedicating(items: Sequence[Item], rulings: Rulings, policy: Policy) -> Mapping[IssueRef, tuple[Change, ...]]:
    """Our comments on P1s that are not their owner's only work: there is one while it is so, and none afterwards."""
    shared = shared_owners(items, rulings)
    open_cases = [item.case for item in items if item.case is not None and item.case.issue.closed_at is None]
    return {case.issue.ref: tuple(_said(case, shared.get(case.issue.ref), policy)) for case in open_cases}


def _said(case: Case, shared: Shared | None, policy: Policy) -> Iterator[Change]:
    told = _comment(shared, policy) if shared and may_speak(case, policy) else None
    if told is not None and not is_said(case.issue, told.key):
        yield told
    wanted = told.key if told is not None else ""
    yield from (DropComment(comment.id, BECAUSE) for comment, key in _ours(case.issue) if key != wanted)


def _comment(shared: Shared, policy: Policy) -> PostComment:
    """It is called by what it says, so that one which is no longer true is another one."""
    limit, zone = policy.board.wip.limits.get(Column.IN_PROGRESS, 0), policy.sla.time_zone
    column = Column.IN_PROGRESS.value
    facts = BoardFacts(column, limit, shared.others, "", about=OWNER, zone=zone, owner=shared.owner.handle)
    key = f"{OWNER}@{digest_of((shared.owner.id, shared.others), {})}"
    return PostComment(key, facts, {"says": shared.says}, BECAUSE)


def _ours(issue: Issue) -> Iterator[tuple[Comment, str]]:
    for comment in issue.comments:
        if comment.marker is not None and comment.marker.key.partition("@")[0] == OWNER:
            yield comment, comment.marker.key


def _is_worked_on(item: Item, rulings: Rulings) -> bool:
    """The item is an emergency, or in progress."""
    ruled = rulings[item.id].column if item.id in rulings else None
    return item.is_emergency or ((ruled or item.column) is Column.IN_PROGRESS and item.takes_room)
