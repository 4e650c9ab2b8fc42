"""Scenario files: a scripted timeline of what people do, played on trackers in memory."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from adapters.memory import MemoryTracker
from mapping.hours import Strict
from mapping.issue import Column, IssueRef
from mapping.policy import Instant

_OFFSET = re.compile(r"([+-])((?:\d+[smhdw])+)")
_PART = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _offset(value: Any) -> Any:
    """`+1h30m` after the start, `-3d` before it."""
    match = _OFFSET.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not an offset from the start; write for example +12m, +1h30m or -3d")
    total = sum((timedelta(**{_UNITS[unit]: int(n)}) for n, unit in _PART.findall(match[2])), timedelta())
    return total if match[1] == "+" else -total


def _length(value: Any) -> Any:
    return _offset(f"+{value}")


def _names_an_issue(value: str) -> str:
    IssueRef.parse(value)
    return value


Offset = Annotated[timedelta, BeforeValidator(_offset)]
RefName = Annotated[str, AfterValidator(_names_an_issue)]

VERBS = ("open", "comment", "label", "move", "assign", "close", "reopen", "outage", "edit", "delete", "transfer")


class Impossible(Exception):
    """Something that can't happen at its time: to an issue that isn't there, say."""


class Existing(Strict):
    """An issue that is there before the scenario starts."""

    ref: RefName
    title: str
    by: str
    at: Offset = timedelta(0)
    body: str = ""
    labels: tuple[str, ...] = ()
    priority: str | None = None


class Event(Strict):
    """One thing that happens. Exactly one of its verbs names the issue; `comment: 2` beside edit or delete counts.

    All of the issue's comments count, the integrator's own too, in the order in which they were written.
    """

    at: Offset
    by: str = ""
    open: RefName | None = None
    comment: RefName | int | None = None
    label: RefName | None = None
    move: RefName | None = None
    assign: RefName | None = None
    close: RefName | None = None
    reopen: RefName | None = None
    outage: Annotated[timedelta | None, BeforeValidator(_length)] = None
    edit: RefName | None = None
    delete: RefName | None = None
    transfer: RefName | None = None
    title: str = ""
    body: str = ""
    labels: tuple[str, ...] = ()
    priority: str | None = None
    internal: bool = False
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    to: str | tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_verb(self) -> Self:
        verbs = [v for v in VERBS if getattr(self, v) is not None and not (v == "comment" and self._counts_comments)]
        if len(verbs) != 1:
            raise ValueError(f"an event does exactly one of {', '.join(VERBS)}; this one does {verbs or 'nothing'}")
        if not self.by and self.outage is None:
            raise ValueError("says not who does it; add by: NAME")
        if self.move and self.to not in [column.value for column in Column]:
            raise ValueError(f"to: {self.to!r} is not a column; use {', '.join(Column)}")
        if self.transfer and IssueRef.parse(str(self.to)).tracker != self.ref.tracker:
            raise ValueError(f"to: {self.to} is in another tracker; an issue can't be transferred there")
        return self

    @property
    def _counts_comments(self) -> bool:
        return self.edit is not None or self.delete is not None

    @property
    def verb(self) -> str:
        """What happens."""
        if self._counts_comments:
            return "edit" if self.edit else "delete"
        return next(verb for verb in VERBS if getattr(self, verb) is not None)

    @property
    def ref(self) -> IssueRef:
        """The issue it happens to."""
        return IssueRef.parse(getattr(self, self.verb))


class Scenario(Strict):
    """A whole scenario file."""

    start: Instant
    team: tuple[str, ...]
    roles: Mapping[str, str] = Field(default_factory=dict)
    board: Mapping[Column, tuple[RefName, ...]] = Field(default_factory=dict)
    issues: tuple[Existing, ...] = ()
    events: tuple[Event, ...] = ()
    until: Offset

    @field_validator("events")
    @classmethod
    def _in_order(cls, events: tuple[Event, ...]) -> tuple[Event, ...]:
        return tuple(sorted(events, key=lambda event: event.at))

    def tracker_names(self) -> list[str]:
        """Every tracker that the scenario speaks of."""
        refs = [existing.ref for existing in self.issues]
        refs += [str(event.ref) for event in self.events if event.outage is None]
        return sorted({IssueRef.parse(ref).tracker for ref in refs})

    def is_like_jira(self, tracker: str) -> bool:
        """Whether a tracker's issues are named as Jira names them."""
        refs = [e.ref for e in self.issues] + [str(e.ref) for e in self.events if e.outage is None]
        return not any("#" in ref for ref in refs if IssueRef.parse(ref).tracker == tracker)


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    at: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time it shows."""
        return self.at


@dataclass
class Stage:
    """The trackers that a scenario is played on."""

    scenario: Scenario
    clock: Clock
    trackers: dict[str, MemoryTracker] = field(default_factory=dict)

    @classmethod
    def set_up(cls, scenario: Scenario, clock: Clock) -> Self:
        """Trackers with the issues that are there at the start, each card where the board says."""
        clock.at = scenario.start
        stage = cls(scenario, clock)
        columns = {ref: column for column, refs in scenario.board.items() for ref in refs}
        for name in scenario.tracker_names():
            dialect = "wiki" if scenario.is_like_jira(name) else "markdown"
            stage.trackers[name] = MemoryTracker(name, dialect, scenario.team, clock)  # type: ignore[arg-type]
        for existing in scenario.issues:
            ref = IssueRef.parse(existing.ref)
            stage.trackers[ref.tracker].open(
                ref,
                existing.by,
                existing.title,
                body=existing.body,
                labels=existing.labels,
                priority=existing.priority,
                column=columns.get(existing.ref),
                at=scenario.start + existing.at,
            )
        return stage

    def refs(self) -> Iterator[IssueRef]:
        """Every issue there is now."""
        for tracker in self.trackers.values():
            yield from (issue.ref for issue in tracker.issues())

    def play(self, event: Event) -> IssueRef:
        """Let it happen; the issue to tell the integrator about."""
        tracker = self.trackers[event.ref.tracker]
        acts: dict[str, Callable[[], object]] = {
            "open": lambda: tracker.open(
                event.ref, event.by, event.title, body=event.body, labels=event.labels, priority=event.priority
            ),
            "comment": lambda: tracker.comment(event.ref, event.by, event.body, event.internal),
            "label": lambda: tracker.label(event.ref, event.by, event.add, event.remove),
            "move": lambda: tracker.move(event.ref, event.by, Column(str(event.to))),
            "assign": lambda: tracker.assign(event.ref, event.by, _names(event.to)),
            "close": lambda: tracker.close(event.ref, event.by),
            "reopen": lambda: tracker.reopen(event.ref, event.by),
            "edit": lambda: tracker.edit(event.ref, self._comment(event), event.by, event.body),
            "delete": lambda: tracker.delete(event.ref, self._comment(event)),
            "transfer": lambda: tracker.transfer(event.ref, event.by, IssueRef.parse(str(event.to))),
        }
        try:
            acts[event.verb]()
        except (KeyError, IndexError) as error:
            what = "issue" if isinstance(error, KeyError) else f"comment {event.comment or 1} on it"
            raise Impossible(f"{event.verb} {event.ref}: there is no such {what} then") from error
        except ValueError as error:
            raise Impossible(str(error)) from error
        return IssueRef.parse(str(event.to)) if event.verb == "transfer" else event.ref

    def _comment(self, event: Event) -> str:
        """The id of the issue's n-th comment, the integrator's own among them, counted from 1."""
        return self.trackers[event.ref.tracker].issue(event.ref).comments[int(event.comment or 1) - 1].id


def _names(to: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (to,) if isinstance(to, str) else to or ()
