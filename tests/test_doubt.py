"""How long reads have been doubted is told by our own clock, whatever the trackers' clocks say."""

from datetime import UTC, datetime, timedelta

import pytest

from integrator.doubt import AT_MOST, Doubts
from mapping.issue import IssueRef

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
REF = IssueRef("github", "acme/shop#1")


@pytest.mark.parametrize("ahead", [-300, -1, 0, 1, 300])
def test_it_counts_from_the_first_doubt_however_far_clocks_are_apart(ahead: int) -> None:
    doubts, heard = Doubts(), NOW - ahead * SECOND
    assert [doubts.age(REF, heard, NOW + n * SECOND) for n in (0, 4, 9)] == [n * SECOND for n in (0, 4, 9)]


def test_what_was_heard_since_begins_a_new_doubt() -> None:
    doubts = Doubts()
    doubts.age(REF, NOW, NOW)
    assert doubts.age(REF, NOW + SECOND, NOW + 5 * SECOND) == timedelta()
    assert doubts.age(REF, NOW + SECOND, NOW + 7 * SECOND) == 2 * SECOND


def test_what_happened_long_ago_is_not_doubted() -> None:
    assert Doubts().age(REF, NOW - timedelta(hours=1), NOW) == timedelta.max


def test_it_remembers_only_so_many() -> None:
    doubts = Doubts()
    doubts.age(REF, NOW, NOW)
    for number in range(2, AT_MOST + 2):
        doubts.age(IssueRef("github", f"acme/shop#{number}"), NOW, NOW)
    assert doubts.age(REF, NOW, NOW + SECOND) == timedelta()
