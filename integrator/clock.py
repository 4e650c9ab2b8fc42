"""The one clock of the service: everything that needs the time is handed one of these."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)
