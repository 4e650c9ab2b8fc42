# ruff: noqa: E501 - a case a line
"""Every promise, timed: one row a case, named after the requirement, or the complaint about other systems, it answers.

A clock is told as `state stop/due` in minutes after the report: `met 30/60`, `running -/60`, `paused -/?`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mapping.clocks import OPEN, Clock, State, clocks
from mapping.issue import Comment, Issue, Marker, TimelineEvent
from mapping.policy import Policy
from tests.mapping_house import POLICY, START, an_issue, at, case_of, did, form, said

STOPPED = form(process="Critical", workaround="None")
PAINFUL = form(process="Critical", workaround="Painful")  # a P1
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
MONDAY_TO_FRIDAY = {day: ["09:00-12:00", "13:00-17:00"] for day in WEEKDAYS}
P0, P1, P2, P3 = (said(0.5, "alice", f"/p{n}", id="severity") for n in range(4))
DECLARED = said(0, "alice", "/p0", id="severity")  # a P0 from its first instant
DAY = 24 * 60
SPRING = (datetime(2026, 3, 28, 12, tzinfo=UTC) - START) / timedelta(minutes=1)  # the night before the clocks go on
AUTUMN = (datetime(2026, 10, 24, 12, tzinfo=UTC) - START) / timedelta(minutes=1)
QUARTER = (datetime(2027, 4, 1, tzinfo=UTC) - START) / timedelta(minutes=1)


def a_policy(severities: Mapping[str, Any] = {}, **parts: Any) -> Policy:
    targets = {**Policy().model_dump(mode="json")["severities"]}
    for severity, changed in severities.items():
        targets[severity] = {**targets[severity], **changed}
    return Policy.model_validate_json(json.dumps({"severities": targets, **parts}))


def in_office(*severities: str, zone: str = "UTC", closed: Sequence[str] = ()) -> Policy:
    """These severities' promises run on weekdays from 9 to 12 and from 13 to 17."""
    office = {"time_zone": zone, "hours": MONDAY_TO_FRIDAY, "closed": list(closed)}
    return a_policy({severity: {"calendar": "office"} for severity in severities}, calendars={"office": office})


def an_issue_with(*happened: Comment | TimelineEvent, created: float = 0, **more: Any) -> Issue:
    """An issue with this history; whether it is closed follows from it."""
    turns = [e for e in happened if isinstance(e, TimelineEvent) and e.kind in {"closed", "reopened"}]
    closed_at = turns[-1].at if turns and turns[-1].kind == "closed" else None
    return an_issue(
        **{"closed_at": closed_at, "created_at": at(created), **more},
        comments=tuple(c for c in happened if isinstance(c, Comment)),
        timeline=tuple(e for e in happened if isinstance(e, TimelineEvent)),
    )


def minutes(moment: datetime | None) -> str:
    return "?" if moment is None else f"{round((moment - START) / timedelta(minutes=1), 3):.10g}"


def told(clock: Clock) -> str:
    return f"{clock.state} {minutes(clock.stop.at) if clock.stop else '-'}/{minutes(clock.due_at)}"


def row(
    name: str, now: float, happened: Sequence[Comment | TimelineEvent], policy: Policy = POLICY, /, **expected: Any
) -> Any:
    """`response="…"` is the first cycle, `response_2` the second; `by`, `body` and `created` describe the issue."""
    about = {key: expected.pop(key) for key in ("by", "body", "created", "closed_at") if key in expected}
    keys = {_key(name): value for name, value in expected.items()}
    return pytest.param(an_issue_with(*happened, **about), policy, now, keys, id=name)


def _key(name: str) -> str:
    stem, _, cycle = name.rpartition("_")
    return f"{stem}#{cycle}" if cycle.isdigit() else f"{name}#1"


def waits(*spans: tuple[float, float | None], by: str = "bob") -> list[TimelineEvent]:
    """The label that says we wait for the customer, set and taken away."""
    set_at = [did(begin, by, "labeled", "waiting-on-customer") for begin, _ in spans]
    return [*set_at, *(did(end, by, "unlabeled", "waiting-on-customer") for _, end in spans if end is not None)]


NO_CLOCK = "none"
ANSWER = said(30, "alice", "We are on it")
CLOSED, REOPENED = did(100, "alice", "closed"), did(200, "carol", "reopened")

TARGETS = [
    row("R2 R3 P0", 1, [P0], response="running -/60", resolution="running -/240"),
    row("R6 R7 P1", 1, [P1], response="running -/240", resolution="running -/1440"),
    row("R10 R11 P2", 1, [P2], response="running -/1440", resolution="running -/10080"),
    row("R14 R15 P3", 1, [P3], response="running -/2880", resolution=f"running -/{QUARTER:.10g}"),
    row("R2 at risk at 80 percent: not yet", 47.99, [P0], response="running -/60"),
    row("R2 at risk at 80 percent", 48, [P0], response="at_risk -/60"),
    row("R2 strict: 59:59", 59.983, [P0], response="at_risk -/60"),
    row("R2 strict: exactly 60:00", 60, [P0], response="breached -/60"),
    row("R2 answered at 59:59", 100, [P0, said(59.983, "bob", "Yes")], response="met 59.983/60"),
    row("R2 answered at exactly 60:00", 100, [P0, said(60, "bob", "Yes")], response="missed 60/60"),
    row("R2 answered late", 100, [P0, said(75, "bob", "Yes")], response="missed 75/60"),
    row("R3 breached", 240, [P0], resolution="breached -/240"),
    row("R3 closed at 3:59", 999, [P0, ANSWER, did(239, "bob", "closed")], resolution="met 239/240"),
    row("R3 closed at exactly 4:00", 999, [P0, ANSWER, did(240, "bob", "closed")], resolution="missed 240/240"),
    row("R6 at risk", 192, [P1], response="at_risk -/240"),
    row("R6 breached", 240, [P1], response="breached -/240"),
    row("R7 at risk", 1152, [P1], resolution="at_risk -/1440"),
    row("R7 breached", 1440, [P1], resolution="breached -/1440"),
    row("R10 breached", DAY, [P2], response="breached -/1440"),
    row("R11 breached after a week", 7 * DAY, [P2], resolution="breached -/10080"),
    row("R14 breached after two days", 2 * DAY, [P3], response="breached -/2880"),
    row("R15 the quarter's last second", QUARTER - 0.01, [P3], resolution=f"at_risk -/{QUARTER:.10g}"),
    row("R15 the quarter after", QUARTER, [P3], resolution=f"breached -/{QUARTER:.10g}"),
    row(
        "R15 fiscal year from February", 1, [P3], a_policy(sla={"fiscal_year_starts": 2}),
        resolution=f"running -/{QUARTER + 30 * DAY:.10g}",
    ),
    row(
        "R15 the team's zone: an hour of summer and one of Berlin", 1, [P3], a_policy(sla={"time_zone": "Europe/Berlin"}),
        resolution=f"running -/{QUARTER - 120:.10g}",
    ),
    row("R15 a resolution in days", 1, [P3], a_policy({"P3": {"resolution": "2d"}}), resolution="running -/2880"),
    row("R2 at risk elsewhere", 30, [P0], a_policy(sla={"at_risk_of": {"response": 50}}), response="at_risk -/60"),
    row("R2 at risk everywhere", 30, [P0], a_policy(sla={"at_risk": 50}), response="at_risk -/60"),
]  # fmt: skip

