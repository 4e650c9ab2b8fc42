"""What Jira tells us, Cloud and Data Center: webhook deliveries, reduced to the issues that they are about.

Source: https://developer.atlassian.com/cloud/jira/platform/webhooks/
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from mapping.issue import BoardRef, IssueRef
from webhooks.delivery import BadDelivery, Delivery, Ignored, Touch, verify
from webhooks.payload import JSON, Moment, Part, lowered, media_type, parsed, plain, understood

_IDENTIFIER = re.compile(r"[!-~]{1,100}")
_SITE = re.compile(r"https?://([A-Za-z0-9.:-]{1,200})/")
_ISSUE_OF_COMMENT = re.compile(r"/issue/([1-9][0-9]{0,18})/comment/")
_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,199}-[1-9][0-9]{0,18}")

Key = Annotated[str, StringConstraints(pattern=f"^{_KEY.pattern}$")]
Id = Annotated[str, StringConstraints(pattern="^[1-9][0-9]{0,18}$")]


class Fields(Part):
    """The fields of an issue: all of them on issue events, six on Cloud's comment events (no `updated` there)."""

    updated: Moment | None = None


class Issue(Part):
    """An issue in a payload."""

    id: Id | None = None
    key: Key | None = None
    fields: Fields | None = None


class Comment(Part):
    """A comment in a payload; `address` (Jira's `self`) holds the id of its issue."""

    address: str = Field(default="", alias="self")
    created: Moment | None = None
    updated: Moment | None = None


class Item(Part):
    """One changed field. `fieldId` is missing on Data Center and on the `Key` of a moved issue."""

    name: str | None = Field(default=None, alias="field")
    kind: str | None = Field(default=None, alias="fieldtype")
    before: str | None = Field(default=None, alias="fromString")


class Changelog(Part):
    """What an update changed; it may be there on a creation, and it may be empty."""

    items: tuple[Item, ...] | None = None


class IssueEvent(Part):
    """`jira:issue_*`."""

    issue: Issue
    changelog: Changelog | None = None


class CommentEvent(Part):
    """`comment_*`: Data Center may leave the issue out."""

    comment: Comment
    issue: Issue | None = None


def _name(issue: Issue | None) -> str | None:
    return (issue.key or issue.id) if issue else None


def _updated(issue: Issue | None) -> datetime | None:
    return issue.fields.updated if issue and issue.fields else None


def _the_issue(tracker: str, payload: Mapping[str, Any]) -> tuple[Touch, ...]:
    event = understood(IssueEvent, payload)
    key = _name(event.issue)
    if key is None:
        raise BadDelivery(400, "the payload's issue has neither key nor id")
    return tuple(Touch(IssueRef(tracker, name), _updated(event.issue)) for name in (key, *_old_keys(event, key)))


def _the_updated_issue(tracker: str, payload: Mapping[str, Any]) -> tuple[Touch, ...]:
    """With the board where the status changed, and so perhaps the column: one look at it serves both."""
    items = (changelog := understood(IssueEvent, payload).changelog) and changelog.items
    has_moved = any((item.name or "").lower() == "status" and item.kind != "custom" for item in items or ())
    return (*_the_issue(tracker, payload), *((Touch(BoardRef(tracker)),) if has_moved else ()))


def _old_keys(event: IssueEvent, key: str) -> tuple[str, ...]:
    """The keys that the issue had before this event moved it to another project."""
    items = (event.changelog and event.changelog.items) or ()
    moves = (item for item in items if (item.name or "").lower() == "key" and item.kind != "custom")
    return tuple(old for item in moves if (old := item.before or "") != key and _KEY.fullmatch(old))


def _the_issue_of_the_comment(tracker: str, payload: Mapping[str, Any]) -> tuple[Touch, ...]:
    event = understood(CommentEvent, payload)
    key = _name(event.issue) or _issue_id(event.comment)
    if key is None:
        raise BadDelivery(400, "the payload names no issue: there is none, and comment.self doesn't say which")
    floor = _updated(event.issue) or event.comment.updated or event.comment.created
    return (Touch(IssueRef(tracker, key), floor),)


