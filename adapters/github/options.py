"""New options on the project's Status field, without taking a single card's Status away.

GitHub replaces the whole list of options: one that is sent without its id becomes a new one, and all its cards lose
their Status. So every option is sent back with its id, and all cards are looked at before and after.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.github import board_documents, documents
from adapters.github.cards import nodes, project_of
from adapters.github.client import Client, Json, Refused
from adapters.github.settings import Settings
from adapters.tracker import Step
from mapping.issue import Column

_COLORS = {
    Column.BACKLOG: "GRAY",
    Column.IN_PROGRESS: "YELLOW",
    Column.REVIEW: "BLUE",
    Column.DONE: "GREEN",
    Column.EMERGENCY_QUEUE: "RED",
}
_NEEDS = "changing the project's Status field (Projects: write)"
_BY_HAND = "Open the project's settings, choose the field Status, add the options {} there."


class StatusOptions:
    """Adds the columns that the project's Status field lacks."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings = settings
        self._client = client

    def steps(self, dry_run: bool) -> Iterator[Step]:
        """One step for all missing columns; `failed` names every card that lost its Status, should that happen."""
        where = self._settings.project
        if where is None:
            return
        variables = {"owner": where.owner, "project": where.number}
        answer = self._client.graphql(documents.ids(0, board=True), variables, _NEEDS)
        project = project_of(answer.data.get("board"), self._settings)
        what = f"columns of project {where.owner}/{where.number}"
        if project.why:
            yield Step("by hand", what, project.why)
            return
        missing = [c for c in Column if self._settings.columns[c].casefold() not in project.options]
        names = ", ".join(f'"{self._settings.columns[column]}"' for column in missing)
        if not missing:
            yield Step("already there", what)
        elif dry_run:
            yield Step("would do", f"{what}: add {names}")
        else:
            status = answer.data["board"]["projectV2"]["field"]
            yield self._add(project.id, status, missing, f"{what}: add {names}", _BY_HAND.format(names))

    def _add(self, project: str, status: Json, missing: Sequence[Column], what: str, by_hand: str) -> Step:
        before = self._cards(project)
        try:
            answer = self._client.graphql(
                board_documents.UPDATE_OPTIONS, {"input": self._input(status, missing)}, _NEEDS
            )
        except Refused as refusal:
            return Step("by hand", what, f"{by_hand} GitHub refused to keep the options' ids: {refusal}")
        if answer.errors:
            return Step("failed", what, f"{answer.errors[0].get('message')} {by_hand}")
        after = answer.data["updateProjectV2Field"]["projectV2Field"]["options"]
        return _verdict(status["options"], after, before, self._cards(project), what)

    def _input(self, status: Json, missing: Sequence[Column]) -> dict[str, Any]:
        kept = [{key: option[key] for key in ("id", "name", "color", "description")} for option in status["options"]]
        new = [{"name": self._settings.columns[c], "color": _COLORS[c], "description": ""} for c in missing]
        return {"fieldId": status["id"], "singleSelectOptions": kept + new}

    def _cards(self, project: str) -> Mapping[str, str]:
        """The Status (option name) of every card that has one."""
        cards: dict[str, str] = {}
        cursor: str | None = None
        while True:
            answer = self._client.graphql(board_documents.STATUSES, {"project": project, "after": cursor}, _NEEDS)
            items = answer.data["node"]["items"]
            cards |= {item["id"]: value["name"] for item in nodes(items) if (value := item["fieldValueByName"])}
            if not items["pageInfo"]["hasNextPage"]:
                return cards
            cursor = items["pageInfo"]["endCursor"]


def _verdict(
    old: Sequence[Json], new: Sequence[Json], before: Mapping[str, str], after: Mapping[str, str], what: str
) -> Step:
    ids = {option["id"]: option["name"] for option in new}
    changed = [option["name"] for option in old if ids.get(option["id"]) != option["name"]]
    lost = {item: name for item, name in before.items() if item not in after}
    if lost:
        cards = "; ".join(f"{item}: {name}" for item, name in sorted(lost.items()))
        return Step("failed", what, f"{len(lost)} cards have no Status now; they had: {cards}")
    if changed:
        return Step("failed", what, f"GitHub made new options of {', '.join(changed)}; look at the project's workflows")
    return Step("done", what, f"{len(before)} cards kept their Status")