COMMENTS: Sequence[tuple[str, str, str, Mapping[str, Any], Policy, str]] = [
    ("the team answers", "bob", "We are on it", {}, POLICY, "met 30/240"),
    ("an at sign is an answer", "bob", "@carol", {}, POLICY, "met 30/240"),
    ("complaint: reporter's own follow-up", "carol", "Hello?", {}, POLICY, "running -/240"),
    ("another customer", "dave", "Me too", {}, POLICY, "running -/240"),
    ("complaint: bots counted as responders", "x[bot]", "Thank you!", {}, POLICY, "running -/240"),
    ("our own comment", "us", "Due at 14:15", {}, POLICY, "running -/240"),
    ("our own, with its marker", "us", "Due", {"marker": Marker("status", "x")}, POLICY, "running -/240"),
    ("team account with a marker", "bob", "Due", {"marker": Marker("alarm-1", "x")}, POLICY, "running -/240"),
    ("a deleted account", "ghost", "Hello", {}, POLICY, "running -/240"),
    ("internal comment", "bob", "Look at this", {"internal": True}, POLICY, "running -/240"),
    (
        "internal comment, where they count",
        "bob",
        "Look at this",
        {"internal": True},
        a_policy(sla={"internal_comments_count": True}),
        "met 30/240",
    ),
    ("only a command", "bob", "/ack", {}, POLICY, "running -/240"),
    ("only commands", "bob", "/ack\n\n/eta 2h\n", {}, POLICY, "running -/240"),
    ("only a command that is misread", "bob", "/eta soon", {}, POLICY, "running -/240"),
    ("only a command of somebody else's", "bob", "/assign bob", {}, POLICY, "running -/240"),
    ("a command and words", "bob", "/ack\nWe are on it", {}, POLICY, "met 30/240"),
    ("a path is no command", "bob", "/etc/hosts was wrong", {}, POLICY, "met 30/240"),
    ("a command in a code block is shown", "bob", "```\n/ack\n```", {}, POLICY, "met 30/240"),
    ("nothing", "bob", " \n", {}, POLICY, "running -/240"),
    ("nothing that is seen", "bob", "<!-- soon -->", {}, POLICY, "running -/240"),
    ("only a quotation", "bob", "> The shop is down", {}, POLICY, "running -/240"),
    ("a quotation and a command", "bob", "> The shop is down\n\n/ack", {}, POLICY, "running -/240"),
    ("a quotation in Jira and a command", "bob", "bq. It is down\n/ack", {}, POLICY, "running -/240"),
    ("a quotation and an answer", "bob", "> The shop is down\n\nIt is up", {}, POLICY, "met 30/240"),
    ("/sent", "bob", "/sent", {}, POLICY, "met 30/240"),
    ("/sent in an internal comment", "bob", "/sent", {"internal": True}, POLICY, "met 30/240"),
    ("/sent by a customer", "carol", "/sent", {}, POLICY, "running -/240"),
    ("/sent by a bot", "x[bot]", "/sent", {}, POLICY, "running -/240"),
    ("/sent in a quotation", "bob", "> /sent", {}, POLICY, "running -/240"),
    ("/sent, edited in later", "bob", "/sent", {"edited_at": at(35)}, POLICY, "met 35/240"),
    ("an answer, edited later", "bob", "Yes", {"edited_at": at(35)}, POLICY, "met 30/240"),
]

ANSWERS = [
    *(
        row(f"G2 {name}", 40, [P1, said(30, by, body, **more)], policy, response=expected)
        for name, by, body, more, policy, expected in COMMENTS
    ),
    row("G2 a team member who reported it for the customer", 40, [DECLARED, ANSWER], by="alice", response="running -/60"),
    row("G2 a colleague answers", 40, [DECLARED, said(30, "bob", "Yes")], by="alice", response="met 30/60"),
    row("G2 /sent by the reporter", 40, [DECLARED, said(30, "alice", "/sent")], by="alice", response="met 30/60"),
    row("G2 a person answers a bot's report", 40, [P1, ANSWER], by="x[bot]", response="met 30/240"),
    row("G2 the reporter's account is deleted", 40, [P1, ANSWER], by="ghost", response="met 30/240"),
    row("G2 answered before the triage", 40, [said(20, "bob", "Yes"), said(30, "bob", "/p1")], response="met 20/240"),
    row("G2 the first answer counts", 99, [P1, said(50, "bob", "Yes"), ANSWER], response="met 30/240"),
    row("G2 an answer seen twice", 99, [P1, ANSWER, ANSWER], response="met 30/240", next_update_2=NO_CLOCK),
    row("complaint: escalation although an agent answered", 999, [P1, ANSWER], response="met 30/240"),
    row("complaint: escalation although a customer wrote last", 999, [P1, ANSWER, said(60, "carol", "?")], response="met 30/240"),
    row("G2 assigning is no answer", 40, [P1, did(30, "alice", "assigned", "bob")], response="running -/240"),
]  # fmt: skip

