"""Objectives, targets and the decision matrix as app.yaml writes them: the protocol's own, and every fault in words."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from integrator.config import parse
from integrator.yaml_file import ConfigError
from mapping.matrix import Situation
from mapping.objectives import Measure, Okr, why_not_approved
from mapping.policy import Policy
from mapping.rules import Signals
from mapping.severity import Severity
from tests.mapping_house import NOBODY


def loaded(tree: dict[str, Any]) -> Okr:
    return Okr.model_validate_json(json.dumps(tree))


def faults(tree: dict[str, Any]) -> list[str]:
    """Each fault with its place."""
    with pytest.raises(ValidationError) as refused:
        loaded(tree)
    return [f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in refused.value.errors()]


def objective(id_: str, *results: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "title": id_, "key_results": [{"id": r, "title": r, "target": 1} for r in results], **more}


# ---------------------------------------------------------------- the protocol's own


def test_r50_the_objectives() -> None:
    told = [(o.id, o.title, o.growth, [(r.id, r.title, r.target) for r in o.key_results]) for o in Okr().objectives]
    assert told == [
        (
            "O1",
            "Delight existing customers",
            False,
            [
                ("O1.KR1", "Customer satisfaction", "> 95 %"),
                ("O1.KR2", "Support resolution time", "< 4 h"),
                ("O1.KR3", "Critical bugs", "= 0 a month"),
            ],
        ),
        (
            "O2",
            "Accelerate new customer acquisition",
            True,
            [
                ("O2.KR1", "New sign-ups", "50 a month"),
                ("O2.KR2", "New features shipped", "3"),
                ("O2.KR3", "Conversion rate", "> 15 %"),
            ],
        ),
    ]


def test_r51_the_matrix() -> None:
    assert Okr().model_dump(mode="json")["matrix"] == [
        {"name": "emergency", "when": {"severity": ["P0", "P1"]}, "threatens": ["O1.KR2"], "drop": ["O2.KR2"]},
        {"name": "customer-at-risk", "when": {"customer_at_risk": ["yes"]}, "threatens": ["O1.KR1"], "drop": ["O2"]},
    ]


@pytest.mark.parametrize(
    ("severity", "left"),
    [
        pytest.param(Severity.P0, "0", id="R52"),
        pytest.param(Severity.P1, "0.8", id="R53"),
        pytest.param(Severity.P2, "1", id="R54 P2"),
        pytest.param(Severity.P3, "1", id="R54 P3"),
    ],
)
def test_what_is_left(severity: Severity, left: str) -> None:
    assert Okr().left_by(severity) == Decimal(left)


def test_what_is_written_is_read_again() -> None:
    okr = loaded({"approval": "product-owner", "p1_factor": 0.5, "matrix": []})
    assert loaded(json.loads(okr.model_dump_json())) == okr
    assert loaded(json.loads(Okr().model_dump_json())) == Okr()


# ---------------------------------------------------------------- targets


@pytest.mark.parametrize(
    ("text", "written", "eased"),
    [
        ("> 95 %", "> 95 %", "> 76 %"),
        (">95%", "> 95 %", "> 76 %"),
        (">= 3", ">= 3", ">= 2.4"),
        ("50 a month", "50 a month", "40 a month"),
        ("1.50 stars", "1.5 stars", "1.2 stars"),
        ("= 0 a month", "= 0 a month", "= 0 a month"),
        ("= 10", "= 10", "= 8"),
        ("< 4 h", "< 4 h", "< 5 h"),
        ("<= 10 days", "<= 10 days", "<= 12.5 days"),
        ("  3  ", "3", "2.4"),
        ("100000 visits", "100000 visits", "80000 visits"),
    ],
)
def test_targets(text: str, written: str, eased: str) -> None:
    """R53: × 0.8 where more is better; the same turned upside down where less is."""
    measure = Measure.parse(text)
    assert str(measure) == written
    assert str(measure.eased(Decimal("0.8"))) == eased
    assert measure.eased(Decimal(1)) == measure
    assert measure.eased(Decimal(0)) is None


def test_a_division_that_has_no_end_is_rounded_in_favour_of_the_team() -> None:
    assert str(Measure.parse("< 1 h").eased(Decimal("0.3"))) == "< 3.34 h"
    assert str(Measure.parse("< 0.5 h").eased(Decimal("0.3"))) == "< 1.667 h"


@pytest.mark.parametrize(
    "text", ["", "many", "> ", "-3", "1,000", "50 000", "1.", "1.2.3", "> 95 % or so " + "x" * 30, "=="]
)
def test_no_targets(text: str) -> None:
    with pytest.raises(ValueError, match="is not a target; write for example '> 95 %', '< 4 h', '= 0' or '50 a month'"):
        Measure.parse(text)


@pytest.mark.parametrize(("value", "text"), [(50, "50"), (2.5, "2.5"), ("3 features", "3 features")])
def test_a_target_may_be_a_bare_number(value: Any, text: str) -> None:
    tree = objective("O1", "O1.KR1")
    tree["key_results"][0]["target"] = value
    assert loaded({"objectives": [tree], "matrix": []}).key_results["O1.KR1"].target == text


@pytest.mark.parametrize("value", [True, None, [3], -1, 1e30])
def test_what_is_no_target_is_a_fault(value: Any) -> None:
    tree = objective("O1", "O1.KR1")
    tree["key_results"][0]["target"] = value
    assert faults({"objectives": [tree], "matrix": []})[0].startswith("objectives.0.key_results.0.target: ")


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize(("text", "id_"), [("O1.KR2", "O1.KR2"), ("o2.kr3", "O2.KR3")])
def test_full_ids(text: str, id_: str) -> None:
    assert Okr().full_id(text) == id_


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("KR2", "'KR2' is not a full id; write O1.KR2 or O2.KR2"),
        ("kr2", "'kr2' is not a full id; write O1.KR2 or O2.KR2"),
        ("O2", "'O2' is an objective; name one of its key results: O2.KR1, O2.KR2 or O2.KR3"),
        ("O3.KR1", "there is no key result 'O3.KR1'; there is O1.KR1, O1.KR2, O1.KR3, O2.KR1, O2.KR2, O2.KR3"),
        ("", "there is no key result ''; there is O1.KR1, O1.KR2, O1.KR3, O2.KR1, O2.KR2, O2.KR3"),
    ],
)
def test_r50_bare_and_unknown_ids_are_refused_with_the_candidates(text: str, says: str) -> None:
    with pytest.raises(ValueError) as refused:
        Okr().full_id(text)
    assert str(refused.value) == says


def test_a_bare_id_with_one_candidate_is_refused_too() -> None:
    okr = loaded({"objectives": [objective("O1", "O1.KR1"), objective("G", "G.Sales")], "matrix": []})
    with pytest.raises(ValueError, match=r"'sales' is not a full id; write G\.Sales$"):
        okr.full_id("sales")


def test_no_objectives_at_all() -> None:
    with pytest.raises(ValueError, match="there is no key result 'KR1'; there is none"):
        loaded({"objectives": [], "matrix": []}).full_id("KR1")


@pytest.mark.parametrize(("text", "ids"), [("o2", ("O2.KR1", "O2.KR2", "O2.KR3")), ("O1.kr1", ("O1.KR1",))])
def test_an_objective_means_its_key_results(text: str, ids: tuple[str, ...]) -> None:
    assert Okr().under(text) == ids


def test_the_ids_of_key_results_are_full() -> None:
    assert faults({"objectives": [objective("O1", "KR1", "O2.KR1", "O1.", "O1.KR4")], "matrix": []}) == [
        "objectives.0.key_results.0.id: 'KR1' is not a full id of O1; write O1.KR1",
        "objectives.0.key_results.1.id: 'O2.KR1' is not a full id of O1; write O1.KR1",
        "objectives.0.key_results.2.id: 'O1.' is not a full id of O1; write O1.KR1",
    ]


def test_ids_are_there_once_whatever_their_case() -> None:
    twice = [objective("O1", "O1.KR1", "O1.kr1"), objective("o1", "o1.KR2")]
    assert faults({"objectives": twice, "matrix": []}) == [
        "objectives.1: 'o1' is there twice",
        "objectives.0.key_results.1.id: 'O1.kr1' is there twice",
    ]


# ---------------------------------------------------------------- the matrix


ROW = {"name": "row", "when": {"severity": "P0"}, "drop": "O2"}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{**ROW, "drop": "KR2"}], ["matrix.0.drop.0: 'KR2' is not a full id; write O1.KR2 or O2.KR2"]),
        ([{**ROW, "drop": ["O2", "KR2"]}], ["matrix.0.drop.1: 'KR2' is not a full id; write O1.KR2 or O2.KR2"]),
        (
            [{**ROW, "threatens": "O1"}],
            ["matrix.0.threatens.0: 'O1' is an objective; name one of its key results: O1.KR1, O1.KR2 or O1.KR3"],
        ),
        (
            [ROW, {**ROW, "name": "b", "when": {"threatens": "KR1"}}],
            ["matrix.1.when.threatens.0: 'KR1' is not a full id; write O1.KR1 or O2.KR1"],
        ),
        (
            [{**ROW, "threatens": "O1.KR2"}, {**ROW, "name": "b", "when": {"threatens": ["O1.KR1", "O1.KR3"]}}],
            ["matrix.1.when.threatens: no row before this one threatens O1.KR1 or O1.KR3"],
        ),
        (
            [{**ROW, "threatens": "o2.kr1"}],
            ["matrix.0.drop: O2.KR1 is threatened: work on it is not dropped by the same row"],
        ),
        ([ROW, ROW], ["matrix.1: 'row' is there twice"]),
        ([{"name": "row", "when": {"severity": "P0"}}], ["matrix.0: give `threatens`, `drop` or both"]),
        ([{**ROW, "when": {"severity": "P2"}}], ["matrix.0.when: severity: 'P2' never changes OKRs; use P0 or P1"]),
        ([{**ROW, "when": {}}], ["matrix.0.when: a rule needs at least one condition"]),
        (
            [{**ROW, "when": {"customer_at_risk": "maybe"}}],
            ["matrix.0.when: customer_at_risk: 'maybe' is not an answer; use yes, no, unknown"],
        ),
        ([{**ROW, "drop": []}], ["matrix.0.drop: give at least one value, and no empty one"]),
    ],
)  # fmt: skip
def test_rows_that_are_refused(rows: list[dict[str, Any]], says: list[str]) -> None:
    assert faults({"matrix": rows}) == says


def test_every_fault_is_told_with_its_line() -> None:
    text = """
