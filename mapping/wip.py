"""The work limit (R18): who was there first stays, the newcomer goes back to where it came from and is told why."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mapping.changes import BoardFacts, PostComment
from mapping.issue import Column
from mapping.items import Item
from mapping.paused import was_restored
from mapping.policy import Policy, Wip
from mapping.ruling import WIP, Ruling, Rulings, is_said, key

RETURNS_WITHIN = timedelta(hours=1)

_EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class Seats:
    """Who takes the room of limited columns, all together or per assignee."""

    wip: Wip
    taken: dict[tuple[Column, str], list[Item]] = field(default_factory=lambda: defaultdict(list))

    def in_the_way(self, item: Item, column: Column) -> tuple[Item, ...]:
        """Who takes the room that an item would need in a column; nobody: there is room."""
        limit = self.wip.limits.get(column)
        if limit is None or self.wip.mode == "off" or not item.takes_room:
            return ()
        full = [sat for owner in self._owners(item) if len(sat := self.taken[column, owner]) >= limit]
        return tuple(sorted({other.id: other for sat in full for other in sat}.values(), key=lambda other: other.turn))

    def take(self, item: Item, column: Column) -> None:
        """The item is in that column from now on."""
        if item.takes_room:
            for owner in self._owners(item):
                self.taken[column, owner].append(item)

    def _owners(self, item: Item) -> set[str]:
        """Whose limit an item counts for; what nobody is assigned to counts together."""
        if self.wip.scope == "board":
            return {_EVERYBODY}
        return {person.id for person in item.assignees} or {_EVERYBODY}


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who finds no room in its column, and those who were there first."""

    item: Item
    column: Column
    others: tuple[Item, ...]


def newcomers(items: Iterable[Item], seats: Seats) -> list[Newcomer]:
    """Give everybody room in the order of coming; who finds none."""
    late: list[Newcomer] = []
    for item in sorted(items, key=lambda item: item.turn):
        if item.column is None or item.column not in seats.wip.limits:
            continue
        others = seats.in_the_way(item, item.column)
        if others and item.is_movable:
            late.append(Newcomer(item, item.column, others))
        else:
            seats.take(item, item.column)
    return late


def limiting(late: Sequence[Newcomer], seats: Seats, shut: frozenset[Column], policy: Policy, now: datetime) -> Rulings:
    """What becomes of the newcomers. Nobody is sent to a column that is `shut`."""
    rulings: dict[str, Ruling] = {}
    for one in late:
        way = _way(one.item, one.column, seats, shut)
        seats.take(one.item, way.to or one.column)
        comments = tuple(_comment(one, way, policy, now))
        rulings[one.item.id] = Ruling(way.to, comments=comments, because=("R18",))
    return rulings


@dataclass(frozen=True, slots=True)
class Way:
    """Where a newcomer goes (None: it stays), and why it stays."""

    to: Column | None
    why: str = ""


def _way(item: Item, column: Column, seats: Seats, shut: frozenset[Column]) -> Way:
    if seats.wip.mode == "warn":
        return Way(None)
    if 0 < seats.wip.returns <= _returns(item):
        return Way(None, f"It was sent back {seats.wip.returns} times within an hour, so it is left where it is.")
    return _way_back(item, column, seats, shut)


def _way_back(item: Item, column: Column, seats: Seats, shut: frozenset[Column]) -> Way:
    """Where it came from, if that has room and is no emergencies' place, else Backlog; unless the tracker bars it."""
    card = item.card.card
    is_open = item.case is not None and item.case.issue.closed_at is None
    wrong = {column, Column.EMERGENCY_QUEUE, *shut, *({Column.DONE} if is_open else ())}
    free = card.left is not None and card.left not in wrong and not seats.in_the_way(item, card.left)
    if card.left is not None and free and card.left not in card.barred:
        return Way(card.left)
    barred = card.barred.get(Column.BACKLOG)
    return Way(Column.BACKLOG) if barred is None else Way(None, barred)


def _comment(one: Newcomer, way: Way, policy: Policy, now: datetime) -> Iterator[PostComment]:
    """One comment for each time of coming; drafts have none."""
    item, mark = one.item, key(WIP, one.item.entered_at)
    if item.case is None or is_said(item.case.issue, mark) or (way.to is None and _is_old(item, policy)):
        return
    facts = BoardFacts(
        column=item.column_name,
        limit=policy.board.wip.limits[one.column],
        in_the_way=tuple(other.name for other in one.others),
        back_to=way.to.value if way.to else "",
        why=way.why,
        about=WIP,
        zone=policy.sla.time_zone,
    )
    memo = {"returned_at": now.isoformat()} if way.to else {}
    yield PostComment(mark, facts, memo, ("R18",))


def _returns(item: Item) -> int:
    """How often it was sent back in the hour before it came this time, as our comments tell."""
    if item.case is None:
        return 0
    this, since = key(WIP, item.entered_at), item.entered_at - RETURNS_WITHIN
    told = {c.marker.key: c.marker.memo for c in item.case.issue.comments if c.marker is not None}
    at = [memo["returned_at"] for mark, memo in told.items() if mark != this and "returned_at" in memo]
    return sum(datetime.fromisoformat(text) > since for text in at)


def _is_old(item: Item, policy: Policy) -> bool:
    """What stays is not told of when it came before the integrator's time, or when we put it there ourselves."""
    since = policy.sla.enforce_from
    return (since is not None and item.entered_at < since) or was_restored(item, policy)