UPDATES = [
    row("complaint: next-update overrides first response", 40, [P1, ANSWER], response="met 30/240", next_update_1="running -/270"),
    row("G5 no update is due before the first answer", 999, [P1], response="breached -/240", next_update_1=NO_CLOCK),
    row("G5 a late answer breaches once", 301, [P1, said(300, "bob", "Yes")], response="missed 300/240", next_update_1="running -/540"),
    row("R32 P0: every hour", 40, [P0, ANSWER], next_update_1="running -/90"),
    row("R32 P0: at risk", 78, [P0, ANSWER], next_update_1="at_risk -/90"),
    row("R32 P0: breached at exactly an hour", 90, [P0, ANSWER], next_update_1="breached -/90"),
    row("R38 P1: every 4 h", 270, [P1, ANSWER], next_update_1="breached -/270"),
    row("R34 P2: none is promised", 9999, [P2, ANSWER], next_update_1=NO_CLOCK),
    row("R34 P3: none is promised", 9999, [P3, ANSWER], next_update_1=NO_CLOCK),
    row("G4 any update resets it", 70, [P0, ANSWER, said(60, "bob", "Still")], next_update_1="met 60/90", next_update_2="running -/120"),
    row("G4 a late update", 99, [P0, ANSWER, said(95, "bob", "Still")], next_update_1="missed 95/90", next_update_2="running -/155"),
    row("G4 a bot's word resets nothing", 70, [P0, ANSWER, said(60, "x[bot]", "Still")], next_update_1="running -/90"),
    row("G4 the customer's word resets nothing", 70, [P0, ANSWER, said(60, "carol", "?")], next_update_1="running -/90"),
    row("G4 an internal word resets nothing", 70, [P0, ANSWER, said(60, "bob", "Hm", internal=True)], next_update_1="running -/90"),
    row("G4 a command resets nothing", 70, [P0, ANSWER, said(60, "bob", "/ack")], next_update_1="running -/90"),
    row("R49 /sent with a promise", 40, [P0, said(30, "bob", "/sent 14:15")], next_update_1="running -/315"),
    row("R49 /sent with a span", 40, [P0, said(30, "bob", "/sent 20m")], next_update_1="running -/50"),
    row("R49 /sent without one: the interval", 40, [P0, said(30, "bob", "/sent")], next_update_1="running -/90"),
    row("R49 P2 with a promise", 40, [P2, said(30, "bob", "/sent 14:15")], next_update_1="running -/315"),
    row("R49 P2: a promise that was kept", 99, [P2, said(30, "bob", "/sent 14:15"), said(60, "bob", "Done")], next_update_1="met 60/315", next_update_2=NO_CLOCK),
    row("R49 a promise that was broken", 315, [P2, said(30, "bob", "/sent 14:15")], next_update_1="breached -/315"),
    row("R49 a promise at risk", 258, [P2, said(30, "bob", "/sent 14:15")], next_update_1="at_risk -/315"),
    row("R49 the team's zone", 40, [P2, said(30, "bob", "/sent 14:15")], a_policy(sla={"time_zone": "Europe/Berlin"}), next_update_1="running -/255"),
    row("R49 the newest promise", 70, [P0, said(30, "bob", "/sent 14:15"), said(60, "bob", "/sent 2h")], next_update_2="running -/180"),
    row("R49 an update after a promise: the interval again", 70, [P0, said(30, "bob", "/sent 14:15"), said(60, "bob", "Still")], next_update_2="running -/120"),
    row("R49 words and a promise are one update", 40, [P0, said(30, "bob", "Told them\n/sent 14:15")], next_update_1="running -/315", next_update_2=NO_CLOCK),
    row("R49 the reporter's promise", 40, [DECLARED, said(30, "alice", "/sent 14:15")], by="alice", next_update_1="running -/315"),
    row("R49 a customer's promise", 40, [P0, said(30, "carol", "/sent 14:15")], next_update_1=NO_CLOCK),
    row("R49 a promise in another severity's hours is an instant", 40, [P2, said(30, "bob", "/sent 18:30")], in_office("P2"), next_update_1="running -/570"),
    row("complaint: clock runs after resolve (updates)", 999, [P0, ANSWER, did(60, "bob", "closed")], next_update_1="met 60/90"),
    row("complaint: clock runs after resolve (late)", 999, [P0, ANSWER, did(95, "bob", "closed")], next_update_1="missed 95/90"),
    row("words after the end promise nothing", 999, [P0, ANSWER, did(60, "bob", "closed"), said(61, "bob", "Bye")], next_update_1="met 60/90", next_update_2=NO_CLOCK),
]  # fmt: skip

