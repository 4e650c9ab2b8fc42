"""Fields of the project: read with the card, written in one request, created by init, judged by doctor."""

from collections.abc import Sequence
from typing import Any

import pytest

from adapters.github import App, Shared
from adapters.github.fields import by_name, field_of, plain, shows, text_of, value_of, writable
from adapters.github.shared import Field, Project
from adapters.tracker import Health, Step
from mapping.card import WRITTEN
from mapping.changes import Change, MoveTo, SetFields
from mapping.issue import Column
from mapping.okr import KEY_RESULT
from tests.adapter_github_answers import ref
from tests.standins.github.server import GitHubStandIn
from tests.test_adapter_github_apply import FRESH, always
from tests.test_adapter_github_board import look, put, spent, warm
from tests.test_adapter_github_standin import SHOP, Connect, apply, clock, connect, findings, github, read

__all__ = ["clock", "connect", "github"]

FIELDS = (*WRITTEN, KEY_RESULT, "Effort", "Day")
SEVERITIES = ("P0", "P1", "P2", "P3")


def text(name: str = "ETA") -> Field:
    return Field("F_1", name, "TEXT")


NUMBER, DATE = Field("F_2", "Effort", "NUMBER"), Field("F_3", "Day", "DATE")
CHOICE = Field("F_4", "Severity", "SINGLE_SELECT", {"p0": "o0", "p1": "o1"}, ("P0", "P1"))


@pytest.mark.parametrize(
    ("field", "given", "value"),
    [
        (text(), "suspended", "suspended"),
        (text(), 'O\'Brien "x" \U0001f680', 'O\'Brien "x" \U0001f680'),
        (NUMBER, "3", 3.0),
        (NUMBER, "-2.5", -2.5),
        (DATE, "2026-11-23T10:30:00Z", "2026-11-23"),
        (DATE, "2026-11-23T23:30:00+09:00", "2026-11-23"),
        (DATE, "2026-11-23", "2026-11-23"),
        (CHOICE, "p1", "P1"),
    ],
)
def test_a_text_as_github_takes_it(field: Field, given: str, value: str | float) -> None:
    assert value_of(field, given) == value
    assert shows(field, plain(value), given)
    assert not shows(field, "", given)
    assert not shows(field, plain(value), "")


@pytest.mark.parametrize(
    ("field", "given", "says"),
    [
        (NUMBER, "soon", "Effort takes numbers, and 'soon' is none"),
        (NUMBER, "inf", "Effort takes numbers, and 'inf' is none"),
        (DATE, "tomorrow", "Day takes days, and 'tomorrow' names none"),
        (CHOICE, "P9", "Severity has no option 'P9'; it has P0, P1"),
        (Field("F", "Severity", "SINGLE_SELECT"), "P0", "Severity has no option 'P0'; it has none"),
        (Field("F", "Sprint", "ITERATION"), "1", "Sprint is a field of the type iteration, which can't be written"),
    ],
)
def test_what_a_field_can_not_hold_is_said(field: Field, given: str, says: str) -> None:
    with pytest.raises(ValueError, match=field.name) as raised:
        value_of(field, given)
    assert str(raised.value) == says


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        ({}, ""),
        ({"text": ""}, ""),
        ({"text": "x"}, "x"),
        ({"number": 3.0}, "3"),
        ({"number": 0.0}, "0"),
        ({"number": 2.5}, "2.5"),
        ({"number": None}, ""),
        ({"date": "2026-11-23"}, "2026-11-23"),
        ({"name": "P0"}, "P0"),
        ({"name": None}, ""),
    ],
)
def test_a_value_as_text(value: dict[str, Any] | None, shown: str) -> None:
    assert text_of(value) == shown


def test_names_that_differ_in_case_only_belong_to_nobody() -> None:
    fields, twins = by_name([text("ETA"), text("eta"), text("Eta"), NUMBER])
    assert (list(fields), list(twins)) == (["effort"], ["eta"])
    assert writable(["ETA", "EFFORT", "nowhere"], Project("PVT_1", fields=fields, twins=twins), {}) == {"EFFORT"}


