"""Cards moved, marked and put in order: drafts by their cards' ids, and the order of the Emergency Queue."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from adapters.github import board_documents, marker, operations
from adapters.github.cards import barred_columns, status_of
from adapters.github.client import Client, Json
from adapters.github.ids import Ids
from adapters.github.operations import Operation
from adapters.github.sending import Sender
from adapters.github.settings import Settings
from adapters.github.shared import Draft, Project, Shared
from adapters.github.tally import Tally
from adapters.tracker import Outcome
from mapping.changes import MoveCard, PlaceCard
from mapping.issue import BoardRef

_NEEDS = "reading the project's drafts (Projects: read)"


class Arranger:
    """Arranges the cards of one worker thread's board."""

    def __init__(
        self, settings: Settings, client: Client, shared: Shared, ids: Ids, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._ids = ids
        self._clock = clock

    def arrange(self, ref: BoardRef, changes: Sequence[MoveCard | PlaceCard], may_write: Callable[[], bool]) -> Outcome:
        """One request; a second one where a pause begins or ends, since its mark and its move depend on each other."""
        tally = Tally()
        project = self._ids.project()
        if project is None or project.why:
            for change in changes:
                tally.fail(change, project.why if project else "no project is connected")
            return tally.outcome(changes)
        moves = [change for change in changes if isinstance(change, MoveCard)]
        drafts = self._drafts([change.card for change in moves])
        steps = {id(change): list(self._steps(ref, change, drafts, project, tally)) for change in moves}
        sender = Sender(self._client, self._shared, self._ids, {ref: tally}, may_write)
        placed = [_placed(ref, change, project) for change in changes if isinstance(change, PlaceCard)]
        sender.send([made for change in moves for made in steps[id(change)][:1]] + placed)
        done = [change for change in moves if not tally.has_failed(change)]
        sender.send([made for change in done for made in steps[id(change)][1:]])
        for change in moves:
            self._shared.drafts.drop(change.card)
        return tally.outcome(changes)

    def _steps(
        self, ref: BoardRef, change: MoveCard, drafts: Mapping[str, Draft], project: Project, tally: Tally
    ) -> Iterator[Operation]:
        """The mark is put before the move and taken away after it: it is the memory of the pause (R33).

        What is paused goes to the top of the board, where a board is read whole.
        """
        draft, status = drafts.get(change.card), self._settings.columns[change.column]
        why = barred_columns(self._settings, project).get(change.column, "")
        if draft is None or why:
            tally.fail(change, why or "it is no draft on the board (any more)")
            return
        body = marker.paused(draft.body) if change.paused else marker.resumed(draft.body)
        marks = [operations.write_draft(ref, change, draft.id, body)] if body != draft.body else []
        is_there = draft.status.casefold() == status.casefold()
        moves = [] if is_there else [operations.set_status(ref, change, change.card, status, project)]
        top = [operations.place_card(ref, change, change.card, None, project.id)] if marks and moves else []
        yield from (*marks, *top, *moves) if change.paused else (*moves, *marks)

    def _drafts(self, cards: Sequence[str]) -> Mapping[str, Draft]:
        """The drafts on these cards, as a read of the board just saw them; asked for only where none did."""
        now = self._clock()
        known = {card: draft for card in cards if (draft := self._shared.drafts.get(card, now)) is not None}
        missing = [card for card in cards if card not in known]
        if not missing:
            return known
        answer = self._client.graphql(board_documents.DRAFTS, {"items": missing}, _NEEDS)
        found = {item["id"]: draft for item in filter(None, answer.data["items"]) if (draft := draft_of(item))}
        return {**known, **found}


def draft_of(item: Json) -> Draft | None:
    """The draft on a card; None where there is something else on it, or the card is archived."""
    content = item.get("content") or {}
    if content.get("__typename") != "DraftIssue" or item["isArchived"]:
        return None
    return Draft(content["id"], content["body"], status_of(item))


def _placed(ref: BoardRef, change: PlaceCard, project: Project) -> Operation:
    return operations.place_card(ref, change, change.card, change.below, project.id)
