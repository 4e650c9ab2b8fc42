"""Doctor, prepare and pages of the Jira adapter against a stand-in site."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adapters.jira.search import query, quoted
from adapters.tracker import Health, Unreachable
from mapping.issue import Column
from tests.adapter_jira_house import PRODUCTS, House, Start, houses, ref
from tests.contracts import Recorder
from tests.standins.jira.acme import with_create_screen, with_screen, with_workflow, without_column
from tests.standins.jira.state import BoardColumn, Product, Transition

HOOK = ("https://integrator.acme.example/webhooks/jira", "s3cret")


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


@pytest.mark.parametrize("product", PRODUCTS)
def test_pages_name_every_open_issue_once(start: Start, product: Product) -> None:
    house = start(product)
    house.jira.page_sizes |= {"search_ids": 3, "search": 3}
    keys = [house.jira.create_issue(("OPS", "WEB")[n % 2], "alice", f"no {n}") for n in range(8)]
    house.jira.transition(keys[0], "alice", "Done")
    tracker = house.tracker()
    pages = list(tracker.pages(None, None))
    assert sorted(r.key for page in pages for r in page.refs) == sorted(keys[1:])
    assert pages[-1].cursor is None
    rest = list(tracker.pages(None, pages[0].cursor))
    assert [page.refs for page in rest] == [page.refs for page in pages[1:]]
    assert pages[0].total == (None if product == "cloud" else 7)


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_since_is_told_in_the_time_zone_of_the_account(start: Start, zone: str) -> None:
    house = start(zone=ZoneInfo(zone))
    house.jira.create_issue("OPS", "alice", "old")
    house.clock.at = house.clock.at.replace(hour=11)
    since = house.clock()
    key = house.jira.create_issue("OPS", "alice", "new")
    assert [page.refs for page in house.tracker().pages(since, None)] == [(ref(key),)]


QUERIES = [
    (["OPS"], None, "UTC", 'project in ("OPS") AND statusCategory != Done ORDER BY key ASC'),
    (["A", 'B") OR ("'], None, "UTC", 'project in ("A", "B\\") OR (\\"") AND statusCategory != Done ORDER BY key ASC'),
    (["A"], datetime(2026, 11, 23, 9, 0, 59, tzinfo=UTC), "Europe/Berlin", 'updated >= "2026-11-23 10:00"'),
    (["A"], datetime(2026, 11, 23, 9, 0, tzinfo=UTC), "Mars/Base", 'updated >= "2026-11-22 21:00"'),
    # The hour that comes twice: 02:30 in Berlin, its first coming.
    (["A"], datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Europe/Berlin", 'updated >= "2026-10-25 01:30"'),
]


@pytest.mark.parametrize(("projects", "since", "zone", "expected"), QUERIES)
def test_query(projects: list[str], since: datetime | None, zone: str, expected: str) -> None:
    assert expected in query(projects, since, zone)


def test_quoted_holds_just_the_text() -> None:
    assert quoted('a\\"b\nc') == '"a\\\\\\"b c"'


@pytest.mark.parametrize("product", PRODUCTS)
def test_doctor_finds_a_good_site_good(start: Start, product: Product) -> None:
    house = start(product)
    house.jira.create_issue("OPS", "alice", "x")
    tracker = house.tracker("ada", projects=["OPS"], fields=["OKR impact"], webhook=HOOK, labels=["P0"])
    assert [step.state for step in tracker.prepare(False)] == ["already there", "done"]
    house.asked()
    findings = list(tracker.doctor())
    assert {f.health for f in findings} == {Health.OK}
    assert {f.about for f in findings} >= {"account", "board 81", "field OKR impact", "webhook", "project OPS"}
    reads = ("GET ", "POST search")
    assert all(asked.startswith(reads) for asked in house.asked())


def no_column(house: House) -> None:
    without_column(house.jira, "Review")


def no_status(house: House) -> None:
    project = house.jira.world.projects["OPS"]
    house.jira.world.projects["OPS"] = replace(project, statuses=("10001", "3", "10003", "10004"))


def no_transition(house: House) -> None:
    with_workflow(house.jira, "OPS", Transition("1", "Emergency Queue", "10001"))


def no_limit(house: House) -> None:
    board = house.jira.world.boards[81]
    columns = tuple(replace(c, max=None) if c.name == "In Progress" else c for c in board.columns)
    house.jira.world.boards[81] = replace(board, columns=columns)


def no_status_in_column(house: House) -> None:
    without_column(house.jira, "Review")
    board = house.jira.world.boards[81]
    house.jira.world.boards[81] = replace(board, columns=(*board.columns, BoardColumn("Review", ())))


def no_permission(house: House) -> None:
    may = house.jira.world.people["integrator"].grants["OPS"]
    house.jira.world.grant("integrator", may - {"EDIT_ISSUES"}, "OPS")


def no_new_issues(house: House) -> None:
    may = house.jira.world.people["integrator"].grants["OPS"]
    house.jira.world.grant("integrator", may - {"CREATE_ISSUES", "LINK_ISSUES"}, "OPS")


def new_issues_need_more(house: House) -> None:
    project = house.jira.world.projects["OPS"]
    house.jira.world.projects["OPS"] = replace(project, create_required=frozenset({"customfield_10042", "labels"}))


def no_link_on_screen(house: House) -> None:
    with_create_screen(house.jira, "OPS", "summary", "description", "labels")


def no_standard_type(house: House) -> None:
    project = house.jira.world.projects["OPS"]
    house.jira.world.projects["OPS"] = replace(project, levels={"10001": -1, "10002": -1})


def no_project(house: House) -> None:
    house.jira.world.grant("integrator", frozenset(), "OPS")
    board = house.jira.world.boards[81]
    house.jira.world.boards[81] = replace(board, projects=("WEB",))


def no_labels(house: House) -> None:
    with_screen(house.jira, "OPS", "summary")


def two_fields(house: House) -> None:
    fields = house.jira.world.fields
    fields["customfield_10041"] = replace(fields["customfield_10041"], name="OKR impact")


def no_issue(house: House) -> None:
    house.jira.transition("OPS-1", "alice", "Done")


def no_board(house: House) -> None:
    del house.jira.world.boards[81]


ILLS: list[tuple[Callable[[House], None], Health, str, str]] = [
    (no_column, Health.FAULT, 'no column is called "Review"', 'Add column "Review"'),
    (no_status_in_column, Health.FAULT, 'the column "Review" has no status', 'drag the status "Review" into it'),
    (no_status, Health.FAULT, 'no status of the column "Emergency Queue" is in the workflow', "Workflows"),
    (no_transition, Health.FAULT, 'No transition leads from the status "Backlog"', "add a transition from any status"),
    (no_limit, Health.WARNING, '"In Progress" shows no limit of 1', "Column constraint"),
    (no_permission, Health.FAULT, "the account lacks: Edit issues", "Permissions"),
    (no_new_issues, Health.WARNING, "no retrospectives (R39) without: Create issues, Link issues", "Permissions"),
    (new_issues_need_more, Health.WARNING, "(R39): a new issue needs Threatened key result", "optional"),
    (no_link_on_screen, Health.WARNING, "can't be created with their link", "add the field Linked Issues"),
    (no_standard_type, Health.WARNING, "no issue type but subtasks and epics", "add Task"),
    (no_project, Health.FAULT, "it does not exist, or the account can't see it", "Permissions"),
    (no_labels, Health.FAULT, "labels can't be changed on OPS-1", "add the field Labels"),
    (two_fields, Health.FAULT, "several fields have this name: customfield_10040, customfield_10041", "Use the id"),
    (no_board, Health.FAULT, "The board 81 can't be read (HTTP 404)", "Board settings"),
    (no_issue, Health.WARNING, "it has no open issue", "Create one"),
]


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(("ill", "health", "says", "mend"), ILLS, ids=[str(ill[0].__name__) for ill in ILLS])
def test_doctor_finds_what_is_wrong_and_how_to_mend_it(
    start: Start, product: Product, ill: Callable[[House], None], health: Health, says: str, mend: str
) -> None:
    house = start(product)
    house.jira.create_issue("OPS", "alice", "x")
    ill(house)
    findings = list(house.tracker(projects=["OPS"], fields=["OKR impact"]).doctor())
    found = [f for f in findings if f.health is health and says in f.says]
    assert found, findings
    assert mend in found[0].mend
    assert all(f.mend for f in findings if f.health is not Health.OK)


def test_doctor_without_board_hook_or_good_names(start: Start) -> None:
    house = start()
    findings = list(house.tracker(board=None, fields=["absent"], labels=["needs triage"]).doctor())
    said = {(f.health, f.about) for f in findings}
    assert {(Health.WARNING, "board"), (Health.WARNING, "webhook"), (Health.FAULT, "field absent")} <= said
    assert (Health.FAULT, "labels") in said


@pytest.mark.parametrize("product", PRODUCTS)
def test_doctor_warns_where_cloud_changes_issues_one_by_one(start: Start, product: Product) -> None:
    house = start(product)
    house.jira.world.grant("integrator", frozenset(), "")
    found = [f for f in house.tracker(projects=["OPS"]).doctor() if f.about == "bulk changes"]
    assert [(f.health, "Global permissions" in f.mend) for f in found] == [(Health.WARNING, True)] * (
        product == "cloud"
    )


@pytest.mark.parametrize(("by", "product"), [("mallory", "cloud"), ("integrator", "data-center")])
def test_doctor_stops_at_what_all_else_needs(start: Start, by: str, product: Product) -> None:
    house = start()
    house.jira.world.person("mallory", "customer", ("OPS",), ())
    findings = list(house.tracker(by, product=product).doctor())
    assert findings[0 if by == "integrator" else 1].health is Health.FAULT
    house.jira.stop()
    with pytest.raises(Unreachable):
        list(house.tracker().doctor())


@pytest.mark.parametrize(("product", "version"), [("cloud", None), ("data-center", (9, 12, 0)), ("data-center", None)])
def test_prepare_registers_a_signed_webhook_once(
    start: Start, product: Product, version: tuple[int, int, int] | None
) -> None:
    house = start(product, version=version)
    tracker = house.tracker("ada", webhook=HOOK)
    states = [[s.state for s in tracker.prepare(dry) if "webhook" in s.what] for dry in (True, False, False, True)]
    assert states == [["would do"], ["done"], ["already there"], ["already there"]]
    assert [(hook["url"], hook["SECRET"]) for hook in house.jira.webhooks] == [HOOK]


def test_prepare_without_permission_says_how_by_hand(start: Start) -> None:
    house = start()
    without_column(house.jira, "Emergency Queue")
    steps = list(house.tracker(webhook=HOOK, columns={Column.REVIEW: "Testing"}).prepare(False))
    by_hand = {step.what: step.how for step in steps if step.state == "by hand"}
    assert any("webhook" in what and "System > WebHooks" in how and HOOK[0] in how for what, how in by_hand.items())
    assert any('"Emergency Queue"' in what and "Add column" in how for what, how in by_hand.items())
    assert any('"Testing"' in what for what in by_hand)
    assert not any(HOOK[1] in what + how for what, how in by_hand.items())
    assert house.jira.webhooks == []


def test_unsigned_webhook_is_a_fault(start: Start) -> None:
    house = start()
    house.jira.webhooks.append({"id": 1, "name": "x", "url": HOOK[0], "events": [], "SECRET": None, "updated": 0})
    tracker = house.tracker("ada", webhook=HOOK)
    assert [f.says for f in tracker.doctor() if f.about == "webhook"] == ["it is not signed"]
    assert [s.state for s in tracker.prepare(False) if "webhook" in s.what] == ["by hand"]