def test_a_selection_without_options_is_not_written() -> None:
    bare = field_of({"id": "F", "name": "Severity", "dataType": "SINGLE_SELECT", "options": []})
    assert writable(["Severity"], Project("PVT_1", fields={"severity": bare}), {}) == frozenset()
    assert writable(["Severity"], None, {"severity": CHOICE}) == {"Severity"}


# -- on the stand-in


def fill(github: GitHubStandIn) -> None:
    """The project has all fields, one of them spelled in its own way."""
    github.field("Severity", "SINGLE_SELECT", SEVERITIES)
    for name in ("ETA", "Response due", "Resolution due", "OKR IMPACT", "Threatens", "Drop first", "KR"):
        github.field(name)
    github.field("Effort", "NUMBER")
    github.field("Day", "DATE")


VALUES = {
    "Severity": "p1",
    "ETA": "2026-11-23T10:30:00Z",
    "OKR impact": 'suspended "}) { id } \\ \U0001f680',
    "Effort": "2.5",
    "Day": "2026-11-24T08:00:00Z",
}


def test_values_of_every_kind_are_written_and_read_back(github: GitHubStandIn, connect: Connect) -> None:
    fill(github)
    number = put(github, "Checkout is down", "Emergency Queue")
    tracker = connect(fields=FIELDS)
    assert read(tracker, number).writable == set(FIELDS)
    before = len(github.requests)
    assert apply(tracker, number, [SetFields(VALUES, ("R20",))]).failed == ()
    assert len(github.requests) - before == 1
    assert github.issue(SHOP, number).fields["Effort"] == 2.5
    again = read(tracker, number)
    assert again.fields == VALUES | {"Severity": "P1", "Day": "2026-11-24"}
    assert look(tracker).cards[0].issue == again


def test_a_first_read_asks_again_where_the_project_spells_a_field_otherwise(
    github: GitHubStandIn, connect: Connect
) -> None:
    fill(github)
    number = put(github, "Checkout is down", "Emergency Queue")
    apply(tracker := connect(fields=FIELDS), number, [SetFields({"OKR impact": "none"}, ())])
    found = [read(connect(fields=FIELDS, shared=Shared()), number)]
    found += filter(None, [look(connect(fields=FIELDS, shared=Shared())).cards[0].issue])
    assert [issue.fields for issue in found] == [{"OKR impact": "none"}] * 2
    before = warm(github, tracker)
    read(tracker, number)
    assert len(github.requests) - before == 1


def test_a_first_read_is_enough_where_the_project_lacks_a_field(github: GitHubStandIn, connect: Connect) -> None:
    number = put(github, "Checkout is down", "Emergency Queue")
    read(connect(fields=FIELDS), number)
    assert [r.path for r in github.requests].count("/graphql") == 1


def test_what_is_there_is_not_sent_and_what_is_empty_is_cleared(github: GitHubStandIn, connect: Connect) -> None:
    fill(github)
    number = put(github, "Checkout is down", "Emergency Queue")
    tracker = connect(fields=FIELDS)
    read(tracker, number)
    apply(tracker, number, [SetFields(VALUES, ())])
    read(tracker, number)
    before = len(github.requests)
    assert apply(tracker, number, [SetFields(VALUES | {"KR": ""}, ())]).failed == ()
    assert len(github.requests) == before
    assert apply(tracker, number, [SetFields(dict.fromkeys(VALUES, "") | {"KR": "O2.KR1"}, ())]).failed == ()
    names = [name for _, name in github.requests[-1].fields]
    assert names.count("clearProjectV2ItemFieldValue") == len(VALUES)
    assert names.count("updateProjectV2ItemFieldValue") == 1
    assert read(tracker, number).fields == {"KR": "O2.KR1"}


