"""How issues are named."""

import pytest

from mapping.issue import IssueRef


@pytest.mark.parametrize(
    ("text", "tracker", "key", "container"),
    [
        ("github:acme/shop#12", "github", "acme/shop#12", "acme/shop"),
        ("ghe_2:a.b-c/d_e.f#1", "ghe_2", "a.b-c/d_e.f#1", "a.b-c/d_e.f"),
        ("jira:OPS-7", "jira", "OPS-7", "OPS"),
        ("jira:A_1-10", "jira", "A_1-10", "A_1"),
        ("jira:10042", "jira", "10042", ""),
    ],
)
def test_names(text: str, tracker: str, key: str, container: str) -> None:
    ref = IssueRef.parse(text)
    assert (ref, ref.container, str(ref)) == (IssueRef(tracker, key), container, text)


@pytest.mark.parametrize(
    "text",
    ["", "github", "github:", ":OPS-7", "OPS-7", "GitHub:acme/shop#12", "github:acme/shop", "github:acme/shop#0",
     "github:acme/shop#12 ", "github:acme/shop/x#12", "jira:ops-7", "jira:OPS-0", "jira:OPS", "1:OPS-7"],
)  # fmt: skip
def test_what_names_no_issue(text: str) -> None:
    with pytest.raises(ValueError, match="does not name an issue; write github:owner/repo#12 or jira:OPS-7"):
        IssueRef.parse(text)
