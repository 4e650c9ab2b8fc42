"""What differs between an issue and what the protocol wants: labels, priority, the status comment."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mapping.changes import (
    Change,
    DropComment,
    EditStatus,
    MoveTo,
    PostComment,
    Refusal,
    SetFields,
    SetLabels,
    StatusFacts,
    Why,
    digest_of,
)
from mapping.issue import Card, Column, Comment, Happened, Issue, Marker, TimelineEvent
from mapping.labels import wanted_labels
from mapping.policy import Policy
from mapping.severity import Severity
from tests.mapping_house import (
    POLICY,
    REF,
    Desk,
    a_policy,
    an_issue,
    at,
    case_of,
    did,
    facts_in,
    fields_of,
    form,
    labels_of,
    move_of,
    plan_of,
    said,
)

LABELED, UNLABELED, PRIORITIZED = Happened.LABELED, Happened.UNLABELED, Happened.PRIORITIZED
STOPPED = form(process="critical", workaround="none")
MINOR = form(process="minor")
Labels = tuple[list[str], list[str]]
SAME: Labels = ([], [])


def labelled(labels: Sequence[str], *history: TimelineEvent | Comment, **more: Any) -> Issue:
    timeline = tuple(e for e in history if isinstance(e, TimelineEvent))
    comments = tuple(c for c in history if isinstance(c, Comment))
    return an_issue(labels=labels, timeline=timeline, comments=comments, **more)


def on(minutes: float, by: str, label: str) -> TimelineEvent:
    return did(minutes, by, LABELED, label)


def off(minutes: float, by: str, label: str) -> TimelineEvent:
    return did(minutes, by, UNLABELED, label)


# ---------------------------------------------------------------------- labels

OURS = (on(1, "us", "P0"), on(1, "us", "emergency"))


@pytest.mark.parametrize(
    ("issue", "labels"),
    [
        # what belongs there
        pytest.param(labelled([], body=STOPPED), (["P0", "emergency"], []), id="R24 P0"),
        pytest.param(labelled([], title="outage"), (["P1", "emergency"], []), id="R24 P1"),
        pytest.param(labelled([], body=MINOR), (["P2"], []), id="R24 P2"),
        pytest.param(labelled([], body=form(kind="request")), (["P3"], []), id="R24 P3"),
        pytest.param(labelled([]), (["needs-triage"], []), id="R24 abstained: a stranger's"),
        pytest.param(labelled([], by="ghost"), (["needs-triage"], []), id="R24 abstained: nobody's"),
        pytest.param(labelled([], by="x[bot]"), (["needs-triage"], []), id="R24 abstained: a bot's"),
        pytest.param(labelled([], by="alice"), SAME, id="R24 abstained: the team's own work"),
        pytest.param(labelled([], by="us"), SAME, id="R24 abstained: our own"),
        pytest.param(labelled(["emergency"], by="alice"), (["needs-triage"], []), id="R24 abstained: the team's claim"),
        pytest.param(
            labelled([], on(5, "bob", "P1"), off(6, "bob", "P1"), by="alice"),
            (["needs-triage"], []),
            id="R25 a word taken back",
        ),
        pytest.param(labelled(["P0", "emergency", "bug"], *OURS, body=STOPPED), SAME, id="R24 all there"),
        pytest.param(labelled(["p0", "EMERGENCY"], body=STOPPED), SAME, id="R24 all there, in another case"),
        pytest.param(labelled([], body=STOPPED, closed_at=at(9)), SAME, id="R24 closed"),
        # what doesn't
        pytest.param(
            labelled(["P1", "needs-triage"], on(1, "us", "P1"), on(1, "us", "needs-triage"), body=STOPPED),
            (["P0", "emergency"], ["P1", "needs-triage"]),
            id="R24 another severity of ours",
        ),
        pytest.param(
            labelled(["P0", "emergency"], *OURS, body=MINOR),
            (["P2"], ["P0", "emergency"]),
            id="R24 no emergency any more",
        ),
        pytest.param(
            labelled(["P0", "emergency"], *OURS, off(5, "bob", "P0")),
            (["needs-triage"], ["P0"]),
            id="R24 undecided: the claim stays",
        ),
        pytest.param(
            labelled(["p1", "P1"], on(1, "us", "P1"), on(1, "us", "p1"), body=MINOR),
            (["P2"], ["P1", "p1"]),
            id="R24 the same label twice, as Jira can",
        ),
        pytest.param(labelled(["P1"], on(0, "carol", "P1"), body=MINOR), (["P2"], ["P1"]), id="R25 the form's label"),
        pytest.param(
            labelled(["emergency"], on(0, "carol", "emergency"), body=MINOR),
            (["P2"], ["emergency"]),
            id="R13 a request presented as an emergency",
        ),
        # a person's word
        pytest.param(
            labelled(["P1", "P3"], on(1, "us", "P1"), on(5, "bob", "P3"), body=STOPPED),
            ([], ["P1"]),
            id="R25 a person's label replaces ours",
        ),
        pytest.param(
            labelled(["P1", "P3"], on(5, "bob", "P1"), on(6, "alice", "P3")),
            ([], ["P1"]),
            id="R25 a later person's label",
        ),
        pytest.param(
            labelled(["P3"], on(5, "bob", "P1"), off(6, "x[bot]", "P1"), on(6, "x[bot]", "P3")),
            (["P1", "emergency"], ["P3"]),
            id="R25 a bot changes a person's label",
        ),
        pytest.param(labelled([], said(5, "bob", "/p1")), (["P1", "emergency"], []), id="R25 a command"),
        # people have their way
        pytest.param(
            labelled(["P0"], *OURS, off(5, "bob", "emergency"), body=STOPPED), SAME, id="R25 a person took it away"
        ),
        pytest.param(labelled(["P0"], *OURS, off(5, "bob", "Emergency"), body=STOPPED), SAME, id="R25 in another case"),
        pytest.param(
            labelled(["P0"], *OURS, off(5, "carol", "emergency"), body=STOPPED),
            (["emergency"], []),
            id="R25 an outsider took it away",
        ),
        pytest.param(
            labelled(["P0"], *OURS, off(5, "ghost", "emergency"), body=STOPPED),
            (["emergency"], []),
            id="R25 nobody took it away",
        ),
        pytest.param(
            labelled(["P0"], *OURS, off(5, "bob", "emergency"), said(9, "alice", "/p0"), body=STOPPED),
            (["emergency"], []),
            id="R25 and a later word asks for it again",
        ),
        pytest.param(
            labelled([], on(1, "us", "needs-triage"), off(5, "bob", "needs-triage")),
            SAME,
            id="R25 a person wants no triage",
        ),
        pytest.param(
            labelled(["emergency", "P2"], on(1, "us", "P2"), on(5, "bob", "emergency"), body=MINOR),
            SAME,
            id="R25 a person wants it",
        ),
        pytest.param(
            labelled(
                ["emergency", "P2"], on(1, "us", "P2"), on(5, "bob", "emergency"), said(9, "alice", "/p2"), body=MINOR
            ),
            ([], ["emergency"]),
            id="R25 until a later word",
        ),
        pytest.param(
            labelled(["needs-triage", "P2"], on(1, "us", "P2"), on(5, "bob", "needs-triage"), body=MINOR),
            SAME,
            id="R25 a person wants triage",
        ),
        pytest.param(
            labelled(["needs-triage", "P2"], on(1, "us", "P2"), on(5, "bob", "needs-triage"), said(9, "alice", "/p2")),
            ([], ["needs-triage"]),
            id="R25 and gets it",
        ),
        pytest.param(
            labelled(["needs-triage", "P2"], on(1, "us", "P2"), on(5, "carol", "needs-triage"), body=MINOR),
            ([], ["needs-triage"]),
            id="R25 an outsider wants triage",
        ),
        # robots too, when they insist
        pytest.param(
            labelled(["P1", "P2"], on(1, "x[bot]", "P1"), on(2, "us", "P2"), body=MINOR),
            ([], ["P1"]),
            id="R25 a bot's severity, once",
        ),
        pytest.param(
            labelled(["P1", "P2"], off(3, "us", "P1"), on(4, "x[bot]", "P1"), on(2, "us", "P2"), body=MINOR),
            SAME,
            id="R25 a bot's severity, again",
        ),
        pytest.param(
            labelled(["p1", "P2"], off(3, "us", "P1"), on(4, "x[bot]", "p1"), on(2, "us", "P2"), body=MINOR),
            SAME,
            id="R25 a bot's severity, again, in another case",
        ),
        pytest.param(
            labelled(["P1", "P2"], off(3, "us", "P3"), on(4, "x[bot]", "P1"), body=MINOR),
            ([], ["P1"]),
            id="R25 a bot's other severity",
        ),
        pytest.param(
            labelled(["P1", "P2"], off(3, "carol", "P1"), on(4, "x[bot]", "P1"), body=MINOR),
            ([], ["P1"]),
            id="R25 a bot and an outsider",
        ),
        pytest.param(
            labelled(["P1", "P2"], off(3, "ghost", "P1"), on(4, "ghost", "P1"), body=MINOR),
            ([], ["P1"]),
            id="R25 nobody insists",
        ),
        pytest.param(
            labelled(["emergency", "P2"], off(3, "us", "emergency"), on(4, "x[bot]", "emergency"), body=MINOR),
            SAME,
            id="R25 a bot's emergency, again",
        ),
        pytest.param(
            labelled(["P0"], *OURS, off(5, "x[bot]", "emergency"), body=STOPPED), SAME, id="R25 a bot takes ours away"
        ),
        pytest.param(
            labelled(["emergency"], *OURS, off(5, "x[bot]", "P0"), body=STOPPED),
            SAME,
            id="R25 a bot takes a rule's severity away",
        ),
        pytest.param(
            labelled(["emergency"], on(1, "us", "P0"), off(5, "x[bot]", "P0"), said(6, "bob", "/p0")),
            (["P0"], []),
            id="R25 a bot takes a person's severity away",
        ),
        pytest.param(
            labelled(["emergency"], on(0, "carol", "P0"), off(5, "x[bot]", "P0"), body=STOPPED),
            (["P0"], []),
            id="R25 a bot takes another's away",
        ),
    ],
)
def test_labels(issue: Issue, labels: Labels) -> None:
    assert labels_of(plan_of(issue)) == labels


def test_renamed_labels_keep_their_meaning() -> None:
    """R25."""
    policy = a_policy(labels={"P0": "sev0", "P1": "sev1", "P2": "sev2", "emergency": "urgent", "needs-triage": "look"})
    assert labels_of(plan_of(an_issue(body=STOPPED), policy)) == (["sev0", "urgent"], [])
    assert labels_of(plan_of(an_issue(), policy)) == (["look"], [])
    assert labels_of(plan_of(an_issue(body=MINOR, labels=["SEV1", "Urgent", "P0"]), policy)) == (
        ["sev2"],
        ["SEV1", "Urgent"],
    )
    assert labels_of(plan_of(labelled(["sev2"], on(5, "bob", "sev2"), body=STOPPED), policy)) == SAME


# ---------------------------------------------------------------------- labels of clocks

WAITING, AT_RISK, BREACHED = "waiting-on-customer", "sla-at-risk", "sla-breached"
MAJOR = form(process="major", workaround="painful")
P1 = (on(1, "us", "P1"), on(1, "us", "emergency"))


def p1(labels: Sequence[str] = (), *history: TimelineEvent | Comment, **more: Any) -> Issue:
    """A customer's P1, confirmed and answered by alice at minute 2, so that a day is left for its resolution."""
    answered = (said(2, "alice", "/p1\nwe are on it"), *history)
    return labelled(["P1", "emergency", *labels], *P1, *answered, **{"body": MAJOR, **more})


