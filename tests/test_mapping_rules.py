"""The default table of R24, and what rules of one's own can say."""

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from mapping.rules import DEFAULT_HINTS, DEFAULT_RULES, Condition, Rule, Signals, Verdict, judge, rule
from mapping.severity import Severity
from mapping.triage import BY_KEY

P0, P1, P2, P3 = Severity


def verdict(**answers: str) -> Verdict:
    return judge(Signals(answers=answers), DEFAULT_RULES, DEFAULT_HINTS)


def fired(found: Verdict) -> set[str]:
    return {why.rule for why in found.why}


@pytest.mark.parametrize(
    ("answers", "severity", "rules"),
    [
        pytest.param({"security": "yes"}, P0, {"security-breach"}, id="R24 P0 security"),
        pytest.param({"process": "critical", "workaround": "none"}, P0, {"business-stopped"}, id="R24 P0 process"),
        pytest.param({"process": "critical"}, P0, {"business-stopped"}, id="R23 P0 workaround unknown"),
        pytest.param({"revenue_per_hour": "500", "workaround": "none"}, P0, {"revenue-at-risk"}, id="R24 P0 revenue"),
        pytest.param({"revenue_per_hour": "0.5"}, P0, {"revenue-at-risk"}, id="R23 P0 revenue, workaround unknown"),
        pytest.param({"customer_at_risk": "yes"}, P0, {"customer-at-risk"}, id="R24 G12 P0 customer at risk"),
        pytest.param(
            {"process": "critical", "workaround": "painful"}, P1, {"critical-with-workaround"}, id="R24 P1 painful"
        ),
        pytest.param({"process": "critical", "workaround": "easy"}, P1, {"critical-with-workaround"}, id="R24 P1 easy"),
        pytest.param(
            {"process": "major", "workaround": "none"}, P1, {"major-without-easy-workaround"}, id="R24 P1 major, none"
        ),
        pytest.param(
            {"process": "major", "workaround": "painful"},
            P1,
            {"major-without-easy-workaround"},
            id="R24 P1 major, painful",
        ),
        pytest.param({"process": "major"}, P1, {"major-without-easy-workaround"}, id="R23 P1 major, unknown"),
        pytest.param({"reputation": "high"}, P1, {"reputation-at-risk"}, id="R24 P1 reputation"),
        pytest.param(
            {"process": "major", "workaround": "easy"}, P2, {"major-with-easy-workaround"}, id="R24 P2 major, easy"
        ),
        pytest.param({"process": "minor"}, P2, {"minor"}, id="R24 P2 minor"),
        pytest.param({"kind": "request"}, P3, {"request"}, id="R24 P3 request"),
        pytest.param({"process": "none"}, P3, {"no-impact"}, id="R24 P3 no impact"),
        # the highest wins
        pytest.param({"security": "yes", "kind": "request"}, P0, {"security-breach", "request"}, id="R24 P0 over P3"),
        pytest.param(
            {"process": "minor", "reputation": "high"}, P1, {"minor", "reputation-at-risk"}, id="R24 P1 over P2"
        ),
        pytest.param(
            {"process": "none", "customer_at_risk": "yes"},
            P0,
            {"no-impact", "customer-at-risk"},
            id="R24 P0 over P3, at risk",
        ),
        pytest.param({"kind": "request", "process": "minor"}, P2, {"request", "minor"}, id="R24 P2 over P3"),
        pytest.param(
            {"revenue_per_hour": "9", "workaround": "easy", "process": "minor"},
            P2,
            {"minor"},
            id="R24 revenue with a workaround",
        ),
        # core system and other customers raise by one, at most to P1
        pytest.param(
            {"process": "none", "system": "core", "other_customers": "yes"},
            P2,
            {"no-impact", "core-and-others"},
            id="R24 raised P3 to P2",
        ),
        pytest.param(
            {"process": "minor", "system": "core", "other_customers": "yes"},
            P1,
            {"minor", "core-and-others"},
            id="R24 raised P2 to P1",
        ),
        pytest.param(
            {"reputation": "high", "system": "core", "other_customers": "yes"},
            P1,
            {"reputation-at-risk", "core-and-others"},
            id="R24 P1 stays P1",
        ),
        pytest.param(
            {"security": "yes", "system": "core", "other_customers": "yes"},
            P0,
            {"security-breach", "core-and-others"},
            id="R24 P0 stays P0",
        ),
        pytest.param({"process": "minor", "system": "core"}, P2, {"minor"}, id="R24 core alone raises nothing"),
        pytest.param(
            {"process": "minor", "system": "secondary", "other_customers": "yes"},
            P2,
            {"minor"},
            id="R24 others alone raise nothing",
        ),
        # abstention
        pytest.param({}, None, set(), id="R24 abstains on nothing"),
        pytest.param({"system": "core", "other_customers": "yes"}, None, set(), id="R24 a raise of nothing is nothing"),
        pytest.param(
            {"security": "no", "customer_at_risk": "no", "reputation": "low"}, None, set(), id="R24 abstains on noes"
        ),
        pytest.param({"revenue_per_hour": "0"}, None, set(), id="R24 abstains on no revenue"),
        pytest.param(
            {"kind": "question", "workaround": "none", "rollback": "risky", "quick_fix": "yes"},
            None,
            set(),
            id="R24 abstains on the rest",
        ),
    ],
)
def test_the_default_table(answers: dict[str, str], severity: Severity | None, rules: set[str]) -> None:
    found = verdict(**answers)
    assert (found.severity, fired(found)) == (severity, rules)


