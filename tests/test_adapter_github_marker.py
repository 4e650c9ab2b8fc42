import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.github import marker
from mapping.issue import Marker

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