@pytest.mark.parametrize(
    ("issue", "minutes", "labels"),
    [
        # what the clocks say
        pytest.param(p1(), 3, SAME, id="all is well"),
        pytest.param(p1(), 2 + 0.8 * 240, ([AT_RISK], []), id="R38 at risk, at the minute"),
        pytest.param(p1(), 1 + 0.8 * 240, SAME, id="R38 a minute before"),
        pytest.param(p1([AT_RISK], on(195, "us", AT_RISK)), 200, SAME, id="R38 there already"),
        pytest.param(p1([AT_RISK], on(195, "us", AT_RISK)), 242, ([BREACHED], [AT_RISK]), id="R38 broken"),
        pytest.param(
            p1([BREACHED], on(242, "us", BREACHED), said(250, "alice", "still on it")),
            251,
            ([], [BREACHED]),
            id="R38 told, though late",
        ),
        pytest.param(
            p1([AT_RISK, BREACHED], on(9, "us", AT_RISK), on(9, "us", BREACHED), closed_at=at(300)),
            301,
            ([], [AT_RISK, BREACHED]),
            id="G20 closed: none of them",
        ),
        pytest.param(labelled(["P2"], on(1, "us", "P2"), body=MINOR), 24 * 60, ([BREACHED], []), id="R10 a P2"),
        pytest.param(labelled(["P2"], on(1, "us", "P2"), body=MINOR, by="bob"), 24 * 600, SAME, id="the team's own"),
        pytest.param(
            p1([BREACHED], on(9, "us", BREACHED), said(90, "bob", "/p3\nlater")),
            91,
            (["P3"], ["P1", "emergency", BREACHED]),
            id="G20 downgraded",
        ),
        # waiting for the customer
        pytest.param(p1([], said(5, "bob", "/waiting")), 6, ([WAITING], []), id="G19 /waiting"),
        pytest.param(p1([WAITING], on(5, "bob", WAITING)), 6, SAME, id="G19 a person's label"),
        pytest.param(
            p1([WAITING], said(5, "bob", "/waiting"), on(5.1, "us", WAITING), said(9, "bob", "/resume")),
            10,
            ([], [WAITING]),
            id="G19 /resume",
        ),
        pytest.param(
            p1([WAITING], on(5, "bob", WAITING), said(9, "bob", "/resume")),
            10,
            ([], [WAITING]),
            id="G19 /resume after a person's label is the later word",
        ),
        pytest.param(
            p1([], said(5, "bob", "/waiting"), on(5.1, "us", WAITING), off(9, "bob", WAITING)),
            10,
            SAME,
            id="G19 a person takes ours away: no longer waiting",
        ),
        pytest.param(
            p1([], said(5, "bob", "/waiting"), off(9, "bob", WAITING), said(12, "bob", "/waiting")),
            13,
            ([WAITING], []),
            id="G19 and waits again",
        ),
        pytest.param(
            p1([WAITING], said(5, "bob", "/waiting"), on(5.1, "us", WAITING), closed_at=at(9)),
            10,
            ([], [WAITING]),
            id="G19 closed: ours goes",
        ),
        pytest.param(
            p1([WAITING], on(5, "bob", WAITING), closed_at=at(9)), 10, SAME, id="G19 closed: a person's stays"
        ),
        pytest.param(p1([], said(5, "carol", "/waiting")), 6, SAME, id="R25 a stranger's /waiting"),
        # people have their way
        pytest.param(
            p1([], on(195, "us", AT_RISK), off(196, "bob", AT_RISK)), 197, SAME, id="R25 a person takes at-risk away"
        ),
        pytest.param(
            p1([], on(195, "us", AT_RISK), off(196, "carol", AT_RISK)), 197, ([AT_RISK], []), id="R25 a stranger does"
        ),
        pytest.param(
            p1([], on(242, "us", BREACHED), off(243, "x[bot]", BREACHED)), 244, SAME, id="R25 a robot insists"
        ),
        pytest.param(p1([BREACHED], on(5, "bob", BREACHED)), 6, SAME, id="R25 a person wants it"),
        pytest.param(p1([BREACHED], on(5, "carol", BREACHED)), 6, ([], [BREACHED]), id="R25 a stranger wants it"),
    ],
)
def test_labels_of_clocks(issue: Issue, minutes: float, labels: Labels) -> None:
    assert labels_of(plan_of(issue, minutes=minutes)) == labels


