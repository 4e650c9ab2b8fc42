"""The stand-in Jira's boards, searches and fields behave as Jira's do, as far as is known."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.standins.jira.acme import acme
from tests.standins.jira.client import Ask, asking, refused
from tests.standins.jira.server import JiraStandIn
from tests.standins.jira.state import BoardColumn, CustomField

COLUMNS = "greenhopper/1.0/rapidviewconfig/columns"
MODEL = "greenhopper/1.0/rapidviewconfig/editmodel.json"
TYPES = "com.atlassian.jira.plugin.system.customfieldtypes:"


@pytest.fixture
def jira() -> Iterator[JiraStandIn]:
    with acme() as site:
        yield site
    assert site.unexpected == []


@pytest.fixture
def ask(jira: JiraStandIn) -> Ask:
    return asking(jira)


def found(ask: Ask, jql: str) -> list[str]:
    return [issue["key"] for issue in ask("POST", "api/3/search/jql", {"jql": jql, "fields": ["key"]})["issues"]]


QUERIES = [
    ("filter = 10040", ["OPS-1", "OPS-2"]),
    ("filter = 10040 AND labels in (a) OR project = WEB", ["OPS-1", "WEB-1"]),
    ("(filter = 10040 OR project = WEB) AND labels not in (a)", ["OPS-2", "WEB-1"]),
    ('key in ("OPS-2") or (labels = "a b\\"(c)" or labels = a)', ["OPS-1", "OPS-2"]),
    ("type = Task and filter = 10040", ["OPS-2"]),
    ("status in (3, 10003) AND (project = OPS)", ["OPS-2"]),
]


@pytest.mark.parametrize(("jql", "keys"), QUERIES)
def test_queries_with_or_and_brackets(jira: JiraStandIn, ask: Ask, jql: str, keys: list[str]) -> None:
    jira.create_issue("OPS", "alice", "x", labels=["a"])
    jira.transition(jira.create_issue("OPS", "alice", "x", issue_type="Task"), "bob", "Review")
    jira.create_issue("WEB", "alice", "x")
    assert found(ask, f"{jql} ORDER BY key ASC") == keys


@pytest.mark.parametrize("jql", ["filter = 1", "(project = OPS", "key in (OPS-9)", "filter = 10040"])
def test_queries_that_jira_refuses(jira: JiraStandIn, ask: Ask, jql: str) -> None:
    jira.world.boards[81] = replace(jira.world.boards[81], shared_with=frozenset({"alice"}))
    assert refused(ask, "POST", "api/3/search/jql", {"jql": jql}) == 400


def test_search_lags_and_reading_by_key_does_not(jira: JiraStandIn, ask: Ask) -> None:
    key = jira.create_issue("OPS", "alice", "x")
    jira.search_lag = 60
    jira.transition(key, "bob", "In Progress")
    assert found(ask, "status = 3") == []
    fields = ask("GET", f"api/2/issue/{key}", fields="status,customfield_10019")["fields"]
    assert fields["status"]["id"] == "3"
    assert fields["customfield_10019"].startswith("0|")


def test_ranks_sort_as_text(jira: JiraStandIn, ask: Ask) -> None:
    keys = [jira.create_issue("OPS", "alice", "x") for _ in range(4)]
    ask("PUT", "agile/1.0/issue/rank", {"issues": [keys[3], keys[2]], "rankBeforeIssue": keys[0]})
    ask("PUT", "agile/1.0/issue/rank", {"issues": [keys[0]], "rankAfterIssue": keys[1], "rankCustomFieldId": 10019})
    ranks = {k: ask("GET", f"api/2/issue/{k}", fields="customfield_10019")["fields"]["customfield_10019"] for k in keys}
    wanted = [keys[3], keys[2], keys[1], keys[0]]
    assert sorted(keys, key=lambda key: ranks[key]) == wanted
    assert [i["key"] for i in ask("GET", "agile/1.0/board/81/issue")["issues"]] == wanted


def test_ranking_in_part_is_told_issue_by_issue(jira: JiraStandIn, ask: Ask) -> None:
    ours, theirs = jira.create_issue("OPS", "alice", "x"), jira.create_issue("WEB", "alice", "x")
    pivot = jira.create_issue("OPS", "alice", "x")
    may = jira.world.people["integrator"].grants["WEB"]
    jira.world.grant("integrator", may - {"SCHEDULE_ISSUES"}, "WEB")
    answer = ask("PUT", "agile/1.0/issue/rank", {"issues": [ours, theirs], "rankAfterIssue": pivot})
    assert [entry["status"] for entry in answer["entries"]] == [200, 403]
    assert refused(ask, "PUT", "agile/1.0/issue/rank", {"issues": [theirs], "rankAfterIssue": pivot}) == 403


DATES: list[tuple[str, Any, int]] = [
    ("datetime", "2026-11-23T10:30:00.000+0100", 200),
    ("datetime", "2026-11-23T10:30Z", 400),
    ("datepicker", "2026-11-23", 200),
    ("datepicker", "2026-11-23T10:30Z", 400),
    ("textfield", "two\nlines", 400),
    ("textfield", "x" * 256, 400),
    ("labels", ["a", "b"], 200),
    ("labels", ["a b"], 400),
    ("float", "7", 400),
]


@pytest.mark.parametrize(("kind", "value", "status"), DATES)
def test_fields_take_only_what_jira_takes(jira: JiraStandIn, ask: Ask, kind: Any, value: Any, status: int) -> None:
    jira.world.fields["customfield_1"] = CustomField("customfield_1", "X", kind)
    jira.world.put_on_screen("OPS", "customfield_1")
    key = jira.create_issue("OPS", "alice", "x")
    assert refused(ask, "PUT", f"api/2/issue/{key}", {"fields": {"customfield_1": value}}) == status
    shown = ask("GET", f"api/2/issue/{key}", fields="customfield_1")["fields"]["customfield_1"]
    assert shown == (value if status == 200 and kind != "datetime" else shown)
    assert (shown is None) is (status == 400)


def test_only_administrators_create_fields(jira: JiraStandIn, ask: Ask) -> None:
    body = {"name": "ETA", "type": f"{TYPES}datetime", "searcherKey": f"{TYPES}datetimerange"}
    assert refused(ask, "POST", "api/2/field", body) == 403
    admin = asking(jira, "ada")
    for wrong in ({"name": " "}, {"type": "datetime"}, {"searcherKey": f"{TYPES}textsearcher"}):
        assert refused(admin, "POST", "api/2/field", {**body, **wrong}) == 400
    made = admin("POST", "api/2/field", body)["id"]
    assert made not in jira.world.projects["OPS"].screen
    admin("POST", f"api/2/screens/addToDefault/{made}")
    assert made in jira.world.projects["OPS"].screen
    assert refused(admin, "POST", "api/2/screens/addToDefault/customfield_9") == 404


def column(name: str, *statuses: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "mappedStatuses": [{"id": status} for status in statuses], **more}


def test_columns_are_replaced_whole(jira: JiraStandIn, ask: Ask) -> None:
    jira.world.grant("integrator", jira.world.people["ada"].grants["OPS"] | {"ADMINISTER_PROJECTS"}, "OPS")
    model = ask("GET", MODEL, rapidViewId=81)
    assert (model["canEdit"], model["rapidListConfig"]["currentStatisticsField"]["id"]) == (True, "issueCount_")
    assert model["rapidListConfig"]["mappedColumns"][1]["max"] == 1
    body = {
        "rapidViewId": 81,
        "mappedColumns": [column("To do", "10001", id=101), column("Doing", "3", min="", max="")],
    }
    ask("PUT", COLUMNS, body)
    assert jira.world.boards[81].columns[0] == BoardColumn("To do", ("10001",), id=101)
    assert (jira.world.boards[81].columns[1].max, jira.world.boards[81].constraint) == (None, "none")
    jira.lost_columns = 1
    ask("PUT", COLUMNS, {"rapidViewId": 81, "mappedColumns": []})
    assert len(jira.world.boards[81].columns) == 2
    jira.world.boards[81] = replace(jira.world.boards[81], kind="simple")
    assert refused(ask, "PUT", COLUMNS, body) == 500
    assert refused(asking(jira, "bob"), "PUT", COLUMNS, body) == 403
    assert refused(ask, "GET", MODEL, rapidViewId=9) == 404


def test_board_says_what_is_on_it(jira: JiraStandIn, ask: Ask) -> None:
    board = jira.world.boards[81]
    jira.world.boards[81] = replace(board, kind="scrum", sub_query="labels = x", ranked=False)
    config = ask("GET", "agile/1.0/board/81/configuration")
    assert (config["type"], config["subQuery"], "ranking" in config) == ("scrum", {"query": "labels = x"}, False)
    assert config["filter"]["id"] == "10040"
