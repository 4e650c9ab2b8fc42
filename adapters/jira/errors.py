"""What Jira's refusals mean: which stop the whole tracker, which only one change."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from adapters.tracker import AccessDenied, Failing, RateLimited, TrackerError, Unreachable

DEFAULT_PAUSE = timedelta(seconds=30)
_PER_ISSUE = "jira-per-issue-on-write"
_BURST = "jira-burst-based"
_LOGIN_FAILED = re.compile(r"AUTHENTICAT(ED_FAILED|ION_DENIED)")


class Refused(TrackerError):
    """Jira refused this one request: `status` is the HTTP status, `reason` its own words, `errors` those by field."""

    def __init__(self, request: str, status: int, reason: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(f"Jira refused {request} (HTTP {status}): {reason or 'it gave no reason'}")
        self.status = status
        self.reason = reason or f"HTTP {status} without a reason"
        self.errors = dict(errors or {})


class Forbidden(Refused, AccessDenied):
    """The account may not do this (403)."""


class IssueBusy(RateLimited):
    """Too many writes to one issue in a short time; the rest of the site goes on."""


class EndpointBusy(RateLimited):
    """Too many requests of one kind in a short time; other kinds go on."""


def judge(response: requests.Response, now: datetime) -> None:
    """Raise what an answer means, unless it is a success. Neither headers nor body get into the message unread."""
    status, asked = response.status_code, _asked(response)
    if _LOGIN_FAILED.search(response.headers.get("X-Seraph-LoginReason", "")) or status == 401:
        raise AccessDenied(_not_signed_in(response))
    if status == 429 or (status == 503 and "Retry-After" in response.headers):
        raise _pause(response, now)
    if 300 <= status < 400:
        raise Unreachable(
            f"{_host(response)} redirects {asked} to {_target(response)}: use the address Jira has now as url"
        )
    if status >= 500:
        raise Failing(f"{_host(response)} failed at {asked} (HTTP {status})")
    if status >= 400:
        reason, errors = reasons(response)
        raise (Forbidden if status == 403 else Refused)(asked, status, reason, errors)


def reasons(response: requests.Response) -> tuple[str, dict[str, str]]:
    """Jira's own words for a refusal, in one line of at most 400 characters, and those that are about a field."""
    denied = response.headers.get("X-Authentication-Denied-Reason")
    if denied:
        return _line(f"sign-in was denied: {denied}"), {}
    try:
        body = response.json()
    except ValueError:
        return "", {}
    if not isinstance(body, dict):
        return "", {}
    by_field = body.get("errors")
    errors = {str(k): _line(v) for k, v in by_field.items()} if isinstance(by_field, dict) else {}
    return _line("; ".join([*_messages(body), *errors.values()])), errors


def _messages(body: Mapping[str, Any]) -> list[str]:
    many = body.get("errorMessages")
    found = [str(message) for message in many] if isinstance(many, list) else []
    listed = body.get("errors")  # as the bulk operations tell them
    found += [str(one.get("message")) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return found + [str(body[key]) for key in ("errorMessage", "message") if isinstance(body.get(key), str)]


def _pause(response: requests.Response, now: datetime) -> RateLimited:
    reason = _line(response.headers.get("RateLimit-Reason", "")) or f"HTTP {response.status_code}"
    kind = {_PER_ISSUE: IssueBusy, _BURST: EndpointBusy}.get(reason, RateLimited)
    return kind(f"{_host(response)} asked for a pause ({reason})", retry_at=_retry_at(response, now))


def _retry_at(response: requests.Response, now: datetime) -> datetime:
    """When to ask again: Retry-After in seconds or as a date, else X-RateLimit-Reset, else half a minute from now.

    Instants are by Jira's clock, which may differ from ours: the answer's own Date says by how much.
    """
    earliest = now + timedelta(seconds=1)
    after = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,8}(\.\d+)?", after):
        return max(earliest, now + timedelta(seconds=float(after)))
    try:
        told = _aware(parsedate_to_datetime(after)) if after else moment_of_reset(response.headers)
    except ValueError:
        told = None
    return max(earliest, told + (now - _dated(response.headers, now))) if told else now + DEFAULT_PAUSE


def _dated(headers: Mapping[str, str], now: datetime) -> datetime:
    """The time by Jira's clock when it answered."""
    try:
        return _aware(parsedate_to_datetime(headers["Date"]))
    except (KeyError, ValueError):
        return now


def moment_of_reset(headers: Mapping[str, str]) -> datetime | None:
    """When a limit begins anew, where Jira says so."""
    try:
        return _aware(datetime.fromisoformat(headers.get("X-RateLimit-Reset", "")))
    except ValueError:
        return None


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _not_signed_in(response: requests.Response) -> str:
    denied = response.headers.get("X-Authentication-Denied-Reason", "")
    captcha = "; sign in once in a browser to answer its captcha" if "CAPTCHA" in denied else ""
    return (
        f"{_host(response)} does not accept the credentials: check the e-mail address and the token, whether the token"
        f" has expired, and that a scoped token is used with https://api.atlassian.com/ex/jira/CLOUD-ID as url{captcha}"
    )


def _asked(response: requests.Response) -> str:
    request = response.request
    return f"{request.method} {urlsplit(request.url or '').path.partition('/rest/')[2]}"


def _host(response: requests.Response) -> str:
    return urlsplit(response.request.url or "").hostname or "Jira"


def _target(response: requests.Response) -> str:
    return urlsplit(response.headers.get("Location", "")).hostname or "another page"


def _line(text: object) -> str:
    return " ".join(str(text).split())[:400]
