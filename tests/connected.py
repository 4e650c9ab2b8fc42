"""The stand-ins, connected to an installation: the usual small company on both trackers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contracts import Recorder
from tests.installation import SECRET, Installation, installed
from tests.standins.github.server import GitHubStandIn
from tests.standins.jira.acme import acme
from tests.standins.jira.server import JiraStandIn

REPO = "acme/shop"
LABELS = ("P0", "P1", "P2", "P3", "emergency", "needs-triage")

FORM = """### What happened?

Nobody can pay.

### Business process impact

{process}

### Is there a workaround?

{workaround}

### Could this be a security breach?

No
"""
P0_FORM = FORM.format(process="Critical: their business is stopped", workaround="None: no way around it")
P2_FORM = FORM.format(process="Minor: it is inconvenient", workaround="Easy: they can go on")
P0_WIKI = P0_FORM.replace("### ", "h3. ")

APP_YAML = """
trackers:
  github:
    kind: github
    url: {github}
    repositories: [{repo}]
    project: {{owner: acme, number: 1}}
  jira:
    kind: jira
    url: {jira}
    projects: [OPS]
    board: 81
    product: {product}
sla: {{enforce_from: {enforce_from}}}
"""
NO_ROUNDS = "{redelivery: off, reconcile: off, sweep: off}"


def github_company(github: GitHubStandIn) -> None:
    """alice and bob write, carol is a customer, renovate a bot; the board has the five columns."""
    github.person("alice", "write", member=True)
    github.person("bob", "write", member=True)
    github.person("carol")
    github.bot("renovate")
    github.repository(REPO, labels=LABELS)
    github.project("acme", 1)


@dataclass
class Company:
    """Both trackers and the integrator that serves them."""

    github: GitHubStandIn
    jira: JiraStandIn
    integrator: Installation

    def connect(self) -> None:
        """From now on the trackers send their webhooks."""
        self.github.connect(f"{self.integrator.url}/webhooks/github", SECRET)
        self.jira.connect(f"{self.integrator.url}/webhooks/jira", SECRET)


def environment(github: GitHubStandIn, jira: JiraStandIn) -> dict[str, str]:
    app = github.install_app()
    email, token = jira.credentials("integrator")
    return {
        "INTEGRATOR_GITHUB_WEBHOOK_SECRETS": SECRET,
        "INTEGRATOR_GITHUB_APP_ID": str(app.app_id),
        "INTEGRATOR_GITHUB_INSTALLATION_ID": str(app.installation_id),
        "INTEGRATOR_GITHUB_PRIVATE_KEY": app.private_key,
        "INTEGRATOR_JIRA_WEBHOOK_SECRETS": SECRET,
        "INTEGRATOR_JIRA_EMAIL": email,
        "INTEGRATOR_JIRA_TOKEN": token,
    }


@contextmanager
def company(
    folder: Path, recorder: Recorder, enforce_from: str = "2020-01-01", database: str = "", **how: Any
) -> Iterator[Company]:
    """A company with an integrator that is not started yet, and makes no rounds unless `catch_up` says so."""
    product, catch_up = how.pop("product", "cloud"), how.pop("catch_up", NO_ROUNDS)
    with GitHubStandIn() as github, acme(("OPS", "WEB"), product=product) as jira:
        github_company(github)
        github.judged_by(recorder)
        jira.judged_by(recorder)
        text = APP_YAML.format(github=github.url, jira=jira.url, repo=REPO, product=product, enforce_from=enforce_from)
        text += f"catch_up: {catch_up}\n"
        with installed(folder, text + how.pop("policy", ""), environment(github, jira), database=database) as service:
            yield Company(github, jira, service)
        assert github.unexpected == []
        assert jira.unexpected == []
