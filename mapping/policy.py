"""The policy: what app.yaml decides, validated. Its defaults are the protocol's own numbers."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from mapping.calendar import WallClock, WorkingTime
from mapping.hours import Hours, Strict, ZoneName
from mapping.issue import Column
from mapping.objectives import Okr, refusal
from mapping.rules import DEFAULT_HINTS, DEFAULT_RULES, Rule, SeverityName, rule
from mapping.severity import Severity
from mapping.triage import BY_KEY, UNKNOWN, known_headings

NEXT_QUARTER: Literal["next quarter"] = "next quarter"

_DURATION = re.compile(r"(\d{1,5})\s*(m|h|d|w)")
_WALL = WallClock()
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(value: Any) -> timedelta:
    """Read `15m`, `4h`, `7d` or `1w`; ValueError with examples otherwise."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{value!r} is not a duration; write for example 15m, 4h, 7d or 1w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def written(value: timedelta) -> str:
    """A duration as app.yaml writes it: 1h, not 60m."""
    minutes = int(value.total_seconds() // 60)
    for unit, size in (("w", 7 * 24 * 60), ("d", 24 * 60), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def _resolution(value: Any) -> Any:
    return value if value == NEXT_QUARTER else duration(value)


def _instant(value: Any) -> datetime:
    """An instant or a date (its first second, UTC)."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a time; write for example 2026-11-23T09:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


_as_text = PlainSerializer(lambda value: value if isinstance(value, str) else written(value), return_type=str)
Duration = Annotated[timedelta, BeforeValidator(duration), _as_text, Field(json_schema_extra={"examples": ["4h"]})]
Resolution = Annotated[timedelta | Literal["next quarter"], BeforeValidator(_resolution), _as_text]
Instant = Annotated[datetime, BeforeValidator(_instant)]


class Target(Strict):
    """What is promised for a severity: an answer and an end, both counted from the report, and updates in between.

    `calendar` names the working hours in which the promises run; without one all time counts (G16).
    """

    response: Duration
    resolution: Resolution
    update: Duration | None = None
    calendar: str | None = None


class Label(Strict):
    """A label's name (no spaces: Jira has none), its colour on GitHub (six hex digits) and what it says."""

    name: Annotated[str, Field(pattern=r"^[^\s,]{1,50}$")]
    color: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{6}$")]
    description: Annotated[str, Field(max_length=100)]


def _label(name: str, color: str, description: str) -> Label:
    return Label(name=name, color=color, description=description)


class Labels(Strict):
    """The labels by what they mean. Rename them freely; their meaning stays."""

    p0: Label = Field(_label("P0", "b60205", "Critical: the customer's business is stopped"), alias="P0")
    p1: Label = Field(_label("P1", "d93f0b", "High: significantly impacted, a painful workaround"), alias="P1")
    p2: Label = Field(_label("P2", "fbca04", "Medium: inconvenienced, a clear workaround"), alias="P2")
    p3: Label = Field(_label("P3", "0e8a16", "Low: no current business impact"), alias="P3")
    emergency: Label = _label("emergency", "b60205", "A customer emergency: P0 or P1, or reported as one")
    needs_triage: Label = Field(
        _label("needs-triage", "d4c5f9", "The rules abstain: a person should look"), alias="needs-triage"
    )
    waiting: Label = Field(
        _label("waiting-on-customer", "c5def5", "We wait for the customer: the resolution clock stands still"),
        alias="waiting-on-customer",
    )
    paused: Label = Field(
        _label("paused-by-emergency", "bfd4f2", "Planned work, set aside for an emergency"), alias="paused-by-emergency"
    )
    at_risk: Label = Field(_label("sla-at-risk", "fbca04", "A promise is about to be broken"), alias="sla-at-risk")
    breached: Label = Field(_label("sla-breached", "b60205", "A promise is broken"), alias="sla-breached")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [label.name.casefold() for label in self.all()]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two labels are both named {sorted(twice)[0]!r}")
        return self

    def all(self) -> tuple[Label, ...]:
        """Every label, in the order of app.yaml."""
        return tuple(getattr(self, field) for field in type(self).model_fields)

    def of(self, severity: Severity) -> str:
        """The name of a severity's label."""
        return self._names[severity]

    def severity_of(self, name: str) -> Severity | None:
        """The severity that a label of this name means; trackers differ in case, meaning doesn't."""
        return self._meanings.get(name.casefold())

    @cached_property
    def _names(self) -> Mapping[Severity, str]:
        labels = (self.p0, self.p1, self.p2, self.p3)
        return {severity: label.name for severity, label in zip(Severity, labels, strict=True)}

    @cached_property
    def _meanings(self) -> Mapping[str, Severity]:
        return {name.casefold(): severity for severity, name in self._names.items()}


def _question_keys(value: Mapping[str, Any]) -> Mapping[str, Any]:
    if wrong := sorted(set(value) - set(BY_KEY)):
        raise ValueError(f"{wrong[0]!r} is not a question; use {', '.join(BY_KEY)}")
    return value


def _named(value: Mapping[str, str]) -> Mapping[str, str]:
    if empty := sorted(key for key, name in value.items() if not name.strip()):
        raise ValueError(f"{empty[0]}: give a name")
    return value


def _known_answers(value: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
    for label, answers in value.items():
        for key, answer in _question_keys(answers).items():
            if BY_KEY[key].read(answer) == UNKNOWN:
                raise ValueError(f"{label}: {answer!r} is not an answer to {key}")
    return value


QuestionTexts = Annotated[Mapping[str, str], AfterValidator(_question_keys), AfterValidator(_named)]
AnswerLabels = Annotated[Mapping[str, Mapping[str, str]], AfterValidator(_known_answers)]
PriorityMap = Mapping[Annotated[str, Field(pattern=r"\S")], SeverityName]


class Triage(Strict):
    """How a severity is found (R22-R25)."""

    confirm: Literal["person", "auto"] = "person"
    rules: tuple[Rule, ...] = DEFAULT_RULES
    hints: tuple[Rule, ...] = DEFAULT_HINTS
    priorities: PriorityMap = {
        "Highest": Severity.P0,
        "High": Severity.P1,
        "Medium": Severity.P2,
        "Low": Severity.P3,
        "Lowest": Severity.P3,
    }
    silent_priorities: tuple[str, ...] = ("Medium",)
    write_priority: Mapping[Severity, str] = {}
    headings: QuestionTexts = {}
    fields: QuestionTexts = {}
    answer_labels: AnswerLabels = {}
    trusted_bots: tuple[str, ...] = ()

    @cached_property
    def all_hints(self) -> tuple[Rule, ...]:
        """The hints, and one more for every priority that means a severity."""
        named = [(re.sub(r"[^a-z0-9]+", "-", p.casefold()).strip("-"), p, s) for p, s in self.priorities.items()]
        return (*self.hints, *(rule(f"priority-{slug}", severity, priority=name) for slug, name, severity in named))

    @cached_property
    def known_headings(self) -> Mapping[str, str]:
        """The question key of every heading of a form."""
        return known_headings(self.headings)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [rule.name for rule in (*self.rules, *self.hints)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two rules are both named {sorted(twice)[0]!r}")
        return self


class Milestones(Strict):
    """When the customer of a P0 hears of it, counted from its confirmation (R32)."""

    acknowledgement: Duration = timedelta(minutes=15)
    assessment: Duration = timedelta(minutes=30)
    progress: Duration = timedelta(minutes=60)

    @property
    def named(self) -> tuple[tuple[str, timedelta], ...]:
        """The milestones in their order."""
        return (
            ("acknowledgement", self.acknowledgement),
            ("assessment", self.assessment),
            ("progress", self.progress),
        )


CLOCKS = (
    "triage",
    "response",
    "next_update",
    "resolution",
    "acknowledgement",
    "assessment",
    "progress",
    "retrospective",
)


Percent = Annotated[int, Field(ge=1, le=99)]


def _percent_or_duration(value: Any) -> Any:
    return value if isinstance(value, int) else duration(value)


AtRisk = Annotated[Percent | Duration, BeforeValidator(_percent_or_duration)]


def _clock_names(value: Mapping[str, Any]) -> Mapping[str, Any]:
    if wrong := sorted(set(value) - set(CLOCKS)):
        raise ValueError(f"{wrong[0]!r} is not a clock; use {', '.join(CLOCKS)}")
    return value


class Sla(Strict):
    """How promises are timed and announced (R26, R32, G16).

    `enforce_from`: issues reported earlier get no comment until a person confirms them. `at_risk`: the part of a
    promise's time after which it is at risk, in percent, and per clock a percentage or a time. `time_zone`: the team's,
    for what people read.
    """

    enforce_from: Instant | None = None
    time_zone: ZoneName = "UTC"
    fiscal_year_starts: Annotated[int, Field(ge=1, le=12)] = 1
    triage: Duration = timedelta(minutes=15)
    milestones: Milestones = Milestones()
    at_risk: Percent = 80
    at_risk_of: Annotated[Mapping[str, AtRisk], AfterValidator(_clock_names)] = {"triage": timedelta(minutes=10)}
    internal_comments_count: bool = False
    ack_expires: Duration = timedelta(minutes=30)

    @property
    def zone(self) -> ZoneInfo:
        """The team's time zone."""
        return ZoneInfo(self.time_zone)

    def at_risk_after(self, clock: str, length: timedelta) -> timedelta:
        """The time after which a clock of this length is at risk."""
        early = self.at_risk_of.get(clock, self.at_risk)
        return min(early, length) if isinstance(early, timedelta) else length * early / 100


Limit = Annotated[int, Field(ge=1, le=1000)]


def _can_be_limited(value: Mapping[Column, int]) -> Mapping[Column, int]:
    """Backlog takes what other columns send back; Done and Emergency Queue are filled by the protocol (R21)."""
    if wrong := [column for column in value if column not in {Column.IN_PROGRESS, Column.REVIEW}]:
        raise ValueError(f"{wrong[0]} can't be limited; In Progress and Review can")
    return value


class Wip(Strict):
    """The work limit (R18): what is done about a column that holds too much, whose work is counted together, and how
    often within an hour a card is sent back before it is left where people want it (0: always sent back).
    """

    mode: Literal["off", "warn", "enforce"] = "enforce"
    scope: Literal["board", "assignee"] = "board"
    limits: Annotated[Mapping[Column, Limit], AfterValidator(_can_be_limited)] = {Column.IN_PROGRESS: 1}
    returns: Annotated[int, Field(ge=0, le=100)] = 3


class BoardRules(Strict):
    """The law of the boards."""

    wip: Wip = Wip()


class Pause(Strict):
    """What a confirmed P0 does to planned work (R33): moved to the backlog or only labelled; on its board or on all."""

    mode: Literal["move", "label"] = "move"
    scope: Literal["tracker", "all"] = "tracker"


class Roles(Strict):
    """Who is called when promises break (R70, R71): logins on GitHub, account ids or user names on Jira."""

    team: tuple[str, ...] = ()
    product_owner: tuple[str, ...] = ()


class Retrospective(Strict):
    """The issue in which an emergency is learned from (R39): until when, with which labels, and where.

    `into` names a repository or project by tracker; elsewhere it is the emergency's own.
    """

    within: Duration = timedelta(hours=24)
    labels: tuple[str, ...] = ()
    into: Mapping[str, str] = {}


class Escalation(Strict):
    """The ladder of an emergency: the team so long after the first breach, the product owner so long (R70)."""

    team_after: Duration = timedelta(minutes=30)
    product_owner_after: Duration = timedelta(minutes=60)


CalendarName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]


class Policy(Strict):
    """Everything about the protocol that a team may change."""

    severities: Mapping[Severity, Target] = {
        Severity.P0: Target(response=timedelta(hours=1), resolution=timedelta(hours=4), update=timedelta(hours=1)),
        Severity.P1: Target(response=timedelta(hours=4), resolution=timedelta(hours=24), update=timedelta(hours=4)),
        Severity.P2: Target(response=timedelta(hours=24), resolution=timedelta(weeks=1)),
        Severity.P3: Target(response=timedelta(hours=48), resolution=NEXT_QUARTER),
    }
    labels: Labels = Labels()
    triage: Triage = Triage()
    sla: Sla = Sla()
    roles: Roles = Roles()
    escalation: Escalation = Escalation()
    board: BoardRules = BoardRules()
    pause: Pause = Pause()
    okr: Okr = Okr()
    retrospective: Retrospective = Retrospective()
    calendars: Mapping[CalendarName, Hours] = {}

    @model_validator(mode="after")
    def _every_severity(self) -> Self:
        if missing := [s for s in Severity if s not in self.severities]:
            raise ValueError(f"severities: {missing[0]} has no targets")
        for severity, target in self.severities.items():
            if target.calendar is not None and target.calendar not in self.calendars:
                names = ", ".join(self.calendars) or "none yet"
                raise ValueError(f"severities.{severity}: there is no calendar {target.calendar!r}; there is {names}")
        return self

    @model_validator(mode="after")
    def _somebody_approves(self) -> Self:
        if self.okr.approval == "product-owner" and not self.roles.product_owner:
            says = "nobody could approve anything, because roles.product_owner is empty; name somebody there"
            raise refusal("Policy", [(("okr", "approval"), says)])
        return self

    def working_time(self, severity: Severity) -> WorkingTime:
        """How time passes for a severity's promises."""
        name = self.severities[severity].calendar
        return _WALL if name is None else self.calendars[name].calendar