def test_labels_of_clocks_may_be_renamed() -> None:
    policy = a_policy(labels={AT_RISK: "hurry", BREACHED: "late", WAITING: "on-hold"})
    assert labels_of(plan_of(p1([], said(5, "bob", "/waiting")), policy, 6)) == (["on-hold"], [])
    assert labels_of(plan_of(p1(["hurry"], on(195, "us", "hurry")), policy, 242)) == (["late"], ["hurry"])


@pytest.mark.parametrize(
    ("body", "claimed"),
    [
        pytest.param("/p0", True, id="R23 a severity"),
        pytest.param("/triage process=critical", True, id="R23 answers"),
        pytest.param("/ack", False, id="R26 no emergency is claimed by another command"),
        pytest.param("/p0\n" + "/ack 1\n/ack 2\n/ack 3\n/ack 4\n/ack 5", True, id="R23 not among the last five"),
    ],
)
def test_a_strangers_command_is_answered_whether_or_not_it_claims_an_emergency(body: str, claimed: bool) -> None:
    issue = an_issue(comments=(said(1, "carol", body),))
    assert case_of(issue).claimed is claimed
    assert facts_in(plan_of(issue, minutes=500)).refused[-1].by == "carol"
    assert bool([c for c in plan_of(issue, minutes=500).changes if isinstance(c, PostComment)]) is claimed


