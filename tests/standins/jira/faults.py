"""Ways for a request to go wrong, before or after its work was done."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

FaultKind = Literal[
    "reset-before",
    "reset-after",
    "502-before",
    "502-after",
    "429",
    "429-bare",
    "503",
    "drip",
    "truncated",
    "garbage",
    "timeout",
    "timeout-after",
    "delay",
    "400",
    "401",
]
WORK_UNDONE: frozenset[FaultKind] = frozenset(
    {"reset-before", "502-before", "429", "429-bare", "503", "timeout", "400", "401"}
)
Match = Callable[[str, str, Any], bool]


@dataclass(slots=True)
class Fault:
    """Happens to the next `times` requests that match (method, path, parsed body).

    `seconds`: how long a delay or a timeout lasts, or a drip's pause between two bytes. `retry_after` is in seconds.
    """

    match: Match
    kind: FaultKind
    times: int = 1
    seconds: float = 1.0
    retry_after: int = 1
    reason: str = "jira-burst-based"
    used: int = 0


class Faults:
    """The faults still to come; the first that matches is used."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._waiting.append(fault)
        return fault

    def take(self, method: str, path: str, body: Any) -> Fault | None:
        with self._lock:
            for fault in self._waiting:
                if fault.used < fault.times and fault.match(method, path, body):
                    fault.used += 1
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()
