"""What the Jira adapter says and does when Jira refuses, is set up otherwise, or is not there."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.http import Deadlines
from adapters.tracker import AccessDenied, LeaseLost, RateLimited, TrackerError, Unreachable
from mapping.changes import Change, DropComment, EditStatus, MoveTo, SetFields, SetLabels
from mapping.issue import Column, IssueRef
from tests.adapter_jira_house import PRODUCTS, House, Start, houses, read, ref, status, write
from tests.contracts import Recorder
from tests.standins.jira.acme import with_screen, with_workflow, without_column
from tests.standins.jira.faults import FaultKind
from tests.standins.jira.state import BoardColumn, Product, Transition

LABEL = SetLabels(frozenset({"P0"}), frozenset(), ())
QUEUE = MoveTo(Column.EMERGENCY_QUEUE, ())
PRIORITY = SetFields({"priority": "Highest"}, ())


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


def no_column(house: House) -> None:
    without_column(house.jira, "Emergency Queue")


def empty_column(house: House) -> None:
    without_column(house.jira, "Emergency Queue")
    board = house.jira.world.boards[81]
    house.jira.world.boards[81] = replace(board, columns=(*board.columns, BoardColumn("emergency queue", ())))


def no_transition(house: House) -> None:
    with_workflow(house.jira, "OPS", Transition("21", "Emergency Queue", "3"))


def screen(house: House) -> None:
    step = Transition("51", "Raise alarm", "10005", screen=True, required=("customfield_10042",))
    with_workflow(house.jira, "OPS", step)


def no_board(house: House) -> None:
    del house.jira.world.boards[81]


BARRIERS: dict[Callable[[House], None], str] = {
    no_column: 'The board has no column "Emergency Queue". A board administrator adds it',
    empty_column: 'The column "Emergency Queue" holds no status',
    no_transition: 'No transition leads from the status "Backlog" to the column "Emergency Queue". A Jira',
    screen: 'The transition "Raise alarm" from the status "Backlog" to the column "Emergency Queue" asks for'
    ' "Threatened key result" on its screen. A Jira administrator makes that optional',
    no_board: "The board 81 can't be read (HTTP 404)",
}


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("barrier", BARRIERS, ids=lambda barrier: str(barrier.__name__))
def test_barred_column_is_explained_and_the_rest_done(
    start: Start, product: Product, barrier: Callable[[House], None]
) -> None:
    house = start(product)
    barrier(house)
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "alice", "x")
    card = read(tracker, key).card
    assert card is not None
    why = card.barred[Column.EMERGENCY_QUEUE]
    assert why.startswith(BARRIERS[barrier])
    outcome = write(tracker, key, QUEUE, LABEL)
    assert outcome.failed == ((QUEUE, why),)
    assert outcome.applied == (LABEL,)
    assert not any("POST" in asked and "transitions" in asked for asked in house.asked())


def test_filled_field_on_a_screen_bars_nothing(start: Start) -> None:
    house = start()
    step = Transition("51", "Raise alarm", "10005", screen=True, required=("priority",))
    with_workflow(house.jira, "OPS", step)
    key = house.jira.create_issue("OPS", "alice", "x", priority="Low")
    card = read(house.tracker(), key).card
    assert card is not None
    assert Column.EMERGENCY_QUEUE not in card.barred


def test_status_in_no_column_and_moves_inside_a_column(start: Start) -> None:
    house = start()
    without_column(house.jira, "Review")
    board = house.jira.world.boards[81]
    backlog = BoardColumn("Backlog", ("10001", "10005"))
    house.jira.world.boards[81] = replace(board, columns=(backlog, *board.columns[1:3]))
    key = house.jira.create_issue("OPS", "alice", "x")
    house.jira.transition(key, "alice", "Emergency Queue")
    house.jira.transition(key, "alice", "Review")
    issue = read(house.tracker(columns={Column.EMERGENCY_QUEUE: "BACKLOG"}), key)
    assert [e.value for e in issue.timeline] == ["Review"]
    assert issue.card is not None
    assert (issue.card.name, issue.card.column) == ("Review", None)
    assert issue.card.moved_at == issue.timeline[-1].at


def test_issue_that_is_there_already_is_not_moved(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "alice", "x")
    read(tracker, key)
    house.asked()
    assert write(tracker, key, MoveTo(Column.BACKLOG, ())).failed == ()
    assert house.asked() == []


def test_refused_transition_is_a_failed_change_and_not_repeated(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "alice", "x")
    read(tracker, key)
    with_workflow(house.jira, "OPS", Transition("99", "Other", "10004"))
    house.asked()
    outcome = write(tracker, key, QUEUE, LABEL)
    assert outcome.failed == ((QUEUE, "Transition id '51' is not valid for this issue."),)
    assert outcome.applied == (LABEL,)
    assert house.asked() == [f"POST issue/{key}/transitions", f"PUT issue/{key}"]


def test_field_off_the_screen_does_not_stop_the_labels(start: Start) -> None:
    house = start()
    with_screen(house.jira, "OPS", "summary", "labels")
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "alice", "x")
    read(tracker, key)
    outcome = write(tracker, key, LABEL, PRIORITY, status(n=1), SetFields({"Nope": "1"}, ()))
    assert [change for change in outcome.applied if not isinstance(change, EditStatus)] == [LABEL]
    why = {type(change).__name__ + str(getattr(change, "values", "")): reason for change, reason in outcome.failed}
    assert why["SetFields{'priority': 'Highest'}"].startswith("Field 'priority' cannot be set. It is not on the")
    assert why["SetFields{'Nope': '1'}"].startswith('Jira has no field called "Nope"')
    seen = house.jira.issue(key)
    assert (seen.labels, len(seen.comments)) == (("P0",), 1)
    assert seen.properties["spark-integrator"]["comments"]["status"]["id"] == seen.comments[0].id


def test_ambiguous_field_is_neither_read_nor_written(start: Start) -> None:
    house = start()
    fields = house.jira.world.fields
    fields["customfield_10041"] = replace(fields["customfield_10041"], name="OKR impact")
    key = house.jira.create_issue("OPS", "alice", "x", fields={"Threatened key result": "KR1"})
    tracker = house.tracker(fields=["OKR impact", "customfield_10042", "absent"])
    assert read(tracker, key).fields == {"customfield_10042": "KR1"}
    change = SetFields({"OKR impact": "none"}, ())
    assert "several Jira fields" in write(tracker, key, change).failed[0][1]


FAULTS: dict[FaultKind, type[TrackerError]] = {
    "reset-before": Unreachable,
    "502-before": Unreachable,
    "truncated": Unreachable,
    "garbage": Unreachable,
    "drip": Unreachable,
    "timeout": Unreachable,
    "429": RateLimited,
    "429-bare": RateLimited,
    "503": RateLimited,
}


@pytest.mark.broken_answers
@pytest.mark.parametrize("kind", FAULTS)
def test_broken_answers_are_errors_of_the_tracker_and_asked_once(start: Start, kind: FaultKind) -> None:
    house = start()
    tracker = house.tracker(deadlines=Deadlines(2, 2, 2))
    key = house.jira.create_issue("OPS", "alice", "x")
    read(tracker, key)
    house.asked()
    house.jira.fault(lambda *_: True, kind, retry_after=1847, reason="jira-quota-tenant-based", seconds=0.6)
    now = house.clock()
    with pytest.raises(FAULTS[kind]) as caught:
        tracker.read([ref(key)])
    assert house.asked() == ["POST issue/bulkfetch"]
    assert house.jira.credentials("integrator")[1] not in str(caught.value)
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_at is not None
        pause = 30 if kind == "429-bare" else 1847
        assert abs(caught.value.retry_at - now - timedelta(seconds=pause)) < timedelta(seconds=1)
    assert ("jira-quota-tenant-based" in str(caught.value)) is (kind == "429")


WRITES: dict[str, Change] = {"/comment": status(n=1), "/transitions": QUEUE, "": LABEL}


@pytest.mark.broken_answers
@pytest.mark.parametrize("kind", ["reset-after", "502-after", "garbage", "429"])
@pytest.mark.parametrize("where", WRITES)
def test_no_write_is_sent_twice(start: Start, kind: FaultKind, where: str) -> None:
    house = start()
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "alice", "x")
    read(tracker, key)
    house.asked()
    reason = "jira-quota-global-based"
    house.jira.fault(lambda method, path, _: method != "GET" and path.endswith(f"{key}{where}"), kind, reason=reason)
    with pytest.raises(TrackerError):
        write(tracker, key, WRITES[where])
    assert len(house.asked()) == 1


@pytest.mark.parametrize("writes", range(4))
def test_nothing_is_written_when_the_lease_is_lost_and_what_was_before_is_told(start: Start, writes: int) -> None:
    house = start()
    tracker = house.tracker()
    keys = [house.jira.create_issue("OPS", "alice", f"no {n}") for n in range(2)]
    tracker.read([ref(key) for key in keys])
    house.asked()
    answers, wanted = iter([True] * writes + [False]), (status(n=1), QUEUE, LABEL)
    work: dict[IssueRef, tuple[Change, ...]] = {ref(key): wanted for key in keys}
    if writes:
        first, second = tracker.apply(work, lambda: next(answers)).values()
        assert first.applied == wanted[:writes]
        assert (first.is_interrupted, second.applied, second.is_interrupted) == (writes < len(wanted), (), True)
    else:
        with pytest.raises(LeaseLost):
            tracker.apply(work, lambda: next(answers))
    assert len(house.asked()) == writes


@pytest.mark.parametrize("product", PRODUCTS)
def test_wrong_token_and_missing_permission_are_told_apart(start: Start, product: Product) -> None:
    house = start(product)
    key = house.jira.create_issue("OPS", "alice", "x")
    token = house.tracker("alice")
    person = house.jira.world.people["alice"]
    house.jira.world.people["alice"] = replace(person, active=False)
    with pytest.raises(AccessDenied, match="does not accept the credentials"):
        token.read([ref(key)])
    reader = house.tracker("carol")
    read(reader, key)
    outcome = write(reader, key, LABEL)
    assert outcome.failed == ((LABEL, "You do not have the permission EDIT_ISSUES."),)


def test_threads_share_a_tracker_and_its_lookups(start: Start) -> None:
    house = start()
    tracker = house.tracker(fields=["OKR impact"])
    keys = [house.jira.create_issue("OPS", "alice", f"no {n}") for n in range(8)]
    threads = [threading.Thread(target=read, args=(tracker, key)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = house.asked()
    assert asked.count("POST issue/bulkfetch") == 8
    assert len(asked) == 8 + 4


def test_comment_that_is_gone_or_another_s_is_a_failed_change(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "alice", "x")
    read(tracker, key)
    write(tracker, key, status(n=1))
    ours, theirs = read(tracker, key).comments[0].id, house.jira.comment(key, "alice", "hers")
    drop, edit = DropComment(theirs, ()), status("new", "404404", n=2)
    outcome = write(tracker, key, drop, edit, DropComment(ours, ()))
    assert [(change, bool(why)) for change, why in outcome.failed] == [(drop, True), (edit, True)]
    assert house.jira.issue(key).properties["spark-integrator"] == {"comments": {}}
    assert [c.body for c in house.jira.issue(key).comments] == ["hers"]
