"""Boards on the stand-in GitHub: drafts, what can't be seen, order, fields of all kinds, and what webhooks hear."""

from typing import Any

import pytest
from github import GithubException

from tests.standins.github.client import Clock, app_client, ask, client, errors
from tests.standins.github.server import GitHubStandIn
from tests.test_standin_github import SHOP, clock, github, ids, mutate

__all__ = ["clock", "github"]

ITEMS = """{ organization(login: "acme") { projectV2(number: 1) { items(first: 20) { nodes {
  id type isArchived content { __typename ... on DraftIssue { title body assignees(first: 5) { nodes { login } } }
    ... on Issue { number } ... on PullRequest { title } }
  fieldValueByName(name: "Status") { ... on ProjectV2ItemFieldSingleSelectValue { name } } } } } } }"""


def items(github: GitHubStandIn, who: str = "alice") -> list[dict[str, Any]]:
    found = ask(client(github, who), ITEMS)["organization"]["projectV2"]["items"]["nodes"]
    assert isinstance(found, list)
    return found


def listed(github: GitHubStandIn, query: str = "", path: str = "/orgs/acme/projectsV2/1/items") -> list[dict[str, Any]]:
    requester = client(github, "alice").requester
    _, rows = requester.requestJsonAndCheck("GET", path, parameters={"q": query} if query else {})
    return list(rows)


def heard(github: GitHubStandIn) -> list[tuple[str, Any]]:
    """Action and changes of everything that was told about cards."""
    told = [d.payload for d in github.deliveries if d.event == "projects_v2_item"]
    return [(payload["action"], payload.get("changes")) for payload in told]


def test_a_board_shows_issues_drafts_pull_requests_and_what_can_not_be_seen(github: GitHubStandIn) -> None:
    github.repository("umbrella/secret", private=True)
    github.grant("umbrella/secret", "alice", "none")
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "Review")
    github.draft("An idea", "alice", "In Progress", "Some day", ["bob"])
    github.move_card(SHOP, github.open_pull(SHOP, "alice", "A fix"), "alice", None)
    github.move_card("umbrella/secret", github.open_issue("umbrella/secret", "carol", "Hidden"), "carol", "Done")
    assert [(row["type"], row["content"] and row["content"]["__typename"]) for row in items(github)] == [
        ("ISSUE", "Issue"),
        ("DRAFT_ISSUE", "DraftIssue"),
        ("PULL_REQUEST", "PullRequest"),
        ("REDACTED", None),
    ]
    assert items(github)[1]["content"] == {
        "__typename": "DraftIssue",
        "title": "An idea",
        "body": "Some day",
        "assignees": {"nodes": [{"login": "bob"}]},
    }
    assert [(row["content_type"], (row["content"] or {}).get("title")) for row in listed(github)] == [
        ("Issue", "Down"),
        ("DraftIssue", "An idea"),
        ("PullRequest", "A fix"),
        ("Issue", None),
    ]


def test_cards_are_searched_by_column_label_and_kind(github: GitHubStandIn) -> None:
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "One", "", ["P0"]), "alice", "In Progress")
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "Two"), "alice", "Review")
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "Three"), "alice", "Done")
    github.draft("Four", "alice", "Review")

    def titles(query: str) -> list[str]:
        return [row["content"]["title"] for row in listed(github, query)]

    assert titles('status:"In Progress",Review') == ["One", "Two", "Four"]
    assert titles("label:P0") == ["One"]
    assert titles("-status:Done is:issue") == ["One", "Two"]
    with pytest.raises(GithubException):
        titles("milestone:x")
    github.unexpected.clear()


def test_a_search_is_older_than_a_read(github: GitHubStandIn, clock: Clock) -> None:
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "Review")
    clock.pass_by(10)
    github.search_lag = 5
    github.move_card(SHOP, 1, "alice", "Done")
    github.draft("New", "alice", "Review")
    assert [row["content"]["title"] for row in listed(github, "status:Review")] == ["Down"]
    assert [row["fieldValueByName"]["name"] for row in items(github)] == ["Done", "Review"]
    clock.pass_by(5)
    assert [row["content"]["title"] for row in listed(github, "status:Review")] == ["New"]


