"""`integrator okr`: what is read, what is told, and how."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.memory import MemoryTracker
from adapters.tracker import Gone
from integrator.commands.okr import BATCH, Survey, document, in_lines, open_issues
from mapping.issue import Issue, IssueRef
from mapping.policy import Policy
from tests.connected import P0_FORM, REPO, Company, company
from tests.contracts import Recorder
from tests.here import Done, run
from tests.mapping_house import POLICY, TEAM, Clock, form
from tests.standins.github.faults import Kind


def ref(number: int) -> IssueRef:
    return IssueRef("github", f"acme/shop#{number}")


class Shop:
    """A tracker in memory with planned work, and what `okr` makes of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tracker = MemoryTracker("github", "markdown", TEAM, self.clock)
        self.tracker.open(ref(3), "alice", "Dark mode", labels=["kr:O2.KR2:+1"])
        self.tracker.open(ref(4), "alice", "Landing page", labels=["kr:O2.KR3:+2 %"])
        self.tracker.open(ref(5), "alice", "Tidy up")

    def emergency(self, number: int, severity: str, minutes: float, **more: Any) -> None:
        self.clock.now += timedelta(minutes=minutes)
        self.tracker.open(ref(number), "carol", f"Trouble {number}", **more)
        self.tracker.comment(ref(number), "alice", f"/{severity}")

    def told(self, policy: Policy = POLICY) -> dict[str, Any]:
        survey = Survey.of(open_issues(self.tracker, quiet=True), policy)
        return document(survey, policy, self.clock())

    def lines(self, policy: Policy = POLICY) -> str:
        return "\n".join(in_lines(self.told(policy)))


@pytest.fixture
def shop() -> Shop:
    return Shop()


# ---------------------------------------------------------------- in words


def test_without_an_emergency_the_originals_count(shop: Shop) -> None:
    shop.tracker.open(ref(8), "carol", "Nobody confirmed it", body=form(customer_at_risk="yes"))
    assert (
        shop.lines()
        == """\
O1 Delight existing customers
  O1.KR1  Customer satisfaction    > 95 %
  O1.KR2  Support resolution time  < 4 h
  O1.KR3  Critical bugs            = 0 a month
O2 Accelerate new customer acquisition
  O2.KR1  New sign-ups             50 a month
  O2.KR2  New features shipped     3
  O2.KR3  Conversion rate          > 15 %
no confirmed emergency is active"""
    )


def test_r52_a_p0_suspends_growth_and_names_the_work_to_drop(shop: Shop) -> None:
    shop.emergency(9, "p0", 12, body=form(customer_at_risk="yes"))
    assert (
        shop.lines()
        == """\
O1 Delight existing customers
  O1.KR1  Customer satisfaction    > 95 %       threatened by github:acme/shop#9
  O1.KR2  Support resolution time  < 4 h        threatened by github:acme/shop#9
  O1.KR3  Critical bugs            = 0 a month
O2 Accelerate new customer acquisition: suspended since 2026-11-23 09:12 UTC by github:acme/shop#9
  O2.KR1  New sign-ups             50 a month   suspended, work on it dropped for github:acme/shop#9
  O2.KR2  New features shipped     3            suspended, work on it dropped for github:acme/shop#9
  O2.KR3  Conversion rate          > 15 %       suspended, work on it dropped for github:acme/shop#9

github:acme/shop#9 Trouble 9: P0, suspended since 2026-11-23 09:12 UTC
  because: emergency (severity: P0)
  because: customer-at-risk (customer at risk: yes)
  threatens: O1.KR2, O1.KR1
  drop first: github:acme/shop#3 Dark mode (O2.KR2 +1)
  drop first: github:acme/shop#4 Landing page (O2.KR3 +2 %)"""
    )


def test_r53_p1s_reduce_it_once(shop: Shop) -> None:
    shop.emergency(9, "p1", 12)
    shop.emergency(7, "p1", 12)
    shop.tracker.close(ref(3), "alice")
    lines = shop.lines().splitlines()
    both = "github:acme/shop#9 and github:acme/shop#7"
    assert lines[4] == f"O2 Accelerate new customer acquisition: reduced 20% since 2026-11-23 09:12 UTC by {both}"
    assert lines[5] == "  O2.KR1  New sign-ups             50 a month   now 40 a month"
    assert lines[6].endswith("3            now 2.4, work on it dropped for github:acme/shop#7 and github:acme/shop#9")
    assert lines[-4:] == [
        "github:acme/shop#7 Trouble 7: P1, reduced 20% since 2026-11-23 09:24 UTC",
        "  because: emergency (severity: P1)",
        "  threatens: O1.KR2",
        "  drop first: work on O2.KR2",
    ]


