"""What app.yaml says about Jira boards and fields, and what the adapter is told of it."""

from collections.abc import Iterator

import pytest

from adapters.tracker import Tracker
from integrator.config import Config, parse
from integrator.connect import tracker_factory
from integrator.yaml_file import ConfigError
from mapping.issue import BoardRef
from tests.adapter_jira_house import House, Start, houses
from tests.contracts import Recorder
from tests.standins.jira.acme import without_column

SITE = """
trackers:
  jira:
    kind: jira
    url: {url}
    projects: [OPS]
    board: 81
    {more}
"""
ENVIRONMENT = {
    "INTEGRATOR_JIRA_TOKEN": "token-of-integrator",
    "INTEGRATOR_JIRA_EMAIL": "integrator@acme.example",
    "INTEGRATOR_JIRA_WEBHOOK_SECRETS": "s",
}


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    yield from houses(recorder)


def config(house: House, more: str = "", top: str = "") -> Config:
    return parse(SITE.format(url=house.jira.url, more=more) + top, "app.yaml")


def tracker(house: House, told: Config) -> Tracker:
    return tracker_factory(told, house.clock, ENVIRONMENT)()["jira"]


FAULTS = [
    ("fields: {Severitie: customfield_10042}", "'Severitie' is no field of a card; there are Severity, ETA"),
    ("fields: {Severity: Severity}", "customfield_"),
    ("fields: [Severity]", "should be an object"),
    ("use_internal_api: true", "is not a key here"),
]


@pytest.mark.parametrize(("more", "says"), FAULTS)
def test_faults_are_named_with_their_line(more: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(SITE.format(url="https://acme.atlassian.net", more=more), "app.yaml")
    assert says in str(caught.value)
    assert "app.yaml:8" in str(caught.value)


def test_defaults_change_no_board() -> None:
    assert Config().board.jira.use_internal_api is False


def test_column_is_added_only_if_app_yaml_wants_it(start: Start) -> None:
    house = start()
    without_column(house.jira, "Emergency Queue")
    may = house.jira.world.people["integrator"].grants["OPS"]
    house.jira.world.grant("integrator", may | {"ADMINISTER_PROJECTS"}, "OPS")
    plain, wanted = config(house), config(house, top="board: {jira: {use_internal_api: true}}")
    assert plain.policy_hash != wanted.policy_hash
    for told, states in ((plain, []), (wanted, ["done"])):
        steps = tracker(house, told).prepare(False)
        assert [step.state for step in steps if step.what.startswith("column ")] == states


def test_names_and_labels_are_the_configured_ones(start: Start) -> None:
    house = start()
    told = config(
        house, "fields: {Severity: customfield_10042}", 'labels: {P0: {name: sev0, color: b60205, description: ""}}'
    )
    labelled = house.jira.create_issue("OPS", "alice", "x", labels=["sev0"])
    paused = house.jira.create_issue("OPS", "alice", "x", labels=["paused-by-emergency"])
    house.jira.create_issue("OPS", "alice", "x", labels=["P0"])
    jira = tracker(house, told)
    board = jira.board(BoardRef("jira"), [])
    assert board is not None
    assert [card.id for card in board.cards] == [labelled, paused]
    assert ("field Severity", "it is customfield_10042") in {(f.about, f.says) for f in jira.doctor()}
