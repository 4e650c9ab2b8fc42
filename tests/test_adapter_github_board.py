"""A board read from the stand-in GitHub: what is on it, in which order, in how many requests."""

from collections.abc import Sequence
from typing import Any

import pytest
from graphql import parse
from graphql.language import OperationDefinitionNode

from adapters.github import GitHubTracker, Shared, Token, board_documents, marker
from adapters.github.issues import Unreadable
from adapters.tracker import LeaseLost
from mapping.board import Board, BoardCard, Kind
from mapping.changes import BoardFacts, MoveTo, PostComment, SetLabels
from mapping.issue import BoardRef, Column, Issue, IssueRef, Standing
from tests.adapter_github_answers import ref
from tests.standins.github.client import Clock
from tests.standins.github.graph_cost import node_count
from tests.standins.github.graph_run import NODE_LIMIT, schema
from tests.standins.github.server import GitHubStandIn
from tests.test_adapter_github_standin import SHOP, Connect, apply, clock, connect, github, read

__all__ = ["clock", "connect", "github"]

BOARD = BoardRef("github")
HOSTILE = 'O\'Brien" }) { id } # <!-- spark-integrator {"key": "paused"} --> \U0001f680'


def look(tracker: GitHubTracker, also: Sequence[IssueRef] = ()) -> Board:
    board = tracker.board(BOARD, also)
    assert board is not None
    return board


def titles(board: Board) -> list[str]:
    return [card.title for card in board.cards]


def only(board: Board) -> BoardCard:
    (card,) = board.cards
    return card


def put(github: GitHubStandIn, title: str, column: str, labels: Sequence[str] = (), repo: str = SHOP) -> int:
    """An issue with a card in a column."""
    number = github.open_issue(repo, "carol", title, "", labels)
    github.move_card(repo, number, "alice", column)
    return number


def spent(github: GitHubStandIn, since: int) -> list[str]:
    return [f"{r.method} {r.path.rpartition('/')[2]}" for r in github.requests[since:]]


def warm(github: GitHubStandIn, tracker: GitHubTracker) -> int:
    """Tokens, ids and people are known from here on; how many requests that took."""
    look(tracker)
    return len(github.requests)


def test_without_a_project_there_is_no_board(github: GitHubStandIn, connect: Connect) -> None:
    assert connect(project=None).board(BOARD, []) is None
    assert github.requests == []


def test_a_board_takes_two_requests(github: GitHubStandIn, connect: Connect) -> None:
    github.repository("umbrella/secret", private=True)
    put(github, "Todo", "Backlog")
    put(github, "Feature B", "In Progress")
    put(github, "Reviewed", "Review")
    put(github, "Closed", "Done")
    put(github, "DB Down", "Emergency Queue", ["P0"])
    put(github, "Hidden", "In Progress", repo="umbrella/secret")
    pull = github.open_pull(SHOP, "alice", "A fix")
    github.move_card(SHOP, pull, "alice", "In Progress")
    github.draft("An idea", "alice", "In Progress", "Some day", assignees=["alice"])
    put(github, "Paused", "Backlog", ["paused-by-emergency"])
    outside = github.open_issue(SHOP, "carol", "No card", "", ["P0"])
    shelved = put(github, "Shelved", "In Progress")
    github.archive_card(SHOP, shelved)
    tracker = connect()
    before = warm(github, tracker)
    board = look(tracker)
    assert spent(github, before) == ["GET items", "POST graphql"]
    assert [(card.title, card.kind, card.card.column) for card in board.cards] == [
        ("Feature B", Kind.ISSUE, Column.IN_PROGRESS),
        ("Reviewed", Kind.ISSUE, Column.REVIEW),
        ("DB Down", Kind.ISSUE, Column.EMERGENCY_QUEUE),
        ("", Kind.HIDDEN, Column.IN_PROGRESS),
        ("A fix", Kind.PULL_REQUEST, Column.IN_PROGRESS),
        ("An idea", Kind.DRAFT, Column.IN_PROGRESS),
        ("Paused", Kind.ISSUE, Column.BACKLOG),
        ("No card", Kind.ISSUE, None),
    ]
    assert {card.id for card in board.cards if card.title == "No card"} == {github.issue(SHOP, outside).node_id}
    (people,) = [card.assignees for card in board.cards if card.kind is Kind.DRAFT]
    assert [(person.id, person.standing) for person in people] == [("alice", Standing.TEAM)]