@pytest.mark.parametrize(
    ("issue", "because"),
    [
        pytest.param(an_issue(body=STOPPED), ("R24", "business-stopped"), id="R24 rules"),
        pytest.param(an_issue(), ("R24",), id="R24 none"),
        pytest.param(labelled([], said(5, "bob", "/p1")), ("R25",), id="R25 a person"),
        pytest.param(p1([BREACHED], on(1, "us", BREACHED)), ("R70",), id="R70 no clock is late any more"),
        pytest.param(p1([], said(5, "bob", "/waiting")), ("G19",), id="G19 waiting"),
    ],
)
def test_because(issue: Issue, because: tuple[str, ...]) -> None:
    (change,) = [change for change in plan_of(issue, minutes=6).changes if isinstance(change, SetLabels)]
    assert change.because == because


def test_labels_of_clocks_come_from_the_clocks() -> None:
    (change,) = [c for c in plan_of(an_issue(body=STOPPED), minutes=50).changes if isinstance(c, SetLabels)]
    assert change.because == ("R24", "business-stopped", "R70", "response", "triage")


def test_wanted_and_unwanted_are_apart() -> None:
    """R24: the label set of every severity."""
    for body in (STOPPED, "outage", MINOR, form(kind="request"), ""):
        want, unwanted = wanted_labels(case_of(an_issue(body=body)), POLICY)
        assert not want & unwanted
        assert {"P0", "P1", "P2", "P3", "needs-triage"} <= want | unwanted


