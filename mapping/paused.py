"""What a card's history tells of its pause: whether we put it aside, when, and whether people have touched it since."""

from datetime import datetime

from mapping.case import Case
from mapping.issue import Happened, TimelineEvent
from mapping.items import LONG_AGO, Item
from mapping.judging import is_self
from mapping.placement import ROBOT_WINDOW
from mapping.policy import Policy
from mapping.ruling import PAUSE, paused_labels


def is_marked(item: Item, policy: Policy) -> bool:
    """It carries the mark of a pause, whoever put it."""
    return item.card.paused if item.case is None else bool(paused_labels(item.case.issue, policy))


def is_ours(item: Item, policy: Policy) -> bool:
    """It carries the mark, and we put it; a label that a person put is theirs."""
    if item.case is None:
        return item.card.paused
    put = [event for event in _about(item.case, policy) if event.kind is Happened.LABELED]
    return is_marked(item, policy) and bool(put) and is_self(put[-1].by)


def paused_at(item: Item, policy: Policy) -> datetime:
    """When we paused it last: by the label, or by our word on a card that was moved in again."""
    if item.case is None:
        return item.entered_at
    return max([_labelled_at(item.case, policy), *_told_at(item.case)])


def came_late(item: Item, policy: Policy) -> bool:
    """It was moved in during the emergency: we told whoever did it so."""
    if item.case is None:
        return False
    labelled_at = _labelled_at(item.case, policy)
    return any(at + ROBOT_WINDOW >= labelled_at for at in _told_at(item.case))


def _labelled_at(case: Case, policy: Policy) -> datetime:
    return max([LONG_AGO, *(e.at for e in _about(case, policy) if e.kind is Happened.LABELED and is_self(e.by))])


def _told_at(case: Case) -> list[datetime]:
    return [c.at for c in case.issue.comments if c.marker and c.marker.key.partition("@")[0] == PAUSE]


def is_untouched(item: Item, policy: Policy) -> bool:
    """Nobody moved, closed or reopened it since we paused it. Trackers that tell no moves tell when the last was."""
    if item.case is None:
        return True
    since = paused_at(item, policy)
    touches = {Happened.MOVED, Happened.CLOSED, Happened.REOPENED}
    later = [event for event in item.case.events if event.kind in touches and event.at > since]
    if not all(event.kind is Happened.MOVED and is_self(event.by) for event in later):
        return False
    return item.entered_at <= max([since, *(event.at for event in later)]) + ROBOT_WINDOW


def is_freed(item: Item, since: datetime, policy: Policy) -> bool:
    """Somebody took the mark away since then, on the card where it stands: it is left alone."""
    last = _last(item, policy)
    if last is None or last.kind is not Happened.UNLABELED or is_self(last.by):
        return False
    return last.at > max(since, item.entered_at)


def was_restored(item: Item, policy: Policy) -> bool:
    """We put it where it is, after a pause."""
    last = _last(item, policy)
    if last is None or last.kind is not Happened.UNLABELED or not is_self(last.by):
        return False
    return abs(last.at - item.entered_at) <= ROBOT_WINDOW


def _last(item: Item, policy: Policy) -> TimelineEvent | None:
    return next(reversed(_about(item.case, policy)), None) if item.case else None


def _about(case: Case, policy: Policy) -> list[TimelineEvent]:
    """The label of the pause, put and taken away."""
    name = policy.labels.paused.name.casefold()
    kinds = {Happened.LABELED, Happened.UNLABELED}
    return [event for event in case.events if event.kind in kinds and event.value.casefold() == name]
