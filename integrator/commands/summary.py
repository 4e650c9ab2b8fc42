"""What a backfill of one tracker came to, told so that the numbers add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import click

from integrator.commands.printing import say
from integrator.commands.run import Run
from integrator.sync import changed, failed
from mapping.issue import BoardRef

NAMED = 10
REASONS = 20


@dataclass(frozen=True, slots=True)
class Summary:
    """Every issue seen is changed, unchanged, failed or still waiting. `gave_up`: why the tracker is not done.

    `failed` may name the board, too, which is no issue.
    """

    tracker: str
    seen: int
    changed: int
    waiting: int
    failed: Sequence[tuple[str, str]]
    took: timedelta
    gave_up: Exception | None

    @property
    def unchanged(self) -> int:
        """Those looked at of which nothing was wanted."""
        return max(0, self.seen - self.changed - self.waiting - self.failed_issues)

    @property
    def failed_issues(self) -> int:
        """Those that something could not be read of or written to."""
        return sum(issue != str(BoardRef(self.tracker)) for issue, _ in self.failed)

    def print(self, as_json: bool) -> None:
        """Say it; what failed goes to stderr, by reason."""
        if as_json:
            say(self._document())
            return
        waiting = f", {self.waiting} still to do" if self.waiting else ""
        counts = f"{self.seen} seen, {self.changed} changed, {self.unchanged} unchanged, {self.failed_issues} failed"
        click.echo(f"{self.tracker}: {counts}{waiting} in {_span(self.took)}")
        for why, issues in list(self._reasons().items())[:REASONS]:
            more = f" …and {len(issues) - NAMED} more" if len(issues) > NAMED else ""
            click.echo(f"  {', '.join(issues[:NAMED])}{more}: {why}", err=True)
        if len(self._reasons()) > REASONS:
            click.echo(f"  …and {len(self._reasons()) - REASONS} more reasons; --json tells all", err=True)

    def _document(self) -> dict[str, object]:
        return {
            "tracker": self.tracker,
            "seen": self.seen,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "failed": [{"issue": issue, "why": why} for issue, why in self.failed],
            "waiting": self.waiting,
            "seconds": round(self.took.total_seconds(), 1),
            **({"not_reached": str(self.gave_up)} if self.gave_up is not None else {}),
        }

    def _reasons(self) -> Mapping[str, list[str]]:
        reasons: dict[str, list[str]] = {}
        for issue, why in self.failed:
            reasons.setdefault(why, []).append(issue)
        return reasons


def of(run: Run, took: timedelta) -> Summary:
    """What a run has come to so far: whatever else was worked on meanwhile is not counted."""
    run.look()
    seen = set(run.lister.issues)
    told = seen | {str(BoardRef(run.name))}
    return Summary(
        run.name,
        len(seen),
        len(changed(run.store, run.name, run.line) & seen),
        run.left,
        tuple(one for one in failed(run.store, run.name, run.begun_at) if one[0] in told),
        took,
        run.gave_up,
    )


def _span(took: timedelta) -> str:
    """`12 s`, `3 min 20 s`, `2 h 5 min`."""
    minutes, seconds = divmod(round(took.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
