"""The stand-in GitHub, driven by the real PyGithub, behaves as GitHub does; every exchange is judged."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from github import Auth, BadCredentialsException, Github, GithubException, GithubIntegration, UnknownObjectException

from tests.contracts import Recorder
from tests.standins.github.client import Clock, app_client, ask, client, errors, signed_in
from tests.standins.github.server import GitHubStandIn

START = datetime(2026, 11, 23, 9, 0, 0, 123456, UTC)
SHOP = "acme/shop"
IDS = """query($n: Int!) { repository(owner: "acme", name: "shop") { id labels(first: 20) { nodes { id name } }
  issue(number: $n) { id projectItems(first: 5) { nodes { id } } } }
  organization(login: "acme") { projectV2(number: 1) { id field(name: "Status") {
    ... on ProjectV2SingleSelectField { id options { id name color description } } } } } }"""


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def github(clock: Clock, recorder: Recorder) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(clock) as github:
        recorder.register(github.url, "github")
        github.person("alice", "write", member=True)
        github.person("bob", "triage")
        github.person("carol")
        github.repository(SHOP, labels=["bug", "P0"])
        github.repository("acme/legacy", labels=["bug"])
        github.project()
        yield github
    assert github.unexpected == []


def ids(github: GitHubStandIn, number: int) -> dict[str, Any]:
    """Every id that a mutation on an issue needs."""
    data = ask(client(github, "alice"), IDS, n=number)
    repo, project = data["repository"], data["organization"]["projectV2"]
    cards = repo["issue"]["projectItems"]["nodes"]
    return {
        "issue": repo["issue"]["id"],
        "repository": repo["id"],
        "project": project["id"],
        "field": project["field"]["id"],
        "options": project["field"]["options"],
        "item": cards[0]["id"] if cards else None,
        **{label["name"]: label["id"] for label in repo["labels"]["nodes"]},
    }


def mutate(
    github: GitHubStandIn, name: str, asks: str = "clientMutationId", /, who: str = "alice", **given: Any
) -> Any:
    kind = name[0].upper() + name[1:]
    return ask(client(github, who), f"mutation($i: {kind}Input!) {{ {name}(input: $i) {{ {asks} }} }}", i=given)[name]


@pytest.mark.parametrize("layout", ["url", "enterprise_url"])
def test_both_layouts_serve_rest_and_graphql(layout: str, github: GitHubStandIn) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down", None, ["bug"])
    gh = app_client(github, getattr(github, layout))
    issue = gh.get_repo(SHOP).get_issue(number)
    issue.create_comment("On it")
    issue.add_to_labels("P0", "brand new")
    assert (issue.title, issue.raw_data["body"], issue.user.login) == ("Checkout is down", None, "carol")
    assert [c.user.login for c in issue.get_comments()] == ["spark-integrator[bot]"]
    assert github.issue(SHOP, number).labels == {"bug", "P0", "brand new"}
    assert ask(gh, "{ viewer { login } }") == {"viewer": {"login": "spark-integrator[bot]"}}


def test_an_issue_reads_as_it_happened(github: GitHubStandIn, clock: Clock) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down", "No orders", ["bug"])
    clock.pass_by(60)
    comment = github.comment(SHOP, number, "alice", "/p0")
    github.edit_comment(comment, "bob", "/p1")
    github.label(SHOP, number, "alice", "P0")
    github.unlabel(SHOP, number, "alice", "bug")
    github.assign(SHOP, number, "alice", "bob")
    github.move_card(SHOP, number, "alice", "Review")
    github.close(SHOP, number, "alice")
    clock.pass_by(60)
    github.move_card(SHOP, number, "bob", "Done")
    data = ask(
        app_client(github),
        """{ repository(owner: "acme", name: "shop") { issue(number: 1) {
          state updatedAt closedAt lastEditedAt authorAssociation author { __typename login }
          labels(first: 9) { nodes { name } } assignees(first: 9) { nodes { login } }
          comments(first: 9) { nodes { body lastEditedAt editor { login } authorAssociation viewerDidAuthor } }
          timelineItems(first: 20, itemTypes: [LABELED_EVENT, UNLABELED_EVENT, ASSIGNED_EVENT, CLOSED_EVENT,
              PROJECT_V2_ITEM_STATUS_CHANGED_EVENT]) { nodes { __typename
            ... on LabeledEvent { actor { login } createdAt label { name } }
            ... on UnlabeledEvent { label { name } }
            ... on AssignedEvent { assignee { ... on User { login } } }
            ... on ProjectV2ItemStatusChangedEvent { previousStatus status } } }
          projectItems(first: 5) { nodes { isArchived project { number } fieldValueByName(name: "Status") {
            ... on ProjectV2ItemFieldSingleSelectValue { name updatedAt } } } } } } }""",
    )
    minute, two = "2026-11-23T09:01:00Z", "2026-11-23T09:02:00Z"
    assert data["repository"]["issue"] == {
        "state": "CLOSED",
        "updatedAt": minute,  # a move on the board doesn't touch it
        "closedAt": minute,
        "lastEditedAt": None,
        "authorAssociation": "NONE",
        "author": {"__typename": "User", "login": "carol"},
        "labels": {"nodes": [{"name": "P0"}]},
        "assignees": {"nodes": [{"login": "bob"}]},
        "comments": {
            "nodes": [
                {
                    "body": "/p1",
                    "lastEditedAt": minute,
                    "editor": {"login": "bob"},
                    "authorAssociation": "MEMBER",
                    "viewerDidAuthor": False,
                }
            ]
        },
        "timelineItems": {
            "nodes": [
                {
                    "__typename": "LabeledEvent",
                    "actor": {"login": "carol"},
                    "createdAt": "2026-11-23T09:00:00Z",
                    "label": {"name": "bug"},
                },
                {
                    "__typename": "LabeledEvent",
                    "actor": {"login": "alice"},
                    "createdAt": minute,
                    "label": {"name": "P0"},
                },
                {"__typename": "UnlabeledEvent", "label": {"name": "bug"}},
                {"__typename": "AssignedEvent", "assignee": {"login": "bob"}},
                {"__typename": "ProjectV2ItemStatusChangedEvent", "previousStatus": "", "status": "Review"},
                {"__typename": "ClosedEvent"},
                {"__typename": "ProjectV2ItemStatusChangedEvent", "previousStatus": "Review", "status": "Done"},
            ]
        },
        "projectItems": {
            "nodes": [
                {
                    "isArchived": False,
                    "project": {"number": 1},
                    "fieldValueByName": {"name": "Done", "updatedAt": two},
                }
            ]
        },
    }


def test_a_robot_has_two_logins_and_a_deleted_account_none(github: GitHubStandIn) -> None:
    github.bot("helper")
    github.open_issue(SHOP, "helper[bot]", "From a robot")
    github.open_issue(SHOP, "carol", "From somebody")
    github.forget("carol")
    gh = client(github, "alice")
    query = '{ repository(owner: "acme", name: "shop") { issues(first: 5) { nodes { author { __typename login } } } } }'
    robot, gone = ask(gh, query)["repository"]["issues"]["nodes"]
    assert (robot["author"], gone["author"]) == ({"__typename": "Bot", "login": "helper"}, None)
    assert [x.user.login for x in gh.get_repo(SHOP).get_issues(direction="asc")] == ["helper[bot]", "ghost"]


def test_aliases_are_judged_alone(github: GitHubStandIn) -> None:
    number = github.open_issue(SHOP, "carol", "Down", "", ["bug"])
    known = ids(github, number)
    query = f"""mutation {{
      one: addLabelsToLabelable(input: {{labelableId: "{known["issue"]}", labelIds: ["{known["P0"]}"]}}) {{
        labelable {{ ... on Issue {{ updatedAt }} }} }}
      two: addComment(input: {{subjectId: "I_gone", body: "x"}}) {{ subject {{ id }} }}
      three: addComment(input: {{subjectId: "{known["issue"]}", body: "y"}}) {{
        commentEdge {{ node {{ body }} }} }} }}"""
    with pytest.raises(UnknownObjectException) as failure:
        client(github, "alice").requester.graphql_query(query, {})
    answer: Any = failure.value.data
    assert [(e["type"], e["path"]) for e in answer["errors"]] == [("NOT_FOUND", ["two"])]
    assert (answer["data"]["two"], answer["data"]["three"]) == (None, {"commentEdge": {"node": {"body": "y"}}})
    assert github.issue(SHOP, number).labels == {"bug", "P0"}
    assert github.requests[-1].fields == (
        ("one", "addLabelsToLabelable"),
        ("two", "addComment"),
        ("three", "addComment"),
    )


def test_a_card_is_added_once_moved_and_cleared(github: GitHubStandIn) -> None:
    number = github.open_issue(SHOP, "carol", "Down")
    known = ids(github, number)
    place = {"projectId": known["project"]}
    first, second = (
        mutate(github, "addProjectV2ItemById", "item { id }", **place, contentId=known["issue"]) for _ in range(2)
    )
    assert first == second
    card = {**place, "itemId": first["item"]["id"], "fieldId": known["field"]}
    option = next(o["id"] for o in known["options"] if o["name"] == "Review")
    mutate(github, "updateProjectV2ItemFieldValue", **card, value={"singleSelectOptionId": option})
    assert github.issue(SHOP, number).column == "Review"
    with pytest.raises(GithubException, match="does not belong to the field"):
        mutate(github, "updateProjectV2ItemFieldValue", **card, value={"singleSelectOptionId": ""})
    mutate(github, "clearProjectV2ItemFieldValue", **card)
    assert (github.issue(SHOP, number).on_board, github.issue(SHOP, number).column) == (True, None)


def test_a_card_can_be_put_first(github: GitHubStandIn) -> None:
    for number in range(1, 4):
        github.open_issue(SHOP, "carol", f"Issue {number}")
        github.move_card(SHOP, number, "alice", "Emergency Queue")
    known = ids(github, 3)
    order = "items(first: 9) { nodes { content { ... on Issue { number } } } }"
    place = {"projectId": known["project"], "itemId": known["item"]}
    top = mutate(github, "updateProjectV2ItemPosition", order, **place)
    behind = mutate(github, "updateProjectV2ItemPosition", order, **place, afterId=ids(github, 1)["item"])
    assert [n["content"]["number"] for n in top["items"]["nodes"]] == [3, 1, 2]
    assert [n["content"]["number"] for n in behind["items"]["nodes"]] == [1, 3, 2]


@pytest.mark.parametrize(("with_ids", "column"), [(True, "Review"), (False, None)])
def test_options_sent_without_their_ids_cost_every_card_its_status(
    with_ids: bool, column: str | None, github: GitHubStandIn
) -> None:
    number = github.open_issue(SHOP, "carol", "Down")
    github.move_card(SHOP, number, "alice", "Review")
    known = ids(github, number)
    kept = [o if with_ids else {k: v for k, v in o.items() if k != "id"} for o in known["options"]]
    options = [*kept, {"name": "Parked", "color": "PINK", "description": ""}]
    mutate(github, "updateProjectV2Field", fieldId=known["field"], singleSelectOptions=options)
    after = ids(github, number)["options"]
    assert [o["name"] for o in after] == [o["name"] for o in options]
    assert (after[:5] == known["options"]) is with_ids
    assert github.issue(SHOP, number).column == column
    value = 'fieldValueByName(name: "Status") { ... on ProjectV2ItemFieldSingleSelectValue { name } }'
    card = ask(client(github, "alice"), f'{{ node(id: "{known["item"]}") {{ ... on ProjectV2Item {{ {value} }} }} }}')
    assert card["node"]["fieldValueByName"] == (column and {"name": column})


def test_a_field_is_made_and_filled(github: GitHubStandIn) -> None:
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "Review")
    known = ids(github, 1)
    given = {"projectId": known["project"], "name": "OKR impact", "dataType": "TEXT"}
    field = mutate(github, "createProjectV2Field", "projectV2Field { ... on ProjectV2Field { id dataType } }", **given)
    card = {"projectId": known["project"], "itemId": known["item"], "fieldId": field["projectV2Field"]["id"]}
    mutate(github, "updateProjectV2ItemFieldValue", **card, value={"text": "suspended"})
    assert github.issue(SHOP, 1).fields["OKR impact"] == "suspended"


def test_a_transferred_issue_is_gone_from_graphql_and_redirected_by_rest(github: GitHubStandIn) -> None:
    number = github.open_issue(SHOP, "carol", "Down", "", ["bug", "P0"])
    github.comment(SHOP, number, "alice", "/p0")
    github.move_card(SHOP, number, "alice", "Review")
    github.open_issue("acme/legacy", "carol", "Another")
    old = github.issue(SHOP, number)
    assert github.transfer(SHOP, number, "alice", "acme/legacy") == 2
    query = '{ repository(owner: "acme", name: "shop") { issue(number: 1) { id } } }'
    (error,) = errors(client(github, "alice"), query)
    assert (error["type"], error["path"]) == ("NOT_FOUND", ["repository", "issue"])
    found = client(github, "alice").get_repo(SHOP).get_issue(number)
    assert (found.html_url, found.comments) == ("https://github.com/acme/legacy/issues/2", 1)
    new = github.issue("acme/legacy", 2)
    assert (set(new.labels), new.column, new.node_id != old.node_id) == ({"bug"}, "Review", True)


REFUSED_QUERIES = {
    "no such issue": ("issue(number: 9) { id }", "NOT_FOUND", ["repository", "issue"]),
    "a pull request": ("issue(number: 1) { id }", "NOT_FOUND", ["repository", "issue"]),
    "no size": ("labels { nodes { id } }", "MISSING_PAGINATION_BOUNDARIES", ["repository", "labels"]),
    "too large a page": ("labels(first: 101) { nodes { id } }", "EXCESSIVE_PAGINATION", ["repository", "labels"]),
    "too many nodes": (
        "issues(first: 100) { nodes { comments(first: 100) { nodes { reactions(first: 100) { nodes { id } } } } } }",
        "MAX_NODE_LIMIT_EXCEEDED",
        None,
    ),
}


@pytest.mark.parametrize("name", REFUSED_QUERIES)
@pytest.mark.broken_answers  # GitHub's answer to a page without a size is not what its schema says
def test_a_query_is_refused(name: str, github: GitHubStandIn) -> None:
    asked, kind, path = REFUSED_QUERIES[name]
    github.open_pull(SHOP, "carol", "Mend it")
    (error,) = errors(client(github, "alice"), f'{{ repository(owner: "acme", name: "shop") {{ {asked} }} }}')
    assert (error["type"], error.get("path")) == (kind, path)
    github.unexpected.clear()


def test_many_nodes_are_read_at_once_and_the_missing_ones_named(github: GitHubStandIn) -> None:
    for _ in range(3):
        github.open_issue(SHOP, "carol", "Down")
    wanted = [github.issue(SHOP, 1).node_id, "I_gone", github.issue(SHOP, 3).node_id]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Issue { number } } rateLimit { cost remaining } }"
    with pytest.raises(UnknownObjectException) as failure:
        client(github, "alice").requester.graphql_query(query, {"ids": wanted})
    answer: Any = failure.value.data
    assert answer["data"]["nodes"] == [{"number": 1}, None, {"number": 3}]
    assert answer["errors"][0]["path"] == ["nodes", 1]
    assert answer["data"]["rateLimit"] == {"cost": 1, "remaining": 4999}


def test_pages_follow_each_other(github: GitHubStandIn, clock: Clock) -> None:
    for number in range(1, 6):
        github.open_issue(SHOP, "carol", f"Issue {number}")
        clock.pass_by(60)
    github.comment(SHOP, 2, "alice", "bump")
    github.close(SHOP, 4, "alice")
    query = """query($after: String, $since: DateTime) { repository(owner: "acme", name: "shop") {
      issues(first: 2, after: $after, states: [OPEN], filterBy: {since: $since},
             orderBy: {field: UPDATED_AT, direction: DESC}) {
        totalCount pageInfo { hasNextPage endCursor } nodes { number } } } }"""
    gh, seen, after = client(github, "alice"), [], None
    while True:
        page = ask(gh, query, after=after, since="2026-11-23T09:01:00Z")["repository"]["issues"]
        seen.append([x["number"] for x in page["nodes"]])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert (seen, page["totalCount"]) == ([[2, 5], [3]], 3)
    gh.per_page = 2
    assert [x.number for x in gh.get_repo(SHOP).get_issues(state="all", direction="asc")] == [1, 2, 3, 4, 5]


def test_labels_differ_by_more_than_case_but_graphql_looks_closely(github: GitHubStandIn) -> None:
    repo = client(github, "alice").get_repo(SHOP)
    with pytest.raises(GithubException) as failure:
        repo.create_label("p0", "ff0000", "Critical")
    assert failure.value.data["errors"][0]["code"] == "already_exists"
    repo.create_label("P1", "ff8800", "High")
    repo.get_label("P1").edit("P1", "00ff00", "Soon")
    assert {x.name: x.color for x in repo.get_labels()} == {"bug": "ededed", "P0": "ededed", "P1": "00ff00"}
    both = 'big: label(name: "P1") { name } low: label(name: "p1") { name }'
    query = f'{{ repository(owner: "acme", name: "shop") {{ {both} }} }}'
    assert ask(client(github, "alice"), query)["repository"] == {"big": {"name": "P1"}, "low": None}


def test_rest_writes_what_the_page_shows(github: GitHubStandIn) -> None:
    repo = client(github, "alice").get_repo(SHOP)
    issue = repo.create_issue("New", body="text", labels=["bug"], assignees=["bob"])
    comment = issue.create_comment("first")
    comment.edit("second")
    issue.remove_from_labels("bug")
    with pytest.raises(GithubException, match="Label does not exist"):
        issue.remove_from_labels("bug")
    issue.edit(state="closed", labels=["P0"])
    seen = github.issue(SHOP, issue.number)
    assert (seen.is_open, set(seen.labels), list(seen.assignees)) == (False, {"P0"}, ["bob"])
    assert [(c.body, c.edited_by) for c in seen.comments] == [("second", "alice")]
    comment.delete()
    assert github.issue(SHOP, issue.number).comments == ()


def test_people_and_what_they_may_do(github: GitHubStandIn) -> None:
    github.grant("acme/legacy", "alice", "read")
    repo, legacy = (app_client(github).get_repo(name) for name in (SHOP, "acme/legacy"))
    assert [x.login for x in repo.get_collaborators(permission="push")] == ["alice"]
    assert [x.login for x in repo.get_collaborators()] == ["alice", "bob"]
    roles = [repo.get_collaborator_permission(x) for x in ("alice", "bob", "carol")]
    assert roles == ["write", "read", "read"]
    assert legacy.get_collaborator_permission("alice") == "read"


FORBIDDEN: dict[str, Callable[[Github], object]] = {
    "labels": lambda gh: gh.get_repo(SHOP).get_issue(1).add_to_labels("P0"),
    "a label": lambda gh: gh.get_repo(SHOP).create_label("P1", "ff0000"),
    "somebody's comment": lambda gh: next(iter(gh.get_repo(SHOP).get_issue(1).get_comments())).edit("mine"),
    "the list of people": lambda gh: list(gh.get_repo(SHOP).get_collaborators()),
    "a file": lambda gh: gh.get_repo(SHOP).create_file("a.txt", "why", "text"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_stranger_is_refused(name: str, github: GitHubStandIn) -> None:
    github.open_issue(SHOP, "alice", "Down")
    github.comment(SHOP, 1, "alice", "hers")
    with pytest.raises(GithubException) as failure:
        FORBIDDEN[name](client(github, "carol"))
    assert failure.value.status == 403


def test_a_strangers_labels_are_dropped_without_a_word(github: GitHubStandIn) -> None:
    issue = client(github, "carol").get_repo(SHOP).create_issue("Down", labels=["P0"])
    assert github.issue(SHOP, issue.number).labels == frozenset()


def test_graphql_forbids_by_alias(github: GitHubStandIn) -> None:
    known = ids(github, github.open_issue(SHOP, "alice", "Down"))
    query = f"""mutation {{ addLabelsToLabelable(input: {{labelableId: "{known["issue"]}",
      labelIds: ["{known["P0"]}"]}}) {{ clientMutationId }} }}"""
    (error,) = errors(client(github, "carol"), query)
    assert (error["type"], error["path"]) == ("FORBIDDEN", ["addLabelsToLabelable"])


def test_private_repositories_are_hidden_from_strangers(github: GitHubStandIn) -> None:
    github.repository("acme/secret", private=True)
    with pytest.raises(UnknownObjectException):
        client(github, "carol").get_repo("acme/secret")
    (error,) = errors(client(github, "carol"), '{ repository(owner: "acme", name: "secret") { id } }')
    assert error["type"] == "NOT_FOUND"
    assert client(github, "alice").get_repo("acme/secret").private


def test_an_app_signs_for_its_token_which_ends_after_an_hour(github: GitHubStandIn, clock: Clock) -> None:
    app = github.install_app()
    auth = Auth.AppAuth(app.app_id, app.private_key)
    integration = GithubIntegration(auth=auth, base_url=github.url, retry=None)
    assert integration.get_repo_installation("acme", "shop").id == app.installation_id
    token = integration.get_access_token(app.installation_id)
    assert token.expires_at == datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    gh = signed_in(github, Auth.Token(token.token))
    assert gh.get_repo(SHOP).name == "shop"
    clock.pass_by(3600)
    with pytest.raises(BadCredentialsException):
        gh.get_repo(SHOP)


def test_another_keys_signature_is_refused(github: GitHubStandIn) -> None:
    app = github.install_app()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    auth = Auth.AppAuth(app.app_id, pem).get_installation_auth(app.installation_id)
    with pytest.raises(GithubException) as failure:
        signed_in(github, auth).get_repo(SHOP)
    assert failure.value.status == 401


def test_files_are_written_with_care(github: GitHubStandIn) -> None:
    repo = client(github, "alice").get_repo(SHOP)
    repo.create_file(".github/ISSUE_TEMPLATE/emergency.yml", "Add the form", "name: Emergency\n")
    file: Any = repo.get_contents(".github/ISSUE_TEMPLATE/emergency.yml")
    assert file.decoded_content == b"name: Emergency\n"
    with pytest.raises(GithubException, match="409"):
        repo.update_file(file.path, "again", "x", "0" * 40)
    repo.update_file(file.path, "again", "name: Other\n", file.sha)
    listed: Any = repo.get_contents(".github/ISSUE_TEMPLATE")
    assert [x.name for x in listed] == ["emergency.yml"]


def test_board_items_are_found_by_column(github: GitHubStandIn) -> None:
    for number, column in ((1, "In Progress"), (2, "Review"), (3, "In Progress")):
        github.open_issue(SHOP, "carol", f"Issue {number}")
        github.move_card(SHOP, number, "alice", column)
    github.move_card(SHOP, github.open_pull(SHOP, "alice", "Mend it"), "alice", "In Progress")
    requester = app_client(github).requester
    query = 'status:"In Progress" is:issue'
    headers, page = requester.requestJsonAndCheck(
        "GET", "/orgs/acme/projectsV2/1/items", parameters={"q": query, "per_page": 1}
    )
    assert [x["content"]["number"] for x in page] == [1]
    assert 'rel="next"' in headers["link"]


def test_reads_lag_behind_writes(github: GitHubStandIn, clock: Clock) -> None:
    number = github.open_issue(SHOP, "carol", "Down")
    clock.pass_by(10)
    github.lag = 3
    repo = client(github, "alice").get_repo(SHOP)
    comment = repo.get_issue(number).create_comment("new")
    github.label(SHOP, number, "alice", "P0")
    github.move_card(SHOP, number, "alice", "Review")
    query = """{ repository(owner: "acme", name: "shop") { issue(number: 1) { labels(first: 5) { totalCount }
      comments(first: 5) { totalCount } projectItems(first: 5) { totalCount } } } }"""

    def seen() -> list[int]:
        issue = ask(client(github, "alice"), query)["repository"]["issue"]
        return [issue[x]["totalCount"] for x in ("labels", "comments", "projectItems")]

    assert (comment.body, seen(), repo.get_issue(number).comments) == ("new", [0, 0, 0], 0)
    clock.pass_by(3)
    assert (seen(), repo.get_issue(number).comments) == ([1, 1, 1], 1)


def test_the_boards_own_workflows_come_a_moment_later(github: GitHubStandIn, clock: Clock) -> None:
    github.workflows.on_add, github.workflows.on_close = "Backlog", "Done"
    number = github.open_issue(SHOP, "carol", "Down")
    github.move_card(SHOP, number, "alice", "Emergency Queue")
    assert github.issue(SHOP, number).column == "Emergency Queue"
    clock.pass_by(1)
    assert github.issue(SHOP, number).column == "Backlog"
    github.close(SHOP, number, "alice")
    clock.pass_by(1)
    assert github.issue(SHOP, number).column == "Done"
    assert github.deliveries[-1].payload["sender"]["login"] == "github-project-automation[bot]"


def test_moves_may_leave_no_trace(github: GitHubStandIn) -> None:
    github.status_events = False
    github.move_card(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "Review")
    query = """{ repository(owner: "acme", name: "shop") { issue(number: 1) {
      timelineItems(first: 5, itemTypes: [PROJECT_V2_ITEM_STATUS_CHANGED_EVENT]) { filteredCount } } } }"""
    assert ask(client(github, "alice"), query)["repository"]["issue"] == {"timelineItems": {"filteredCount": 0}}


def test_an_app_never_reaches_a_persons_project(github: GitHubStandIn) -> None:
    github.project("alice", 7, owner_kind="User")
    query = '{ user(login: "alice") { projectV2(number: 7) { title } } }'
    assert ask(client(github, "alice"), query) == {"user": {"projectV2": {"title": "Work"}}}
    (error,) = errors(app_client(github), query)
    assert (error["type"], error["path"]) == ("NOT_FOUND", ["user", "projectV2"])


def test_reactions_are_counted_once(github: GitHubStandIn) -> None:
    github.comment(SHOP, github.open_issue(SHOP, "carol", "Down"), "alice", "/p0")
    subject = github.issue(SHOP, 1).comments[0].node_id
    for _ in range(2):
        mutate(github, "addReaction", "reaction { content }", who="bob", subjectId=subject, content="EYES")
    assert github.issue(SHOP, 1).comments[0].reactions == ("EYES",)
