"""What GitHub tells us: webhook deliveries, reduced to the issues that they are about.

Source: https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import parse_qs

from pydantic import Field, StringConstraints

from mapping.freshness import comment_token, issue_tokens
from mapping.issue import BoardRef, IssueRef
from webhooks.delivery import BadDelivery, Delivery, Ignored, Touch, verify
from webhooks.payload import FORM, JSON, Moment, Part, lowered, media_type, parsed, plain, understood

_ID = re.compile(r"[!-~]{1,100}")

FullName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", max_length=200)]


class Label(Part):
    """A label on an issue in a payload."""

    name: str


class Comment(Part):
    """A comment in a payload."""

    node_id: str = ""


class Issue(Part):
    """An issue in a payload. Pinned ones have no labels and no state, so nothing but its name and time is asked for."""

    number: int = Field(gt=0, lt=2**63)
    updated_at: Moment
    state: str | None = None
    title: str = ""
    body: str | None = None
    labels: tuple[Label, ...] | None = None

    @property
    def shows(self) -> tuple[str, ...]:
        """What a read has to show to be as new as this; nothing where the payload doesn't tell."""
        if self.state is None or self.labels is None:
            return ()
        names = [label.name for label in self.labels]
        return issue_tokens(self.state == "open", names, self.title, self.body or "")


class Repository(Part):
    """The repository that an issue is in."""

    full_name: FullName


class About(Part):
    """An event about one issue."""

    issue: Issue
    repository: Repository


class Arrival(Part):
    """What an issue opened by a transfer says of the one that it was; GitHub may have no old issue to show."""

    old_issue: Issue | None = None
    old_repository: Repository | None = None


class Departure(Part):
    """What a transferred issue says of the one that it became."""

    new_issue: Issue
    new_repository: Repository


class Opened(About):
    """`issues.opened`: `changes` is there only when the issue came by a transfer."""

    changes: Arrival | None = None


class Transferred(About):
    """`issues.transferred`: the issue under its old name, and in `changes` under its new one."""

    changes: Departure


class Commented(About):
    """An event about a comment on an issue."""

    action: str
    comment: Comment | None = None


def _touch(tracker: str, repository: Repository, issue: Issue) -> Touch:
    return Touch(IssueRef(tracker, f"{repository.full_name}#{issue.number}"), issue.updated_at, issue.shows)


def _the_comment(tracker: str, payload: Mapping[str, Any]) -> tuple[Touch, ...]:
    event = understood(Commented, payload)
    touch = _touch(tracker, event.repository, event.issue)
    if event.comment is None or not event.comment.node_id or not touch.shows:
        return (touch,)
    there = comment_token(event.comment.node_id, event.action != "deleted")
    return (replace(touch, shows=(*touch.shows, there)),)


def _the_issue(tracker: str, payload: Mapping[str, Any]) -> tuple[Touch, ...]:
    event = understood(About, payload)
    return (_touch(tracker, event.repository, event.issue),)


def _opened(tracker: str, payload: Mapping[str, Any]) -> tuple[Touch, ...]:
    event = understood(Opened, payload)
    touches = (_touch(tracker, event.repository, event.issue),)
    old = event.changes
    if old is None or old.old_issue is None or old.old_repository is None:
        return touches
    return (*touches, _touch(tracker, old.old_repository, old.old_issue))


def _transferred(tracker: str, payload: Mapping[str, Any]) -> tuple[Touch, ...]:
    event = understood(Transferred, payload)
    new = event.changes
    return (_touch(tracker, event.repository, event.issue), _touch(tracker, new.new_repository, new.new_issue))


def _the_board(tracker: str, payload: Mapping[str, Any]) -> tuple[Touch, ...]:
    """A card names no issue, and nothing else in the event is trusted: the board is looked at."""
    return (Touch(BoardRef(tracker)),)


_OF_ISSUES = (
    "edited closed reopened deleted assigned unassigned labeled unlabeled locked unlocked milestoned demilestoned "
    "pinned unpinned typed untyped field_added field_removed"
)
_OF_CARDS = "archived converted created deleted edited reordered restored"
_OF_COMMENTS = "created edited deleted pinned unpinned"

