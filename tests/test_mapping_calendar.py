"""Working time over midnights, weekends, holidays and changes of the clocks (G16), and the end of the next quarter."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mapping.calendar import Calendar, NeverOpen, WallClock, end_of_next_quarter

H, M = timedelta(hours=1), timedelta(minutes=1)
Week = Mapping[int, tuple[tuple[int, int], ...]]
OFFICE: Week = dict.fromkeys(range(5), ((540, 720), (780, 1020)))  # 09:00-12:00 and 13:00-17:00
ROUND_THE_CLOCK: Week = dict.fromkeys(range(7), ((0, 1440),))
NIGHT: Week = dict.fromkeys(range(7), ((0, 360), (1320, 1440)))  # 22:00 to 06:00


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def calendar(zone: str, hours: Week, *closed: str) -> Calendar:
    return Calendar(ZoneInfo(zone), hours, frozenset(map(date.fromisoformat, closed)))


UTC_OFFICE = calendar("UTC", OFFICE)


@pytest.mark.parametrize(
    ("time", "start", "length", "due"),
    [
        # 2026-11-23 is a Monday
        pytest.param(UTC_OFFICE, "2026-11-23T09:00", H, "2026-11-23T10:00", id="inside"),
        pytest.param(UTC_OFFICE, "2026-11-23T09:00", 3 * H, "2026-11-23T12:00", id="ends with the span"),
        pytest.param(UTC_OFFICE, "2026-11-23T09:00", 3 * H + M, "2026-11-23T13:01", id="over lunch"),
        pytest.param(UTC_OFFICE, "2026-11-23T11:30", H, "2026-11-23T13:30", id="several intervals a day"),
        pytest.param(UTC_OFFICE, "2026-11-23T12:15", H, "2026-11-23T14:00", id="starts at lunch"),
        pytest.param(UTC_OFFICE, "2026-11-23T06:00", H, "2026-11-23T10:00", id="starts before work"),
        pytest.param(UTC_OFFICE, "2026-11-23T17:00", H, "2026-11-24T10:00", id="starts as work ends"),
        pytest.param(UTC_OFFICE, "2026-11-23T16:30", H, "2026-11-24T09:30", id="over midnight"),
        pytest.param(UTC_OFFICE, "2026-11-27T16:30", H, "2026-11-30T09:30", id="over a weekend"),
        pytest.param(UTC_OFFICE, "2026-11-28T11:00", H, "2026-11-30T10:00", id="starts on a Saturday"),
        pytest.param(UTC_OFFICE, "2026-12-31T16:00", 2 * H, "2027-01-01T10:00", id="over the year's end"),
        pytest.param(UTC_OFFICE, "2026-11-23T09:00", 35 * H, "2026-11-27T17:00", id="a whole week"),
        pytest.param(UTC_OFFICE, "2026-11-23T09:00:30", H, "2026-11-23T10:00:30", id="seconds are kept"),
        pytest.param(UTC_OFFICE, "2026-11-23T20:00", 0 * H, "2026-11-24T09:00", id="nothing to wait for: next opening"),
        pytest.param(
            calendar("UTC", OFFICE, "2026-12-24", "2026-12-25"),
            "2026-12-23T16:00", 2 * H, "2026-12-28T10:00", id="holidays and a weekend",
        ),
        pytest.param(
            calendar("UTC", OFFICE, "2027-01-01"), "2026-12-31T16:00", 2 * H, "2027-01-04T10:00", id="New Year"
        ),
        # zones
        pytest.param(
            calendar("Europe/Berlin", OFFICE), "2026-11-23T08:00", H, "2026-11-23T09:00", id="Berlin, winter"
        ),
        pytest.param(
            calendar("Europe/Berlin", OFFICE), "2026-07-06T07:00", H, "2026-07-06T08:00", id="Berlin, summer"
        ),
        pytest.param(
            calendar("Asia/Tokyo", OFFICE), "2026-11-23T23:30", H, "2026-11-24T01:00", id="Tokyo, a day ahead"
        ),
        pytest.param(
            calendar("America/Los_Angeles", OFFICE),
            "2026-11-28T00:30", H, "2026-11-30T17:30", id="California's Friday is UTC's Saturday",
        ),
        # the clocks change
        pytest.param(
            calendar("Europe/Berlin", OFFICE), "2026-03-27T15:30", H, "2026-03-30T07:30", id="Berlin, on, at night"
        ),
        pytest.param(
            calendar("Europe/Berlin", ROUND_THE_CLOCK), "2026-03-28T12:00", 24 * H, "2026-03-29T12:00",
            id="24 h are 24 h, clocks on",
        ),
        pytest.param(
            calendar("Europe/Berlin", ROUND_THE_CLOCK), "2026-10-24T12:00", 24 * H, "2026-10-25T12:00",
            id="24 h are 24 h, clocks back",
        ),
        pytest.param(
            calendar("Europe/Berlin", NIGHT), "2026-03-28T21:00", 8 * H, "2026-03-29T21:00", id="a night of 7 hours"
        ),
        pytest.param(
            calendar("Europe/Berlin", NIGHT), "2026-10-24T20:00", 9 * H, "2026-10-25T05:00", id="a night of 9 hours"
        ),
        pytest.param(
            calendar("Europe/Berlin", {6: ((120, 180),)}), "2026-03-29T00:00", M, "2026-04-05T00:01",
            id="hours that are skipped",
        ),
        pytest.param(
            calendar("Europe/Berlin", {6: ((120, 180),)}), "2026-10-25T00:00", 2 * H, "2026-10-25T02:00",
            id="hours that come twice",
        ),
        pytest.param(
            calendar("Australia/Lord_Howe", {6: ((60, 150),)}), "2026-04-04T14:00", 2 * H, "2026-04-04T16:00",
            id="Lord Howe, half an hour twice",
        ),
        pytest.param(
            calendar("America/Sao_Paulo", {6: ((0, 120),)}), "2018-11-04T00:00", H, "2018-11-04T04:00",
            id="Sao Paulo, midnight is skipped",
        ),
        pytest.param(
            calendar("Pacific/Apia", ROUND_THE_CLOCK), "2011-12-30T09:00", 2 * H, "2011-12-30T11:00",
            id="Apia, over a day that wasn't",
        ),
        pytest.param(
            calendar("Pacific/Apia", {6: ((0, 15),)}), "2011-12-30T00:00", M, "2011-12-31T10:01",
            id="Apia, two days after the day that wasn't",
        ),
        pytest.param(
            calendar("Pacific/Apia", {4: ((540, 1020),)}), "2011-12-29T20:00", H, "2012-01-05T20:00",
            id="Apia, the Friday that wasn't",
        ),
    ],
)  # fmt: skip
def test_when_working_time_has_passed(time: Calendar, start: str, length: timedelta, due: str) -> None:
    assert time.after(utc(start), length) == utc(due)
    assert time.worked(utc(start), utc(due)) == length


@pytest.mark.parametrize(
    ("start", "end", "worked"),
    [
        pytest.param("2026-11-23T09:00", "2026-11-23T09:00", 0 * H, id="no time"),
        pytest.param("2026-11-23T12:00", "2026-11-23T13:00", 0 * H, id="lunch"),
        pytest.param("2026-11-28T00:00", "2026-11-29T23:59", 0 * H, id="a weekend"),
        pytest.param("2026-11-23T00:00", "2026-11-24T00:00", 7 * H, id="a day"),
        pytest.param("2026-11-23T00:00", "2026-12-07T00:00", 70 * H, id="two weeks"),
        pytest.param("2026-11-23T10:00", "2026-11-23T09:30", 0 * H, id="backwards"),
        pytest.param("2026-11-24T10:00", "2026-11-23T09:30", 0 * H, id="backwards over a night"),
    ],
)
def test_working_time_between(start: str, end: str, worked: timedelta) -> None:
    assert UTC_OFFICE.worked(utc(start), utc(end)) == worked


def test_a_calendar_of_closed_days_only_says_so() -> None:
    with pytest.raises(NeverOpen, match="has not 1:00:00 of working time in the ten years after 2026-11-23"):
        calendar("UTC", {0: ()}).after(utc("2026-11-23T09:00"), H)


def test_a_calendar_of_closed_days_only_never_works() -> None:
    assert calendar("UTC", {0: ()}).worked(utc("2026-11-23T09:00"), utc("2026-11-30T09:00")) == 0 * H


def test_a_wall_clock_never_stops() -> None:
    start = utc("2026-03-28T12:00")
    assert WallClock().after(start, 24 * H) == utc("2026-03-29T12:00")
    assert WallClock().worked(start, start + H) == H
    assert WallClock().worked(start, start - H) == 0 * H


@pytest.mark.parametrize(
    ("at", "zone", "fiscal_start", "due"),
    [
        # the last microsecond before these
        pytest.param("2026-11-23T09:00", "UTC", 1, "2027-04-01T00:00", id="R15 Q4: the end of March"),
        pytest.param("2026-01-01T00:00", "UTC", 1, "2026-07-01T00:00", id="R15 first instant of Q1"),
        pytest.param("2026-03-31T23:59", "UTC", 1, "2026-07-01T00:00", id="R15 last minute of Q1"),
        pytest.param("2026-04-01T00:00", "UTC", 1, "2026-10-01T00:00", id="R15 first instant of Q2"),
        pytest.param("2026-08-15T00:00", "UTC", 1, "2027-01-01T00:00", id="R15 Q3: the end of the year"),
        pytest.param("2028-02-29T12:00", "UTC", 1, "2028-07-01T00:00", id="R15 leap day"),
        pytest.param("2026-11-23T09:00", "UTC", 2, "2027-05-01T00:00", id="R15 fiscal year from February: Nov-Jan"),
        pytest.param("2026-01-31T09:00", "UTC", 2, "2026-05-01T00:00", id="R15 fiscal February, in January"),
        pytest.param("2026-11-23T09:00", "UTC", 3, "2027-03-01T00:00", id="R15 fiscal year from March: Sep-Nov"),
        pytest.param("2026-11-23T09:00", "UTC", 4, "2027-04-01T00:00", id="R15 fiscal year from April"),
        pytest.param("2026-11-23T09:00", "UTC", 12, "2027-03-01T00:00", id="R15 fiscal year from December: Sep-Nov"),
        pytest.param("2026-12-01T00:00", "UTC", 12, "2027-06-01T00:00", id="R15 fiscal year from December: Dec-Feb"),
        pytest.param("2026-11-23T09:00", "Europe/Berlin", 1, "2027-03-31T22:00", id="R15 Berlin's midnight, summer"),
        pytest.param("2026-12-31T23:30", "Europe/Berlin", 1, "2027-06-30T22:00", id="R15 Berlin's new year already"),
        pytest.param("2027-01-01T05:00", "America/New_York", 1, "2027-07-01T04:00", id="R15 New York's new year"),
        pytest.param("2027-01-01T04:59", "America/New_York", 1, "2027-04-01T04:00", id="R15 New York's old year"),
    ],
)
def test_end_of_the_next_quarter(at: str, zone: str, fiscal_start: int, due: str) -> None:
    assert end_of_next_quarter(utc(at), ZoneInfo(zone), fiscal_start) == utc(due) - timedelta(microseconds=1)