def test_the_worst_is_told_first(shop: Shop) -> None:
    shop.emergency(7, "p1", 1)
    shop.emergency(8, "p0", 1)
    shop.emergency(9, "p0", 1)
    assert [one["issue"] for one in shop.told()["emergencies"]] == [str(ref(8)), str(ref(9)), str(ref(7))]


def test_a_proposal_waits_for_the_product_owner(shop: Shop) -> None:
    asked = Policy.model_validate_json(
        json.dumps({"okr": {"approval": "product-owner"}, "roles": {"product_owner": ["bob"]}})
    )
    shop.emergency(9, "p0", 12)
    lines = shop.lines(asked).splitlines()
    assert lines[4] == "O2 Accelerate new customer acquisition"
    assert lines[-5:] == [
        "github:acme/shop#9 Trouble 9: P0, none since 2026-11-23 09:12 UTC",
        "  because: emergency (severity: P0)",
        "  threatens: O1.KR2",
        "  drop first: github:acme/shop#3 Dark mode (O2.KR2 +1)",
        "  proposed: suspended, once the product owner (bob) comments /approve-okr there",
    ]
    nobody = asked.model_copy(update={"roles": POLICY.roles})
    assert shop.lines(nobody).endswith("once the product owner comments /approve-okr there")
    shop.tracker.comment(ref(9), "bob", "/approve-okr")
    assert "O2 Accelerate new customer acquisition: suspended since" in shop.lines(asked)
    assert shop.told(asked)["emergencies"][0]["proposal"] is None


def test_no_objectives_are_nothing_to_show(shop: Shop) -> None:
    empty = Policy.model_validate_json(json.dumps({"okr": {"objectives": [], "matrix": []}}))
    assert shop.lines(empty) == "app.yaml has no objectives\nno confirmed emergency is active"
    shop.emergency(9, "p0", 12)
    assert shop.lines(empty).splitlines()[2] == "github:acme/shop#9 Trouble 9: P0, suspended since 2026-11-23 09:12 UTC"


# ---------------------------------------------------------------- as JSON


def test_the_document(shop: Shop) -> None:
    shop.emergency(9, "p1", 12)
    told = json.loads(json.dumps(shop.told()))
    assert told["objectives"][1] == {
        "id": "O2",
        "title": "Accelerate new customer acquisition",
        "growth": True,
        "impact": "reduced 20%",
        "because": ["github:acme/shop#9"],
        "since": "2026-11-23T09:12:00+00:00",
        "key_results": [
            {
                "id": "O2.KR1",
                "title": "New sign-ups",
                "target": {"text": "50 a month", "sign": "", "number": 50, "unit": "a month"},
                "effective": {"text": "40 a month", "sign": "", "number": 40, "unit": "a month"},
                "threatened_by": [],
                "dropped_for": [],
            },
            {
                "id": "O2.KR2",
                "title": "New features shipped",
                "target": {"text": "3", "sign": "", "number": 3, "unit": ""},
                "effective": {"text": "2.4", "sign": "", "number": 2.4, "unit": ""},
                "threatened_by": [],
                "dropped_for": ["github:acme/shop#9"],
            },
            {
                "id": "O2.KR3",
                "title": "Conversion rate",
                "target": {"text": "> 15 %", "sign": ">", "number": 15, "unit": "%"},
                "effective": {"text": "> 12 %", "sign": ">", "number": 12, "unit": "%"},
                "threatened_by": [],
                "dropped_for": [],
            },
        ],
    }
    assert told["emergencies"] == [
        {
            "issue": "github:acme/shop#9",
            "title": "Trouble 9",
            "severity": "P1",
            "since": "2026-11-23T09:12:00+00:00",
            "impact": "reduced 20%",
            "threatens": ["O1.KR2"],
            "drop_first": ["O2.KR2"],
            "work_to_drop": [
                {"ref": "github:acme/shop#3", "title": "Dark mode", "key_result": "O2.KR2", "delta": "+1"}
            ],
            "because": [{"rule": "emergency", "on": "severity: P1"}],
            "proposal": None,
        }
    ]
    assert {key: told[key] for key in ("as_of", "approval", "product_owner", "faults")} == {
        "as_of": "2026-11-23T09:12:00+00:00",
        "approval": "none",
        "product_owner": [],
        "faults": [],
    }


