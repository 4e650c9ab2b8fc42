"""Facts in words: comment texts, rendered from templates in the tracker's own markup.

Whatever a template prints is escaped for that markup; only the markup's own signs (`ui.bold` and so on) are not.
Titles, names and answers come from strangers.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from adapters.tracker import Dialect
from mapping.changes import AlarmFacts, StatusFacts
from mapping.issue import ACCOUNT_ID

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]{0,99}")


class Markup(str):
    """Text that is already in the tracker's markup."""

    __slots__ = ()


class Markdown:
    """GitHub's Markdown."""

    bold = Markup("**")
    heading = Markup("### ")
    bullet = Markup("- ")
    small = Markup("<sub>")
    small_end = Markup("</sub>")

    _SIGNS = re.compile(r"[\\`*_{}\[\]<>#!|~@&]|(?<=w)\.|:(?=//)")

    def escape(self, text: str) -> Markup:
        """Plain text: no formatting, no link, no mention, no HTML; newlines become spaces.

        GitHub looks for @somebody and #12 after it has read entities, so a space of no width keeps these apart.
        """
        escaped = self._SIGNS.sub(lambda sign: f"&#{ord(sign[0])};", " ".join(text.split()))
        return Markup(re.sub("(&#64;|&#35;)", r"\1&#8203;", escaped))

    def code(self, text: str) -> Markup:
        """Text to be typed as it is."""
        return Markup(f"<code>{self.escape(text)}</code>")

    def mention(self, handle: str) -> Markup:
        """Somebody, called."""
        return Markup(f"@{handle}") if _LOGIN.fullmatch(handle) else self.escape(handle)

    def person(self, handle: str) -> Markup:
        """Somebody, named and not called."""
        return self.escape(handle)

    def box(self, ticked: bool) -> Markup:
        """A line of a checklist."""
        return Markup("- [x] " if ticked else "- [ ] ")

    def text(self, value: Any) -> Markup:
        """Any value as safe markup."""
        return value if isinstance(value, Markup) else self.escape(str(value))


class Wiki(Markdown):
    """Jira's wiki markup."""

    bold = Markup("*")
    heading = Markup("h3. ")
    bullet = Markup("* ")
    small = Markup("{color:#6b778c}")
    small_end = Markup("{color}")

    _SIGNS = re.compile(r"[*_{}\[\]#!|~^+?\\]|(?<!\w)-|-(?!\w)|:(?=//)")

    def escape(self, text: str) -> Markup:
        """Plain text: no formatting, no link, no mention, no macro; newlines become spaces."""
        escaped = self._SIGNS.sub(lambda sign: "&#92;" if sign[0] == "\\" else f"\\{sign[0]}", " ".join(text.split()))
        return Markup(escaped)

    def code(self, text: str) -> Markup:
        """Text to be typed as it is."""
        return Markup("{{" + self.escape(text) + "}}")

    def mention(self, handle: str) -> Markup:
        """Somebody, called: by account id on Cloud, by name on Data Center."""
        if ACCOUNT_ID.fullmatch(handle):
            return Markup(f"[~accountid:{handle}]")
        return Markup(f"[~{handle}]") if _LOGIN.fullmatch(handle) else self.escape(handle)

    def person(self, handle: str) -> Markup:
        """Somebody, named; an account id says nothing to people, so Jira turns it into a name."""
        return self.mention(handle) if ACCOUNT_ID.fullmatch(handle) else self.escape(handle)

    def box(self, ticked: bool) -> Markup:
        """A line of a checklist."""
        return Markup("* ☑ " if ticked else "* ☐ ")


_DIALECTS: dict[Dialect, Markdown] = {"markdown": Markdown(), "wiki": Wiki()}


def status_text(facts: StatusFacts, dialect: Dialect, now: datetime) -> str:
    """The status comment that says these facts; remaining times are as of `now`."""
    return _rendered("status.j2", facts, dialect, now)


def alarm_text(facts: AlarmFacts, dialect: Dialect, now: datetime) -> str:
    """The alarm comment that says these facts."""
    return _rendered("alarm.j2", facts, dialect, now)


def _rendered(template: str, facts: StatusFacts | AlarmFacts, dialect: Dialect, now: datetime) -> str:
    zone = ZoneInfo(facts.zone)
    text = (
        _environment(dialect)
        .get_template(template)
        .render(
            facts=facts,
            ui=_DIALECTS[dialect],
            now=now,
            clock=CLOCKS,
            at=lambda instant: in_both_zones(instant, zone, now),
            span=lambda instant: span(instant - now),
        )
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip()


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


def in_both_zones(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """A time in UTC and in the team's zone, with the day when it isn't today."""
    utc, local = at.astimezone(UTC), at.astimezone(zone)
    day = "" if utc.date() == now.astimezone(UTC).date() else f"{utc:%a %d %b} "
    theirs = "" if local.utcoffset() == utc.utcoffset() else f" ({local:%H:%M} {zone.key})"
    return f"{day}{utc:%H:%M} UTC{theirs}"


def span(length: timedelta) -> str:
    """How long: "2 h 5 min left", "12 min over"."""
    minutes = int(abs(length).total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (rest, "min")) if n][:2] or ["0 min"]
    return f"{' '.join(parts)} {'left' if length > timedelta(0) else 'over'}"


@cache
def _environment(dialect: Dialect) -> Environment:
    ui = _DIALECTS[dialect]
    environment = Environment(
        loader=PackageLoader("integrator", "templates"),
        autoescape=False,  # noqa: S701 - finalize escapes for the tracker's markup, which is not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=ui.text,
    )
    environment.filters["in_words"] = in_words
    environment.filters["listed"] = listed
    return environment


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
