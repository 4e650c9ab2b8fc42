"""What a command of the integrator costs at a tracker, run as a process of its own against a stand-in."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from bench.figure import Figure
from integrator.agenda import Agenda
from integrator.lanes import Lane
from integrator.store import Store
from integrator.tables import agenda
from mapping.issue import IssueRef

ISSUES, BACKLOG = 10_000, 5_000
MOST_REQUESTS, MOST_MEGABYTES, MOST_FOR_THE_BACKLOG = 205, 200, 110
PATIENCE = 1800.0  # seconds


@dataclass(frozen=True, slots=True)
class Run:
    """One process about so many issues: how long it took, the most memory that it held, what it asked the tracker for.

    `writes` are the requests that write.
    """

    issues: int
    seconds: float
    megabytes: float
    requests: Counter[str]
    writes: int

    def figures(self, what: str, **bounds: float) -> Iterator[Figure]:
        """Its lines of the table; `bounds` are the most `requests`, requests `an_issue`, `writes`, `megabytes`."""
        asked = self.requests.total()
        yield Figure(f"{what}: requests", asked, most=bounds.get("requests"))
        yield Figure(f"{what}: requests an issue", asked / self.issues, most=bounds.get("an_issue"))
        yield Figure(f"{what}: requests that write", self.writes, most=bounds.get("writes"))
        yield Figure(f"{what}: memory at its peak", self.megabytes, "MB", most=bounds.get("megabytes"))
        yield Figure(f"{what}: issues a second", self.issues / self.seconds, "/s")

    def __str__(self) -> str:
        kinds = "\n".join(f"  {count:6} {kind}" for kind, count in self.requests.most_common())
        asked = self.requests.total()
        return (
            f"{asked} requests ({asked / self.issues:.4f} an issue), {self.writes} of them writing,\n"
            f"  {self.megabytes:.0f} MB, {self.seconds:.1f} s\n{kinds}"
        )


Measure = Callable[[int], Run]


def figures(
    tracker: str, unchanged: Measure, written: Measure, backlog: Measure, most_an_issue: float
) -> Iterator[Figure]:
    """Requests, memory and time of a backfill with nothing to do, of one that writes every issue, and of a backlog."""
    what = f"sync of {ISSUES} issues on {tracker}, unchanged"
    yield from unchanged(ISSUES).figures(what, requests=MOST_REQUESTS, writes=0, megabytes=MOST_MEGABYTES)
    what = f"sync of {ISSUES} on {tracker}, each needing a label, a column and fields"
    yield from written(ISSUES).figures(what, an_issue=most_an_issue)
    what = f"work on {BACKLOG} touched issues on {tracker}"
    yield from backlog(BACKLOG).figures(what, requests=MOST_FOR_THE_BACKLOG, writes=0)


def tell(unchanged: Measure, written: Measure, backlog: Measure) -> None:
    """Print what was asked for, kind by kind; the command's arguments are numbers of issues."""
    sizes = [int(size) for size in sys.argv[1:]] or [ISSUES, ISSUES, BACKLOG]
    for measure, issues in zip((unchanged, written, backlog), sizes, strict=True):
        print(f"{issues} issues, {measure.__name__}: {measure(issues)}")


def run(
    folder: Path, environ: Mapping[str, str], *command: str, until: Callable[[], bool] = lambda: False
) -> tuple[float, float]:
    """One command, until it ends or what is waited for has come: its seconds, and the most megabytes that it held."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("INTEGRATOR_")}
    program, begun, peak = str(Path(sys.executable).with_name("integrator")), time.monotonic(), 0.0
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *command], cwd=folder, env={**plain, **environ}, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    while process.poll() is None:
        peak = max(peak, _megabytes(process.pid))
        time.sleep(0.1)
        if until() or time.monotonic() - begun > PATIENCE:
            process.terminate()
            process.wait(30)
    if process.returncode:
        raise RuntimeError((folder / "log").read_text()[-2000:])
    return time.monotonic() - begun, peak


def _megabytes(process: int) -> float:
    """The most that a process has held so far: its own, where getrusage would count the parent's before the exec."""
    try:
        told = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    except OSError:
        return 0.0
    return int(told.get("VmHWM", "0 kB").split()[0]) / 1024


def app_yaml(folder: Path, tracker: str) -> None:
    """The configuration of an installation that began today."""
    text = f"trackers:\n  {tracker}\nsla: {{enforce_from: {datetime.now(UTC).date()}}}\n"
    (folder / "app.yaml").write_text(text, encoding="utf-8")


def database(folder: Path) -> str:
    """The installation's own database."""
    return f"sqlite:///{folder / 'integrator.db'}"


def after_an_outage(folder: Path, refs: list[IssueRef]) -> Callable[[], bool]:
    """An event for every issue waits; whether nothing is due any more."""
    store = Store(database(folder))
    store.migrate()
    Agenda(store, "bench").touch(refs, Lane.EVENT)
    due = sa.select(agenda.c.subject).where(agenda.c.look_at.is_not(None)).limit(1)
    return lambda: store.read(lambda conn: conn.execute(due).first()) is None
