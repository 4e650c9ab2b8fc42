"""Drafts moved and marked, emergencies put in order, on the stand-in GitHub."""

from typing import Any

import pytest

from adapters.github import App, GitHubTracker, Shared, marker
from adapters.tracker import LeaseLost, Outcome, RateLimited, Unreachable
from mapping.changes import MoveCard, PlaceCard
from mapping.issue import BoardRef, Column
from tests.standins.github.faults import Kind
from tests.standins.github.server import GitHubStandIn
from tests.test_adapter_github_apply import always
from tests.test_adapter_github_board import look, put
from tests.test_adapter_github_standin import SHOP, Connect, clock, connect, github

__all__ = ["clock", "connect", "github"]

BOARD = BoardRef("github")
BODIES = [
    "",
    "Some day",
    "Ends with a line\n",
    "windows\r\n\r\n",
    "## A title\n\n- [ ] a box  ",
    "x" * 60_000,
    "\U0001f680",
]


def arrange(tracker: GitHubTracker, *changes: MoveCard | PlaceCard) -> Outcome:
    return tracker.arrange(BOARD, changes, always)


def paused(card: str, column: Column = Column.BACKLOG) -> MoveCard:
    return MoveCard(card, column, True, ("R33",))


def resumed(card: str, column: Column = Column.IN_PROGRESS) -> MoveCard:
    return MoveCard(card, column, False, ("R33",))


def mutations(github: GitHubStandIn) -> list[list[str]]:
    return [[name for _, name in r.fields] for r in github.requests if r.operation == "mutation"]


def test_a_draft_goes_back_in_one_request_after_the_board_was_read(github: GitHubStandIn, connect: Connect) -> None:
    card = github.draft("An idea", "alice", "In Progress", "Some day")
    tracker = connect()
    look(tracker)
    before = len(github.requests)
    outcome = arrange(tracker, MoveCard(card, Column.BACKLOG, False, ("R18",)))
    assert (outcome.failed, len(github.requests) - before) == ((), 1)
    assert (github.card(card).column, github.card(card).body) == ("Backlog", "Some day")


@pytest.mark.parametrize("body", BODIES)
def test_a_pause_leaves_the_text_of_a_draft_as_it_was(github: GitHubStandIn, connect: Connect, body: str) -> None:
    card = github.draft("An idea", "alice", "In Progress", body)
    tracker = connect()
    look(tracker)
    before = len(github.requests)
    assert arrange(tracker, paused(card)).failed == ()
    assert len(github.requests) - before == 2
    assert github.card(card).column == "Backlog"
    assert marker.is_paused(github.card(card).body or "")
    (seen,) = look(tracker).cards
    assert (seen.paused, seen.card.column) == (True, Column.BACKLOG)
    assert arrange(tracker, resumed(card)).failed == ()
    assert (github.card(card).column, github.card(card).body) == ("In Progress", body)


def test_what_people_wrote_during_a_pause_stays(github: GitHubStandIn, connect: Connect) -> None:
    card = github.draft("An idea", "alice", "In Progress", "Before")
    tracker = connect()
    look(tracker)
    arrange(tracker, paused(card))
    github.edit_draft(card, "alice", (github.card(card).body or "") + "\nAfter")
    look(tracker)
    assert arrange(tracker, resumed(card)).failed == ()
    assert github.card(card).body == "Before\nAfter"


def test_a_pause_is_marked_first_and_freed_last(github: GitHubStandIn, connect: Connect) -> None:
    card = github.draft("An idea", "alice", "In Progress")
    tracker = connect()
    look(tracker)
    arrange(tracker, paused(card))
    look(tracker)
    arrange(tracker, resumed(card))
    assert mutations(github) == [
        ["updateProjectV2DraftIssue"],
        ["updateProjectV2ItemPosition", "updateProjectV2ItemFieldValue"],
        ["updateProjectV2ItemFieldValue"],
        ["updateProjectV2DraftIssue"],
    ]


def test_a_draft_that_can_not_be_marked_is_not_moved(github: GitHubStandIn, connect: Connect) -> None:
    card = github.draft("An idea", "alice", "In Progress", "x" * 65_500)
    tracker = connect()
    look(tracker)
    ((change, why),) = arrange(tracker, paused(card)).failed
    assert "too long" in why
    assert isinstance(change, MoveCard)
    assert (github.card(card).column, len(github.card(card).body or "")) == ("In Progress", 65_500)


def test_only_the_mark_is_written_where_the_card_stays(github: GitHubStandIn, connect: Connect) -> None:
    card = github.draft("An idea", "alice", "In Progress")
    tracker = connect()
    look(tracker)
    assert arrange(tracker, paused(card, Column.IN_PROGRESS)).failed == ()
    look(tracker)
    assert arrange(tracker, paused(card, Column.IN_PROGRESS)).failed == ()
    assert mutations(github) == [["updateProjectV2DraftIssue"]]


def test_a_paused_draft_is_found_again_on_a_board_of_any_length(github: GitHubStandIn, connect: Connect) -> None:
    for n in range(120):
        github.draft(f"Idea {n}", "alice", "Backlog")
    card = github.draft("Paused", "alice", "In Progress")
    look(tracker := connect())
    arrange(tracker, paused(card))
    assert [(c.id, c.paused) for c in look(connect(shared=Shared())).cards] == [(card, True)]


