"""The real PyGithub, signed in at a stand-in, without its pauses and retries; and a clock that tests turn."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from github import Auth, Github, GithubException

from tests.standins.github.server import GitHubStandIn


class Clock:
    """A clock that stands still until told otherwise."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def client(github: GitHubStandIn, who: str, base_url: str = "", timeout: int = 5) -> Github:
    """Somebody's client, by a personal token."""
    return signed_in(github, Auth.Token(github.token(who)), base_url, timeout)


def app_client(github: GitHubStandIn, base_url: str = "", timeout: int = 5, slug: str = "spark-integrator") -> Github:
    """The client of an app that is installed for it."""
    app = github.install_app(slug)
    auth = Auth.AppAuth(app.app_id, app.private_key).get_installation_auth(app.installation_id)
    return signed_in(github, auth, base_url, timeout)


def signed_in(github: GitHubStandIn, auth: Auth.Auth, base_url: str = "", timeout: int = 5) -> Github:
    return Github(
        base_url=base_url or github.url,
        auth=auth,
        timeout=timeout,
        retry=None,
        per_page=100,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


def ask(client: Github, query: str, **variables: Any) -> dict[str, Any]:
    """A GraphQL request that must not fail; its data."""
    _, answer = client.requester.graphql_query(query, variables)
    data = answer["data"]
    assert isinstance(data, dict)
    return data


def errors(client: Github, query: str, **variables: Any) -> list[Mapping[str, Any]]:
    """The errors of a GraphQL request that fails, wholly or in part."""
    try:
        client.requester.graphql_query(query, variables)
    except GithubException as failure:
        return list(failure.data["errors"])
    raise AssertionError("no error")
