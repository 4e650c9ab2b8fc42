"""How writing to many issues goes: what stops all of it, and what is one issue's own trouble."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from adapters.tracker import Failing, Outcome, TrackerError
from mapping.issue import IssueRef


@dataclass(slots=True)
class Course:
    """The outcomes so far, and what stopped the rest.

    Jira may fail at one issue only (a script behind its transition breaks), or be down. So the first failure is in
    doubt: if it works for another issue, that one is at fault; if it fails at the next one too, it is down.
    """

    outcomes: dict[IssueRef, Outcome] = field(default_factory=dict)
    stopped: TrackerError | None = None
    doubted: IssueRef | None = None

    def note(self, ref: IssueRef, outcome: Outcome, stop: TrackerError | None) -> None:
        """What came of an issue, and what stopped it if that may stop others."""
        self.outcomes[ref] = outcome
        if stop is None:
            self._blame()
        elif isinstance(stop, Failing) and self.doubted is None:
            self.doubted = ref
        else:
            self.stopped = stop

    def end(self) -> Mapping[IssueRef, Outcome]:
        """All outcomes. What stopped everything is raised if nothing was written at all."""
        if self.stopped is None and any(one.applied for ref, one in self.outcomes.items() if ref != self.doubted):
            self._blame()
        elif self.stopped is None and self.doubted is not None:
            self.stopped = self.outcomes[self.doubted].stopped
        if self.stopped is not None and not any(outcome.applied for outcome in self.outcomes.values()):
            raise self.stopped
        return self.outcomes

    def _blame(self) -> None:
        """It works for others: nothing but this issue waits because of it."""
        if self.doubted is not None:
            self.outcomes[self.doubted] = replace(self.outcomes[self.doubted], stopped=None)
            self.doubted = None
