"""One GitHub client: PyGithub without its retries and pauses, our deadlines, and every answer judged in one place."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

import github
import requests
from github import Auth, GithubException

from adapters.github.assertion import Assertion
from adapters.github.limits import retry_at
from adapters.github.portion import TooSlow
from adapters.github.settings import App, Settings
from adapters.github.shared import AccessToken, Shared
from adapters.http import DeadlineExceeded, mount
from adapters.tracker import AccessDenied, Failing, RateLimited, TrackerError, Unreachable

Json = Mapping[str, Any]

_API_VERSION = "2022-11-28"
_USER_AGENT = "spark-integrator"
_TOO_SLOW = {500, 502, 504}
_LIMIT_WORDS = ("rate limit", "submitted too quickly", "abuse detection")


class Refused(TrackerError):
    """GitHub understood and said no (404, 409, 410, 422; 200 for GraphQL); `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """A GraphQL answer: what came, and the errors, each with its path; `limited`: there it broke off."""

    data: Json
    errors: Sequence[Json] = ()
    limited: RateLimited | None = None

    def error_at(self, *path: str | int) -> Json | None:
        """The first error at this path or below it."""
        return next(iter(self.errors_at(*path)), None)

    def errors_at(self, *path: str | int) -> Sequence[Json]:
        """All errors at this path or below it."""
        return [error for error in self.errors if tuple(error.get("path") or ())[: len(path)] == path]


class _SharedToken(Auth.Auth):
    """PyGithub's own installation auth refreshes once per thread; this one asks the shared keeper."""

    def __init__(self, current: Callable[[], str]) -> None:
        self._current = current

    @property
    def token_type(self) -> str:
        return "token"

    @property
    def token(self) -> str:
        return self._current()


class Client:
    """The requests of one worker thread. Nothing is ever sent twice; failures are TrackerErrors or Refused."""

    def __init__(self, settings: Settings, shared: Shared, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._shared = shared
        self._clock = clock
        self.app = self._github(Assertion(settings.auth, self._time_there)) if isinstance(settings.auth, App) else None
        self.github = self._github(self._auth(), self._hear)

    def graphql(self, query: str, variables: Json, needs: str, in_parts: bool = False) -> Answer:
        """One GraphQL request; `needs` names the permission that a refusal is about.

        A limit can be met in the middle of it: with `in_parts` the answer says so, otherwise RateLimited is raised.
        """
        requester = self.github.requester
        with self.judging(needs):
            status, headers, text = requester.requestJson(
                "POST", requester.graphql_url, input={"query": query, "variables": dict(variables)}
            )
            body = _parsed(text, status)
            if status >= 400:
                self._judge(status, headers, body, needs)
        answer = self._answer(body, headers, needs)
        if answer.limited is not None and not in_parts:
            raise answer.limited
        return answer

    def get(self, path: str, as_app: bool = False) -> Any:
        """One REST GET of what PyGithub has no method for, or asks in two calls."""
        with self.judging(f"reading {path.partition('?')[0]}"):
            _, data = self._speaker(as_app).requester.requestJsonAndCheck("GET", path)
        return data

    def pages(self, path: str, parameters: Json, needs: str, as_app: bool = False) -> Iterator[Any]:
        """Every row of a REST list that is paged by a cursor in the Link header, a hundred a request."""
        asked: Json | None = {**parameters, "per_page": 100}
        while asked is not None:
            with self.judging(needs):
                requester = self._speaker(as_app).requester
                headers, rows = requester.requestJsonAndCheck("GET", path, parameters=dict(asked))
            yield from rows
            after = _next_page(str(headers.get("link") or ""))
            asked = {**asked, **after} if after else None

    def delete(self, path: str) -> None:
        """One REST DELETE, likewise."""
        with self.judging(f"deleting {path}"):
            self.github.requester.requestJsonAndCheck("DELETE", path)

    def post(self, path: str, body: Json, as_app: bool = False) -> None:
        """One REST POST, likewise."""
        with self.judging(f"writing to {path}"):
            self._speaker(as_app).requester.requestJsonAndCheck("POST", path, input=dict(body))

    def _speaker(self, as_app: bool) -> github.Github:
        """Who asks: the App itself, or its installation or the account."""
        return self.app if as_app and self.app is not None else self.github

    def close(self) -> None:
        """Close the connections."""
        for client in filter(None, (self.app, self.github)):
            client.close()

    @contextmanager
    def judging(self, needs: str) -> Iterator[None]:
        """Around PyGithub calls: whatever goes wrong becomes a TrackerError or Refused."""
        try:
            yield
        except DeadlineExceeded as failure:
            raise TooSlow(f"GitHub didn't answer in time: {failure}") from failure
        except requests.RequestException as failure:  # silence too: what takes GitHub over ten seconds it refuses aloud
            host = urlsplit(self._settings.url).netloc
            raise Unreachable(f"no answer from {host} ({type(failure).__name__})") from failure
        except GithubException as failure:
            self._judge(failure.status, failure.headers or {}, failure.data, needs)
        except (ValueError, RuntimeError, AssertionError) as failure:  # PyGithub: broken JSON, redirects elsewhere
            raise Unreachable(f"GitHub's answer makes no sense: {_short(failure)}") from failure

    def _judge(self, status: int, headers: Mapping[str, Any], body: Any, needs: str) -> NoReturn:
        message = str(body.get("message") or "") if isinstance(body, Mapping) else ""
        if status in {403, 429} and _is_limit(status, headers, message):
            raise RateLimited(f"GitHub asks for a pause ({message or status})", retry_at(headers, self._clock()))
        if status == 401:
            self._shared.clock.read(str(headers.get("date", "")), self._clock())
            self._forget_token()
            raise AccessDenied(f"GitHub doesn't accept the credentials ({message or status})")
        if status == 403:
            raise AccessDenied(f"GitHub refuses {needs}: {message or status}{_wanted(headers)}")
        if status in _TOO_SLOW:
            raise TooSlow(f"GitHub answered {status}")
        if status > 500:
            raise Failing(f"GitHub answered {status}")
        raise Refused(status, _reason(body) or f"GitHub answered {status}")

    def _answer(self, body: Any, headers: Mapping[str, Any], needs: str) -> Answer:
        if not isinstance(body, Mapping) or not ("data" in body or "errors" in body):
            raise Unreachable("GitHub's answer is no GraphQL answer")
        data, errors = body.get("data") or {}, tuple(body.get("errors") or ())
        limits = [str(error.get("message")) for error in errors if is_limit(error)]
        asks = f"GitHub asks for a pause ({'; '.join(limits[:3])})"
        limited = RateLimited(asks, retry_at(headers, self._clock())) if limits else None
        if any(data.values()) or not errors:
            return Answer(data, errors, limited)
        if limited is not None:
            raise limited
        said = "; ".join(str(error.get("message")) for error in errors[:3])
        kinds = {error.get("type") for error in errors}
        located = any("path" in error for error in errors)
        if kinds <= {"FORBIDDEN", "INSUFFICIENT_SCOPES"} and not located:
            raise AccessDenied(f"GitHub refuses {needs}: {said}")
        if is_too_slow(errors[0]):
            raise TooSlow(f"GitHub gave up on the request: {said}")
        if not located:
            raise Refused(200, said)
        return Answer(data, errors)

    def _auth(self) -> Auth.Auth:
        auth = self._settings.auth
        return _SharedToken(self._installation_token) if isinstance(auth, App) else Auth.Token(auth.value)

    def _installation_token(self) -> str:
        return self._shared.token.current(self._clock(), self._fetch_token)

    def _fetch_token(self) -> AccessToken:
        app, auth = self.app, self._settings.auth
        if app is None or not isinstance(auth, App):
            raise AccessDenied("only a GitHub App has installation tokens")
        path = f"/app/installations/{auth.installation_id}/access_tokens"
        try:
            with self.judging("an installation token"):
                _, data = app.requester.requestJsonAndCheck("POST", path)
        except Refused as refusal:
            raise AccessDenied(f"the App has no installation {auth.installation_id}: {refusal}") from refusal
        return AccessToken(str(data["token"]), datetime.fromisoformat(str(data["expires_at"])))

    def _time_there(self) -> datetime:
        return self._shared.clock.there(self._clock())

    def _forget_token(self) -> None:
        if isinstance(self._settings.auth, App):
            self._shared.token.forget()

    def _hear(self, response: requests.Response, **_: Any) -> None:
        self._shared.budgets.heard(response.headers, self._clock())

    def _github(self, auth: Auth.Auth, hear: Callable[..., None] | None = None) -> github.Github:
        client = github.Github(
            base_url=self._settings.url.rstrip("/"),
            auth=auth,
            user_agent=_USER_AGENT,
            per_page=100,
            retry=0,
            lazy=True,
            seconds_between_requests=0,
            seconds_between_writes=0,
            api_version=_API_VERSION,
        )
        # PyGithub makes its connection lazily and keeps it; injected connection classes would be made anew each call.
        connection = client.requester._Requester__createConnection()  # type: ignore[attr-defined]
        mount(connection.session, self._settings.deadlines)
        if hear is not None:  # an App's own requests have limits of their own
            connection.session.hooks["response"].append(hear)
        return client


def is_limit(error: Json) -> bool:
    """Whether a GraphQL error says that GitHub wants a pause: nothing was done there."""
    words = str(error.get("message", "")).lower()
    return error.get("type") == "RATE_LIMITED" or (
        error.get("type") != "NOT_FOUND" and any(limit in words for limit in _LIMIT_WORDS)
    )


def is_too_slow(error: Json) -> bool:
    """Whether a GraphQL error says that time or resources ran out, so that the outcome is unknown."""
    message = str(error.get("message", "")).lower()
    return error.get("type") in {None, "SERVICE_UNAVAILABLE", "RESOURCE_LIMITS_EXCEEDED"} and (
        "something went wrong" in message or "timeout" in message or "resource limits" in message
    )


def _next_page(link: str) -> Json:
    """What the page that comes after this one is asked for with; empty: this was the last."""
    links = {row.get("rel"): row["url"] for row in requests.utils.parse_header_links(link)}
    asked = parse_qs(urlsplit(links.get("next", "")).query)
    return {name: asked[name][0] for name in ("after", "cursor") if name in asked}


def _parsed(text: str, status: int) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        if status >= 400:
            return {}
        raise


def _is_limit(status: int, headers: Mapping[str, Any], message: str) -> bool:
    return (
        status == 429
        or "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or any(words in message.lower() for words in _LIMIT_WORDS)
    )


def _wanted(headers: Mapping[str, Any]) -> str:
    wanted = headers.get("x-accepted-github-permissions") or headers.get("x-accepted-oauth-scopes")
    return f" (it takes {wanted})" if wanted else ""


def _reason(body: Any) -> str:
    if not isinstance(body, Mapping):
        return ""
    details = [
        str(error.get("message") or error.get("code") or "")
        for error in body.get("errors") or ()
        if isinstance(error, Mapping)
    ]
    return ": ".join(part for part in (str(body.get("message") or ""), ", ".join(filter(None, details))) if part)


def _short(failure: Exception) -> str:
    return str(failure)[:200] or type(failure).__name__
