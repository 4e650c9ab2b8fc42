"""The board's law on Jira: how its rulings are made true, in which order, in how many requests."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapters.jira import JiraTracker
from adapters.jira.rank import NO_DRAFTS
from adapters.tracker import LeaseLost, RateLimited, Unreachable
from integrator.texts import Texts
from integrator.wording import in_words
from mapping.card import WRITTEN
from mapping.case import Case
from mapping.changes import BoardPlan, Change, MoveCard, MoveTo, PlaceCard, SetLabels
from mapping.issue import BoardRef, Column
from mapping.law import plan_board
from mapping.okr import KEY_RESULT
from mapping.plan import plan_issue
from mapping.policy import Policy
from tests.adapter_jira_house import PRODUCTS, House, Start, houses, read, ref, status, write
from tests.contracts import Recorder
from tests.standins.jira.acme import with_screen, with_workflow
from tests.standins.jira.state import Product, Transition

BOARD = BoardRef("jira")
POLICY = Policy()
PAUSED = frozenset({"paused-by-emergency"})


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


def decide(tracker: JiraTracker, now: datetime, *also: str) -> BoardPlan:
    board = tracker.board(BOARD, [ref(key) for key in also])
    assert board is not None
    return plan_board(board, POLICY, now)


def keep(tracker: JiraTracker, now: datetime, *also: str) -> BoardPlan:
    """One look at the board, with everything that follows from it."""
    plan = decide(tracker, now, *also)
    work = {one: in_words(changes, "wiki", now, Texts()) for one, changes in plan.issues.items()}
    outcomes = [*tracker.apply(work, lambda: True).values()] if work else []
    outcomes += [tracker.arrange(BOARD, plan.cards, lambda: True)] if plan.cards else []
    assert [outcome.failed for outcome in outcomes if outcome.failed] == []
    return plan


def care(tracker: JiraTracker, now: datetime, key: str) -> None:
    """One look at an issue, with everything that follows from it."""
    plan = plan_issue(Case.of(read(tracker, key), POLICY), POLICY, now)
    assert write(tracker, key, *in_words(plan.changes, "wiki", now, Texts())).failed == ()


def moved(house: House, *to: str) -> list[str]:
    """An issue for each of these statuses, one after the other."""
    keys = []
    for column in to:
        house.clock.at += timedelta(minutes=1)
        keys.append(house.jira.create_issue("OPS", "alice", f"to {column}"))
        if column != "Backlog":
            house.jira.transition(keys[-1], "bob", column)
    return keys


@pytest.mark.parametrize("product", PRODUCTS)
def test_enforcing_one_violation_costs_four_requests(start: Start, product: Product) -> None:
    house = start(product)
    tracker = house.tracker()
    first = moved(house, "In Progress")[0]
    keep(tracker, house.clock())
    second = house.jira.create_issue("OPS", "alice", "too much")
    house.jira.transition(second, "bob", "Review")
    house.jira.transition(second, "bob", "In Progress")
    house.asked()
    keep(tracker, house.clock())
    writes = [f"POST issue/{second}/comment", f"POST issue/{second}/transitions"]
    reads = {
        "cloud": ["POST search/jql", "POST issue/bulkfetch"],
        "data-center": ["POST search", f"GET issue/{first}", f"GET issue/{second}"],
    }
    assert house.asked() == [*reads[product], *writes]
    assert (house.jira.issue(first).status, house.jira.issue(second).status) == ("In Progress", "Review")
    assert first in house.jira.issue(second).comments[0].body
    assert decide(tracker, house.clock()) == BoardPlan({})
    assert house.asked() == reads[product]
    another = house.tracker()
    assert decide(another, house.clock(), second) == BoardPlan({})


def test_p0_that_pauses_one_card_costs_eight_requests(start: Start) -> None:
    house = start()
    tracker = house.tracker(fields=[*WRITTEN, KEY_RESULT])
    working = moved(house, "In Progress")[0]
    keep(tracker, house.clock())
    p0 = house.jira.create_issue("OPS", "alice", "Down", labels=["P0"])
    house.asked()
    care(tracker, house.clock(), p0)
    keep(tracker, house.clock())
    assert house.asked() == [
        "POST issue/bulkfetch",
        f"POST issue/{p0}/comment",
        f"POST issue/{p0}/transitions",
        f"PUT issue/{p0}",
        "POST search/jql",
        "POST issue/bulkfetch",
        f"PUT issue/{working}",
        f"POST issue/{working}/transitions",
    ]
    assert house.jira.issue(p0).fields["OKR impact"] == "suspended"
    assert (house.jira.issue(p0).status, house.jira.issue(working).status) == ("Emergency Queue", "Backlog")
    assert house.jira.issue(working).labels == ("paused-by-emergency",)
    assert decide(tracker, house.clock()).issues == {}
    house.jira.transition(p0, "bob", "Done")
    house.asked()
    keep(tracker, house.clock(), p0)
    assert house.asked()[2:] == [f"POST issue/{working}/transitions", f"PUT issue/{working}"]
    assert (house.jira.issue(working).status, house.jira.issue(working).labels) == ("In Progress", ())


def test_comment_that_the_property_does_not_list_is_written_once_whatever_breaks(start: Start) -> None:
    house = start()
    moved(house, "In Progress")
    late = moved(house, "In Progress")[0]
    house.jira.fault(lambda method, path, _: method == "POST" and path.endswith("/comment"), "reset-after")
    with pytest.raises(Unreachable):
        keep(house.tracker(), house.clock())
    assert (house.jira.issue(late).status, len(house.jira.issue(late).comments)) == ("In Progress", 1)
    keep(house.tracker(), house.clock())
    keep(house.tracker(), house.clock())
    seen = house.jira.issue(late)
    assert (seen.status, len(seen.comments), "spark-integrator" in seen.properties) == ("Backlog", 1, False)
    tracker = house.tracker()
    read(tracker, late)
    write(tracker, late, SetLabels(frozenset({"P3"}), frozenset(), ()))
    listed = house.jira.issue(late).properties["spark-integrator"]["comments"]
    assert [entry["id"] for entry in listed.values()] == [seen.comments[0].id]
    house.asked()
    read(house.tracker(), late)
    assert f"GET issue/{late}/comment" not in house.asked()


def test_edited_comment_is_listed_at_once(start: Start) -> None:
    house = start()
    tracker, key = house.tracker(), moved(house, "Backlog")[0]
    read(tracker, key)
    write(tracker, key, status(n=1))
    comment = read(tracker, key).comments[0].id
    write(tracker, key, status("new", comment, n=2))
    assert house.jira.issue(key).properties["spark-integrator"]["comments"]["status"]["digest"] == status(n=2).digest
    assert read(house.tracker(), key).comments[0].marker == read(tracker, key).comments[0].marker


WHY = ("R33",)
PUT_ASIDE: list[Change] = [SetLabels(PAUSED, frozenset(), WHY), MoveTo(Column.BACKLOG, WHY)]
PUT_BACK: list[Change] = [MoveTo(Column.IN_PROGRESS, WHY), SetLabels(frozenset(), PAUSED, WHY)]


def no_labels(house: House) -> None:
    with_screen(house.jira, "OPS", "summary")


def no_way(house: House) -> None:
    with_workflow(house.jira, "OPS", Transition("9", "Other", "10004"))


@pytest.mark.parametrize(("ill", "changes", "column", "labels"), [
    (no_labels, PUT_ASIDE, "In Progress", ()),
    (no_way, PUT_ASIDE, "In Progress", ("paused-by-emergency",)),
    (no_way, PUT_BACK, "Backlog", ("paused-by-emergency",)),
    (no_labels, PUT_BACK, "In Progress", ("paused-by-emergency",)),
])  # fmt: skip
def test_mark_is_there_wherever_a_pause_breaks_off(
    start: Start, ill: Callable[[House], None], changes: Sequence[Change], column: str, labels: tuple[str]
) -> None:
    house = start()
    tracker = house.tracker()
    key = moved(house, "In Progress" if changes is PUT_ASIDE else "Backlog")[0]
    if changes is PUT_BACK:
        house.jira.set_labels(key, "integrator", PAUSED)
    read(tracker, key)
    ill(house)
    outcome = write(tracker, key, *changes)
    assert outcome.failed != ()
    assert len(outcome.failed) + len(outcome.applied) == 2
    assert (house.jira.issue(key).status, house.jira.issue(key).labels) == (column, labels)


def test_lost_answer_between_mark_and_move_leaves_the_mark(start: Start) -> None:
    house = start()
    tracker, key = house.tracker(), moved(house, "In Progress")[0]
    read(tracker, key)
    house.jira.fault(lambda method, path, _: path.endswith("/transitions"), "reset-before")
    with pytest.raises(Unreachable):
        tracker.apply({ref(key): [PUT_ASIDE[1]]}, lambda: True)
    read(tracker, key)
    house.jira.fault(lambda method, path, _: path.endswith("/transitions"), "502-before")
    outcome = write(tracker, key, *PUT_ASIDE)
    assert (outcome.applied, [change for change, _ in outcome.failed]) == ((PUT_ASIDE[0],), [PUT_ASIDE[1]])
    assert house.jira.issue(key).labels == ("paused-by-emergency",)


# --------------------------------------------------------------------------------------------------------- the order


def place(*pairs: tuple[str, str | None]) -> list[PlaceCard]:
    return [PlaceCard(card, below, ("R20",)) for card, below in pairs]


def queue(house: House, tracker: JiraTracker) -> list[str]:
    board = tracker.board(BOARD, [])
    assert board is not None
    return [card.id for card in board.cards if card.card.column is Column.EMERGENCY_QUEUE]


ORDERS: list[tuple[list[tuple[str, str | None]], str, int]] = [
    ([("D", None)], "DABC", 1),
    ([("A", "C")], "BCAD", 1),
    ([("D", None), ("C", "D")], "DCAB", 1),
    ([("D", None), ("A", "D"), ("B", "A")], "DABC", 1),
    ([("B", "D"), ("A", "D")], "CDAB", 2),
    ([("D", None), ("C", "D"), ("B", "C"), ("A", "B")], "DCBA", 1),
    ([("A", None)], "ABCD", 1),
]


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(("placed", "order", "requests"), ORDERS)
def test_cards_are_placed_in_runs(
    start: Start, product: Product, placed: list[tuple[str, str | None]], order: str, requests: int
) -> None:
    house = start(product)
    moved(house, "Review")
    called = dict(zip("ABCD", moved(house, *["Emergency Queue"] * 4), strict=True))
    tracker = house.tracker()
    assert queue(house, tracker) == list(called.values())
    house.asked()
    changes = place(*((called[card], called[below] if below else None) for card, below in placed))
    outcome = tracker.arrange(BOARD, changes, lambda: True)
    assert (outcome.applied, outcome.failed) == (tuple(changes), ())
    assert house.asked() == ["PUT agile/1.0/issue/rank"] * requests
    assert house.jira.requests[-1].body.get("rankBeforeIssue") in {None, *called.values()}
    assert queue(house, tracker) == [called[name] for name in order]


def test_one_card_alone_stands_at_the_top(start: Start) -> None:
    house = start()
    key, tracker = moved(house, "Emergency Queue")[0], house.tracker()
    (change,) = place((key, None))
    assert tracker.arrange(BOARD, [change], lambda: True).applied == (change,)
    assert not any("rank" in asked for asked in house.asked())
    assert tracker.arrange(BOARD, [], lambda: True).applied == ()


def test_order_follows_severity_and_stays(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    calm, bad = moved(house, "Emergency Queue", "Emergency Queue")
    house.jira.set_labels(calm, "alice", ["P1"])
    house.jira.set_labels(bad, "alice", ["P0"])
    keep(tracker, house.clock())
    assert queue(house, tracker) == [bad, calm]
    assert decide(tracker, house.clock()).cards == ()
    assert decide(house.tracker(), house.clock()).cards == ()


def test_drafts_and_unranked_boards(start: Start) -> None:
    house = start()
    keys, tracker = moved(house, "Emergency Queue", "Emergency Queue"), house.tracker()
    draft, (change,) = MoveCard("1", Column.BACKLOG, False, ()), place((keys[1], None))
    assert tracker.arrange(BOARD, [draft, change], lambda: True).failed == ((draft, NO_DRAFTS),)
    board = house.jira.world.boards[81]
    house.jira.world.boards[81] = replace(board, ranked=False)
    house.asked()
    unranked = house.tracker()
    assert queue(house, unranked) == keys
    assert unranked.arrange(BOARD, [change], lambda: True).applied == (change,)
    assert not any("rank" in asked for asked in house.asked())


def test_refused_ranks_are_failed_changes(start: Start) -> None:
    house = start()
    first, second = moved(house, "Emergency Queue", "Emergency Queue")
    tracker = house.tracker()
    queue(house, tracker)
    gone, change = place(("OPS-99", first), (first, second))
    outcome = tracker.arrange(BOARD, [gone, change], lambda: True)
    assert [one for one, _ in outcome.failed] == [gone]
    assert outcome.applied == (change,)
    may = house.jira.world.people["integrator"].grants["OPS"]
    house.jira.world.grant("integrator", may - {"SCHEDULE_ISSUES"}, "OPS")
    outcome = tracker.arrange(BOARD, place((first, None)), lambda: True)
    assert "permission to rank" in outcome.failed[0][1]


def test_ranks_that_were_done_in_part(start: Start) -> None:
    house = start()
    board = house.jira.world.boards[81]
    house.jira.world.boards[81] = replace(board, projects=("OPS", "WEB"))
    ours = moved(house, "Emergency Queue", "Emergency Queue")
    theirs = house.jira.create_issue("WEB", "alice", "x")
    house.jira.transition(theirs, "bob", "Emergency Queue")
    may = house.jira.world.people["integrator"].grants["WEB"]
    house.jira.world.grant("integrator", may - {"SCHEDULE_ISSUES"}, "WEB")
    tracker = house.tracker()
    queue(house, tracker)
    outcome = tracker.arrange(BOARD, place((theirs, None), (ours[1], theirs)), lambda: True)
    assert {why for _, why in outcome.failed} == {"You do not have permission to rank this issue."}


def test_lease_and_pauses_stop_the_ranking(start: Start) -> None:
    house = start()
    first, second = moved(house, "Emergency Queue", "Emergency Queue")
    tracker = house.tracker()
    queue(house, tracker)
    changes = place((second, None), (first, "OPS-1"))
    with pytest.raises(LeaseLost):
        tracker.arrange(BOARD, changes, lambda: False)
    house.jira.fault(lambda *_: True, "429", reason="jira-quota-global-based")
    with pytest.raises(RateLimited):
        tracker.arrange(BOARD, changes, lambda: True)
    answers = iter([True, True])
    house.jira.fault(lambda _, __, body: isinstance(body, dict) and "rankAfterIssue" in body, "429")
    outcome = tracker.arrange(BOARD, changes, lambda: next(answers))
    assert (outcome.applied, [change for change, _ in outcome.failed]) == ((changes[0],), [changes[1]])
    assert outcome.retry_at is not None


@pytest.mark.parametrize("product", PRODUCTS)
def test_who_closes_an_emergency_while_it_is_being_moved_has_closed_it(start: Start, product: Product) -> None:
    """Our move takes it out of Done again; the next look puts it back, and nothing stands still because of it."""
    house = start(product)
    tracker = house.tracker()
    house.clock.at += timedelta(minutes=1)
    planned = moved(house, "In Progress")[0]
    p0 = house.jira.create_issue("OPS", "alice", "DB down", None, ["P0"])
    plan = plan_issue(Case.of(read(tracker, p0), POLICY), POLICY, house.clock())
    house.clock.at += timedelta(seconds=1)
    closed_at = house.clock()
    house.jira.transition(p0, "bob", "Done")
    house.clock.at += timedelta(seconds=1)
    assert write(tracker, p0, *in_words(plan.changes, "wiki", house.clock(), Texts())).failed == ()
    assert house.jira.issue(p0).status == "Emergency Queue"
    assert keep(tracker, house.clock(), p0) == BoardPlan({})
    care(tracker, house.clock(), p0)
    assert [house.jira.issue(key).status for key in (p0, planned)] == ["Done", "In Progress"]
    told = Case.of(read(tracker, p0), POLICY).issue.closed_at
    assert told is not None
    assert told - closed_at < timedelta(seconds=0.5)
