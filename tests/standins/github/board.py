"""What happens on a Projects v2 board: cards, values, fields and the built-in workflows."""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tests.standins.github.acts import Acts
from tests.standins.github.records import AUTOMATION, Draft, Event, Field, Issue, Item, Option, Project, Value
from tests.standins.github.records import View as ProjectView
from tests.standins.github.shapes import Json, Shapes, stamp
from tests.standins.github.world import View

SYSTEM_FIELDS = (("Title", "TITLE"), ("Assignees", "ASSIGNEES"), ("Labels", "LABELS"), ("Repository", "REPOSITORY"))


@dataclass
class Workflows:
    """GitHub's own robots of a board: the column set when an item is added or closed, and how long that takes."""

    on_add: str | None = None
    on_close: str | None = None
    delay: float = 0.05


class Board:
    """Acts on projects. Moving a card changes no issue: its `updated_at` stays."""

    def __init__(self, acts: Acts, workflows: Workflows) -> None:
        self.acts = acts
        self.world = acts.world
        self.view = View(acts.world)
        self.workflows = workflows
        self.status_events = True
        self.takes_order = True
        self._due: list[tuple[datetime, Callable[[], None]]] = []
        acts.after_close.append(self._closed)

    def create(self, owner: str, number: int, title: str, options: Sequence[Option | str], public: bool) -> Project:
        key, node_id = self.world.name("PVT")
        project = Project(key, node_id, owner, number, title, self.world.now(), (), public)
        rows = [self.new_field(project, name, kind) for name, kind in SYSTEM_FIELDS]
        rows.insert(1, self.new_field(project, "Status", "SINGLE_SELECT", [_option(x) for x in options]))
        self.world.projects[key] = replace(project, fields=tuple(rows))
        return self.world.projects[key]

    def new_field(self, project: Project, name: str, data_type: str, options: Sequence[Json] = ()) -> Field:
        key, node_id = self.world.name("PVTSSF" if data_type == "SINGLE_SELECT" else "PVTF")
        made = tuple(self._new_option(x) for x in options)
        return Field(key, node_id, project.id, name, data_type, self.world.now(), made)

    def add_field(
        self, project: Project, name: str, data_type: str, options: Sequence[Json] = (), mirrors: int | None = None
    ) -> Field:
        """`mirrors`: it only shows that issue field of the organisation."""
        field = replace(self.new_field(project, name, data_type, options), mirrors=mirrors)
        project = self.world.projects[project.id]
        self.world.projects[project.id] = replace(project, fields=(*project.fields, field))
        return field

    def add_view(self, project: Project, name: str, layout: str, sorted_by: int | None = None) -> None:
        key, node_id = self.world.name("PVTV")
        view = ProjectView(key, node_id, project.id, name, layout, sorted_by)
        self.world.projects[project.id] = replace(project, views=(*project.views, view))

    def set_options(self, field: Field, options: Sequence[Json], name: str | None = None) -> Field:
        """Options replace what is there; one sent without its id is a new one, and cards lose the old one's value."""
        known = {o.id for o in field.options}
        made = [
            Option(x["id"], x["name"], x["color"], x["description"]) if x.get("id") in known else self._new_option(x)
            for x in options
        ]
        changed = replace(field, options=tuple(made), name=name or field.name)
        project = self.world.projects[field.project_id]
        fields = tuple(changed if f.id == field.id else f for f in project.fields)
        self.world.projects[project.id] = replace(project, fields=fields)
        kept = {o.id for o in made}
        for item in self.view.items(project):
            value = item.values.get(field.id)
            if value is not None and value.holds not in kept:
                self._put(replace(item, values={k: v for k, v in item.values.items() if k != field.id}))
        return changed

    def add(self, project: Project, issue: Issue, by: str) -> Item:
        """The item of this issue, which is made when there is none yet."""
        for known in self.view.items_of(issue):
            if known.project_id == project.id:
                return known
        item = self._new_item(project, by, issue_id=issue.id)
        self.world.cards.setdefault(issue.id, []).append(item.id)
        self._note(issue, "AddedToProjectV2Event", by, {"project": project.id})
        self._tell("created", item, by)
        self._later(self.workflows.on_add, item)
        return item

    def add_draft(self, project: Project, by: str, title: str, body: str, assignees: Sequence[str] = ()) -> Item:
        """A card that is no issue, at the bottom."""
        now = self.world.now()
        key, node_id = self.world.name("DI")
        draft = Draft(key, node_id, title, body, by, tuple(assignees), now, now)
        self.world.drafts.put(key, draft, self.world.instant())
        item = self._new_item(project, by, draft_id=key)
        self._tell("created", item, by)
        self._later(self.workflows.on_add, item)
        return item

    def _new_item(self, project: Project, by: str, issue_id: int = 0, draft_id: int = 0) -> Item:
        key, node_id = self.world.name("PVTI")
        now, last = self.world.now(), max((x.position for x in self.view.items(project)), default=0.0)
        return self._put(Item(key, node_id, project.id, issue_id, by, last + 1, now, now, draft_id=draft_id))

    def edit_draft(self, draft: Draft, by: str, title: str | None = None, body: str | None = None) -> Draft:
        """GitHub tells of a changed text, not of a changed title."""
        changed = replace(draft, title=title or draft.title, body=draft.body if body is None else body)
        changed = replace(changed, updated_at=self.world.now())
        self.world.drafts.put(draft.id, changed, self.world.instant())
        item = self.item_of(changed)
        if changed.body != draft.body:
            self._tell("edited", item, by, {"changes": {"body": {"from": draft.body, "to": changed.body}}})
        return changed

    def item_of(self, draft: Draft) -> Item:
        found = (x for x in map(self.view.item, self.world.items) if x is not None and x.draft_id == draft.id)
        return next(found)

    def convert(self, item: Item, issue: Issue, by: str) -> Item:
        """A draft becomes an issue; its card stays where it is."""
        item = self._put(replace(item, issue_id=issue.id, draft_id=0, updated_at=self.world.now()))
        self.world.cards.setdefault(issue.id, []).append(item.id)
        self._tell("converted", item, by, {"changes": {"content_type": {"from": "DraftIssue", "to": "Issue"}}})
        return item

    def remove(self, item: Item, by: str) -> None:
        """The card is gone; whatever it stood for stays."""
        self._tell("deleted", item, by)
        self.world.items.put(item.id, None, self.world.instant())

    def set_value(self, item: Item, field: Field, holds: str | float | None, by: str) -> Item:
        """None clears it. Setting what is there already changes nothing but the time it was set."""
        before = item.values.get(field.id)
        now = self.world.now()
        values = {k: v for k, v in item.values.items() if k != field.id}
        if holds is not None:
            values[field.id] = Value(holds, now, by)
        item = self._put(replace(item, values=values, updated_at=now))
        old = before.holds if before else None
        if old != holds:
            self._note_status(item, field, old, holds, by)
            self._tell("edited", item, by, {"changes": {"field_value": self._change(field, old, holds)}})
        return item

    def place(self, item: Item, after: Item | None, by: str) -> Item:
        """Right behind `after`; None: at the top."""
        project = self.world.projects[item.project_id]
        before = [x.node_id for x in self.view.items(project)]
        others = [x for x in self.view.items(project) if x.id != item.id]
        at = 0 if after is None else [x.id for x in others].index(after.id) + 1
        others.insert(at, item)
        for position, each in enumerate(others):
            self._put(replace(each, position=float(position)))
        place = before.index(item.node_id)
        change = {"from": before[place - 1] if place else None, "to": after.node_id if after else None}
        if change["from"] != change["to"]:
            self._tell("reordered", item, by, {"changes": {"previous_projects_v2_item_node_id": change}})
        return replace(item, position=float(at))

    def archive(self, item: Item, by: str = "alice", archived: bool = True) -> Item:
        """Put aside, or (not `archived`) taken out again."""
        before, now = item.archived_at, self.world.now() if archived else None
        item = self._put(replace(item, archived_at=now))
        change = {"changes": {"archived_at": {"from": stamp(before), "to": stamp(now)}}}
        self._tell("archived" if archived else "restored", item, by, change)
        return item

    def status(self, project: Project) -> Field:
        return next(f for f in project.fields if f.name == "Status")

    def column(self, item: Item) -> str | None:
        """The name of the Status that a card has."""
        field = self.status(self.world.projects[item.project_id])
        value = item.values.get(field.id)
        return next((o.name for o in field.options if value and o.id == value.holds), None)

    def move(self, item: Item, column: str | None, by: str) -> Item:
        """By the column's name; None: no Status."""
        field = self.status(self.world.projects[item.project_id])
        chosen = None if column is None else next(o.id for o in field.options if o.name == column)
        return self.set_value(item, field, chosen, by)

    # -- built-in workflows

    def _closed(self, issue: Issue) -> None:
        for item in self.view.items_of(issue):
            self._later(self.workflows.on_close, item)

    def run_due(self) -> None:
        """Let GitHub's robots do what is due by the world's clock."""
        with self.world.lock:
            now = self.world.instant()
            due = [act for at, act in self._due if at <= now]
            self._due = [row for row in self._due if row[0] > now]
            for act in due:
                act()

    def _later(self, column: str | None, item: Item) -> None:
        if column is None:
            return

        def act() -> None:
            if (latest := self.view.item(item.id)) is not None:
                self.move(latest, column, AUTOMATION)

        self._due.append((self.world.instant() + timedelta(seconds=self.workflows.delay), act))
        timer = threading.Timer(self.workflows.delay + 0.005, self.run_due)
        timer.daemon = True
        timer.start()

    # -- writing it down

    def _new_option(self, given: Json) -> Option:
        number, _ = self.world.name("OPT")
        return Option(f"{number * 2654435761 % 2**32:08x}", given["name"], given["color"], given["description"])

    def _put(self, item: Item) -> Item:
        self.world.items.put(item.id, item, self.world.instant())
        return item

    def _note(self, issue: Issue, kind: str, by: str, about: Json) -> None:
        """A timeline event that leaves the issue's time of update alone."""
        number, node_id = self.world.name("EV")
        self.world.events[number] = Event(number, node_id, kind, issue.id, by, self.world.now(), about)
        self.world.issues.put(issue.id, replace(issue, events=(*issue.events, number)), self.world.instant())

    def _note_status(self, item: Item, field: Field, old: Any, new: Any, by: str) -> None:
        issue = self.view.issue(item.issue_id)
        if field.name != "Status" or not self.status_events or issue is None:
            return
        names = {o.id: o.name for o in field.options}
        about = {"project": item.project_id, "previousStatus": names.get(old, ""), "status": names.get(new, "")}
        self._note(issue, "ProjectV2ItemStatusChangedEvent", by, about)

    def _change(self, field: Field, old: Any, new: Any) -> Json:
        options = {o.id: {"id": o.id, "name": o.name, "color": o.color, "description": o.description}
                   for o in field.options}  # fmt: skip
        project = self.world.projects[field.project_id]
        return {
            "field_node_id": field.node_id,
            "field_type": field.data_type.lower(),
            "field_name": field.name,
            "project_number": project.number,
            "from": options.get(old, old),
            "to": options.get(new, new),
        }

    def _tell(self, action: str, item: Item, by: str, more: Json | None = None) -> None:
        """Only an organisation's hook hears of it; a user's project is silent."""
        project = self.world.projects[item.project_id]
        if self.world.account(project.owner).kind != "Organization":
            return
        shapes = Shapes(self.view, self.acts.api)
        payload = {
            "action": action,
            "projects_v2_item": shapes.item(item, project),
            **(more or {}),
            "organization": shapes.organization(project.owner),
            "sender": shapes.user(by),
        }
        self.acts.hub.emit("projects_v2_item", self.world.instant(), payload, None)


def _option(given: Option | str) -> Json:
    if isinstance(given, Option):
        return {"name": given.name, "color": given.color, "description": given.description}
    color = "RED" if re.search("emergency", given, re.IGNORECASE) else "GRAY"
    return {"name": given, "color": color, "description": ""}