def test_a_draft_nobody_remembers_is_read_first(github: GitHubStandIn, connect: Connect) -> None:
    card = github.draft("An idea", "alice", "In Progress", "Text")
    assert arrange(connect(), paused(card)).failed == ()
    assert github.card(card).column == "Backlog"


@pytest.mark.parametrize("what", ["an issue", "archived", "gone"])
def test_what_is_no_draft_is_not_moved(github: GitHubStandIn, connect: Connect, what: str) -> None:
    card = github.draft("An idea", "alice", "In Progress")
    if what == "an issue":
        github.convert_draft(card, "alice", SHOP)
    elif what == "archived":
        github.board.archive(github._card(card))
    else:
        github.board.remove(github._card(card), "alice")
    ((_, why),) = arrange(connect(), paused(card)).failed
    assert why == "it is no draft on the board (any more)"


def test_a_column_that_is_missing_is_named(github: GitHubStandIn, connect: Connect) -> None:
    card = github.draft("An idea", "alice", "In Progress")
    tracker = connect(columns={column: f"My {column.value}" for column in Column})
    ((_, why),) = arrange(tracker, paused(card)).failed
    assert 'no option "My Backlog"' in why


def test_cards_are_put_in_order_in_one_request(github: GitHubStandIn, connect: Connect) -> None:
    first, second, third = (github.card_of(SHOP, put(github, f"E{n}", "Emergency Queue")) for n in range(3))
    look(tracker := connect())
    before = len(github.requests)
    outcome = arrange(tracker, PlaceCard(third, None, ("R20",)), PlaceCard(first, third, ("R20",)))
    assert (outcome.failed, len(github.requests) - before) == ((), 1)
    assert github.order("Emergency Queue") == ["E2", "E0", "E1"]
    assert [card.id for card in look(tracker).cards] == [third, first, second]


def test_an_order_that_the_board_refuses_is_left_as_it_is(github: GitHubStandIn, connect: Connect) -> None:
    github.board.takes_order = False
    _, second = (github.card_of(SHOP, put(github, f"E{n}", "Emergency Queue")) for n in range(2))
    change = PlaceCard(second, None, ("R20",))
    assert arrange(connect(), change).applied == (change,)
    assert github.order("Emergency Queue") == ["E0", "E1"]


def test_an_order_that_we_may_not_change_is_a_failure(github: GitHubStandIn, connect: Connect) -> None:
    app = github.install_app("reader", permissions={"issues": "write", "organization_projects": "read"})
    card = github.card_of(SHOP, put(github, "E0", "Emergency Queue"))
    change = PlaceCard(card, None, ())
    reader = connect(auth=App(app.app_id, app.installation_id, app.private_key))
    assert arrange(reader, change).failed == ((change, "Resource not accessible by integration"),)


def test_a_neighbour_that_is_gone_fails_and_the_others_are_placed(github: GitHubStandIn, connect: Connect) -> None:
    cards = [github.card_of(SHOP, put(github, f"E{n}", "Emergency Queue")) for n in range(3)]
    github.remove_card(SHOP, 1, "alice")
    changes = [PlaceCard(cards[1], cards[0], ()), PlaceCard(cards[2], None, ())]
    outcome = arrange(connect(), *changes)
    assert [change for change, _ in outcome.failed] == changes[:1]
    assert outcome.applied == (changes[1],)
    assert github.order("Emergency Queue") == ["E2", "E1"]


def test_outdated_ids_are_looked_up_again(github: GitHubStandIn, connect: Connect) -> None:
    card = github.draft("An idea", "alice", "In Progress")
    look(tracker := connect())
    status = next(f for f in github._project(1).fields if f.name == "Status")
    github.board.set_options(status, [{"name": o.name, "color": o.color, "description": ""} for o in status.options])
    assert arrange(tracker, MoveCard(card, Column.BACKLOG, False, ())).failed == ()
    assert github.card(card).column == "Backlog"


def test_without_a_board_nothing_is_arranged(github: GitHubStandIn, connect: Connect) -> None:
    change = PlaceCard("PVTI_1", None, ())
    assert arrange(connect(project=None), change).failed == ((change, "no project is connected"),)
    ((_, why),) = arrange(connect(project=("acme", 9)), change).failed
    assert "can't be seen" in why


def test_without_leave_or_rights_nothing_is_arranged(github: GitHubStandIn, connect: Connect) -> None:
    card = github.draft("An idea", "alice", "In Progress")
    look(tracker := connect())
    with pytest.raises(LeaseLost):
        tracker.arrange(BOARD, [paused(card)], lambda: False)
    github.fault(writes, Kind.SECONDARY_LIMIT, retry_after=30)
    with pytest.raises(RateLimited):
        arrange(tracker, paused(card))
    assert github.card(card).body == ""


def test_a_lost_answer_leaves_the_mark_that_the_next_look_finds(github: GitHubStandIn, connect: Connect) -> None:
    card = github.draft("An idea", "alice", "In Progress")
    look(tracker := connect())
    github.fault(writes, Kind.RESET_AFTER)
    with pytest.raises(Unreachable):
        arrange(tracker, paused(card))
    (seen,) = look(tracker).cards
    assert (seen.paused, seen.card.column) == (True, Column.IN_PROGRESS)
    assert arrange(tracker, paused(card)).failed == ()
    assert github.card(card).column == "Backlog"


def writes(_method: str, _path: str, body: Any) -> bool:
    return "mutation" in str(body)