WEIGHTY = ("process", "workaround", "reputation", "system", "other_customers", "security", "customer_at_risk")
LIST_OF_ALL = list(product(*([*BY_KEY[key].choices, "unknown"] for key in WEIGHTY)))


def expected(a: dict[str, str]) -> Severity | None:
    """R24 once more, read down the page instead of from a table."""
    no_way = a["workaround"] in {"none", "unknown"}
    if a["security"] == "yes" or a["customer_at_risk"] == "yes" or (a["process"] == "critical" and no_way):
        found: Severity | None = P0
    elif (
        a["process"] == "critical"
        or a["reputation"] == "high"
        or (a["process"] == "major" and a["workaround"] != "easy")
    ):
        found = P1
    else:
        found = {"major": P2, "minor": P2, "none": P3}.get(a["process"])
    raised = a["system"] == "core" and a["other_customers"] == "yes"
    return {P2: P1, P3: P2}.get(found, found) if raised and found else found


def test_every_combination_is_as_the_page_says() -> None:
    """R24, over all 8,640 combinations of the seven answers that weigh."""
    assert len(LIST_OF_ALL) == 5 * 4 * 4 * 4 * 3 * 3 * 3
    for values in LIST_OF_ALL:
        answers = dict(zip(WEIGHTY, values, strict=True))
        assert verdict(**answers).severity is expected(answers), answers


def test_not_knowing_of_a_workaround_counts_as_none() -> None:
    """R23: `unknown` never lowers a severity."""
    for values in LIST_OF_ALL:
        answers = dict(zip(WEIGHTY, values, strict=True))
        unknown, none = ({**answers, "workaround": answer} for answer in ("unknown", "none"))
        assert verdict(**unknown).severity is verdict(**none).severity


def test_reasons_name_the_answers() -> None:
    """R24: the rules that fired, with what they fired on."""
    found = verdict(process="critical", workaround="none", revenue_per_hour="500")
    assert [(why.rule, why.on) for why in found.why] == [
        ("business-stopped", "process: critical, workaround: none"),
        ("revenue-at-risk", "revenue per hour: 500, workaround: none"),
    ]


@pytest.mark.parametrize(
    ("signals", "severity", "rules"),
    [
        pytest.param(Signals(text="Checkout is DOWN\n"), P1, {"words-of-an-outage"}, id="R24 keyword"),
        pytest.param(Signals(text="nobody can\n log in"), P1, {"words-of-an-outage"}, id="R24 keyword over lines"),
        pytest.param(Signals(text="a security breach?"), P0, {"words-of-a-breach"}, id="R24 keyword P0"),
        pytest.param(Signals(text="it is downloading"), None, set(), id="R24 whole words only"),
        pytest.param(Signals(text="this down"), None, set(), id="R24 whole words only, before"),
        pytest.param(Signals(labels=frozenset({"p1"})), P1, {"labelled-p1"}, id="R24 label, in any case"),
        pytest.param(
            Signals(labels=frozenset({"P2"}), text="outage"),
            P1,
            {"labelled-p2", "words-of-an-outage"},
            id="R24 the highest hint",
        ),
        pytest.param(
            Signals(answers={"kind": "request"}, text="an outage", labels=frozenset({"P0"})),
            P3,
            {"request"},
            id="R24 hints only when no rule fired",
        ),
        pytest.param(
            Signals(answers={"system": "core", "other_customers": "yes"}, text="outage"),
            P1,
            {"core-and-others", "words-of-an-outage"},
            id="R24 a raise leaves hints their say",
        ),
        pytest.param(
            Signals(answers={"system": "core", "other_customers": "yes"}, labels=frozenset({"P3"})),
            P2,
            {"core-and-others", "labelled-p3"},
            id="R24 a raise raises a hint",
        ),
        pytest.param(Signals(text="a question"), None, set(), id="R24 abstains"),
    ],
)
def test_hints(signals: Signals, severity: Severity | None, rules: set[str]) -> None:
    found = judge(signals, DEFAULT_RULES, DEFAULT_HINTS)
    assert (found.severity, fired(found)) == (severity, rules)


SIGNALS = Signals(
    answers={"process": "major", "revenue_per_hour": "1000"},
    text="We get a 502 (gateway).",
    labels=frozenset({"Area/Payments"}),
    priority="Blocker",
    author="carol",
    fields={"Team": "Payments", "Tier": "gold"},
)