ENDS = [
    row("complaint: clock runs after resolve", 9999, [P1, ANSWER, CLOSED], resolution="met 100/1440", response="met 30/240"),
    row("complaint: clock runs after /resolve", 9999, [P1, ANSWER, said(100, "bob", "/resolve")], resolution="met 100/1440"),
    row("the first end counts", 9999, [P1, ANSWER, said(90, "bob", "/resolve"), CLOSED], resolution="met 90/1440", response_2=NO_CLOCK),
    row("/resolve by a customer", 120, [P1, ANSWER, said(90, "carol", "/resolve")], resolution="running -/1440"),
    row("closed, but the tracker doesn't tell when and by whom", 999, [P1, ANSWER], closed_at=at(100), resolution="met 100/1440"),
    row("closed by a deleted account", 999, [P1, ANSWER, did(100, "ghost", "closed")], resolution="met 100/1440"),
    row("closed twice", 999, [P1, ANSWER, CLOSED, did(150, "x[bot]", "closed")], resolution="met 100/1440", resolution_2=NO_CLOCK),
    row("closed with its answer", 999, [P1, said(100, "alice", "Fixed"), CLOSED], response="met 100/240"),
    row("G20 closed without any response: missed", 999, [P1, CLOSED], response="missed 100/240", resolution="met 100/1440"),
    row("G20 closed by the reporter, without any response", 999, [P1, did(10, "carol", "closed")], response="missed 10/240"),
    row("G20 /resolve without any response", 999, [P1, said(100, "bob", "/resolve")], response="missed 100/240"),
    row("G20 an answer after the end is none", 999, [P1, CLOSED, said(110, "bob", "Oh")], response="missed 100/240"),
    row("G20 closed after the breach, without any response", 999, [P1, did(300, "bob", "closed")], response="missed 300/240"),
    row("G20 closed, but the customer was told by /sent", 999, [P1, said(50, "bob", "/sent"), CLOSED], response="met 50/240"),
    row("complaint: wrong on reopen: a new cycle", 210, [P1, ANSWER, CLOSED, REOPENED], response_2="running -/440", resolution_2="running -/1640"),
    row("complaint: wrong on reopen: the old cycle stays", 9999, [P1, ANSWER, CLOSED, REOPENED], response="met 30/240", resolution="met 100/1440"),
    row("complaint: wrong on reopen: an old miss stays", 210, [P1, CLOSED, REOPENED], response="missed 100/240", response_2="running -/440"),
    row("reopened: old words are no answer", 441, [P1, ANSWER, CLOSED, REOPENED], response_2="breached -/440"),
    row("reopened: an answer", 300, [P1, ANSWER, CLOSED, REOPENED, said(250, "bob", "Again?")], response_2="met 250/440", next_update_2="running -/490"),
    row("reopened, closed again", 999, [P1, ANSWER, CLOSED, REOPENED, said(250, "bob", "Yes"), did(260, "bob", "closed")], resolution_2="met 260/1640", resolution_3=NO_CLOCK),
    row("words between the end and the reopening", 210, [P1, CLOSED, said(150, "bob", "Oh"), REOPENED], response="missed 100/240", response_2="running -/440"),
    row("reopened twice in the record", 210, [P1, CLOSED, REOPENED, did(205, "bob", "reopened")], response_2="running -/440", response_3=NO_CLOCK),
    row("reopened after /resolve and close", 210, [P1, ANSWER, said(90, "bob", "/resolve"), CLOSED, REOPENED], resolution="met 90/1440", resolution_2="running -/1640"),
    row("R15 reopened: the quarter is counted anew", QUARTER + 1, [P3, ANSWER, did(100, "bob", "closed"), did(QUARTER - 1, "carol", "reopened")], resolution_2=f"running -/{QUARTER + 91 * DAY:.10g}"),
]  # fmt: skip

CHANGES = [
    row("G20 upgraded: due from the report", 50, [P2, said(45, "bob", "/p0")], response="at_risk -/60", resolution="running -/240"),
    row("G20 upgraded and at once late", 301, [P2, said(300, "bob", "/p0")], response="breached -/60", resolution="breached -/240"),
    row("G20 upgraded, answered long ago", 301, [P2, ANSWER, said(300, "bob", "/p0")], response="met 30/60"),
    row("G20 downgraded: due from the report", 301, [P0, said(300, "bob", "/p2")], response="running -/1440", resolution="running -/10080"),
    row("G20 downgraded: an answer that was late is not", 301, [P0, said(90, "bob", "Yes"), said(300, "bob", "/p1")], response="met 90/240"),
    row("G20 downgraded: no updates any more", 301, [P0, ANSWER, said(300, "bob", "/p2")], next_update_1=NO_CLOCK),
    row("G20 by a label", 50, [P2, did(45, "bob", "labeled", "P1")], response="running -/240"),
    row("G20 by a priority", 50, [P2, did(45, "bob", "prioritized", "High")], response="running -/240"),
    row("G20 by a customer's label: no", 50, [P2, did(45, "carol", "labeled", "P0")], response="running -/1440"),
    row("R25 the severity is taken away: no promises", 50, [did(1, "bob", "labeled", "P1"), did(45, "bob", "unlabeled", "P1")], response=NO_CLOCK),
    row("R24 nothing is decided: no promises", 50, [], response=NO_CLOCK, resolution=NO_CLOCK, triage=NO_CLOCK),
    row("R24 a rule's severity is timed", 10, [], body=STOPPED, response="running -/60", resolution="running -/240"),
    row("complaint: due time stale after a policy change", 40, [P1], a_policy({"P1": {"response": "30m", "resolution": "2h"}}), response="breached -/30", resolution="running -/120"),
    row("complaint: due time stale after a policy change (updates)", 40, [P1, ANSWER], a_policy({"P1": {"update": "30m"}}), next_update_1="running -/60"),
    row("transferred: the report stays the start", 40, [P1, did(20, "bob", "transferred")], response="running -/240"),
    row("transferred: the copy is younger than its words", 40, [P1, said(0, "carol", "Down")], created=20, response="running -/240"),
    row(
        "transferred: what our status comment remembers", 40,
        [P1, said(21, "us", "", marker=Marker("status", "x", {"reported_at": at(0).isoformat()}))],
        created=20, response="running -/240",
    ),
    row("an old issue is timed too", 1, [P2], created=-20 * DAY, response="breached -/-27360", resolution="breached -/-18720"),
    row("an old issue before enforce_from is recorded", 1, [P2], a_policy(sla={"enforce_from": at(0).isoformat()}), created=-20 * DAY, response="breached -/-27360"),
    row("the team's own work is promised to nobody", 9999, [P2], by="alice", response=NO_CLOCK, resolution=NO_CLOCK),
    row("our own issue is promised to nobody", 9999, [P2], by="us", response=NO_CLOCK),
    row("the team's own emergency is timed", 10, [P1], by="alice", response="running -/240"),
    row("a bot's report is timed", 10, [P2], by="x[bot]", response="running -/1440"),
]  # fmt: skip

