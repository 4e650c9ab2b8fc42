"""Simulation: the interface's own example, jumps of the clock, outages, and the command around it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integrator.config import Config
from integrator.scenario import Scenario
from integrator.simulate import Line, Simulation, policy_for
from integrator.yaml_file import validated
from mapping.policy import Policy
from tests.here import Done, run

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
EXAMPLE = """\
start: 2026-11-23T09:00:00Z
team: [alice, bob]                         # write access; everyone else is a customer; names ending in [bot] are bots
roles: {product_owner: alice}
board: {In Progress: [github:acme/shop#3]} # optional: where cards are at the start
issues:
  - {ref: "github:acme/shop#3", title: Dark mode, by: alice, at: -3d}
events:
  - {at: +0m,  open: "github:acme/shop#9", by: carol, title: Checkout is down, body: "…", labels: [], priority: null}
  - {at: +12m, comment: "github:acme/shop#9", by: alice, body: "/p0"}
  - {at: +40m, label: "github:acme/shop#9", by: bob, add: [P1], remove: []}
  - {at: +1h,  move: "github:acme/shop#3", by: bob, to: In Progress}
  - {at: +2h,  assign: "github:acme/shop#9", by: bob, to: [alice]}
  - {at: +5h,  close: "github:acme/shop#9", by: alice}
  - {at: +6h,  reopen: "github:acme/shop#9", by: carol}
  - {at: +7h,  outage: 3h}                 # the workers are down; deliveries arrive and wait
  - {at: +11h, edit: "github:acme/shop#9", comment: 2, by: alice, body: "…"}    # also: delete, transfer: {to: …}
until: +30h
"""
OWN_KEYS = {
    "SetLabels": {"add", "remove"},
    "MoveTo": {"column"},
    "SetFields": {"values"},
    "EditStatus": {"facts", "memo", "comment"},
    "PostComment": {"key", "facts", "memo"},
    "Acknowledge": {"comments"},
    "OpenIssue": {"key", "facts", "container", "labels", "title"},
}


def simulated(text: str, config: Config | None = None) -> tuple[list[Line], dict[str, Any]]:
    simulation = Simulation(validated(Scenario, text, "day.yaml"), config or Config())
    lines = list(simulation.run())
    return lines, simulation.final()


def command(folder: Path, text: str, *arguments: str) -> Done:
    (folder / "day.yaml").write_text(text, encoding="utf-8")
    return run(folder, {}, "simulate", "day.yaml", *arguments)


def test_the_example_of_the_interface_as_json(tmp_path: Path) -> None:
    done = command(tmp_path, EXAMPLE, "--json")
    assert done.code == 0, done.err
    *lines, final = map(json.loads, done.out.splitlines())
    for line in lines:
        assert set(line) == {"at", "issue", "change", "because"} | OWN_KEYS[line["change"]]
        assert list(line)[:3] == ["at", "issue", "change"] and list(line)[-1] == "because"
        assert line["because"] and all(isinstance(why, str) for why in line["because"])
    told: dict[str, str] = {}
    for line in lines:
        told[line["at"]] = f"{told.get(line['at'], '')} {line['change']}".strip()
    assert [(at.removeprefix("2026-11-"), changes) for at, changes in told.items()] == [
        ("23T09:00:00Z", "SetLabels MoveTo SetFields EditStatus"),
        ("23T09:10:00Z", "SetLabels EditStatus"),  # triage at risk
        ("23T09:12:00Z", "SetLabels MoveTo SetLabels SetFields EditStatus Acknowledge"),  # /p0, which pauses #3
        ("23T09:24:00Z", "SetLabels EditStatus"),  # acknowledgement at risk
        ("23T09:27:00Z", "SetLabels PostComment EditStatus"),  # and broken
        ("23T09:36:00Z", "SetLabels EditStatus"),  # assessment at risk
        ("23T09:40:00Z", "SetLabels SetFields EditStatus MoveTo SetLabels"),  # P1: #3 goes on
        ("23T11:00:00Z", "EditStatus"),  # assigned
        ("23T12:12:00Z", "SetLabels EditStatus"),  # response at risk
        ("23T13:00:00Z", "SetLabels PostComment EditStatus"),  # and broken
        ("23T13:30:00Z", "PostComment EditStatus"),
        ("23T14:00:00Z", "SetLabels MoveTo SetFields EditStatus OpenIssue"),  # closed
        ("23T14:00:15Z", "EditStatus"),  # which names the retrospective
        ("23T15:00:00Z", "MoveTo SetFields EditStatus"),  # reopened
        ("23T19:00:00Z", "SetLabels PostComment EditStatus"),  # response broken again, at risk during the outage
        ("23T20:00:00Z", "EditStatus"),  # a comment edited
        ("24T10:12:00Z", "SetLabels EditStatus"),  # resolution at risk
        ("24T15:00:00Z", "SetLabels PostComment EditStatus"),  # and broken
    ]
    assert final == {
        "final": {
            "github:acme/shop#3": {
                "severity": None,
                "column": "In Progress",
                "labels": [],
                "fields": {},
                "clocks": {},
            },
            "github:acme/shop#10": {"severity": None, "column": None, "labels": [], "fields": {}, "clocks": {}},
            "github:acme/shop#9": {
                "severity": "P1",
                "column": "Emergency Queue",
                "labels": ["P1", "emergency", "sla-breached"],
                "fields": {
                    "Severity": "P1",
                    "Response due": "2026-11-23T19:00Z",
                    "Resolution due": "2026-11-24T15:00Z",
                    "OKR impact": "reduced 20%",
                    "Threatens": "O1.KR2",
                    "Drop first": "O2.KR2",
                    "assignees": "alice",
                },
                "clocks": {
                    "triage": clock("missed", "23T09:00", "23T09:15", "23T09:40"),
                    "response": clock("breached", "23T15:00", "23T19:00", None),
                    "next_update": clock("missed", "23T09:12", "23T13:12", "23T14:00"),
                    "resolution": clock("breached", "23T15:00", "24T15:00", None),
                    "retrospective": clock("cancelled", "23T14:00", "24T14:00", "23T15:00"),
                },
            },
        }
    }


def clock(state: str, started_at: str, due_at: str, stopped_at: str | None) -> dict[str, str | None]:
    times = {"started_at": started_at, "due_at": due_at, "stopped_at": stopped_at}
    return {"state": state, **{name: at and f"2026-11-{at}:00Z" for name, at in times.items()}}


def test_the_example_in_words(tmp_path: Path) -> None:
    done = command(tmp_path, EXAMPLE)
    assert (
        "2026-11-23 09:12:00  github:acme/shop#9       SetLabels    +P0 -P1 -sla-at-risk  (because R25, R70)"
        in done.out
    )
    assert "EditStatus   P0, confirmed by alice  (because R23, R24)" in done.out
    assert "MoveTo       Emergency Queue  (because R21)" in done.out
    assert "EditStatus   closed  (because R23, R24)" in done.out
    assert done.out.splitlines()[-3:] == [
        "at the end: github:acme/shop#10: no severity, no column, no labels",
        "at the end: github:acme/shop#3: no severity, In Progress, no labels",
        "at the end: github:acme/shop#9: P1, Emergency Queue, P1 emergency sla-breached",
    ]


SHORT = """\
start: 2026-11-23T09:00:00Z
team: [alice]
events:
  - {at: +1h, open: "github:acme/shop#9", by: carol, title: Checkout is down}
until: +2h
"""


def test_an_outage_lets_deliveries_wait() -> None:
    lines, _ = simulated(SHORT.replace("events:\n", "events:\n  - {at: +30m, outage: 1h}\n"))
    assert {line.at for line in lines} == {START + timedelta(minutes=90), START + timedelta(minutes=105)}
    assert [line.detail["facts"]["late"] for line in lines if line.change == "PostComment"] == [True, False]


def test_an_outage_beyond_the_end_leaves_everything_as_it_is() -> None:
    lines, final = simulated(SHORT.replace("events:\n", "events:\n  - {at: +30m, outage: 10h}\n"))
    assert lines == [] and final["github:acme/shop#9"]["labels"] == []


def test_nothing_happens_after_the_end() -> None:
    lines, final = simulated(SHORT.replace("until: +2h", "until: +59m"))
    assert lines == [] and final == {}


def test_a_priority_that_is_written_is_shown(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("triage: {write_priority: {P1: High}}\n", encoding="utf-8")
    text = SHORT.replace("github:acme/shop#9", "jira:OPS-7")
    done = command(tmp_path, text)
    assert "SetFields    priority = High" in done.out
    final = json.loads(command(tmp_path, text, "--json").out.splitlines()[-1])["final"]
    assert final["jira:OPS-7"]["fields"]["priority"] == "High"


def test_issues_that_are_there_at_the_start_are_taken_up_first() -> None:
    there = 'issues:\n  - {ref: "github:acme/shop#3", title: Search is down, by: carol, at: -1h}\n'
    lines, final = simulated(SHORT.replace("events:", f"{there}events:"))
    assert (lines[0].at, lines[0].issue) == (START, "github:acme/shop#3")
    comments = [line for line in lines if line.issue == "github:acme/shop#3" and line.change == "EditStatus"]
    assert comments == []  # reported before the beginning: nobody is told until a person confirms
    assert final["github:acme/shop#3"]["severity"] == "P1"


def test_the_start_is_when_promises_begin() -> None:
    scenario = validated(Scenario, SHORT, "day.yaml")
    assert policy_for(scenario, Config()).sla.enforce_from == START
    assert isinstance(policy_for(scenario, Config()), Policy)


def test_what_is_transferred_goes_on_under_its_new_name() -> None:
    more = '  - {at: +90m, transfer: "github:acme/shop#9", by: alice, to: "github:acme/web#1"}\n'
    _, final = simulated(SHORT.replace("until", f"{more}until"))
    assert list(final) == ["github:acme/web#1"]
    assert final["github:acme/web#1"]["labels"] == ["P1", "emergency", "sla-breached"]


BAD = [
    (SHORT.replace("open:", "opne:"), "day.yaml:4 events[0].opne: is not a key here; did you mean 'open'?"),
    (
        SHORT.replace("open:", "close:"),
        "day.yaml events: cannot happen: close github:acme/shop#9: there is no such issue",
    ),
]


@pytest.mark.parametrize(("text", "says"), BAD)
def test_a_wrong_scenario_says_where(tmp_path: Path, text: str, says: str) -> None:
    done = command(tmp_path, text, "--json")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"integrator: {says}")


def test_a_missing_scenario_and_a_missing_policy_are_named(tmp_path: Path) -> None:
    missing = "none.yaml: cannot be read (No such file or directory)"
    assert missing in run(tmp_path, {}, "simulate", "none.yaml").err
    (tmp_path / "day.yaml").write_text(SHORT, encoding="utf-8")
    assert missing in run(tmp_path, {}, "simulate", "day.yaml", "--config", "none.yaml").err
