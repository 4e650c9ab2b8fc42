"""What the REST handlers share: the world, the knobs, and how an issue is found and shown to a caller."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any, Literal

from tests.standins.jira.acts import Acts, Event
from tests.standins.jira.hooks import Postman, bodies
from tests.standins.jira.routing import Call, Refused, Unknown
from tests.standins.jira.state import GLOBAL_PERMISSIONS, Product, Record
from tests.standins.jira.wire import SYSTEM, Json, Wire
from tests.standins.jira.world import RANK_FIELD, World

# What an answer holds at most. The first six limit what is inline in an issue, on Cloud only.
PAGE_SIZES = {
    "issue_comments": 5000,
    "bulk_comments": 100,
    "search_comments": 20,
    "issue_changelog": 100,
    "bulk_changelog": 100,
    "search_changelog": 40,
    "comments": 5000,
    "changelog": 100,
    "search": 100,
    "search_ids": 5000,
    "board": 50,
    "users": 1000,
    "page": 50,
}
EXPANDABLE = ("changelog", "transitions", "transitions.fields", "renderedFields", "editmeta", "names")
Depth = Literal["issue", "bulk", "search"]


class Site:
    """A Jira site. `lag` seconds pass until a read shows a change (`search_lag` more for searches).

    `lost_columns`: how many writes of a board's columns still do nothing; `swallowed_column` the one that they lose;
    `after_columns` what somebody else does right after such a write. A bulk operation takes `bulk_takes` seconds (inf:
    it never ends), gets to at most `bulk_gets_to` issues, fails for the keys in `bulk_fails`, and ends as `bulk_ends`.
    """

    def __init__(
        self,
        product: Product,
        clock: Callable[[], datetime],
        zone: tzinfo,
        version: tuple[int, int, int],
        retry_pause: float,
    ) -> None:
        self.world = World(product, clock, zone)
        self.acts = Acts(self.world, self._announce)
        self.postman = Postman(retries=5 if product == "cloud" else 0, pause=retry_pause)
        self.version = version
        self.lag = 0.0
        self.search_lag = 0.0
        self.page_sizes = dict(PAGE_SIZES)
        self.comment_names_issue = False
        self.lost_columns = 0
        self.swallowed_column = ""
        self.after_columns: Callable[[], None] = lambda: None
        self.bulk_takes = 0.0
        self.bulk_gets_to = 1000
        self.bulk_fails: dict[str, str] = {}
        self.bulk_ends = "COMPLETE"
        self.bulk_tasks: dict[str, Any] = {}
        self.webhooks: list[Json] = []
        self.unexpected: list[str] = []
        self.url = ""

    @property
    def cloud(self) -> bool:
        return self.world.product == "cloud"

    def wire(self, call: Call) -> Wire:
        def sees(record: Record) -> bool:
            return call.by.may("BROWSE_PROJECTS", record.project)

        return Wire(self.world, lambda: self.url, call.version, sees=sees, lag=self.lag)

    def _announce(self, event: Event) -> None:
        wire = Wire(self.world, lambda: self.url, "2", hook=True)
        for body in bodies(event, wire, self.comment_names_issue):
            self.postman.add(body, event.record.key, event.at, self.cloud)

    # finding and permitting

    def asked(self, call: Call, name: str | None = None, lagging: bool = False) -> Record:
        """The issue asked for; 404 also for one that the caller may not see."""
        record = self.world.find(name or call.args["issue"], self.lag if lagging else 0)
        if record is None or not call.by.may("BROWSE_PROJECTS", record.project):
            raise Refused(404, "Issue does not exist or you do not have permission to see it.")
        return record

    def permit(self, call: Call, permission: str, project: str = "") -> None:
        """403 unless the caller has it, in the project or (for a global one) on the site."""
        where = "" if permission in GLOBAL_PERMISSIONS else project
        if not call.by.may(permission, where):
            raise Refused(403, f"You do not have the permission {permission}.")

    def page(self, call: Call, name: str, items: list[Any], key: str = "values") -> Json:
        """A page by startAt and maxResults, in the form with isLast."""
        start, size = call.number("startAt", 0), self.page_size(call, name)
        shown = items[start : start + size]
        last = start + len(shown) >= len(items)
        return {"startAt": start, "maxResults": size, "total": len(items), "isLast": last, key: shown}

    def page_size(self, call: Call, name: str) -> int:
        most = self.page_sizes[name]
        default = most if name in ("comments", "changelog") else min(50, most)
        return min(call.number("maxResults", default), most)

    # showing

    def wanted(self, fields: list[str], default: str = "*all") -> Callable[[str], bool]:
        """Which fields a `fields` parameter means. Jira ignores names it doesn't know; here they are unexpected."""
        named = fields or [default]
        known = {*SYSTEM, *self.world.fields, RANK_FIELD, "*all", "*navigable", "id", "key", "issuekey"}
        if strange := [name for name in named if name.removeprefix("-") not in known]:
            raise Unknown(f"fields {strange}")
        dropped = {name[1:] for name in named if name.startswith("-")}
        chosen = {name for name in named if not name.startswith("-")} or {default}
        everything = "*all" in chosen
        navigable = "*navigable" in chosen
        return lambda name: (
            name not in dropped
            and (everything or name in chosen or (navigable and name not in ("comment", "description")))
        )

    def show(
        self,
        call: Call,
        record: Record,
        fields: list[str],
        expand: frozenset[str],
        properties: list[str],
        depth: Depth = "issue",
        default: str = "*all",
    ) -> Json:
        """An issue as one of the reading resources answers it; `depth` says how much history is inline."""
        wire = self.wire(call)
        comments, changes = self.page_sizes[f"{depth}_comments"], self.page_sizes[f"{depth}_changelog"]
        said = wire.head(record) | {"fields": wire.fields(record, self.wanted(fields, default), comments)}
        if properties:
            every = "*all" in properties
            said["properties"] = {k: v for k, v in record.properties.items() if every or k in properties}
        if "changelog" in expand:
            said["changelog"] = wire.changelog(record, changes)
        if {"transitions", "transitions.fields"} & expand:
            said["transitions"] = self.transitions(call, record, "transitions.fields" in expand)
        if "renderedFields" in expand:
            said["renderedFields"] = {"description": f"<p>{record.description or ''}</p>"}
        if "editmeta" in expand:
            said["editmeta"] = self.editmeta(call, record)
        if "names" in expand:
            said["names"] = {i: SYSTEM[i][0] for i in SYSTEM} | {f.id: f.name for f in self.world.fields.values()}
        return said

    def transitions(self, call: Call, record: Record, fields: bool) -> list[Json]:
        """The steps open to the caller: none without the permission."""
        if not call.by.may("TRANSITION_ISSUES", record.project):
            return []
        return [self.wire(call).transition(step, fields) for step in self.world.transitions(record)]

    def editmeta(self, call: Call, record: Record) -> Json:
        if not call.by.may("EDIT_ISSUES", record.project):
            return {"fields": {}}
        screen = sorted(self.world.edit_screen(record))
        return {"fields": {name: self.wire(call).edit_field(name, name == "summary") for name in screen}}