PAUSES = [
    row("G19 label: paused", 90, [P1, *waits((60, None))], resolution="paused -/?"),
    row("G19 label: taken away", 130, [P1, *waits((60, 120))], resolution="running -/1500"),
    row("G19 label: taken away, exactly then", 120, [P1, *waits((60, 120))], resolution="running -/1500"),
    row("G19 /waiting", 90, [P1, said(60, "bob", "/waiting")], resolution="paused -/?"),
    row("G19 /waiting and /resume", 130, [P1, said(60, "bob", "/waiting"), said(120, "bob", "/resume")], resolution="running -/1500"),
    row("G19 /waiting, then our own label", 130, [P1, said(60, "bob", "/waiting"), *waits((61, 121), by="us"), said(120, "bob", "/resume")], resolution="running -/1500"),
    row("G19 /waiting, ended by taking the label away", 130, [P1, said(60, "bob", "/waiting"), did(120, "bob", "unlabeled", "waiting-on-customer")], resolution="running -/1500"),
    row("G19 /waiting by a customer", 90, [P1, said(60, "carol", "/waiting")], resolution="running -/1440"),
    row("G19 /resume without a pause", 90, [P1, said(60, "bob", "/resume")], resolution="running -/1440"),
    row("G19 /waiting twice", 130, [P1, said(60, "bob", "/waiting"), said(80, "bob", "/waiting"), said(120, "bob", "/resume")], resolution="running -/1500"),
    row("G19 an edited /waiting counts from the edit", 130, [P1, said(60, "bob", "/waiting", edited_at=at(100)), said(120, "bob", "/resume")], resolution="running -/1460"),
    row("G19 two pauses", 400, [P1, *waits((60, 120), (200, 330))], resolution="running -/1630"),
    row("G19 our own label pauses nothing", 90, [P1, *waits((60, None), by="us")], resolution="running -/1440"),
    row("G19 the label by a deleted account", 90, [P1, *waits((60, None), by="ghost")], resolution="paused -/?"),
    row("G19 the label in another case", 90, [P1, did(60, "bob", "labeled", "Waiting-On-Customer")], resolution="paused -/?"),
    row("G19 another label", 90, [P1, did(60, "bob", "labeled", "waiting")], resolution="running -/1440"),
    row(
        "G19 the label by its other name", 90, [P1, did(60, "bob", "labeled", "pending")],
        a_policy(labels={"waiting-on-customer": {"name": "pending", "color": "ffffff", "description": ""}}), resolution="paused -/?",
    ),
    row("G19 from the first instant", 90, [P1, *waits((0, None))], resolution="paused -/?"),
    row("G19 from the first instant, taken away", 90, [P1, *waits((0, 60))], resolution="running -/1500"),
    row("G19 never for P0", 90, [P0, *waits((60, None))], resolution="running -/240"),
    row("G19 never for P0, /waiting", 241, [P0, said(60, "bob", "/waiting")], resolution="breached -/240"),
    row("G19 P2", 90, [P2, *waits((60, 80))], resolution="running -/10100"),
    row("G19 P3: the quarter's end moves", 90, [P3, *waits((60, 80))], resolution=f"running -/{QUARTER + 20:.10g}"),
    row("G19 P3: no breach while it is paused", QUARTER + 1, [P3, *waits((60, None))], resolution="paused -/?"),
    row("G19 never the response", 250, [P1, *waits((60, None))], response="breached -/240", resolution="paused -/?"),
    row("G19 never the response, answered", 250, [P1, *waits((60, None)), said(70, "bob", "Yes")], response="met 70/240"),
    row("G19 never the updates", 290, [P1, ANSWER, *waits((60, None))], next_update_1="breached -/270"),
    row("G19 at risk, then paused", 1200, [P1, *waits((1160, None))], resolution="paused -/?"),
    row("G19 at risk, paused, and at risk again", 1230, [P1, *waits((1160, 1220))], resolution="at_risk -/1500"),
    row("G19 not at risk yet because of a pause", 1200, [P1, *waits((60, 120))], resolution="running -/1500"),
    row("G19 a pause after the breach changes nothing", 1460, [P1, *waits((1450, None))], resolution="breached -/1440"),
    row("G19 a pause in the instant of the breach", 1460, [P1, *waits((1440, None))], resolution="breached -/1440"),
    row("G19 a pause just before it", 1460, [P1, *waits((1439, None))], resolution="paused -/?"),
    row("G19 closed while paused", 9999, [P1, ANSWER, *waits((60, None)), CLOSED], resolution="met 100/?"),
    row("G19 closed while paused, label taken away later", 9999, [P1, ANSWER, *waits((60, 5000)), CLOSED], resolution="met 100/?"),
    row("G19 a pause after the end changes nothing", 9999, [P1, ANSWER, CLOSED, *waits((150, None))], resolution="met 100/1440"),
    row("G19 a pause of the new cycle leaves the old", 400, [P1, ANSWER, CLOSED, REOPENED, *waits((250, 300))], resolution="met 100/1440", resolution_2="running -/1690"),
    row("G19 a pause that lasts over the reopening", 210, [P1, ANSWER, *waits((60, None)), CLOSED, REOPENED], resolution="met 100/?", resolution_2="paused -/?"),
    row("G19 ... until the label is taken away", 310, [P1, ANSWER, *waits((60, 300)), CLOSED, REOPENED], resolution_2="running -/1740"),
    row("G19 upgraded to P0: the pause doesn't count", 300, [P1, *waits((60, 120)), said(200, "bob", "/p0")], resolution="breached -/240"),
    row("G19 downgraded from P0: the pause counts", 300, [P0, *waits((60, 120)), said(200, "bob", "/p1")], resolution="running -/1500"),
    row("G19 with a calendar: only working time is left out", DAY, [P1, *waits((120, 240))], in_office("P1"), resolution=f"running -/{3 * DAY + 300}"),
]  # fmt: skip

