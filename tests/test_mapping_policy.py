"""The policy: the protocol's numbers by default, and every fault of another one in words."""

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from mapping.policy import Policy, duration, written
from mapping.rules import Rule
from mapping.severity import Severity


def loaded(tree: dict[str, Any]) -> Policy:
    """As app.yaml is loaded: strictly, from plain values."""
    return Policy.model_validate_json(json.dumps(tree))


@pytest.mark.parametrize(
    ("severity", "response", "resolution", "update"),
    [
        pytest.param("P0", "1h", "4h", "1h", id="R2 R3 R32"),
        pytest.param("P1", "4h", "1d", "4h", id="R6 R7 R38"),
        pytest.param("P2", "1d", "1w", None, id="R10 R11"),
        pytest.param("P3", "2d", "next quarter", None, id="R14 R15"),
    ],
)
def test_the_protocols_numbers(severity: str, response: str, resolution: str, update: str | None) -> None:
    assert Policy().model_dump(mode="json")["severities"][severity] == {
        "response": response,
        "resolution": resolution,
        "update": update,
        "calendar": None,
    }


def test_the_protocols_other_numbers() -> None:
    """R26, R32, R70."""
    told = Policy().model_dump(mode="json", include={"sla", "escalation"})
    assert told == {
        "sla": {
            "enforce_from": None,
            "time_zone": "UTC",
            "fiscal_year_starts": 1,
            "triage": "15m",
            "milestones": {"acknowledgement": "15m", "assessment": "30m", "progress": "1h"},
            "at_risk": 80,
            "at_risk_of": {"triage": "10m"},
            "internal_comments_count": False,
            "ack_expires": "30m",
        },
        "escalation": {"team_after": "30m", "product_owner_after": "1h"},
    }


def test_what_is_written_is_read_again() -> None:
    policy = Policy()
    assert loaded(json.loads(policy.model_dump_json(by_alias=True, exclude_unset=False, exclude={"triage"}))) == policy


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15m", timedelta(minutes=15)),
        ("90 m", timedelta(minutes=90)),
        (" 4h ", timedelta(hours=4)),
        ("7d", timedelta(days=7)),
        ("1w", timedelta(weeks=1)),
        (timedelta(minutes=1), timedelta(minutes=1)),
    ],
)
def test_durations(text: Any, length: timedelta) -> None:
    assert duration(text) == length


@pytest.mark.parametrize("text", ["", "0m", "4", "4 hours", "-1h", "1.5h", "h", 4, None, "999999999999w"])
def test_no_durations(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a duration; write for example 15m, 4h, 7d or 1w"):
        duration(text)


@pytest.mark.parametrize(("minutes", "text"), [(15, "15m"), (60, "1h"), (90, "90m"), (2880, "2d"), (10080, "1w")])
def test_written(minutes: int, text: str) -> None:
    assert written(timedelta(minutes=minutes)) == text


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00+00:00"),
        ("2026-11-23T09:00:00+02:00", "2026-11-23T09:00:00+02:00"),
        ("2026-11-23 09:00", "2026-11-23T09:00:00+00:00"),
        ("2026-11-23", "2026-11-23T00:00:00+00:00"),
    ],
)
def test_enforce_from(text: str, instant: str) -> None:
    """R24."""
    at = loaded({"sla": {"enforce_from": text}}).sla.enforce_from
    assert at is not None
    assert at.isoformat() == instant


def test_labels_by_meaning() -> None:
    """R25: rename them freely; trackers differ in case."""
    labels = loaded({"labels": {"P0": {"name": "sev0", "color": "ff0000", "description": "worst"}}}).labels
    assert labels.of(Severity.P0) == "sev0"
    assert labels.severity_of("SEV0") is Severity.P0
    assert labels.severity_of("p1") is Severity.P1
    assert labels.severity_of("P0") is None
    assert [label.name for label in labels.all()] == [
        *("sev0", "P1", "P2", "P3", "emergency", "needs-triage"),
        *("waiting-on-customer", "paused-by-emergency", "sla-at-risk", "sla-breached"),
    ]


