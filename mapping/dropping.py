"""The planned work that emergencies drop first, named on them (R51, R55)."""

from collections.abc import Iterator, Mapping, Sequence

from mapping.case import Case
from mapping.changes import SetFields
from mapping.issue import IssueRef
from mapping.items import Item
from mapping.okr import DROP_FIRST, PlannedCard, impact, okr_fields, planned_for, work_to_drop
from mapping.policy import Policy


def dropping(items: Sequence[Item], policy: Policy) -> Mapping[IssueRef, tuple[SetFields, ...]]:
    """The field of each emergency on the board that names the work to drop first.

    By its keys, never by its titles: who reads the emergency need not be meant to read those (G27).
    """
    cases = [item.case for item in items if item.case is not None]
    cards = list(_planned(cases, policy))
    return {case.issue.ref: tuple(_named(case, cards, policy)) for case in cases if case.is_emergency}


def _planned(cases: Sequence[Case], policy: Policy) -> Iterator[PlannedCard]:
    """The planned work on the board. What is said of it wrongly, `integrator okr` tells."""
    for case in cases:
        if key_result := planned_for(case, policy):
            yield PlannedCard(case.issue.ref.key, "", key_result, "")


def _named(case: Case, cards: Sequence[PlannedCard], policy: Policy) -> Iterator[SetFields]:
    """Where no work is to be named, the issue's own plan begins with its key results."""
    told, there = impact(case, policy), case.issue.fields.get(DROP_FIRST, "")
    dropped = [card.named for card in work_to_drop(cards, told)]
    wanted = okr_fields(told, dropped)[DROP_FIRST]
    if DROP_FIRST in case.issue.writable and there != wanted and (dropped or there):
        yield SetFields({DROP_FIRST: wanted}, ("R51", "R55"))
