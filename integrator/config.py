"""What app.yaml can say."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)

from integrator.proofreading import BadTemplate, slips
from integrator.public_holidays import with_holidays
from integrator.subjects import Round
from integrator.yaml_file import text_of, validated
from mapping.card import WRITTEN
from mapping.hours import Hours, Strict
from mapping.issue import Column
from mapping.okr import KEY_RESULT
from mapping.policy import BoardRules, CalendarName, Policy, duration, written

NAME = r"^[a-z][a-z0-9_]*$"
OFF = "off"


def _of_a_card(name: str) -> str:
    known = (*WRITTEN, KEY_RESULT)
    if name not in known:
        raise ValueError(f"{name!r} is no field of a card; there are {', '.join(known)}")
    return name


CardField = Annotated[str, AfterValidator(_of_a_card)]
Columns = Mapping[Column, Annotated[str, Field(min_length=1)]]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$")]


class JiraBoards(Strict):
    """What may be done to Jira's boards beside its documented API."""

    use_internal_api: bool = False


class Boards(BoardRules):
    """The law of the boards, and how they may be set up."""

    jira: JiraBoards = JiraBoards()


class Project(Strict):
    """A Projects v2 board: whose it is, and its number in the address bar."""

    owner: Annotated[str, Field(min_length=1)]
    number: Annotated[int, Field(ge=1)]


class TrackerConfig(Strict):
    """What every tracker says: `columns` maps the protocol's columns to the board's own names."""

    columns: Columns = Field(default_factory=dict)

    @property
    def board_columns(self) -> dict[Column, str]:
        """Each of the five columns with the board's own name for it."""
        return {column: self.columns.get(column, column.value) for column in Column}


class GitHubConfig(TrackerConfig):
    """A GitHub host: api.github.com or a GitHub Enterprise Server."""

    kind: Literal["github"]
    url: Url = "https://api.github.com"
    repositories: Annotated[tuple[Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")], ...], Field(min_length=1)]
    project: Project | None = None


class JiraConfig(TrackerConfig):
    """A Jira site, Cloud or Data Center. `fields` are the ids of a card's fields that share their names with others."""

    kind: Literal["jira"]
    url: Url
    projects: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]+$")], ...], Field(min_length=1)]
    board: Annotated[int, Field(ge=1)] | None = None
    product: Literal["cloud", "data-center"] = "cloud"
    fields: Mapping[CardField, Annotated[str, Field(pattern=r"^customfield_\d+$")]] = Field(default_factory=dict)


AnyTracker = Annotated[GitHubConfig | JiraConfig, Field(discriminator="kind")]


class Identity(Strict):
    """Accounts that the integrator used before: their markers still count as its own."""

    former: tuple[str, ...] = ()


def _span(value: Any) -> Any:
    """A duration, or `off`."""
    try:
        return value if value == OFF else duration(value)
    except ValueError as error:
        raise ValueError(f"{error}, or {OFF}") from None


Span = Annotated[
    timedelta | Literal["off"],
    BeforeValidator(_span),
    PlainSerializer(lambda value: value if value == OFF else written(value), return_type=str),
]


class CatchUp(Strict):
    """How often is looked for what was never heard of: lost deliveries, changes, and everything that is open."""

    redelivery: Span = timedelta(minutes=5)
    reconcile: Span = timedelta(minutes=10)
    sweep: Span = timedelta(days=1)

    @property
    def every(self) -> Mapping[Round, timedelta]:
        """The rounds that are not off, each with its span."""
        spans = {Round(name): span for name, span in self}
        return {kind: span for kind, span in spans.items() if span != OFF}


class OwnTexts(Strict):
    """Jinja templates that replace ours."""

    status: str | None = None
    alarm: str | None = None
    board: str | None = None
    acknowledgement: str | None = None
    response: str | None = None
    update: str | None = None
    follow_up: str | None = None
    retrospective: str | None = None

    @field_validator("*")
    @classmethod
    def _readable(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and (found := slips(str(info.field_name), value)):
            raise BadTemplate(found)
        return value

    @property
    def given(self) -> Mapping[str, str]:
        """The templates that there are, by name."""
        return self.model_dump(exclude_none=True)


class Config(Policy):
    """app.yaml: the policy, the trackers it is kept on, the texts, who we were before, and where trackers reach us.

    `catch_up` is how often is looked for what they didn't tell.
    """

    trackers: Mapping[Annotated[str, Field(pattern=NAME)], AnyTracker] = {}
    calendars: Mapping[CalendarName, Annotated[Hours, AfterValidator(with_holidays)]] = Field(default_factory=dict)
    board: Boards = Boards()
    identity: Identity = Identity()
    texts: OwnTexts = OwnTexts()
    catch_up: CatchUp = CatchUp()
    public_url: Url | None = None

    @model_validator(mode="after")
    def _distinct_homes(self) -> "Config":
        homes = [(t.url.rstrip("/"), home.casefold()) for t in self.trackers.values() for home in homes_of(t)]
        if twice := {home for home in homes if homes.count(home) > 1}:
            raise ValueError(f"{sorted(twice)[0][1]} is listed twice under trackers; each issue has one")
        return self

    @property
    def policy_hash(self) -> str:
        """A fingerprint of everything that plans depend on."""
        text = self.model_dump_json(by_alias=True, exclude={"catch_up"})
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def homes_of(tracker: GitHubConfig | JiraConfig) -> tuple[str, ...]:
    """The repositories or projects that a tracker's issues are in."""
    return tracker.repositories if isinstance(tracker, GitHubConfig) else tracker.projects


def load(path: Path) -> Config:
    """Read app.yaml; ConfigError with every fault."""
    return parse(text_of(path, "; name another file with --config or INTEGRATOR_CONFIG"), str(path))


def parse(text: str, file: str) -> Config:
    """Validate the text of an app.yaml; `file` is how faults name it."""
    return validated(Config, text, file)


def schema() -> dict[str, Any]:
    """The JSON Schema of app.yaml."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema(by_alias=True)}
