"""What people do and see on boards: cards that are no issues, fields, views, order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.standins.github.people import People
from tests.standins.github.records import IssueField, Item


@dataclass(frozen=True)
class SeenCard:
    """A card as a person would see it; `body` is None where an issue is behind it."""

    title: str
    body: str | None
    column: str | None
    fields: Mapping[str, str | float]


class Planners(People):
    """People who plan on boards."""

    def issue_field(
        self, name: str, data_type: str = "text", options: Sequence[str] = (), org: str = "acme", shown_on: int = 0
    ) -> int:
        """A field that an organisation has on its issues, shown on the project of a number; its own number."""
        number, node_id = self.world.name("IF")
        self.world.issue_fields[number] = IssueField(
            number, node_id, org, name, data_type, self.world.now(), tuple(options)
        )
        if shown_on:
            self.board.add_field(self._project(shown_on), name, data_type.upper(), mirrors=number)
        return number

    def view(self, name: str, layout: str = "BOARD_LAYOUT", sorted_by: str = "", number: int = 1) -> None:
        """Another view of the project of that number, sorted by a field or not."""
        project = self._project(number)
        self.board.add_view(project, name, layout, next((f.id for f in project.fields if f.name == sorted_by), None))

    def remove_card(self, repo: str, number: int, by: str) -> None:
        with self.world.lock:
            (item,) = self.board.view.items_of(self._issue(repo, number))
            self.board.remove(item, by)

    def set_field(
        self, repo: str, number: int, by: str, name: str, value: str | float | None, project: int = 1
    ) -> None:
        """Give the card's field a value: an option by its name, None to clear it."""
        with self.world.lock:
            (item,) = self.board.view.items_of(self._issue(repo, number))
            field = next(f for f in self._project(project).fields if f.name == name)
            chosen = next((o.id for o in field.options if o.name == value), value)
            self.board.set_value(item, field, chosen, by)

    def draft(
        self,
        title: str,
        by: str,
        column: str | None = None,
        body: str = "",
        assignees: Sequence[str] = (),
        project: int = 1,
    ) -> str:
        """A card that is no issue; the card's node id."""
        with self.world.lock:
            item = self.board.add_draft(self._project(project), by, title, body, assignees)
            return self.board.move(item, column, by).node_id if column else item.node_id

    def edit_draft(self, card: str, by: str, body: str) -> None:
        with self.world.lock:
            draft = self.board.view.draft(self._card(card).draft_id)
            assert draft is not None
            self.board.edit_draft(draft, by, body=body)

    def convert_draft(self, card: str, by: str, repo: str) -> int:
        """It becomes an issue in that repository; the issue's number."""
        with self.world.lock:
            item = self._card(card)
            draft = self.board.view.draft(item.draft_id)
            assert draft is not None
            issue = self.acts.open_issue(self.world.repository(repo), by, draft.title, draft.body)
            self.board.convert(item, issue, by)
            return issue.number

    def move_draft(self, card: str, by: str, column: str | None) -> None:
        """Any card by its node id."""
        with self.world.lock:
            self.board.move(self._card(card), column, by)

    def place_card(self, card: str, by: str, below: str | None) -> None:
        """Any card by its node id, below another one, or at the top."""
        with self.world.lock:
            self.board.place(self._card(card), self._card(below) if below else None, by)

    # -- what stands there

    def card(self, card: str) -> SeenCard:
        """Any card by its node id, as a person would see it."""
        self.board.run_due()
        with self.world.lock:
            item = self._card(card)
            draft = self.acts.view.draft(item.draft_id)
            issue = self.acts.view.issue(item.issue_id)
            title = draft.title if draft else issue.title if issue else ""
            return SeenCard(title, draft.body if draft else None, self.board.column(item), self._fields(item))

    def card_of(self, repo: str, number: int) -> str:
        """The node id of an issue's card."""
        (item,) = self.board.view.items_of(self._issue(repo, number))
        return item.node_id

    def order(self, column: str, project: int = 1) -> list[str]:
        """The titles of the cards in a column, from top to bottom."""
        with self.world.lock:
            items = self.acts.view.items(self._project(project))
            return [self.card(x.node_id).title for x in items if self.board.column(x) == column and not x.archived_at]

    def _card(self, node_id: str) -> Item:
        found = self.acts.view.node(node_id)
        assert isinstance(found, Item), node_id
        return found
