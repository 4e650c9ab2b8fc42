"""Working hours as app.yaml writes them, and the calendar that they mean."""

import re
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mapping.calendar import Calendar

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPAN = re.compile(r"(\d{2}):([0-5]\d)-(\d{2}):([0-5]\d)")


class Strict(BaseModel):
    """A part of app.yaml: unknown keys and wrong types are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


def _span(value: str) -> str:
    match = _SPAN.fullmatch(value)
    if match is None or not 0 <= _minutes(match, 1) < _minutes(match, 3) <= 24 * 60:
        raise ValueError(f"{value!r} is not a span of hours; write for example 09:00-12:30")
    return value


def _minutes(match: re.Match[str], first: int) -> int:
    return int(match[first]) * 60 + int(match[first + 1])


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"{value!r} is not a time zone; write for example Europe/Berlin or UTC") from None
    return value


def _day(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a date; write for example 2026-12-24") from None
    return value


ZoneName = Annotated[str, AfterValidator(_zone)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Holidays(Strict):
    """Whose public holidays are closed: a country and, where it matters, its part (`BE` for Berlin)."""

    country: Annotated[str, Field(min_length=2)]
    subdivision: str | None = None


class Hours(Strict):
    """Working hours of a calendar: per weekday one or several spans, local wall time; days that are closed."""

    time_zone: ZoneName
    hours: Mapping[Weekday, tuple[Annotated[str, AfterValidator(_span)], ...]]
    holidays: Holidays | None = None
    closed: tuple[Annotated[str, AfterValidator(_day)], ...] = ()

    @cached_property
    def calendar(self) -> Calendar:
        """The calendar that clocks run by."""
        spans = {_WEEKDAYS.index(day): tuple(sorted(map(_in_minutes, rows))) for day, rows in self.hours.items()}
        return Calendar(ZoneInfo(self.time_zone), spans, frozenset(map(date.fromisoformat, self.closed)))

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if not any(self.hours.values()):
            raise ValueError("the calendar is never open; give it some hours")
        for day, rows in self.hours.items():
            spans = sorted(map(_in_minutes, rows))
            if any(first[1] > second[0] for first, second in pairwise(spans)):
                raise ValueError(f"{day}: two spans overlap")
        return self


def _in_minutes(span: str) -> tuple[int, int]:
    match = _SPAN.fullmatch(span)
    return (_minutes(match, 1), _minutes(match, 3)) if match else (0, 0)