def test_a_persons_board_has_a_path_of_its_own_and_an_older_server_none(github: GitHubStandIn) -> None:
    github.project("alice", 7, owner_kind="User")
    github.draft("Mine", "alice", "Review", project=7)
    (row,) = listed(github, "status:Review", "/users/alice/projectsV2/7/items")
    assert row["project_url"].endswith("/users/alice/projectsV2/7")
    assert heard(github) == []
    github.lists_items = False
    for path in ("/orgs/alice/projectsV2/7/items", "/users/acme/projectsV2/1/items", "/orgs/acme/projectsV2/1/items"):
        with pytest.raises(GithubException, match="404"):
            listed(github, path=path)


def test_everything_that_happens_to_a_card_is_told(github: GitHubStandIn) -> None:
    card = github.draft("An idea", "alice", body="Before")
    github.move_draft(card, "alice", "Review")
    github.edit_draft(card, "alice", "After")
    github.edit_draft(card, "alice", "After")
    other = github.draft("Another", "bob")
    github.place_card(other, "bob", None)
    github.place_card(other, "bob", None)
    number = github.convert_draft(card, "alice", SHOP)
    github.archive_card(SHOP, number)
    github.archive_card(SHOP, number, archived=False)
    github.remove_card(SHOP, number, "alice")
    assert [action for action, _ in heard(github)] == [
        "created", "edited", "edited", "created", "reordered", "converted", "archived", "restored", "deleted",
    ]  # fmt: skip
    changes = dict(heard(github)[4:])
    assert changes["reordered"] == {"previous_projects_v2_item_node_id": {"from": card, "to": None}}
    assert changes["converted"] == {"content_type": {"from": "DraftIssue", "to": "Issue"}}
    assert heard(github)[2][1] == {"body": {"from": "Before", "to": "After"}}
    assert [row["content"]["title"] for row in items(github)] == ["Another"]
    assert github.numbers(SHOP) == [number]


def test_a_draft_is_written_by_those_who_may(github: GitHubStandIn) -> None:
    card = github.draft("An idea", "alice", body="Before")
    query = f'{{ node(id: "{card}") {{ ... on ProjectV2Item {{ content {{ ... on DraftIssue {{ id }} }} }} }} }}'
    draft = ask(client(github, "alice"), query)["node"]["content"]["id"]
    mutate(github, "updateProjectV2DraftIssue", "draftIssue { body }", draftIssueId=draft, body="After")
    assert github.card(card).body == "After"
    for who, body in (("bob", "Hers"), ("alice", "x" * 65_537)):
        with pytest.raises(GithubException):
            mutate(github, "updateProjectV2DraftIssue", "draftIssue { id }", who=who, draftIssueId=draft, body=body)
    assert github.card(card).body == "After"


@pytest.mark.parametrize(
    ("kind", "given", "holds"),
    [
        ("TEXT", {"text": "x"}, "x"),
        ("NUMBER", {"number": 2.5}, 2.5),
        ("DATE", {"date": "2026-11-23"}, "2026-11-23"),
        ("SINGLE_SELECT", {"singleSelectOptionId": "P0"}, "P0"),
    ],
)
def test_a_field_takes_its_own_kind_of_value_only(
    github: GitHubStandIn, kind: str, given: dict[str, Any], holds: Any
) -> None:
    github.field("Extra", kind, ["P0"] if kind == "SINGLE_SELECT" else [])
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "Review")
    field = next(f for f in github._project(1).fields if f.name == "Extra")
    known = ids(github, 1)
    place = {"projectId": known["project"], "itemId": known["item"], "fieldId": field.node_id}
    chosen = {key: field.options[0].id if value == "P0" else value for key, value in given.items()}
    mutate(github, "updateProjectV2ItemFieldValue", value=chosen, **place)
    assert github.issue(SHOP, 1).fields["Extra"] == holds
    wrong: dict[str, Any] = {"text": "x"} if kind != "TEXT" else {"number": 1}
    with pytest.raises(GithubException, match="Did not receive"):
        mutate(github, "updateProjectV2ItemFieldValue", value=wrong, **place)
    mutate(github, "clearProjectV2ItemFieldValue", **place)
    assert "Extra" not in github.issue(SHOP, 1).fields