TRIAGE = [
    row("R26 a form", 5, [], body=STOPPED, triage="running -/15"),
    row("R26 nudge", 10.05, [], body=STOPPED, triage="at_risk -/15"),
    row("R26 strict: exactly 15:00", 15, [], body=STOPPED, triage="breached -/15"),
    row("R26 /p0", 20, [said(5, "bob", "/p0")], body=STOPPED, triage="met 5/15"),
    row("R26 /p2: looked at", 20, [said(5, "bob", "/p2")], body=STOPPED, triage="met 5/15"),
    row("R26 /p0, late", 20, [said(16, "bob", "/p0")], body=STOPPED, triage="missed 16/15"),
    row("R26 a label", 20, [did(5, "bob", "labeled", "P1")], body=STOPPED, triage="met 5/15"),
    row("R26 a label taken away", 20, [did(1, "us", "labeled", "P0"), did(5, "bob", "unlabeled", "P0")], body=STOPPED, triage="met 5/15"),
    row("R26 another label", 20, [did(5, "bob", "labeled", "bug")], body=STOPPED, triage="breached -/15"),
    row("R26 a customer's label", 20, [did(5, "carol", "labeled", "P1")], body=STOPPED, triage="breached -/15"),
    row("R26 a bot's label", 20, [did(5, "x[bot]", "labeled", "P1")], body=STOPPED, triage="breached -/15"),
    row("R26 our own label", 20, [did(5, "us", "labeled", "P0")], body=STOPPED, triage="breached -/15"),
    row("R26 a deleted account's label", 20, [did(5, "ghost", "labeled", "P0")], body=STOPPED, triage="breached -/15"),
    row("R26 a priority", 20, [did(5, "bob", "prioritized", "High")], body=STOPPED, triage="met 5/15"),
    row("R26 a priority that means nothing", 20, [did(5, "bob", "prioritized", "Blocker")], body=STOPPED, triage="breached -/15"),
    row("R26 /triage", 20, [said(5, "bob", "/triage security=no")], body=STOPPED, triage="met 5/15"),
    row("R26 /triage by a customer", 20, [said(5, "carol", "/triage security=no")], body=STOPPED, triage="breached -/15"),
    row("R26 words are no triage", 20, [said(5, "bob", "I look at it")], body=STOPPED, triage="breached -/15"),
    row("R26 decided once, changed later: still met", 200, [said(5, "bob", "/p0"), said(120, "bob", "/p1")], body=STOPPED, triage="met 5/15"),
    row("R26 a customer's refused /p0 is a claim", 5, [said(1, "carol", "/p0")], triage="running -/15", response=NO_CLOCK),
    row("R26 the emergency label is a claim", 5, [did(1, "carol", "labeled", "emergency")], triage="running -/15"),
    row("R26 our own emergency label is none", 5, [did(1, "us", "labeled", "emergency")], triage=NO_CLOCK),
    row("R26 nobody claims it", 99, [P2], triage=NO_CLOCK),
    row("R26 the team's own report is triaged", 5, [], by="alice", body=STOPPED, triage="met 0/15"),
    row("R26 confirm: auto", 5, [], a_policy(triage={"confirm": "auto"}), body=STOPPED, triage="met 0/15"),
    row("R26 the rules find no emergency in a form", 99, [], body=form(process="Minor", workaround="Easy"), triage="met 0/15"),
    row("R26 closed untouched", 99, [did(5, "carol", "closed")], body=STOPPED, triage="met 5/15"),
    row("R26 closed untouched, too late", 99, [did(20, "carol", "closed")], body=STOPPED, triage="missed 20/15"),
    row("R26 closed, then looked at", 99, [did(5, "carol", "closed"), said(50, "bob", "/p1")], body=STOPPED, triage="met 5/15"),
    row("R26 closed untouched, reopened: still met", 99, [did(5, "carol", "closed"), did(50, "carol", "reopened")], body=STOPPED, triage="met 5/15"),
    row("R26 another time", 6, [], a_policy(sla={"triage": "5m"}), body=STOPPED, triage="breached -/5"),
]  # fmt: skip

THREE = ("acknowledgement", "assessment", "progress")
SILENT = dict(zip(THREE, ["running -/15", "running -/30", "running -/60"], strict=True))
NO_MILESTONES = dict.fromkeys(THREE, NO_CLOCK)
LATE = said(100, "bob", "/p0", id="severity")


def three(*told: str) -> dict[str, str]:
    return dict(zip(THREE, told, strict=True))


