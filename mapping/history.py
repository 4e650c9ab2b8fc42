"""What happened to an issue, in order and each thing once: the facts that clocks and plans are made from.

A comment is a person's word while its author has write access, or from when we acknowledged it: what counted once
stands, though its author may later lose the access. What was edited after that is judged anew.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from mapping.commands import Command, Fact, command_in
from mapping.issue import Comment, Happened, Issue, Person, Standing, TimelineEvent
from mapping.policy import Policy
from mapping.text import QUOTES, Line, lines

_COMMAND = re.compile(r"/[a-z][a-z0-9-]*(?:\s.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant that a clock depends on, the evidence for it in words, and the comment it is in, if any."""

    at: datetime
    why: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A command in a comment, who gave it, and when (an edited comment counts from the edit)."""

    command: Command
    by: Person
    at: datetime
    comment: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A time that doesn't count; `end` None: it lasts."""

    begin: Mark
    end: Mark | None


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch from a report or reopening to the resolution (None: not resolved)."""

    number: int
    start: Mark
    end: Mark | None

    def covers(self, at: datetime) -> bool:
        """Whether something at this time belongs to the stretch."""
        return self.start.at <= at and (self.end is None or at <= self.end.at)


@dataclass(frozen=True, slots=True)
class Said:
    """What the comments say: commands of everybody, accepted or not, and comments that told the customer something."""

    orders: tuple[Order, ...]
    told: tuple[Mark, ...]
    stands: frozenset[str]  # the comments that we acknowledged as they are


def events_of(issue: Issue) -> tuple[TimelineEvent, ...]:
    """The timeline in its order, each event once, without what we reopened: we never mean to.

    On Jira a move of ours that was under way while somebody closed the issue takes it out of the done statuses again.
    """
    once = {event.id: event for event in issue.timeline}
    ordered = sorted(once.values(), key=lambda event: (event.at, event.id))
    return tuple(_by_others(ordered)) if any(map(_is_our_reopening, ordered)) else tuple(ordered)


def _by_others(events: list[TimelineEvent]) -> Iterator[TimelineEvent]:
    """The events without our reopening of what others closed, and without our closing that made up for it."""
    is_closed = is_by_mistake = False
    for event in events:
        if is_closed and _is_our_reopening(event):
            is_by_mistake = True
        elif not (is_by_mistake and event.kind is Happened.CLOSED and _is_ours(event)):
            if event.kind is Happened.CLOSED or event.kind is Happened.REOPENED:
                is_closed, is_by_mistake = event.kind is Happened.CLOSED, False
            yield event


def _is_our_reopening(event: TimelineEvent) -> bool:
    return event.kind is Happened.REOPENED and _is_ours(event)


def _is_ours(event: TimelineEvent) -> bool:
    return event.by is not None and event.by.standing is Standing.SELF


def as_others_left_it(issue: Issue, events: tuple[TimelineEvent, ...]) -> Issue:
    """The issue, closed since somebody closed it, though a move of ours reopened it by mistake."""
    if len(events) == len({event.id for event in issue.timeline}):
        return issue
    turns = [event for event in events if event.kind is Happened.CLOSED or event.kind is Happened.REOPENED]
    return replace(issue, closed_at=turns[-1].at if turns[-1].kind is Happened.CLOSED else None)


def said_in(issue: Issue, policy: Policy) -> Said:
    """Read every comment that isn't ours, once."""
    orders: list[Order] = []
    told: list[Mark] = []
    for comment in {comment.id: comment for comment in issue.comments if comment.marker is None}.values():
        by = _speaker(comment)
        if by is None or by.standing in {Standing.SELF, Standing.BOT}:
            continue
        read = lines(comment.body)
        at = comment.edited_at or comment.at
        orders += [Order(command, by, at, comment.id) for line in read if (command := command_in(line)) is not None]
        if _tells(comment, read, issue, policy):
            told.append(Mark(comment.at, f"comment by {comment.by.name if comment.by else by.name}", comment.id))
    orders.sort(key=lambda order: (order.at, order.comment))
    stands = frozenset(comment.id for comment in issue.comments if _stands(comment))
    return Said(tuple(orders), tuple(sorted(told, key=lambda mark: mark.at)), stands)


def _speaker(comment: Comment) -> Person | None:
    """Whose words they are, with the standing that these words have."""
    by = comment.edited_by or comment.by
    return replace(by, standing=Standing.TEAM) if by is not None and _stands(comment) else by


