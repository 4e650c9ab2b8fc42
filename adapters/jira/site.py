"""What holds for a whole Jira site: who we are, who the team is, the board, fields, statuses. Asked, then cached."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from adapters.jira.board import Board, Layout, board_of
from adapters.jira.cache import Cache
from adapters.jira.client import AGILE, PLATFORM, Client, found
from adapters.jira.errors import Refused
from adapters.jira.fields import Fields, field_of
from adapters.jira.people import Me, People, User, id_of, ids_of, name_of
from mapping.issue import Column

Product = Literal["cloud", "data-center"]

TEAM_IS_KEPT = timedelta(minutes=5)
LAYOUT_IS_KEPT = timedelta(minutes=10)
NEARLY_FOREVER = timedelta(days=1)
TASK, EPIC = "task", "epic"
MOST_USERS = 1000  # a page of the assignable users; Jira lists no more than that


@dataclass(frozen=True, slots=True)
class Status:
    """A status that issues can have; workflows decide in which projects."""

    id: str
    name: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Setup:
    """What app.yaml says about a site: `columns` are the board's own names, `former` the ids of earlier accounts.

    `field_ids` are the ids of the fields that share their names with others.
    """

    product: Product
    board: int | None
    columns: Mapping[Column, str]
    former: frozenset[str]
    field_ids: Mapping[str, str] = field(default_factory=dict)


class Site:
    """The site behind a client, with what it was asked before."""

    def __init__(self, client: Client, setup: Setup, clock: Callable[[], datetime]) -> None:
        self.client = client
        self._setup = setup
        self._names = {column: setup.columns.get(column, column.value) for column in Column}
        self._me: Cache[Me] = Cache(NEARLY_FOREVER, clock)
        self._team: Cache[frozenset[str]] = Cache(TEAM_IS_KEPT, clock)
        self._asked: Cache[bool] = Cache(TEAM_IS_KEPT, clock)
        self._board: Cache[Board] = Cache(LAYOUT_IS_KEPT, clock)
        self._fields: Cache[Fields] = Cache(LAYOUT_IS_KEPT, clock)
        self._statuses: Cache[tuple[Status, ...]] = Cache(LAYOUT_IS_KEPT, clock)
        self._types: Cache[str] = Cache(LAYOUT_IS_KEPT, clock)
        self._address: Cache[str] = Cache(NEARLY_FOREVER, clock)
        self.now = clock

    @property
    def is_cloud(self) -> bool:
        """Jira Cloud; else Data Center."""
        return self._setup.product == "cloud"

    def me(self) -> Me:
        """Our own account."""
        return self._me.get("me", self._ask_me)

    def _ask_me(self) -> Me:
        user = found(self.client.call("GET", f"{PLATFORM}/myself"))
        zone, kind = str(user.get("timeZone") or "UTC"), str(user.get("accountType") or "")
        return Me(ids_of(user), name_of(user), zone, kind)

    def people(self, project: str) -> People:
        """The people as a project sees them; its team is asked for when somebody could belong to it."""
        return People(self.me().ids | self._setup.former, lambda user: self._is_team(project, user))

    def _is_team(self, project: str, user: User) -> bool:
        team = self._team.get(project, lambda: self._ask_team(project))
        if not team.isdisjoint(ids_of(user)):
            return True
        return len(team) >= MOST_USERS and self._asked.get((project, id_of(user)), lambda: self._ask(project, user))

    def _ask_team(self, project: str) -> frozenset[str]:
        """Everybody who can be given an issue of the project: that is who works on it (R25's write access)."""
        ids: set[str] = set()
        start = 0
        while True:
            page = self._assignable(project=project, startAt=start, maxResults=MOST_USERS)
            ids.update(id_of(user) for user in page)
            start += len(page)
            if len(page) < MOST_USERS:
                return frozenset(ids)

    def _ask(self, project: str, user: User) -> bool:
        """Whether one person can be given issues; for projects with more people than Jira lists."""
        which = {"accountId": id_of(user)} if self.is_cloud else {"username": str(user.get("name"))}
        return any(id_of(one) == id_of(user) for one in self._assignable(project=project, **which))

    def _assignable(self, **params: str | int) -> list[Any]:
        answer = self.client.call("GET", f"{PLATFORM}/user/assignable/search", **params)
        return answer if isinstance(answer, list) else []

    def permissions(self, names: Sequence[str], project: str = "") -> set[str]:
        """Which of these permissions we have, in a project or (those of that kind) on the site."""
        where = {"projectKey": project} if project else {}
        answer = self.client.call("GET", f"{PLATFORM}/mypermissions", **where, permissions=",".join(names))
        said = found(answer, "permissions")["permissions"]
        return {name for name in names if (said.get(name) or {}).get("havePermission")}

    def layout(self) -> Layout | None:
        """The board's columns and what they mean; None where no board is connected."""
        number = self._setup.board
        if number is None:
            return None
        return Layout(self._board.get(number, lambda: self._ask_board(number)), self._names)

    def _ask_board(self, number: int) -> Board:
        """The board as it is now. One that may not be read bars every column instead of stopping the tracker."""
        try:
            answer = self.client.call("GET", f"{AGILE}/board/{number}/configuration")
        except Refused as refusal:
            why = (
                f"The board {number} can't be read (HTTP {refusal.status}). Its administrator gives the integrator's"
                " account access to the board, its filter and its project, or app.yaml names the right one."
            )
            return Board(number, unreadable=why)
        return board_of(number, found(answer, "columnConfig"))

    def fields(self) -> Fields:
        """All fields of the site."""
        return self._fields.get("fields", self._ask_fields)

    def _ask_fields(self) -> Fields:
        answer = self.client.call("GET", f"{PLATFORM}/field")
        known = tuple(field_of(raw) for raw in answer or () if isinstance(raw, dict) and "id" in raw)
        return Fields(known, self._setup.field_ids)

    def done_statuses(self) -> frozenset[str]:
        """The ids of the statuses that mean done."""
        return frozenset(status.id for status in self.statuses() if status.is_done)

    def statuses(self) -> tuple[Status, ...]:
        """All statuses of the site."""
        return self._statuses.get("statuses", self._ask_statuses)

    def _ask_statuses(self) -> tuple[Status, ...]:
        answer = self.client.call("GET", f"{PLATFORM}/status")
        return tuple(
            Status(str(status["id"]), str(status.get("name", "")), is_done(status))
            for status in answer or ()
            if isinstance(status, dict) and "id" in status
        )

    def changed(self) -> None:
        """The board or the fields were changed by us: what was known of them is forgotten."""
        self._board.drop()
        self._fields.drop()

    def issue_type(self, project: str) -> str:
        """The id of the type that new issues of ours get there; LookupError when the project has none for them."""
        return self._types.get(project, lambda: self._ask_type(project))

    def _ask_type(self, project: str) -> str:
        path = f"{PLATFORM}/project/{quote(project, safe='')}"
        types = found(self.client.call("GET", path, expand="issueTypes"), "issueTypes")["issueTypes"]
        standard = [kind for kind in types if not kind.get("subtask") and kind.get("hierarchyLevel", 0) == 0]
        # Data Center doesn't tell that an epic is none.
        named = {str(kind["name"]).casefold(): str(kind["id"]) for kind in standard}
        chosen = named.get(TASK) or next((number for name, number in named.items() if name != EPIC), None)
        if chosen is None:
            raise LookupError(f"the project {project} has no issue type but subtasks and epics")
        return chosen

    def link(self, key: str) -> str:
        """Where a person reads the issue."""
        return f"{self._address.get('site', self._ask_address)}/browse/{key}"

    def _ask_address(self) -> str:
        """The site's own address; only a scoped token's gateway hides it."""
        if urlsplit(self.client.url).hostname != "api.atlassian.com":
            return self.client.url
        return str(found(self.client.call("GET", f"{PLATFORM}/serverInfo"), "baseUrl")["baseUrl"]).rstrip("/")


def is_done(status: Any) -> bool:
    """Whether a status belongs to the category done, whatever the category is called in this language."""
    category = status.get("statusCategory") if isinstance(status, Mapping) else None
    return isinstance(category, Mapping) and category.get("key") == "done"
