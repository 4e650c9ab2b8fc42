"""The stand-in Jira, driven by the real jira client, behaves as the platforms do; every exchange is judged."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from jira import JIRAError

from tests.contracts import Recorder
from tests.standins.jira.acme import acme, with_screen, with_workflow, without_column
from tests.standins.jira.client import Clock, asking, client, refused
from tests.standins.jira.server import JiraStandIn
from tests.standins.jira.state import Product, Transition

PRODUCTS: tuple[Product, ...] = ("cloud", "data-center")
START = datetime(2026, 11, 23, 9, 0, 0, 123456, UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture(params=PRODUCTS)
def site(request: pytest.FixtureRequest, clock: Clock, recorder: Recorder) -> Iterator[JiraStandIn]:
    with acme(product=request.param, clock=clock, retry_pause=0.01) as site:
        recorder.register(site.url, "jira-cloud" if site.cloud else "jira-dc")
        yield site
    assert site.unexpected == []


@pytest.fixture
def cloud(clock: Clock, recorder: Recorder) -> Iterator[JiraStandIn]:
    with acme(clock=clock) as site:
        recorder.register(site.url, "jira-cloud")
        yield site
    assert site.unexpected == []


def test_the_client_reads_what_a_person_did(site: JiraStandIn) -> None:
    key = site.create_issue("OPS", "carol", "Checkout is down", "*No* orders", ["form"], "High", {"OKR impact": "none"})
    site.set_labels(key, "alice", ["P0", "form"])
    site.set_priority(key, "alice", "Highest")
    site.transition(key, "alice", "Emergency Queue")
    site.assign(key, "bob", "alice")
    comment = site.comment(key, "alice", "We are on it", internal=True)
    jira = client(site)
    issue = jira.issue(key, expand="changelog,transitions", properties="emq")
    assert (issue.fields.summary, issue.fields.description) == ("Checkout is down", "*No* orders")
    assert issue.fields.labels == ["P0", "form"]
    assert (issue.fields.priority.name, issue.fields.status.name) == ("Highest", "Emergency Queue")
    assert issue.fields.customfield_10040.value == "none"
    assert issue.fields.created == "2026-11-23T09:00:00.123+0000"
    assert issue.raw["properties"] == {}
    assert "properties" not in issue.raw["fields"]["comment"]["comments"][0]
    (shown,) = jira.comments(key, expand="properties")
    assert (shown.id, shown.properties[0].key) == (comment, "sd.public.comment")
    assert getattr(shown, "jsdPublic", None) is (False if site.cloud else None)
    assert [t["to"]["name"] for t in jira.transitions(key)][:2] == ["Backlog", "In Progress"]


def test_histories_are_written_as_jira_writes_them(site: JiraStandIn) -> None:
    key = site.create_issue("OPS", "carol", "Slow", labels=["form"], priority="Low")
    site.set_labels(key, "alice", ["P1", "form"])
    site.set_priority(key, "alice", "High")
    site.transition(key, "alice", "Done")
    site.set_labels(key, "alice", ["P1", "form"])
    histories = client(site).issue(key, expand="changelog").raw["changelog"]["histories"]
    oldest_first = histories[::-1] if site.cloud else histories
    ids = [{"fieldId": name} if site.cloud else {} for name in ("labels", "priority", "status", "resolution")]
    jira = {"fieldtype": "jira"}
    assert [history["items"] for history in oldest_first] == [
        [{"field": "labels", "from": None, "fromString": "form", "to": None, "toString": "P1 form", **jira, **ids[0]}],
        [{"field": "priority", "from": "4", "fromString": "Low", "to": "2", "toString": "High", **jira, **ids[1]}],
        [
            {
                "field": "status",
                "from": "10001",
                "fromString": "Backlog",
                "to": "10004",
                "toString": "Done",
                **jira,
                **ids[2],
            },
            {
                "field": "resolution",
                "from": None,
                "fromString": None,
                "to": "10000",
                "toString": "Done",
                **jira,
                **ids[3],
            },
        ],
    ]


def test_the_client_writes(site: JiraStandIn) -> None:
    jira, ask = client(site), asking(site)
    made = jira.create_issue(
        fields={"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "Retro"}, prefetch=False
    )
    edit = {
        "update": {"labels": [{"add": "P0"}, {"add": "emergency"}, {"remove": "P3"}]},
        "properties": [{"key": "emq", "value": 1}],
    }
    ask("PUT", f"api/2/issue/{made.key}", {**edit, "fields": {"customfield_10041": 1200, "priority": {"name": "High"}}})
    ask("POST", f"api/2/issue/{made.key}/transitions", {"transition": {"id": "51"}})
    said = ask(
        "POST", f"api/2/issue/{made.key}/comment", {"body": "Status", "properties": [{"key": "k", "value": {"a": 1}}]}
    )
    ask("PUT", f"api/2/issue/{made.key}/comment/{said['id']}", {"body": "Status 2"})
    jira.add_issue_property(made.key, "emq", {"n": 2})
    seen = site.issue(made.key)
    assert (seen.labels, seen.status, seen.priority) == (("P0", "emergency"), "Emergency Queue", "High")
    assert (seen.properties, seen.fields) == ({"emq": {"n": 2}}, {"Revenue per hour": 1200.0})
    assert [(c.author, c.body, dict(c.properties)) for c in seen.comments] == [
        ("integrator", "Status 2", {"k": {"a": 1}})
    ]
    assert ask("GET", f"api/2/comment/{said['id']}/properties/k")["value"] == {"a": 1}
    jira.comment(made.key, said["id"]).delete()
    assert site.issue(made.key).comments == ()


ON_OPS_1 = "api/2/issue/OPS-1"
REFUSALS: list[tuple[str, str, str, Any, int]] = [
    ("integrator", "PUT", ON_OPS_1, {"fields": {"customfield_10043": "x"}}, 400),  # not on the screen
    ("integrator", "PUT", ON_OPS_1, {"fields": {"customfield_99999": "x"}}, 400),
    ("integrator", "PUT", ON_OPS_1, {"update": {"labels": [{"add": "two words"}]}}, 400),
    ("integrator", "PUT", ON_OPS_1, {"fields": {"labels": []}, "update": {"labels": [{"add": "a"}]}}, 400),
    ("integrator", "PUT", ON_OPS_1, {"fields": {"priority": {"name": "Urgent"}}}, 400),
    ("integrator", "PUT", f"{ON_OPS_1}?notifyUsers=false", {"fields": {"labels": []}}, 403),
    ("integrator", "POST", f"{ON_OPS_1}/transitions", {"transition": {"id": "99"}}, 400),
    ("integrator", "POST", f"{ON_OPS_1}/comment", {"body": " "}, 400),
    ("carol", "PUT", ON_OPS_1, {"fields": {"labels": ["P0"]}}, 403),
    ("carol", "POST", f"{ON_OPS_1}/transitions", {"transition": {"id": "51"}}, 403),
    ("integrator", "GET", "api/2/issue/OPS-99", None, 404),
    ("integrator", "GET", "webhooks/1.0/webhook", None, 403),
]


@pytest.mark.parametrize(("who", "method", "path", "body", "status"), REFUSALS)
def test_what_jira_refuses(site: JiraStandIn, who: str, method: str, path: str, body: Any, status: int) -> None:
    site.create_issue("OPS", "carol", "One")
    moved = path.startswith("webhooks") and not site.cloud
    assert refused(asking(site, who), method, path, body) == (404 if moved else status)
    assert site.issue("OPS-1").histories == ()


STRANGE: list[tuple[str, str, Any]] = [
    ("GET", "api/2/issue/OPS-1?expnd=changelog", None),
    ("GET", "api/2/issue/OPS-1?expand=changelogs", None),
    ("GET", "api/2/issue/OPS-1?fields=lables", None),
    ("GET", "api/2/issues/OPS-1", None),
    ("PUT", "api/2/issue/OPS-1", {"field": {"labels": []}}),
    ("POST", "api/2/issue/OPS-1/comment", {"body": "x", "internal": True}),
    ("GET", "agile/1.0/board/81/issue?jql=assignee = currentUser()", None),
]


@pytest.mark.broken_answers
@pytest.mark.parametrize(("method", "path", "body"), STRANGE)
def test_what_is_unknown_is_loud(clock: Clock, method: str, path: str, body: Any) -> None:
    with acme(clock=clock) as site:
        site.create_issue("OPS", "carol", "One")
        assert refused(asking(site), method, path, body) == 400
        assert len(site.unexpected) == 1


CLOUD_ONLY = [
    ("POST", "api/2/issue/bulkfetch", {"issueIdsOrKeys": ["OPS-1"]}),
    ("POST", "api/2/search/jql", {"jql": "project = OPS"}),
    ("POST", "api/2/changelog/bulkfetch", {"issueIdsOrKeys": ["OPS-1"]}),
    ("GET", "api/2/issue/OPS-1/changelog", None),
    ("GET", "api/3/issue/OPS-1", None),
    ("GET", "api/2/priority/search", None),
    ("GET", "api/2/statuses/search", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CLOUD_ONLY)
def test_what_only_cloud_has(site: JiraStandIn, method: str, path: str, body: Any) -> None:
    site.create_issue("OPS", "carol", "One")
    if site.cloud:
        asking(site)(method, path, body)
    else:
        assert refused(asking(site), method, path, body) == 404


def test_who_is_asking(site: JiraStandIn) -> None:
    email, token = site.credentials("alice")
    ways: dict[str, dict[str, Any]] = {
        "basic": {"auth": (email, token)},
        "bearer": {"headers": {"Authorization": f"Bearer {token}"}},
    }
    codes = {
        name: requests.get(f"{site.url}/rest/api/2/myself", timeout=5, **way).status_code for name, way in ways.items()
    }
    assert codes == ({"basic": 200, "bearer": 401} if site.cloud else {"basic": 401, "bearer": 200})
    me = client(site).myself()
    assert me["accountType" if site.cloud else "name"] == ("atlassian" if site.cloud else "integrator")
    asked = "BROWSE_PROJECTS,EDIT_ISSUES"
    have = asking(site, "carol")("GET", "api/2/mypermissions", projectKey="OPS", permissions=asked)["permissions"]
    assert [have[name]["havePermission"] for name in asked.split(",")] == [True, False]
    team = asking(site)("GET", "api/2/user/assignable/search", project="OPS")
    assert [person["displayName"] for person in team] == ["integrator", "alice", "bob", "ada", "renovate"]


def test_searches(site: JiraStandIn, clock: Clock) -> None:
    for number in range(5):
        site.create_issue("OPS" if number < 4 else "WEB", "carol", f"Issue {number}")
    site.transition("OPS-2", "alice", "Done")
    clock.pass_by(120)
    site.set_labels("OPS-3", "alice", ["P0"])
    ask = asking(site)

    def keys(jql: str) -> list[str]:
        if not site.cloud:
            return [issue["key"] for issue in ask("POST", "api/2/search", {"jql": jql, "fields": ["key"]})["issues"]]
        body: dict[str, Any] = {"jql": jql, "fields": ["key"], "maxResults": 2}
        found: list[str] = []
        while True:
            page = ask("POST", "api/2/search/jql", body)
            found += [issue["key"] for issue in page["issues"]]
            if page["isLast"]:
                return found
            body["nextPageToken"] = page["nextPageToken"]

    assert keys('project in ("OPS", WEB) AND statusCategory != Done ORDER BY key DESC') == [
        "WEB-1",
        "OPS-4",
        "OPS-3",
        "OPS-1",
    ]
    assert keys('project = OPS AND updated >= "2026-11-23 09:01"') == ["OPS-3"]
    assert keys("key in (OPS-4, OPS-1) ORDER BY created") == ["OPS-1", "OPS-4"]
    assert [issue.key for issue in client(site).search_issues("project = WEB", fields="summary")] == ["WEB-1"]
    if site.cloud:
        assert refused(ask, "GET", "api/2/search", jql="project = OPS") == 410
        assert refused(ask, "POST", "api/2/search/jql", {"jql": "ORDER BY key"}) == 400


def test_long_stories_come_in_parts(cloud: JiraStandIn) -> None:
    key = cloud.create_issue("OPS", "carol", "Long")
    for number in range(130):
        cloud.set_labels(key, "alice", [f"n{number}"])
    for number in range(25):
        cloud.comment(key, "alice", str(number))
    ask = asking(cloud)
    inline = ask("GET", f"api/2/issue/{key}", expand="changelog")
    changes = inline["changelog"]
    assert (changes["total"], len(changes["histories"])) == (130, 100)
    assert changes["histories"][0]["items"][0]["toString"] == "n129"
    rest = ask("GET", f"api/2/issue/{key}/changelog", startAt=100)
    assert ([len(rest["values"]), rest["isLast"]], rest["values"][-1]["items"][0]["toString"]) == ([30, True], "n129")
    hit = ask("POST", "api/2/search/jql", {"jql": f"key = {key}", "fields": ["comment"], "expand": "changelog"})[
        "issues"
    ][0]
    shown = hit["fields"]["comment"]
    assert (len(shown["comments"]), shown["total"], len(hit["changelog"]["histories"])) == (20, 25, 40)
    answer = ask("POST", "api/2/issue/bulkfetch", {"issueIdsOrKeys": ["OPS-9", key], "fields": ["summary"]})
    assert ([i["key"] for i in answer["issues"]], [e["id"] for e in answer["issueErrors"]]) == ([key], ["OPS-9"])


def test_a_moved_issue_answers_to_its_old_key(site: JiraStandIn) -> None:
    key = site.create_issue("OPS", "carol", "Wrong place")
    new = site.move(key, "alice", "WEB")
    jira = client(site)
    by_id = jira.issue(str(site.issue(new).id))
    assert [jira.issue(key).key, jira.issue(new).key, by_id.key] == ["WEB-1"] * 3
    items = site.deliveries[-1].json["changelog"]["items"]
    assert [(item["field"], item.get("fieldId")) for item in items] == [
        ("project", "project" if site.cloud else None),
        ("Key", None),
    ]


def test_workflows_bind_people_and_integrator(site: JiraStandIn) -> None:
    backlog = frozenset({"10001"})
    ask_field = Transition("21", "Finish", "10004", backlog, screen=True, required=("customfield_10042",))
    with_workflow(site, "OPS", Transition("11", "Start work", "3", backlog), ask_field)
    with_screen(site, "OPS", "summary", "labels")
    without_column(site, "Emergency Queue")
    key = site.create_issue("OPS", "carol", "One")
    ask = asking(site)
    steps = ask("GET", f"api/2/issue/{key}/transitions", expand="transitions.fields")["transitions"]
    assert [(s["name"], s["to"]["name"], list(s["fields"])) for s in steps] == [
        ("Start work", "In Progress", []),
        ("Finish", "Done", ["customfield_10042"]),
    ]
    assert [s.get("hasScreen") for s in steps] == ([False, True] if site.cloud else [None, None])
    assert refused(ask, "POST", f"api/2/issue/{key}/transitions", {"transition": {"id": "21"}}) == 400
    assert list(ask("GET", f"api/2/issue/{key}/editmeta")["fields"]) == ["labels", "summary"]
    with pytest.raises(LookupError):
        site.transition(key, "alice", "Emergency Queue")
    columns = ask("GET", "agile/1.0/board/81/configuration")["columnConfig"]["columns"]
    assert [(c["name"], c.get("max")) for c in columns] == [
        ("Backlog", None),
        ("In Progress", 1),
        ("Review", None),
        ("Done", None),
    ]
    ask("POST", f"api/2/issue/{key}/transitions", {"transition": {"id": "21"}, "fields": {"customfield_10042": "KR1"}})
    assert site.issue(key).status == "Done"


def test_the_board_and_its_order(site: JiraStandIn) -> None:
    for summary in ("one", "two", "three"):
        site.create_issue("OPS", "carol", summary)
    site.transition("OPS-2", "alice", "In Progress")
    client(site).rank("OPS-3", next_issue="OPS-1")
    ask = asking(site)
    board = ask("GET", "agile/1.0/board/81/issue")
    assert [issue["key"] for issue in board["issues"]] == ["OPS-3", "OPS-1", "OPS-2"]
    assert [i["key"] for i in ask("GET", "agile/1.0/board/81/issue", jql="status in (3)")["issues"]] == ["OPS-2"]
    assert [i["key"] for i in ask("GET", "agile/1.0/board/81/backlog")["issues"]] == ["OPS-3", "OPS-1"]


def test_v3_speaks_documents(cloud: JiraStandIn) -> None:
    key = cloud.create_issue("OPS", "carol", "One", "first\nline\n\nsecond")
    ask = asking(cloud, version="3")
    document = ask("GET", f"api/3/issue/{key}")["fields"]["description"]
    assert [p["type"] for p in document["content"]] == ["paragraph", "paragraph"]
    ask("POST", f"api/3/issue/{key}/comment", {"body": document})
    assert cloud.issue(key).comments[0].body == "first\nline\n\nsecond"


def test_reads_lag_but_writes_and_webhooks_do_not(site: JiraStandIn, clock: Clock) -> None:
    key = site.create_issue("OPS", "carol", "One")
    site.lag = 3
    jira = client(site)
    with pytest.raises(JIRAError, match="does not exist"):
        jira.issue(key)
    clock.pass_by(3)
    site.set_labels(key, "alice", ["P0"])
    assert (jira.issue(key).fields.labels, site.issue(key).labels) == ([], ("P0",))
    assert site.deliveries[-1].json["issue"]["fields"]["labels"] == ["P0"]
    clock.pass_by(3)
    assert jira.issue(key).fields.labels == ["P0"]


def test_webhooks_are_registered_where_the_version_has_them(site: JiraStandIn) -> None:
    ask, about = (
        asking(site, "ada"),
        {"name": "integrator", "url": "https://integrator.acme.example", "events": ["comment_created"]},
    )
    if site.cloud:
        made = ask("POST", "webhooks/1.0/webhook", {**about, "secret": "s", "filters": {}, "excludeBody": False})
        assert (made["isSigned"], "secret" in made) == (True, False)
        assert ask("GET", "webhooks/1.0/webhook") == [{**made, "self": made["self"]}]
        made_status = ask(
            "POST",
            "api/2/statuses",
            {"scope": {"type": "GLOBAL"}, "statuses": [{"name": "New", "statusCategory": "TODO"}]},
        )
        found = ask("GET", "api/2/statuses/search", searchString="new")["values"]
        assert found == made_status
    else:
        ask("POST", "jira-webhook/1.0/webhooks", {**about, "configuration": {"SECRET": "s"}, "active": True})
        ask("POST", "jira-webhook/1.0/webhooks", {**about, "secret": "ignored"})
        assert [hook["SECRET"] for hook in site.webhooks] == ["s", None]
        assert "SECRET" not in ask("GET", "jira-webhook/1.0/webhooks")[0]["configuration"]


def test_what_a_site_says_about_itself(site: JiraStandIn) -> None:
    jira, ask = client(site), asking(site)
    assert jira.deploymentType == ("Cloud" if site.cloud else "Server")
    assert {field["name"] for field in jira.fields()} >= {"Summary", "OKR impact", "Rank"}
    projects = ask("GET", "api/2/project/search")["values"] if site.cloud else ask("GET", "api/2/project")
    assert [project["key"] for project in projects] == ["OPS", "WEB"]
    assert ask("GET", "api/2/project/OPS")["key"] == "OPS"
    kinds = ask("GET", "api/2/project/OPS/statuses")
    assert [status["name"] for status in kinds[0]["statuses"]][-1] == "Emergency Queue"
    assert jira.priorities()[0].name == "Highest"
    assert jira.statuses()[0].name == "Backlog"
