"""What emergencies do to the OKRs: impact, approval, effective targets, planned work (R19, R50-R55)."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from mapping.changes import Why
from mapping.issue import Issue, IssueRef
from mapping.objectives import Okr
from mapping.okr import (
    ActiveEmergency,
    Impact,
    KeyResultNow,
    ObjectiveNow,
    PlannedCard,
    active_emergency,
    effective,
    impact,
    okr_fields,
    planned_delta,
    work_to_drop,
)
from mapping.policy import Policy
from tests.mapping_house import POLICY, REF, an_issue, at, case_of, did, form, said

ASKED = Policy.model_validate_json(
    json.dumps({"okr": {"approval": "product-owner"}, "roles": {"product_owner": ["alice"]}})
)
AT_RISK = form(customer_at_risk="yes")
THREATENED, DROPPED = ("O1.KR2", "O1.KR1"), ("O2.KR2", "O2.KR1", "O2.KR3")  # by a P0 with a customer at risk
ALL_O2 = ("O2.KR1", "O2.KR2", "O2.KR3")


def impact_of(issue: Issue, policy: Policy = POLICY) -> Impact:
    return impact(case_of(issue, policy), policy)


def active_of(issue: Issue, policy: Policy = POLICY) -> ActiveEmergency:
    emergency = active_emergency(case_of(issue, policy), policy)
    assert emergency is not None
    return emergency


def told(*bodies: str, body: str = "", **more: Any) -> Issue:
    """An issue by carol, with comments every ten minutes: `alice: /p0`."""
    spoken = [entry.partition(": ") for entry in bodies]
    return an_issue(
        body=body, comments=tuple(said(10 * n, by, text) for n, (by, _, text) in enumerate(spoken, 1)), **more
    )


# ---------------------------------------------------------------- one emergency


@pytest.mark.parametrize(
    ("issue", "says", "left", "threatens", "drop"),
    [
        pytest.param(told("alice: /p0"), "suspended", "0", ("O1.KR2",), ("O2.KR2",), id="R52 P0"),
        pytest.param(told("alice: /p1"), "reduced 20%", "0.8", ("O1.KR2",), ("O2.KR2",), id="R53 P1"),
        pytest.param(told("alice: /p2"), "", "1", (), (), id="R54 P2"),
        pytest.param(told("alice: /p3"), "", "1", (), (), id="R54 P3"),
        pytest.param(told("bob: hello"), "", "1", (), (), id="R54 undecided"),
        pytest.param(told(body=AT_RISK), "none", "1", (), (), id="R24 provisional P0"),
        pytest.param(told("carol: /p0", body=AT_RISK), "none", "1", (), (), id="R24 a stranger's word"),
        pytest.param(
            told("bob: /p0", body=AT_RISK), "suspended", "0", THREATENED, DROPPED,
            id="G12 customer at risk",
        ),
        pytest.param(told("bob: /p2", body=AT_RISK), "", "1", (), (), id="R25 not an emergency, a person says"),
        pytest.param(
            told("bob: /triage customer_at_risk=yes"), "suspended", "0", THREATENED, DROPPED,
            id="R23 by command",
        ),
        pytest.param(told("bob: /p0", closed_at=at(30)), "", "1", (), (), id="R55 closed"),
        pytest.param(told("bob: /p0", "bob: /resolve"), "", "1", (), (), id="R55 resolved"),
        pytest.param(
            told("bob: /p0", "bob: /resolve", timeline=(did(30, "bob", "reopened"),)),
            "suspended", "0", ("O1.KR2",), ("O2.KR2",), id="R55 reopened",
        ),
    ],
)  # fmt: skip
def test_impact(issue: Issue, says: str, left: str, threatens: Sequence[str], drop: Sequence[str]) -> None:
    found = impact_of(issue)
    assert (found.says, found.left, found.threatens, found.drop_first) == (says, Decimal(left), threatens, drop)
    assert found.proposal is None


def test_r51_the_rules_that_fired() -> None:
    assert impact_of(told("bob: /p0", body=AT_RISK)).why == (
        Why("emergency", "severity: P0"),
        Why("customer-at-risk", "customer at risk: yes"),
    )


def with_matrix(*rows: dict[str, Any], **okr: Any) -> Policy:
    named = [{"name": f"row-{n}", **row} for n, row in enumerate(rows)]
    return Policy.model_validate_json(json.dumps({"okr": {"matrix": named, **okr}}))


@pytest.mark.parametrize(
    ("rows", "threatens", "drop"),
    [
        pytest.param([], (), (), id="R51 no row"),
        pytest.param([{"when": {"severity": "P1"}, "drop": "O2"}], (), (), id="R51 none fires"),
        pytest.param([{"when": {"label": "sign-up"}, "drop": "o2"}], (), ALL_O2, id="R51 a label"),
        pytest.param([{"when": {"keyword": "is down"}, "drop": "O1.KR3"}], (), ("O1.KR3",), id="R51 words"),
        pytest.param([{"when": {"keyword": "a code"}, "drop": "O1.KR3"}], (), (), id="R51 words in code"),
        pytest.param([{"when": {"author": "carol"}, "drop": "O1.KR3"}], (), ("O1.KR3",), id="R51 an author"),
        pytest.param([{"when": {"priority": "High"}, "drop": "O1.KR3"}], (), ("O1.KR3",), id="R51 a priority"),
        pytest.param([{"when": {"field": {"Tier": "Gold"}}, "drop": "O1.KR3"}], (), ("O1.KR3",), id="R51 a field"),
        pytest.param(
            [{"when": {"severity": "P0"}, "threatens": "o2.kr1"}, {"when": {"threatens": "O2.KR1"}, "drop": "O2.KR3"}],
            ("O2.KR1",), ("O2.KR3",), id="R51 in two steps",
        ),
        pytest.param(
            [{"when": {"severity": "P1"}, "threatens": "O2.KR1"}, {"when": {"threatens": "O2.KR1"}, "drop": "O2.KR3"}],
            (), (), id="R51 the first step fails",
        ),
        pytest.param(
            [{"when": {"severity": "P0"}, "drop": "O2"}, {"when": {"severity": "P0"}, "threatens": "O2.KR1"}],
            ("O2.KR1",), ("O2.KR2", "O2.KR3"), id="R51 what is threatened is never dropped",
        ),
        pytest.param(
            [{"when": {"severity": "P0"}, "drop": ["O2.KR3", "O2"], "threatens": ["O1.KR1", "o1.kr1"]}],
            ("O1.KR1",), ("O2.KR3", "O2.KR1", "O2.KR2"), id="R51 in the rows' order, each once",
        ),
    ],
)  # fmt: skip
def test_the_decision_matrix(rows: list[dict[str, Any]], threatens: Sequence[str], drop: Sequence[str]) -> None:
    issue = told(
        "alice: /p0",
        body="The shop is down\n```\na code\n```",
        labels=["sign-up"],
        priority="High",
        fields={"Tier": "Gold"},
    )
    found = impact_of(issue, with_matrix(*rows))
    assert (found.threatens, found.drop_first) == (threatens, drop)


def test_a_deleted_author_and_no_priority_are_nobody_and_nothing() -> None:
    rows = ({"when": {"author": "carol"}, "drop": "O2"}, {"when": {"priority": "High"}, "drop": "O2"})
    assert impact_of(replace(told("alice: /p0"), author=None), with_matrix(*rows)).drop_first == ()


@pytest.mark.parametrize(("factor", "says"), [(0.5, "reduced 50%"), (0.875, "reduced 12.5%"), (0.99, "reduced 1%")])
def test_another_factor(factor: float, says: str) -> None:
    assert impact_of(told("alice: /p1"), with_matrix(p1_factor=factor)).says == says


# ---------------------------------------------------------------- approval


SUSPENDED, REDUCED = "suspended", "reduced 20%"


@pytest.mark.parametrize(
    ("issue", "says", "proposed", "since"),
    [
        pytest.param(told("bob: /p0"), "none", SUSPENDED, 10, id="nobody approved"),
        pytest.param(told("bob: /p0", "alice: /approve-okr"), SUSPENDED, None, 20, id="the product owner did"),
        pytest.param(told("bob: /p0", "bob: /approve-okr"), "none", SUSPENDED, 10, id="somebody else did"),
        pytest.param(told("bob: /p0", "carol: /approve-okr"), "none", SUSPENDED, 10, id="an outsider did"),
        pytest.param(
            told("bob: /p0", "alice: /approve-okr", "alice: /approve-okr"), SUSPENDED, None, 20, id="twice",
        ),
        pytest.param(told("bob: /p0", "alice: /approve-okr", "bob: /p0"), SUSPENDED, None, 20, id="P0 said again"),
        pytest.param(told("bob: /p0", "alice: /approve-okr", "bob: /p1"), REDUCED, None, 30, id="downgraded"),
        pytest.param(told("bob: /p1", "alice: /approve-okr", "bob: /p0"), REDUCED, SUSPENDED, 20, id="upgraded"),
        pytest.param(
            told("bob: /p1", "alice: /approve-okr", "bob: /p0", "alice: /approve-okr"), SUSPENDED, None, 40,
            id="upgrade approved",
        ),
        pytest.param(told("bob: /p2", "alice: /approve-okr", "bob: /p0"), "none", SUSPENDED, 30, id="it was a P2"),
        pytest.param(told("alice: /approve-okr", "bob: /p0"), "none", SUSPENDED, 20, id="undecided"),
        pytest.param(
            told("bob: /p0", "alice: /approve-okr", timeline=(did(30, "bob", "closed"), did(40, "bob", "reopened"))),
            "none", SUSPENDED, 40, id="reopened",
        ),
        pytest.param(
            told("alice: /approve-okr", "bob: /p0", body=AT_RISK), SUSPENDED, None, 20, id="approved while provisional",
        ),
    ],
)  # fmt: skip
def test_the_product_owner_agrees_first(issue: Issue, says: str, proposed: str | None, since: float) -> None:
    found = active_of(issue, ASKED)
    assert found.impact.says == says
    assert (found.impact.proposal.says if found.impact.proposal else None) == proposed
    assert found.since == at(since)


def test_a_proposal_names_all_that_is_to_be_agreed_to() -> None:
    found = impact_of(told("bob: /p0", body=AT_RISK), ASKED)
    assert (found.says, found.left, found.threatens, found.drop_first) == ("none", Decimal(1), ("O1.KR2", "O1.KR1"), ())
    assert found.proposal == impact_of(told("bob: /p0", body=AT_RISK))


def test_nobody_needs_to_approve_by_default() -> None:
    assert impact_of(told("bob: /p0", "bob: /approve-okr")) == impact_of(told("bob: /p0"))


def test_a_provisional_emergency_proposes_nothing() -> None:
    assert impact_of(told("alice: /approve-okr", body=AT_RISK), ASKED) == Impact("none")


# ---------------------------------------------------------------- active emergencies


@pytest.mark.parametrize(
    ("issue", "since"),
    [
        pytest.param(told("alice: /p0"), 10, id="confirmed"),
        pytest.param(told("alice: /p0", "alice: /p0"), 10, id="said again"),
        pytest.param(told("alice: /p1", "alice: /p0"), 20, id="upgraded"),
        pytest.param(
            told("alice: /p0", timeline=(did(20, "bob", "closed"), did(60, "bob", "reopened"))), 60, id="reopened"
        ),
        pytest.param(an_issue(by="alice", body=AT_RISK), 0, id="opened by the team"),
    ],
)
def test_since_when(issue: Issue, since: float) -> None:
    found = active_of(issue)
    assert (found.ref, found.title, found.since) == (REF, "Something", at(since))


@pytest.mark.parametrize(
    "issue",
    [
        told(body=AT_RISK),
        told("alice: /p2"),
        told("hello"),
        told("alice: /p0", closed_at=at(20)),
        told("alice: /p0", "bob: /resolve"),
    ],
    ids=["R24 provisional", "R54", "undecided", "closed", "resolved"],
)
def test_not_active(issue: Issue) -> None:
    assert active_emergency(case_of(issue), POLICY) is None


def an_emergency(number: int, severity: str, since: float, **more: Any) -> ActiveEmergency:
    issue = replace(told(f"alice: /{severity}", **more), ref=IssueRef("github", f"acme/shop#{number}"))
    return replace(active_of(issue), since=at(since))


def targets(now: Sequence[ObjectiveNow]) -> list[list[str]]:
    return [[str(one.target) if one.target else "-" for one in objective.key_results] for objective in now]


ORIGINAL = ["50 a month", "3", "> 15 %"]
SUSPENSION = ["-", "-", "-"]
REDUCTION = ["40 a month", "2.4", "> 12 %"]


@pytest.mark.parametrize(
    ("active", "growth", "says", "because", "since"),
    [
        pytest.param([], ORIGINAL, "none", [], None, id="R54 nothing"),
        pytest.param([(9, "p1", 5)], REDUCTION, REDUCED, [9], 5, id="R53 a P1"),
        pytest.param([(9, "p1", 5), (8, "p1", 3)], REDUCTION, REDUCED, [8, 9], 3, id="R53 two P1s, once"),
        pytest.param([(9, "p0", 5)], SUSPENSION, SUSPENDED, [9], 5, id="R52 a P0"),
        pytest.param([(9, "p1", 1), (8, "p0", 5)], SUSPENSION, SUSPENDED, [8], 5, id="R53 P0 outranks P1"),
        pytest.param([(9, "p0", 5), (8, "p0", 5)], SUSPENSION, SUSPENDED, [8, 9], 5, id="R52 two P0s"),
    ],
)
def test_effective_targets(
    active: list[tuple[int, str, float]], growth: list[str], says: str, because: list[int], since: float | None
) -> None:
    now = effective([an_emergency(*one) for one in active], POLICY)
    assert targets(now) == [["> 95 %", "< 4 h", "= 0 a month"], growth]
    retention, acquisition = now
    assert (retention.says, retention.because, retention.since) == ("none", (), None)
    assert acquisition.says == says
    assert [ref.key for ref in acquisition.because] == [f"acme/shop#{number}" for number in because]
    assert acquisition.since == (at(since) if since is not None else None)


def test_a_proposal_changes_no_target_but_shows_what_is_threatened() -> None:
    proposed = active_of(told("bob: /p0"), ASKED)
    now = effective([proposed], ASKED)
    assert targets(now)[1] == ORIGINAL
    assert (now[1].says, now[1].because) == ("none", ())
    assert now[0].key_results[1].threatened_by == (REF,)
    assert now[1].key_results[1].dropped_for == ()


def test_what_is_threatened_and_dropped_by_whom() -> None:
    some, other = an_emergency(9, "p0", 5, body=AT_RISK), an_emergency(8, "p1", 3)
    by_id: dict[str, KeyResultNow] = {
        one.key_result.id: one for o in effective([some, other], POLICY) for one in o.key_results
    }
    assert by_id["O1.KR1"].threatened_by == (some.ref,)
    assert by_id["O1.KR2"].threatened_by == (other.ref, some.ref)
    assert by_id["O1.KR3"].threatened_by == ()
    assert by_id["O2.KR2"].dropped_for == (other.ref, some.ref)
    assert by_id["O2.KR3"].dropped_for == (some.ref,)


def test_a_growth_target_where_less_is_better_is_eased_too() -> None:
    trial = {
        "id": "G",
        "title": "Grow",
        "growth": True,
        "key_results": [{"id": "G.KR1", "title": "x", "target": "< 8 days"}],
    }
    policy = Policy.model_validate_json(json.dumps({"okr": {"objectives": [trial], "matrix": []}}))
    assert targets(effective([an_emergency(9, "p1", 5)], policy)) == [["< 10 days"]]


# ---------------------------------------------------------------- planned work


@pytest.mark.parametrize(
    ("labels", "fields", "planned"),
    [
        pytest.param([], {}, None, id="R19 none"),
        pytest.param(["bug", "krill"], {"KR": "  ", "Team": "x"}, None, id="R19 nothing to do with it"),
        pytest.param(["kr:O2.KR1:+10%"], {}, ("O2.KR1", "+10%"), id="R19 a label"),
        pytest.param(["bug", "KR:o2.kr1:+10%"], {}, ("O2.KR1", "+10%"), id="R19 in another case"),
        pytest.param(["kr:O2.KR1"], {}, ("O2.KR1", ""), id="R19 no delta"),
        pytest.param(["kr:O2.KR1:-0.5:h"], {}, ("O2.KR1", "-0.5:h"), id="R19 a colon in the delta"),
        pytest.param(["kr:O2.KR1:+10%", "KR:O2.KR1:+10%"], {}, ("O2.KR1", "+10%"), id="R19 twice the same"),
        pytest.param([], {"KR": "O2.KR1: +10%"}, ("O2.KR1", "+10%"), id="R19 a field"),
        pytest.param([], {"KR": " O2.KR1  +10 sign-ups "}, ("O2.KR1", "+10 sign-ups"), id="R19 without a colon"),
        pytest.param(["kr:O1.KR1:+1%"], {"KR": "O2.KR1: +10%"}, ("O2.KR1", "+10%"), id="R19 the field counts"),
    ],
)
def test_planned_work(labels: list[str], fields: dict[str, str], planned: tuple[str, str] | None) -> None:
    assert planned_delta(frozenset(labels), fields, Okr()) == planned


@pytest.mark.parametrize(
    ("labels", "fields", "says"),
    [
        (["kr:KR2:+10%"], {}, "'KR2' is not a full id; write O1.KR2 or O2.KR2"),
        ([], {"KR": "KR2: +10%"}, "'KR2' is not a full id; write O1.KR2 or O2.KR2"),
        (["kr:O2:+10%"], {}, "'O2' is an objective; name one of its key results: O2.KR1, O2.KR2 or O2.KR3"),
        (["kr:"], {}, "kr: names no key result; write for example kr:O2.KR1:+10%"),
        (["kr::+5%"], {}, "kr::+5% names no key result; write for example kr:O2.KR1:+10%"),
        (
            ["kr:O2.KR2:+5%", "kr:O2.KR1:+5%"], {},
            "kr:O2.KR1:+5% and kr:O2.KR2:+5% name several key results or deltas; keep one",
        ),
        (
            ["kr:O2.KR1:+5%", "kr:O2.KR1:+6%"], {},
            "kr:O2.KR1:+5% and kr:O2.KR1:+6% name several key results or deltas; keep one",
        ),
    ],
)  # fmt: skip
def test_planned_work_that_cannot_be_read(labels: list[str], fields: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError) as refused:
        planned_delta(labels, fields, Okr())
    assert str(refused.value) == says


CARDS = (
    PlannedCard("github:acme/shop#3", "Dark mode", "O2.KR2", "+1"),
    PlannedCard("github:acme/shop#4", "Faster answers", "O1.KR2", "-1 h"),
    PlannedCard("", "A draft", "O2.KR1", "+10%"),
    PlannedCard("github:acme/shop#5", "Light mode", "O2.KR2", ""),
)


def test_the_work_to_drop_is_named_in_the_matrix_order() -> None:
    dropped = work_to_drop(CARDS, impact_of(told("bob: /p0", body=AT_RISK)))
    assert [card.named for card in dropped] == [
        "github:acme/shop#3 Dark mode",
        "github:acme/shop#5 Light mode",
        "A draft",
    ]
    assert work_to_drop(CARDS, Impact()) == ()
    assert work_to_drop((), impact_of(told("bob: /p0"))) == ()


# ---------------------------------------------------------------- fields


def test_r55_the_fields() -> None:
    found = impact_of(told("bob: /p0", body=AT_RISK))
    assert okr_fields(found, ["github:acme/shop#3 Dark mode", "A draft"]) == {
        "OKR impact": "suspended",
        "Threatens": "O1.KR2, O1.KR1",
        "Drop first": "github:acme/shop#3 Dark mode; A draft",
    }


def test_r55_where_no_card_is_known_the_key_results_are_named() -> None:
    assert okr_fields(impact_of(told("bob: /p1")), ())["Drop first"] == "O2.KR2"


@pytest.mark.parametrize(
    ("issue", "says"),
    [(told("alice: /p0", closed_at=at(30)), ""), (told("alice: /p2"), ""), (told(body=AT_RISK), "none")],
)
def test_r55_cleared_when_it_ends(issue: Issue, says: str) -> None:
    assert okr_fields(impact_of(issue), ()) == {"OKR impact": says, "Threatens": "", "Drop first": ""}


def test_a_field_holds_whole_names_and_says_how_many_more_there_are() -> None:
    names = [f"github:acme/shop#{number} {'x' * 60}" for number in range(10)]
    text = okr_fields(Impact("suspended"), names)["Drop first"]
    assert text == "; ".join([*names[:3], "and 7 more"])
    assert len(text) <= 255 < len("; ".join(names[:4]))
    long = okr_fields(Impact("suspended"), ["y" * 300])["Drop first"]
    assert long == "y" * 99 + "…"
    exact = okr_fields(Impact("suspended"), ["z" * 100])["Drop first"]
    assert exact == "z" * 100
