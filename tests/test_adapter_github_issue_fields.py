"""An organisation's issue fields: written on the issue itself, and only what differs, and never an empty list."""

import pytest

from adapters.github import Shared, Token
from adapters.tracker import Health, LeaseLost
from mapping.changes import SetFields
from mapping.issue import Issue
from tests.adapter_github_answers import ref
from tests.standins.github.server import GitHubStandIn
from tests.test_adapter_github_apply import LABELS
from tests.test_adapter_github_board import look, put
from tests.test_adapter_github_fields import SEVERITIES, of_fields, steps
from tests.test_adapter_github_standin import SHOP, Connect, apply, clock, connect, findings, github, read

__all__ = ["clock", "connect", "github"]

FIELDS = ("Severity", "ETA", "Effort", "Day", "KR")


@pytest.fixture
def number(github: GitHubStandIn) -> int:
    """An issue in an organisation that has four of the fields; the fifth is the project's own."""
    github.issue_field("Severity", "single_select", SEVERITIES, shown_on=1)
    github.issue_field("eta", "text")
    github.issue_field("Effort", "number")
    github.issue_field("Day", "date")
    github.issue_field("Somebody else's", "text")
    github.field("KR")
    return put(github, "Checkout is down", "Emergency Queue")


def values(github: GitHubStandIn, number: int) -> dict[str, str | float]:
    """What the issue itself has, by the field's name."""
    return {github.world.issue_fields[k].name: v for k, v in github._issue(SHOP, number).fields.items()}


def sent(github: GitHubStandIn) -> list[str]:
    return [f"{r.method} {r.path.rpartition('/')[2]}" for r in github.requests if "issue-field-values" in r.path]


WANTED = {"Severity": "p0", "ETA": 'soon "}) \U0001f680', "Effort": "2.5", "Day": "2026-11-24T08:00Z", "KR": "O2.KR1"}


def test_fields_are_written_where_they_belong(github: GitHubStandIn, connect: Connect, number: int) -> None:
    tracker = connect(fields=FIELDS)
    assert read(tracker, number).writable == set(FIELDS)
    assert apply(tracker, number, [SetFields(WANTED, ("R20",)), LABELS]).failed == ()
    assert values(github, number) == {"Severity": "P0", "eta": WANTED["ETA"], "Effort": 2.5, "Day": "2026-11-24"}
    assert github.issue(SHOP, number).fields["KR"] == "O2.KR1"
    assert sent(github)[-2:] == ["GET issue-field-values", "POST issue-field-values"]
    again = read(tracker, number)
    assert again.fields == WANTED | {"Severity": "P0", "Day": "2026-11-24"}
    assert look(tracker).cards[0].issue == again


def test_what_is_there_is_not_sent_again(github: GitHubStandIn, connect: Connect, number: int) -> None:
    tracker = connect(fields=FIELDS)
    apply(tracker, number, [SetFields(WANTED, ())])
    before = len(sent(github))
    assert apply(tracker, number, [SetFields(WANTED, ())]).failed == ()
    assert sent(github)[before:] == ["GET issue-field-values"]


def test_clearing_one_clears_no_other(github: GitHubStandIn, connect: Connect, number: int) -> None:
    tracker = connect(fields=FIELDS)
    apply(tracker, number, [SetFields(WANTED, ())])
    assert apply(tracker, number, [SetFields({"Effort": "", "ETA": ""}, ())]).failed == ()
    assert apply(tracker, number, [SetFields({"Effort": "", "ETA": ""}, ())]).failed == ()
    assert values(github, number) == {"Severity": "P0", "Day": "2026-11-24"}


@pytest.mark.parametrize("verb", ["POST", "PUT"])
def test_the_naive_ways_would_clear_them_all(github: GitHubStandIn, connect: Connect, number: int, verb: str) -> None:
    tracker = connect(fields=FIELDS)
    apply(tracker, number, [SetFields(WANTED, ())])
    requester = tracker._client.github.requester
    requester.requestJsonAndCheck(
        verb, f"/repos/{SHOP}/issues/{number}/issue-field-values", input={"issue_field_values": []}
    )
    assert values(github, number) == {}


def test_a_bad_value_is_named_and_the_others_are_written(github: GitHubStandIn, connect: Connect, number: int) -> None:
    tracker = connect(fields=FIELDS)
    ((_, why),) = apply(tracker, number, [SetFields({"Severity": "P9", "Effort": "3"}, ())]).failed
    assert why == "Severity has no option 'P9'; it has P0, P1, P2, P3"
    assert values(github, number) == {"Effort": 3}


def test_an_option_that_is_gone_is_github_s_to_refuse(github: GitHubStandIn, connect: Connect, number: int) -> None:
    tracker = connect(fields=FIELDS)
    read(tracker, number)
    key = next(k for k, f in github.world.issue_fields.items() if f.name == "Severity")
    github.issue_field("Severity", "single_select", ["P3"])
    del github.world.issue_fields[key]
    ((_, why),) = apply(tracker, number, [SetFields({"Severity": "P0"}, ())]).failed
    assert "Invalid value" in why


def test_they_are_asked_for_once_an_hour_and_only_where_fields_are_named(
    github: GitHubStandIn, connect: Connect, number: int
) -> None:
    read(connect(shared=Shared()), number)
    assert sent(github) == []
    shared = Shared()
    for _ in range(2):
        read(connect(fields=FIELDS, shared=shared), number)
    assert len([r for r in github.requests if r.path.endswith("/issue-fields")]) == 1


def test_a_person_has_none(github: GitHubStandIn, connect: Connect) -> None:
    github.repository("alice/home", owner_kind="User", private=False)
    number = github.open_issue("alice/home", "carol", "Dark mode")
    tracker = connect(repositories=["alice/home"], fields=FIELDS, auth=Token(github.token("alice")))
    found = tracker.read([ref(number, "alice/home")])[ref(number, "alice/home")]
    assert isinstance(found, Issue)
    assert (found.writable, sent(github)) == (frozenset(), [])


def test_where_their_values_can_not_be_read_they_are_not_written(
    github: GitHubStandIn, connect: Connect, number: int
) -> None:
    tracker = connect(fields=FIELDS)
    read(tracker, number)
    github.transfer(SHOP, number, "alice", "acme/web")
    ((_, why),) = apply(tracker, number, [SetFields({"ETA": "soon"}, ())]).failed
    assert why == "ETA: the issue's fields can't be read with these credentials"


def test_nothing_is_written_without_leave(github: GitHubStandIn, connect: Connect, number: int) -> None:
    tracker = connect(fields=FIELDS)
    read(tracker, number)
    with pytest.raises(LeaseLost):
        tracker.apply({ref(number): [SetFields({"ETA": "soon"}, ())]}, lambda: False)
    assert values(github, number) == {}


def test_they_count_as_there(github: GitHubStandIn, connect: Connect, number: int) -> None:
    tracker = connect(fields=FIELDS)
    assert of_fields(findings(tracker)) == (Health.OK, "all there")
    assert {state for state, _ in steps(list(tracker.prepare(dry_run=False)))} == {"already there"}


def test_a_mirror_whose_field_can_not_be_listed_is_left_alone(github: GitHubStandIn, connect: Connect) -> None:
    """The project shows a selection without options, which is no field of ours to write."""
    github.board.add_field(github._project(1), "Severity", "SINGLE_SELECT", mirrors=7)
    number = put(github, "Checkout is down", "Emergency Queue")
    assert read(connect(fields=("Severity",)), number).writable == frozenset()
