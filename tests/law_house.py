"""A board on which people act and whose law is kept when told, as short as it can be said."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from adapters.memory import OURSELVES, MemoryTracker
from integrator.texts import Texts
from integrator.wording import in_words
from mapping.board import Board, BoardCard, Kind
from mapping.case import Case
from mapping.changes import BoardFacts, BoardPlan, PostComment
from mapping.issue import BoardRef, Column, Issue, IssueRef
from mapping.law import plan_board
from mapping.plan import plan_issue
from mapping.policy import Policy
from tests.mapping_house import START, TEAM, Clock

BACKLOG, IN_PROGRESS, REVIEW, DONE, QUEUE = (
    Column.BACKLOG,
    Column.IN_PROGRESS,
    Column.REVIEW,
    Column.DONE,
    Column.EMERGENCY_QUEUE,
)
PAUSED = "paused-by-emergency"
BOARD = BoardRef("github")


def ref(number: int) -> IssueRef:
    return IssueRef("github", f"acme/shop#{number}")


def rules(pause: Mapping[str, str] | None = None, since: datetime | None = None, **wip: Any) -> Policy:
    """A policy as app.yaml gives it, enforced since a time."""
    sla = {"enforce_from": since.isoformat()} if since else {}
    return Policy.model_validate_json(json.dumps({"board": {"wip": wip}, "pause": pause or {}, "sla": sla}))


LABEL_ONLY = rules({"mode": "label"})


class Wall:
    """A board in memory, its issues called by their numbers. Every act of a person takes a minute."""

    def __init__(self, policy: Policy | None = None, *, tells_moves: bool = True) -> None:
        self.policy = policy or Policy()
        self.clock = Clock()
        self.tracker = MemoryTracker("github", "markdown", TEAM, self.clock, tells_moves=tells_moves)
        self.barred: dict[int | str, Mapping[Column, str]] = {}
        self.elsewhere: Sequence[Case] = ()

    def later(self, minutes: float = 1) -> None:
        self.clock.now += timedelta(minutes=minutes)

    # ---------------------------------------------------------------- what people do

    def card(self, number: int, column: Column = IN_PROGRESS, *, at: datetime | None = None, **more: Any) -> int:
        """A planned issue of the team's, with its card in a column."""
        self.later()
        self.tracker.open(ref(number), "alice", f"Item {number}", column=column, at=at, **more)
        return number

    def other(self, kind: Kind, column: Column = IN_PROGRESS, owners: Sequence[str] = ()) -> str:
        """A card that is no issue."""
        self.later()
        return self.tracker.add_card(kind, f"A {kind.value}", column, owners)

    def p0(self, number: int, column: Column = QUEUE, label: str = "P0") -> int:
        """An emergency that a customer reports and alice confirms."""
        self.later()
        self.tracker.open(ref(number), "carol", "Down", column=column)
        self.tracker.label(ref(number), "alice", add=[label])
        return number

    def move(self, card: int | str, to: Column, by: str = "alice", after: float = 1) -> None:
        self.later(after)
        if isinstance(card, str):
            self.tracker.move_card(card, to)
        else:
            self.tracker.move(ref(card), by, to)

    def close(self, number: int) -> None:
        self.later()
        self.tracker.close(ref(number), "bob")

    def reopen(self, number: int) -> None:
        self.later()
        self.tracker.reopen(ref(number), "bob")

    def label(self, number: int, by: str = "alice", add: str = "", remove: str = "") -> None:
        self.later()
        self.tracker.label(ref(number), by, [add] if add else [], [remove] if remove else [])

    def assign(self, number: int, *names: str) -> None:
        self.tracker.assign(ref(number), "alice", names)

    # ---------------------------------------------------------------- what the integrator does

    @property
    def board(self) -> Board:
        """The board as the tracker shows it, with what it bars."""
        shown = self.tracker.board(BOARD, ())
        return replace(shown, cards=tuple(map(self._with_bars, shown.cards)))

    def _with_bars(self, card: BoardCard) -> BoardCard:
        number = int(card.id.partition("#")[2]) if card.issue else card.id
        with_bars = replace(card.card, barred=self.barred.get(number, {}))
        return replace(card, card=with_bars, issue=replace(card.issue, card=with_bars) if card.issue else None)

    def plan(self) -> BoardPlan:
        return plan_board(self.board, self.policy, self.clock(), self.elsewhere)

    def keep(self, after: float = 1) -> BoardPlan:
        """Keep the law once. It wants nothing more then."""
        self.later(after)
        plan = self.plan()
        self.apply(plan)
        assert self.plan() == BoardPlan({}), self.plan()
        return plan

    def apply(self, plan: BoardPlan) -> None:
        work = {ref: in_words(changes, "markdown", self.clock(), Texts()) for ref, changes in plan.issues.items()}
        self.tracker.apply(work, lambda: True)
        self.tracker.arrange(BOARD, plan.cards, lambda: True)

    def settle(self) -> None:
        """Keep the protocol on every issue and the law on the board, until nothing is left to do."""
        for _ in range(4):
            if not (self._keep_issues() | self._keep_board()):
                return
        raise AssertionError(f"it never settles: {self.plan()}")

    def _keep_issues(self) -> bool:
        wanted = {
            issue.ref: plan_issue(Case.of(issue, self.policy), self.policy, self.clock()).changes
            for issue in self.tracker.issues()
        }
        told = {ref: in_words(changes, "markdown", self.clock(), Texts()) for ref, changes in wanted.items() if changes}
        self.tracker.apply(told, lambda: True)
        return bool(told)

    def _keep_board(self) -> bool:
        return self.keep(after=0) != BoardPlan({})

    # ---------------------------------------------------------------- how it stands

    def issue(self, number: int) -> Issue:
        return self.tracker.issue(ref(number))

    def where(self, card: int | str) -> Column | None:
        standing = self.tracker.card(card).card if isinstance(card, str) else self.issue(card).card
        return standing.column if standing else None

    def is_paused(self, card: int | str) -> bool:
        return self.tracker.card(card).paused if isinstance(card, str) else PAUSED in self.issue(card).labels

    def said(self, number: int) -> list[str]:
        """What we commented about the board, by the keys of the comments without their times."""
        keys = [c.marker.key for c in self.issue(number).comments if c.marker and c.by == OURSELVES]
        return [about for about, _, at in (key.partition("@") for key in keys) if at]


def facts_for(plan: BoardPlan, number: int) -> BoardFacts:
    """What the one comment on an issue says."""
    (told,) = [change for change in plan.issues[ref(number)] if isinstance(change, PostComment)]
    assert isinstance(told.facts, BoardFacts)
    return told.facts


def minutes(n: float) -> datetime:
    return START + timedelta(minutes=n)
