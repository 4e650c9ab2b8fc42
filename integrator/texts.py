"""Facts in words: comments, messages and issues, rendered from templates in the tracker's own markup.

Whatever a template prints is escaped for that markup; only the markup's own signs (`ui.bold` and so on) are not.
Titles, names and answers come from strangers. Templates of app.yaml replace ours, in a sandbox.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from adapters.tracker import Dialect
from integrator.dialects import DIALECTS, Markdown, Markup, Style
from mapping.changes import AlarmFacts, BoardFacts, DraftFacts, RetrospectiveFacts, StatusFacts

log = structlog.get_logger()

Facts = StatusFacts | AlarmFacts | BoardFacts | DraftFacts | RetrospectiveFacts

FACTS: Mapping[str, type[Facts]] = {
    "status": StatusFacts,
    "alarm": AlarmFacts,
    "board": BoardFacts,
    "acknowledgement": DraftFacts,
    "response": DraftFacts,
    "update": DraftFacts,
    "follow_up": DraftFacts,
    "retrospective": RetrospectiveFacts,
}
"""The texts that app.yaml can replace, and the facts that each tells."""

CLOCKS = {
    "triage": "Triage by a person",
    "response": "First response",
    "next_update": "Next update",
    "resolution": "Solved",
    "acknowledgement": "Customer told that we are on it",
    "assessment": "First assessment to the customer",
    "progress": "Progress told to the customer",
    "retrospective": "Retrospective",
}
WORKAROUNDS = {
    "none": "none that we know of yet",
    "painful": "there is one, though it takes some effort; we can walk you through it",
    "easy": "there is a simple one; we can walk you through it",
}
LONGEST_TITLE = 200  # characters; trackers take 255


@dataclass(frozen=True, slots=True)
class Letter:
    """A text with a heading of its own, on one line and without markup: a message's subject, an issue's title."""

    subject: str
    body: str


@dataclass(frozen=True)
class Texts:
    """Our texts, some of them replaced. `own` are the templates of app.yaml by name.

    A replaced text that fails on facts nobody foresaw gives way to ours: what has to be said is said.
    """

    own: Mapping[str, str] = field(default_factory=dict)
    _compiled: dict[tuple[str, Style], Template] = field(default_factory=dict, repr=False)

    def status(self, facts: StatusFacts, style: Style, now: datetime) -> str:
        """The status comment that says these facts; remaining times are as of `now`."""
        return self._rendered("status", facts, style, now)

    def alarm(self, facts: AlarmFacts, style: Style, now: datetime) -> str:
        """The alarm comment that says these facts."""
        return self._rendered("alarm", facts, style, now)

    def board(self, facts: BoardFacts, style: Style, now: datetime) -> str:
        """The comment on a card that was sent back or paused, or stays where it is too much."""
        return self._rendered("board", facts, style, now)

    def message(self, facts: DraftFacts, style: Style, now: datetime) -> Letter:
        """The message to the customer; a place that nobody filled shows as a gap with what fills it."""
        return self._letter(facts.kind, facts, style, now)

    def draft(self, facts: DraftFacts, dialect: Dialect, now: datetime) -> str:
        """The internal comment that holds a message to the customer, for a person to send."""
        message = self.message(facts, dialect, now)
        ui = DIALECTS[dialect]
        body, sent = Markup(message.body), sent_command(facts, now)
        template = environment(dialect).get_template("draft.j2")
        return template.render(ui=ui, facts=facts, subject=message.subject, body=body, sent=sent).strip()

    def retrospective(self, facts: RetrospectiveFacts, dialect: Dialect, now: datetime) -> Letter:
        """The issue in which an emergency is looked back at."""
        return self._letter("retrospective", facts, dialect, now)

    def _letter(self, name: str, facts: Facts, style: Style, now: datetime) -> Letter:
        subject = self._rendered(name, facts, "plain", now).partition("\n")[0].strip()
        body = self._rendered(name, facts, style, now).partition("\n")[2].strip()
        return Letter(subject if len(subject) <= LONGEST_TITLE else f"{subject[: LONGEST_TITLE - 1]}…", body)

    def _rendered(self, name: str, facts: Facts, style: Style, now: datetime) -> str:
        if name in self.own:
            try:
                return rendered(self._template(name, style), facts, style, now)
            except Exception as error:
                log.warning("a text of app.yaml failed, ours is used", text=name, error=str(error))
        return rendered(environment(style).get_template(f"{name}.j2"), facts, style, now)

    def _template(self, name: str, style: Style) -> Template:
        if (name, style) not in self._compiled:
            self._compiled[name, style] = environment(style).from_string(self.own[name])
        return self._compiled[name, style]


def rendered(template: Template, facts: Facts, style: Style, now: datetime) -> str:
    """What a template makes of facts, without empty lines at its ends and never two in a row."""
    text = template.render(variables(facts, style, now))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def variables(facts: Facts, style: Style, now: datetime) -> dict[str, Any]:
    """What a template can use, besides Jinja's own: docs/texts.md lists it."""
    zone, ui = ZoneInfo(facts.zone), DIALECTS[style]

    known: dict[str, Any] = {
        "facts": facts,
        "ui": ui,
        "now": now,
        "clock": CLOCKS,
        "at": lambda instant: in_both_zones(instant, zone, now),
        "on": lambda instant: in_both_zones(instant, zone),
        "span": lambda instant: span(instant - now),
        "lasted": lambda begin, end: length(end - begin),
    }
    if isinstance(facts, DraftFacts):
        known["place"] = lambda name: _place(name, facts, ui, zone, now)
    return known