MILESTONES = [
    row("R32 15, 30 and 60 minutes", 1, [DECLARED], **SILENT),
    row("R32 at risk", 12, [DECLARED], acknowledgement="at_risk -/15"),
    row("R32 strict: exactly 15:00", 15, [DECLARED], **three("breached -/15", "running -/30", "running -/60")),
    row("R32 5 h of silence", 300, [DECLARED], response="breached -/60", resolution="breached -/240", **three("breached -/15", "breached -/30", "breached -/60")),
    row("R32 told at 10: the first only", 11, [DECLARED, said(10, "bob", "Yes")], **three("met 10/15", "running -/30", "running -/60")),
    row("R32 told at 10 and 12: the second too", 13, [DECLARED, said(10, "bob", "1"), said(12, "bob", "2")], **three("met 10/15", "met 12/30", "running -/60")),
    row("R32 told three times early", 14, [DECLARED, *(said(m, "bob", "x") for m in (10, 12, 13))], **three("met 10/15", "met 12/30", "met 13/60")),
    row("R32 told at each", 99, [DECLARED, *(said(m, "bob", "x") for m in (14, 29, 59))], **three("met 14/15", "met 29/30", "met 59/60")),
    row("R32 told at 20: the first late, the second met", 21, [DECLARED, said(20, "bob", "x")], **three("missed 20/15", "met 20/30", "running -/60")),
    row("R32 told at 40: two late, the third met", 41, [DECLARED, said(40, "bob", "x")], **three("missed 40/15", "missed 40/30", "met 40/60")),
    row("R32 told at 70: all late", 71, [DECLARED, said(70, "bob", "x")], **three("missed 70/15", "missed 70/30", "missed 70/60")),
    row("R32 told by /sent", 11, [DECLARED, said(10, "bob", "/sent")], acknowledgement="met 10/15"),
    row("R32 a bot tells nobody", 16, [DECLARED, said(10, "x[bot]", "Yes")], acknowledgement="breached -/15"),
    row("R32 an internal word tells nobody", 16, [DECLARED, said(10, "bob", "Yes", internal=True)], acknowledgement="breached -/15"),
    row("R32 only when confirmed", 99, [], body=STOPPED, **NO_MILESTONES),
    row("R32 confirmed by /triage", 99, [said(90, "bob", "/triage security=no")], body=STOPPED, acknowledgement="running -/105"),
    row("R32 confirmed by its author", 9, [], by="alice", body=STOPPED, **SILENT),
    row("R32 not for P1", 99, [P1], **NO_MILESTONES),
    row("G3 a late declaration breaches nothing", 101, [LATE], response="breached -/60", **three("running -/115", "running -/130", "running -/160")),
    row("G3 a late declaration, told before", 101, [said(5, "bob", "Hm"), LATE], **three("met 5/115", "running -/130", "running -/160")),
    row("G3 upgraded late", 101, [P2, said(100, "bob", "/p0")], **three("running -/115", "running -/130", "running -/160")),
    row("R32 said again: the first time counts", 51, [DECLARED, said(50, "bob", "/p0")], **three("breached -/15", "breached -/30", "at_risk -/60")),
    row("R32 said again by a priority", 51, [DECLARED, did(50, "bob", "prioritized", "Highest")], acknowledgement="breached -/15"),
    row("R32 down and up again: anew", 51, [DECLARED, said(20, "bob", "/p1"), said(50, "bob", "/p0")], acknowledgement="cancelled 20/15", acknowledgement_2="running -/65"),
    row("R32 taken away and set again: anew", 51, [DECLARED, did(20, "bob", "unlabeled", "P0"), did(50, "bob", "labeled", "P0")], acknowledgement="cancelled 20/15", acknowledgement_2="running -/65"),
    row("R32 another label is taken away", 51, [DECLARED, did(20, "bob", "unlabeled", "P1")], acknowledgement="breached -/15"),
    row("G20 downgraded: no milestones any more", 51, [DECLARED, said(20, "bob", "/p1")], acknowledgement="cancelled 20/15", assessment="cancelled 20/30", progress="cancelled 20/60"),
    row("R32 resolved early: all met", 99, [DECLARED, did(10, "bob", "closed")], **three("met 10/15", "met 10/30", "met 10/60")),
    row("R32 resolved at 40: two late", 99, [DECLARED, did(40, "bob", "closed")], **three("missed 40/15", "missed 40/30", "met 40/60")),
    row("R32 declared after the end", 101, [did(50, "bob", "closed"), LATE], **NO_MILESTONES),
    row(
        "R32 reopened: anew, the old ones are kept", 201, [DECLARED, said(10, "bob", "Yes"), CLOSED, REOPENED],
        acknowledgement="met 10/15", acknowledgement_2="running -/215", assessment_2="running -/230", progress_2="running -/260",
    ),
    row("R32 declared after the reopening: none before", 301, [P2, CLOSED, REOPENED, said(300, "bob", "/p0")], acknowledgement="running -/315", acknowledgement_2=NO_CLOCK),
    row("R32 other times", 6, [DECLARED], a_policy(sla={"milestones": {"acknowledgement": "5m"}}), acknowledgement="breached -/5", assessment="running -/30"),
]  # fmt: skip

CALENDARS = [
    row("complaint: calendar ignored", 1, [P1], in_office("P1"), response="running -/300"),  # 09:00, 4 h, lunch
    row("complaint: several intervals a day", 190, [P1], in_office("P1"), response="running -/300"),
    row("complaint: an alarm at lunch", 230, [P1], in_office("P1"), response="running -/300"),
    row("G16 at risk by working time", 252, [P1], in_office("P1"), response="at_risk -/300"),  # 3:12 h of work
    row("G16 breached by working time", 300, [P1], in_office("P1"), response="breached -/300"),
    row("G16 over days", 1, [P1], in_office("P1"), resolution=f"running -/{3 * DAY + 180}"),  # 24 h = 3 x 7 + 3
    row("G16 only the severity that names it", 1, [P2], in_office("P1"), response="running -/1440"),
    row("complaint: an alarm at midnight", 15 * 60, [], in_office("P1"), created=7.5 * 60, body=PAINFUL, response=f"running -/{DAY + 270}"),
    row("complaint: an alarm on a holiday", DAY + 200, [], in_office("P1", closed=["2026-11-24"]), created=7.5 * 60, body=PAINFUL, response=f"running -/{2 * DAY + 270}"),
    row("complaint: an alarm at the weekend", 5 * DAY, [], in_office("P1"), created=4 * DAY + 420, body=PAINFUL, response=f"running -/{7 * DAY + 180}"),
    row("G16 the calendar's zone", 1, [P1], in_office("P1", zone="America/New_York"), response=f"running -/{300 + 300}"),
    row("G16 a start outside working hours", 1, [P1], in_office("P1"), created=-600, response="running -/300"),
    row("G16 over the year's end", 39 * DAY, [], in_office("P1", closed=["2027-01-01"]), created=38 * DAY + 360, body=PAINFUL, response=f"running -/{42 * DAY + 120}"),
    row("G16 updates too", 40, [P1, ANSWER], in_office("P1"), next_update_1="running -/330"),
    row("R26 the triage of a P1 doesn't wait for the morning", 901, [], in_office("P1"), created=900, body=PAINFUL, triage="running -/915"),
    row("R15 next quarter has no hours", 1, [P3], in_office("P3"), resolution=f"running -/{QUARTER:.10g}", response=f"running -/{8 * DAY + 420}"),
    row("complaint: 24 h over a daylight-saving change", SPRING + 1, [P1], a_policy(sla={"time_zone": "Europe/Berlin"}), created=SPRING, resolution=f"running -/{SPRING + DAY:.10g}"),
    row("complaint: 24 h over a daylight-saving change, back", AUTUMN + 1, [P1], a_policy(sla={"time_zone": "Europe/Berlin"}), created=AUTUMN, resolution=f"running -/{AUTUMN + DAY:.10g}"),
    row("complaint: office hours over a daylight-saving change", SPRING + 1, [P1], in_office("P1", zone="Europe/Berlin"), created=SPRING, response=f"running -/{SPRING + 2 * DAY:.10g}"),
]  # fmt: skip