@pytest.mark.parametrize(
    ("when", "on"),
    [
        ({"process": "major"}, "process: major"),
        ({"process": ["minor", "major"]}, "process: major"),
        ({"process": "minor"}, None),
        ({"workaround": "unknown"}, "workaround: unknown"),
        ({"revenue_per_hour": "> 999"}, "revenue per hour: 1000"),
        ({"revenue_per_hour": ">=1000"}, "revenue per hour: 1000"),
        ({"revenue_per_hour": "> 1000"}, None),
        ({"revenue_per_hour": "< 1000.5"}, "revenue per hour: 1000"),
        ({"revenue_per_hour": "<= 999"}, None),
        ({"revenue_per_hour": "= 1000"}, "revenue per hour: 1000"),
        ({"keyword": "502 (gateway)"}, "the words “502 (gateway)”"),
        ({"keyword": ["504", "we  get"]}, "the words “we  get”"),
        ({"keyword": "50"}, None),
        ({"label": ["x", "area/payments"]}, "label: area/payments"),
        ({"label": "payments"}, None),
        ({"priority": "blocker"}, "priority: blocker"),
        ({"priority": "block"}, None),
        ({"author": "Carol"}, "author: Carol"),
        ({"author": "alice"}, None),
        ({"field": {"Team": ["Search", "payments"], "Tier": "gold"}}, "Team: payments, Tier: gold"),
        ({"field": {"Team": "payments", "Tier": "silver"}}, None),
        ({"field": {"Region": "eu"}}, None),
        ({"author": "carol", "process": "major"}, "author: carol, process: major"),
        ({"author": "carol", "process": "minor"}, None),
    ],
    ids=lambda value: f"R24 {value}",
)
def test_conditions(when: dict[str, Any], on: str | None) -> None:
    assert Condition(**when).fires_on(SIGNALS) == on


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"when": {}}, "a rule needs at least one condition"),
        ({"when": {"process": "bad"}}, "process: 'bad' is not an answer; use critical, major, minor, none, unknown"),
        ({"when": {"process": "Critical"}}, "process: 'Critical' is not an answer"),
        ({"when": {"process": None}}, "process: give at least one value"),
        ({"when": {"keyword": None}}, "keyword: give at least one value"),
        ({"when": {"keyword": []}}, "give at least one value, and no empty one"),
        ({"when": {"keyword": ["a", " "]}}, "give at least one value, and no empty one"),
        ({"when": {"field": {}}}, "field: give at least one value"),
        ({"when": {"keyword": 3}}, "valid tuple"),
        ({"when": {"colour": "red"}}, "Extra inputs are not permitted"),
        ({"when": {"revenue_per_hour": "lots"}}, "'lots' is not a comparison; write for example '> 0'"),
        ({"when": {"revenue_per_hour": "500"}}, "'500' is not a comparison"),
        ({"when": {"revenue_per_hour": ""}}, "revenue_per_hour: give at least one value"),
        ({"then": "P5"}, "'P5' is not a severity; use P0, P1, P2 or P3"),
        ({"then": 1}, "1 is not a severity"),
        ({"then": None}, "give either `then: P0` … `P3` or `raise: 1`"),
        ({"then": "P1", "raise": 1}, "give either `then: P0` … `P3` or `raise: 1`"),
        ({"raise": 4, "then": None}, "less than or equal to 3"),
        ({"name": "No Spaces"}, "should match pattern"),
        ({"at_most": "P9"}, "'P9' is not a severity"),
    ],
    ids=lambda value: f"R24 {value}",
)
def test_faults_of_a_rule(row: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Rule.model_validate({"name": "mine", "when": {"kind": "request"}, "then": "P1", **row})
    assert fault in str(refused.value)


def test_a_rule_with_no_effect_is_refused() -> None:
    with pytest.raises(ValidationError, match="give either"):
        Rule.model_validate({"name": "mine", "when": {"kind": "request"}})


@pytest.mark.parametrize(
    ("given", "levels", "at_most", "severity"),
    [
        (P3, 1, P0, P2),
        (P3, 2, P0, P1),
        (P3, 3, P0, P0),
        (P3, 3, P2, P2),
        (P2, 3, P1, P1),
        (P0, 1, P1, P0),
        (P1, 1, P1, P1),
        (P1, 1, P0, P0),
    ],
    ids=str,
)
def test_a_raise(given: Severity, levels: int, at_most: Severity, severity: Severity) -> None:
    """R24: so many levels worse, but no worse than its limit."""
    raising = Rule.model_validate({"name": "up", "when": {"kind": "defect"}, "raise": levels, "at_most": at_most})
    found = judge(Signals(answers={"kind": "defect"}), (rule("given", given, kind="defect"), raising), ())
    assert found.severity is severity
    assert fired(found) == {"given", "up"}


@pytest.mark.parametrize(
    ("severity", "word", "emergency"),
    [(P0, "Critical", True), (P1, "High", True), (P2, "Medium", False), (P3, "Low", False)],
)
def test_severities(severity: Severity, word: str, emergency: bool) -> None:
    """R1, R5, R9, R13."""
    assert (severity.word, severity.is_emergency) == (word, emergency)