okr:
  matrix:
    - {name: a, when: {severity: P0}, drop: KR2}
    - name: b
      when: {severity: P1}
      drop: [O2.KR1, KR3]
"""
    with pytest.raises(ConfigError) as refused:
        parse(text, "app.yaml")
    assert [str(fault) for fault in refused.value.faults] == [
        "app.yaml:4 okr.matrix[0].drop: 'KR2' is not a full id; write O1.KR2 or O2.KR2",
        "app.yaml:7 okr.matrix[1].drop[1]: 'KR3' is not a full id; write O1.KR3 or O2.KR3",
    ]


def test_objectives_of_ones_own_need_a_matrix_of_ones_own() -> None:
    text = "okr:\n  objectives:\n    - {id: G, title: Grow, key_results: [{id: G.KR1, title: Sales, target: 5}]}\n"
    with pytest.raises(ConfigError) as refused:
        parse(text, "app.yaml")
    assert len(refused.value.faults) == 4
    assert str(refused.value.faults[0]) == (
        "app.yaml:1 okr.matrix: there is no key result 'O1.KR2'; there is G.KR1; write a matrix for your own objectives"
    )
    assert parse(f"{text}  matrix: []\n", "app.yaml").okr.matrix == ()


@pytest.mark.parametrize("factor", [0, 1, 1.2, "20%", -0.5])
def test_a_factor_leaves_something_and_takes_something(factor: Any) -> None:
    assert faults({"p1_factor": factor})[0].startswith("p1_factor: ")


SIGNALS = Signals(answers={"customer_at_risk": "yes"}, labels=frozenset({"sign-up"}), text="Checkout is down")


@pytest.mark.parametrize(
    ("when", "on"),
    [
        ({"severity": "P0"}, "severity: P0"),
        ({"severity": ["P1", "P0"]}, "severity: P0"),
        ({"severity": "P1"}, None),
        ({"customer_at_risk": "yes"}, "customer at risk: yes"),
        ({"customer_at_risk": "no"}, None),
        ({"customer_at_risk": "yes", "severity": "P0"}, "customer at risk: yes, severity: P0"),
        ({"customer_at_risk": "yes", "severity": "P1"}, None),
        ({"threatens": "o1.kr2"}, "threatens: o1.kr2"),
        ({"threatens": ["O1.KR1", "O1.KR2"]}, "threatens: O1.KR2"),
        ({"threatens": "O1.KR1"}, None),
        ({"label": "Sign-up", "threatens": "O1.KR2"}, "label: Sign-up, threatens: O1.KR2"),
        ({"keyword": "is down"}, "the words “is down”"),
    ],
)
def test_situations(when: dict[str, Any], on: str | None) -> None:
    situation = Situation.model_validate_json(json.dumps(when))
    assert situation.arises(Severity.P0, SIGNALS, {"O1.KR2": None}) == on


# ---------------------------------------------------------------- who approves


@pytest.mark.parametrize(
    ("person", "id_", "owners", "counts"),
    [
        ("alice", "alice", ["alice"], True),
        ("alice", "alice", ["@Alice"], True),
        ("alice", "alice", ["bob", "alice"], True),
        ("alice", "alice", ["bob"], False),
        ("Alice Doe", "5b10ac8d82e05b22cc7d4ef5", ["5b10ac8d82e05b22cc7d4ef5"], True),
        ("alice", "5b10ac8d82e05b22cc7d4ef5", ["alice"], False),
        ("alice", "JIRAUSER10100", ["alice"], True),
    ],
    ids=["login", "with @", "one of two", "another", "account id", "a display name", "user name"],
)
def test_whose_approval_counts(person: str, id_: str, owners: list[str], counts: bool) -> None:
    by = replace(NOBODY.person(person), id=id_)
    assert (why_not_approved(by, loaded({"approval": "product-owner"}), owners) == "") is counts
    assert why_not_approved(by, Okr(), owners) == ""


def test_a_refusal_is_polite_and_says_the_way_out() -> None:
    okr, bob = loaded({"approval": "product-owner"}), NOBODY.person("bob")
    assert why_not_approved(bob, okr, ["alice"]) == (
        "OKR changes are approved by the product owner; thank you, but this one has to come from them"
    )


@pytest.mark.parametrize("roles", [{}, {"product_owner": []}, {"team": ["bob"]}])
def test_an_approval_that_nobody_could_give_is_refused(roles: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate_json(json.dumps({"okr": {"approval": "product-owner"}, "roles": roles}))
    (fault,) = refused.value.errors()
    assert (fault["loc"], fault["msg"]) == (
        ("okr", "approval"),
        "Value error, nobody could approve anything, because roles.product_owner is empty; name somebody there",
    )
    Policy.model_validate_json(json.dumps({"okr": {"approval": "product-owner"}, "roles": {"product_owner": ["bob"]}}))