# ---------------------------------------------------------------------- priority

WRITES = a_policy(write_priority={"P0": "Highest", "P1": "High", "P2": "Medium", "P3": "Low"})


def valued(minutes: float, by: str, priority: str) -> TimelineEvent:
    return did(minutes, by, PRIORITIZED, priority)


@pytest.mark.parametrize(
    ("issue", "policy", "fields"),
    [
        pytest.param(an_issue(body=STOPPED, priority="Medium"), POLICY, {}, id="R24 not written by default"),
        pytest.param(an_issue(body=STOPPED, priority="Medium"), WRITES, {"priority": "Highest"}, id="R24 written"),
        pytest.param(an_issue(body=STOPPED), WRITES, {}, id="R24 not written where the tracker has none"),
        pytest.param(an_issue(body=STOPPED, priority="Highest"), WRITES, {}, id="R24 there already"),
        pytest.param(
            an_issue(body=form(kind="request"), priority="Lowest"), WRITES, {}, id="R24 another one that means the same"
        ),
        pytest.param(
            an_issue(body=STOPPED, priority="Urgent"), WRITES, {"priority": "Highest"}, id="R24 one that means nothing"
        ),
        pytest.param(
            an_issue(body=STOPPED, priority="Urgent"),
            a_policy(write_priority={"P0": "Urgent"}),
            {},
            id="R24 written under a name without a meaning",
        ),
        pytest.param(
            an_issue(body=MINOR, priority="High"),
            a_policy(write_priority={"P0": "Highest"}),
            {},
            id="R24 only for some",
        ),
        pytest.param(an_issue(priority="Medium"), WRITES, {}, id="R24 undecided"),
        pytest.param(an_issue(body=STOPPED, priority="Medium", closed_at=at(9)), WRITES, {}, id="R24 closed"),
        # nobody is fought
        pytest.param(
            an_issue(body=MINOR, priority="Urgent", timeline=(valued(5, "bob", "Urgent"),)),
            WRITES,
            {},
            id="R25 a person chose one that means nothing",
        ),
        pytest.param(
            an_issue(
                body=MINOR, priority="Urgent", timeline=(valued(5, "bob", "Urgent"),), comments=(said(9, "bob", "/p1"),)
            ),
            WRITES,
            {"priority": "High"},
            id="R25 until a later word",
        ),
        pytest.param(
            an_issue(body=MINOR, priority="High", timeline=(valued(5, "bob", "High"),)),
            WRITES,
            {},
            id="R25 a person's priority is a word",
        ),
        pytest.param(
            an_issue(body=MINOR, priority="High", timeline=(valued(5, "carol", "High"),)),
            WRITES,
            {"priority": "Medium"},
            id="R25 an outsider's is not",
        ),
        pytest.param(
            an_issue(body=MINOR, priority="High", timeline=(valued(5, "ghost", "High"),)),
            WRITES,
            {"priority": "Medium"},
            id="R25 nobody's is not",
        ),
        pytest.param(
            an_issue(body=MINOR, priority="High", timeline=(valued(5, "x[bot]", "High"),)),
            WRITES,
            {"priority": "Medium"},
            id="R25 a bot's, once",
        ),
        pytest.param(
            an_issue(body=MINOR, priority="High", timeline=(valued(5, "us", "Medium"), valued(6, "x[bot]", "High"))),
            WRITES,
            {},
            id="R25 a bot's, again",
        ),
        pytest.param(
            an_issue(body=MINOR, priority="High", timeline=(valued(5, "us", "Low"), valued(6, "carol", "High"))),
            WRITES,
            {"priority": "Medium"},
            id="R25 an outsider's, again",
        ),
        pytest.param(
            an_issue(body=MINOR, priority="High", timeline=(valued(5, "x[bot]", "Low"), valued(6, "us", "High"))),
            WRITES,
            {"priority": "Medium"},
            id="R25 our own is changed",
        ),
    ],
)
def test_priority(issue: Issue, policy: Policy, fields: dict[str, str]) -> None:
    assert fields_of(plan_of(issue, policy)) == fields