def _stands(comment: Comment) -> bool:
    changed_at = comment.edited_at or comment.at
    return comment.acknowledged_at is not None and changed_at <= comment.acknowledged_at


def _tells(comment: Comment, read: list[Line], issue: Issue, policy: Policy) -> bool:
    """A comment that the customer reads, by somebody of the team who isn't the reporter, with words of their own."""
    if comment.by is None or (comment.by.standing is not Standing.TEAM and not _stands(comment)):
        return False
    if comment.internal and not policy.sla.internal_comments_count:
        return False
    if issue.author is not None and comment.by.id == issue.author.id:
        return False
    return any(_is_said(line) for line in read)


def _is_said(line: Line) -> bool:
    """Commands and quotations are not the author's words to the customer; a path or a code block is."""
    is_command = line.prose and line.text.startswith("/") and _COMMAND.fullmatch(line.text) is not None
    return bool(line.text.strip()) and not is_command and not line.text.startswith(QUOTES)


def updates(said: Said, accepted: tuple[Order, ...]) -> tuple[Mark, ...]:
    """Everything the customer was told: comments by the team that say something, and messages marked `/sent` (G2)."""
    sent = [Mark(o.at, f"/sent by {o.by.name}", o.comment) for o in accepted if is_fact(o, "sent")]
    once = {mark.at: mark for mark in [*said.told, *sent]}
    return tuple(sorted(once.values(), key=lambda mark: mark.at))


def is_fact(order: Order, *names: str) -> bool:
    """Whether the order is one of these commands."""
    return isinstance(order.command, Fact) and order.command.name in names


def runs_of(
    reported_at: datetime, closed_at: datetime | None, events: tuple[TimelineEvent, ...], accepted: tuple[Order, ...]
) -> Iterator[Run]:
    """From the report to the resolution, and from each reopening to the next."""
    start: Mark | None = Mark(reported_at, "reported")
    number = 1
    for mark, opens in sorted(_turns(events, accepted), key=lambda turn: turn[0].at):
        if start is not None and not opens:
            yield Run(number, start, mark)
            start, number = None, number + 1
        elif start is None and opens:
            start = mark
    if start is not None:
        yield Run(number, start, Mark(closed_at, "closed") if closed_at is not None else None)


def _turns(events: tuple[TimelineEvent, ...], accepted: tuple[Order, ...]) -> Iterator[tuple[Mark, bool]]:
    """Every resolution (False) and reopening (True)."""
    for event in events:
        if event.kind is Happened.CLOSED or event.kind is Happened.REOPENED:
            by = f" by {event.by.name}" if event.by else ""
            yield Mark(event.at, f"{event.kind.value}{by}"), event.kind is Happened.REOPENED
    yield from ((Mark(o.at, f"/resolve by {o.by.name}", o.comment), False) for o in accepted if is_fact(o, "resolve"))


def pauses_of(events: tuple[TimelineEvent, ...], accepted: tuple[Order, ...], policy: Policy) -> Iterator[Pause]:
    """When the team waited for the customer: the label, `/waiting` and `/resume` (G19)."""
    begin: Mark | None = None
    for mark, waits in sorted(_waits(events, accepted, policy), key=lambda turn: turn[0].at):
        if waits and begin is None:
            begin = mark
        elif not waits and begin is not None:
            yield Pause(begin, mark)
            begin = None
    if begin is not None:
        yield Pause(begin, None)


def _waits(
    events: tuple[TimelineEvent, ...], accepted: tuple[Order, ...], policy: Policy
) -> Iterator[tuple[Mark, bool]]:
    name = policy.labels.waiting.name.casefold()
    for event in events:
        if event.kind is not Happened.LABELED and event.kind is not Happened.UNLABELED:
            continue
        if event.value.casefold() != name or (event.by is not None and event.by.standing is Standing.SELF):
            continue
        by, is_set = event.by.name if event.by else "somebody", event.kind is Happened.LABELED
        yield Mark(event.at, f"label {event.value} {'set' if is_set else 'taken away'} by {by}"), is_set
    for order in accepted:
        if is_fact(order, "waiting", "resume"):
            waits = is_fact(order, "waiting")
            yield Mark(order.at, f"/{'waiting' if waits else 'resume'} by {order.by.name}", order.comment), waits
