"""Progress of several trackers: bars on a terminal, elsewhere only what keeps a tracker waiting."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from integrator.budgets import RESERVE, budget_of
from integrator.commands.run import Run
from integrator.store import Store

RATE_OVER = 600.0  # seconds: batches may take a minute each


class _Rate(ProgressColumn):
    """Issues a second, or a minute where that is less than one."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.0f}/s" if speed >= 1 else f"{speed * 60:.0f}/min")


@contextmanager
def counting(name: str, quiet: bool, console: Console | None = None) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on a terminal while issues are only looked through, gone at the end. Tell it how many, and of how many."""
    console = console or Console(file=sys.stderr, highlight=False)
    what = TextColumn("{task.description}", markup=False)
    columns = what, BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn(), TimeRemainingColumn()
    hidden = quiet or not console.is_terminal
    with Progress(
        *columns, console=console, transient=True, speed_estimate_period=RATE_OVER, disable=hidden
    ) as progress:
        task = progress.add_task(name, total=None)
        yield lambda seen, total: progress.update(task, completed=seen, total=total)


class Bars:
    """Shows how far each run is, what is left of the tracker's own limit, and what it waits for."""

    def __init__(self, store: Store, runs: Sequence[Run], quiet: bool, console: Console | None = None) -> None:
        self._store = store
        self._runs = runs
        self._quiet = quiet
        self._told: set[str] = set()
        self._console = console or Console(file=sys.stderr, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            speed_estimate_period=RATE_OVER,
            disable=quiet or not self._console.is_terminal,
        )
        self._tasks = {run.name: self._progress.add_task(run.name, total=None, note="") for run in runs}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.show()
        self._progress.stop()

    def show(self) -> None:
        """Bring it up to date."""
        for run in self._runs:
            waits = self._waits_for(run)
            note = waits or self._budget(run.name)
            self._progress.update(self._tasks[run.name], completed=run.done, total=run.total, note=note)
            if waits and self._progress.disable and waits not in self._told:
                self._told.add(waits)
                self.say(f"{run.name} {waits}")

    def say(self, text: str) -> None:
        """A line beside the bars; none where a script reads."""
        if not self._quiet:
            self._console.print(text, markup=False, soft_wrap=True)

    def _waits_for(self, run: Run) -> str:
        if run.is_over:
            return ""
        if run.hold is not None:
            return f"is held back until {run.hold.until:%H:%M:%S} UTC: {run.hold.why}"
        budget = budget_of(self._store, run.name)
        if budget is not None and budget.left < budget.limit * RESERVE:
            return f"waits until {budget.resets_at:%H:%M:%S} UTC: what is left of its limit is for emergencies"
        return ""

    def _budget(self, name: str) -> str:
        budget = budget_of(self._store, name)
        return f"{budget.left:,} of {budget.limit:,} {budget.of} left" if budget is not None else ""
