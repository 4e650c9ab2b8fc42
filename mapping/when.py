"""Times that people write in commands: `2h`, `1h30m`, `14:15`, `2026-11-23 14:15`."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DURATION = re.compile(r"(?:(\d{1,4})\s*d)?\s*(?:(\d{1,4})\s*h)?\s*(?:(\d{1,5})\s*m(?:in)?)?", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")

_YEARS = range(2000, 3000)  # others are slips of the pen, and the first and last can't be told in every zone

When = timedelta | time | datetime


def when(text: str) -> When | None:
    """How long from now, a time of day, or an instant; None when it is none of these."""
    plain = text.strip()
    if (clock := _CLOCK.fullmatch(plain)) and int(clock[1]) < 24 and int(clock[2]) < 60:
        return time(int(clock[1]), int(clock[2]))
    if plain and (parts := _DURATION.fullmatch(plain)):
        days, hours, minutes = (int(part or 0) for part in parts.groups())
        return timedelta(days=days, hours=hours, minutes=minutes) or None
    try:
        meant = datetime.fromisoformat(plain)
    except ValueError:
        return None
    return meant if meant.year in _YEARS else None


def instant(meant: When, said_at: datetime, zone: ZoneInfo) -> datetime:
    """The instant that was meant: a time of day is the next one, in the team's zone."""
    if isinstance(meant, timedelta):
        return said_at + meant
    if isinstance(meant, datetime):
        return (meant if meant.tzinfo else meant.replace(tzinfo=zone)).astimezone(UTC)
    local = said_at.astimezone(zone)
    today = local.replace(hour=meant.hour, minute=meant.minute, second=0, microsecond=0)
    return (today if today > local else today + timedelta(days=1)).astimezone(UTC)