def _issue_id(comment: Comment) -> str | None:
    found = _ISSUE_OF_COMMENT.search(comment.address)
    return found[1] if found else None


TOUCHES: Mapping[str, Callable[[str, Mapping[str, Any]], tuple[Touch, ...]]] = {
    "jira:issue_created": _the_issue,
    "jira:issue_updated": _the_updated_issue,
    "jira:issue_deleted": _the_issue,
    "comment_created": _the_issue_of_the_comment,
    "comment_updated": _the_issue_of_the_comment,
    "comment_deleted": _the_issue_of_the_comment,
}

_REASONS = {
    "an issue property is the integrator's own memory": "issue_property_set issue_property_deleted",
    "it is about time spent, which decides no severity": (
        "worklog_created worklog_updated worklog_deleted jira:worklog_updated"
    ),
    "it is about how issues are related, which decides no severity": "issuelink_created issuelink_deleted",
    "it is about a file, which decides no severity": "attachment_created attachment_deleted",
    "it names no issue; the board itself is looked at by doctor": (
        "board_created board_updated board_deleted board_configuration_changed"
    ),
    "it is about a sprint, not about an issue": (
        "sprint_created sprint_updated sprint_deleted sprint_started sprint_closed"
    ),
    "it is about a project, not about an issue; app.yaml names the projects": (
        "project_created project_updated project_deleted project_soft_deleted project_restored_deleted "
        "project_archived project_restored_archived"
    ),
    "it is about a version, not about an issue": (
        "jira:version_created jira:version_updated jira:version_deleted jira:version_released "
        "jira:version_unreleased jira:version_moved jira:version_merged"
    ),
    "it is about people; permissions are asked for when they are needed": "user_created user_updated user_deleted",
    "it is about how the site is set up, which doctor checks": (
        "option_voting_changed option_watching_changed option_unassigned_issues_changed option_subtasks_changed "
        "option_attachments_changed option_issuelinks_changed option_timetracking_changed issuetype_created "
        "issuetype_updated issuetype_deleted filter_created filter_updated filter_deleted "
        "jira_expression_evaluation_failed"
    ),
}
IGNORED: Mapping[str, str] = {event: why for why, events in _REASONS.items() for event in events.split()}


def receive(tracker: str, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Delivery | Ignored:
    """Verify a delivery and find the issues that it is about; BadDelivery says what is wrong with it.

    `headers` may be in any case, `body` is what was sent, byte for byte, and every one of `secrets` is accepted.
    """
    said = lowered(headers)
    media_type(said, (JSON,))
    verify(body, said.get("x-hub-signature"), secrets)
    payload = parsed(body)
    delivery, event = _id(said, body, payload), _event(payload)
    if event in IGNORED:
        return Ignored(event, IGNORED[event], id=delivery)
    if event not in TOUCHES:
        return Ignored(plain(event), "nobody has decided yet what this event means", known=False, id=delivery)
    return Delivery(delivery, event, TOUCHES[event](tracker, payload))


def _event(payload: Mapping[str, Any]) -> str:
    event = payload.get("webhookEvent")
    if isinstance(event, str) and event:
        return event
    if event is None and "accountId" in payload and "issue" not in payload:
        return "user_deleted"  # the one event that Cloud sends without saying its name
    raise BadDelivery(400, "the payload's webhookEvent is missing or malformed")


def _id(said: Mapping[str, str], body: bytes, payload: Mapping[str, Any]) -> str:
    """Site and identifier, which Cloud keeps when it sends again; without either, the fingerprint of the body."""
    identifier, site = said.get("x-atlassian-webhook-identifier", "").strip(), _site(payload)
    if site and _IDENTIFIER.fullmatch(identifier):
        return f"{site}:{identifier}"
    return hashlib.sha256(body).hexdigest()


def _site(payload: Mapping[str, Any]) -> str | None:
    """The host of the Jira site, from the address of whatever the event is about."""
    for part in ("issue", "comment", "user", "project", "worklog", "sprint", "configuration"):
        about = payload.get(part)
        address = about.get("self") if isinstance(about, dict) else None
        if isinstance(address, str) and (found := _SITE.match(address)):
            return found[1].lower()
    return None