# ---------------------------------------------------------------------- the status comment


def status(digest: str = "another", **memo: Any) -> Comment:
    return said(1, "us", "", id="status", marker=Marker("status", digest, memo))


BEFORE = a_policy(enforce_from=60)


@pytest.mark.parametrize(
    ("issue", "policy", "comment"),
    [
        pytest.param(an_issue(body=STOPPED), POLICY, True, id="R23 a claimed emergency"),
        pytest.param(an_issue(title="outage"), POLICY, True, id="R23 a provisional P1"),
        pytest.param(
            an_issue(body=form(process="minor", workaround="easy")), POLICY, True, id="R23 a form that says P2"
        ),
        pytest.param(an_issue(body=MINOR), POLICY, False, id="R23 a P2 that nobody claimed"),
        pytest.param(an_issue(), POLICY, False, id="R23 undecided, and nobody claimed it"),
        pytest.param(an_issue(labels=["emergency"]), POLICY, True, id="R23 undecided, claimed"),
        pytest.param(an_issue(comments=(said(1, "carol", "/p0"),)), POLICY, True, id="R23 a refused command"),
        pytest.param(an_issue(comments=(said(1, "bob", "/p2"),)), POLICY, False, id="R23 a person's P2"),
        pytest.param(an_issue(body=STOPPED, closed_at=at(9)), POLICY, False, id="R23 closed before we came"),
        pytest.param(an_issue(body=STOPPED), BEFORE, False, id="R24 from before the start"),
        pytest.param(an_issue("alice", body=STOPPED), BEFORE, False, id="R24 from before the start, by the team"),
        pytest.param(
            an_issue(body=STOPPED, comments=(said(90, "bob", "/p0"),)),
            BEFORE,
            True,
            id="R24 from before the start, confirmed",
        ),
        pytest.param(an_issue(body=STOPPED, created_at=at(60)), BEFORE, True, id="R24 from the start"),
        # once it is there, it is kept true
        pytest.param(an_issue(body=MINOR, comments=(status(),)), POLICY, True, id="R23 there, a P2 by now"),
        pytest.param(
            an_issue(body=STOPPED, closed_at=at(9), comments=(status(),)), POLICY, True, id="R23 there, closed by now"
        ),
        pytest.param(
            an_issue(body=STOPPED, comments=(status(),)), BEFORE, True, id="R23 there, though from before the start"
        ),
    ],
)
def test_who_gets_a_status_comment(issue: Issue, policy: Policy, comment: bool) -> None:
    edits = [change for change in plan_of(issue, policy).changes if isinstance(change, EditStatus)]
    assert len(edits) == comment
    assert [edit.comment for edit in edits] == [case_of(issue).status and "status"] * comment


