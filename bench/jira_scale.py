"""What years of issues on Jira Cloud cost: `sync` and a backlog, against a stand-in.

`python -m bench.jira_scale 10000 10000 5000` says what was asked for; the numbers are issues: those that need
nothing, those that are written, and the backlog.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.jira.new_fields import KINDS, LINE
from bench import scale
from bench.figure import Figure
from bench.scale import Run
from mapping.card import WRITTEN
from mapping.issue import IssueRef
from tests.standins.jira.acme import acme
from tests.standins.jira.server import JiraStandIn
from tests.standins.jira.state import CustomField
from tests.standins.jira.transport import Exchange
from tests.standins.jira.world import SYSTEM_SCREEN

AS_IT_SHOULD_BE = ("needs-triage",)  # of an issue about which the rules know nothing
REPORTED = datetime.now(UTC) - timedelta(days=90)
MOST_AN_ISSUE = 0.1
TRACKER = 'jira: {{kind: jira, url: "{}", projects: [OPS], board: 81, product: cloud}}'
READS = ("issue/bulkfetch", "search/jql")


def measure() -> Iterator[Figure]:
    """All of it."""
    return scale.figures("Jira", unchanged, written, backlog, MOST_AN_ISSUE)


def unchanged(issues: int) -> Run:
    """A backfill of issues that are as they should be."""
    with tempfile.TemporaryDirectory() as folder, site(issues, "Medium", labels=AS_IT_SHOULD_BE) as jira:
        return _run(jira, Path(folder), issues, "sync", "--json")


def written(issues: int) -> Run:
    """A backfill of issues of two severities that each need a label, a column and fields."""
    with tempfile.TemporaryDirectory() as folder, site(issues, "Highest", "High") as jira:
        return _run(jira, Path(folder), issues, "sync", "--json")


def backlog(issues: int) -> Run:
    """An event for each issue, as after an outage."""
    with tempfile.TemporaryDirectory() as folder, site(issues, "Medium", labels=AS_IT_SHOULD_BE) as jira:
        refs = [IssueRef("jira", f"OPS-{number}") for number in range(1, issues + 1)]
        return _run(jira, Path(folder), issues, "work", until=scale.after_an_outage(Path(folder), refs))


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


def _run(jira: JiraStandIn, folder: Path, issues: int, *command: str, until: Callable[[], bool] = lambda: False) -> Run:
    scale.app_yaml(folder, TRACKER.format(jira.url))
    email, token = jira.credentials("integrator")
    environ = {"INTEGRATOR_JIRA_EMAIL": email, "INTEGRATOR_JIRA_TOKEN": token, "INTEGRATOR_JIRA_WEBHOOK_SECRETS": "x"}
    asked = len(jira.requests)
    environ |= {"INTEGRATOR_DATABASE_URL": scale.database(folder)}
    seconds, megabytes = scale.run(folder, environ, *command, until=until)
    made = jira.requests[asked:]
    return Run(issues, seconds, megabytes, Counter(map(_kind, made)), sum(map(_writes, made)))


def _writes(request: Exchange) -> bool:
    return request.method != "GET" and not request.path.endswith(READS)


def _kind(request: Exchange) -> str:
    parts = request.path.split("/")[3:]
    return f"{request.method} {'/'.join(part for part in parts if not any(map(str.isdigit, part)))}"


if __name__ == "__main__":
    scale.tell(unchanged, written, backlog)
