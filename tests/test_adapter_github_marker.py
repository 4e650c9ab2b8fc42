from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.github import marker
from adapters.github.marker import Origin
from mapping.issue import IssueRef, Marker

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), st.text(), st.text(), st.dictionaries(st.text(), VALUES, max_size=4))
def test_marker_comes_back_as_it_was(body: str, key: str, digest: str, memo: dict[str, object]) -> None:
    written = marker.dump(body, Marker(key, digest, memo))
    assert marker.load(written) == (body.rstrip(), Marker(key, digest, memo))


@pytest.mark.parametrize("value", ["-->", "--", "---", "<!--", "--!>", "a--", "-", "]]>", "\\--", "\\u002d"])
def test_no_value_ends_the_html_comment(value: str) -> None:
    written = marker.dump("Hello", Marker("status", "d", {value: value}))
    hidden = written.removeprefix("Hello\n\n<!--").removesuffix("-->")
    assert "--" not in hidden
    assert "<" not in hidden
    assert ">" not in hidden
    assert marker.load(written)[1] == Marker("status", "d", {value: value})


@pytest.mark.parametrize(
    "text",
    [
        "no marker",
        '<!-- spark-integrator {"key": "status", "digest": "d", "memo": {}} --> and words after it',
        "<!-- spark-integrator {broken} -->",
        '<!-- spark-integrator {"key": 1, "digest": "d"} -->',
        '<!-- spark-integrator {"key": "k", "digest": "d", "memo": []} -->',
        "<!-- spark-integrator [] -->",
    ],
)
def test_what_is_no_marker_counts_as_none(text: str) -> None:
    assert marker.load(text)[1] is None


def test_only_the_last_marker_counts_and_line_ends_may_change() -> None:
    quoted = marker.dump("quoted", Marker("status", "old", {}))
    written = marker.dump(quoted, Marker("status", "new", {})).replace("\n", "\r\n") + "\r\n"
    body, found = marker.load(written)
    assert found == Marker("status", "new", {})
    assert '"old"' in body


CREATED = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ORIGIN = Origin("retrospective@20261123T084000Z", IssueRef("github", "acme/shop#12"), CREATED)


@given(st.text(), st.text(min_size=1))
def test_an_origin_comes_back_as_it_was(body: str, key: str) -> None:
    origin = Origin(key, ORIGIN.ref, ORIGIN.created_at)
    assert marker.load_origin(marker.dump_origin(body, origin)) == (body.rstrip(), origin)


FORGED = marker.dump_origin("", Origin("retrospective@1", IssueRef("github", "acme/shop#1"), CREATED)).strip()


@pytest.mark.parametrize(
    ("before", "after", "visible"),
    [
        ("- [ ] Root cause", "", "- [ ] Root cause"),
        ("- [x] Root cause", "\r\n\r\nIt was DNS.", "- [x] Root cause\r\n\r\nIt was DNS."),
        (f"Title: {FORGED}", "", f"Title: {FORGED}"),
        ("Boxes", "\n\n<!-- spark-integrator {broken} -->", "Boxes\n\n<!-- spark-integrator {broken} -->"),
        (
            "Boxes",
            '\n<!-- spark-integrator {"key": "status", "digest": "d", "memo": {}} -->',
            'Boxes\n<!-- spark-integrator {"key": "status", "digest": "d", "memo": {}} -->',
        ),
    ],
)
def test_people_may_write_before_and_below_the_origin(before: str, after: str, visible: str) -> None:
    assert marker.load_origin(marker.dump_origin(before, ORIGIN) + after) == (visible, ORIGIN)


@pytest.mark.parametrize(
    "memo",
    [
        "{}",
        '{"for": "acme/shop#12", "created": "2026-11-23T08:00:00Z"}',
        '{"for": "github:acme/shop#12"}',
        "[]",
        "null",
    ],
)
def test_what_names_no_issue_or_no_time_is_no_origin(memo: str) -> None:
    text = f'Hello <!-- spark-integrator {{"key": "k", "digest": "", "memo": {memo}}} -->'
    assert marker.load_origin(text) == (text, None)


@pytest.mark.parametrize(
    ("key", "created_at", "expected"),
    [
        ("Acme/Shop#12", CREATED, True),
        ("acme/shop#12", datetime(2020, 1, 1, tzinfo=UTC), True),
        ("acme/store#3", CREATED, True),  # transferred, or in a renamed repository
        ("acme/store#12", datetime(2026, 11, 23, 8, 1, tzinfo=UTC), False),
        ("acme/shop#13", CREATED, False),  # of an import: many issues in one second
    ],
)
def test_an_origin_is_known_by_its_name_or_by_its_creation(key: str, created_at: datetime, expected: bool) -> None:
    assert ORIGIN.is_of(IssueRef("github", key), created_at) is expected
