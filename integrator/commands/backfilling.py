"""`sync`: backfill of all trackers at once, with progress, an honest summary, and a dry run."""

import re
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from signal import getsignal, signal

import click

from adapters.tracker import AccessDenied, Tracker, TrackerError
from integrator.adopting import OtherPolicy
from integrator.clock import wall_clock
from integrator.commands.bars import Bars, counting
from integrator.commands.differences import Differences
from integrator.commands.looking import connected, instant_of, print_plan
from integrator.commands.run import Run, Since
from integrator.commands.summary import Summary, of
from integrator.config import Config
from integrator.connect import tracker_factory
from integrator.ending import SIGNALS, Ending
from integrator.errors import FAULTY, INTERRUPTED, UNREACHABLE, Failed
from integrator.service import Service, build, open_store, ready_to_work
from integrator.sync import look_ahead

TICK = 0.1  # seconds
FAREWELL = 5.0
READ_AT_ONCE = 100  # issues

_AGO = re.compile(r"\d+\s*[mhdw]")


def sync(  # noqa: PLR0913, PLR0917
    config_file: Path, tracker: str | None, since: str | None, dry_run: bool, threads: int, as_json: bool
) -> None:
    """Backfill one or all trackers."""
    config = ready_to_work(config_file)
    if tracker is not None and tracker not in config.trackers:
        names = ", ".join(config.trackers)
        raise click.BadParameter(f"there is no {tracker!r} in app.yaml; there is {names}", param_hint="--tracker")
    chosen = [tracker] if tracker else list(config.trackers)
    start = _since(since)
    if dry_run:
        _show_what_would_change(config, chosen, start.at, as_json)
        return
    again = shlex.join(["integrator", "sync", *_options(tracker, since)])
    _run(config, chosen, start, threads, as_json, again)


def _since(since: str | None) -> Since:
    if since is None:
        return Since()
    return Since(instant_of(since, "--since"), since.strip() if _AGO.fullmatch(since.strip()) else "")


def _options(tracker: str | None, since: str | None) -> Iterator[str]:
    """What a person has to say again."""
    yield from ("--tracker", tracker) if tracker else ()
    yield from ("--since", since) if since else ()


# ---------------------------------------------------------------- looking ahead


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why a tracker could not be looked through to its end."""

    tracker: str
    error: Exception

    @property
    def code(self) -> int:
        """The exit code for it."""
        unreached = isinstance(self.error, TrackerError) and not isinstance(self.error, AccessDenied)
        return UNREACHABLE if unreached else FAULTY

    def __str__(self) -> str:
        says = str(self.error) if isinstance(self.error, TrackerError) else repr(self.error)
        return f"{self.tracker}: {says}"


def _show_what_would_change(config: Config, names: Sequence[str], since: datetime | None, as_json: bool) -> None:
    trackers, stopped, told = connected(config), list[Stopped](), list[Differences]()
    for name in names:
        told.append(Differences(name))
        try:
            _compare(trackers[name], config, since, told[-1], as_json)
        except Exception as error:
            stopped.append(Stopped(name, error))
        if not as_json:
            told[-1].print()
    if not as_json:
        seen, changing = sum(one.seen for one in told), sum(one.changing for one in told)
        click.echo(f"{seen} issues seen, {changing} would change; nothing was written")
    _end(stopped, any(one.failed for one in told))


def _compare(tracker: Tracker, config: Config, since: datetime | None, told: Differences, as_json: bool) -> None:
    with counting(tracker.name, as_json) as count:
        for page in tracker.pages(since, None):
            for start in range(0, len(page.refs), READ_AT_ONCE):
                for planned in look_ahead(tracker, config, page.refs[start : start + READ_AT_ONCE], wall_clock()):
                    told.add(planned)
                    if as_json and (isinstance(planned.plan, str) or planned.plan.changes):
                        print_plan(planned.ref, planned.plan, as_json)
                count(told.seen, page.total)


def _end(stopped: Sequence[Stopped], failed: bool, hint: str = "", quiet: bool = False) -> None:
    """Say which trackers are not done and what to do about it, and end with the exit code for the worst of it."""
    if stopped and not quiet:
        for says in filter(None, (*map(str, stopped), hint)):
            click.echo(says, err=True)
    if stopped or failed:
        raise Failed(max((one.code for one in stopped), default=FAULTY))


# ---------------------------------------------------------------- doing it


def _run(  # noqa: PLR0913, PLR0917
    config: Config, names: Sequence[str], since: Since, threads: int, as_json: bool, again: str
) -> None:
    store = open_store()
    connect = tracker_factory(config, store.now)
    service = build(config, store, connect, threads)
    try:
        with _caught() as ending:
            summaries = _backfilled(service, connect(), names, since, ending, as_json)
    finally:
        service.stop()
    for summary in summaries:
        summary.print(as_json)
    if ending.told is not None:
        if not as_json:
            click.echo(f"interrupted; `{again}` goes on from there", err=True)
        raise Failed(INTERRUPTED)
    stopped = [Stopped(one.tracker, one.gave_up) for one in summaries if one.gave_up is not None]
    hint = f"not everything was reached; `{again}` goes on from there"
    _end(stopped, any(summary.failed for summary in summaries), hint, quiet=as_json)


def _backfilled(  # noqa: PLR0913, PLR0917
    service: Service,
    trackers: Mapping[str, Tracker],
    names: Sequence[str],
    since: Since,
    ending: Ending,
    as_json: bool,
) -> list[Summary]:
    runs = [Run(service.store, service.agenda, trackers[name], since) for name in names]
    begun = time.monotonic()
    service.start()
    for run in runs:
        run.start()
    try:
        _wait(service, runs, ending, as_json)
    finally:
        _halt(service, runs)
    took = timedelta(seconds=time.monotonic() - begun)
    if service.pool is not None and service.pool.superseded:
        raise OtherPolicy("another process works with a newer app.yaml on this database; run sync again")
    return [of(run, took) for run in runs]


def _wait(service: Service, runs: Sequence[Run], ending: Ending, as_json: bool) -> None:
    """Until everything is looked at, what is left can't be reached, or somebody wants an end."""
    with Bars(service.store, runs, quiet=as_json) as bars:
        while service.is_working and not all(run.is_over or run.is_stuck for run in runs):
            if ending.wait(TICK):
                bars.say("finishing what is under way; Ctrl-C again ends it at once")
                return
            for run in runs:
                run.look()
            bars.show()


def _halt(service: Service, runs: Sequence[Run]) -> None:
    for run in runs:
        run.lister.stop()
    if service.pool is not None:
        service.pool.stop()
    for run in runs:
        run.lister.join(FAREWELL)


@contextmanager
def _caught() -> Iterator[Ending]:
    """Ctrl-C and SIGTERM are orders to end, for as long as this lasts."""
    ending, before = Ending(), {number: getsignal(number) for number in SIGNALS}
    ending.catch()
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal(number, handler)
