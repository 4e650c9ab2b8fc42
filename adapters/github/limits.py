"""GitHub's limits as its answers tell them
(https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api).
"""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from adapters.tracker import Budget, Pace

PACES = (Pace(75, timedelta(minutes=1)), Pace(450, timedelta(hours=1)))
"""Of comments and issues GitHub takes about 80 a minute and 500 an hour; other writes are no "content"."""

UNTOLD_PAUSE = timedelta(seconds=60)  # GitHub: without retry-after or a reset wait at least a minute
_OURS = {"core", "graphql"}  # what is asked for at every issue; searches have a small limit of their own


class Budgets:
    """What GitHub said last of its limits; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, Budget] = {}

    def heard(self, headers: Mapping[str, Any], now: datetime) -> None:
        """Remember what an answer's headers say; a host without limits says nothing."""
        resource = str(headers.get("x-ratelimit-resource", ""))
        limit, left = str(headers.get("x-ratelimit-limit", "")), str(headers.get("x-ratelimit-remaining", ""))
        reset = reset_at(headers, now)
        if resource in _OURS and limit.isdigit() and left.isdigit() and reset is not None:
            with self._lock:
                self._told[resource] = Budget(resource, int(limit), int(left), reset, now)

    @property
    def told(self) -> tuple[Budget, ...]:
        """Each limit that was heard of."""
        with self._lock:
            return tuple(self._told.values())


def reset_at(headers: Mapping[str, Any], now: datetime) -> datetime | None:
    """When the limit begins anew, by our clock: GitHub's own may differ, and its answer says by how much."""
    reset = str(headers.get("x-ratelimit-reset", ""))
    if not reset.isdigit():
        return None
    told, there = datetime.fromtimestamp(int(reset), UTC), _instant(str(headers.get("date", "")))
    return now + (told - there) if there is not None else told


def retry_at(headers: Mapping[str, Any], now: datetime) -> datetime:
    """When to ask again after a refusal: what GitHub says, and otherwise in a minute."""
    after = str(headers.get("retry-after", ""))
    if after.isdigit():
        return now + timedelta(seconds=int(after))
    if after:
        return _instant(after) or now + UNTOLD_PAUSE
    reset = reset_at(headers, now)
    if reset is not None and headers.get("x-ratelimit-remaining") == "0":
        return max(reset, now + timedelta(seconds=1))
    return now + UNTOLD_PAUSE


def _instant(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