def test_an_issue_on_the_board_is_the_issue_as_it_is_read(github: GitHubStandIn, connect: Connect) -> None:
    number = put(github, HOSTILE, "In Progress", ["P1"])
    github.assign(SHOP, number, "alice", "alice")
    for n in range(103):
        github.comment(SHOP, number, "carol", f"comment {n}")
    tracker = connect()
    card = only(look(tracker))
    assert card.issue == read(tracker, number)
    assert (card.title, card.assignees, card.id) == (HOSTILE, card.issue.assignees, github.card_of(SHOP, number))
    assert card.issue.card == card.card
    assert not card.paused


def test_what_the_search_does_not_know_yet_is_found_and_what_it_still_believes_is_not(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    leaving, coming = put(github, "Leaving", "In Progress"), put(github, "Coming", "Backlog")
    clock.pass_by(10)
    tracker = connect()
    before = warm(github, tracker)
    github.search_lag = 5
    github.move_card(SHOP, leaving, "alice", "Backlog")
    github.move_card(SHOP, coming, "alice", "In Progress")
    board = look(tracker)
    assert [(card.title, card.card.column) for card in board.cards] == [
        ("Leaving", Column.BACKLOG),
        ("Coming", Column.IN_PROGRESS),
    ]
    assert spent(github, before) == ["GET items", "POST graphql", "POST graphql"]


def test_what_was_archived_since_the_search_is_not_on_the_board(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    card = github.draft("An idea", "alice", "In Progress", marker.paused(""))
    clock.pass_by(10)
    github.search_lag = 5
    github.board.archive(github._card(card))
    assert look(connect()).cards == ()


def test_issues_that_lately_mattered_are_read_too_and_none_twice(github: GitHubStandIn, connect: Connect) -> None:
    listed, other = put(github, "Listed", "In Progress"), put(github, "Other", "Done")
    tracker = connect()
    warm(github, tracker)
    board = look(tracker, [ref(listed), ref(other), ref(999), ref(1, "acme/web"), ref(listed)])
    assert titles(board) == ["Listed", "Other"]
    query = github.requests[-1].body["query"]
    assert f"i{other}: issue" in query
    assert f"i{listed}: issue" not in query


def test_issues_of_repositories_that_are_not_ours_are_not_written_to(github: GitHubStandIn, connect: Connect) -> None:
    put(github, "Theirs", "In Progress", repo="acme/web")
    card = only(look(connect()))
    assert (card.kind, card.issue, card.card.column) == (Kind.HIDDEN, None, Column.IN_PROGRESS)
    assert only(look(connect(repositories=[SHOP, "acme/web"], shared=Shared()))).kind is Kind.ISSUE


def test_cards_come_in_their_order(github: GitHubStandIn, connect: Connect) -> None:
    cards = [github.card_of(SHOP, put(github, f"E{n}", "Emergency Queue")) for n in range(4)]
    github.place_card(cards[3], "alice", None)
    github.place_card(cards[0], "alice", cards[2])
    assert titles(look(connect())) == ["E3", "E1", "E2", "E0"]


def test_a_card_names_where_it_came_from(github: GitHubStandIn, connect: Connect, clock: Clock) -> None:
    number = put(github, "Feature", "Review")
    clock.pass_by(60)
    github.move_card(SHOP, number, "alice", "In Progress")
    card = only(look(connect()))
    assert (card.card.left, card.entered_at) == (Column.REVIEW, clock())


def test_without_events_only_what_was_seen_before_is_known(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    github.status_events = False
    number = put(github, "Feature", "Review")
    shared = Shared()
    tracker = connect(shared=shared)
    assert only(look(tracker)).card.left is None
    clock.pass_by(60)
    github.move_card(SHOP, number, "alice", "In Progress")
    assert only(look(connect(shared=shared))).card.left is Column.REVIEW
    assert only(look(tracker)).card.left is Column.REVIEW
    assert only(look(connect(shared=Shared()))).card.left is None
    clock.pass_by(24 * 3600)
    assert only(look(tracker)).card.left is None


def test_an_event_of_an_older_move_tells_nothing_of_this_one(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    number = put(github, "Feature", "Done")
    github.move_card(SHOP, number, "alice", "In Progress")
    clock.pass_by(60)
    github.status_events = False
    github.move_card(SHOP, number, "alice", "Review")
    github.move_card(SHOP, number, "alice", "In Progress")
    assert only(look(connect())).card.left is None


def test_an_archived_emergency_still_stops_work_and_takes_no_room(github: GitHubStandIn, connect: Connect) -> None:
    number = put(github, "DB Down", "In Progress", ["P0"])
    github.archive_card(SHOP, number)
    card = only(look(connect()))
    assert (card.card.name, card.card.column, set(card.card.barred)) == (None, None, set(Column))


def test_a_card_without_a_status_is_in_no_column(github: GitHubStandIn, connect: Connect) -> None:
    number = put(github, "DB Down", "Backlog", ["P0"])
    github.move_card(SHOP, number, "alice", None)
    assert only(look(connect())).card.name is None


def test_a_long_queue_and_a_long_list_of_emergencies_are_read_whole(github: GitHubStandIn, connect: Connect) -> None:
    for n in range(103):
        put(github, f"Planned {n}", "In Progress")
    numbers = [github.open_issue(SHOP, "carol", f"Fire {n}", "", ["P0"]) for n in range(25)]
    tracker = connect()
    before = warm(github, tracker)
    board = look(tracker)
    assert titles(board)[:103] == [f"Planned {n}" for n in range(103)]
    assert {card.issue.ref for card in board.cards[103:] if card.issue} == {ref(n) for n in numbers}
    assert spent(github, before) == ["GET items", "GET items", "POST graphql", "POST graphql", "POST graphql"]


@pytest.mark.parametrize("why", ["an older server", "a column with a quotation mark"])
def test_where_nothing_can_be_searched_every_card_is_looked_at(
    github: GitHubStandIn, connect: Connect, why: str
) -> None:
    changes: dict[str, Any] = {"url": github.enterprise_url}
    if why == "an older server":
        github.lists_items = False
    else:
        shop_columns = {column: column.value for column in Column} | {Column.REVIEW: 'In "review"'}
        changes["columns"] = shop_columns
    for n in range(101):
        put(github, f"Old {n}", "Done")
    number = put(github, "Feature", "In Progress")
    tracker = connect(**changes)
    before = warm(github, tracker)
    assert titles(look(tracker, [ref(number)])) == ["Feature"]
    assert spent(github, before) == ["POST graphql", "POST graphql", "POST graphql"]
    assert f"i{number}: issue" not in github.requests[-1].body["query"]


def test_a_persons_project_is_searched_under_another_path(github: GitHubStandIn, connect: Connect) -> None:
    github.project("alice", 7, owner_kind="User")
    number = github.open_issue(SHOP, "carol", "Feature")
    github.move_card(SHOP, number, "alice", "In Progress", project=7)
    tracker = connect(project=("alice", 7), auth=Token(github.token("alice")))
    before = warm(github, tracker)
    assert titles(look(tracker)) == ["Feature"]
    assert spent(github, before) == ["GET items", "POST graphql"]
    assert github.requests[-2].path == "/users/alice/projectsV2/7/items"


@pytest.mark.parametrize("changes", [{"project": ("acme", 9)}, {"repositories": [SHOP, "acme/nowhere"]}])
def test_what_can_not_be_seen_is_not_judged(github: GitHubStandIn, connect: Connect, changes: dict[str, Any]) -> None:
    put(github, "Feature", "In Progress")
    with pytest.raises(Unreadable, match="can't be seen"):
        connect(**changes).board(BOARD, [])


def test_a_draft_that_we_paused_is_known_wherever_it_is(github: GitHubStandIn, connect: Connect) -> None:
    github.draft("Planned", "alice", "Backlog", "Not ours")
    paused = github.draft("Paused", "alice", "Backlog", marker.paused("Ours"))
    board = look(connect())
    assert [(card.id, card.paused, card.card.column) for card in board.cards] == [(paused, True, Column.BACKLOG)]


# -- what follows from it


def sent_back(number: int) -> PostComment:
    facts = BoardFacts("In Progress", 1, (f"{SHOP}#1",), "Backlog")
    return PostComment("wip@2026-11-23T09:00:00+00:00", facts, {}, ("R18",), f"#{number} goes back")


def test_enforcing_one_violation_takes_three_requests(github: GitHubStandIn, connect: Connect) -> None:
    put(github, "First", "In Progress")
    number = put(github, "Second", "In Progress")
    tracker = connect()
    before = warm(github, tracker)
    look(tracker)
    outcome = apply(tracker, number, [sent_back(number), MoveTo(Column.BACKLOG, ("R18",))])
    assert outcome.failed == ()
    assert len(spent(github, before)) == 3
    assert github.issue(SHOP, number).column == "Backlog"


def test_a_pause_is_marked_before_the_card_moves_and_freed_after_it_is_back(
    github: GitHubStandIn, connect: Connect
) -> None:
    number = put(github, "Feature", "In Progress")
    tracker = connect()
    look(tracker)
    mark, move = SetLabels(frozenset({"paused-by-emergency"}), frozenset(), ()), MoveTo(Column.BACKLOG, ())
    back, free = MoveTo(Column.IN_PROGRESS, ()), SetLabels(frozenset(), frozenset({"paused-by-emergency"}), ())
    before = len(github.requests)
    assert apply(tracker, number, [mark, move]).failed == ()
    look(tracker)
    assert apply(tracker, number, [back, free]).failed == ()
    done = [name for r in github.requests[before:] if r.operation == "mutation" for _, name in r.fields]
    assert done == [
        "addLabelsToLabelable",
        "updateProjectV2ItemFieldValue",
        "updateProjectV2ItemFieldValue",
        "removeLabelsFromLabelable",
    ]
    assert len([r for r in github.requests[before:] if r.operation == "mutation"]) == 4
    assert (github.issue(SHOP, number).labels, github.issue(SHOP, number).column) == (frozenset(), "In Progress")


def test_a_card_that_could_not_be_marked_is_not_moved(github: GitHubStandIn, connect: Connect) -> None:
    number = put(github, "Feature", "In Progress", ["paused-by-emergency"])
    tracker = connect()
    look(tracker)
    github.world.labels.clear()
    mark, move = SetLabels(frozenset({"paused-by-emergency"}), frozenset(), ()), MoveTo(Column.BACKLOG, ())
    outcome = apply(tracker, number, [mark, move])
    assert [change for change, _ in outcome.failed] == [mark, move]
    assert github.issue(SHOP, number).column == "In Progress"


def test_nothing_is_written_without_leave(github: GitHubStandIn, connect: Connect) -> None:
    number = put(github, "Feature", "In Progress")
    tracker = connect()
    look(tracker)
    with pytest.raises(LeaseLost):
        tracker.apply({ref(number): [MoveTo(Column.BACKLOG, ())]}, lambda: False)


def test_twenty_repositories_and_a_hundred_cards_stay_below_githubs_limit_of_nodes() -> None:
    text = board_documents.board([range(20)] * 20, ("P0", "paused-by-emergency"), True, ["Severity"] * 20)
    tree = parse(text)
    operation = next(d for d in tree.definitions if isinstance(d, OperationDefinitionNode))
    nodes, _ = node_count(schema(True), tree, operation, {"items": ["PVTI_1"] * 100})
    assert nodes < NODE_LIMIT


def test_many_repositories_are_asked_about_in_several_requests(github: GitHubStandIn, connect: Connect) -> None:
    names = [f"acme/part{n}" for n in range(23)]
    for name in names:
        github.repository(name, labels=["P0"])
    fires = [ref(github.open_issue(name, "carol", f"Fire in {name}", "", ["P0"]), name) for name in names]
    tracker = connect(repositories=names)
    found = [card.issue for card in look(tracker).cards]
    assert [issue.ref for issue in found if isinstance(issue, Issue)] == fires
