"""Changes put into words just before they are applied, and which of them create something."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from adapters.tracker import Dialect
from integrator.texts import Texts
from mapping.changes import (
    AlarmFacts,
    BoardFacts,
    Change,
    EditStatus,
    OpenIssue,
    PostComment,
    PostDraft,
    SetFields,
    SetLabels,
)


def in_words(changes: Sequence[Change], dialect: Dialect, now: datetime, texts: Texts) -> tuple[Change, ...]:
    """The changes with their facts put into words, in the tracker's markup."""
    return tuple(_in_words(change, dialect, now, texts) for change in changes)


def _in_words(change: Change, dialect: Dialect, now: datetime, texts: Texts) -> Change:
    match change:
        case EditStatus():
            return replace(change, body=texts.status(change.facts, dialect, now))
        case PostComment(facts=BoardFacts() as facts):
            return replace(change, body=texts.board(facts, dialect, now))
        case PostComment(facts=AlarmFacts() as facts):
            return replace(change, body=texts.alarm(facts, dialect, now))
        case PostDraft():
            return replace(change, body=texts.draft(change.facts, dialect, now))
        case OpenIssue():
            told = texts.retrospective(change.facts, dialect, now)
            return replace(change, title=told.subject, body=told.body)
        case _:
            return change


def created(changes: Sequence[Change]) -> list[str]:
    """The marker keys of the comments and issues that these changes would create."""
    said = [change for change in changes if isinstance(change, EditStatus | PostComment | PostDraft)]
    opened = [change.key for change in changes if isinstance(change, OpenIssue)]
    return [*(change.key for change in said if change.comment is None), *opened]


def wordless(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Those that need not wait for the others when these can't be said yet: what a comment remembers, goes with it."""
    return tuple(change for change in changes if isinstance(change, SetLabels | SetFields))
