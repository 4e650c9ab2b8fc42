"""The fields of Jira cards: every type, and the issue's property where Jira has no place for a value."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.jira import JiraTracker
from adapters.jira.edit import holds, value_of
from adapters.jira.fields import Field, Fields, field_of
from adapters.jira.parse import text_of
from adapters.tracker import LeaseLost
from integrator.texts import Texts
from integrator.wording import in_words
from mapping.card import ETA, RESOLUTION_DUE, RESPONSE_DUE, SEVERITY, WRITTEN
from mapping.card import _shows as shows
from mapping.case import Case
from mapping.changes import SetFields, SetLabels
from mapping.okr import DROP_FIRST, IMPACT, KEY_RESULT, THREATENS
from mapping.plan import plan_issue
from mapping.policy import Policy
from tests.adapter_jira_house import PRODUCTS, House, Start, houses, read, ref, write
from tests.contracts import Recorder
from tests.standins.jira.acme import with_screen
from tests.standins.jira.state import CustomField, FieldKind, Product

NAMES = (*WRITTEN, KEY_RESULT)
LABEL = SetLabels(frozenset({"P0"}), frozenset(), ())
AT = "2026-11-23T10:30Z"
SCREEN = ("summary", "description", "labels", "priority", "issuelinks")


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


def sets(**values: str) -> SetFields:
    return SetFields({name.replace("_", " "): text for name, text in values.items()}, ("R20",))


def give(house: House, name: str, kind: FieldKind, *options: str, on_screen: bool = True, project: str = "") -> str:
    """The site gets another field; its id."""
    number = f"customfield_{10100 + len(house.jira.world.fields)}"
    pairs = tuple((f"{20000 + n}", option) for n, option in enumerate(options))
    house.jira.world.fields[number] = CustomField(number, name, kind, pairs, project)
    for home in [project] if project else house.jira.world.projects:
        if on_screen:
            house.jira.world.put_on_screen(home, number)
    return number


def opened(house: House, tracker: JiraTracker, project: str = "OPS") -> str:
    """An issue that was read."""
    key = house.jira.create_issue(project, "alice", "x")
    read(tracker, key)
    house.asked()
    return key


def kept(house: House, key: str) -> Any:
    return house.jira.issue(key).properties.get("spark-integrator", {}).get("fields", {})


KINDS: list[tuple[FieldKind, tuple[str, ...], str]] = [
    ("textfield", (), "P0"),
    ("textarea", (), "KR1 (search)\n* KR2 {code}"),
    ("select", ("P0", "P1"), "P1"),
    ("float", (), "7"),
    ("float", (), "0.25"),
    ("datepicker", (), AT),
    ("datetime", (), AT),
    ("datetime", (), "2026-11-23T23:59Z"),
    ("textfield", (), '"; DROP TABLE — ☃ <b>&amp;'),
]


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(("kind", "options", "text"), KINDS)
def test_value_reads_as_it_was_wanted(
    start: Start, product: Product, kind: FieldKind, options: tuple[str, ...], text: str
) -> None:
    house = start(product)
    number = give(house, ETA, kind, *options)
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    assert write(tracker, key, LABEL, sets(ETA=text)).failed == ()
    assert house.asked() == [f"PUT issue/{key}"]
    issue = read(tracker, key)
    assert shows(issue.fields[ETA], text)
    assert issue.writable == set(WRITTEN)
    assert (kept(house, key), house.jira.issue(key).labels) == ({}, ("P0",))
    assert write(tracker, key, sets(ETA="")).failed == ()
    assert house.jira.issue(key).fields[ETA] is None
    assert ETA not in read(tracker, key).fields
    assert number in house.jira.world.fields


OTHERS: list[tuple[FieldKind, tuple[str, ...], str]] = [
    ("float", (), "P0"),
    ("float", (), "nan"),
    ("float", (), "007"),
    ("datepicker", (), "soon"),
    ("datetime", (), "0001-01-01T00:00+14:00"),
    ("labels", (), "two words"),
    ("labels", (), "one"),
]


@pytest.mark.parametrize(("kind", "options", "text"), OTHERS)
def test_what_the_type_cannot_show_is_kept_in_the_property(
    start: Start, kind: FieldKind, options: tuple[str, ...], text: str
) -> None:
    house = start()
    give(house, SEVERITY, kind, *options)
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    assert write(tracker, key, sets(Severity=text)).failed == ()
    assert house.asked() == [f"PUT issue/{key}/properties/spark-integrator"]
    assert read(tracker, key).fields[SEVERITY] == read(house.tracker(fields=NAMES), key).fields[SEVERITY] == text


@pytest.mark.parametrize("product", PRODUCTS)
def test_fields_that_do_not_exist_are_kept_in_the_property_in_the_same_request(start: Start, product: Product) -> None:
    house = start(product)
    del house.jira.world.fields["customfield_10040"]
    with_screen(house.jira, "OPS", *SCREEN)
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    wanted = {name: f"value of {name}" for name in WRITTEN}
    assert write(tracker, key, LABEL, SetFields(wanted, ())).failed == ()
    assert house.asked() == [f"PUT issue/{key}"]
    issue = read(tracker, key)
    assert (issue.fields, issue.writable) == (wanted, frozenset(WRITTEN))
    write(tracker, key, SetFields(dict.fromkeys(WRITTEN, ""), ()))
    assert (kept(house, key), read(tracker, key).fields) == ({}, {})
    house.asked()
    read(house.tracker(fields=NAMES), key)
    assert not any("editmeta" in asked for asked in house.asked())


def test_field_off_the_screen_is_found_out_once_for_all_issues_of_its_kind(start: Start) -> None:
    house = start()
    give(house, SEVERITY, "textfield", on_screen=False)
    tracker = house.tracker(fields=NAMES)
    first, second = opened(house, tracker), opened(house, tracker)
    change = sets(Severity="P0", OKR_impact="suspended")
    assert write(tracker, first, LABEL, change).failed == ()
    assert house.asked() == [f"PUT issue/{first}", f"GET issue/{first}/editmeta", f"PUT issue/{first}"]
    assert write(tracker, second, LABEL, change).failed == ()
    assert house.asked() == [f"PUT issue/{second}"]
    for key in (first, second):
        assert (house.jira.issue(key).labels, house.jira.issue(key).fields[IMPACT]) == (("P0",), "suspended")
        assert kept(house, key) == {SEVERITY: {"text": "P0"}}
    another = house.tracker(fields=NAMES)
    found = another.read([ref(first), ref(second)])
    assert [issue.fields[SEVERITY] for issue in found.values() if hasattr(issue, "fields")] == ["P0", "P0"]
    assert [asked for asked in house.asked() if "editmeta" in asked] == [f"GET issue/{first}/editmeta"]


def test_field_that_comes_onto_the_screen_is_written_and_the_property_forgets_it(start: Start) -> None:
    house = start()
    number = give(house, SEVERITY, "textfield", on_screen=False)
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    write(tracker, key, sets(Severity="P0"))
    house.jira.world.put_on_screen("OPS", number)
    assert read(tracker, key).fields == {SEVERITY: "P0"}
    house.clock.at += timedelta(minutes=11)
    assert read(tracker, key).fields == {}
    assert write(tracker, key, sets(Severity="P0")).failed == ()
    assert (house.jira.issue(key).fields[SEVERITY], kept(house, key)) == ("P0", {})
    assert read(tracker, key).fields == {SEVERITY: "P0"}


def test_option_that_a_list_does_not_offer_is_kept_in_the_property(start: Start) -> None:
    house = start()
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    write(tracker, key, sets(OKR_impact="none"))
    house.asked()
    assert write(tracker, key, LABEL, sets(OKR_impact="reduced 35%")).failed == ()
    assert house.asked()[1:] == [f"PUT issue/{key}", f"GET issue/{key}/editmeta", f"PUT issue/{key}"]
    assert (kept(house, key), read(tracker, key).fields[IMPACT]) == ({IMPACT: {"text": "reduced 35%"}}, "reduced 35%")
    write(tracker, key, sets(OKR_impact="suspended"))
    assert (kept(house, key), house.jira.issue(key).fields[IMPACT]) == ({}, "suspended")


@pytest.mark.parametrize("text", ["x" * 300, "two\nlines"])
def test_value_that_a_field_refuses_is_not_tried_again(start: Start, text: str) -> None:
    house = start()
    number = give(house, DROP_FIRST, "textfield")
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    assert write(tracker, key, SetFields({DROP_FIRST: text}, ())).failed == ()
    assert kept(house, key) == {DROP_FIRST: {"text": text, "refused": number}}
    house.asked()
    another = house.tracker(fields=NAMES)
    assert read(tracker, key).fields == read(another, key).fields == {DROP_FIRST: text}
    assert not any("editmeta" in asked for asked in house.asked())
    write(another, key, SetFields({DROP_FIRST: "short"}, ()))
    assert (kept(house, key), read(another, key).fields) == ({}, {DROP_FIRST: "short"})


def test_screen_that_changed_since_it_was_asked_for(start: Start) -> None:
    house = start()
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    write(tracker, key, sets(OKR_impact="reduced 35%"))
    with_screen(house.jira, "OPS", *SCREEN)
    assert write(tracker, key, sets(OKR_impact="none")).failed == ()
    assert kept(house, key) == {IMPACT: {"text": "none"}}


def test_field_that_cannot_be_cleared_any_more_shows_nothing(start: Start) -> None:
    house = start()
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    write(tracker, key, sets(OKR_impact="suspended"))
    with_screen(house.jira, "OPS", *SCREEN)
    assert read(tracker, key).fields == {IMPACT: "suspended"}
    assert write(tracker, key, sets(OKR_impact="")).failed == ()
    assert (house.jira.issue(key).fields[IMPACT], kept(house, key)) == ("suspended", {IMPACT: {"text": ""}})
    assert read(house.tracker(fields=NAMES), key).fields == {}


def test_one_refused_field_among_many_and_a_change_that_has_no_other_place(start: Start) -> None:
    house = start()
    with_screen(house.jira, "OPS", "summary", "labels")
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    priority = SetFields({"priority": "Highest"}, ())
    outcome = write(tracker, key, LABEL, priority, sets(OKR_impact="none", Severity="P0"))
    assert [change for change, _ in outcome.failed] == [priority]
    assert house.jira.issue(key).labels == ("P0",)
    assert read(tracker, key).fields == {IMPACT: "none", SEVERITY: "P0"}


def test_status_in_which_nothing_can_be_edited_teaches_nothing_about_others(start: Start) -> None:
    house = start()
    project = house.jira.world.projects["OPS"]
    house.jira.world.projects["OPS"] = replace(project, locked=frozenset({"10004"}))
    tracker = house.tracker(fields=NAMES)
    locked = house.jira.create_issue("OPS", "alice", "x")
    house.jira.transition(locked, "alice", "Done")
    read(tracker, locked)
    assert write(tracker, locked, sets(OKR_impact="none")).failed == ()
    assert kept(house, locked) == {IMPACT: {"text": "none"}}
    key = opened(house, tracker)
    write(tracker, key, sets(OKR_impact="none"))
    assert (house.jira.issue(key).fields[IMPACT], kept(house, key)) == ("none", {})
    house.jira.world.grant("integrator", frozenset({"BROWSE_PROJECTS"}), "OPS")
    assert read(house.tracker(fields=NAMES), locked).fields == {IMPACT: "none"}


def test_no_second_try_when_the_lease_is_lost(start: Start) -> None:
    house = start()
    give(house, SEVERITY, "textfield", on_screen=False)
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    answers = iter([True, False])
    with pytest.raises(LeaseLost):
        tracker.apply({ref(key): [sets(Severity="P0")]}, lambda: next(answers))
    assert [asked for asked in house.asked() if asked.startswith("PUT")] == [f"PUT issue/{key}"]


# ------------------------------------------------------------------------------------------------------ whose field


def test_ambiguous_names_are_neither_read_nor_written_until_app_yaml_names_the_id(start: Start) -> None:
    house = start()
    one, two = give(house, SEVERITY, "textfield"), give(house, "severity", "textfield")
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    house.jira.set_field(key, "alice", SEVERITY, "P3")
    issue = read(tracker, key)
    assert (issue.fields, SEVERITY in issue.writable) == ({}, False)
    assert "several Jira fields" in write(tracker, key, sets(Severity="P0")).failed[0][1]
    named = house.tracker(fields=NAMES, field_ids={SEVERITY: two})
    assert SEVERITY in read(named, key).writable
    assert write(named, key, sets(Severity="P0")).failed == ()
    record = house.jira.world.find(key)
    assert record is not None
    assert (record.custom[one], record.custom[two]) == ("P3", "P0")
    absent = house.tracker(fields=NAMES, field_ids={SEVERITY: "customfield_9"})
    read(absent, key)
    assert write(absent, key, sets(Severity="P1")).failed == ()
    assert kept(house, key) == {SEVERITY: {"text": "P1"}}


def test_fields_of_team_managed_projects_are_told_apart(start: Start) -> None:
    house = start()
    ops, web = (give(house, SEVERITY, "textfield", project=project) for project in ("OPS", "WEB"))
    tracker = house.tracker(fields=NAMES)
    keys = [opened(house, tracker, project) for project in ("OPS", "WEB")]
    for key in keys:
        assert write(tracker, key, sets(Severity="P0")).failed == ()
        assert (read(tracker, key).fields, kept(house, key)) == ({SEVERITY: "P0"}, {})
    records = [house.jira.world.find(key) for key in keys]
    assert [list(record.custom) for record in records if record] == [[ops], [web]]


@pytest.mark.parametrize("entry", [None, 7, [], {"text": 1}, {"text": None}, "P0", {"refused": "x"}])
def test_forged_entries_show_nothing(start: Start, entry: Any) -> None:
    house = start()
    tracker = house.tracker(fields=[*NAMES, "Customer"])
    key = opened(house, tracker)
    record = house.jira.world.find(key)
    assert record is not None
    forged = {SEVERITY: entry, "Customer": {"text": "Acme"}, KEY_RESULT: {"text": "KR9"}, "priority": {"text": "High"}}
    house.jira.acts.put_property(record, "spark-integrator", {"fields": forged})
    assert read(tracker, key).fields == {}


SCOPED = {"scope": {"type": "PROJECT", "project": {"id": "10000"}}}
MEANT: list[tuple[list[Mapping[str, Any]], str, str, list[str], bool]] = [
    ([{"id": "a", "name": "X"}], "x", "10000", ["a"], False),
    ([{"id": "a", "name": "X"}, {"id": "b", "name": "x"}], "X", "10000", ["a", "b"], True),
    ([{"id": "a", "name": "X", **SCOPED}], "X", "10001", [], False),
    ([{"id": "a", "name": "X", **SCOPED}, {"id": "b", "name": "X"}], "X", "10001", ["b"], True),
    ([{"id": "a", "name": "X", **SCOPED}, {"id": "b", "name": "X", **SCOPED}], "X", "10000", ["a", "b"], True),
    ([{"id": "a", "name": "X", "scope": {"type": "PROJECT"}}], "X", "10000", ["a"], False),
    ([{"id": "a", "name": "X"}], "a", "10000", ["a"], False),
    ([{"id": "a"}], "X", "10000", [], False),
]


@pytest.mark.parametrize(("raw", "name", "project", "ids", "clashes"), MEANT)
def test_which_fields_a_name_means(
    raw: list[Mapping[str, Any]], name: str, project: str, ids: list[str], clashes: bool
) -> None:
    fields = Fields(tuple(map(field_of, raw)))
    assert [field.id for field in fields.called(name, project)] == ids
    assert bool(fields.clashing(name)) is clashes


HELD = [
    (Field("f", "F", "number"), "inf", False),
    (Field("f", "F", "number"), "1e3", False),
    (Field("f", "F", "number"), "1000", True),
    (Field("f", "F", "date"), AT, True),
    (Field("f", "F", "date"), "x", False),
    (Field("f", "F", "datetime"), AT, True),
    (Field("f", "F", "user"), "alice", False),
    (Field("f", "F", "user"), "", False),
]


@pytest.mark.parametrize(("field", "text", "fits"), HELD)
def test_what_a_type_holds(field: Field, text: str, fits: bool) -> None:
    assert holds(field, text) is fits


def test_threatened_key_results_read_the_same(start: Start) -> None:
    house = start()
    give(house, THREATENS, "textfield")
    tracker = house.tracker(fields=NAMES)
    key = opened(house, tracker)
    write(tracker, key, sets(Threatens="O1.KR1, O1.KR2"))
    assert read(tracker, key).fields[THREATENS] == "O1.KR1, O1.KR2"
    assert text_of(value_of(Field("f", "F"), "O1.KR1, O1.KR2")) == "O1.KR1, O1.KR2"


# --------------------------------------------------------------------------------------------------------- idempotent


def every_kind(house: House) -> None:
    give(house, SEVERITY, "select", "P0", "P1")
    give(house, ETA, "datetime")
    give(house, RESPONSE_DUE, "datepicker")
    give(house, RESOLUTION_DUE, "textfield")
    give(house, THREATENS, "textarea")


def no_fields(house: House) -> None:
    house.jira.world.fields.clear()
    for project in house.jira.world.projects:
        with_screen(house.jira, project, *SCREEN)


def off_screen(house: House) -> None:
    every_kind(house)
    for project in house.jira.world.projects:
        with_screen(house.jira, project, *SCREEN)


def unfit(house: House) -> None:
    for name in WRITTEN:
        if name != IMPACT:
            give(house, name, "float")
    no_options = replace(house.jira.world.fields["customfield_10040"], options=())
    house.jira.world.fields["customfield_10040"] = no_options


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("site", [every_kind, no_fields, off_screen, unfit])
def test_what_was_written_is_wanted_no_more(start: Start, product: Product, site: Callable[[House], None]) -> None:
    house = start(product)
    site(house)
    key = house.jira.create_issue("OPS", "alice", "Down", labels=["P0"])
    house.jira.comment(key, "bob", "/ack\n/eta 2h")
    tracker, policy = house.tracker(fields=NAMES), Policy()
    for _ in range(2):
        changes = plan_issue(Case.of(read(tracker, key), policy), policy, house.clock()).changes
        assert write(tracker, key, *in_words(changes, "wiki", house.clock(), Texts())).failed == ()
    issue = read(house.tracker(fields=NAMES), key)
    assert {SEVERITY, ETA, RESPONSE_DUE, RESOLUTION_DUE, IMPACT} <= issue.fields.keys()
    assert plan_issue(Case.of(issue, policy), policy, house.clock()).changes == ()
    house.jira.transition(key, "bob", "Done")
    for _ in range(2):
        changes = plan_issue(Case.of(read(tracker, key), policy), policy, house.clock()).changes
        assert write(tracker, key, *in_words(changes, "wiki", house.clock(), Texts())).failed == ()
    assert read(house.tracker(fields=NAMES), key).fields == {}
