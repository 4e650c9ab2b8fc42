"""Calendars of app.yaml are closed on the public holidays of their country."""

from datetime import UTC, datetime, timedelta

import pytest

from integrator.config import parse
from integrator.yaml_file import ConfigError
from mapping.severity import Severity

OFFICE = """
severities:
  P0: {{response: 1h, resolution: 4h}}
  P1: {{response: 4h, resolution: 24h}}
  P2: {{response: 2h, resolution: 1w, calendar: office}}
  P3: {{response: 48h, resolution: next quarter}}
calendars:
  office:
    time_zone: Europe/Berlin
    hours: {{monday: ["09:00-17:00"], tuesday: ["09:00-17:00"], friday: ["09:00-17:00"]}}
    holidays: {{country: {country}{part}}}
    closed: [2026-04-07]
"""


def test_good_friday_and_easter_monday_do_not_count() -> None:
    config = parse(OFFICE.format(country="DE", part=", subdivision: BE"), "app.yaml")
    thursday = datetime(2026, 4, 2, 12, tzinfo=UTC)
    due = config.working_time(Severity.P2).after(thursday, timedelta(hours=2))
    assert due == datetime(2026, 4, 10, 9, tzinfo=UTC), "Friday 3, Monday 6 are holidays, Tuesday 7 is closed"


@pytest.mark.parametrize(("country", "part"), [("XX", ""), ("DE", ", subdivision: ZZ")])
def test_an_unknown_country_or_part_is_a_fault_at_its_line(country: str, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(OFFICE.format(country=country, part=part), "app.yaml")
    (fault,) = caught.value.faults
    assert (fault.line, fault.path) == (8, "calendars.office")
    assert "no public holidays are known" in fault.says
