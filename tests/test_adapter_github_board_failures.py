"""A board that GitHub doesn't show as it should: what can't be known is not judged, what is slow is asked in parts."""

import re
from typing import Any

import pytest

from adapters.github.issues import Unreadable
from adapters.tracker import Unreachable
from mapping.board import Board, Kind
from mapping.issue import BoardRef, Column, IssueRef
from tests.adapter_github_answers import (
    API,
    OPTIONS,
    SHOP,
    GitHub,
    Json,
    Reply,
    actor,
    board,
    connection,
    field,
    issue,
    labels,
    ref,
    scripted,
    tracker,
)

WHEN = "2026-11-23T08:25:00Z"
SLOW: Any = (502, {}, {"message": "Server Error"})
DOWN = {"type": None, "path": ["items", 0], "message": "Something went wrong while executing your query."}


def item(name: str, content: Json | None, status: str | None = "In Progress", **changes: Any) -> Json:
    """A card as the request for the board shows it."""
    value = {"name": status, "updatedAt": WHEN} if status else None
    plain = {"id": name, "isArchived": False, "project": {"id": "PVT_1"}, "fieldValueByName": value}
    return plain | {"content": content} | changes


def on_card(number: int, repository: str = SHOP) -> Json:
    """The issue on a card."""
    return {"__typename": "Issue", **issue(number), "repository": {"nameWithOwner": repository}}


def draft(name: str, body: str = "") -> Json:
    return {
        "__typename": "DraftIssue",
        "id": name,
        "title": "An idea",
        "body": body,
        "assignees": {"nodes": [actor("alice"), None]},
    }


def at_top(card: Json) -> Json:
    """A card as the top of the board shows it: of drafts all, of others only that they are there."""
    content = card["content"]
    is_draft = content is not None and content["__typename"] == "DraftIssue"
    return card | {"content": content if is_draft else content and {"__typename": content["__typename"]}}


def answer(*items: Json | None, top: tuple[Json, ...] = (), repository: Json | None = None) -> Json:
    """The answer to the request for a board of one repository."""
    shown = board()
    shown["projectV2"]["items"] = {"nodes": [at_top(card) for card in top]}
    plain = {"nameWithOwner": SHOP, "labels": labels("P0"), "l0": connection([]), "l1": connection([])}
    found = plain | (repository or {})
    return {"data": {"viewer": {"login": "spark-bot"}, "board": shown, "items": list(items), "r0": found}}


def listing(github: GitHub, *items: str) -> None:
    """What the search finds."""
    rows = [
        {"id": 1, "node_id": name, "content_type": "DraftIssue", "content": None, "created_at": WHEN,
         "updated_at": WHEN, "archived_at": None}
        for name in items
    ]  # fmt: skip
    github.mock.get(f"{API}/orgs/acme/projectsV2/1/items", json=rows)


def looking(*answers: Any, listed: tuple[str, ...] = (), also: tuple[IssueRef, ...] = (), **changes: Any) -> Board:
    with scripted() as github:
        listing(github, *listed)
        github.people("alice").will(*answers)
        found = tracker(**changes).board(BoardRef("github"), also)
    assert found is not None
    return found


def part_of(body: Json) -> Reply:
    """The cards that a request for a few of them asks for."""
    return {"data": {"items": [item(name, draft(f"DI_{name}")) for name in body["variables"]["items"]]}}


def test_what_is_gone_since_or_can_not_be_seen() -> None:
    hidden = item("PVTI_2", None)
    gone = {"type": "NOT_FOUND", "path": ["items", 0], "message": "Could not resolve to a node"}
    barred = {"type": "FORBIDDEN", "path": ["items", 1, "content"], "message": "Resource protected by SAML"}
    reply = answer(None, hidden) | {"errors": [gone, barred]}
    (card,) = looking(reply, listed=("PVTI_1", "PVTI_2")).cards
    assert (card.id, card.kind, card.title, card.card.column) == ("PVTI_2", Kind.HIDDEN, "", Column.IN_PROGRESS)


def test_an_issue_that_mattered_and_is_gone_is_left_out() -> None:
    gone = {"type": "NOT_FOUND", "path": ["r0", "i7"], "message": "Could not resolve to an Issue"}
    assert looking(answer(repository={"i7": None}) | {"errors": [gone]}, also=(ref(7),)).cards == ()


