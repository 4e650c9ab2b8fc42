"""Acknowledging and opening on the stand-in GitHub: once, whatever is late, lost, moved or forged."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.github import GitHubTracker, Shared, Token
from adapters.tracker import Unreachable
from mapping.changes import Acknowledge, OpenIssue, RetrospectiveFacts
from mapping.issue import Issue, IssueRef, Opened
from mapping.severity import Severity
from tests.adapter_github_answers import ref
from tests.standins.github.client import Clock
from tests.standins.github.faults import Kind
from tests.standins.github.server import GitHubStandIn
from tests.test_adapter_github_apply import FRESH
from tests.test_adapter_github_standin import SHOP, Connect, apply, clock, connect, github, read

__all__ = ["clock", "connect", "github"]

RETROS = "acme/retros"
KEY = "retrospective@20261123T090000Z"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def retrospective(number: int, container: str = "", text: str = "- [ ] Root cause") -> OpenIssue:
    """What is wanted when this issue was resolved."""
    facts = RetrospectiveFacts(ref(number), "", Severity.P0, START, START, START, (), (), (), "UTC")
    body = f"The emergency: acme/shop#{number}\n\n{text}"
    return OpenIssue(KEY, facts, container, ("R39",), frozenset({"P0", "retrospective"}), "Retrospective", body)


def resolved(github: GitHubStandIn, clock: Clock) -> int:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    clock.pass_by(60)
    github.close(SHOP, number, "alice")
    clock.pass_by(60)
    return number


def opened_of(issue: Issue) -> list[str]:
    return [one.ref.key for one in issue.opened]


def writes(github: GitHubStandIn) -> list[str]:
    return [name for request in github.requests if request.is_write for _, name in request.fields]


# -- opening


def test_an_issue_is_opened_linked_both_ways_in_two_requests(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    number = resolved(github, clock)
    tracker = connect()
    before = read(tracker, number)
    count, told = len(github.requests), len(github.deliveries)
    change = retrospective(number)
    assert apply(tracker, number, [change]).applied == (change,)
    assert len(github.requests) - count == 2
    (new,) = set(github.numbers(SHOP)) - {number}
    assert {(d.event, d.action, d.payload["issue"]["number"]) for d in github.deliveries[told:]} == {
        ("issues", "opened", new),
        ("issues", "labeled", new),
    }
    seen = github.issue(SHOP, new)
    assert (seen.title, seen.author) == ("Retrospective", "spark-integrator[bot]")
    assert seen.labels == {"P0"}
    stranger = connect(shared=Shared())
    emergency, retro = read(stranger, number), read(stranger, new)
    assert emergency.opened == (Opened(KEY, ref(new), clock()),)
    assert (emergency.updated_at, emergency.timeline) == (before.updated_at, before.timeline)
    assert (retro.opened_for, retro.body, retro.opened) == (ref(number), change.body, ())


def test_people_tick_boxes_and_close_it(github: GitHubStandIn, connect: Connect, clock: Clock) -> None:
    number = resolved(github, clock)
    tracker = connect()
    read(tracker, number)
    apply(tracker, number, [retrospective(number)])
    new = max(github.numbers(SHOP))
    ticked = (github.issue(SHOP, new).body or "").replace("- [ ]", "- [x]") + "\n\nIt was DNS, see #1."
    clock.pass_by(60)
    github.edit_body(SHOP, new, "alice", ticked)
    github.close(SHOP, new, "alice")
    retro, (known,) = read(connect(), new), read(connect(), number).opened
    assert retro.body == f"The emergency: acme/shop#{number}\n\n- [x] Root cause\n\nIt was DNS, see #1."
    assert retro.opened_for == ref(number)
    assert known.closed_at == clock()


def test_another_repository_is_written_to_with_the_labels_that_it_has(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    github.repository(RETROS, private=True, labels=["Retrospective"])
    number = resolved(github, clock)
    tracker = connect()
    read(tracker, number)
    assert apply(tracker, number, [retrospective(number, RETROS)]).failed == ()
    assert github.issue(RETROS, 1).labels == {"Retrospective"}
    assert opened_of(read(connect(shared=Shared()), number)) == [f"{RETROS}#1"]
    there = connect().read([ref(1, RETROS)])[ref(1, RETROS)]
    assert isinstance(there, Issue)
    assert there.opened_for == ref(number)


def test_a_repository_out_of_reach_fails_the_opening_only(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect()
    read(tracker, number)
    change = retrospective(number, "acme/nowhere")
    outcome = apply(tracker, number, [*FRESH, change])
    assert outcome.applied == FRESH
    assert [why for _, why in outcome.failed] == [
        "no issue can be opened in acme/nowhere: Could not resolve to a Repository with the name 'acme/nowhere'."
    ]


@pytest.mark.parametrize("kind", [Kind.BAD_GATEWAY_AFTER, Kind.RESET_AFTER, Kind.TRUNCATED, Kind.BAD_GATEWAY_BEFORE])
def test_a_lost_answer_leaves_one_issue(github: GitHubStandIn, connect: Connect, clock: Clock, kind: Kind) -> None:
    number = resolved(github, clock)
    github.references_after = 3600
    tracker, change = connect(), retrospective(number)
    read(tracker, number)
    github.fault(lambda _method, _path, body: "createIssue" in str(body), kind)
    with pytest.raises(Unreachable):
        apply(tracker, number, [change])
    clock.pass_by(10)
    assert opened_of(read(tracker, number)) == []
    assert apply(tracker, number, [change]).applied == (change,)
    new = max(github.numbers(SHOP))
    assert github.numbers(SHOP) == [number, new]
    assert opened_of(read(tracker, number)) == [f"{SHOP}#{new}"]


def test_a_late_reference_makes_no_second_issue_in_another_process(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    number = resolved(github, clock)
    github.references_after = 3600
    change = retrospective(number)
    for _ in range(3):
        tracker = connect(shared=Shared())
        assert opened_of(read(tracker, number)) == []
        assert apply(tracker, number, [change]).applied == (change,)
        assert opened_of(read(tracker, number)) == [f"{SHOP}#2"]
    assert github.numbers(SHOP) == [number, 2]
    clock.pass_by(3600)
    assert opened_of(read(connect(shared=Shared()), number)) == [f"{SHOP}#2"]


def test_the_look_sees_the_newest_of_many_issues(github: GitHubStandIn, connect: Connect, clock: Clock) -> None:
    old = [github.open_issue(SHOP, "carol", f"Issue {n}") for n in range(105)]
    clock.pass_by(60)
    github.references_after = 3600
    change = retrospective(old[0])
    for number in old:
        github.comment(SHOP, number, "alice", "Still there?")
    for _ in range(2):
        tracker = connect(shared=Shared())
        read(tracker, old[0])
        assert apply(tracker, old[0], [change]).failed == ()
    assert len(github.numbers(SHOP)) == 106


def test_reads_that_lag_show_what_this_process_opened(github: GitHubStandIn, connect: Connect, clock: Clock) -> None:
    number = resolved(github, clock)
    clock.pass_by(60)
    github.lag = 5
    tracker = connect()
    read(tracker, number)
    apply(tracker, number, [retrospective(number)])
    assert opened_of(read(tracker, number)) == [f"{SHOP}#2"]
    clock.pass_by(5)
    assert opened_of(read(connect(shared=Shared()), number)) == [f"{SHOP}#2"]


def test_a_reopened_and_resolved_emergency_gets_another_one(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    number = resolved(github, clock)
    tracker, first = connect(), retrospective(number)
    read(tracker, number)
    apply(tracker, number, [first])
    clock.pass_by(60)
    later = replace(first, key="retrospective@20261123T091000Z")
    apply(tracker, number, [later])
    found = read(connect(shared=Shared()), number).opened
    assert [(one.key, one.ref.key) for one in found] == [(KEY, f"{SHOP}#2"), (later.key, f"{SHOP}#3")]


def test_a_transferred_emergency_keeps_what_was_opened_because_of_it(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    number = resolved(github, clock)
    tracker = connect()
    read(tracker, number)
    apply(tracker, number, [retrospective(number)])
    there = IssueRef("github", f"acme/web#{github.transfer(SHOP, number, 'alice', 'acme/web')}")
    found = tracker.read([there])[there]
    assert isinstance(found, Issue)
    assert opened_of(found) == [f"{SHOP}#2"]


FORGERS: dict[str, Any] = {
    "a stranger's issue": lambda github, text, number: github.open_issue(SHOP, "carol", "Retrospective", text),
    "a colleague's issue": lambda github, text, number: github.open_issue(SHOP, "alice", "Retrospective", text),
    "a robot's issue": lambda github, text, number: github.open_issue(SHOP, "renovate[bot]", "Retrospective", text),
    "a comment": lambda github, text, number: github.comment(SHOP, number, "carol", text),
    "a comment on it": lambda github, text, number: github.comment(SHOP, 3, "carol", text),
    "the emergency itself": lambda github, text, number: github.edit_body(SHOP, number, "carol", text),
}


@pytest.mark.parametrize("name", FORGERS)
def test_a_forged_origin_links_nothing_and_hides_nothing(
    name: str, github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    github.bot("renovate")
    number, other = github.open_issue(SHOP, "carol", "One"), github.open_issue(SHOP, "carol", "Another")
    clock.pass_by(60)
    tracker = connect()
    read(tracker, number)
    apply(tracker, number, [retrospective(number)])
    text = (github.issue(SHOP, 3).body or "").replace(f"shop#{number}", f"shop#{other}")
    assert f"github:acme/shop#{other}" in text
    FORGERS[name](github, text, number)
    found = {n: read(connect(shared=Shared()), n) for n in github.numbers(SHOP)}
    assert opened_of(found[other]) == []
    assert [n for n, issue in found.items() if issue.opened_for] == [3]
    change = retrospective(other)
    assert apply(tracker, other, [change]).applied == (change,)
    assert opened_of(read(connect(shared=Shared()), other)) == [f"{SHOP}#{max(github.numbers(SHOP))}"]


def test_an_origin_quoted_in_our_own_issue_links_nothing(github: GitHubStandIn, connect: Connect, clock: Clock) -> None:
    number, other = resolved(github, clock), github.open_issue(SHOP, "carol", "Another")
    tracker = connect()
    read(tracker, number)
    apply(tracker, number, [retrospective(number)])
    clock.pass_by(60)
    third = github.open_issue(SHOP, "carol", "Third")
    quoted = (github.issue(SHOP, 3).body or "").replace(f"shop#{number}", f"shop#{other}")
    read(tracker, third)
    apply(tracker, third, [retrospective(third, text=quoted)])
    assert opened_of(read(connect(shared=Shared()), other)) == []
    assert read(tracker, max(github.numbers(SHOP))).opened_for == ref(third)


# -- acknowledging


def test_a_word_is_acknowledged_once_and_nobody_hears_of_it(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    for words in ("/p0", "/eta 2h"):
        github.comment(SHOP, number, "alice", words)
    tracker = connect()
    one, two = read(tracker, number).comments
    told, updated = len(github.deliveries), github.issue(SHOP, number).updated_at
    clock.pass_by(60)
    change = Acknowledge((one.id, two.id, one.id), ("R25",))
    assert apply(tracker, number, [change]).applied == (change,)
    assert [c.acknowledged_at for c in read(tracker, number).comments] == [clock(), clock()]
    assert (len(github.deliveries), github.issue(SHOP, number).updated_at) == (told, updated)
    assert [c.reactions for c in github.issue(SHOP, number).comments] == [("EYES",)] * 2


def test_somebody_elses_eyes_acknowledge_nothing_and_only_predate_ours(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    comment = github.comment(SHOP, number, "alice", "/p0")
    github.react(comment, "carol", "EYES")
    first = clock()
    clock.pass_by(60)
    tracker = connect()
    (found,) = read(tracker, number).comments
    assert found.acknowledged_at is None
    apply(tracker, number, [Acknowledge((found.id,), ())])
    assert [c.acknowledged_at for c in read(tracker, number).comments] == [first]


def test_a_deleted_comment_needs_no_acknowledgement(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    comment = github.comment(SHOP, number, "alice", "/p0")
    tracker = connect()
    change = Acknowledge((read(tracker, number).comments[0].id,), ())
    github.delete_comment(comment, "alice")
    assert apply(tracker, number, [change]).applied == (change,)


# -- what it costs


def test_a_fresh_issue_with_an_acknowledged_word_still_costs_three_requests(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    tracker = connect()
    read(tracker, github.open_issue(SHOP, "carol", "To warm up"))
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    github.comment(SHOP, number, "alice", "/p0")
    clock.pass_by(60)
    before = len(github.requests)
    (word,) = read(tracker, number).comments
    assert apply(tracker, number, [*FRESH, Acknowledge((word.id,), ())]).failed == ()
    assert len(github.requests) - before == 3


def test_a_hundred_issues_with_words_and_mentions_are_read_in_one_request(
    github: GitHubStandIn, connect: Connect
) -> None:
    numbers = [github.open_issue(SHOP, "carol", f"Issue {n}") for n in range(100)]
    for number in numbers:
        github.react(github.comment(SHOP, number, "alice", "/p2"), "alice", "EYES")
    github.open_issue(SHOP, "alice", "Overview", " ".join(f"#{n}" for n in numbers))
    tracker = connect()
    read(tracker, numbers[0])
    before = len(github.requests)
    found = tracker.read([ref(n) for n in numbers])
    assert len(github.requests) - before == 1
    assert all(isinstance(issue, Issue) and issue.opened == () for issue in found.values())


def test_a_token_of_an_account_does_the_same(github: GitHubStandIn, connect: Connect, clock: Clock) -> None:
    github.person("spark", "write", member=True)
    number = resolved(github, clock)
    github.comment(SHOP, number, "alice", "/p0")
    clock.pass_by(60)
    tracker: GitHubTracker = connect(auth=Token(github.token("spark")), url=github.enterprise_url)
    (word,) = read(tracker, number).comments
    assert apply(tracker, number, [Acknowledge((word.id,), ()), retrospective(number)]).failed == ()
    assert writes(github) == ["addReaction", "createIssue"]
    again = read(connect(auth=Token(github.token("spark"))), number)
    assert opened_of(again) == [f"{SHOP}#2"]
    assert again.comments[0].acknowledged_at == START + timedelta(seconds=180)