def test_one_bad_value_is_named_and_the_others_are_written(github: GitHubStandIn, connect: Connect) -> None:
    fill(github)
    number = put(github, "Checkout is down", "Emergency Queue")
    tracker = connect(fields=FIELDS)
    read(tracker, number)
    change = SetFields({"Severity": "P9", "Effort": "3", "Nothing": "x"}, ())
    ((failed, why),) = apply(tracker, number, [change]).failed
    assert (failed, why) == (change, "Severity has no option 'P9'; it has P0, P1, P2, P3")
    assert read(tracker, number).fields == {"Effort": "3"}


def test_a_new_card_gets_its_column_and_fields_in_the_second_request(github: GitHubStandIn, connect: Connect) -> None:
    fill(github)
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect(fields=FIELDS)
    read(tracker, github.open_issue(SHOP, "carol", "To warm up"))
    before = len(github.requests)
    read(tracker, number)
    fields = SetFields({"Severity": "P0", "ETA": "soon"}, ("R20",))
    assert apply(tracker, number, [*FRESH, fields]).failed == ()
    assert len(github.requests) - before == 3, spent(github, before)
    assert [name for _, name in github.requests[-1].fields] == ["updateProjectV2ItemFieldValue"] * 3
    seen = github.issue(SHOP, number)
    assert (seen.column, seen.fields["Severity"], seen.fields["ETA"]) == ("Emergency Queue", "P0", "soon")


def test_fields_alone_put_an_issue_on_the_project_once(github: GitHubStandIn, connect: Connect) -> None:
    fill(github)
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect(fields=FIELDS)
    read(tracker, number)
    assert apply(tracker, number, [SetFields(dict.fromkeys(FIELDS, ""), ())]).failed == ()
    assert not github.issue(SHOP, number).on_board
    changes: list[Change] = [SetFields({"Severity": "P0"}, ()), MoveTo(Column.BACKLOG, ())]
    assert apply(tracker, number, changes).failed == ()
    assert [name for r in github.requests if r.is_write for _, name in r.fields].count("addProjectV2ItemById") == 1
    assert github.issue(SHOP, number).fields["Severity"] == "P0"


def test_an_option_that_was_made_anew_is_looked_up_again(github: GitHubStandIn, connect: Connect) -> None:
    fill(github)
    number = put(github, "Checkout is down", "Emergency Queue")
    tracker = connect(fields=FIELDS)
    read(tracker, number)
    severity = next(f for f in github._project(1).fields if f.name == "Severity")
    github.board.set_options(severity, [{"name": n, "color": "RED", "description": ""} for n in SEVERITIES])
    assert apply(tracker, number, [SetFields({"Severity": "P0"}, ())]).failed == ()
    assert github.issue(SHOP, number).fields["Severity"] == "P0"
    github.board.set_options(severity, [{"name": "P3", "color": "RED", "description": ""}])
    ((_, why),) = apply(tracker, number, [SetFields({"Severity": "P1"}, ())]).failed
    assert why == "Severity has no option 'P1'; it has P3"


def test_an_archived_card_takes_no_fields(github: GitHubStandIn, connect: Connect) -> None:
    fill(github)
    number = put(github, "Checkout is down", "Emergency Queue")
    github.archive_card(SHOP, number)
    tracker = connect(fields=FIELDS)
    assert read(tracker, number).writable == frozenset()
    ((_, why),) = apply(tracker, number, [SetFields({"ETA": "soon"}, ())]).failed
    assert "archived" in why


def test_without_a_project_there_are_no_fields(github: GitHubStandIn, connect: Connect) -> None:
    number = github.open_issue(SHOP, "carol", "Checkout is down")
    tracker = connect(project=None, fields=FIELDS)
    found = read(tracker, number)
    assert (found.fields, found.writable) == ({}, frozenset())
    change = SetFields({"ETA": "soon"}, ())
    assert tracker.apply({ref(number): [change]}, always)[ref(number)].failed == ((change, "no project is connected"),)


# -- doctor and init


def of_fields(found: dict[str, tuple[Health, str]]) -> tuple[Health, str]:
    return found["fields of project acme/1"]


def steps(steps: Sequence[Step]) -> list[tuple[str, str]]:
    return [(step.state, step.what) for step in steps if step.what.startswith("field ")]


