"""What people do on the stand-in Jira, in their own words: names instead of ids."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.standins.jira.site import Site
from tests.standins.jira.state import Comment, History, Record


@dataclass(frozen=True, slots=True)
class Seen:
    """An issue as a person sees it: names instead of ids. Comments keep their properties."""

    id: int
    key: str
    summary: str
    description: str | None
    labels: tuple[str, ...]
    status: str
    priority: str | None
    assignee: str | None
    comments: tuple[Comment, ...]
    properties: Mapping[str, Any]
    fields: Mapping[str, Any]
    histories: tuple[History, ...]
    updated: datetime


class People(Site):
    """A site with people at work. Every act happens at the site's clock and is told to webhooks at once."""

    def issue(self, name: str) -> Seen:
        """The issue as it is now, whatever the lag; KeyError when there is none."""
        record, world = self._record(name), self.world
        return Seen(
            id=record.id,
            key=record.key,
            summary=record.summary,
            description=record.description,
            labels=record.labels,
            status=world.statuses[record.status].name,
            priority=world.priorities[record.priority].name if record.priority else None,
            assignee=record.assignee,
            comments=record.comments,
            properties=record.properties,
            fields={world.fields[i].name: dict(world.fields[i].options).get(v, v) for i, v in record.custom.items()},
            histories=record.histories,
            updated=record.updated,
        )

    def create_issue(
        self,
        project: str,
        by: str,
        summary: str,
        description: str | None = None,
        labels: Iterable[str] = (),
        priority: str | None = None,
        fields: Mapping[str, Any] | None = None,
        issue_type: str = "Bug",
    ) -> str:
        """Open an issue; `fields` are custom ones by name. Returns its key."""
        with self.world.lock:
            types = {name: type_id for type_id, name in self.world.projects[project].issue_types}
            values = {
                "description": description,
                "labels": tuple(sorted(set(labels))),
                "priority": self.world.priority_named(priority).id if priority else None,
                "custom": dict(self._custom(name, value) for name, value in (fields or {}).items()),
            }
            return self.acts.create(by, project, summary, types[issue_type], **values).key

    def comment(
        self, key: str, by: str, body: str, internal: bool = False, properties: Mapping[str, Any] | None = None
    ) -> str:
        """Write a comment (`internal`: hidden from customers); returns its id."""
        hidden = {"sd.public.comment": {"internal": True}} if internal else {}
        with self.world.lock:
            return self.acts.comment(self._record(key), by, body, {**(properties or {}), **hidden}).id

    def edit_comment(self, key: str, by: str, comment_id: str, body: str) -> None:
        with self.world.lock:
            record = self._record(key)
            self.acts.edit_comment(record, by, self._comment(record, comment_id), body)

    def delete_comment(self, key: str, by: str, comment_id: str) -> None:
        with self.world.lock:
            record = self._record(key)
            self.acts.delete_comment(record, by, self._comment(record, comment_id))

    def set_labels(self, key: str, by: str, labels: Iterable[str]) -> None:
        """Exactly these labels."""
        self._change(key, by, labels=tuple(sorted(set(labels))))

    def set_priority(self, key: str, by: str, priority: str | None) -> None:
        self._change(key, by, priority=self.world.priority_named(priority).id if priority else None)

    def assign(self, key: str, by: str, to: str | None) -> None:
        self._change(key, by, assignee=to)

    def edit_description(self, key: str, by: str, description: str | None) -> None:
        self._change(key, by, description=description)

    def edit_summary(self, key: str, by: str, summary: str) -> None:
        self._change(key, by, summary=summary)

    def set_field(self, key: str, by: str, name: str, value: Any) -> None:
        """Set a custom field by its name, a select by its option's value."""
        with self.world.lock:
            field_id, stored = self._custom(name, value)
            record = self._record(key)
            self.acts.change(record, by, custom={**record.custom, field_id: stored})

    def transition(self, key: str, by: str, to: str) -> None:
        """Take the step to the status of that name, whatever its screen asks; LookupError when there is none."""
        with self.world.lock:
            record, target = self._record(key), self.world.status_named(to)
            step = next((s for s in self.world.transitions(record) if s.to == target.id), None)
            if step is None:
                raise LookupError(f"no transition leads {key} to {to}")
            self.acts.step(record, by, step)

    def rank(self, key: str, by: str, above: str) -> None:
        """Drag an issue right above another one."""
        with self.world.lock:
            record, pivot = self._record(key), self._record(above)
            others = [r.rank for r in self.world.records() if r.rank < pivot.rank and r.id != record.id]
            self.acts.change(record, by, rank=(max(others, default=pivot.rank - 2) + pivot.rank) / 2)

    def link(self, key: str, by: str, other: str, kind: str = "Relates") -> None:
        """Link an issue, as the source, with another one."""
        with self.world.lock:
            named = next(link for link in self.world.link_types.values() if link.name == kind)
            self.acts.link(by, named, self._record(key).id, self._record(other).id)

    def move(self, key: str, by: str, project: str) -> str:
        """Move to another project; returns the new key."""
        with self.world.lock:
            return self.acts.move(self._record(key), by, project).key

    def delete_issue(self, key: str, by: str) -> None:
        with self.world.lock:
            self.acts.delete(self._record(key), by)

    def _change(self, key: str, by: str, **values: Any) -> None:
        with self.world.lock:
            self.acts.change(self._record(key), by, **values)

    def _record(self, name: str) -> Record:
        record = self.world.find(name)
        if record is None:
            raise KeyError(name)
        return record

    def _comment(self, record: Record, comment_id: str) -> Comment:
        comment = record.comment(comment_id)
        if comment is None:
            raise KeyError(comment_id)
        return comment

    def _custom(self, name: str, value: Any) -> tuple[str, Any]:
        field = next(f for f in self.world.fields.values() if f.name == name)
        by_value = {option: option_id for option_id, option in field.options}
        return field.id, by_value[value] if field.options and value is not None else value