PAST = [  # as `explain --at` asks: what came later is not known yet
    row("before the answer", 10, [P1, ANSWER], response="running -/240", next_update_1=NO_CLOCK),
    row("before the end", 50, [P1, ANSWER, CLOSED, REOPENED], resolution="running -/1440", resolution_2=NO_CLOCK),
    row("before the pause", 50, [P1, *waits((60, None))], resolution="running -/1440"),
    row("in the pause that ended", 90, [P1, *waits((60, 120))], resolution="paused -/?"),
    row("before the report", -1, [P1], response=NO_CLOCK, resolution=NO_CLOCK),
    row("in the instant of the report", 0, [P1], response="running -/240"),
]

ROWS = [*TARGETS, *ANSWERS, *UPDATES, *ENDS, *CHANGES, *PAUSES, *TRIAGE, *MILESTONES, *CALENDARS, *PAST]


@pytest.mark.parametrize(("issue", "policy", "now", "expected"), ROWS)
def test_clocks(issue: Issue, policy: Policy, now: float, expected: Mapping[str, str]) -> None:
    found = {f"{clock.name}#{clock.cycle}": told(clock) for clock in clocks(case_of(issue, policy), policy, at(now))}
    assert {key: found.get(key, NO_CLOCK) for key in expected} == expected


def test_there_are_enough_cases() -> None:
    assert len(ROWS) >= 120
    assert len({case.id for case in ROWS}) == len(ROWS)


def clock_of(issue: Issue, key: str, now: float, policy: Policy = POLICY) -> Clock:
    return next(
        clock for clock in clocks(case_of(issue, policy), policy, at(now)) if f"{clock.name}#{clock.cycle}" == key
    )


@pytest.mark.parametrize(
    ("issue", "key", "evidence"),
    [
        (an_issue_with(P1, ANSWER), "response#1", ("reported", "comment by alice")),
        (an_issue_with(P1, said(30, "bob", "/sent")), "response#1", ("reported", "/sent by bob")),
        (an_issue_with(P1, CLOSED), "response#1", ("reported", "closed without any response")),
        (an_issue_with(P1, CLOSED), "resolution#1", ("reported", "closed by alice")),
        (an_issue_with(P1, did(100, "ghost", "closed")), "resolution#1", ("reported", "closed")),
        (an_issue_with(P1, said(100, "bob", "/resolve")), "resolution#1", ("reported", "/resolve by bob")),
        (an_issue_with(P1, CLOSED, REOPENED), "resolution#2", ("reopened by carol", None)),
        (an_issue_with(P1, ANSWER), "next_update#1", ("comment by alice", None)),
        (an_issue_with(DECLARED), "acknowledgement#1", ("P0 confirmed by alice", None)),
        (an_issue_with(body=STOPPED), "triage#1", ("reported as an emergency", None)),
        (an_issue_with(said(5, "bob", "/p1"), body=STOPPED), "triage#1", ("reported as an emergency", "/p1 by bob")),
        (
            an_issue_with(did(5, "bob", "labeled", "P1"), body=STOPPED),
            "triage#1",
            ("reported as an emergency", "label P1 by bob"),
        ),
        (an_issue_with(by="alice", body=STOPPED), "triage#1", ("reported as an emergency", "confirmed by alice")),
    ],
)
def test_evidence(issue: Issue, key: str, evidence: tuple[str, str | None]) -> None:
    clock = clock_of(issue, key, 999)
    assert (clock.start.why, clock.stop.why if clock.stop else None) == evidence


def test_what_a_person_needs_to_check_it_by_hand() -> None:
    """Start, target, pauses, at risk, due: all that the arithmetic needs."""
    issue = an_issue_with(P1, *waits((60, 120)), said(200, "bob", "/waiting"))
    clock = clock_of(issue, "resolution#1", 150)
    assert (clock.name, clock.cycle, clock.target) == ("resolution", 1, "1 day, 0:00:00")
    assert (clock.start.at, clock.at_risk_at, clock.due_at) == (at(0), at(1212), at(1500))
    (pause,) = clock.pauses
    assert (pause.begin.at, pause.begin.why) == (at(60), "label waiting-on-customer set by bob")
    assert pause.end is not None
    assert (pause.end.at, pause.end.why) == (at(120), "label waiting-on-customer taken away by bob")
    assert [p.begin.why for p in clock_of(issue, "resolution#1", 250).pauses][1:] == ["/waiting by bob"]


def test_all_pauses_and_updates_are_told_in_their_order() -> None:
    case = case_of(an_issue_with(P1, *waits((300, None), (60, 120), by="ghost"), said(90, "bob", "/sent"), ANSWER))
    spans = [(minutes(p.begin.at), minutes(p.end.at if p.end else None)) for p in case.pauses]
    assert spans == [("60", "120"), ("300", "?")]
    assert case.pauses[0].begin.why == "label waiting-on-customer set by somebody"
    assert [(minutes(u.at), u.why) for u in case.updates] == [
        ("30", "comment by alice"),
        ("90", "/sent by bob"),
    ]


def test_clocks_are_told_in_the_order_of_their_start() -> None:
    issue = an_issue_with(DECLARED, ANSWER, CLOSED, REOPENED)
    found = clocks(case_of(issue), POLICY, at(300))
    assert [clock.start.at for clock in found] == sorted(clock.start.at for clock in found)
    assert len({clock.key for clock in found}) == len(found)


def test_which_states_are_open() -> None:
    assert set(State) - OPEN == {State.MET, State.MISSED, State.CANCELLED}
