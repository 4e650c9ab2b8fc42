"""What a Jira site lacks for its five columns and its fields: told exactly, and created where it can be."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.jira import JiraTracker
from adapters.tracker import Health, Step
from mapping.card import WRITTEN
from mapping.issue import Column
from mapping.okr import IMPACT, KEY_RESULT
from tests.adapter_jira_house import PRODUCTS, House, Start, houses, read
from tests.contracts import Recorder
from tests.standins.jira.acme import without_column
from tests.standins.jira.state import BoardColumn, Product

QUEUE = "Emergency Queue"
NAMES = (*WRITTEN, KEY_RESULT)


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


def change(house: House, **values: Any) -> None:
    house.jira.world.boards[81] = replace(house.jira.world.boards[81], **values)


def no_column(house: House) -> None:
    without_column(house.jira, QUEUE)


def no_status(house: House) -> None:
    no_column(house)
    del house.jira.world.statuses["10005"]
    for key, project in house.jira.world.projects.items():
        workflow = tuple(step for step in project.workflow if step.to != "10005")
        house.jira.world.projects[key] = replace(project, statuses=project.statuses[:-1], workflow=workflow)


def no_status_on_team_managed(house: House) -> None:
    no_status(house)
    change(house, kind="simple")


def status_elsewhere(house: House) -> None:
    no_column(house)
    columns = house.jira.world.boards[81].columns
    change(house, columns=(replace(columns[0], statuses=("10001", "10005")), *columns[1:]))


def not_ranked(house: House) -> None:
    change(house, ranked=False)


def not_shared(house: House) -> None:
    change(house, shared_with=frozenset({"alice"}))


def no_ranking(house: House) -> None:
    may = house.jira.world.people["integrator"].grants["OPS"]
    house.jira.world.grant("integrator", may - {"SCHEDULE_ISSUES"}, "OPS")


def subtasks_left_out(house: House) -> None:
    change(house, constraint="issueCountExclSubs")


def off_screen(house: House) -> None:
    project = house.jira.world.projects["OPS"]
    house.jira.world.projects["OPS"] = replace(project, screen=project.screen - {"customfield_10040"})


def option_missing(house: House) -> None:
    field = house.jira.world.fields["customfield_10040"]
    house.jira.world.fields[field.id] = replace(field, options=(("1", "none"),))


def unfit_type(house: House) -> None:
    field = house.jira.world.fields["customfield_10040"]
    house.jira.world.fields[field.id] = replace(field, kind="datepicker", options=())


ILLS: list[tuple[Callable[[House], None], Health, str, str]] = [
    (no_column, Health.FAULT, f'column mapping: no column is called "{QUEUE}"', f'drag the status "{QUEUE}" into it.'),
    (no_column, Health.FAULT, "column mapping", "use_internal_api"),
    (no_status, Health.FAULT, "status and column mapping", f'adds the status "{QUEUE}"'),
    (no_status_on_team_managed, Health.FAULT, f'and no status "{QUEUE}"', "+ after the last column"),
    (status_elsewhere, Health.FAULT, "column mapping", f'drag the status "{QUEUE}" into it from Backlog.'),
    (not_ranked, Health.WARNING, "not ranked", "ORDER BY Rank"),
    (not_shared, Health.FAULT, "its issues can't be searched: The value '10040' does not exist", "share it"),
    (no_ranking, Health.WARNING, "no order in the Emergency Queue (R20) without: Schedule issues", "Permissions"),
    (subtasks_left_out, Health.OK, "sub-tasks don't count", ""),
    (off_screen, Health.WARNING, f"not on the edit screen of OPS-1: {IMPACT}", "Screens"),
    (option_missing, Health.WARNING, f'the list "{IMPACT}" on OPS-1 does not offer: suspended', "Edit options"),
    (unfit_type, Health.WARNING, "customfield_10040 is a date, which can't show suspended", "text"),
]


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(
    ("ill", "health", "says", "mend"), ILLS, ids=[f"{i}-{x[0].__name__}" for i, x in enumerate(ILLS)]
)
def test_doctor_names_what_is_missing_and_the_way_to_mend_it(
    start: Start, product: Product, ill: Callable[[House], None], health: Health, says: str, mend: str
) -> None:
    house = start(product)
    house.jira.create_issue("OPS", "alice", "x")
    ill(house)
    findings = list(house.tracker(projects=["OPS"], fields=NAMES).doctor())
    found = [f for f in findings if f.health is health and says in f.says]
    assert found, findings
    assert mend in found[0].mend
    assert not any(asked.startswith(("PUT", "DELETE")) or "greenhopper" in asked for asked in house.asked())


def test_doctor_knows_fields_by_id_and_misses_only_what_is_written(start: Start) -> None:
    house = start()
    ids = {IMPACT: "customfield_9", "ETA": "customfield_10042"}
    findings = list(house.tracker(fields=NAMES, field_ids=ids).doctor())
    said = {f.about: f.says for f in findings if f.health is not Health.OK}
    assert said[f"field {IMPACT}"] == "Jira has no field customfield_9"
    assert said["fields"].startswith("Jira has no Severity, Response due, Resolution due, Threatens, Drop first: ")
    assert ("field ETA", "it is customfield_10042") in {(f.about, f.says) for f in findings}
    assert f"field {KEY_RESULT}" not in said


# -------------------------------------------------------------------------------------------------------- new fields


def fields_of(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.state, step.what) for step in steps if step.what.startswith("field")]


@pytest.mark.parametrize("product", PRODUCTS)
def test_missing_fields_are_created_once_and_put_on_the_default_screen(start: Start, product: Product) -> None:
    house = start(product)
    key = house.jira.create_issue("OPS", "alice", "x")
    house.jira.world.projects["WEB"] = replace(house.jira.world.projects["WEB"], default_screen=False)
    house.jira.create_issue("WEB", "alice", "x")
    tracker = house.tracker("ada", fields=NAMES)
    names = [f'field "{name}"' for name in WRITTEN if name != IMPACT]
    assert fields_of(list(tracker.prepare(True))) == [("would do", name) for name in names]
    steps = list(tracker.prepare(False))
    made = {field.name: field for field in house.jira.world.fields.values()}
    assert fields_of(steps)[:6] == [("done", f"{n}: {made[n[7:-1]].id}") for n in names]
    assert {made[name].kind for name in ("ETA", "Response due", "Resolution due")} == {"datetime"}
    assert (made["Severity"].kind, made["Drop first"].kind) == ("textfield", "textarea")
    assert {made[name].id for name in WRITTEN} <= house.jira.world.projects["OPS"].screen
    unseen = [step.what for step in steps if step.state == "by hand" and "not on the edit screen" in step.what]
    assert len(unseen) == 1
    assert unseen[0].startswith("project WEB")
    assert fields_of(list(tracker.prepare(False))) == []
    assert read(tracker, key).writable == frozenset(WRITTEN)


@pytest.mark.parametrize("dry_run", [True, False])
def test_fields_are_left_to_a_person_where_the_account_may_not(start: Start, dry_run: bool) -> None:
    house = start()
    before = dict(house.jira.world.fields)
    by_hand = [s for s in house.tracker(fields=NAMES).prepare(dry_run) if s.what.startswith("fields: the account")]
    assert [step.state for step in by_hand] == ["by hand"]
    assert "Severity (short text), ETA (date and time)" in by_hand[0].how
    assert before == house.jira.world.fields


def test_refusals_while_creating_fields_are_told_one_by_one(start: Start) -> None:
    house = start()
    tracker = house.tracker("ada", fields=["Severity", "ETA"])
    house.jira.fault(lambda _, path, body: path.endswith("/field") and bool(body) and body["name"] == "ETA", "400")
    house.jira.fault(lambda _, path, __: "addToDefault" in path, "400")
    states = fields_of(list(tracker.prepare(False)))[:3]
    assert [state for state, _ in states] == ["done", "by hand", "failed"]


# -------------------------------------------------------------------------------------------------- the queue's column


def administrator(house: House, **how: Any) -> JiraTracker:
    may = house.jira.world.people["integrator"].grants["OPS"]
    house.jira.world.grant("integrator", may | {"ADMINISTER_PROJECTS"}, "OPS")
    return house.tracker(**({"use_internal_api": True} | how))


def column_step(tracker: JiraTracker, dry_run: bool = False) -> Step | None:
    return next((step for step in tracker.prepare(dry_run) if step.what.startswith("column ")), None)


def full_board(house: House) -> tuple[BoardColumn, ...]:
    """Columns with everything that could be lost."""
    plan = BoardColumn("Backlog", (), id=7, is_plan=True)
    house.jira.world.boards[81] = replace(house.jira.world.boards[81], constraint="issueCountExclSubs")
    without_column(house.jira, QUEUE)
    columns = house.jira.world.boards[81].columns
    limited = tuple(replace(c, min=1, max=1) if c.name == "Review" else c for c in columns)
    change(house, columns=(plan, *limited))
    return (plan, *limited)


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("lost", [0, 2])
def test_column_is_added_before_done_and_nothing_else_changes(start: Start, product: Product, lost: int) -> None:
    house = start(product)
    before = full_board(house)
    house.jira.lost_columns = lost
    tracker = administrator(house)
    assert column_step(tracker, dry_run=True) == Step("would do", f'column "{QUEUE}" on the board 81')
    assert house.jira.world.boards[81].columns == before
    step = column_step(tracker)
    assert step is not None
    assert step.state == "done"
    board = house.jira.world.boards[81]
    assert [c.name for c in board.columns] == ["Backlog", "Backlog", "In Progress", "Review", QUEUE, "Done"]
    assert tuple(c for c in board.columns if c.name != QUEUE) == before
    assert (board.columns[4].statuses, board.constraint) == (("10005",), "issueCountExclSubs")
    again = column_step(tracker)
    assert again is not None
    assert again.state == "already there"
    assert len([asked for asked in house.asked() if asked.startswith("PUT greenhopper")]) == lost + 1


def test_column_gets_no_status_that_another_column_shows(start: Start) -> None:
    house = start()
    status_elsewhere(house)
    change(house, columns=tuple(c for c in house.jira.world.boards[81].columns if c.name != "Done"))
    names = {Column.DONE: "Shipped", Column.EMERGENCY_QUEUE: "emergency queue"}
    step = column_step(administrator(house, columns=names))
    assert step is not None
    assert step.state == "done"
    assert [(c.name, c.statuses) for c in house.jira.world.boards[81].columns[1:]] == [
        ("In Progress", ("3",)),
        ("emergency queue", ()),
        ("Review", ("10003",)),
    ]


def nothing_happens(house: House) -> None:
    house.jira.lost_columns = 99


def server_fails(house: House) -> None:
    house.jira.fault(lambda method, path, _: method == "PUT" and "greenhopper" in path, "502-before", times=9)


def one_is_swallowed(house: House) -> None:
    house.jira.swallowed_column = "Review"


def somebody_else_edits(house: House) -> None:
    house.jira.lost_columns = 99
    house.jira.after_columns = lambda: change(
        house, columns=(*house.jira.world.boards[81].columns, BoardColumn("New", (), id=9))
    )


TROUBLES: list[tuple[Callable[[House], None], str, str, int]] = [
    (nothing_happens, "Jira did nothing", "Add column", 3),
    (server_fails, "Jira did nothing (127.0.0.1 failed at PUT greenhopper", "Add column", 3),
    (one_is_swallowed, "the columns are not as they should be", "Review (1 statuses: 10003, min 1, max 1)", 3),
    (somebody_else_edits, "the columns are not as they should be", "they were, with the ids", 1),
]


@pytest.mark.broken_answers
@pytest.mark.parametrize(("trouble", "says", "how", "writes"), TROUBLES, ids=[t[0].__name__ for t in TROUBLES])
def test_column_that_does_not_come_is_told(
    start: Start, trouble: Callable[[House], None], says: str, how: str, writes: int
) -> None:
    house = start()
    full_board(house)
    trouble(house)
    step = column_step(administrator(house))
    assert step is not None
    assert (step.state, says in step.what, how in step.how) == ("failed", True, True), step
    assert len([asked for asked in house.asked() if asked.startswith("PUT greenhopper")]) == writes


@pytest.mark.broken_answers
def test_answer_that_was_lost_is_looked_into(start: Start) -> None:
    house = start()
    full_board(house)
    house.jira.fault(lambda method, path, _: method == "PUT" and "greenhopper" in path, "502-after")
    step = column_step(administrator(house))
    assert step is not None
    assert step.state == "done"
    assert len([asked for asked in house.asked() if asked.startswith("PUT greenhopper")]) == 1


def team_managed(house: House) -> None:
    change(house, kind="simple")


def gone_api(house: House) -> None:
    house.jira.fault(lambda method, path, _: "editmodel" in path, "502-before")


@pytest.mark.broken_answers
@pytest.mark.parametrize(("ill", "state", "how"), [
    (team_managed, "by hand", "+ after the last column"),
    (lambda house: house.jira.world.grant("integrator", frozenset({"BROWSE_PROJECTS"}), "OPS"), "by hand", "Columns"),
    (gone_api, "failed", "Add column"),
])  # fmt: skip
def test_column_is_left_to_a_person(start: Start, ill: Callable[[House], None], state: str, how: str) -> None:
    house = start()
    full_board(house)
    tracker = administrator(house)
    ill(house)
    step = column_step(tracker)
    assert step is not None
    assert (step.state, how in step.how) == (state, True)
    assert not any(asked.startswith("PUT") for asked in house.asked())


def test_internal_api_is_never_called_unless_it_is_switched_on(start: Start) -> None:
    house = start()
    full_board(house)
    assert column_step(administrator(house, use_internal_api=False)) is None
    assert column_step(administrator(house, board=None)) is None
    change(house, projects=())
    assert column_step(administrator(house)) is None
    assert not any("greenhopper" in asked for asked in house.asked())
