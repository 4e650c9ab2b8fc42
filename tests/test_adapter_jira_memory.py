"""What the Jira adapter keeps in an issue's property: acknowledgements, and that nothing in it is believed blindly."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import responses

from adapters.jira import Bearer, JiraTracker
from adapters.jira.memory import (
    LONGEST_PROPERTY,
    Cause,
    Child,
    Memory,
    acknowledged_in,
    cause_in,
    is_whole,
    on_issue,
    opened_in,
    opening_in,
    written,
)
from mapping.changes import Acknowledge, SetLabels
from mapping.issue import Issue, Marker, Opened
from tests.adapter_jira_house import PRODUCTS, House, Start, draft, houses, opens, read, ref, status, write
from tests.contracts import Recorder
from tests.standins.jira.state import Product

OURS = "spark-integrator"
LABEL = SetLabels(frozenset({"P0"}), frozenset(), ())
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CHILD = {"id": "12", "key": "OPS-9", "at": "2026-11-23T12:00:00.000+00:00"}


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


def acknowledge(*comments: str) -> Acknowledge:
    return Acknowledge(comments, ())


def acknowledged(issue: Issue) -> list[str]:
    return [comment.id for comment in issue.comments if comment.acknowledged_at is not None]


def put(house: House, key: str, value: Any) -> None:
    record = house.jira.world.find(key)
    assert record is not None
    house.jira.acts.put_property(record, OURS, value)


@pytest.mark.parametrize("product", PRODUCTS)
def test_acknowledged_until_edited(start: Start, product: Product) -> None:
    house = start(product)
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "carol", "Down")
    first, second, third = (house.jira.comment(key, "alice", f"/p{n}") for n in range(3))
    house.jira.edit_comment(key, "alice", second, "/p1 now")
    read(tracker, key)
    house.asked()
    outcome = write(tracker, key, acknowledge(first, second, "404404"), LABEL, status(n=1))
    assert len(outcome.applied) == 3
    assert house.asked() == [f"POST issue/{key}/comment", f"PUT issue/{key}"]
    issue = read(tracker, key)
    assert acknowledged(issue) == [first, second]
    assert issue.comments[0].acknowledged_at == issue.comments[0].at
    assert issue.comments[1].acknowledged_at == issue.comments[1].edited_at
    house.jira.edit_comment(key, "alice", first, "/p3")
    house.jira.delete_comment(key, "alice", second)
    assert acknowledged(read(tracker, key)) == []
    house.asked()
    write(tracker, key, acknowledge(third), opens(key))
    assert acknowledged(read(tracker, key)) == [third]
    kept = house.jira.issue(key).properties[OURS]
    assert (set(kept["acknowledged"]), set(kept["comments"]), len(kept["opened"])) == ({first, third}, {"status"}, 1)
    # Alone it costs a request, again none.
    write(tracker, key, acknowledge(first))
    read(tracker, key)
    house.asked()
    assert write(tracker, key, acknowledge(first)).failed == ()
    assert house.asked() == []


def test_acknowledged_whatever_time_zone_jira_answers_in(start: Start) -> None:
    house = start(zone=ZoneInfo("America/Los_Angeles"))
    key = house.jira.create_issue("OPS", "carol", "Down")
    comment = house.jira.comment(key, "alice", "/p0")
    write(house.tracker(), key, acknowledge(comment))
    house.jira.world.zone = ZoneInfo("Asia/Kolkata")
    assert acknowledged(read(house.tracker(), key)) == [comment]


def test_refused_property_is_a_failed_acknowledgement(start: Start) -> None:
    house = start()
    key = house.jira.create_issue("OPS", "carol", "Down")
    comment = house.jira.comment(key, "alice", "/p0")
    reader = house.tracker("carol")
    read(reader, key)
    outcome = write(reader, key, change := acknowledge(comment))
    assert outcome.failed == ((change, "You do not have the permission EDIT_ISSUES."),)


def test_acknowledgement_survives_a_field_that_is_refused(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "carol", "Down")
    comment = house.jira.comment(key, "alice", "/p0")
    read(tracker, key)
    bad = SetLabels(frozenset({"two words"}), frozenset(), ())
    outcome = write(tracker, key, acknowledge(comment), bad)
    assert ([type(c) for c in outcome.applied], [c for c, _ in outcome.failed]) == ([Acknowledge], [bad])
    assert acknowledged(read(tracker, key)) == [comment]


def test_an_opened_issue_that_may_not_be_read_stays_as_it_was_listed() -> None:
    site, said = "https://jira.acme.example", "2026-11-23T09:00:00.000+0000"
    listed = {"comments": {}, "opened": {"retrospective@1": CHILD}}
    fields = {"summary": "x", "created": said, "updated": said, "status": {"id": "1", "name": "To Do"}}
    issue = {"id": "3", "key": "OPS-3", "fields": fields, "properties": {OURS: listed}}
    with responses.RequestsMock() as api:
        api.get(f"{site}/rest/api/2/myself", json={"key": "JIRAUSER1", "name": "robot"})
        api.get(f"{site}/rest/api/2/issue/OPS-3", json=issue)
        api.get(f"{site}/rest/api/2/issue/12", status=403, json={"errorMessages": ["No."]})
        how: dict[str, Any] = {"product": "data-center", "clock": lambda: NOON, "auth": Bearer("t")}
        seen = read(JiraTracker(name="jira", url=site, projects=["OPS"], **how), "OPS-3")
    assert seen.opened == (Opened("retrospective@1", ref("OPS-9"), NOON),)


def test_only_the_newest_acknowledgements_are_kept() -> None:
    versions = {str(n): written(NOON + timedelta(minutes=n)) for n in range(250)}
    memory = Memory().acknowledging(versions)
    assert set(memory.acknowledged) == {str(n) for n in range(50, 250)}
    assert memory.acknowledging({"1": versions["1"]}) == memory
    assert memory.fitted() is memory


def test_the_property_never_outgrows_what_jira_takes() -> None:
    said = {"status": ("1", Marker("status", "d", {"memo": "x" * (LONGEST_PROPERTY - 3_000)}))}
    memory = Memory(said).acknowledging({str(n): written(NOON + timedelta(minutes=n)) for n in range(200)})
    short = memory.fitted()
    assert 20 < len(short.acknowledged) < 200
    assert "199" in short.acknowledged
    assert len(str(on_issue(short)["value"])) < LONGEST_PROPERTY
    assert short.comments == memory.comments


def test_times_are_written_in_one_way() -> None:
    at = NOON.astimezone(ZoneInfo("Asia/Kolkata")) + timedelta(microseconds=500)
    assert written(at) == written(NOON) == "2026-11-23T12:00:00.000+00:00"


def test_the_property_reads_as_it_was_written() -> None:
    memory = Memory(
        {"status": ("1", Marker("status", "d", {"n": 1}))},
        {"7": written(NOON)},
        {"retrospective@1": Child("12", "OPS-9", NOON)},
        frozenset({"retrospective@2"}),
        Cause("retrospective@1", "3", "OPS-3"),
    )
    one = on_issue(memory)
    issue = {"properties": {one["key"]: one["value"]}}
    assert is_whole(issue)
    assert acknowledged_in(issue) == memory.acknowledged
    assert opened_in(issue) == memory.opened
    assert opened_in(issue)["retrospective@1"].at == NOON
    assert opening_in(issue) == memory.opening
    assert cause_in(issue) == memory.cause


GARBAGE: list[Any] = [
    None,
    "x",
    7,
    [],
    {"comments": [], "acknowledged": [1], "opened": "x", "opening": {"a": 1}, "for": []},
    {"acknowledged": {"1": 2, "3": None}, "opened": {"k": 1}, "opening": [1, None], "for": {"key": 1}},
    {"opened": {"k": {**CHILD, "id": 12}}, "for": {"key": "k", "id": "1", "issue": "../../OPS-1"}},
    {"opened": {"k": {**CHILD, "id": "1 OR 1=1"}}, "for": {"key": "k", "id": "1"}},
    {"opened": {"k": {**CHILD, "id": "٣"}}},
    {"opened": {"k": {**CHILD, "key": "ops 9"}}},
    {"opened": {"k": {**CHILD, "at": "yesterday"}}},
    {"opened": {"k": {**CHILD, "at": None}}},
]


@pytest.mark.parametrize("value", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_in_the_property_is_left_out(start: Start, value: Any) -> None:
    house = start()
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "carol", "Down")
    comment = house.jira.comment(key, "alice", "/p0")
    other = house.jira.create_issue("OPS", "alice", "Other")
    house.jira.link(key, "alice", other)
    read(tracker, key)
    put(house, key, value)
    house.asked()
    issue = read(tracker, key)
    assert (issue.opened, issue.opened_for, acknowledged(issue)) == ((), None, [])
    assert house.asked() == ["POST issue/bulkfetch"]
    assert write(tracker, key, acknowledge(comment)).failed == ()
    assert set(house.jira.issue(key).properties[OURS]) == {"comments", "acknowledged"}


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("setting", [True, False])
def test_drafts_are_internal_whatever_the_setting(start: Start, product: Product, setting: bool) -> None:
    house = start(product)
    projects = house.jira.world.projects
    projects["OPS"] = replace(projects["OPS"], service_desk=True)
    tracker = house.tracker(internal_comments=setting)
    key = house.jira.create_issue("OPS", "carol", "Down")
    assert read(tracker, key).has_internal_comments
    assert write(tracker, key, draft(engineer="")).failed == ()
    (first,) = read(tracker, key).comments
    assert first.marker is not None
    assert (first.marker.key, first.marker.digest) == ("draft@acknowledgement", draft(engineer="").digest)
    assert write(tracker, key, draft("Dear customer, Bob", first.id, engineer="bob")).failed == ()
    internal = {"key": "sd.public.comment", "value": {"internal": True}}
    said = [r.body["properties"] for r in house.jira.requests if r.body and "body" in r.body]
    assert [internal in properties for properties in said] == [True, True]
    (comment,) = house.jira.issue(key).comments
    assert (comment.body, comment.internal) == ("Dear customer, Bob", True)


def test_drafts_are_not_written_where_customers_cannot_be_kept_out(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "carol", "Down")
    assert not read(tracker, key).has_internal_comments
    outcome = write(tracker, key, change := draft(), LABEL)
    assert outcome.applied == (LABEL,)
    assert [c for c, _ in outcome.failed] == [change]
    assert outcome.failed[0][1].startswith("the project is no service project")
    assert house.jira.issue(key).comments == ()
