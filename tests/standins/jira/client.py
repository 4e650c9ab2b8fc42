"""The real jira client, signed in at a stand-in, and a clock that tests turn."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from jira import JIRA, JIRAError

from tests.standins.jira.server import JiraStandIn

Ask = Callable[..., Any]


class Clock:
    """A clock that stands still until told otherwise."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def client(site: JiraStandIn, who: str = "integrator", version: str = "2", timeout: float = 5) -> JIRA:
    email, token = site.credentials(who)
    sign_in: dict[str, Any] = {"basic_auth": (email, token)} if site.cloud else {"token_auth": token}
    options: dict[str, Any] = {"rest_api_version": version}
    return JIRA(site.url, options=options, max_retries=0, timeout=timeout, **sign_in)


def asking(site: JiraStandIn, who: str = "integrator", version: str = "2") -> Ask:
    """One request by the client's own session; the answer's JSON. JIRAError when it is refused."""
    session = client(site, who, version)._session

    def ask(method: str, path: str, body: Any = None, **params: Any) -> Any:
        data = None if body is None else json.dumps(body)
        response = session.request(method, f"{site.url}/rest/{path}", params=params, data=data)
        return response.json() if response.content else None

    return ask


def refused(ask: Ask, *call: Any, **params: Any) -> int:
    """The status that a request is refused with; 200 when it isn't."""
    try:
        ask(*call, **params)
    except JIRAError as refusal:
        return refusal.status_code or 0
    return 200
