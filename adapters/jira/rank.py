"""The order of the board: Jira keeps one rank for all issues, whatever board shows them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from adapters.jira.cards import Cards
from adapters.jira.client import AGILE
from adapters.jira.errors import EndpointBusy, Refused
from adapters.jira.site import Site
from adapters.jira.work import after
from adapters.tracker import LeaseLost, Outcome, TrackerError
from mapping.board import BoardCard
from mapping.changes import MoveCard, PlaceCard
from mapping.issue import BoardRef

MOST_AT_ONCE = 50
NO_DRAFTS = "a Jira board holds nothing but issues, so there is no card to move by itself"

Placed = MoveCard | PlaceCard


class Ranking:
    """Puts issues right below others."""

    def __init__(self, site: Site, cards: Cards) -> None:
        self._site = site
        self._cards = cards

    def arrange(self, ref: BoardRef, changes: Sequence[Placed], may_write: Callable[[], bool]) -> Outcome:
        """Place cards in the order given, a whole run of them in one request.

        Where the board isn't ranked its order is its filter's, and nothing is to be done.
        """
        moves = [(change, NO_DRAFTS) for change in changes if isinstance(change, MoveCard)]
        placed = [change for change in changes if isinstance(change, PlaceCard)]
        layout = self._site.layout()
        if layout is None or not layout.board.rank:
            return Outcome(tuple(placed), tuple(moves))
        applied: list[Placed] = []
        failed: list[tuple[Placed, str]] = [*moves]
        cards, stopped = self._cards.last(ref) if placed else (), None
        for run in _runs(placed):
            try:
                why = self._rank(run, _body(run, cards, layout.board.rank), may_write)
            except TrackerError as stop:
                if not applied and not isinstance(stop, Refused | EndpointBusy):
                    raise
                stopped = stop
                why = stop.reason if isinstance(stop, Refused) else str(stop)
            if why:
                failed += [(change, why) for change in run]
            else:
                applied += run
        return after(stopped, Outcome(tuple(applied), tuple(failed)))

    def _rank(self, run: Sequence[PlaceCard], body: dict[str, Any] | None, may_write: Callable[[], bool]) -> str:
        """Why Jira didn't rank some of them; empty if it did. Without a body they stand there already."""
        if body is None:
            return ""
        if not may_write():
            raise LeaseLost
        answer = self._site.client.call("PUT", f"{AGILE}/issue/rank", body)
        entries = answer.get("entries") if isinstance(answer, dict) else None
        bad = [entry for entry in entries or () if int(entry.get("status") or 0) >= 400]
        said = [str(error) for entry in bad for error in entry.get("errors") or ["Jira gave no reason"]]
        return "; ".join(said)[:400]


def _runs(changes: Sequence[PlaceCard]) -> Iterator[list[PlaceCard]]:
    """Cards that follow each other: Jira ranks a list of issues in its order."""
    run: list[PlaceCard] = []
    for change in changes:
        if run and (change.below != run[-1].card or len(run) == MOST_AT_ONCE):
            yield run
            run = []
        run.append(change)
    if run:
        yield run


def _body(run: Sequence[PlaceCard], cards: Sequence[BoardCard], rank: str) -> dict[str, Any] | None:
    """The request that puts a run right below another card, or before the first of its column that is not in it."""
    issues = [change.card for change in run]
    about: dict[str, Any] = {"rankCustomFieldId": int(rank.removeprefix("customfield_"))}
    if run[0].below is not None:
        return {"issues": issues, "rankAfterIssue": run[0].below, **about}
    column = next((card.card.column for card in cards if card.id == issues[0]), None)
    first = next((card.id for card in cards if card.card.column is column and card.id not in issues), None)
    if first is not None:
        return {"issues": issues, "rankBeforeIssue": first, **about}
    return {"issues": issues[1:], "rankAfterIssue": issues[0], **about} if issues[1:] else None
