"""Signed deliveries as GitHub and Jira send them, for an issue in memory."""

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrator.scenario import Event
from mapping.issue import Issue

_GITHUB = {
    "open": ("issues", "opened"),
    "comment": ("issue_comment", "created"),
    "edit": ("issue_comment", "edited"),
    "delete": ("issue_comment", "deleted"),
    "label": ("issues", "labeled"),
    "assign": ("issues", "assigned"),
    "close": ("issues", "closed"),
    "reopen": ("issues", "reopened"),
    "move": ("issues", "edited"),
}


@dataclass(frozen=True, slots=True)
class Post:
    """A signed request: its body and headers."""

    body: bytes
    headers: dict[str, str]


def github(event: Event, issue: Issue, secret: str) -> Post:
    """The delivery that GitHub sends for an event."""
    name, action = _GITHUB[event.verb]
    number = int(issue.ref.key.rpartition("#")[2])
    at = issue.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    told: dict[str, Any] = {
        "action": action,
        "issue": {"number": number, "title": issue.title, "body": issue.body, "state": "open", "updated_at": at},
        "repository": {"full_name": issue.ref.container},
        "sender": {"login": event.by, "type": "User"},
    }
    if name == "issue_comment":
        told["comment"] = {"id": number, "body": event.body, "user": {"login": event.by}}
    body = json.dumps(told).encode()
    headers = {
        "X-GitHub-Event": name,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": _signature(body, secret),
        "Content-Type": "application/json",
    }
    return Post(body, headers)


def jira(event: Event, issue: Issue, secret: str) -> Post:
    """The delivery that Jira Cloud sends for an event."""
    name = {"open": "jira:issue_created", "comment": "comment_created"}.get(event.verb, "jira:issue_updated")
    at = _jira_time(issue.updated_at)
    told: dict[str, Any] = {
        "timestamp": int(issue.updated_at.timestamp() * 1000),
        "webhookEvent": name,
        "issue": {
            "id": issue.ref.key.rpartition("-")[2],
            "key": issue.ref.key,
            "self": f"https://acme.example/rest/api/2/issue/{issue.ref.key}",
            "fields": {"summary": issue.title, "updated": at},
        },
    }
    if name == "comment_created":
        told["comment"] = {"id": "1", "body": event.body, "created": at, "updated": at}
    body = json.dumps(told).encode()
    headers = {
        "X-Atlassian-Webhook-Identifier": str(uuid.uuid4()),
        "X-Hub-Signature": _signature(body, secret),
        "Content-Type": "application/json",
    }
    return Post(body, headers)


def _signature(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _jira_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
