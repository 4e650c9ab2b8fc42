"""`sync`: backfill with progress, an honest summary, and a dry run."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click
import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.tracker import Tracker
from integrator import sync as backfills
from integrator.agenda import OtherPolicy
from integrator.clock import wall_clock
from integrator.commands.looking import connected, instant_of, print_plan
from integrator.commands.printing import say
from integrator.config import Config, load
from integrator.connect import tracker_factory
from integrator.errors import Failed
from integrator.service import Service, build, open_store, ready_to_work
from integrator.store import Store, journal, trackers

TICK = 0.2

_OLD = re.compile(r"\d+\s*[mhdw]")


@dataclass
class Summary:
    """What a backfill of one tracker came to."""

    tracker: str
    seen: int = 0
    changed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    def print(self, as_json: bool) -> None:
        """Say it."""
        unchanged = max(0, self.seen - self.changed - len(self.failed))
        if as_json:
            failed = [{"issue": issue, "why": why} for issue, why in self.failed]
            counts = {"seen": self.seen, "changed": self.changed, "unchanged": unchanged}
            say({"tracker": self.tracker, **counts, "failed": failed})
            return
        line = f"{self.seen} seen, {self.changed} changed, {unchanged} unchanged, {len(self.failed)} failed"
        click.echo(f"{self.tracker}: {line}")
        for issue, why in self.failed:
            click.echo(f"  {issue}: {why}", err=True)


def sync(  # noqa: PLR0913, PLR0917
    config_file: Path, tracker: str | None, since: str | None, dry_run: bool, threads: int, as_json: bool
) -> None:
    """Backfill one or all trackers."""
    config = load(config_file)
    ready_to_work(config)
    if tracker is not None and tracker not in config.trackers:
        names = ", ".join(config.trackers)
        raise click.BadParameter(f"there is no {tracker!r} in app.yaml; there is {names}", param_hint="--tracker")
    chosen = [tracker] if tracker else list(config.trackers)
    start = _instant(since)
    if dry_run:
        _print_dry_run(config, chosen, start, as_json)
        return
    summaries = list(_run(config, chosen, start, threads, as_json))
    for summary in summaries:
        summary.print(as_json)
    if any(summary.failed for summary in summaries):
        raise Failed


def _print_dry_run(config: Config, names: list[str], since: datetime | None, as_json: bool) -> None:
    seen = changing = 0
    for name in names:
        for ref, planned in backfills.dry_run(connected(config)[name], config, since, wall_clock()):
            seen += 1
            if isinstance(planned, str) or planned.changes:
                changing += 1
                print_plan(ref, planned, as_json)
    if not as_json:
        click.echo(f"{seen} issues seen, {changing} would change; nothing was written")


def _run(config: Config, names: list[str], since: datetime | None, threads: int, as_json: bool) -> Iterator[Summary]:
    store = open_store()
    service = build(config, store, tracker_factory(config, store.now), threads)
    service.start()
    try:
        reading = tracker_factory(config, store.now)()
        for name in names:
            yield _backfilled(service, store, reading[name], since, as_json)
    finally:
        service.stop()


def _backfilled(service: Service, store: Store, tracker: Tracker, since: datetime | None, as_json: bool) -> Summary:
    summary = Summary(tracker.name)
    before = store.read(lambda conn: conn.execute(sa.select(sa.func.max(journal.c.id))).scalar()) or 0
    with _bar(tracker.name, as_json) as advance:
        for progress in backfills.backfill(store, service.agenda, tracker, since):
            summary.seen = progress.seen
            advance(progress.seen - backfills.unfinished(store, tracker.name)[0], progress.total or progress.seen)
        while (left := backfills.unfinished(store, tracker.name)[0]) and service.is_working:
            _tell_hold(store, tracker.name, as_json)
            advance(summary.seen - left, summary.seen)
            time.sleep(TICK)
    if left:
        raise OtherPolicy("another process works with a newer app.yaml on this database; run sync again")
    mine = journal.c.subject.startswith(f"{tracker.name}:", autoescape=True)
    subjects = sa.select(sa.func.count(sa.distinct(journal.c.subject))).where(journal.c.id > before, mine)
    summary.changed = store.read(lambda conn: conn.execute(subjects.where(journal.c.error.is_(None))).scalar_one())
    summary.failed = backfills.unfinished(store, tracker.name)[1]
    return summary


def _tell_hold(store: Store, name: str, as_json: bool) -> None:
    """While a whole tracker is held back, say so once in a while instead of standing still silently."""
    held = sa.select(trackers).where(trackers.c.name == name, trackers.c.not_before > store.now())
    row = store.read(lambda conn: conn.execute(held).first())
    if row is not None and not as_json:
        click.echo(f"{name} is held back until {row.not_before:%H:%M:%S} UTC: {row.why}", err=True)
        time.sleep(min(10.0, max(TICK, (row.not_before - store.now()).total_seconds())))


@contextmanager
def _bar(name: str, as_json: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    if as_json or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=max(0, done), total=total)


def _instant(since: str | None) -> datetime | None:
    """`--since`; how long ago counts from the full hour on, so that it is the same when run again."""
    if since is None:
        return None
    at = instant_of(since, "--since")
    return at.replace(minute=0, second=0, microsecond=0) if _OLD.fullmatch(since.strip()) else at
