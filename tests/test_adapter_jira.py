"""The Jira adapter against a stand-in site, Cloud and Data Center: what it reads, writes, and in how many requests."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from adapters.tracker import Gone, Unreachable
from mapping.changes import DropComment, MoveTo, SetFields, SetLabels
from mapping.issue import Column, Happened, Issue, Marker, Standing
from tests.adapter_jira_house import PRODUCTS, Start, houses, read, ref, status, write
from tests.contracts import Recorder
from tests.standins.jira.state import Product

P0 = SetLabels(frozenset({"P0", "emergency"}), frozenset({"needs-triage"}), ())
QUEUE = MoveTo(Column.EMERGENCY_QUEUE, ())


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


def happened(issue: Issue) -> list[tuple[str, str, str]]:
    return [(e.kind.value, e.value, e.by.name if e.by else "") for e in issue.timeline]


@pytest.mark.parametrize("product", PRODUCTS)
def test_fresh_issue_costs_one_read_and_three_writes(start: Start, product: Product) -> None:
    house = start(product)
    tracker = house.tracker()
    read(tracker, house.jira.create_issue("WEB", "alice", "warms the caches"))
    key = house.jira.create_issue("WEB", "carol", 'Down "; DROP {code} |*', "h2. All", ["needs-triage"], "High")
    house.asked()
    issue = read(tracker, key)
    first = house.asked()
    outcome = write(tracker, key, P0, status("body", promised="x"), QUEUE, SetFields({"priority": "Highest"}, ()))
    bulk = "POST issue/bulkfetch" if product == "cloud" else f"GET issue/{key}"
    assert first == [bulk]
    assert house.asked() == [f"POST issue/{key}/comment", f"POST issue/{key}/transitions", f"PUT issue/{key}"]
    assert (issue.title, issue.priority) == ('Down "; DROP {code} |*', "High")
    assert issue.labels == {"needs-triage"}
    assert len(outcome.applied) == 4
    assert outcome.failed == ()
    seen, again = house.jira.issue(key), read(tracker, key)
    assert house.asked() == [bulk]
    assert (seen.status, seen.labels, seen.priority) == ("Emergency Queue", ("P0", "emergency"), "Highest")
    assert again.comments[0].marker is not None
    assert again.comments[0].marker.memo == {"promised": "x"}
    assert again.comments[0].marker.digest == status(promised="x").digest
    assert outcome.updated_at is not None
    assert issue.updated_at < outcome.updated_at <= again.updated_at
    assert again.card is not None
    assert (again.card.column, again.card.barred) == (Column.EMERGENCY_QUEUE, {})


@pytest.mark.parametrize("product", PRODUCTS)
def test_timeline_tells_who_did_what(start: Start, product: Product) -> None:
    house = start(product)
    jira, tracker = house.jira, house.tracker()
    key = jira.create_issue("OPS", "carol", "x", labels=["old", "form"], priority="Low")
    jira.set_labels(key, "bob", ["form", "P1"])
    jira.set_priority(key, "renovate", "High")
    jira.assign(key, "alice", "bob")
    jira.transition(key, "alice", "Done")
    jira.edit_description(key, "carol", "more")
    issue = read(tracker, key)
    assert happened(issue)[:5] == [
        ("labeled", "form", "carol"),
        ("labeled", "old", "carol"),
        ("prioritized", "Low", "carol"),
        ("unlabeled", "old", "bob"),
        ("labeled", "P1", "bob"),
    ]
    assert [e for e in happened(issue)[5:] if e[0] != "assigned"] == [
        ("prioritized", "High", "renovate"),
        ("moved", "Done", "alice"),
        ("closed", "", "alice"),
    ]
    assert len({event.id for event in issue.timeline}) == len(issue.timeline)
    assert issue.timeline[0].at == issue.created_at
    assert issue.closed_at == next(e.at for e in issue.timeline if e.kind is Happened.CLOSED)
    assert issue.body_edited_at == issue.updated_at
    jira.transition(key, "carol", "Review")
    reopened = read(tracker, key)
    assert reopened.closed_at is None
    assert happened(reopened)[-2:] == [("moved", "Review", "carol"), ("reopened", "", "carol")]


@pytest.mark.parametrize("product", PRODUCTS)
def test_standing_of_each_kind_of_person(start: Start, product: Product) -> None:
    house = start(product)
    key = house.jira.create_issue("OPS", "carol", "x")
    for name in ("alice", "renovate", "carol", "integrator", "ada"):
        house.jira.comment(key, name, f"by {name}")
    former = house.jira.world.people["ada"].id
    tracker = house.tracker(former=[former])
    standing = {c.by.name: c.by.standing for c in read(tracker, key).comments if c.by}
    # Data Center doesn't tell apps from people.
    app = Standing.BOT if product == "cloud" else Standing.TEAM
    assert standing == {
        "alice": Standing.TEAM,
        "renovate": app,
        "carol": Standing.OUTSIDER,
        "integrator": Standing.SELF,
        "ada": Standing.SELF,
    }


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("named", ["old key", "id"])
def test_issue_under_another_name_says_where_it_is(start: Start, product: Product, named: str) -> None:
    house = start(product)
    key = house.jira.create_issue("OPS", "alice", "x")
    moved = house.jira.move(key, "alice", "WEB")
    asked = ref(key) if named == "old key" else ref(str(house.jira.issue(moved).id))
    answer = house.tracker().read([asked])[asked]
    assert isinstance(answer, Gone)
    assert answer == Gone("it was moved", ref(moved))
    assert ("transferred", moved, "alice") in happened(read(house.tracker(), moved))


def test_missing_and_foreign_issues_are_gone(start: Start) -> None:
    house = start(projects=("OPS", "HR"))
    tracker = house.tracker()
    kept = house.jira.create_issue("OPS", "alice", "x")
    foreign = house.jira.create_issue("HR", "alice", "salaries")
    answers = tracker.read([ref(kept), ref("OPS-99"), ref(foreign)])
    whys = [gone.why for k in (kept, "OPS-99", foreign) if isinstance(gone := answers[ref(k)], Gone)]
    # Whoever prints it says of which issue.
    assert whys == [
        "it does not exist, or the integrator's account can't see it",
        "it is in none of the connected projects (OPS, WEB)",
    ]
    assert house.asked()[:2] == ["POST issue/bulkfetch", "GET issue/OPS-99"]


def test_250_issues_are_read_in_three_requests(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    refs = [ref(house.jira.create_issue("OPS", "alice", f"no {n}")) for n in range(250)]
    assert all(isinstance(issue, Issue) for issue in tracker.read(refs).values())
    assert house.asked().count("POST issue/bulkfetch") == 3
    assert len(house.jira.requests) <= 6


def test_what_jira_cuts_off_is_asked_for(start: Start) -> None:
    house = start()
    house.jira.page_sizes |= {"bulk_comments": 2, "comments": 3, "bulk_changelog": 2, "changelog": 3}
    key = house.jira.create_issue("OPS", "alice", "x")
    for n in range(7):
        house.jira.comment(key, "alice", f"comment {n}")
        house.jira.set_labels(key, "bob", [f"label-{n}"])
    issue = read(house.tracker(), key)
    assert [c.body for c in issue.comments] == [f"comment {n}" for n in range(7)]
    assert [e.value for e in issue.timeline if e.kind is Happened.LABELED] == [f"label-{n}" for n in range(7)]


def test_answer_lost_after_the_comment_was_made(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "alice", "x")
    read(tracker, key)
    house.jira.fault(lambda method, path, _: method == "POST" and path.endswith("/comment"), "reset-after")
    with pytest.raises(Unreachable):
        write(tracker, key, status(n=1), P0)
    house.asked()
    for _ in range(2):
        comments = read(tracker, key).comments
        assert [c.marker.digest for c in comments if c.marker] == [status(n=1).digest]
    assert house.asked() == ["POST issue/bulkfetch", f"GET issue/{key}/comment", "POST issue/bulkfetch"]
    # Whatever writes the property next lists the recovered comment.
    write(tracker, key, DropComment("404404", ()), status("new", comments_id := comments[0].id, n=2))
    assert house.jira.issue(key).properties["spark-integrator"]["comments"]["status"]["id"] == comments_id
    assert len(house.jira.issue(key).comments) == 1


def test_two_comments_with_one_marker_are_both_seen(start: Start) -> None:
    house = start()
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "alice", "x")
    read(tracker, key)
    write(tracker, key, status(n=1))
    marker = {"spark-integrator": {"key": "status", "digest": "d", "memo": {}}}
    second = house.jira.comment(key, "integrator", "again", properties=marker)
    assert [c.marker.key for c in read(tracker, key).comments if c.marker] == ["status", "status"]
    assert write(tracker, key, DropComment(second, ())).failed == ()
    assert [c.id for c in house.jira.issue(key).comments] != [second]
    assert len(house.jira.issue(key).comments) == 1


def test_forged_markers_do_not_count(start: Start) -> None:
    house = start()
    key = house.jira.create_issue("OPS", "alice", "x")
    marker = {"spark-integrator": {"key": "status", "digest": "forged", "memo": {"confirmed": True}}}
    house.jira.comment(key, "carol", "not ours", properties=marker)
    ours = house.jira.comment(key, "integrator", "ours", properties=marker)
    house.jira.edit_comment(key, "alice", ours, "ours, edited")
    entry = {"digest": "forged", "memo": {}}
    record = house.jira.world.find(key)
    assert record is not None
    listed = {"status": {"id": ours, **entry}, "other": {"id": record.comments[0].id, **entry}, "odd": 7}
    house.jira.acts.put_property(record, "spark-integrator", {"comments": listed})
    assert [c.marker for c in read(house.tracker(), key).comments] == [None, Marker("status", "")]


def test_comments_in_a_service_project_are_internal(start: Start) -> None:
    house = start()
    projects = house.jira.world.projects
    projects["OPS"] = replace(projects["OPS"], service_desk=True)
    key = house.jira.create_issue("OPS", "carol", "x")
    for internal, expected in ((True, True), (False, False)):
        tracker = house.tracker(internal_comments=internal)
        read(tracker, key)
        write(tracker, key, status(n=internal))
        assert read(tracker, key).comments[-1].internal is expected


def test_write_without_a_read_before_it_reads_first(start: Start) -> None:
    house = start()
    tracker = house.tracker(board=None)
    key, gone = (house.jira.create_issue("OPS", "carol", "x") for _ in range(2))
    house.jira.delete_issue(gone, "alice")
    outcomes = tracker.apply({ref(gone): [P0], ref(key): [P0, QUEUE]}, lambda: True)
    assert outcomes[ref(gone)].failed == ((P0, "it is gone"),)
    assert outcomes[ref(key)].applied == (P0,)
    assert outcomes[ref(key)].failed == ((QUEUE, "no board is connected, so there is no column to move to"),)
    assert house.asked().count("POST issue/bulkfetch") == 2
