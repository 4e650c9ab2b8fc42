"""Working time: when a promise's time passes (G16). A wall clock never stops; a calendar only runs in its hours.

All arithmetic is done between instants; a calendar's hours are local wall time, so that a day on which the clocks are
changed has the hours that people there really work.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
FURTHEST = timedelta(days=3700)


class NeverOpen(Exception):
    """The calendar has no working time in the next ten years."""


class WorkingTime(Protocol):
    """What clocks need to know about time."""

    def after(self, start: datetime, worked: timedelta) -> datetime:
        """The instant at which so much working time has passed since `start`."""
        ...

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """The working time between two instants."""
        ...


class WallClock:
    """All time counts."""

    def after(self, start: datetime, worked: timedelta) -> datetime:
        """The instant at which so much time has passed since `start`."""
        return start + worked

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """The time between two instants."""
        return max(end - start, timedelta(0))


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working hours: for each weekday (0 is Monday) spans of minutes after midnight, and the days that are closed."""

    zone: ZoneInfo
    hours: Mapping[int, tuple[tuple[int, int], ...]]
    closed: frozenset[date] = field(default_factory=frozenset)

    def after(self, start: datetime, worked: timedelta) -> datetime:
        """The instant at which so much working time has passed; outside working hours nothing passes."""
        left = worked
        for opens, closes in self._spans(start):
            if closes - opens >= left:
                return opens + left
            left -= closes - opens
        raise NeverOpen(f"the calendar has not {worked} of working time in the ten years after {start}")

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """The working time between two instants."""
        total = timedelta(0)
        for opens, closes in self._spans(start):
            if opens >= end:
                break
            total += min(closes, end) - opens
        return total

    def _spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The working spans from `start` on, the first cut to begin there."""
        day = start.astimezone(self.zone).date()
        last = day + FURTHEST
        while day < last:
            for opens, closes in self._spans_on(day):
                if closes > start:
                    yield max(opens, start), closes
            day += DAY

    def _spans_on(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if day in self.closed:
            return
        for first, last in self.hours.get(day.weekday(), ()):
            yield from _instants(self.zone, _naive(day, first), _naive(day, last))


def _naive(day: date, minutes: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(minutes=minutes)


def _instants(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The instants whose local wall time lies in [first, last): one span, or two around a change of the clocks."""
    early, late = first.replace(tzinfo=UTC) - DAY, last.replace(tzinfo=UTC) + DAY  # no zone is a day from UTC
    before, after = _offset(zone, early), _offset(zone, late)
    if before == after:
        yield (first - before).replace(tzinfo=UTC), (last - before).replace(tzinfo=UTC)
        return
    changed = _change(zone, early, late)
    for opens, closes in (
        ((first - before).replace(tzinfo=UTC), min((last - before).replace(tzinfo=UTC), changed)),
        (max((first - after).replace(tzinfo=UTC), changed), (last - after).replace(tzinfo=UTC)),
    ):
        if opens < closes:
            yield opens, closes


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _change(zone: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """The second at which the zone's offset changes between two instants."""
    before = _offset(zone, early)
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) // 2).replace(microsecond=0)
        early, late = (middle, late) if _offset(zone, middle) == before else (early, middle)
    return late


def end_of_next_quarter(at: datetime, zone: ZoneInfo, fiscal_start: int) -> datetime:
    """The last instant of the quarter after the one that `at` is in (R15), quarters counted from a fiscal month."""
    local = at.astimezone(zone)
    months = local.year * 12 + local.month - 1
    into = (months - (fiscal_start - 1)) % 3
    year, month = divmod(months - into + 6, 12)
    return datetime(year, month + 1, 1, tzinfo=zone).astimezone(UTC) - timedelta(microseconds=1)
