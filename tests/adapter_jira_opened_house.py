"""What the tests of issues opened on Jira share: an emergency, its retrospective, and what is asked for them."""

from typing import Any

from adapters.jira import JiraTracker
from mapping.changes import SetLabels
from mapping.issue import Issue
from tests.adapter_jira_house import House, opens, read, write
from tests.standins.jira.state import Product

RETRO = "retrospective@20261123T140000Z"
LABEL = SetLabels(frozenset({"P0"}), frozenset(), ())
OURS = "spark-integrator"


def emergency(house: House) -> tuple[JiraTracker, str]:
    """A tracker that has read an emergency and knows the site."""
    tracker = house.tracker()
    key = house.jira.create_issue("OPS", "carol", "Down")
    read(tracker, key)
    house.asked()
    return tracker, key


def opened(tracker: JiraTracker, key: str, *more: Any) -> str:
    """Open a retrospective; its key."""
    assert write(tracker, key, opens(key), *more).failed == ()
    return read(tracker, key).opened[0].ref.key


def keys(issue: Issue) -> list[tuple[str, str]]:
    return [(one.key, one.ref.key) for one in issue.opened]


def put(house: House, key: str, value: Any) -> None:
    record = house.jira.world.find(key)
    assert record is not None
    house.jira.acts.put_property(record, OURS, value)


def bulk(product: Product, *more: str) -> list[str]:
    """The request that reads OPS-1, on Cloud with everything that it wants to know of others."""
    asked = ["GET issue/OPS-1", *(f"GET issue/{key}" for key in more)]
    return ["POST issue/bulkfetch"] * min(2, len(asked)) if product == "cloud" else asked


def house_id(house: House, key: str) -> str:
    return str(house.jira.issue(key).id)