@pytest.mark.parametrize(
    ("issue", "facts"),
    [
        pytest.param(
            an_issue(body=STOPPED),
            {
                "severity": Severity.P0,
                "confirmed_by": None,
                "response_within": "1h",
                "resolution_within": "4h",
                "closed": False,
                "why": (Why("business-stopped", "process: critical, workaround: none"),),
                "refused": (),
                "flags": (),
                "assignees": (),
            },
            id="R2 R3 a P0",
        ),
        pytest.param(
            an_issue(labels=["emergency"]),
            {"severity": None, "confirmed_by": None, "response_within": "", "resolution_within": "", "why": ()},
            id="R24 undecided",
        ),
        pytest.param(
            an_issue(
                body=form(process="none", workaround="easy"), assignees=tuple(p for p in [said(0, "bob", "").by] if p)
            ),
            {
                "severity": Severity.P3,
                "response_within": "2d",
                "resolution_within": "next quarter",
                "assignees": ("bob",),
            },
            id="R14 R15 a P3, assigned",
        ),
        pytest.param(
            an_issue(comments=(said(1, "bob", "/p1"), said(2, "carol", "/p0"))),
            {
                "severity": Severity.P1,
                "confirmed_by": "bob",
                "why": (Why("bob decided", "/p1"),),
                "missing": (),
                "refused": (Refusal("/p0", "carol", "only people with write access can use commands"),),
            },
            id="R25 confirmed, and a refusal",
        ),
        pytest.param(
            an_issue(body=STOPPED, card=Card("Ideas", barred={Column.EMERGENCY_QUEUE: "There is no such column."})),
            {"flags": ("There is no such column.",)},
            id="R21 a flag",
        ),
        pytest.param(
            an_issue(body=STOPPED, comments=(status(),), closed_at=at(9)),
            {"closed": True, "missing": ()},
            id="R23 closed",
        ),
    ],
)
def test_facts(issue: Issue, facts: dict[str, Any]) -> None:
    found = facts_in(plan_of(issue))
    assert {key: getattr(found, key) for key in facts} == facts


@pytest.mark.parametrize(
    ("answers", "missing"),
    [
        pytest.param(
            {"process": "_No response_", "workaround": "Not sure"},
            ["revenue_per_hour", "process", "workaround", "other_customers", "security"],
            id="R23 nothing answered",
        ),
        pytest.param(
            {"process": "critical", "workaround": "none"},
            ["revenue_per_hour", "other_customers", "security"],
            id="R23 two answered",
        ),
        pytest.param(
            {
                "process": "critical",
                "workaround": "none",
                "revenue_per_hour": "0",
                "other_customers": "no",
                "security": "no",
            },
            [],
            id="R23 all answered",
        ),
    ],
)
def test_missing_answers_are_asked_for(answers: dict[str, str], missing: list[str]) -> None:
    facts = facts_in(plan_of(an_issue(body=form(**answers))))
    assert [question.key for question in facts.missing] == missing
    assert all(question.answers or question.key == "revenue_per_hour" for question in facts.missing)


def test_an_unchanged_status_is_not_edited() -> None:
    """R23: the digest of the facts and the memo decides, whatever the tracker did to the text."""
    issue = an_issue(body=STOPPED)
    plan = plan_of(issue)
    (edit,) = [change for change in plan.changes if isinstance(change, EditStatus)]
    told = replace(issue, comments=(status(edit.digest, **edit.memo),))
    assert plan.look_again_at == at(10)
    assert not [change for change in plan_of(told, minutes=9.99).changes if isinstance(change, EditStatus)]
    (at_risk,) = [change for change in plan_of(told, minutes=10).changes if isinstance(change, EditStatus)]
    assert (at_risk.comment, at_risk.digest != edit.digest) == ("status", True)
    later = replace(told, body=MINOR)
    (again,) = [change for change in plan_of(later).changes if isinstance(change, EditStatus)]
    assert (again.comment, again.digest != edit.digest) == ("status", True)