def test_every_priority_is_a_hint() -> None:
    """R24: the tracker's priority map."""
    policy = loaded({"triage": {"priorities": {"Very High!": "P0", "低": "P3"}}})
    more = policy.triage.all_hints[len(policy.triage.hints) :]
    assert [(row.name, row.when.priority, row.then) for row in more] == [
        ("priority-very-high", ("Very High!",), Severity.P0),
        ("priority-", ("低",), Severity.P3),
    ]
    assert all(Rule.model_validate(row.model_dump(exclude_unset=True)) for row in more)


ROW = {"name": "mine", "when": {"kind": "request"}, "then": "P3"}
LABEL = {"color": "ff0000", "description": ""}
TARGETS = {f"P{number}": {"response": "1h", "resolution": "4h"} for number in range(4)}


@pytest.mark.parametrize(
    ("tree", "fault"),
    [
        ({"severities": {"P0": {"response": "1h", "resolution": "4h"}}}, "severities: P1 has no targets"),
        ({"severities": {"P5": {"response": "1h", "resolution": "4h"}}}, "Input should be 'P0', 'P1', 'P2' or 'P3'"),
        ({"severities": {"P0": {"response": "soon", "resolution": "4h"}}}, "'soon' is not a duration"),
        ({"severities": {"P0": {"response": "1h", "resolution": "someday"}}}, "'someday' is not a duration"),
        ({"severities": {"P0": {"response": "1h"}}}, "Field required"),
        ({"sla": {"enforce_from": "yesterday"}}, "'yesterday' is not a time; write for example 2026-11-23T09:00:00Z"),
        ({"sla": {"enforce_form": "2026-11-23"}}, "Extra inputs are not permitted"),
        ({"labels": {"P0": {"name": "P 0", **LABEL}}}, "should match pattern"),
        ({"labels": {"P0": {"name": "a,b", **LABEL}}}, "should match pattern"),
        ({"labels": {"P0": {"name": "P0\n", **LABEL}}}, "should match pattern"),
        ({"labels": {"P0": {"name": "p1", **LABEL}}}, "two labels are both named 'p1'"),
        ({"labels": {"P0": {"name": "x", "color": "#ff000", "description": ""}}}, "should match pattern"),
        ({"triage": {"confirm": "nobody"}}, "Input should be 'person' or 'auto'"),
        ({"triage": {"rules": [{**ROW, "then": "P5"}]}}, "'P5' is not a severity; use P0, P1, P2 or P3"),
        ({"triage": {"rules": [ROW, ROW]}}, "two rules are both named 'mine'"),
        ({"triage": {"rules": [ROW], "hints": [ROW]}}, "two rules are both named 'mine'"),
        ({"triage": {"priorities": {"High": "bad"}}}, "'bad' is not a severity"),
        ({"triage": {"priorities": {" ": "P0"}}}, "should match pattern"),
        ({"triage": {"write_priority": {"P9": "High"}}}, "Input should be 'P0', 'P1', 'P2' or 'P3'"),
        ({"triage": {"headings": {"colour": "Colour"}}}, "'colour' is not a question; use customers, revenue_per_hour"),
        ({"triage": {"headings": {"process": " "}}}, "process: give a name"),
        ({"triage": {"fields": {"colour": "Colour"}}}, "'colour' is not a question"),
        ({"triage": {"answer_labels": {"big": {"colour": "red"}}}}, "'colour' is not a question"),
        ({"triage": {"answer_labels": {"big": {"process": "huge"}}}}, "big: 'huge' is not an answer to process"),
        ({"triage": {"answer_labels": {"big": {"process": "unknown"}}}}, "big: 'unknown' is not an answer to process"),
        ({"triage": {"trusted_bots": "bot"}}, "valid array"),
        ({"sla": {"at_risk": 100}}, "less than or equal to 99"),
        ({"sla": {"at_risk_of": {"tea": 50}}}, "'tea' is not a clock; use triage, response, next_update, resolution"),
        ({"sla": {"time_zone": "Mars/Base"}}, "'Mars/Base' is not a time zone"),
        ({"sla": {"fiscal_year_starts": 13}}, "less than or equal to 12"),
        (
            {"severities": {**TARGETS, "P3": {**TARGETS["P3"], "calendar": "office"}}},
            "severities.P3: there is no calendar 'office'; there is none yet",
        ),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
    ids=lambda value: f"R24 {value}",
)
def test_faults(tree: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError) as refused:
        loaded(tree)
    assert fault in str(refused.value)
