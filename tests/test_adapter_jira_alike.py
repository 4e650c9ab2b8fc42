"""What changes of different issues have in common, and the bodies that say it to Jira once. Pure."""

from typing import Any

import pytest

from adapters.jira.alike import FEWEST, MOST_FIELDS, MOST_ISSUES, alike, bulk_edit, input_of, needs_ids, transitions
from adapters.jira.bulk_task import Report, report_of
from adapters.jira.fields import Field
from adapters.jira.screens import Screen, screen_of

FIELDS = {
    "1": Field("1", "Severity", "option", custom="select"),
    "2": Field("2", "OKR impact", "string", custom="textfield"),
    "3": Field("3", "Notes", "string", custom="textarea"),
    "4": Field("4", "Points", "number", custom="float"),
    "5": Field("5", "Due", "datetime", custom="datetime"),
    "6": Field("6", "Day", "date", custom="datepicker"),
    "7": Field("7", "Of another maker", "string"),
}
SCREEN = Screen({}, {"1": {"P0": "11", "odd": "x"}, "priority": {"High": "2"}})
AT = "2026-11-23T10:30:00.000+0000"

SINGLE: list[tuple[str, Any, str, Any]] = [
    ("2", "none", "singleLineTextFields", [{"fieldId": "2", "text": "none"}]),
    ("2", None, "singleLineTextFields", [{"fieldId": "2", "text": ""}]),
    ("4", 3.5, "clearableNumberFields", [{"fieldId": "4", "value": 3.5}]),
    ("4", 0.0, "clearableNumberFields", [{"fieldId": "4", "value": 0.0}]),
    ("5", AT, "dateTimePickerFields", [{"fieldId": "5", "dateTime": {"formattedDateTime": AT}}]),
    ("5", None, "dateTimePickerFields", [{"fieldId": "5", "dateTime": {"formattedDateTime": ""}}]),
    ("1", {"value": "P0"}, "singleSelectFields", [{"fieldId": "1", "option": {"optionId": 11}}]),
    ("1", None, "singleSelectFields", [{"fieldId": "1", "option": {"optionId": -1}}]),
    ("priority", {"name": "High"}, "priority", {"priorityId": "2"}),
]
NOT_IN_BULK: list[tuple[str, Any]] = [
    ("4", None),
    ("1", {"value": "P9"}),
    ("1", {"value": "odd"}),
    ("3", "long"),
    ("6", "2026-11-23"),
    ("7", "x"),
    ("priority", {"name": "Urgent"}),
    ("priority", None),
]


@pytest.mark.parametrize(("field", "value", "kind", "said"), SINGLE)
def test_each_kind_of_value_is_said_in_its_own_way(field: str, value: Any, kind: str, said: Any) -> None:
    given = input_of({"fields": {field: value}}, FIELDS, SCREEN)
    assert given == {"selectedActions": [field], "editedFieldsInput": {kind: said}}


@pytest.mark.parametrize(("field", "value"), NOT_IN_BULK)
def test_what_cannot_be_said_in_bulk_keeps_the_whole_edit_out(field: str, value: Any) -> None:
    assert input_of({"fields": {"2": "none", field: value}}, FIELDS, SCREEN) is None


def test_without_the_screen_no_option_is_known() -> None:
    assert input_of({"fields": {"1": {"value": "P0"}}}, FIELDS, None) is None


def test_labels_are_put_and_taken_away_by_an_entry_each_beside_the_fields() -> None:
    update = {"labels": [{"add": "P0"}, {"add": "emergency"}, {"remove": "P1"}]}
    given = input_of({"fields": {"2": "none"}, "update": update}, FIELDS, None)
    added = {"fieldId": "labels", "bulkEditMultiSelectFieldOption": "ADD"}
    removed = {"fieldId": "labels", "bulkEditMultiSelectFieldOption": "REMOVE"}
    labels = [added | {"labels": [{"name": "P0"}, {"name": "emergency"}]}, removed | {"labels": [{"name": "P1"}]}]
    assert given is not None
    assert given["selectedActions"] == ["2", "labels"]
    assert given["editedFieldsInput"]["labelsFields"] == labels
    assert bulk_edit(given, ["7"]) == {**given, "selectedIssueIdsOrKeys": ["7"], "sendBulkNotification": False}


