"""What a backfill of Jira Cloud costs: `integrator sync` against a stand-in (`python -m bench.jira_scale 1000`)."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.jira.new_fields import KINDS, LINE
from mapping.card import WRITTEN
from tests.standins.jira.acme import acme
from tests.standins.jira.server import JiraStandIn
from tests.standins.jira.state import CustomField
from tests.standins.jira.world import SYSTEM_SCREEN

ISSUES = 10_000
MOST_REQUESTS = 205
AS_IT_SHOULD_BE = ("needs-triage",)  # of an issue about which the rules know nothing
REPORTED = datetime.now(UTC) - timedelta(days=90)
APP_YAML = """
trackers:
  jira: {{kind: jira, url: "{url}", projects: [OPS], board: 81, product: cloud}}
sla: {{enforce_from: {today}}}
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One backfill: how long it took, the most memory that it held, and what it asked the site for."""

    seconds: float
    megabytes: float
    requests: Counter[str]
    writes: int
    failed: int

    @property
    def all(self) -> int:
        """How many requests it made."""
        return sum(self.requests.values())


def measure(issues: int = ISSUES) -> Iterator[tuple[str, float, str]]:
    """Requests, memory and time of a backfill with nothing to do, and of one in which every issue has to be written."""
    for what, run in backfills(issues):
        about = f"sync of {issues} issues on Jira, {what}"
        yield f"{about}: requests", run.all, "requests"
        yield f"{about}: requests an issue", run.all / issues, "requests"
        yield f"{about}: requests that write", run.writes, "requests"
        yield f"{about}: memory at its peak", run.megabytes, "MB"
        yield f"{about}: issues a second", issues / run.seconds, "1/s"


def backfills(issues: int) -> Iterator[tuple[str, Run]]:
    """All issues as they should be; all needing a label, a column and fields, equal within a severity."""
    with tempfile.TemporaryDirectory() as folder, site(issues, "Medium", labels=AS_IT_SHOULD_BE) as jira:
        yield f"unchanged (at most {MOST_REQUESTS} requests)", sync(jira, Path(folder))
    with tempfile.TemporaryDirectory() as folder, site(issues, "Highest", "High") as jira:
        yield "each needing a label, a column and fields", sync(jira, Path(folder))


def site(issues: int, *priorities: str, labels: tuple[str, ...] = ()) -> JiraStandIn:
    """A site whose issues were all reported in the same minute, with these priorities in turn.

    Highest means P0, High P1: those get a label, a column and fields. Medium says nothing.
    """
    jira = acme(("OPS",), clock=lambda: REPORTED)
    kinds = {name: KINDS.get(name, LINE)[0] for name in WRITTEN}
    fields = (CustomField(f"customfield_{n}", name, kinds[name]) for n, name in enumerate(WRITTEN, 10101))  # type: ignore[arg-type]
    jira.world.fields = {field.id: field for field in fields}
    project = jira.world.projects["OPS"]
    jira.world.projects["OPS"] = replace(project, screen=SYSTEM_SCREEN | set(jira.world.fields))
    for number in range(issues):
        jira.create_issue(
            "OPS", "carol", f"Nothing works, no {number}", labels=labels, priority=priorities[number % len(priorities)]
        )
    jira.world.clock = lambda: datetime.now(UTC)
    return jira


def sync(jira: JiraStandIn, folder: Path) -> Run:
    """One `integrator sync` with an empty database, in a process of its own."""
    (folder / "app.yaml").write_text(APP_YAML.format(url=jira.url, today=datetime.now(UTC).date()), encoding="utf-8")
    email, token = jira.credentials("integrator")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("INTEGRATOR_")}
    environ |= {"INTEGRATOR_JIRA_EMAIL": email, "INTEGRATOR_JIRA_TOKEN": token, "INTEGRATOR_JIRA_WEBHOOK_SECRETS": "x"}
    environ |= {"INTEGRATOR_DATABASE_URL": f"sqlite:///{folder / 'integrator.db'}"}
    command = [str(Path(sys.executable).with_name("integrator")), "sync", "--json"]
    asked, begun = len(jira.requests), time.monotonic()
    with (folder / "out").open("wb") as out, (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=out, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((folder / "log").read_text()[-2000:])
    said = [json.loads(line) for line in (folder / "out").read_text().splitlines()]
    made = jira.requests[asked:]
    kinds = Counter(f"{one.method} {_nameless(one.path)}" for one in made)
    reads = ("issue/bulkfetch", "search/jql")
    writes = sum(one.method != "GET" and not one.path.endswith(reads) for one in made)
    return Run(took, usage.ru_maxrss / 1024, kinds, writes, len([why for one in said for why in one.get("failed", ())]))


def _nameless(path: str) -> str:
    return "/".join(part for part in path.split("/")[3:] if not any(map(str.isdigit, part)))


def main() -> None:
    """Print what was asked for, kind by kind."""
    issues = int(sys.argv[1]) if len(sys.argv) > 1 else ISSUES
    for what, run in backfills(issues):
        print(f"{what}: {run.all} requests ({run.all / issues:.4f} an issue), {run.writes} of them writing,")
        print(f"  {run.megabytes:.0f} MB, {run.seconds:.1f} s, {run.failed} failed")
        print("\n".join(f"  {count:6} {kind}" for kind, count in run.requests.most_common()))


if __name__ == "__main__":
    main()
