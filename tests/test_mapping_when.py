"""Times in commands: how long from now, a time of day, an instant (R49)."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from mapping.when import When, instant, when

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2h", timedelta(hours=2)),
        ("90m", timedelta(minutes=90)),
        ("90 min", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("1H 30M", timedelta(minutes=90)),
        ("1d 2h 3m", timedelta(days=1, hours=2, minutes=3)),
        ("3d", timedelta(days=3)),
        (" 2h ", timedelta(hours=2)),
        ("14:15", time(14, 15)),
        ("9:05", time(9, 5)),
        ("00:00", time(0, 0)),
        ("23:59", time(23, 59)),
        ("2026-11-23 14:15", datetime(2026, 11, 23, 14, 15)),
        ("2026-11-23T14:15", datetime(2026, 11, 23, 14, 15)),
        ("2026-11-23T14:15Z", datetime(2026, 11, 23, 14, 15, tzinfo=UTC)),
        ("2026-11-23", datetime(2026, 11, 23)),
        ("2026-11-23T14:15+01:00", datetime(2026, 11, 23, 14, 15, tzinfo=ZoneInfo("Etc/GMT-1"))),
        # none of these
        ("", None),
        ("   ", None),
        ("0m", None),
        ("0h 0m", None),
        ("soon", None),
        ("2h later", None),
        ("h", None),
        ("30m 1h", None),
        ("24:00", None),
        ("12:60", None),
        ("14:5", None),
        ("2026-02-30", None),
        ("99999h", None),
        # a slip of the pen, and what no zone can tell
        ("0001-01-01", None),
        ("1999-12-31 10:00", None),
        ("2000-01-01", datetime(2000, 1, 1)),
        ("2999-12-31", datetime(2999, 12, 31)),
        ("3026-11-23", None),
        ("9999-12-31 23:59", None),
    ],
)
def test_what_is_meant(text: str, meant: When | None) -> None:
    assert when(text) == meant


@pytest.mark.parametrize(
    ("meant", "said_at", "zone", "expected"),
    [
        pytest.param(timedelta(hours=2), "2026-11-23T09:00", BERLIN, "2026-11-23T11:00", id="from now"),
        pytest.param(timedelta(hours=24), "2026-03-28T12:00", BERLIN, "2026-03-29T12:00", id="24 h are 24 h"),
        pytest.param(time(14, 15), "2026-11-23T09:00", BERLIN, "2026-11-23T13:15", id="R49 today, the team's zone"),
        pytest.param(time(14, 15), "2026-11-23T13:14", BERLIN, "2026-11-23T13:15", id="R49 in a minute"),
        pytest.param(time(14, 15), "2026-11-23T13:15", BERLIN, "2026-11-24T13:15", id="R49 this very minute: tomorrow"),
        pytest.param(time(0, 0), "2026-11-23T22:30", BERLIN, "2026-11-23T23:00", id="R49 midnight"),
        pytest.param(time(9, 0), "2026-11-23T23:30", BERLIN, "2026-11-24T08:00", id="R49 said after midnight"),
        pytest.param(time(9, 0), "2026-12-31T20:00", BERLIN, "2027-01-01T08:00", id="R49 over the year's end"),
        pytest.param(time(9, 0), "2026-03-28T12:00", BERLIN, "2026-03-29T07:00", id="R49 the day the clocks go on"),
        pytest.param(time(9, 0), "2026-10-24T12:00", BERLIN, "2026-10-25T08:00", id="R49 the day the clocks go back"),
        pytest.param(datetime(2026, 7, 1, 14), "2026-06-23T09:00", BERLIN, "2026-07-01T12:00", id="the team's zone"),
        pytest.param(
            datetime(2026, 7, 1, 14, tzinfo=UTC), "2026-06-23T09:00", BERLIN, "2026-07-01T14:00", id="its own zone"
        ),
        pytest.param(
            time(9, 0), "2011-12-30T09:00", ZoneInfo("Pacific/Apia"), "2011-12-30T19:00", id="over a day that wasn't"
        ),
    ],
)
def test_which_instant(meant: When, said_at: str, zone: ZoneInfo, expected: str) -> None:
    found = instant(meant, utc(said_at), zone)
    assert found == utc(expected)
    assert found.tzinfo is UTC or isinstance(meant, timedelta)


def test_every_date_that_is_understood_can_be_told_in_every_zone() -> None:
    """A year that no zone can hold must not stop the planner."""
    for text in ("0001-01-01", "2000-01-01", "2999-12-31 23:59", "9999-12-31 23:59"):
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            if (meant := when(text)) is not None:
                assert abs(instant(meant, utc("2026-11-23T09:00"), ZoneInfo(zone)).year - int(text[:4])) <= 1