@pytest.mark.parametrize("path", [["items", 0, "content"], ["r0", "l0"], ["board", "projectV2", "items"]])
def test_what_github_failed_on_is_not_judged(path: list[Any]) -> None:
    error = {"type": "INTERNAL", "path": path, "message": "oops"}
    with pytest.raises(Unreadable, match="oops"):
        looking(answer(item("PVTI_1", None)) | {"errors": [error]}, listed=("PVTI_1",))


def test_a_repository_that_can_not_be_seen_leaves_the_board_alone() -> None:
    error = {"type": "FORBIDDEN", "path": ["r0"], "message": "SAML"}
    reply = answer() | {"errors": [error]}
    reply["data"]["r0"] = None
    with pytest.raises(Unreadable, match=r"acme/shop can't be seen .*SAML"):
        looking(reply)


def test_a_project_without_the_field_leaves_the_board_alone() -> None:
    reply = answer()
    reply["data"]["board"]["projectV2"]["field"] = {}
    with pytest.raises(Unreadable, match="no single select field Status"):
        looking(reply)


@pytest.mark.broken_answers
@pytest.mark.parametrize("slow", [SLOW, answer(item("PVTI_1", None)) | {"errors": [DOWN]}])
def test_a_board_that_takes_too_long_is_asked_for_in_parts(slow: Any) -> None:
    names = tuple(f"PVTI_{n}" for n in range(4))
    found = looking(slow, answer(), slow_items, part_of, part_of, listed=names)
    assert [card.id for card in found.cards] == list(names)
    with pytest.raises(Unreachable):
        looking(SLOW)
    with pytest.raises(Unreachable):
        looking(SLOW, answer(), SLOW, listed=("PVTI_1",))


def slow_items(body: Json) -> Reply:
    assert len(body["variables"]["items"]) == 4
    return SLOW  # type: ignore[no-any-return]


def test_the_top_of_the_board_tells_of_cards_that_the_search_missed() -> None:
    late, done = item("PVTI_2", on_card(8)), item("PVTI_3", on_card(9), "Done")
    put_aside = item("PVTI_4", draft("DI_4", 'Text\n\n<!-- spark-integrator {"key": "paused"} -->'), "Backlog")
    shelved = item("PVTI_5", draft("DI_5"), isArchived=True)
    follow_up = {"data": {"items": [late]}}
    found = looking(
        answer(item("PVTI_1", on_card(7)), top=(done, put_aside, late, shelved)), follow_up, listed=("PVTI_1",)
    )
    assert [(card.id, card.kind, card.paused) for card in found.cards] == [
        ("PVTI_4", Kind.DRAFT, True),
        ("PVTI_2", Kind.ISSUE, False),
        ("PVTI_1", Kind.ISSUE, False),
    ]


@pytest.mark.broken_answers
def test_a_host_without_events_of_moves_is_asked_without_them() -> None:
    no = {"message": "Field 'x' doesn't exist: PROJECT_V2_ITEM_STATUS_CHANGED_EVENT"}
    with scripted() as github:
        listing(github)
        github.people().will({"errors": [no]}, answer())
        assert tracker().board(BoardRef("github"), []) is not None
    assert [bool(re.search("STATUS_CHANGED", query)) for query in github.queries] == [True, False]


@pytest.mark.broken_answers
def test_a_search_that_may_not_be_made_is_no_reason_to_look_at_every_card() -> None:
    with scripted() as github:
        github.mock.get(f"{API}/orgs/acme/projectsV2/1/items", json={"message": "Validation Failed"}, status=422)
        with pytest.raises(Exception, match="Validation Failed"):
            tracker().board(BoardRef("github"), [])


def test_fields_are_asked_for_as_the_project_spells_them() -> None:
    reply = answer(item("PVTI_1", on_card(7), f0=None, f1=None))
    reply["data"]["items"][0]["content"]["projectItems"] = {"nodes": []}
    reply["data"]["board"] = board(OPTIONS, [field("severity", "SINGLE_SELECT", ["P0"])])
    reply["data"]["board"]["projectV2"]["items"] = {"nodes": []}
    again = answer(item("PVTI_1", on_card(7), f0={"name": "P0"}))
    again["data"]["board"] = reply["data"]["board"]
    with scripted() as github:
        listing(github, "PVTI_1")
        github.mock.get(f"{API}/orgs/acme/issue-fields", json=[])
        github.people().will(reply, again)
        found = tracker(fields=["Severity", "ETA"]).board(BoardRef("github"), [])
    assert found is not None
    (card,) = found.cards
    assert card.issue is not None
    assert card.issue.fields == {"Severity": "P0"}
    assert 'f0: fieldValueByName(name: "severity")' in github.queries[1]
    assert "f1:" not in github.queries[1]