def test_suspended_targets_are_null(shop: Shop) -> None:
    shop.emergency(9, "p0", 12)
    assert [one["effective"] for one in shop.told()["objectives"][1]["key_results"]] == [None, None, None]


def test_a_card_whose_key_result_is_wrong_is_told(shop: Shop) -> None:
    shop.tracker.label(ref(5), "alice", add=["kr:KR2:+1"])
    shop.emergency(9, "p0", 12, labels=["kr:KR1"])
    told = shop.told()
    assert told["faults"] == [{"issue": "github:acme/shop#5", "says": "'KR2' is not a full id; write O1.KR2 or O2.KR2"}]
    assert [card["ref"] for card in told["emergencies"][0]["work_to_drop"]] == [str(ref(3))]


def test_what_is_closed_or_an_emergency_is_no_planned_work(shop: Shop) -> None:
    shop.tracker.close(ref(3), "alice")
    shop.emergency(8, "p1", 1, labels=["kr:O2.KR2:+1"])
    shop.emergency(9, "p0", 1)
    assert [one["work_to_drop"] for one in shop.told()["emergencies"]] == [[], []]


# ---------------------------------------------------------------- what is read


class Counting(MemoryTracker):
    """Remembers how many issues each read asked for; one of them has gone meanwhile."""

    reads: list[int]

    def read(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Issue | Gone]:
        self.reads.append(len(refs))
        gone = {one: Gone("deleted") for one in refs if one == ref(1)}
        return {**super().read(refs), **gone}


def test_issues_are_read_in_batches() -> None:
    tracker = Counting("github", "markdown", TEAM, Clock())
    tracker.reads = []
    assert list(open_issues(tracker, quiet=True)) == [] and tracker.reads == []
    for number in range(1, 121):
        tracker.open(ref(number), "carol", "Something")
    assert len(list(open_issues(tracker, quiet=True))) == 119
    assert tracker.reads == [BATCH, BATCH, 20]


# ---------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder) -> Iterator[Company]:
    """A P0 that alice confirmed on GitHub, a P1 that nobody confirmed on Jira, and planned work."""
    with company(tmp_path_factory.mktemp("acme"), recorder) as made:
        number = made.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        made.github.comment(REPO, number, "alice", "/p0")
        made.github.open_issue(REPO, "alice", "Dark mode", "")
        made.jira.create_issue("OPS", "carol", "Reports take minutes", "", (), "High")
        yield made


def here(acme: Company, *arguments: str) -> Done:
    return run(acme.integrator.folder, acme.integrator.environ, *arguments)


def test_the_command_reads_all_trackers(acme: Company) -> None:
    done = here(acme, "okr")
    assert (done.code, done.err) == (0, "")
    assert "\nO2 Accelerate new customer acquisition: suspended since 20" in done.out
    assert f"\ngithub:{REPO}#1 Nobody can pay: P0, suspended since 20" in done.out
    assert "jira:" not in done.out


def test_the_command_as_json_says_nothing_else(acme: Company) -> None:
    done = here(acme, "okr", "--json")
    assert (done.code, done.err) == (0, "")
    (line,) = done.out.splitlines()
    assert [one["issue"] for one in json.loads(line)["emergencies"]] == [f"github:{REPO}#1"]


def test_a_wrong_key_result_is_told_on_stderr(acme: Company) -> None:
    number = acme.github.open_issue(REPO, "alice", "Light mode", "", labels=["kr:KR2:+1"])
    done = here(acme, "okr")
    assert done.code == 0
    assert done.err == f"github:{REPO}#{number}: 'KR2' is not a full id; write O1.KR2 or O2.KR2\n"


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_half_an_answer_is_none(acme: Company, how: Sequence[str]) -> None:
    fault = acme.github.fault(lambda method, path, body: True, Kind.RESET_BEFORE, times=1000)
    done = here(acme, "okr", *how)
    fault.times = 0
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("integrator: ") and len(done.err.splitlines()) == 1


def test_a_wrong_configuration_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("okr: {p1_factor: 2}\n", encoding="utf-8")
    done = run(tmp_path, {}, "okr")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("integrator: app.yaml:1 okr.p1_factor: ")
