"""Working hours as app.yaml writes them."""

import json
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from mapping.hours import Hours
from mapping.policy import Policy
from mapping.severity import Severity


def hours(**values: Any) -> Hours:
    return Hours.model_validate_json(json.dumps({"time_zone": "Europe/Berlin", **values}))


def test_what_the_hours_mean() -> None:
    """Spans are put in their order, weekdays counted from Monday, own dates closed."""
    told = hours(
        hours={"monday": ["13:00-17:30", "09:00-12:00"], "sunday": ["00:00-24:00"], "friday": []},
        holidays={"country": "DE", "subdivision": "BE"},
        closed=["2026-12-24"],
    )
    calendar = told.calendar
    assert calendar.zone == ZoneInfo("Europe/Berlin")
    assert calendar.hours == {0: ((540, 720), (780, 1050)), 6: ((0, 1440),), 4: ()}
    assert calendar.closed == {date(2026, 12, 24)}
    assert told.holidays is not None
    assert (told.holidays.country, told.holidays.subdivision) == ("DE", "BE")


@pytest.mark.parametrize(
    "spans",
    [["09:00-12:00", "12:00-17:00"], ["00:00-24:00"], ["00:00-00:01", "23:59-24:00"], ["13:00-14:00", "09:00-10:00"]],
    ids=str,
)
def test_accepted(spans: list[str]) -> None:
    assert len(hours(hours={"tuesday": spans}).calendar.hours[1]) == len(spans)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"hours": {"monday": ["9:00-17:00"]}}, "'9:00-17:00' is not a span of hours; write for example 09:00-12:30"),
        ({"hours": {"monday": ["17:00-09:00"]}}, "not a span of hours"),
        ({"hours": {"monday": ["09:00-09:00"]}}, "not a span of hours"),
        ({"hours": {"monday": ["09:00-24:01"]}}, "not a span of hours"),
        ({"hours": {"monday": ["09:60-10:00"]}}, "not a span of hours"),
        ({"hours": {"monday": ["09:00 - 10:00"]}}, "not a span of hours"),
        ({"hours": {"monday": ["99:00-99:30"]}}, "not a span of hours"),
        ({"hours": {"monday": ["09:00-12:00", "11:59-13:00"]}}, "monday: two spans overlap"),
        ({"hours": {"monday": ["13:00-14:00", "09:00-18:00"]}}, "monday: two spans overlap"),
        ({"hours": {"monday": ["09:00-10:00", "09:00-10:00"]}}, "monday: two spans overlap"),
        ({"hours": {}}, "the calendar is never open; give it some hours"),
        ({"hours": {"monday": [], "sunday": []}}, "the calendar is never open"),
        ({"hours": {"mon": ["09:00-10:00"]}}, "Input should be 'monday'"),
        ({"hours": {"monday": ["09:00-10:00"]}, "time_zone": "Berlin"}, "'Berlin' is not a time zone"),
        ({"hours": {"monday": ["09:00-10:00"]}, "time_zone": ""}, "'' is not a time zone"),
        ({"hours": {"monday": ["09:00-10:00"]}, "time_zone": "../etc/passwd"}, "is not a time zone"),
        ({"hours": {"monday": ["09:00-10:00"]}, "time_zone": "Europe"}, "'Europe' is not a time zone"),
        ({"hours": {"monday": ["09:00-10:00"]}, "closed": ["24.12.2026"]}, "'24.12.2026' is not a date; write for"),
        ({"hours": {"monday": ["09:00-10:00"]}, "closed": ["2026-02-29"]}, "'2026-02-29' is not a date"),
        ({"hours": {"monday": ["09:00-10:00"]}, "holidays": {"country": "D"}}, "at least 2 characters"),
        ({"hours": {"monday": ["09:00-10:00"]}, "lunch": "12:00"}, "Extra inputs are not permitted"),
    ],
    ids=str,
)
def test_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        hours(**values)
    assert says in str(refused.value)


def test_a_severity_names_its_calendar() -> None:
    """G16: wall time by default, a calendar by name, an unknown name refused."""
    office = {"time_zone": "UTC", "hours": {"monday": ["09:00-10:00"]}}
    p2 = {"response": "1d", "resolution": "1w", "calendar": "office"}
    targets = {**Policy().model_dump(mode="json")["severities"], "P2": p2}
    policy = Policy.model_validate_json(json.dumps({"severities": targets, "calendars": {"office": office}}))
    assert policy.working_time(Severity.P2) == policy.calendars["office"].calendar
    assert policy.working_time(Severity.P1) == Policy().working_time(Severity.P2)
    with pytest.raises(ValidationError, match="there is no calendar 'office'; there is none yet"):
        Policy.model_validate_json(json.dumps({"severities": targets}))
