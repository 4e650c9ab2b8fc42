"""A worker that is told to stop begins nothing more and gives back what it holds; so does one whose database went."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import structlog

from adapters.tracker import Gone, Outcome
from integrator.agenda import Agenda
from integrator.lanes import Lane
from integrator.store import Unwritable
from integrator.subjects import subject_of
from integrator.tables import agenda, intents
from integrator.todo import CHUNK
from mapping.changes import Change
from mapping.issue import Issue, IssueRef
from tests.test_worker import ONE, START, THREE, TWO, House, Troubled


@pytest.fixture
def house() -> House:
    made = House()
    made.open(ONE, TWO, THREE)
    made.tasks.touch([ONE, TWO, THREE], Lane.EVENT)
    return made


def _leases(house: House) -> set[object]:
    return {row.lease_until for row in house.all(agenda)}


def test_told_to_stop_before_it_reads_it_reads_nothing(house: House) -> None:
    house.worker.stop()
    with structlog.testing.capture_logs() as logs:
        house.worker.run_due()
    assert (house.github.reads, logs) == ([], [])
    assert {(row.lease_until, row.attempts, row.look_at) for row in house.all(agenda)} == {(None, 0, START)}


def test_told_to_stop_while_it_reads_it_writes_nothing(house: House) -> None:
    class Telling(Troubled):
        def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
            house.worker.stop()
            return super().read(refs)

    house.github.__class__ = Telling
    house.worker.run_due()
    assert (house.github.writes, _leases(house), house.all(intents)) == ([], {None}, [])


def test_told_to_stop_while_it_writes_it_finishes_that_chunk_and_gives_the_rest_back(house: House) -> None:
    more = [IssueRef("github", f"acme/shop#{number}") for number in range(10, 10 + CHUNK)]
    house.open(*more)
    house.tasks.touch(more, Lane.EVENT)

    class Telling(Troubled):
        def apply(
            self, work: Mapping[IssueRef, Sequence[Change]], may_write: Callable[[], bool]
        ) -> Mapping[IssueRef, Outcome]:
            assert may_write()
            done = super().apply(work, may_write)
            house.worker.stop()
            assert not may_write()
            return done

    house.github.__class__ = Telling
    house.worker.run_due()
    assert [len(work) for work in house.github.writes] == [CHUNK]
    assert _leases(house) == {None}
    issues = [ref for row in house.all(agenda) if isinstance(ref := subject_of(row.subject), IssueRef)]
    assert sum(bool(house.labels(ref)) for ref in issues) == CHUNK


def test_a_worker_that_is_stuck_has_its_leases_given_back_by_another(house: House) -> None:
    def stuck() -> None:
        house.worker.stop()
        house.worker.give_back()
        assert len(Agenda(house.store, "other").claim("github", 10)) == 3

    house.github.before_write = stuck
    house.worker.run_due()
    assert all(row.lease_by == "other" for row in house.all(agenda))


def test_when_the_database_went_the_leases_are_given_back_as_soon_as_it_is_there(house: House) -> None:
    def gone(*_: object) -> Any:
        raise Unwritable("gone")

    write = house.store.write

    def pulled() -> None:
        house.store.write = gone  # type: ignore[assignment, method-assign]

    house.github.before_write = pulled
    with pytest.raises(Unwritable):
        house.worker.run_due()
    house.store.write = write  # type: ignore[method-assign]
    house.github.before_write = lambda: None
    assert _leases(house) != {None}
    house.github.writes.clear()
    house.worker.run_due()
    assert {row.attempts for row in house.all(agenda)} == {0}
    house.settle()
    assert all("P1" in house.labels(ref) for ref in (ONE, TWO, THREE))
