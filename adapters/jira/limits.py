"""Jira's limits as its answers tell them (https://developer.atlassian.com/cloud/jira/platform/rate-limiting)."""

import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime

from adapters.jira.errors import EndpointBusy, moment_of_reset
from adapters.tracker import Budget

_OF = "requests"
_NAME = re.compile(r".*\d.*")


class Limits:
    """What Jira said last of its limits, and which endpoints it asked to leave alone; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: Budget | None = None
        self._busy: dict[tuple[str, str], EndpointBusy] = {}

    def heard(self, headers: Mapping[str, str], now: datetime) -> None:
        """Remember what an answer's headers say, where they say all of it."""
        limit, left = headers.get("X-RateLimit-Limit", ""), headers.get("X-RateLimit-Remaining", "")
        reset = moment_of_reset(headers)
        if limit.isdigit() and left.isdigit() and reset is not None:
            with self._lock:
                self._told = Budget(_OF, int(limit), int(left), reset.astimezone(UTC), now)

    @property
    def told(self) -> tuple[Budget, ...]:
        """What was heard, if anything."""
        with self._lock:
            return (self._told,) if self._told else ()

    def check(self, method: str, path: str, now: datetime) -> None:
        """EndpointBusy, without a request, while Jira wants none of this kind."""
        with self._lock:
            busy = self._busy.get((method, _endpoint(path)))
        if busy is not None and busy.retry_at is not None and now < busy.retry_at:
            raise EndpointBusy(str(busy), busy.retry_at)

    def leave(self, method: str, path: str, busy: EndpointBusy) -> None:
        """No more requests of this kind until then."""
        with self._lock:
            self._busy[method, _endpoint(path)] = busy


def _endpoint(path: str) -> str:
    """The path without the names of issues, comments and the like in it."""
    api, version, *parts = path.split("/")
    return "/".join([api, version, *("*" if _NAME.fullmatch(part) else part for part in parts)])