# Any word about an issue is a reason to look at it: so a lost delivery is made good by the next one.
TOUCHES: Mapping[str, Callable[[str, Mapping[str, Any]], tuple[Touch, ...]]] = {
    "issues.opened": _opened,
    "issues.transferred": _transferred,
    **{f"issues.{action}": _the_issue for action in _OF_ISSUES.split()},
    **{f"projects_v2_item.{action}": _the_board for action in _OF_CARDS.split()},
    **{f"issue_comment.{action}": _the_comment for action in _OF_COMMENTS.split()},
}

_REASONS = {
    "it only says that the webhook is connected": "ping",
    "it only says that the webhook was taken away": "meta",
    "it names no issue; the board itself is looked at by doctor": (
        "projects_v2 projects_v2_status_update project project_card project_column"
    ),
    "it is about the labels that exist, not about an issue that has one": "label milestone",
    "it is about how issues are related, which decides no severity": "sub_issues issue_dependencies",
    "it is about what the integrator may see, which doctor checks": (
        "installation installation_repositories installation_target github_app_authorization"
    ),
    "it is about the repository, not about an issue; app.yaml names the repositories": (
        "repository public fork star watch create delete push gollum page_build deploy_key repository_import "
        "repository_dispatch branch_protection_rule repository_ruleset custom_property custom_property_values"
    ),
    "it is about code under review, which is no customer's emergency": (
        "pull_request pull_request_review pull_request_review_comment pull_request_review_thread commit_comment "
        "merge_group"
    ),
    "it is about builds and releases, which are no customer's emergency": (
        "check_run check_suite status deployment deployment_review deployment_status deployment_protection_rule "
        "release package registry_package workflow_dispatch workflow_job workflow_run"
    ),
    "it is about people and teams; permissions are asked for when they are needed": (
        "member membership organization org_block team team_add sponsorship marketplace_purchase"
    ),
    "it is about a discussion, not about an issue": "discussion discussion_comment",
    "it is a finding of a scanner; somebody opens an issue when it is an emergency": (
        "code_scanning_alert dependabot_alert repository_advisory repository_vulnerability_alert secret_scanning_alert "
        "secret_scanning_alert_location security_advisory security_and_analysis"
    ),
}
IGNORED: Mapping[str, str] = {event: why for why, events in _REASONS.items() for event in events.split()}


def receive(tracker: str, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Delivery | Ignored:
    """Verify a delivery and find the issues that it is about; BadDelivery says what is wrong with it.

    `headers` may be in any case, `body` is what was sent, byte for byte, and every one of `secrets` is accepted.
    """
    said = lowered(headers)
    form = media_type(said, (JSON, FORM)) == FORM
    verify(body, said.get("x-hub-signature-256"), secrets)
    delivery, event = _id(said), _event(said)
    payload = parsed(_unwrapped(body) if form else body)
    action = payload.get("action")
    name = f"{event}.{action}" if isinstance(action, str) else event
    if event in IGNORED:
        return Ignored(event, IGNORED[event], id=delivery)
    if name not in TOUCHES:
        return Ignored(plain(name), "nobody has decided yet what this event means", known=False, id=delivery)
    if _is_pull_request(payload):
        return Ignored(name, "it is about a pull request, which is no issue", id=delivery)
    return Delivery(delivery, name, TOUCHES[name](tracker, payload))


def _id(said: Mapping[str, str]) -> str:
    delivery = said.get("x-github-delivery", "").strip()
    if not _ID.fullmatch(delivery):
        raise BadDelivery(400, "the header X-GitHub-Delivery is missing or malformed")
    return delivery


def _event(said: Mapping[str, str]) -> str:
    event = said.get("x-github-event", "").strip()
    if not event:
        raise BadDelivery(400, "the header X-GitHub-Event is missing")
    return event


def _unwrapped(body: bytes) -> bytes:
    """The JSON in a form-encoded body: GitHub's API makes webhooks with that content type unless told otherwise."""
    try:
        payloads = parse_qs(body.decode(), max_num_fields=10).get("payload", [])
    except ValueError as error:
        raise BadDelivery(400, "the form is not readable") from error
    if len(payloads) != 1:
        raise BadDelivery(400, "the form has no field `payload`")
    return payloads[0].encode()


def _is_pull_request(payload: Mapping[str, Any]) -> bool:
    issue = payload.get("issue")
    return isinstance(issue, dict) and issue.get("pull_request") is not None
