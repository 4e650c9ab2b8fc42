"""From answers to whole issues: further pages joined, ids kept, and seen through the right lens."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from adapters.github import documents
from adapters.github.cards import card_fields, card_item, is_cut, nodes
from adapters.github.client import Answer, Client, Json, Refused
from adapters.github.ids import Ids, label_ids
from adapters.github.issue_fields import IssueFields
from adapters.github.people import Identities
from adapters.github.settings import App, Settings
from adapters.github.shapes import Lens
from adapters.github.shared import Known, Project, Shared
from adapters.tracker import Unreachable
from mapping.issue import Issue, IssueRef

NEEDS = "reading issues (Issues: read, Projects: read)"

_PAGES_AT_ONCE = 20
_UNKNOWN_EVENT = re.compile(r"PROJECT_V2_ITEM_STATUS_CHANGED_EVENT|ProjectV2ItemStatusChangedEvent")


class Unreadable(Exception):
    """One issue (or its repository, or the board) can't be read; nothing is wrong with the tracker, others go on."""


class Issues:
    """Makes issues of what GitHub answered, and keeps the ids where all threads find them."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        settings: Settings,
        client: Client,
        shared: Shared,
        ids: Ids,
        fields: IssueFields,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._ids = ids
        self._fields = fields
        self._clock = clock

    @property
    def asks_moves(self) -> bool:
        """Whether to ask for the events of moves: there is a board, and the host knows them."""
        return self._settings.project is not None and self._shared.tells_moves

    def ask(self, query: str, variables: Json) -> Answer | None:
        """One request with the fragment I; None when the host knows no events of moves: ask again without them."""
        try:
            return self._client.graphql(query, variables, NEEDS)
        except Refused as refusal:
            if not (self.asks_moves and _UNKNOWN_EVENT.search(str(refusal))):
                raise
            self._shared.tells_moves = False
            return None

    def whole(
        self, raws: Mapping[IssueRef, dict[str, Any]], answer: Answer, project: Project | None
    ) -> dict[IssueRef, Issue]:
        """The issues (fragment I) that an answer showed."""
        self._read_on(raws)
        found = {}
        for ref, raw in raws.items():
            own, held = self._fields.on(ref)
            issue = replace(self.lens(answer, ref.container, project), own=own, held=held).issue(ref, raw)
            self._keep(ref, raw, project, issue)
            found[ref] = self._joined(issue)
        return found

    def lens(self, answer: Answer, repository: str, project: Project | None) -> Lens:
        """How to see what is in a repository."""
        viewer = str((answer.data.get("viewer") or {}).get("login", ""))
        who = Identities.of(viewer, isinstance(self._settings.auth, App), self._settings.former)
        return Lens(self._settings, who, self._ids.team(repository).logins, project, self._left)

    def _left(self, item: str, status: str) -> str:
        return self._shared.moves.left(item, status, self._clock())

    def _joined(self, issue: Issue) -> Issue:
        """The issue with what was opened because of it lately, whether or not GitHub shows that there yet."""
        return replace(issue, opened=self._shared.openings.joined(issue.ref, issue.opened, self._clock()))

    def _read_on(self, raws: Mapping[IssueRef, dict[str, Any]]) -> None:
        """Join the further pages of comments and timeline to the issues where the first was cut."""
        cut = [(raw, name) for raw in raws.values() for name in ("comments", "timelineItems") if is_cut(raw[name])]
        while cut:
            now, later = cut[:_PAGES_AT_ONCE], cut[_PAGES_AT_ONCE:]
            variables: dict[str, Any] = {}
            for at, (raw, name) in enumerate(now):
                variables |= {f"i{at}": raw["id"], f"c{at}": raw[name]["pageInfo"]["endCursor"]}
            wanted = [name for _, name in now]
            answer = self._client.graphql(documents.more(wanted, self.asks_moves), variables, NEEDS)
            for at, (raw, name) in enumerate(now):
                page = (answer.data.get(f"m{at}") or {}).get(name)
                if page is None:
                    raise Unreachable(f"GitHub didn't give all {name} of an issue")
                raw[name] = {"nodes": [*nodes(raw[name]), *nodes(page)], "pageInfo": page["pageInfo"]}
            cut = [(raw, name) for raw, name in now if is_cut(raw[name])] + later

    def _keep(self, ref: IssueRef, raw: Json, project: Project | None, issue: Issue) -> None:
        item = card_item(raw, project) if project is not None else None
        known = Known(
            id=raw["id"],
            created_at=issue.created_at,
            item=item["id"] if item else None,
            labels=label_ids(raw["labels"]),
            fields=card_fields(item, self._settings, project) if item and project else {},
        )
        self._shared.issues.put(ref, known, self._clock())
