"""One Jira site over HTTP: the jira library's session, without its retries, with our deadlines and our errors."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from jira import JIRA

from adapters.http import Deadlines, mount
from adapters.jira.errors import EndpointBusy, judge
from adapters.jira.limits import Limits
from adapters.tracker import Unreachable

PLATFORM = "api/2"  # version 2 on Cloud and Data Center alike: texts are wiki markup strings on both
AGILE = "agile/1.0"


@dataclass(frozen=True, slots=True)
class Basic:
    """Jira Cloud: the account's e-mail address and an API token."""

    email: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Jira Data Center: a personal access token; Jira Cloud: a service account's OAuth token."""

    token: str = field(repr=False)


class Client:
    """Calls of one site. Threads share it, but each has a session of its own: those aren't made for sharing."""

    def __init__(self, url: str, auth: Basic | Bearer, clock: Callable[[], datetime], deadlines: Deadlines) -> None:
        self.url = url.rstrip("/")
        self._auth = auth
        self._clock = clock
        self._deadlines = deadlines
        self.limits = Limits()
        self._local = threading.local()

    @property
    def host(self) -> str:
        """The name of the machine, for messages."""
        return urlsplit(self.url).hostname or self.url

    def call(self, method: str, path: str, body: Any = None, **params: str | int) -> Any:
        """Send one request, once; the parsed answer, None when it is empty. TrackerError when it fails."""
        data = None if body is None else json.dumps(body)
        self.limits.check(method, path, self._clock())
        try:
            response = self._session().request(method, f"{self.url}/rest/{path}", params=params or None, data=data)
        except EndpointBusy as busy:
            self.limits.leave(method, path, busy)
            raise
        except requests.RequestException as failure:
            raise Unreachable(f"no answer from {self.host} ({type(failure).__name__})") from failure
        return self._parsed(response)

    def _parsed(self, response: requests.Response) -> Any:
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as failure:
            raise Unreachable(
                f"{self.host} answered with a page instead of data: a sign-on or a proxy stands before its REST API"
            ) from failure

    def _session(self) -> requests.Session:
        client: JIRA | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._connect()
        return client._session

    def _connect(self) -> JIRA:
        basic = (self._auth.email, self._auth.token) if isinstance(self._auth, Basic) else None
        token = self._auth.token if isinstance(self._auth, Bearer) else None
        client = JIRA(
            server=self.url,
            basic_auth=basic,
            token_auth=token,
            get_server_info=False,
            max_retries=0,
            timeout=self._deadlines.read,
            logging=False,
        )
        mount(client._session, self._deadlines)
        # Judged before the library sees a refusal: its own exception carries headers and body in its text.
        client._session.hooks["response"].append(self._judge)
        return client

    def _judge(self, response: requests.Response, **_: Any) -> None:
        now = self._clock()
        self.limits.heard(response.headers, now)
        judge(response, now)


def issue_path(key: str, *rest: str) -> str:
    """The path of an issue, or of something of it."""
    return "/".join((PLATFORM, "issue", *(quote(part, safe="") for part in (key, *rest))))


def found(answer: Any, *names: str) -> Mapping[str, Any]:
    """The answer, if it is an object that has these keys; Unreachable when Jira answered something else."""
    if isinstance(answer, dict) and all(name in answer for name in names):
        return answer
    raise Unreachable(f"Jira's answer has not the expected shape: {', '.join(names)} is missing")
