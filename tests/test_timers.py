"""Clocks on the agenda: none is lost with the worker that had taken it up, none is told of twice by two."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from adapters.memory import MemoryTracker
from integrator.agenda import LEASE, Agenda
from integrator.lanes import Lane
from integrator.store import Store
from integrator.texts import Texts
from integrator.worker import Worker
from mapping.issue import IssueRef
from mapping.policy import Policy
from tests.connected import P0_FORM
from tests.mapping_house import START, Clock
from tests.postgres import database

ISSUES = 24
REFS = [IssueRef("github", f"acme/shop#{number}") for number in range(1, ISSUES + 1)]


class House:
    """P0s of the team, confirmed at once and then silent, on one database with as many workers as wanted."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.tracker = MemoryTracker("github", "markdown", ["alice"], self.clock)
        self.store = Store(url, self.clock)
        self.store.migrate()
        self.looks = Agenda(self.store, "looks")

    def worker(self, name: str) -> Worker:
        return Worker(self.store, Agenda(self.store, name), {"github": self.tracker}, Policy(), Texts())

    def report(self) -> None:
        for ref in REFS:
            self.tracker.open(ref, "alice", "Nobody can pay", body=P0_FORM)
        self.looks.touch(REFS, Lane.EVENT)

    def alarms(self) -> list[list[str]]:
        """The alarms on each issue, by their keys."""
        keys = [[c.marker.key for c in self.tracker.issue(ref).comments if c.marker] for ref in REFS]
        return [[key for key in told if key.startswith("alarm")] for told in keys]

    def later(self, at: datetime) -> None:
        self.clock.now = at


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    made = House(database() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'timers.db'}")
    yield made
    made.store.close()


def work_off(worker: Worker) -> None:
    while worker.run_due():
        pass


def together(house: House, names: list[str]) -> None:
    """Several workers at the same time, until nothing is due."""
    begin = threading.Barrier(len(names))

    def work(name: str) -> None:
        worker = house.worker(name)
        begin.wait(10)
        while house.looks.is_busy():
            worker.run_due()

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_two_workers_tell_of_every_breach_once(house: House) -> None:
    """R70: the four alarms of a silent P0, each once, whoever comes first."""
    house.report()
    together(house, ["one", "two"])
    for number, minutes in enumerate((15, 45, 75, 240), 1):
        house.later(START + timedelta(minutes=minutes))
        together(house, ["one", "two"])
        assert house.alarms() == [[f"alarm-{n}" for n in range(1, number + 1)]] * ISSUES


def test_a_worker_that_dies_with_clocks_in_hand_loses_none(house: House) -> None:
    """What it had taken up is taken up by another when its lease has run out, and told once."""
    house.report()
    work_off(house.worker("first"))
    house.later(START + timedelta(minutes=15))
    assert len(Agenda(house.store, "dies").claim("github", ISSUES)) == ISSUES
    work_off(house.worker("second"))
    assert house.alarms() == [[]] * ISSUES
    house.later(START + timedelta(minutes=15) + LEASE)
    work_off(house.worker("second"))
    assert house.alarms() == [["alarm-1"]] * ISSUES


def test_clocks_outlive_the_process(house: House) -> None:
    """Nothing about them is kept but on the agenda and on the issues."""
    house.report()
    work_off(house.worker("first"))
    again = Agenda(house.store, "after a restart")
    again.free_leases()
    house.later(START + timedelta(hours=5))
    work_off(house.worker("after a restart"))
    assert house.alarms() == [["alarm-1"]] * ISSUES
