"""What years of issues on GitHub cost: `sync` and a backlog, against a stand-in.

`python -m bench.github_scale 10000 10000 5000` says what was asked for; the numbers are issues: those that need
nothing, those that are written, and the backlog.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import scale
from bench.figure import Figure
from bench.scale import Run
from mapping.card import WRITTEN as FIELDS
from mapping.issue import IssueRef
from tests.standins.github.server import GitHubStandIn, Request

REPO = "acme/shop"
REPORTED = datetime.now(UTC) - timedelta(days=90)
MOST_AN_ISSUE = 0.6
TRACKER = 'github: {{kind: github, url: "{}", repositories: [acme/shop], project: {{owner: acme, number: 1}}}}'


def measure() -> Iterator[Figure]:
    """All of it."""
    return scale.figures("GitHub", unchanged, written, backlog, MOST_AN_ISSUE)


def unchanged(issues: int) -> Run:
    """A backfill of issues that are as they should be."""
    with tempfile.TemporaryDirectory() as folder, company(issues, "alice", "Feature") as github:
        return _run(github, Path(folder), issues, "sync", "--json")


def written(issues: int) -> Run:
    """A backfill of issues that each need a label, a column and fields."""
    with tempfile.TemporaryDirectory() as folder, company(issues, "carol", "Checkout is down") as github:
        return _run(github, Path(folder), issues, "sync", "--json")


def backlog(issues: int) -> Run:
    """An event for each issue, as after an outage."""
    with tempfile.TemporaryDirectory() as folder, company(issues, "alice", "Feature") as github:
        refs = [IssueRef("github", f"{REPO}#{number}") for number in range(1, issues + 1)]
        return _run(github, Path(folder), issues, "work", until=scale.after_an_outage(Path(folder), refs))


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


def _run(
    github: GitHubStandIn, folder: Path, issues: int, *command: str, until: Callable[[], bool] = lambda: False
) -> Run:
    scale.app_yaml(folder, TRACKER.format(github.url))
    environ, asked = _environ(github, folder), len(github.requests)
    seconds, megabytes = scale.run(folder, environ, *command, until=until)
    made = github.requests[asked:]
    return Run(issues, seconds, megabytes, Counter(map(_kind, made)), sum(map(_writes, made)))


def _environ(github: GitHubStandIn, folder: Path) -> Mapping[str, str]:
    app = github.install_app()
    return {
        "INTEGRATOR_GITHUB_WEBHOOK_SECRETS": "x",
        "INTEGRATOR_GITHUB_APP_ID": str(app.app_id),
        "INTEGRATOR_GITHUB_INSTALLATION_ID": str(app.installation_id),
        "INTEGRATOR_GITHUB_PRIVATE_KEY": app.private_key,
        "INTEGRATOR_DATABASE_URL": scale.database(folder),
    }


def _writes(request: Request) -> bool:
    return request.is_write and not request.path.endswith("/access_tokens")


def _kind(request: Request) -> str:
    if request.path == "/graphql":
        return " ".join(str(request.body["query"]).split("(")[0].split())
    return f"{request.method} {request.path}"


if __name__ == "__main__":
    scale.tell(unchanged, written, backlog)
