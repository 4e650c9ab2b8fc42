"""The board and the issues told of with it: one read serves both, and what is wrong with one is not the other's."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from adapters.tracker import LeaseLost, Unreachable
from integrator.agenda import Agenda
from integrator.lanes import Lane
from mapping.board import Board
from mapping.issue import BoardRef, Column, IssueRef
from tests.test_worker import ONE, TWO, House, Troubled, house

__all__ = ["house"]

BOARD = BoardRef("github")
MINUTE = timedelta(minutes=1)


class Faulty(Troubled):
    """Its board can't be read."""

    fault: Exception = ValueError("no such board")

    def board(self, ref: BoardRef, also: Sequence[IssueRef]) -> Board:
        raise self.fault


def p0(house: House) -> None:
    house.github.open(TWO, "alice", "Dark mode", column=Column.IN_PROGRESS)
    house.github.open(ONE, "alice", "Down", labels=["P0"])
    house.github.comment(ONE, "alice", "/p0")


def moves_counted() -> float:
    return REGISTRY.get_sample_value("integrator_changes_total", {"tracker": "github", "change": "MoveTo"}) or 0


def test_the_read_of_the_board_serves_the_issues(house: House) -> None:
    house.open(ONE, TWO)
    house.tasks.touch([ONE, TWO, BOARD], Lane.EVENT)
    house.worker.run_due()
    assert house.github.reads == []
    assert house.labels(ONE) == house.labels(TWO) == {"P1", "emergency"}


def test_what_the_board_wrote_to_is_read_anew(house: House) -> None:
    house.github.open(ONE, "alice", "Dark mode", column=Column.IN_PROGRESS)
    house.clock.at += MINUTE
    house.github.open(TWO, "alice", "Light mode", column=Column.IN_PROGRESS)
    house.clock.at += MINUTE
    house.tasks.touch([ONE, TWO, BOARD], Lane.EVENT)
    before = moves_counted()
    house.worker.run_due()
    card = house.github.issue(TWO).card
    assert (card.column if card else None) is Column.BACKLOG
    assert moves_counted() == before + 1
    assert house.github.reads == []
    house.settle()
    assert [TWO] in house.github.reads


@pytest.mark.parametrize("fault", [ValueError("no such board"), Unreachable("gone")])
def test_an_issue_does_not_suffer_from_its_board(house: House, fault: Exception) -> None:
    """Nor does a P0, whose work can't be stopped then."""
    p0(house)
    house.github.__class__ = type("Faulty", (Faulty,), {"fault": fault})
    house.tasks.touch([ONE, BOARD], Lane.EVENT)
    house.worker.run_due()
    assert house.labels(ONE) == {"P0", "emergency"}
    (row,) = house.tasks.rows(parked=False)
    assert row["subject"] == str(BOARD)


def test_leases_that_ran_out_stop_everything(house: House) -> None:
    p0(house)
    house.github.__class__ = type("Faulty", (Faulty,), {"fault": LeaseLost()})
    house.tasks.touch([ONE], Lane.EVENT)
    house.worker.run_due()
    assert house.labels(ONE) == {"P0"}
    assert Agenda(house.store, "other").take(BOARD) is not None


def test_work_stops_before_anything_is_said_of_the_p0(house: House) -> None:
    """R29."""
    p0(house)
    house.tasks.touch([ONE], Lane.EVENT)
    house.worker.run_due()
    assert [list(work) for work in house.github.writes] == [[TWO], [ONE]]
    assert any("- [x] planned work paused" in comment.body for comment in house.github.issue(ONE).comments)


def test_a_board_that_somebody_else_has_is_left_to_them(house: House) -> None:
    """They look again; the checklist tells of it afterwards."""
    p0(house)
    other = Agenda(house.store, "other")
    claim = other.take(BOARD)
    assert claim is not None
    assert house.tasks.take(BOARD) is None
    house.tasks.touch([ONE], Lane.EVENT)
    house.worker.run_due()
    assert [list(work) for work in house.github.writes] == [[ONE]]
    assert any("- [ ] planned work paused" in comment.body for comment in house.github.issue(ONE).comments)
    house.store.write(lambda conn: other.done(conn, claim, None, None))
    house.settle()
    assert "paused-by-emergency" in house.labels(TWO)
    assert any("- [x] planned work paused" in comment.body for comment in house.github.issue(ONE).comments)
