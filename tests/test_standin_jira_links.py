"""The stand-in Jira makes new issues and links as the platforms do; every exchange is judged."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contracts import Recorder
from tests.standins.jira.acme import acme, with_create_screen
from tests.standins.jira.client import Clock, asking, refused
from tests.standins.jira.server import JiraStandIn
from tests.standins.jira.state import TEAM, Product

PRODUCTS: tuple[Product, ...] = ("cloud", "data-center")
RELATES = {"type": {"name": "Relates"}, "outwardIssue": {"key": "OPS-1"}}
NEW: dict[str, Any] = {
    "fields": {"project": {"key": "OPS"}, "issuetype": {"id": "10001"}, "summary": "Retrospective"},
    "update": {"issuelinks": [{"add": RELATES}]},
    "properties": [{"key": "k", "value": {"for": "OPS-1"}}],
}


@pytest.fixture(params=PRODUCTS)
def site(request: pytest.FixtureRequest, recorder: Recorder) -> Iterator[JiraStandIn]:
    with acme(product=request.param, clock=Clock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC)), retry_pause=0.01) as site:
        recorder.register(site.url, "jira-cloud" if site.cloud else "jira-dc")
        site.create_issue("OPS", "carol", "Down")
        yield site
    assert site.unexpected == []


def links(site: JiraStandIn, key: str, who: str = "integrator") -> list[tuple[str, str, str]]:
    """Of each link the end, the other issue, and its status."""
    found = asking(site, who)("GET", f"api/2/issue/{key}", fields="issuelinks")["fields"]["issuelinks"]
    ends = [(end, link[end]) for link in found for end in ("inwardIssue", "outwardIssue") if end in link]
    return [(end, other["key"], other["fields"]["status"]["name"]) for end, other in ends]


def test_an_issue_is_made_with_its_link_and_property(site: JiraStandIn) -> None:
    before = len(site.deliveries)
    made = asking(site)("POST", "api/2/issue", NEW)
    assert (made["key"], site.issue("OPS-2").properties) == ("OPS-2", {"k": {"for": "OPS-1"}})
    assert links(site, "OPS-2") == [("outwardIssue", "OPS-1", "Backlog")]
    assert links(site, "OPS-1") == [("inwardIssue", "OPS-2", "Backlog")]
    said = [delivery.json for delivery in site.deliveries[before:]]
    assert [body["webhookEvent"] for body in said] == ["jira:issue_created", "issuelink_created"]
    link = said[1]["issueLink"]
    ends = [site.issue(key).id for key in ("OPS-2", "OPS-1")]
    assert [link["sourceIssueId"], link["destinationIssueId"], link["issueLinkType"]["name"]] == [*ends, "Relates"]
    assert "issue" not in said[1]
    items = [site.issue(key).histories[-1].items[0] for key in ("OPS-1", "OPS-2")]
    assert [(item.field, item.after, item.after_text) for item in items] == [
        ("Link", "OPS-2", "This issue relates to OPS-2"),
        ("Link", "OPS-1", "This issue relates to OPS-1"),
    ]


def test_a_link_is_made_once_and_seen_by_whom_may_see_both(site: JiraStandIn) -> None:
    site.create_issue("WEB", "alice", "Other")
    body = {"type": {"name": "Blocks"}, "inwardIssue": {"key": "OPS-1"}, "outwardIssue": {"key": "WEB-1"}}
    for _ in range(2):
        asking(site)("POST", "api/2/issueLink", body)
    assert links(site, "OPS-1") == [("outwardIssue", "WEB-1", "Backlog")]
    assert len([d for d in site.deliveries if d.event == "issuelink_created"]) == 1
    site.transition("WEB-1", "alice", "Done")
    assert links(site, "OPS-1") == [("outwardIssue", "WEB-1", "Done")]
    site.world.grant("bob", frozenset(), "WEB")
    assert links(site, "OPS-1", "bob") == []
    site.delete_issue("WEB-1", "alice")
    assert links(site, "OPS-1") == []


def test_links_lag_as_reads_do(site: JiraStandIn) -> None:
    asking(site)("POST", "api/2/issue", NEW)
    clock = site.world.clock
    assert isinstance(clock, Clock)
    clock.pass_by(5)
    site.transition("OPS-2", "alice", "Done")
    site.lag = 3
    assert links(site, "OPS-1") == [("inwardIssue", "OPS-2", "Backlog")]
    site.lag = 6
    assert refused(asking(site), "GET", "api/2/issue/OPS-2") == 404


def without(**fields: Any) -> dict[str, Any]:
    return {**NEW, "fields": {**NEW["fields"], **fields}}


def linked(**how: Any) -> dict[str, Any]:
    return {**NEW, "update": {"issuelinks": [{"add": {**RELATES, **how}}]}}


REFUSALS: list[tuple[str, dict[str, Any]]] = [
    ("issuelinks", linked(type={"name": "Likes"})),
    ("issuelinks", without(issuelinks=[])),
    ("issuetype", without(issuetype={"name": "Epos"})),
    ("issuetype", without(issuetype={"id": "10002"})),
    ("project", without(project={"key": "HR"})),
    ("customfield_10042", without()),
]


@pytest.mark.parametrize(("field", "body"), REFUSALS)
def test_what_is_refused_makes_nothing(site: JiraStandIn, field: str, body: dict[str, Any]) -> None:
    project = site.world.projects["OPS"]
    required = frozenset({field} if field.startswith("custom") else ())
    site.world.projects["OPS"] = replace(project, levels={"10002": -1}, create_required=required)
    assert refused(asking(site), "POST", "api/2/issue", body) == 400
    assert field in site.requests[-1].answer["errors"]
    assert len(site.world.past) == 1


def test_screens_and_permissions_bind_links(site: JiraStandIn) -> None:
    with_create_screen(site, "OPS", "summary", "description")
    ask = asking(site)
    labelled = {**NEW, "fields": {**NEW["fields"], "labels": ["a"]}}
    assert refused(ask, "POST", "api/2/issue", labelled) == 400
    assert site.requests[-1].answer["errors"].keys() == {"issuelinks", "labels"}
    fields = ask("GET", "api/2/issue/createmeta/OPS/issuetypes/10001")["fields" if site.cloud else "values"]
    assert [(f["fieldId"], f["required"]) for f in fields] == [
        ("project", True),
        ("issuetype", True),
        ("description", False),
        ("summary", True),
    ]
    types = ask("GET", "api/2/issue/createmeta/OPS/issuetypes")["issueTypes" if site.cloud else "values"]
    assert [kind["name"] for kind in types] == ["Task", "Bug"]
    site.world.grant("integrator", TEAM - {"LINK_ISSUES"}, "OPS")
    site.create_issue("OPS", "carol", "Two")
    body = {"type": {"name": "Relates"}, "inwardIssue": {"key": "OPS-2"}, "outwardIssue": {"key": "OPS-1"}}
    assert refused(ask, "POST", "api/2/issueLink", body) == 404
    assert refused(ask, "GET", "api/2/issue/createmeta/HR/issuetypes/10001") == 404
