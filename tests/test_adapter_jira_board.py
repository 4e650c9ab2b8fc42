"""The Jira board as its law sees it, against a stand-in site: what counts, in which order, in how many requests."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import responses

from adapters.jira import Basic, JiraTracker
from adapters.jira.board import Board as JiraBoard
from adapters.jira.board import BoardColumn as Shown
from adapters.jira.board import Layout
from adapters.jira.cards import board_query
from mapping.board import Board, BoardCard, Kind
from mapping.changes import MoveTo
from mapping.issue import BoardRef, Column, Issue, IssueRef
from tests.adapter_jira_house import PRODUCTS, START, House, Start, houses, read, ref
from tests.contracts import Recorder
from tests.standins.jira.acme import without_column
from tests.standins.jira.state import BoardColumn, Product

BOARD = BoardRef("jira")


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


def look(tracker: JiraTracker, *also: str) -> Board:
    board = tracker.board(BOARD, [ref(key) for key in also])
    assert board is not None
    return board


def there(board: Board) -> list[tuple[str, Column | None]]:
    return [(card.id, card.card.column) for card in board.cards]


def keys(cards: Sequence[BoardCard]) -> list[str]:
    return [card.id for card in cards]


def issues(house: House, *statuses: str, project: str = "OPS") -> list[str]:
    """An issue in each of these statuses."""
    made = []
    for status in statuses:
        key = house.jira.create_issue(project, "alice", f"to {status}")
        if status != "Backlog":
            house.jira.transition(key, "bob", status)
        made.append(key)
    house.clock.at += timedelta(hours=1)
    return made


@pytest.mark.parametrize("product", PRODUCTS)
def test_board_is_its_watched_columns_in_the_order_of_rank(start: Start, product: Product) -> None:
    house = start(product)
    tracker = house.tracker()
    there_are = issues(house, "In Progress", "Backlog", "Review", "Done", "Emergency Queue", "Emergency Queue")
    doing, _, review, _, first, second = there_are
    house.jira.rank(second, "alice", above=doing)
    look(tracker)
    house.asked()
    board = look(tracker)
    every = [second, doing, review, first]
    asked = ["POST search/jql", "POST issue/bulkfetch"]
    by_key = [f"GET issue/{key}" for key in (doing, review, first, second)]
    assert house.asked() == (asked if product == "cloud" else ["POST search", *by_key])
    assert there(board) == [
        (second, Column.EMERGENCY_QUEUE),
        (doing, Column.IN_PROGRESS),
        (review, Column.REVIEW),
        (first, Column.EMERGENCY_QUEUE),
    ]
    assert {card.kind for card in board.cards} == {Kind.ISSUE}
    assert [card.issue for card in board.cards] == [read(tracker, key) for key in every]
    assert all(card.card is card.issue.card for card in board.cards if card.issue)
    assert board.ref == BOARD


@pytest.mark.parametrize("product", PRODUCTS)
def test_card_tells_where_it_came_from_and_when(start: Start, product: Product) -> None:
    house = start(product)
    key = house.jira.create_issue("OPS", "alice", "x")
    for status in ("Review", "Backlog", "In Progress"):
        house.clock.at += timedelta(minutes=7)
        house.jira.transition(key, "bob", status)
    moved_at = house.jira.issue(key).updated
    house.clock.at += timedelta(minutes=7)
    house.jira.set_labels(key, "bob", ["later"])
    card = look(house.tracker()).cards[0]
    assert (card.card.left, card.card.moved_at, card.entered_at) == (Column.BACKLOG, moved_at, moved_at)
    new = issues(house, "Backlog")[0]
    fresh = read(house.tracker(), new).card
    assert fresh is not None
    assert (fresh.left, fresh.moved_at) == (None, read(house.tracker(), new).created_at)


def test_only_what_the_fetched_issue_says_counts(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    came, went = issues(house, "Backlog", "In Progress")
    house.jira.search_lag = 60
    house.jira.transition(came, "bob", "In Progress")
    house.jira.transition(went, "bob", "Done")
    new = house.jira.create_issue("OPS", "bob", "not known to any search")
    house.jira.transition(new, "bob", "Review")
    house.asked()
    board = look(tracker, came, new)
    columns = {came: Column.IN_PROGRESS, went: Column.DONE, new: Column.REVIEW}
    assert dict(there(board)) == columns
    assert [a for a in house.asked() if "POST" in a] == ["POST search/jql", "POST issue/bulkfetch"]


@pytest.mark.parametrize("product", PRODUCTS)
def test_what_the_filter_keeps_out_is_not_on_the_board(start: Start, product: Product) -> None:
    house = start(product)
    doing, other = issues(house, "In Progress")[0], issues(house, "In Progress", project="WEB")[0]
    assert keys(look(house.tracker(), doing, other).cards) == [doing]


@pytest.mark.parametrize("product", PRODUCTS)
def test_labelled_issues_matter_wherever_they_are(start: Start, product: Product) -> None:
    house = start(product)
    paused, done, elsewhere, fresh = [house.jira.create_issue(p, "alice", "x") for p in ("OPS", "OPS", "WEB", "WEB")]
    house.jira.set_labels(paused, "bob", ["paused-by-emergency"])
    house.jira.set_labels(done, "bob", ["P0"])
    house.jira.transition(done, "bob", "Done")
    house.jira.set_labels(elsewhere, "bob", ["P0"])
    house.clock.at += timedelta(hours=1)
    house.jira.search_lag = 60
    house.jira.set_labels(fresh, "bob", ["p0"])
    assert keys(look(house.tracker(), fresh).cards) == [paused, elsewhere, fresh]
    called = house.tracker(p0="sev/0", paused='od"d')
    assert keys(look(called).cards) == []


@pytest.mark.parametrize("product", PRODUCTS)
def test_issue_that_is_gone_does_not_hide_the_others(start: Start, product: Product) -> None:
    house = start(product)
    doing, gone, moved = issues(house, "In Progress", "In Progress", "In Progress")
    house.jira.delete_issue(gone, "alice")
    new = house.jira.move(moved, "alice", "WEB")
    board = look(house.tracker(), gone, doing, moved, "HR-7", "17")
    assert keys(board.cards) == [doing]
    assert new not in keys(board.cards)


def test_search_that_knows_an_issue_by_its_old_key(start: Start) -> None:
    house = start()
    moved = issues(house, "In Progress")[0]
    house.jira.search_lag = 60
    new = house.jira.move(moved, "alice", "WEB")
    assert keys(look(house.tracker(), new).cards) == []


def test_sub_query_hides_what_it_hides_on_the_board(start: Start) -> None:
    house = start()
    shown, hidden = issues(house, "In Progress", "In Progress")
    house.jira.set_labels(hidden, "bob", ["released"])
    board = house.jira.world.boards[81]
    house.jira.world.boards[81] = replace(board, sub_query='labels not in (released) or labels in ("on (x) board")')
    assert keys(look(house.tracker(), shown, hidden).cards) == [shown]


def test_filter_that_is_not_shared_stops_the_board_but_not_the_tracker(start: Start) -> None:
    house = start()
    key = issues(house, "In Progress")[0]
    board = house.jira.world.boards[81]
    house.jira.world.boards[81] = replace(board, shared_with=frozenset({"alice"}))
    tracker = house.tracker()
    for also in ([], [key]):
        with pytest.raises(ValueError, match="shares the filter 10040 with the integrator's account"):
            look(tracker, *also)


def test_board_that_cannot_be_read_shows_what_is_labelled(start: Start) -> None:
    house = start()
    doing, p0 = issues(house, "In Progress", "In Progress")
    house.jira.set_labels(p0, "bob", ["P0"])
    del house.jira.world.boards[81]
    assert there(look(house.tracker(), doing)) == [(p0, None)]
    assert house.tracker(board=None).board(BOARD, [ref(p0)]) is None


@pytest.mark.parametrize("product", PRODUCTS)
def test_sub_tasks_count_unless_the_board_says_otherwise(start: Start, product: Product) -> None:
    house = start(product)
    project = house.jira.world.projects["OPS"]
    house.jira.world.projects["OPS"] = replace(project, levels={"10002": -1})
    sub, paused = issues(house, "In Progress", "Backlog")
    house.jira.set_labels(paused, "bob", ["paused-by-emergency"])
    task = house.jira.create_issue("OPS", "bob", "a task", issue_type="Task")
    house.jira.transition(task, "bob", "In Progress")
    assert keys(look(house.tracker()).cards) == [sub, paused, task]
    board = house.jira.world.boards[81]
    house.jira.world.boards[81] = replace(board, constraint="issueCountExclSubs")
    assert keys(look(house.tracker()).cards) == [paused, task]


@pytest.mark.parametrize("product", PRODUCTS)
def test_projects_that_are_not_connected_count_and_are_hidden(start: Start, product: Product) -> None:
    house = start(product, projects=("OPS", "HR"))
    board = house.jira.world.boards[81]
    house.jira.world.boards[81] = replace(board, projects=("OPS", "HR"))
    ours, secret = issues(house, "In Progress")[0], issues(house, "In Progress", project="HR")[0]
    backlog = issues(house, "Backlog", project="HR")[0]
    cards = look(house.tracker(projects=["OPS"]), backlog).cards
    assert [(card.id, card.kind, card.title, card.issue is None) for card in cards] == [
        (ours, Kind.ISSUE, "to In Progress", False),
        (secret, Kind.HIDDEN, "", True),
    ]
    assert cards[1].card.column is Column.IN_PROGRESS


@pytest.mark.broken_answers
def test_answer_that_makes_no_sense_counts_and_is_never_moved() -> None:
    site = "https://acme.atlassian.net/rest"
    columns = [{"name": "In Progress", "statuses": [{"id": "3"}]}, {"name": "Backlog", "statuses": []}]
    config = {"columnConfig": {"columns": columns}, "filter": {"id": "x) OR (1"}, "ranking": {"rankCustomFieldId": "?"}}
    shapes = [
        {"status": {"id": "3"}},
        {"status": {"id": "9"}},
        {"status": "3"},
        {},
        {"status": {"id": "3"}, "labels": 7},
    ]
    found = [{"id": str(n), "key": f"OPS-{n}", "fields": fields} for n, fields in enumerate(shapes, 1)]
    with responses.RequestsMock(assert_all_requests_are_fired=False) as api:
        api.get(f"{site}/agile/1.0/board/81/configuration", json=config)
        named = [{"key": raw["key"]} for raw in found]
        search = api.post(f"{site}/api/2/search/jql", json={"issues": [*named, {"key": "odd"}], "isLast": True})
        api.post(f"{site}/api/2/issue/bulkfetch", json={"issues": found, "issueErrors": []})
        api.get(f"{site}/api/2/issue/odd", status=404)
        api.get(f"{site}/api/2/myself", json={"accountId": "me"})
        tracker = JiraTracker(
            name="jira",
            url="https://acme.atlassian.net",
            projects=["OPS"],
            auth=Basic("bot", "t"),
            clock=lambda: START,
            board=81,
        )
        board = tracker.board(BOARD, [])
        assert "x) OR (1" not in str(search.calls[0].request.body)
    assert board is not None
    assert [(card.id, card.kind) for card in board.cards] == [("OPS-1", Kind.HIDDEN), ("OPS-5", Kind.HIDDEN)]


def test_move_back_prefers_the_status_it_came_from_and_never_one_that_no_column_shows(start: Start) -> None:
    house = start()
    key = house.jira.create_issue("OPS", "alice", "x")
    without_column(house.jira, "Review")
    board = house.jira.world.boards[81]
    backlog = BoardColumn("Backlog", ("10001", "10005"))
    house.jira.world.boards[81] = replace(board, columns=(backlog, *board.columns[1:3]))
    for status in ("Emergency Queue", "In Progress"):
        house.jira.transition(key, "bob", status)
    tracker = house.tracker()
    issue = read(tracker, key)
    assert issue.card is not None
    assert (issue.card.left, Column.REVIEW in issue.card.barred) == (Column.BACKLOG, True)
    outcome = tracker.apply({ref(key): [MoveTo(Column.BACKLOG, ()), MoveTo(Column.REVIEW, ())]}, lambda: True)[ref(key)]
    assert house.jira.issue(key).status == "Emergency Queue"
    assert [change for change, _ in outcome.failed] == [MoveTo(Column.REVIEW, ())]


LAYOUT = {column: column.value for column in Column}
SHOWS = (Shown("In Progress", ("3",)), Shown("Review", ()), Shown("Emergency Queue", ("4", "5")))
QUERIES = [
    (
        JiraBoard(81, SHOWS, filter="10040", sub_query="fixVersion is EMPTY"),
        ["OPS-1"],
        '(filter = 10040 AND (fixVersion is EMPTY) AND (status in ("3", "4", "5") OR key in ("OPS-1"))) OR '
        '(project in ("OPS") AND labels in ("P0") AND statusCategory != Done) ORDER BY key ASC',
    ),
    (
        JiraBoard(81, (), filter="10040"),
        [],
        '(project in ("OPS") AND labels in ("P0") AND statusCategory != Done) ORDER BY key ASC',
    ),
    (
        JiraBoard(81, SHOWS, filter='1" OR "1'),
        [],
        '(project in ("OPS") AND (status in ("3", "4", "5"))) OR '
        '(project in ("OPS") AND labels in ("P0") AND statusCategory != Done) ORDER BY key ASC',
    ),
]


@pytest.mark.parametrize(("board", "also", "expected"), QUERIES)
def test_query(board: JiraBoard, also: Sequence[str], expected: str) -> None:
    assert board_query(Layout(board, LAYOUT), also, ["OPS"], ["P0"]) == expected


def test_hundreds_of_cards_are_read_a_hundred_at_a_time(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    there_are = issues(house, *["In Progress"] * 130)
    look(tracker)
    house.asked()
    board = look(tracker, *there_are)
    assert keys(board.cards) == there_are
    assert house.asked() == ["POST search/jql", "POST issue/bulkfetch", "POST issue/bulkfetch"]
    assert isinstance(board.cards[0].issue, Issue)
    assert isinstance(board.cards[0].issue.ref, IssueRef)
