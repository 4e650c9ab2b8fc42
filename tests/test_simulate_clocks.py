"""A P0 from report to close, played: every milestone at its minute, also with the workers down in the middle."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrator.commands.looking import told
from integrator.config import Config, parse
from integrator.scenario import Scenario
from integrator.simulate import Line, Simulation
from integrator.yaml_file import validated

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
SHOP = "github:acme/shop#9"
RETROSPECTIVE = "github:acme/shop#10"
HEAD = """\
start: 2026-11-23T09:00:00Z
team: [alice, bob]
roles: {product_owner: erin}
until: +3d
events:
"""
STOPPED = '"### Business process impact\\n\\nCritical\\n\\n### Is there a workaround?\\n\\nNone"'
OPEN = f'  - {{at: +0m, open: "{SHOP}", by: carol, title: Checkout, body: {STOPPED}}}\n'


def event(at: str, verb: str, issue: str = SHOP, **keys: str) -> str:
    more = "".join(f", {key}: {value}" for key, value in {"by": "alice", **keys}.items())
    return f'  - {{at: +{at}, {verb}: "{issue}"{more}}}\n'


def comment(at: str, body: str) -> str:
    return event(at, "comment", body=f'"{body}"')


def played(*events: str, config: Config | None = None) -> tuple[list[Line], dict[str, Any]]:
    scenario = validated(Scenario, HEAD + OPEN + "".join(events), "day.yaml")
    simulation = Simulation(scenario, config or Config())
    lines = list(simulation.run())
    return lines, simulation.final()[SHOP]


def minute(line: Line) -> float:
    return (line.at - START) / timedelta(minutes=1)


def alarms(lines: list[Line]) -> list[tuple[float, str, list[str]]]:
    said = [line for line in lines if line.change == "PostComment"]
    return [(minute(a), a.detail["facts"]["step"], [c["name"] for c in a.detail["facts"]["breached"]]) for a in said]


def turns(lines: list[Line]) -> list[tuple[float, str]]:
    """What changed in the clocks of the status comment, with the minute of the edit."""
    found: list[tuple[float, str]] = []
    before: dict[str, tuple[str, str]] = {}
    for line in lines:
        if line.change == "EditStatus":
            now = {c["name"]: (c["state"], c["due_at"]) for c in line.detail["facts"]["clocks"]}
            changed = [f"{name} {state}" for name, (state, due) in now.items() if before.get(name) != (state, due)]
            found += [(minute(line), what) for what in changed]
            before = now
    return found


# The customer hears of it in time, then late, then in time again; it is solved after three hours and a half.
DAY = (
    comment("5m", "/p0\\n/ic @bob"),
    comment("12m", "We are on it."),
    comment("25m", "It is the payment provider."),
    event("30m", "assign", to="[bob]"),
    comment("150m", "They are back, we are checking."),
    comment("200m", "All is well again.\\n/sent"),
    event("210m", "close"),
    event("1000m", "close", RETROSPECTIVE),
)


def test_every_milestone_at_its_minute() -> None:
    """R2, R3, R26, R32, R38."""
    lines, final = played(*DAY)
    assert turns(lines) == [
        (0, "triage running"),
        (0, "response running"),
        (0, "resolution running"),
        (5, "triage met"),
        (5, "acknowledgement running"),
        (5, "assessment running"),
        (5, "progress running"),
        (12, "response met"),
        (12, "acknowledgement met"),
        (12, "next_update running"),
        (25, "assessment met"),
        (25, "next_update running"),
        (53, "progress at_risk"),
        (65, "progress breached"),
        (73, "next_update at_risk"),
        (85, "next_update breached"),
        (150, "progress missed"),
        (150, "next_update running"),
        (192, "resolution at_risk"),
        (198, "next_update at_risk"),
        (200, "next_update running"),
        (210, "next_update met"),
        (210, "resolution met"),
        (210, "retrospective running"),
        (1000, "retrospective met"),
    ]
    assert final["clocks"] == {
        "triage": clock("met", 0, 15, 5),
        "acknowledgement": clock("met", 5, 20, 12),
        "assessment": clock("met", 5, 35, 25),
        "progress": clock("missed", 5, 65, 150),
        "response": clock("met", 0, 60, 12),
        "next_update": clock("met", 200, 260, 210),
        "resolution": clock("met", 0, 240, 210),
        "retrospective": clock("met", 210, 210 + 1440, 1000),
    }
    assert (final["labels"], final["column"]) == (["P0", "emergency"], "Done")
    assert alarms(lines) == [
        (65, "incident commander", ["progress"]),
        (95, "team", ["progress", "next_update"]),
        (125, "product owner", ["progress", "next_update"]),
    ]


def clock(state: str, started: float, due: float, stopped: float | None) -> dict[str, str | None]:
    def at(minutes: float | None) -> str | None:
        return None if minutes is None else (START + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")

    return {"state": state, "due_at": at(due), "started_at": at(started), "stopped_at": at(stopped)}


@pytest.mark.parametrize(
    ("outage", "said"),
    [
        pytest.param("60m, outage: 3h", [], id="down through it all, closed before they are back"),
        pytest.param(
            "60m, outage: 50m",
            [(110, "team", True), (125, "product owner", False)],
            id="down over the first two steps: one alarm, late",
        ),
        pytest.param(
            "70m, outage: 60m",
            [(65, "incident commander", False), (130, "product owner", False)],
            id="down over two steps, back within five minutes of the last",
        ),
        pytest.param(
            "70m, outage: 65m",
            [(65, "incident commander", False), (135, "product owner", True)],
            id="down over two steps: one alarm, late",
        ),
    ],
)
def test_the_same_day_with_an_outage_ends_in_the_same_state(outage: str, said: list[tuple[float, str, bool]]) -> None:
    lines, final = played(f"  - {{at: +{outage}}}\n", *DAY)
    assert final == played(*DAY)[1]
    posts = [line for line in lines if line.change == "PostComment"]
    found = [(minute(post), post.detail["facts"]["step"], post.detail["facts"]["late"]) for post in posts]
    assert found == said


SILENT = (comment("0m", "/p0"),)
SILENCE = ["acknowledgement", "assessment", "progress", "response"]


def test_five_hours_of_silence() -> None:
    """R70: exactly four alarm comments; everything else is edits."""
    lines, final = played(*SILENT)
    assert alarms(lines) == [
        (15, "incident commander", SILENCE[:1]),
        (45, "team", SILENCE[:2]),
        (75, "product owner", SILENCE),
        (240, "", [*SILENCE, "resolution"]),
    ]
    assert {state["state"] for name, state in final["clocks"].items() if name != "triage"} == {"breached"}
    assert final["labels"] == ["P0", "emergency", "sla-breached"]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        pytest.param(
            "1m, outage: 3h",
            [(181, "product owner", SILENCE, True), (240, "", [*SILENCE, "resolution"], False)],
            id="from the start",
        ),
        pytest.param(
            "20m, outage: 3h",
            [
                (15, "incident commander", SILENCE[:1], False),
                (200, "product owner", SILENCE, True),
                (240, "", [*SILENCE, "resolution"], False),
            ],
            id="in the middle",
        ),
        pytest.param(
            "80m, outage: 3h",
            [
                (15, "incident commander", SILENCE[:1], False),
                (45, "team", SILENCE[:2], False),
                (75, "product owner", SILENCE, False),
                (260, "", [*SILENCE, "resolution"], True),
            ],
            id="after the ladder",
        ),
    ],
)
def test_silence_with_an_outage(at: str, said: list[tuple[float, str, list[str], bool]]) -> None:
    """R70: late alarms once, marked late, never a burst of every missed one; the same state in the end."""
    lines, final = played(f"  - {{at: +{at}}}\n", *SILENT)
    late = [line.detail["facts"]["late"] for line in lines if line.change == "PostComment"]
    assert [(*alarm, is_late) for alarm, is_late in zip(alarms(lines), late, strict=True)] == said
    assert final == played(*SILENT)[1]


def test_the_people_of_the_scenario_are_called() -> None:
    lines, _ = played(*SILENT, event("1m", "assign", to="[bob]"))
    called = [line.detail["facts"]["mentions"] for line in lines if line.change == "PostComment"]
    assert [list(names) for names in called] == [["bob"], ["alice", "bob"], ["erin"], ["bob"]]


def test_the_policys_own_clocks_and_people_are_kept() -> None:
    """A scenario says only when promises begin and who its product owner is."""
    config = parse("sla: {milestones: {acknowledgement: 5m}}\nroles: {team: [zoe]}\n", "app.yaml")
    lines, _ = played(*SILENT, config=config)
    said = [line for line in lines if line.change == "PostComment"]
    assert [(minute(line), list(line.detail["facts"]["mentions"])) for line in said][:3] == [
        (5, []),
        (35, ["zoe"]),
        (65, ["erin"]),
    ]


def test_an_alarm_in_one_line() -> None:
    lines, _ = played(*SILENT)
    (first, *_) = [told(line) for line in lines if line.change == "PostComment"]
    assert first == (
        "2026-11-23 09:15:00  github:acme/shop#9       PostComment  acknowledgement breached"
        "  (because R70, acknowledgement)"
    )
