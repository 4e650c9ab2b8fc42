"""Sample facts for every text: everything known, nothing known, and the turns that a text may take between."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from integrator.texts import Facts
from mapping.changes import (
    AlarmFacts,
    BoardFacts,
    Box,
    ClockFacts,
    DraftFacts,
    Missing,
    Proposal,
    Refusal,
    RetrospectiveFacts,
    StatusFacts,
    Why,
)
from mapping.issue import IssueRef
from mapping.places import FILLED_BY, KINDS, NEEDED
from mapping.severity import Severity

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """Facts to try a text on, and what is special about them."""

    about: str
    facts: Facts


_CLOCKS = (
    ClockFacts("response", "met", NOW + timedelta(minutes=15), NOW - timedelta(minutes=5)),
    ClockFacts("next_update", "breached", NOW - timedelta(minutes=5)),
    ClockFacts("resolution", "paused", None),
)
_FULL_STATUS = StatusFacts(
    severity=Severity.P0,
    confirmed_by="alice",
    why=(Why("business-stopped", "process: critical, workaround: none"),),
    missing=(
        Missing("process", "Business process impact", ("critical", "major")),
        Missing("revenue_per_hour", "Revenue impact per hour", ()),
    ),
    refused=(Refusal("/p0", "carol", "only people with write access can use commands"),),
    response_within="1h",
    resolution_within="4h",
    assignees=("bob",),
    flags=("The card stays in Review, where bob put it.",),
    closed=False,
    clocks=_CLOCKS,
    boxes=(Box("customer told", True), Box("diagnosis started", False)),
    roles=(("incident commander", "alice"), ("engineer", "bob")),
    zone="Europe/Berlin",
    retrospective="acme/shop#13",
    proposal=Proposal("suspended", ("O1.KR2",), ("O2.KR2", "O2.KR3")),
)
_EMPTY_STATUS = StatusFacts(None, None, (), (), (), "", "", (), (), False)
_STATUS = (
    Sample("everything known", _FULL_STATUS),
    Sample("nothing known", _EMPTY_STATUS),
    Sample("a proposal to reduce", replace(_FULL_STATUS, proposal=Proposal("reduced 20%", ("O1.KR2",), ()))),
    Sample("a proposal without growth", replace(_FULL_STATUS, proposal=Proposal("none", (), ("O2.KR2",)))),
    Sample("provisional", replace(_FULL_STATUS, confirmed_by=None, severity=Severity.P1)),
    Sample("P2", replace(_FULL_STATUS, severity=Severity.P2, response_within="1d", resolution_within="1w")),
    Sample("P3", replace(_EMPTY_STATUS, severity=Severity.P3, response_within="2d", resolution_within="next quarter")),
    Sample("closed", replace(_FULL_STATUS, closed=True)),
    Sample("closed, nothing known", replace(_EMPTY_STATUS, closed=True)),
)

_FULL_ALARM = AlarmFacts(
    Severity.P0, (_CLOCKS[1],), "incident commander", ("alice", "bob"), True, True, "Europe/Berlin"
)
_ALARM = (
    Sample("everything known", _FULL_ALARM),
    Sample("nothing known", AlarmFacts(None, (_CLOCKS[1],), "", (), False, False, "UTC")),
)

_FULL_BOARD = BoardFacts(
    "In Progress",
    1,
    ("acme/shop#3", "a draft on the board"),
    "Backlog",
    "It was put by hand.",
    "pause",
    "Europe/Berlin",
)
_BOARD = (
    Sample("everything known", _FULL_BOARD),
    Sample("nothing known", BoardFacts("In Progress", 1, ("acme/shop#3",), "")),
    Sample("sent back", replace(_FULL_BOARD, about="wip", why="")),
    Sample("paused where it is", replace(_FULL_BOARD, back_to="")),
    Sample("not restored", replace(_FULL_BOARD, about="restore", why="")),
    Sample("not restorable", replace(_FULL_BOARD, about="restore", in_the_way=())),
    Sample("other work", replace(_FULL_BOARD, about="owner", back_to="", why="", owner="bob")),
)

_PLACES = {
    "customer": "Northwind",
    "issue": "Checkout is down",
    "status": "the payment provider refuses our certificate",
    "engineer": "bob",
    "eta": (NOW + timedelta(hours=2)).isoformat(),
    "workaround": "painful",
    "root_cause": "a certificate ran out",
    "fix": "a new certificate",
    "prevention": "a watch on the dates of all certificates",
}


def _drafts(kind: str) -> tuple[Sample, ...]:
    gaps = tuple((place, FILLED_BY[place]) for place in NEEDED[kind])
    full = DraftFacts(kind, _PLACES, (), NOW + timedelta(hours=1), "Europe/Berlin")
    empty = DraftFacts(kind, dict.fromkeys(_PLACES, ""), gaps, None, "UTC")
    return Sample("everything known", full), Sample("nothing known", empty)


_FULL_RETROSPECTIVE = RetrospectiveFacts(
    of=IssueRef("github", "acme/shop#12"),
    title="Checkout is down",
    severity=Severity.P0,
    reported_at=NOW - timedelta(hours=3),
    resolved_at=NOW,
    due_at=NOW + timedelta(hours=24),
    kept=("response",),
    broken=("next_update",),
    boxes=(Box("root cause analysis completed", True), Box("prevention plan created", False)),
    zone="Europe/Berlin",
)
_RETROSPECTIVE = (
    Sample("everything known", _FULL_RETROSPECTIVE),
    Sample("nothing known", replace(_FULL_RETROSPECTIVE, title="", kept=(), broken=(), boxes=(), zone="UTC")),
)

SAMPLES: Mapping[str, tuple[Sample, ...]] = {
    "status": _STATUS,
    "alarm": _ALARM,
    "board": _BOARD,
    **{kind: _drafts(kind) for kind in KINDS},
    "retrospective": _RETROSPECTIVE,
}
