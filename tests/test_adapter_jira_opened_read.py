"""Retrospectives on Jira are found again at little cost, and believed only where we made them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.adapter_jira_house import PRODUCTS, House, Start, houses, opens, read, ref, status, write
from tests.adapter_jira_opened_house import LABEL, OURS, RETRO, bulk, emergency, house_id, keys, opened, put
from tests.contracts import Recorder
from tests.standins.jira.state import Product


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


@pytest.mark.parametrize("product", PRODUCTS)
def test_what_is_known_costs_no_request(start: Start, product: Product) -> None:
    house = start(product)
    tracker, key = emergency(house)
    retro = opened(tracker, key)
    house.asked()
    assert read(tracker, key).opened[0].closed_at is None
    assert house.asked() == bulk(product)
    moments = []
    for to in ("Done", "Backlog", "Done"):
        house.jira.transition(retro, "bob", to)
        moments.append([read(tracker, key).opened[0].closed_at for _ in range(2)])
        assert house.asked() == [
            *bulk(product, "OPS-2" if product == "cloud" else house_id(house, retro)),
            *bulk(product),
        ]
    record = house.jira.world.find(retro)
    assert record is not None
    assert moments[1:] == [[None, None], [record.resolved, record.resolved]]
    assert moments[0] != moments[2]


def test_a_workflow_that_resolves_nothing(start: Start) -> None:
    house = start()
    tracker, key = emergency(house)
    retro = opened(tracker, key)
    house.jira.transition(retro, "bob", "Done")
    done, record = house.jira.issue(retro).histories[-1].created, house.jira.world.find(retro)
    assert record is not None
    house.jira.world.put(record.id, replace(record, resolved=None))
    assert read(tracker, key).opened[0].closed_at == done


def test_issues_with_other_links_cost_one_read(start: Start) -> None:
    house = start()
    tracker, first = emergency(house)
    issues = [house.jira.create_issue("OPS", "alice", f"no {n}") for n in range(60)]
    for key in issues:
        house.jira.link(key, "alice", first)
    retro = opened(tracker, first, status(n=1))
    write(tracker, issues[0], status(n=1), LABEL)
    fresh = house.tracker()
    read(fresh, first)
    house.asked()
    fresh.read([ref(key) for key in (first, *issues)])
    assert house.asked() == ["POST issue/bulkfetch"]
    house.jira.transition(retro, "alice", "Done")
    fresh.read([ref(key) for key in (first, *issues)])
    assert house.asked() == ["POST issue/bulkfetch"] * 2


@pytest.mark.parametrize("product", PRODUCTS)
def test_issues_keep_knowing_each_other_when_they_move(start: Start, product: Product) -> None:
    house = start(product)
    tracker, key = emergency(house)
    retro = house.jira.move(opened(tracker, key), "alice", "WEB")
    moved = house.jira.move(key, "alice", "WEB")
    for reader in (tracker, house.tracker()):
        assert keys(read(reader, moved)) == [(RETRO, retro)]
        assert read(reader, retro).opened_for == ref(moved)


@pytest.mark.parametrize("product", PRODUCTS)
def test_another_project_and_one_that_can_no_longer_be_read(start: Start, product: Product) -> None:
    house = start(product, projects=("OPS", "RETRO"))
    tracker, key = emergency(house)
    write(tracker, key, opens(key, container="RETRO"))
    assert keys(read(tracker, key)) == [(RETRO, "RETRO-1")]
    house.jira.transition("RETRO-1", "alice", "Done")
    assert read(tracker, key).opened[0].closed_at is not None
    house.jira.world.grant("integrator", frozenset(), "RETRO")
    listed = read(house.tracker(), key).opened
    assert [(one.ref.key, one.closed_at) for one in listed] == [("RETRO-1", None)]
    write(tracker, key, LABEL, status(n=1))
    assert RETRO in house.jira.issue(key).properties[OURS]["opened"]


def forged(house: House, key: str, **how: Any) -> str:
    """An issue that somebody made to look as if we had opened it because of `key`."""
    other = house.jira.create_issue("OPS", "alice", "Forged")
    put(house, other, {"comments": {}, "for": {"key": RETRO, "id": house_id(house, key), "issue": key}})
    record = house.jira.world.find(other)
    assert record is not None
    house.jira.world.put(record.id, replace(record, **how))
    house.jira.link(other, "alice", key)
    return other


@pytest.mark.parametrize("product", PRODUCTS)
def test_forged_retrospectives_do_not_count(start: Start, product: Product) -> None:
    house = start(product)
    tracker, key = emergency(house)
    other = forged(house, key)
    as_ours = forged(house, key, reporter="integrator", creator="alice")
    entry = {"id": house_id(house, other), "key": other, "at": "2026-11-23T09:00:00.000+00:00"}
    for value in ({"comments": {}, "opening": [RETRO]}, {"comments": {}, "opened": {RETRO: entry}}):
        put(house, key, value)
        assert read(tracker, key).opened == ()
        assert read(house.tracker(), key).opened == ()
    assert [read(tracker, forgery).opened_for for forgery in (other, as_ours)] == [None, None]
    # Ours, but because of another issue.
    second = house.jira.create_issue("OPS", "carol", "Down too")
    retro = opened(tracker, second)
    house.jira.link(retro, "alice", key)
    put(house, key, {"comments": {}, "opening": [RETRO], "opened": {RETRO: {**entry, "id": house_id(house, retro)}}})
    assert read(tracker, key).opened == ()
    # What isn't true is not written again.
    write(tracker, key, status(n=1), LABEL)
    assert "opened" not in house.jira.issue(key).properties[OURS]


def test_a_lost_property_is_made_good_by_the_link(start: Start) -> None:
    house = start()
    tracker, key = emergency(house)
    retro = opened(tracker, key, status(n=1))
    for lost in ("garbage", {"opened": 7}, None):
        put(house, key, lost)
        assert keys(read(house.tracker(), key)) == [(RETRO, retro)]
