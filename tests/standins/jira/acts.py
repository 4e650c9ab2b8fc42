"""What can be done to issues, by people and through the API alike: each act writes its history and announces itself."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from tests.standins.jira.state import Comment, History, Item, Link, LinkType, Record, Transition
from tests.standins.jira.world import RANK_FIELD, World

EventName = Literal[
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
    "issuelink_created",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened and is told to webhooks; `type_name` is Jira's issue_event_type_name.

    A new link's event is its source's.
    """

    name: EventName
    by: str
    at: datetime
    record: Record
    type_name: str = ""
    items: tuple[Item, ...] = ()
    comment: Comment | None = None
    link: Link | None = None


class Acts:
    """Changes to the world. Callers hold the world's lock and have checked that the change is allowed."""

    def __init__(self, world: World, announce: Callable[[Event], None]) -> None:
        self._world = world
        self._announce = announce

    def create(self, by: str, project: str, summary: str, issue_type: str, **values: Any) -> Record:
        """A new issue in the project's initial status. Its first values are in no history, only in the webhook."""
        now = self._world.now()
        issue_id = self._world.next_id()
        record = Record(
            id=issue_id,
            key=self._world.next_key(project),
            project=project,
            type=issue_type,
            summary=summary,
            status=self._world.projects[project].initial,
            reporter=by,
            created=now,
            updated=now,
            rank=float(issue_id),
            **{"description": None, **values},
        )
        self._world.put(record.id, record)
        blank = replace(record, summary="", description=None, labels=(), priority=None, assignee=None, custom={})
        items = (_status_item(self._world, None, record.status), *differences(self._world, blank, record))
        self._announce(Event("jira:issue_created", by, now, record, "issue_created", items))
        return record

    def change(self, before: Record, by: str, **values: Any) -> Record:
        """The issue with these values. Where nothing differs nothing happens: no history, no event."""
        after = replace(before, **values)
        items = tuple(differences(self._world, before, after))
        if not items:
            if after.properties != before.properties:
                self._world.put(after.id, after)
            return after
        now = self._world.now()
        history = History(str(self._world.next_id()), by, now, items)
        after = replace(after, updated=now, histories=(*before.histories, history))
        self._world.put(after.id, after)
        self._announce(Event("jira:issue_updated", by, now, after, _type_name(self._world, items), items))
        return after

    def step(self, record: Record, by: str, step: Transition, **values: Any) -> Record:
        """Take a transition; entering a done status resolves the issue, leaving one reopens it."""
        done = self._world.statuses[step.to].category == "done"
        resolved = (record.resolved or self._world.now()) if done else None
        return self.change(record, by, status=step.to, resolved=resolved, **values)

    def move(self, record: Record, by: str, project: str) -> Record:
        """Move to another project: the key changes, the id stays; a status unknown there becomes its initial one."""
        target = self._world.projects[project]
        status = record.status if record.status in target.statuses else target.initial
        key = self._world.next_key(project)
        return self.change(record, by, project=project, key=key, status=status)

    def delete(self, record: Record, by: str) -> None:
        """The issue's links go with it, without a word."""
        self._world.put(record.id, None)
        for other in filter(None, (self._world.record(link.other) for link in record.links)):
            self._world.put(other.id, replace(other, links=tuple(x for x in other.links if x.other != record.id)))
        self._announce(Event("jira:issue_deleted", by, self._world.now(), record))

    def link(self, by: str, kind: LinkType, source: int, target: int) -> None:
        """Link two issues: both histories tell it, and one event of no issue. The same link again is nothing."""
        ends = [self._world.record(end) for end in (source, target)]
        first, second = (end for end in ends if end is not None)
        if any(link.type == kind and link.other == target and link.outward for link in first.links):
            return
        link = Link(str(self._world.next_id()), kind, target, outward=True)
        self._linked(first, by, link, second)
        self._linked(second, by, replace(link, other=source, outward=False), first)
        self._announce(Event("issuelink_created", by, self._world.now(), first, link=link))

    def _linked(self, record: Record, by: str, link: Link, other: Record) -> None:
        """Told to nobody as an update of the issue."""
        now, verb = self._world.now(), link.type.outward if link.outward else link.type.inward
        item = Item("Link", None, after=other.key, after_text=f"This issue {verb} {other.key}")
        history = History(str(self._world.next_id()), by, now, (item,))
        histories = (*record.histories, history)
        self._world.put(record.id, replace(record, updated=now, histories=histories, links=(*record.links, link)))

    def put_property(self, record: Record, key: str, value: Any) -> Record:
        """Set an issue property: silent, and `updated` stays."""
        return self.change(record, "", properties={**record.properties, key: value})

    def drop_property(self, record: Record, key: str) -> Record:
        return self.change(record, "", properties={k: v for k, v in record.properties.items() if k != key})

    def comment(
        self,
        record: Record,
        by: str,
        body: str,
        properties: Mapping[str, Any] | None = None,
        visibility: Mapping[str, str] | None = None,
    ) -> Comment:
        now = self._world.now()
        comment = Comment(str(self._world.next_id()), by, body, now, now, by, dict(properties or {}), visibility)
        after = replace(record, updated=now, comments=(*record.comments, comment))
        self._tell(after, by, "comment_created", comment, "issue_commented")
        return comment

    def edit_comment(self, record: Record, by: str, comment: Comment, body: str, **values: Any) -> Comment:
        now = self._world.now()
        edited = replace(comment, body=body, updated=now, update_author=by, **values)
        after = replace(record.with_comment(edited), updated=now)
        self._tell(after, by, "comment_updated", edited, "issue_comment_edited")
        return edited

    def delete_comment(self, record: Record, by: str, comment: Comment) -> None:
        """Deleting is what Jira does write into the history, text and all."""
        now = self._world.now()
        item = Item("Comment", "comment", before_text=comment.body)
        after = replace(
            record,
            updated=now,
            comments=tuple(c for c in record.comments if c.id != comment.id),
            histories=(*record.histories, History(str(self._world.next_id()), by, now, (item,))),
        )
        self._tell(after, by, "comment_deleted", comment, "issue_comment_deleted")

    def put_comment_property(self, record: Record, comment: Comment, key: str, value: Any) -> None:
        changed = replace(comment, properties={**comment.properties, key: value})
        self._world.put(record.id, record.with_comment(changed))

    def _tell(self, after: Record, by: str, name: EventName, comment: Comment, type_name: str) -> None:
        self._world.put(after.id, after)
        self._announce(Event(name, by, after.updated, after, type_name, comment=comment))


