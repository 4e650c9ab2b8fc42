"""Which cards stand in the columns that the law of boards is about: found by search, or looked for one by one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.github import board_documents
from adapters.github.cards import nodes, status_of
from adapters.github.client import Client, Refused
from adapters.github.ids import Ids
from adapters.github.settings import Settings
from adapters.github.shared import Shared
from mapping.issue import Column

LAWFUL = (Column.IN_PROGRESS, Column.REVIEW, Column.EMERGENCY_QUEUE)
"""The columns that can be limited, and the emergencies'."""

_NEEDS = "listing the project's cards (Projects: read)"
_NOWHERE = ""


class Listing:
    """Finds cards by their column; what it finds may be a moment old, and has to be read."""

    def __init__(
        self, settings: Settings, client: Client, shared: Shared, ids: Ids, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._ids = ids
        self._clock = clock

    @property
    def statuses(self) -> Sequence[str]:
        """What the project calls these columns."""
        return tuple(self._settings.columns[column] for column in LAWFUL)

    def cards(self) -> Mapping[str, str]:
        """The cards' ids, each with the key of the issue on it (empty: none), in the order of the board.

        One request for a hundred of them; on a host that can't search, one for a hundred cards wherever they are.
        """
        project = self._settings.project
        if project is not None and not any('"' in status for status in self.statuses):
            query = "status:" + ",".join(f'"{status}"' for status in self.statuses)
            for owners in self._where():
                path = f"/{owners}/{project.owner}/projectsV2/{project.number}/items"
                if (found := self._search(path, {"q": query})) is not None:
                    self._shared.listing.put(self._settings.name, owners, self._clock())
                    return {str(row["node_id"]): _key(row) for row in found}
        self._shared.listing.put(self._settings.name, _NOWHERE, self._clock())
        return dict(self._one_by_one())

    def _where(self) -> Sequence[str]:
        """Organisations and users have different paths; older Enterprise Servers have neither."""
        known = self._shared.listing.get(self._settings.name, self._clock())
        if known is None:
            return ("orgs", "users")
        return () if known == _NOWHERE else (known,)

    def _search(self, path: str, parameters: Mapping[str, Any]) -> list[Any] | None:
        try:
            return list(self._client.pages(path, parameters, _NEEDS))
        except Refused as refusal:
            if refusal.status != 404:
                raise
            return None

    def _one_by_one(self) -> Iterator[tuple[str, str]]:
        project, wanted = self._ids.project(), {status.casefold() for status in self.statuses}
        cursor: str | None = None
        while project is not None and not project.why:
            variables = {"project": project.id, "after": cursor}
            answer = self._client.graphql(board_documents.STATUSES, variables, _NEEDS)
            page = answer.data["node"]["items"]
            for item in nodes(page):
                content = item.get("content") or {}
                if status_of(item).casefold() in wanted:
                    key = f"{content['repository']['nameWithOwner']}#{content['number']}" if content else ""
                    yield item["id"], key
            if not page["pageInfo"]["hasNextPage"]:
                return
            cursor = page["pageInfo"]["endCursor"]


def _key(row: Mapping[str, Any]) -> str:
    """`acme/shop#12` of an issue; empty for drafts, and for what can't be seen."""
    content = row.get("content") or {}
    if row.get("content_type") != "Issue" or "repository_url" not in content:
        return ""
    owner, name = str(content["repository_url"]).rsplit("/", 2)[-2:]
    return f"{owner}/{name}#{content['number']}"
