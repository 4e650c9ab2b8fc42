"""Whether a read is as new as what deliveries told, where times alone can't say.

Trackers' reads lag behind their webhooks, and GitHub's times are whole seconds: of two events in one second the
first alone has the same time of last update as both. So a delivery also leaves tokens of what it showed.
"""

import hashlib
import json
import re
from collections.abc import Iterable

from mapping.issue import Issue

_COMMENT = "comment:"
_HIDDEN = re.compile(r"<!-- spark-integrator \{[^<>]*\} -->\s*")  # what we hide in issues that we open


def issue_tokens(is_open: bool, labels: Iterable[str], title: str, body: str) -> tuple[str, ...]:
    """What an issue shows of itself, a token for each part of it."""
    text = _HIDDEN.sub("", f"{title}\n{body}".replace("\r\n", "\n")).rstrip()
    return (f"open={is_open}", f"labels={_digest(sorted(labels))}", f"text={_digest(text)}")


def comment_token(comment: str, is_there: bool) -> str:
    """That a comment is there, or not any more."""
    return f"{_COMMENT}{comment}={is_there}"


def is_shown(tokens: Iterable[str], issue: Issue) -> bool:
    """Whether the issue shows all of it; of several tokens about one thing the last counts."""
    last = {token.partition("=")[0]: token for token in tokens}
    comments = {comment_token(comment.id, True) for comment in issue.comments}
    shown = {*issue_tokens(issue.closed_at is None, issue.labels, issue.title, issue.body), *comments}
    return all(_agrees(token, shown) for token in last.values())


def _agrees(token: str, shown: set[str]) -> bool:
    if token.startswith(_COMMENT) and token.endswith("=False"):
        return token.replace("=False", "=True") not in shown
    return token in shown


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]
