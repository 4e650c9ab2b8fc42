"""An App on a machine whose clock is minutes off: refused once, and from then on it goes by GitHub's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.github import App, GitHubTracker
from adapters.tracker import AccessDenied
from mapping.issue import Issue, IssueRef
from tests.connected import REPO, github_company
from tests.contracts import Recorder
from tests.standins.github.client import Clock
from tests.standins.github.server import GitHubStandIn

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(("ahead", "refusals"), [(-900, 1), (-290, 0), (0, 0), (60, 0), (300, 1), (900, 1)])
def test_a_wrong_clock_costs_one_refusal(ahead: float, refusals: int, recorder: Recorder) -> None:
    with GitHubStandIn(Clock(START)) as github:
        recorder.register(github.url, "github")
        github.access.strict = True
        github_company(github)
        ref = IssueRef("github", f"{REPO}#{github.open_issue(REPO, 'carol', 'Down')}")
        app = github.install_app()
        tracker = GitHubTracker(
            name="github",
            url=github.url,
            repositories=[REPO],
            auth=App(app.app_id, app.installation_id, app.private_key),
            clock=lambda: START + timedelta(seconds=ahead),
        )
        for _ in range(refusals):
            with pytest.raises(AccessDenied, match="is not of this time"):
                tracker.read([ref])
        assert isinstance(tracker.read([ref])[ref], Issue)
        tracker.close()