def differences(world: World, before: Record, after: Record) -> Iterator[Item]:
    """What a history says about two states of an issue, field by field."""
    if before.key != after.key:
        old, new = world.projects[before.project], world.projects[after.project]
        yield Item("project", "project", old.id, old.name, new.id, new.name)
        yield Item("Key", None, None, before.key, None, after.key)
    if before.status != after.status:
        yield _status_item(world, before.status, after.status)
    if (before.resolved is None) != (after.resolved is None):
        done = ("10000", "Done")
        yield Item("resolution", "resolution", *((None, None, *done) if after.resolved else (*done, None, None)))
    for name in ("summary", "description"):
        old_text, new_text = getattr(before, name), getattr(after, name)
        if (old_text or "") != (new_text or ""):
            yield Item(name, name, None, old_text or "", None, new_text or "")
    if before.labels != after.labels:
        yield Item("labels", "labels", None, " ".join(before.labels), None, " ".join(after.labels))
    if before.priority != after.priority:
        names = [world.priorities[p].name if p else None for p in (before.priority, after.priority)]
        yield Item("priority", "priority", before.priority, names[0], after.priority, names[1])
    if before.assignee != after.assignee:
        yield Item("assignee", "assignee", *_account(world, before.assignee), *_account(world, after.assignee))
    yield from _custom_differences(world, before, after)
    if before.rank != after.rank:
        said = "Ranked higher" if after.rank < before.rank else "Ranked lower"
        yield Item("Rank", RANK_FIELD, "", "", "", said, custom=True)


def _custom_differences(world: World, before: Record, after: Record) -> Iterator[Item]:
    for field_id in sorted({*before.custom, *after.custom}):
        old, new = before.custom.get(field_id), after.custom.get(field_id)
        if old == new:
            continue
        field = world.fields[field_id]
        names = dict(field.options)
        if field.kind == "select":
            yield Item(field.name, field.id, old, names.get(old or ""), new, names.get(new or ""), custom=True)
        else:
            said = [None if value is None else str(value) for value in (old, new)]
            yield Item(field.name, field.id, None, said[0], None, said[1], custom=True)


def _status_item(world: World, before: str | None, after: str) -> Item:
    """At creation there is no status before, and the field is spelt with a capital S."""
    name = "status" if before else "Status"
    before_text = world.statuses[before].name if before else None
    return Item(name, "status", before, before_text, after, world.statuses[after].name)


def _account(world: World, name: str | None) -> tuple[str | None, str | None]:
    if name is None:
        return None, None
    return world.people[name].id, name


def _type_name(world: World, items: tuple[Item, ...]) -> str:
    """Jira's own name for the event: an open set that nobody should decide by."""
    changed = {item.field: item for item in items}
    if "Key" in changed:
        return "issue_moved"
    if "status" not in changed:
        return "issue_assigned" if set(changed) == {"assignee"} else "issue_updated"
    if world.product == "cloud":
        return "issue_generic"
    old, new = (world.statuses[str(x)].category for x in (changed["status"].before, changed["status"].after))
    if new == "done":
        return "issue_closed"
    return "issue_reopened" if old == "done" else "issue_work_started" if new == "indeterminate" else "issue_generic"
