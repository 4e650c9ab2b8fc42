"""A small company's Jira: the usual start of a test. Everything in it can be replaced on `world`."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tests.standins.jira.server import JiraStandIn
from tests.standins.jira.state import (
    Board,
    BoardColumn,
    CustomField,
    LinkType,
    Priority,
    Project,
    Status,
    Transition,
)
from tests.standins.jira.world import SYSTEM_SCREEN

STATUSES = (
    Status("10001", "Backlog", "new"),
    Status("3", "In Progress", "indeterminate"),
    Status("10003", "Review", "indeterminate"),
    Status("10004", "Done", "done"),
    Status("10005", "Emergency Queue", "new"),
)
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
# Named unlike their targets, as teams do.
STEPS = {"10001": "Put back", "3": "Start work", "10003": "Ask for review", "10004": "Ship it", "10005": "Raise alarm"}
WORKFLOW = tuple(Transition(f"{11 + 10 * n}", name, status) for n, (status, name) in enumerate(STEPS.items()))
FIELDS = (
    CustomField(
        "customfield_10040",
        "OKR impact",
        "select",
        (("10100", "suspended"), ("10101", "reduced 20%"), ("10102", "none")),
    ),
    CustomField("customfield_10041", "Revenue per hour", "float"),
    CustomField("customfield_10042", "Threatened key result", "textfield"),
    CustomField("customfield_10043", "Prevention plan", "textarea"),
)
LINKS = (
    LinkType("10000", "Blocks", "is blocked by", "blocks"),
    LinkType("10003", "Relates", "relates to", "relates to"),
)
COLUMNS = (
    BoardColumn("Backlog", ("10001",), id=101),
    BoardColumn("In Progress", ("3",), max=1, id=102),
    BoardColumn("Review", ("10003",), id=103),
    BoardColumn("Done", ("10004",), id=104),
    BoardColumn("Emergency Queue", ("10005",), id=105),
)


def acme(projects: Iterable[str] = ("OPS", "WEB"), **how: Any) -> JiraStandIn:
    """A site, not started: alice, bob and the integrator are the team, carol a customer, renovate an app, ada an admin.

    Board 81 shows the first project. All custom fields but "Prevention plan" are on the edit screens.
    """
    jira = JiraStandIn(**how)
    world, keys = jira.world, tuple(projects)
    world.statuses = {status.id: status for status in STATUSES}
    world.priorities = {str(n): Priority(str(n), name) for n, name in enumerate(PRIORITIES, 1)}
    world.fields = {field.id: field for field in FIELDS}
    world.link_types = {kind.id: kind for kind in LINKS}
    screen = SYSTEM_SCREEN | {field.id for field in FIELDS[:3]}
    for number, key in enumerate(keys, 10000):
        initial, statuses = "10001", tuple(world.statuses)
        world.projects[key] = Project(str(number), key, key.title(), initial, statuses, WORKFLOW, screen)
    world.boards[81] = Board(81, f"{keys[0]} board", keys[:1], COLUMNS)
    for name in ("integrator", "alice", "bob", "ada"):
        world.person(name, "atlassian", keys, ())
    world.grant("integrator", frozenset({"BULK_CHANGE"}), "")
    world.grant("ada", frozenset({"ADMINISTER", "BULK_CHANGE"}), "")
    world.person("carol", "customer", (), keys)
    world.person("renovate", "app", keys, ())
    return jira


def without_column(jira: JiraStandIn, name: str, board: int = 81) -> None:
    """Take a column off a board; its statuses stay in the workflow, unmapped."""
    columns = tuple(column for column in jira.world.boards[board].columns if column.name != name)
    jira.world.boards[board] = replace(jira.world.boards[board], columns=columns)


def with_workflow(jira: JiraStandIn, project: str, *steps: Transition) -> None:
    """Give a project another workflow: directed steps, screens, missing steps."""
    jira.world.projects[project] = replace(jira.world.projects[project], workflow=steps)


def with_screen(jira: JiraStandIn, project: str, *fields: str) -> None:
    """Put exactly these fields on a project's edit screen."""
    jira.world.projects[project] = replace(jira.world.projects[project], screen=frozenset(fields))


def with_create_screen(jira: JiraStandIn, project: str, *fields: str) -> None:
    """Put exactly these fields on the screen for new issues of a project; the edit screen stays."""
    jira.world.projects[project] = replace(jira.world.projects[project], create_screen=frozenset(fields))
