"""From app.yaml to trackers and receivers: names spelled as configured, and nothing shared that must not be."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.github import GitHubTracker
from adapters.jira import JiraTracker
from integrator.clock import wall_clock
from integrator.config import Config, GitHubConfig, JiraConfig
from integrator.connect import canonical, known, receivers, tracker_factory, watches
from integrator.scenario import Clock
from integrator.yaml_file import ConfigError
from mapping.issue import IssueRef

CONFIG = Config(
    trackers={
        "github": GitHubConfig(kind="github", repositories=("Acme/Shop", "acme/web")),
        "jira": JiraConfig(kind="jira", url="https://acme.example", projects=("OPS",)),
        "dc": JiraConfig(kind="jira", url="https://dc.example", projects=("OPS",), product="data-center"),
    },
    public_url="https://spark.example/",
)
ENVIRON = {
    "INTEGRATOR_GITHUB_TOKEN": "t",
    "INTEGRATOR_GITHUB_WEBHOOK_SECRETS": "new,old",
    "INTEGRATOR_JIRA_TOKEN": "t",
    "INTEGRATOR_JIRA_EMAIL": "e",
    "INTEGRATOR_DC_TOKEN": "t",
}


@pytest.mark.parametrize(
    ("heard", "spelled", "watched"),
    [
        ("github:acme/shop#12", "github:Acme/Shop#12", True),
        ("github:Acme/Shop#12", "github:Acme/Shop#12", True),
        ("github:ACME/WEB#1", "github:acme/web#1", True),
        ("github:acme/shop2#12", "github:acme/shop2#12", False),
        ("jira:OPS-7", "jira:OPS-7", True),
        ("jira:WEB-7", "jira:WEB-7", False),
        ("jira:10001", "jira:10001", False),
        ("other:OPS-7", "other:OPS-7", False),
    ],
)
def test_names_are_spelled_as_app_yaml_does(heard: str, spelled: str, watched: bool) -> None:
    assert str(canonical(CONFIG)(IssueRef.parse(heard))) == spelled
    assert watches(CONFIG)(IssueRef.parse(heard)) is watched


def test_a_named_issue_is_known_or_the_message_says_what_there_is() -> None:
    assert known(CONFIG, IssueRef.parse("github:acme/SHOP#1")) == IssueRef("github", "Acme/Shop#1")
    with pytest.raises(ConfigError, match=r"no tracker 'gitlab' in app.yaml; there is github, jira, dc"):
        known(CONFIG, IssueRef.parse("gitlab:a/b#1"))
    with pytest.raises(ConfigError, match=r"is not in a repository or project of app.yaml \(Acme/Shop, acme/web\)"):
        known(CONFIG, IssueRef.parse("github:a/b#1"))
    with pytest.raises(ConfigError, match="there is none yet"):
        known(Config(), IssueRef.parse("github:a/b#1"))


def test_every_tracker_has_a_receiver_with_all_its_secrets() -> None:
    made = receivers(CONFIG, ENVIRON)
    assert {name: tuple(receiver.secrets) for name, receiver in made.items()} == {
        "github": ("new", "old"),
        "jira": (),
        "dc": (),
    }
    assert made["github"].receive.__module__ == "webhooks.github"
    assert made["jira"].receive.__module__ == "webhooks.jira"
    assert "new" not in repr(made)


def test_threads_share_jira_and_what_github_lets_them_share() -> None:
    connect = tracker_factory(CONFIG, wall_clock, ENVIRON)
    one, two = connect(), connect()
    assert list(one) == ["github", "jira", "dc"]
    assert isinstance(one["github"], GitHubTracker) and isinstance(one["jira"], JiraTracker)
    assert one["github"] is not two["github"]
    assert one["jira"] is two["jira"]
    assert {tracker.name: tracker.dialect for tracker in one.values()} == {
        "github": "markdown",
        "jira": "wiki",
        "dc": "wiki",
    }


def test_a_private_key_that_is_none_is_not_repeated() -> None:
    app: dict[str, Any] = {"APP_ID": "1", "INSTALLATION_ID": "2", "PRIVATE_KEY": "unspeakable"}
    environ = {f"INTEGRATOR_GITHUB_{key}": value for key, value in app.items()}
    clock = Clock(datetime(2026, 11, 23, tzinfo=UTC))
    tracker = tracker_factory(CONFIG, clock, {**ENVIRON, **environ, "INTEGRATOR_GITHUB_TOKEN": ""})()["github"]
    with pytest.raises(Exception) as caught:
        tracker.read([IssueRef("github", "acme/web#1")])
    assert "unspeakable" not in str(caught.value)
