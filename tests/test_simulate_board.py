"""The protocol's own picture of its board, played: the example scenario with planned work that is only labelled."""

from pathlib import Path
from typing import Any

import pytest

from integrator.commands.okr import Survey, document, open_issues
from integrator.config import Config
from integrator.scenario import Scenario
from integrator.simulate import Simulation
from integrator.yaml_file import validated
from mapping.issue import BoardRef

FILE = Path(__file__).parents[1] / "docs" / "examples" / "board.yaml"
BOARD = BoardRef("github")
LABEL = "pause: {mode: label}\n"
NOTED = ("assignees", "ETA", "Severity", "OKR impact", "Drop first")


@pytest.fixture
def simulation() -> Simulation:
    scenario = validated(Scenario, FILE.read_text("utf-8"), FILE.name)
    return Simulation(scenario, validated(Config, LABEL, "app.yaml"))


def drawn(simulation: Simulation) -> dict[str, dict[str, list[str]]]:
    """Column by column: each card's title, and what is noted on it."""
    trackers = simulation.stage.trackers.values()
    titles = {str(issue.ref): issue.title for tracker in trackers for issue in tracker.issues()}
    board: dict[str, dict[str, list[str]]] = {}
    for ref, issue in simulation.final().items():
        board.setdefault(issue["column"], {})[titles[ref]] = _noted(issue)
    return board


def _noted(issue: dict[str, Any]) -> list[str]:
    fields = [issue["fields"][name] for name in NOTED if name in issue["fields"]]
    return [*fields, *(label for label in issue["labels"] if label.startswith(("kr:", "paused")))]


def test_the_board_is_as_the_protocol_draws_it(simulation: Simulation) -> None:
    moved = [(line.issue, line.detail["column"]) for line in simulation.run() if line.change == "MoveTo"]
    assert moved == [(f"github:acme/shop#{number}", "Emergency Queue") for number in (6, 7)]
    assert drawn(simulation) == {
        "Backlog": {"Feature A": ["kr:O1.KR1:+10%"], "Feature C": ["kr:O2.KR2:+5%"]},
        "In Progress": {"Feature B": ["alice", "paused-by-emergency"]},
        "Review": {"Bug Fix #2": ["bob"]},
        "Done": {"Feature Z": []},
        "Emergency Queue": {
            "DB Down": ["charlie", "2026-11-23T13:05Z", "P0", "suspended", "acme/shop#3"],
            "API Slow": ["david", "2026-11-24T10:07Z", "P1", "reduced 20%", "acme/shop#3"],
        },
    }


def test_the_queue_has_the_p0_at_its_top(simulation: Simulation) -> None:
    list(simulation.run())
    (tracker,) = simulation.stage.trackers.values()
    cards = tracker.board(BOARD, []).cards
    assert [card.title for card in cards if card.card.name == "Emergency Queue"] == ["DB Down", "API Slow"]


def test_the_checklist_tells_that_work_stands_still(simulation: Simulation) -> None:
    """R29: with the first status comment. The second edit is for the engineer's name."""
    said = [line for line in simulation.run() if line.issue == "github:acme/shop#7" and line.change == "EditStatus"]
    (tracker,) = simulation.stage.trackers.values()
    (p0,) = [issue for issue in tracker.issues() if issue.title == "DB Down"]
    (status,) = [comment for comment in p0.comments if comment.marker]
    assert "- [x] planned work paused\n" in status.body
    assert [f"{line.at:%H:%M}" for line in said] == ["11:03", "11:04"]


def test_growth_is_suspended_and_its_work_is_named(simulation: Simulation) -> None:
    list(simulation.run())
    (tracker,) = simulation.stage.trackers.values()
    survey = Survey.of(open_issues(tracker, quiet=True), simulation.policy)
    told = document(survey, simulation.policy, simulation.clock())
    assert {one["id"]: (one["impact"], one["because"]) for one in told["objectives"]} == {
        "O1": ("none", []),
        "O2": ("suspended", ["github:acme/shop#7"]),
    }
    dropped = {work["title"] for emergency in told["emergencies"] for work in emergency["work_to_drop"]}
    assert dropped == {"Feature C"}