def test_nothing_and_too_much_are_no_bulk_edit() -> None:
    many = {str(n): Field(str(n), "x", custom="textfield") for n in range(MOST_FIELDS + 1)}
    assert input_of({}, FIELDS, SCREEN) is None
    assert input_of({"fields": dict.fromkeys(many, "x")}, many, None) is None
    assert input_of({"fields": dict.fromkeys(list(many)[1:], "x")}, many, None) is not None


@pytest.mark.parametrize(("fields", "needed"), [({"1": None}, True), ({"priority": None}, True), ({"2": "x"}, False)])
def test_ids_are_needed_for_options_only(fields: dict[str, Any], needed: bool) -> None:
    assert needs_ids({"fields": fields}, FIELDS) is needed
    assert not needs_ids({"update": {}}, FIELDS)


ENOUGH = "a" * FEWEST
SHARED: list[tuple[list[tuple[str, str]], list[str]]] = [
    ([], []),
    ([("a", "x")] * (FEWEST - 1), []),
    ([("a", "x")] * FEWEST, [ENOUGH]),
    ([("a", "x")] * FEWEST + [("b", "y")], [ENOUGH]),
    ([("a", "x"), ("b", "y")] * FEWEST, [ENOUGH, "b" * FEWEST]),
    ([("a", "x")] * (MOST_ISSUES + FEWEST - 1), ["a" * MOST_ISSUES]),
    ([("a", "x")] * (MOST_ISSUES + FEWEST), ["a" * MOST_ISSUES, ENOUGH]),
    ([("a", "")] * FEWEST, []),
]


@pytest.mark.parametrize(("wanted", "shared"), SHARED)
def test_enough_issues_that_want_the_same_share_a_request(wanted: list[tuple[str, str]], shared: list[str]) -> None:
    given = [(issue, {"text": text} if text else None) for issue, text in wanted]
    assert ["".join(one.issues) for one in alike(given)] == shared


def test_the_order_in_which_values_are_named_makes_no_difference() -> None:
    one, other = {"a": 1, "b": [2]}, {"b": [2], "a": 1}
    shared = list(alike([(n, (one, other)[n % 2]) for n in range(6)]))
    assert [len(group.issues) for group in shared] == [6]


def test_each_transition_names_the_issues_that_take_it() -> None:
    assert transitions([("1", "51"), ("2", "7"), ("3", "51")]) == {
        "bulkTransitionInputs": [
            {"selectedIssueIdsOrKeys": ["1", "3"], "transitionId": "51"},
            {"selectedIssueIdsOrKeys": ["2"], "transitionId": "7"},
        ],
        "sendBulkNotification": False,
    }


def test_a_screen_knows_the_ids_of_options_and_priorities() -> None:
    listed = {"operations": ["set"], "schema": {"type": "option"}, "allowedValues": [{"id": "1", "value": "a"}]}
    named = {"operations": ["set"], "schema": {"type": "priority"}, "allowedValues": [{"id": "2", "name": "b"}, {}]}
    free = {"operations": ["set"], "schema": {"type": "string"}}
    screen = screen_of({"list": listed, "priority": named, "free": free})
    assert screen.ids == {"list": {"a": "1"}, "priority": {"b": "2"}, "free": {}}


REPORTS: dict[str, tuple[dict[str, Any], Report]] = {
    "all": ({"status": "COMPLETE", "processedAccessibleIssues": [1, 2]}, Report(frozenset("12"))),
    "some": (
        {"status": "COMPLETE", "processedAccessibleIssues": [1, 2], "failedAccessibleIssues": {"2": ["no", "never"]}},
        Report(frozenset("1"), {"2": "no; never"}),
    ),
    "none told": ({"status": "COMPLETE", "invalidOrInaccessibleIssueCount": 2}, Report()),
    "broken": (
        {"status": "DEAD", "processedAccessibleIssues": [1], "failedAccessibleIssues": None},
        Report(frozenset("1"), broke="Jira's bulk task 9 ended as DEAD"),
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_task_is_judged_issue_by_issue(name: str) -> None:
    answer, report = REPORTS[name]
    assert report_of("9", answer) == report