def test_the_digest_is_of_the_facts_alone() -> None:
    facts = StatusFacts(Severity.P0, None, (Why("a", "b"),), (), (), "1h", "4h", (), (), False)
    edit = EditStatus(facts, {"a": 1, "b": 2}, None, ("R23",))
    assert edit.digest == EditStatus(facts, {"b": 2, "a": 1}, "c1", ("R24",), "some text").digest
    assert edit.digest != replace(edit, memo={"a": 1, "b": 3}).digest
    assert edit.digest != replace(edit, facts=replace(facts, closed=True)).digest
    assert digest_of(facts, {"name": "Zoë", "at": at(0)}) == digest_of(facts, {"at": at(0), "name": "Zoë"})


def test_all_but_the_oldest_status_are_dropped() -> None:
    """R23: one status comment, also after an answer was lost."""
    twice = tuple(said(n, "us", "", id=f"s{n}", marker=Marker("status", "d")) for n in (3, 1, 2))
    plan = plan_of(an_issue(body=STOPPED, comments=(*twice, twice[0], said(0, "us", "", marker=Marker("draft", "d")))))
    assert [change.comment for change in plan.changes if isinstance(change, DropComment)] == ["s2", "s3"]
    assert [change.comment for change in plan.changes if isinstance(change, EditStatus)] == ["s1"]


# ---------------------------------------------------------------------- when to look again


@pytest.mark.parametrize(
    ("issue", "moves", "settles", "again"),
    [
        pytest.param(an_issue(body=STOPPED, card=Card()), "Emergency Queue", 3.25, 10, id="R21 moved"),
        pytest.param(
            an_issue(body=MINOR, card=Card()),
            "Backlog",
            None,
            0.8 * 24 * 60,
            id="R21 moved, but nobody claimed it: R10",
        ),
        pytest.param(
            an_issue(body=STOPPED, card=Card("Emergency Queue", Column.EMERGENCY_QUEUE)),
            None,
            None,
            10,
            id="R21 not moved: R26",
        ),
        pytest.param(an_issue(body=STOPPED), None, None, 10, id="R21 no board: R26"),
        pytest.param(
            an_issue("alice", body=MINOR, card=Card()), "Backlog", None, None, id="R21 moved, the team's own work"
        ),
    ],
)
def test_look_again_after_a_move(issue: Issue, moves: str | None, settles: float | None, again: float | None) -> None:
    plan = plan_of(issue, minutes=3)
    assert move_of(plan) == moves
    assert plan.settles_at == (at(settles) if settles else None)
    assert plan.look_again_at == (at(again) if again else None)


def test_the_order_of_changes() -> None:
    """Labels first: they are the memory where nothing else is."""
    issue = an_issue(body=STOPPED, card=Card(), priority="Medium", comments=(status(), replace(status(), id="x")))
    kinds: list[type[Change]] = [type(change) for change in plan_of(issue, WRITES).changes]
    assert kinds == [SetLabels, SetFields, MoveTo, EditStatus, DropComment]


# ---------------------------------------------------------------------- nobody is fought


@pytest.mark.parametrize("label", ["P0", "emergency"])
def test_a_robot_that_takes_a_label_away_wins(label: str) -> None:
    """R25: a rule's label is not put back against another robot."""
    desk = Desk()
    desk.tracker.open(REF, "carol", "x", body=STOPPED)
    for _ in range(3):
        desk.work()
        desk.later()
        desk.tracker.label(REF, "x[bot]", remove=[label])
    puts = [e for e in desk.issue.timeline if e.kind is LABELED and e.value == label]
    assert len(puts) == 1


@pytest.mark.parametrize("label", ["P0", "emergency", "needs-triage"])
def test_a_robot_that_insists_on_a_label_wins(label: str) -> None:
    """R25: what another robot puts is taken away once, and no more."""
    desk = Desk()
    desk.tracker.open(REF, "carol", "x", body=MINOR)
    for _ in range(5):
        desk.work()
        desk.later()
        desk.tracker.label(REF, "x[bot]", add=[label])
        desk.later()
    desk.work()
    taken = [e for e in desk.issue.timeline if e.kind is UNLABELED and e.value == label]
    assert (len(taken), desk.work()) == (1, ())
