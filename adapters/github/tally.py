"""What is known so far of changes that are being made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.tracker import Outcome, TrackerError
from mapping.changes import Change


@dataclass(slots=True)
class Tally:
    """What is known so far of the changes to an issue or board."""

    reasons: dict[int, str] = field(default_factory=dict)  # by the change's identity: two may be equal
    updated_at: datetime | None = None
    stopped: TrackerError | None = None

    def fail(self, change: Change, why: str) -> None:
        """The change failed; its first reason counts."""
        self.reasons.setdefault(id(change), why)

    def stop(self, change: Change, stop: TrackerError) -> None:
        """Nothing is wrong with the change, but it was not made, or nobody knows."""
        self.fail(change, str(stop))
        self.stopped = stop

    def has_failed(self, change: Change) -> bool:
        """Whether some of it couldn't be done."""
        return id(change) in self.reasons

    def saw(self, text: str | None) -> None:
        """An answer named this time of last update."""
        if text:
            at = datetime.fromisoformat(text)
            self.updated_at = max(at, self.updated_at or at)

    def outcome(self, changes: Sequence[Change]) -> Outcome:
        """The changes that nothing failed of are applied."""
        return Outcome(
            applied=tuple(change for change in changes if not self.has_failed(change)),
            failed=tuple((change, self.reasons[id(change)]) for change in changes if self.has_failed(change)),
            updated_at=self.updated_at,
            stopped=self.stopped,
        )
