"""What a delivery showed decides between two reads of the same second."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mapping.freshness import comment_token, is_shown, issue_tokens
from mapping.issue import Comment, Issue, IssueRef
from webhooks.delivery import Delivery
from webhooks.github import TOUCHES

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
ISSUE = Issue(IssueRef("github", "acme/shop#12"), "Down", "a\r\nb", None, AT, AT, labels=frozenset({"P1", "x"}))
WITH_COMMENT = replace(ISSUE, comments=(Comment("IC_1", AT, None, "hello"),))
SAME = issue_tokens(True, ["x", "P1"], "Down", "a\nb")


@pytest.mark.parametrize(
    ("tokens", "issue", "shown"),
    [
        pytest.param((), ISSUE, True, id="nothing told"),
        pytest.param(SAME, ISSUE, True, id="the same, in another order and with other line ends"),
        pytest.param(issue_tokens(True, ["x"], "Down", "a\nb"), ISSUE, False, id="other labels"),
        pytest.param(issue_tokens(False, ["x", "P1"], "Down", "a\nb"), ISSUE, False, id="closed since"),
        pytest.param(issue_tokens(True, ["x", "P1"], "Up", "a\nb"), ISSUE, False, id="another title"),
        pytest.param(issue_tokens(True, ["x", "P1"], "Down", "a"), ISSUE, False, id="another body"),
        pytest.param((*SAME, comment_token("IC_1", True)), ISSUE, False, id="a comment that is not read yet"),
        pytest.param((*SAME, comment_token("IC_1", True)), WITH_COMMENT, True, id="a comment that is there"),
        pytest.param((*SAME, comment_token("IC_1", False)), WITH_COMMENT, False, id="a deleted comment still read"),
        pytest.param((*SAME, comment_token("IC_1", False)), ISSUE, True, id="a deleted comment that is gone"),
        pytest.param(
            (comment_token("IC_1", True), comment_token("IC_1", False)), ISSUE, True, id="the last word about a comment"
        ),
        pytest.param((*issue_tokens(True, [], "", ""), *SAME), ISSUE, True, id="the last word about an issue"),
    ],
)
def test_a_read_shows_what_was_told(tokens: tuple[str, ...], issue: Issue, shown: bool) -> None:
    assert is_shown(tokens, issue) is shown


def _told(case: str) -> Delivery:
    payload: dict[str, Any] = json.loads((Path(__file__).parent / "payloads/github" / f"{case}.json").read_text())
    event = case.partition("__")[0]
    return Delivery("1", event, TOUCHES[event]("github", payload))


@pytest.mark.parametrize(
    ("case", "kinds"),
    [
        ("issues.opened__issue_form", ["open", "labels", "text"]),
        ("issues.pinned__no_labels_no_state", []),
        ("issue_comment.created__command", ["open", "labels", "text", "comment"]),
    ],
)
def test_github_deliveries_tell_what_they_show(case: str, kinds: list[str]) -> None:
    (touch,) = _told(case).touches
    assert [token.partition("=")[0].partition(":")[0] for token in touch.shows] == kinds