def _place(name: str, facts: DraftFacts, ui: Markdown, zone: ZoneInfo, now: datetime) -> str:
    """A place of a message in words, or the gap where it will be; empty where the message can do without it."""
    if name not in facts.places and name != "next_update":
        raise UndefinedError(f"there is no place {name!r}; there is {', '.join(facts.places)}, next_update")
    gaps = dict(facts.missing)
    if name in gaps:
        return ui.escape(f"[{name.replace('_', ' ')}: {gaps[name]}]")
    filled = facts.places.get(name, "")
    match name:
        case "next_update":
            return in_both_zones(facts.next_update_at, zone, now) if facts.next_update_at else ""
        case "eta":
            return in_both_zones(datetime.fromisoformat(filled), zone, now) if filled else ""
        case "workaround":
            return WORKAROUNDS.get(filled, filled)
        case "engineer":
            return ui.person(filled) if filled else ""
        case _:
            return filled


def sent_command(facts: DraftFacts, now: datetime) -> str:
    """What to write once the message is sent, with the time that it promises (R49), in the team's zone."""
    if facts.next_update_at is None:
        return "/sent"
    promised = facts.next_update_at.astimezone(ZoneInfo(facts.zone))
    is_soon = facts.next_update_at - now < timedelta(hours=20)
    return f"/sent {promised:%H:%M}" if is_soon else f"/sent {promised:%Y-%m-%d %H:%M}"


def in_both_zones(at: datetime, zone: ZoneInfo, now: datetime | None = None) -> str:
    """A time in UTC and in the team's zone, with the day when it isn't today; without `now` with the whole date."""
    utc, local = at.astimezone(UTC), at.astimezone(zone)
    today = now is not None and utc.date() == now.astimezone(UTC).date()
    day = "" if today else f"{utc:%a %d %b} " if now is not None else f"{utc:%a %d %b %Y} "
    theirs = "" if local.utcoffset() == utc.utcoffset() else f" ({local:%H:%M} {zone.key})"
    return f"{day}{utc:%H:%M} UTC{theirs}"


def span(left: timedelta) -> str:
    """How long from now: "2 h 5 min left", "12 min over"."""
    return f"{length(left)} {'left' if left > timedelta(0) else 'over'}"


def length(time: timedelta) -> str:
    """How long: "2 h 5 min"."""
    minutes = int(abs(time).total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (rest, "min")) if n][:2] or ["0 min"]
    return " ".join(parts)


@cache
def environment(style: Style) -> Environment:
    """Where templates of a style are made: in a sandbox, with everything that is printed escaped."""
    made = ImmutableSandboxedEnvironment(
        loader=PackageLoader("integrator", "templates"),
        autoescape=False,  # finalize escapes for the tracker's markup, which is not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=DIALECTS[style].text,
    )
    made.filters["in_words"] = in_words
    made.filters["listed"] = listed
    return made


def in_words(duration: str) -> str:
    """`4h` as "4 hours"."""
    match = re.fullmatch(r"(\d+)([mhdw])", duration)
    if match is None:
        return duration
    unit = {"m": "minute", "h": "hour", "d": "day", "w": "week"}[match[2]]
    return f"{match[1]} {unit}" + ("" if match[1] == "1" else "s")


def listed(words: Iterable[str]) -> str:
    """A list as people say it: "a, b or c"."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
