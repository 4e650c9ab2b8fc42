"""What years of issues on GitHub cost: `sync` and a backlog, against a stand-in.

`python -m bench.github_scale 10000 10000 5000` says what was asked for; the numbers are issues: those that need
nothing, those that are written, and the backlog.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from integrator.agenda import Agenda, Lane
from integrator.store import Store, agenda
from mapping.card import WRITTEN as FIELDS
from mapping.issue import IssueRef
from tests.standins.github.server import GitHubStandIn, Request

ISSUES = 10_000
WRITTEN = 2_000  # a stand-in takes long to write
BACKLOG = 5_000
REPO = "acme/shop"
REPORTED = datetime.now(UTC) - timedelta(days=90)
PATIENCE = 1800.0  # seconds
APP_YAML = """
trackers:
  github: {{kind: github, url: "{url}", repositories: [acme/shop], project: {{owner: acme, number: 1}}}}
sla: {{enforce_from: {today}}}
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One process: how long it took, the most memory that it held, and what it asked GitHub for."""

    seconds: float
    megabytes: float
    requests: Counter[str]
    writes: int

    @property
    def all(self) -> int:
        """How many requests it made."""
        return sum(self.requests.values())


def measure() -> Iterator[tuple[str, float, str]]:
    """Requests, memory and time of a backfill with nothing to do, of one that writes every issue, and of a backlog."""
    for what, issues, run in runs(ISSUES, WRITTEN, BACKLOG):
        yield f"{what}: requests", run.all, "requests"
        yield f"{what}: requests an issue", run.all / issues, "requests"
        yield f"{what}: requests that write", run.writes, "requests"
        yield f"{what}: memory at its peak", run.megabytes, "MB"
        yield f"{what}: issues a second", issues / run.seconds, "1/s"


def runs(issues: int, written: int, backlog: int) -> Iterator[tuple[str, int, Run]]:
    """Each on a company of its own."""
    with tempfile.TemporaryDirectory() as folder, company(issues, "alice", "Feature") as github:
        yield f"sync of {issues} issues on GitHub, unchanged", issues, _run(github, Path(folder), "sync", "--json")
    with tempfile.TemporaryDirectory() as folder, company(written, "carol", "Checkout is down") as github:
        about = f"sync of {written} issues on GitHub, each needing a label, a column and fields"
        yield about, written, _run(github, Path(folder), "sync", "--json")
    with tempfile.TemporaryDirectory() as folder, company(backlog, "alice", "Feature") as github:
        url = f"sqlite:///{Path(folder) / 'integrator.db'}"
        _touch(url, backlog)
        about = f"work on {backlog} touched issues on GitHub"
        yield about, backlog, _run(github, Path(folder), "work", until=_drained(url))


def company(issues: int, by: str, title: str) -> GitHubStandIn:
    """A repository whose issues were all opened in the same minute, and a board with the protocol's fields."""
    github = GitHubStandIn(lambda: REPORTED)
    for quota in github.quotas.values():
        quota.limit, quota.clock = 10**9, _now  # requests are counted here, not refused
    github.person("alice", "write", member=True)
    github.person("carol")
    github.repository(REPO, labels=("P0", "P1", "P2", "P3", "emergency", "needs-triage"))
    github.project("acme", 1)
    for name in FIELDS:
        github.field(name)
    for number in range(issues):
        github.open_issue(REPO, by, f"{title}, no {number}")
    github.world.clock = _now
    return github


def _now() -> datetime:
    return datetime.now(UTC)


def _touch(url: str, issues: int) -> None:
    """What an outage leaves: an event for every issue."""
    store = Store(url)
    store.migrate()
    tasks = Agenda(store, "bench")
    tasks.touch([IssueRef("github", f"{REPO}#{number}") for number in range(1, issues + 1)], Lane.EVENT)
    store.close()


def _drained(url: str) -> Callable[[], bool]:
    """Whether nothing is due."""
    store = Store(url)
    due = sa.select(agenda.c.subject).where(agenda.c.look_at.is_not(None)).limit(1)
    return lambda: store.read(lambda conn: conn.execute(due).first()) is None


def _run(github: GitHubStandIn, folder: Path, *command: str, until: Callable[[], bool] = lambda: False) -> Run:
    """One command of the integrator in a process of its own, until it ends or what is waited for has come."""
    (folder / "app.yaml").write_text(APP_YAML.format(url=github.url, today=datetime.now(UTC).date()), encoding="utf-8")
    program = str(Path(sys.executable).with_name("integrator"))
    asked, begun, peak = len(github.requests), time.monotonic(), 0.0
    with (folder / "log").open("wb") as log:
        environ = _environ(github, folder)
        process = subprocess.Popen([program, *command], cwd=folder, env=environ, stdout=log, stderr=log)
    while process.poll() is None:
        peak = max(peak, _megabytes(process.pid))
        time.sleep(0.1)
        if until() or time.monotonic() - begun > PATIENCE:
            process.terminate()
            process.wait(30)
    took = time.monotonic() - begun
    if process.returncode:
        raise RuntimeError((folder / "log").read_text()[-2000:])
    made = github.requests[asked:]
    return Run(took, peak, Counter(map(_kind, made)), sum(_writes(one) for one in made))


def _megabytes(process: int) -> float:
    """The most that a process has held so far: its own, where getrusage would count the parent's before the exec."""
    try:
        told = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    except OSError:
        return 0.0
    return int(told.get("VmHWM", "0 kB").split()[0]) / 1024


def _environ(github: GitHubStandIn, folder: Path) -> Mapping[str, str]:
    app = github.install_app()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INTEGRATOR_")}
    return environ | {
        "INTEGRATOR_GITHUB_WEBHOOK_SECRETS": "x",
        "INTEGRATOR_GITHUB_APP_ID": str(app.app_id),
        "INTEGRATOR_GITHUB_INSTALLATION_ID": str(app.installation_id),
        "INTEGRATOR_GITHUB_PRIVATE_KEY": app.private_key,
        "INTEGRATOR_DATABASE_URL": f"sqlite:///{folder / 'integrator.db'}",
    }


def _writes(request: Request) -> bool:
    return request.is_write and not request.path.endswith("/access_tokens")


def _kind(request: Request) -> str:
    if request.path == "/graphql":
        return " ".join(str(request.body["query"]).split("(")[0].split())
    return f"{request.method} {request.path}"


def main() -> None:
    """Print what was asked for, kind by kind."""
    sizes = [int(size) for size in sys.argv[1:]] or [ISSUES, WRITTEN, BACKLOG]
    for what, issues, run in runs(*sizes):
        print(f"{what}: {run.all} requests ({run.all / issues:.4f} an issue), {run.writes} of them writing,")
        print(f"  {run.megabytes:.0f} MB, {run.seconds:.1f} s")
        print("\n".join(f"  {count:6} {kind}" for kind, count in run.requests.most_common()))


if __name__ == "__main__":
    main()