@pytest.mark.parametrize("name", ["Severity", "Title", "Labels"])
def test_a_mirrored_field_and_what_belongs_to_the_issue_are_not_set_on_the_card(
    github: GitHubStandIn, name: str
) -> None:
    github.issue_field("Severity", "single_select", ["P0"], shown_on=1)
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "Review")
    field = next(f for f in github._project(1).fields if f.name == name)
    known = ids(github, 1)
    place = {"projectId": known["project"], "itemId": known["item"], "fieldId": field.node_id}
    with pytest.raises(GithubException, match="can't be updated on a project item"):
        mutate(github, "updateProjectV2ItemFieldValue", value={"text": "P0"}, **place)
    shown = """{ organization(login: "acme") { projectV2(number: 1) { fields(first: 20) { nodes {
      ... on ProjectV2FieldCommon { name } ... on ProjectV2SingleSelectField { options { name } } } } } } }"""
    fields = ask(client(github, "alice"), shown)["organization"]["projectV2"]["fields"]["nodes"]
    assert {"name": "Severity", "options": []} in fields


def test_a_sorted_board_takes_no_order(github: GitHubStandIn) -> None:
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "Review")
    github.board.takes_order = False
    known = ids(github, 1)
    query = """mutation($i: UpdateProjectV2ItemPositionInput!) {
      updateProjectV2ItemPosition(input: $i) { clientMutationId } }"""
    (error,) = errors(client(github, "alice"), query, i={"projectId": known["project"], "itemId": known["item"]})
    assert error["type"] == "UNPROCESSABLE"


def test_views_tell_how_they_are_sorted(github: GitHubStandIn) -> None:
    github.view("Board")
    github.view("By title", "TABLE_LAYOUT", sorted_by="Title")
    query = """{ organization(login: "acme") { projectV2(number: 1) { views(first: 5) { nodes { name layout
      sortByFields(first: 1) { nodes { direction field { ... on ProjectV2FieldCommon { name } } } } } } } } }"""
    assert ask(client(github, "alice"), query)["organization"]["projectV2"]["views"]["nodes"] == [
        {"name": "Board", "layout": "BOARD_LAYOUT", "sortByFields": {"nodes": []}},
        {
            "name": "By title",
            "layout": "TABLE_LAYOUT",
            "sortByFields": {"nodes": [{"direction": "ASC", "field": {"name": "Title"}}]},
        },
    ]


def test_issue_fields_belong_to_the_issue(github: GitHubStandIn) -> None:
    severity = github.issue_field("Severity", "single_select", ["P0", "P1"])
    effort = github.issue_field("Effort", "number")
    number = github.open_issue(SHOP, "carol", "Down")
    requester = app_client(github).requester
    path = f"/repos/{SHOP}/issues/{number}/issue-field-values"

    def send(verb: str, *values: tuple[int, Any]) -> dict[str, Any]:
        body = {"issue_field_values": [{"field_id": field, "value": value} for field, value in values]}
        _, rows = requester.requestJsonAndCheck(verb, path, input=body)
        return {row["issue_field_name"]: row["value"] for row in rows}

    _, fields = requester.requestJsonAndCheck("GET", "/orgs/acme/issue-fields")
    assert [(field["name"], field["data_type"]) for field in fields] == [
        ("Severity", "single_select"),
        ("Effort", "number"),
    ]
    assert send("POST", (severity, "P0")) == {"Severity": "P0"}
    assert send("POST", (effort, 3)) == {"Severity": "P0", "Effort": 3}
    assert send("PUT", (severity, "P1")) == {"Severity": "P1"}
    with pytest.raises(GithubException, match="422"):
        send("POST", (severity, "P9"))
    assert send("POST") == {}
    send("POST", (effort, 3))
    requester.requestJsonAndCheck("DELETE", f"{path}/{effort}")
    with pytest.raises(GithubException, match="404"):
        requester.requestJsonAndCheck("DELETE", f"{path}/{effort}")
    told = [d.action for d in github.deliveries if d.action.startswith("field_")]
    assert told == [
        "field_added",
        "field_added",
        "field_added",
        "field_removed",
        "field_removed",
        "field_added",
        "field_removed",
    ]