def test_init_creates_the_fields_that_doctor_misses(github: GitHubStandIn, connect: Connect) -> None:
    names = (*WRITTEN, KEY_RESULT)
    tracker = connect(fields=names)
    assert of_fields(findings(tracker)) == (Health.WARNING, f"missing: {', '.join(names)}")
    planned = steps(list(tracker.prepare(dry_run=True)))
    assert planned == [("would do", f"field {name} in project acme/1") for name in names]
    assert not [r for r in github.requests if "createProjectV2Field" in str(r.body)]
    done = steps(list(tracker.prepare(dry_run=False)))
    assert done == [("done", what) for _, what in planned]
    assert steps(list(tracker.prepare(dry_run=False))) == [("already there", what) for _, what in planned]
    assert of_fields(findings(tracker)) == (Health.OK, "all there")
    made = {f.name: (f.data_type, tuple(o.name for o in f.options)) for f in github._project(1).fields}
    assert made["Severity"] == ("SINGLE_SELECT", SEVERITIES)
    assert {made[name] for name in names if name != "Severity"} == {("TEXT", ())}


def test_fields_that_people_named_are_theirs_to_create(github: GitHubStandIn, connect: Connect) -> None:
    tracker = connect(fields=("Customer",))
    (finding,) = [f for f in tracker.doctor() if f.about == "fields of project acme/1"]
    assert finding.says == "missing: Customer"
    assert "init" not in finding.mend
    assert steps(list(tracker.prepare(dry_run=False))) == []


def test_twins_are_a_fault_and_neither_read_nor_written_nor_created(github: GitHubStandIn, connect: Connect) -> None:
    github.field("ETA")
    github.field("Eta")
    number = put(github, "Checkout is down", "Emergency Queue")
    github.set_field(SHOP, number, "alice", "ETA", "soon")
    tracker = connect(fields=("ETA",))
    found = read(tracker, number)
    assert (found.fields, found.writable) == ({}, frozenset())
    ((_, why),) = apply(tracker, number, [SetFields({"ETA": "later"}, ())]).failed
    assert "several fields" in why
    health, says = of_fields(findings(tracker))
    assert (health, '"ETA"' in says) == (Health.FAULT, True)
    assert steps(list(tracker.prepare(dry_run=False))) == [("by hand", "field ETA in project acme/1")]


@pytest.mark.parametrize(
    ("kind", "options", "health", "says"),
    [
        ("SINGLE_SELECT", ("P0", "p1", "P2"), Health.FAULT, '"Severity" has no option P3'),
        ("SINGLE_SELECT", (), Health.WARNING, "has no options"),
        ("ITERATION", (), Health.WARNING, "of the type iteration"),
        ("TEXT", (), Health.OK, "all there"),
    ],
)
def test_a_severity_that_can_not_be_written_is_found(
    github: GitHubStandIn, connect: Connect, kind: str, options: Sequence[str], health: Health, says: str
) -> None:
    github.field("Severity", kind, options)
    found = of_fields(findings(connect(fields=("Severity",))))
    assert found[0] is health
    assert says in found[1]


def test_a_sorted_view_is_told_of(github: GitHubStandIn, connect: Connect) -> None:
    github.view("Board")
    github.view("Table", "TABLE_LAYOUT", sorted_by="Status")
    assert findings(connect())["project acme/1"][0] is Health.OK
    github.view("By title", sorted_by="Title")
    health, says = findings(connect())["project acme/1"]
    assert (health, '"By title" is sorted' in says) == (Health.WARNING, True)


def test_a_field_that_may_not_be_created_is_a_failed_step(github: GitHubStandIn, connect: Connect) -> None:
    permissions = {"metadata": "read", "issues": "write", "contents": "write", "organization_projects": "read"}
    app = github.install_app("reader", permissions=permissions)
    tracker = connect(fields=("ETA",), auth=App(app.app_id, app.installation_id, app.private_key))
    assert steps(list(tracker.prepare(dry_run=False))) == [("failed", "field ETA in project acme/1")]
