"""The fold: what an issue's own history means (R23-R26)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from mapping.case import is_before_enforcement, own_comments
from mapping.changes import Why
from mapping.history import events_of
from mapping.issue import Comment, Happened, Issue, Marker, TimelineEvent
from mapping.policy import Policy
from mapping.severity import Severity
from tests.mapping_house import POLICY, a_policy, an_issue, at, case_of, did, form, person, said

P0, P1, P2, P3 = Severity
LABELED, UNLABELED, PRIORITIZED = Happened.LABELED, Happened.UNLABELED, Happened.PRIORITIZED
STOPPED = form(process="Critical", workaround="None")


# ---------------------------------------------------------------------- a person's word


@pytest.mark.parametrize(
    ("history", "severity", "by"),
    [
        pytest.param([did(5, "alice", LABELED, "P1")], P1, "alice", id="R25 label"),
        pytest.param([did(5, "alice", LABELED, "p1")], P1, "alice", id="R25 label in another case"),
        pytest.param([did(5, "alice", PRIORITIZED, "High")], P1, "alice", id="R25 priority"),
        pytest.param([did(5, "alice", PRIORITIZED, "Medium")], P2, "alice", id="R25 the default priority, chosen"),
        pytest.param([did(5, "alice", PRIORITIZED, "Blocker")], None, None, id="R25 a priority that means nothing"),
        pytest.param([did(5, "alice", LABELED, "bug")], None, None, id="R25 another label"),
        pytest.param([did(5, "alice", Happened.ASSIGNED, "P1")], None, None, id="R25 another event"),
        pytest.param([said(5, "alice", "/p2")], P2, "alice", id="R25 command"),
        pytest.param([said(5, "alice", "/p2\n/p1")], P1, "alice", id="R25 the last command"),
        pytest.param([did(5, "carol", LABELED, "P1")], P1, None, id="R25 an outsider's label is a signal"),
        pytest.param([did(5, "dependa[bot]", LABELED, "P1")], P1, None, id="R25 a bot's label is a signal"),
        pytest.param([did(5, "us", LABELED, "P1")], None, None, id="R25 our own label is no signal"),
        pytest.param([did(5, "ghost", LABELED, "P1")], P1, None, id="R25 a deleted account's label is a signal"),
        pytest.param([said(5, "carol", "/p0")], None, None, id="R25 an outsider's command"),
        pytest.param([said(5, "dependa[bot]", "/p0")], None, None, id="R25 a bot's command"),
        pytest.param([said(5, "us", "/p0")], None, None, id="R25 a command of our own"),
        pytest.param([said(5, "ghost", "/p0")], None, None, id="R25 a deleted account's command"),
        # the last word counts, however it was said
        pytest.param([did(5, "alice", LABELED, "P1"), said(6, "bob", "/p3")], P3, "bob", id="R25 label, then command"),
        pytest.param(
            [said(5, "bob", "/p3"), did(6, "alice", LABELED, "P1")], P1, "alice", id="R25 command, then label"
        ),
        pytest.param([said(5, "bob", "/p3"), did(5, "alice", LABELED, "P1")], P3, "bob", id="R25 at once: the command"),
        pytest.param(
            [did(5, "alice", LABELED, "P1"), did(6, "carol", LABELED, "P0")], P1, "alice", id="R25 an outsider after it"
        ),
        pytest.param(
            [did(5, "alice", LABELED, "P1"), did(6, "x[bot]", UNLABELED, "P1")],
            P1,
            "alice",
            id="R25 a bot takes it away",
        ),
        pytest.param(
            [did(5, "alice", LABELED, "P1"), did(6, "us", UNLABELED, "P1")], P1, "alice", id="R25 we take it away"
        ),
        # taken away, swapped
        pytest.param([did(5, "alice", LABELED, "P1"), did(6, "bob", UNLABELED, "P1")], None, None, id="R25 taken away"),
        pytest.param(
            [did(4, "us", LABELED, "P1"), did(6, "bob", UNLABELED, "P1")], None, None, id="R25 ours, taken away"
        ),
        pytest.param(
            [said(5, "alice", "/p1"), did(6, "bob", UNLABELED, "P1")],
            None,
            None,
            id="R25 the command's label, taken away",
        ),
        pytest.param(
            [said(5, "alice", "/p1"), did(6, "bob", UNLABELED, "P2")], P1, "alice", id="R25 another label, taken away"
        ),
        pytest.param(
            [did(5, "alice", UNLABELED, "P1"), did(6, "alice", LABELED, "P0")], P0, "alice", id="R25 swapped: off, on"
        ),
        pytest.param(
            [did(5, "alice", LABELED, "P0"), did(6, "alice", UNLABELED, "P1")], P0, "alice", id="R25 swapped: on, off"
        ),
        pytest.param(
            [did(5, "alice", LABELED, "P0"), did(5, "alice", UNLABELED, "P1")], P0, "alice", id="R25 swapped at once"
        ),
        pytest.param(
            [did(5, "alice", UNLABELED, "P1"), did(6, "bob", UNLABELED, "P2")], None, None, id="R25 taken away twice"
        ),
    ],
)
def test_a_persons_word(history: Sequence[TimelineEvent | Comment], severity: Severity | None, by: str | None) -> None:
    timeline = tuple(e for e in history if isinstance(e, TimelineEvent))
    labels = [e.value for e in timeline if e.kind is LABELED]
    issue = an_issue(timeline=timeline, labels=labels, comments=tuple(c for c in history if isinstance(c, Comment)))
    case = case_of(issue)
    assert (case.severity, case.confirmed_by) == (severity, by)


@pytest.mark.parametrize(
    ("author", "event", "policy", "decides"),
    [
        pytest.param("alice", did(0, "alice", LABELED, "P1"), POLICY, False, id="R25 at creation, by the reporter"),
        pytest.param("alice", did(0.1, "alice", LABELED, "P1"), POLICY, False, id="R25 seconds after creation"),
        pytest.param("alice", did(0.2, "alice", LABELED, "P1"), POLICY, True, id="R25 12 seconds after creation"),
        pytest.param(
            "alice", did(-30, "alice", LABELED, "P1"), POLICY, True, id="R25 before the copy that a move made"
        ),
        pytest.param("carol", did(0, "alice", LABELED, "P1"), POLICY, True, id="R25 at creation, by somebody else"),
        pytest.param("ghost", did(0, "alice", LABELED, "P1"), POLICY, True, id="R25 nobody is the reporter"),
        pytest.param("alice", did(0, "alice", PRIORITIZED, "Highest"), POLICY, False, id="R25 a form's priority"),
        pytest.param("carol", did(5, "triage[bot]", LABELED, "P1"), POLICY, False, id="R25 a bot"),
        pytest.param(
            "carol",
            did(5, "triage[bot]", LABELED, "P1"),
            a_policy(trusted_bots=["triage[bot]"]),
            True,
            id="R25 a trusted bot",
        ),
        pytest.param(
            "carol",
            did(5, "other[bot]", LABELED, "P1"),
            a_policy(trusted_bots=["triage[bot]"]),
            False,
            id="R25 another bot",
        ),
        pytest.param(
            "carol",
            did(5, "triage[bot]", LABELED, "P1"),
            a_policy(trusted_bots=["triage"]),
            True,
            id="R25 a trusted bot, named without [bot]",
        ),
        pytest.param(
            "carol",
            did(5, "triage", LABELED, "P1"),
            a_policy(trusted_bots=["triage[bot]", "triage"]),
            False,
            id="R25 a person of a trusted bot's name",
        ),
    ],
)
def test_whose_values_are_decisions(author: str, event: TimelineEvent, policy: Policy, decides: bool) -> None:
    case = case_of(an_issue(author, timeline=(event,)), policy)
    assert (case.word is not None) == decides


@pytest.mark.parametrize(
    ("comment", "severity"),
    [
        pytest.param(
            {"edited_at": at(9), "edited_by": "alice", "by": "alice"}, P1, id="R25 edited by its author: from the edit"
        ),
        pytest.param(
            {"edited_at": at(9), "edited_by": "bob", "by": "carol"}, P1, id="R25 an outsider's, edited by the team"
        ),
        pytest.param({"edited_at": at(9), "edited_by": "carol", "by": "alice"}, P3, id="R25 edited by an outsider"),
        pytest.param({"edited_at": at(9), "edited_by": "x[bot]", "by": "alice"}, P3, id="R25 edited by a bot"),
        pytest.param({"edited_at": at(9), "by": "alice"}, P1, id="R25 edited, the tracker doesn't say by whom"),
        pytest.param({"by": "alice"}, P3, id="R25 not edited: older than the label"),
        pytest.param({"edited_at": at(9), "by": "us", "marker": Marker("status", "x")}, P3, id="R25 in our own status"),
        pytest.param(
            {"edited_at": at(9), "edited_by": "alice", "by": "us"}, P1, id="R25 our own comment, edited by the team"
        ),
    ],
)
def test_edited_commands_count_from_the_edit(comment: dict[str, Any], severity: Severity) -> None:
    by = comment.pop("by")
    label = did(7, "bob", LABELED, "P3")
    case = case_of(an_issue(timeline=(label,), comments=(said(5, by, "/p1", **comment),)))
    assert case.severity is severity
    assert case.since == (at(9) if severity is P1 else at(7))


def test_who_said_it_and_how() -> None:
    """R24: the reason for a person's severity is the person."""
    case = case_of(an_issue(comments=(said(5, "alice", "/p1 half the shop"),)))
    assert case.why == (Why("alice decided", "/p1 half the shop"),)
    assert case_of(an_issue(body=STOPPED)).why == (Why("business-stopped", "process: critical, workaround: none"),)


# ---------------------------------------------------------------------- provisional and confirmed


@pytest.mark.parametrize(
    ("issue", "policy", "by", "since"),
    [
        pytest.param(an_issue(body=STOPPED), POLICY, None, at(0), id="R24 a stranger's form"),
        pytest.param(an_issue("alice", body=STOPPED), POLICY, "alice", at(0), id="R24 opened by the team"),
        pytest.param(an_issue("ghost", body=STOPPED), POLICY, None, at(0), id="R24 opened by a deleted account"),
        pytest.param(an_issue("x[bot]", body=STOPPED), POLICY, None, at(0), id="R24 opened by a bot"),
        pytest.param(an_issue("alice"), POLICY, None, at(0), id="R24 nothing to confirm"),
        pytest.param(
            an_issue("alice", body=STOPPED, body_edited_at=at(3)), POLICY, "alice", at(3), id="R24 from the last edit"
        ),
        pytest.param(
            an_issue("alice", body=STOPPED), a_policy(enforce_from=0), "alice", at(0), id="R24 reported at the start"
        ),
        pytest.param(
            an_issue("alice", body=STOPPED), a_policy(enforce_from=1), None, at(0), id="R24 reported before the start"
        ),
        pytest.param(
            an_issue(body=STOPPED, comments=(said(2, "bob", "/p0"),)),
            a_policy(enforce_from=1),
            "bob",
            at(2),
            id="R24 before the start, confirmed",
        ),
        pytest.param(an_issue(body=STOPPED), a_policy(confirm="auto"), "the policy", at(0), id="R24 confirm: auto"),
        pytest.param(
            an_issue(body=STOPPED),
            a_policy(confirm="auto", enforce_from=1),
            "the policy",
            at(0),
            id="R24 confirm: auto, before the start",
        ),
        pytest.param(an_issue(body="?"), a_policy(confirm="auto"), None, at(0), id="R24 confirm: auto, nothing known"),
        pytest.param(
            an_issue(comments=(said(2, "bob", "/triage process=minor"), said(4, "alice", "/triage kind=defect"))),
            POLICY,
            "alice",
            at(2),
            id="R24 /triage by the team",
        ),
        pytest.param(
            an_issue(body=STOPPED, comments=(said(2, "bob", "/triage kind=defect"),), body_edited_at=at(3)),
            POLICY,
            None,
            at(3),
            id="R24 /triage before an edit",
        ),
        pytest.param(
            an_issue(body=STOPPED, comments=(said(4, "bob", "/triage kind=defect"),), body_edited_at=at(3)),
            POLICY,
            "bob",
            at(4),
            id="R24 /triage after an edit",
        ),
        pytest.param(
            an_issue(body=STOPPED, comments=(said(2, "carol", "/triage process=minor"),)),
            POLICY,
            None,
            at(0),
            id="R24 /triage by an outsider",
        ),
        pytest.param(
            an_issue("alice", body=STOPPED, comments=(said(4, "bob", "/p1"),)),
            POLICY,
            "bob",
            at(4),
            id="R25 a word over the author",
        ),
    ],
)
def test_who_stands_behind_a_severity(issue: Issue, policy: Policy, by: str | None, since: datetime) -> None:
    case = case_of(issue, policy)
    assert (case.confirmed_by, case.since) == (by, since)


@pytest.mark.parametrize(("minutes", "before"), [(None, False), (0, False), (1, True)], ids=lambda x: f"R24 {x}")
def test_before_enforcement(minutes: float | None, before: bool) -> None:
    policy = a_policy(enforce_from=minutes)
    assert is_before_enforcement(case_of(an_issue(), policy), policy) == before


@pytest.mark.parametrize(
    ("body", "closed", "emergency"),
    [
        pytest.param(STOPPED, None, True, id="R24 P0"),
        pytest.param(form(process="major", workaround="none"), None, True, id="R24 P1"),
        pytest.param(form(process="minor"), None, False, id="R24 P2"),
        pytest.param("", None, False, id="R24 undecided"),
        pytest.param(STOPPED, at(5), False, id="R24 closed"),
    ],
)
def test_emergencies(body: str, closed: datetime | None, emergency: bool) -> None:
    assert case_of(an_issue(body=body, closed_at=closed)).is_emergency == emergency


# ---------------------------------------------------------------------- claimed


@pytest.mark.parametrize(
    ("issue", "claimed"),
    [
        pytest.param(an_issue(), False, id="R26 nothing"),
        pytest.param(
            an_issue(body=form(process="Not sure", workaround="_No response_")), True, id="R26 a form, even unanswered"
        ),
        pytest.param(an_issue(body=form(process="minor")), False, id="R26 one heading is no form"),
        pytest.param(an_issue(body=form(customers="Acme", system="core")), False, id="R26 other headings"),
        pytest.param(an_issue(title="Everything is down"), True, id="R26 a provisional P1"),
        pytest.param(an_issue(title="Minor", labels=["P2"]), False, id="R26 a P2"),
        pytest.param(an_issue(comments=(said(1, "carol", "/p0"),)), True, id="R26 a refused command wants an answer"),
        pytest.param(
            an_issue(labels=["Emergency"], timeline=(did(0, "carol", LABELED, "Emergency"),)),
            True,
            id="R26 the label, by a person",
        ),
        pytest.param(
            an_issue(labels=["emergency"], timeline=(did(0, "ghost", LABELED, "emergency"),)),
            True,
            id="R26 the label, by nobody",
        ),
        pytest.param(
            an_issue(timeline=(did(0, "carol", LABELED, "emergency"), did(1, "us", UNLABELED, "emergency"))),
            True,
            id="R26 the label, once",
        ),
        pytest.param(
            an_issue(labels=["emergency"], timeline=(did(0, "us", LABELED, "emergency"),)),
            False,
            id="R26 the label, by us",
        ),
        pytest.param(an_issue(labels=["emergency"]), True, id="R26 the label, from before the timeline"),
        pytest.param(
            an_issue(timeline=(did(0, "carol", UNLABELED, "emergency"),)), False, id="R26 the label, taken away"
        ),
    ],
)
def test_claimed(issue: Issue, claimed: bool) -> None:
    assert case_of(issue).claimed == claimed


# ---------------------------------------------------------------------- answers and signals


def test_later_sources_of_answers_win() -> None:
    """R23: form, then field, then label, then the team's commands, in the order of their times."""
    policy = a_policy(
        fields={"workaround": "Workaround", "kind": "Kind", "system": "Nowhere"},
        answer_labels={"Core": {"system": "core"}, "a": {"rollback": "yes"}, "b": {"rollback": "no"}},
    )
    issue = an_issue(
        body=form(process="critical", workaround="none", security="no", kind="defect"),
        fields={"Workaround": "Easy", "Kind": "not sure", "Other": "x"},
        labels=["core", "b", "a"],
        comments=(
            said(9, "bob", "/triage process=minor", id="second"),
            said(8, "alice", "/triage process=major security=yes", id="first"),
            said(9, "carol", "/triage process=none"),
            said(9.5, "alice", "/triage process=none\n/triage process=unknown", edited_at=at(7), edited_by="alice"),
        ),
    )
    answers = case_of(issue, policy).answers
    assert {key: (answer.value, answer.source) for key, answer in answers.items()} == {
        "process": ("minor", "command"),
        "workaround": ("easy", "field"),
        "security": ("yes", "command"),
        "kind": ("defect", "form"),
        "system": ("core", "label"),
        "rollback": ("no", "label"),
    }


@pytest.mark.parametrize(
    ("issue", "policy", "severity"),
    [
        pytest.param(an_issue(labels=["P1"]), POLICY, P1, id="R24 label"),
        pytest.param(
            an_issue(labels=["SEV1"]),
            a_policy(labels={"P1": "sev1"}),
            P1,
            id="R24 renamed label",
        ),
        pytest.param(
            an_issue(labels=["P1"], timeline=(did(1, "us", LABELED, "p1"),)),
            POLICY,
            None,
            id="R24 our own label is no signal",
        ),
        pytest.param(
            an_issue(labels=["P1"], timeline=(did(1, "us", LABELED, "P1"), did(2, "x[bot]", LABELED, "P1"))),
            POLICY,
            P1,
            id="R24 put again by a bot",
        ),
        pytest.param(an_issue(priority="High"), POLICY, P1, id="R24 priority"),
        pytest.param(an_issue(priority="Medium"), POLICY, None, id="R24 the default priority says nothing"),
        pytest.param(an_issue(priority="Medium"), a_policy(silent_priorities=[]), P2, id="R24 unless it does"),
        pytest.param(an_issue(priority="Blocker"), POLICY, None, id="R24 unknown priority"),
        pytest.param(
            an_issue(priority="High", timeline=(did(1, "us", PRIORITIZED, "High"),)),
            POLICY,
            None,
            id="R24 our own priority is no signal",
        ),
        pytest.param(
            an_issue(
                priority="High", timeline=(did(1, "us", PRIORITIZED, "Low"), did(2, "carol", PRIORITIZED, "High"))
            ),
            POLICY,
            P1,
            id="R24 changed since",
        ),
        pytest.param(an_issue(title="Login outage"), POLICY, P1, id="R24 keyword in the title"),
        pytest.param(an_issue(body="The shop is down"), POLICY, P1, id="R24 keyword in the body"),
        pytest.param(an_issue(title="The shop", body="is down"), POLICY, P1, id="R24 keyword over title and body"),
        pytest.param(
            an_issue(body="```\nshop is down\n```\n> is down"), POLICY, None, id="R24 no keyword in code and quotes"
        ),
        pytest.param(
            an_issue(comments=(said(1, "carol", "shop is down"),)), POLICY, None, id="R24 no keyword in comments"
        ),
        pytest.param(
            an_issue("carol"),
            a_policy(rules=[{"name": "vip", "when": {"author": "Carol"}, "then": "P2"}]),
            P2,
            id="R24 author",
        ),
        pytest.param(
            an_issue("ghost"),
            a_policy(rules=[{"name": "vip", "when": {"author": "Carol"}, "then": "P2"}]),
            None,
            id="R24 no author",
        ),
        pytest.param(
            an_issue(fields={"Tier": "gold"}),
            a_policy(rules=[{"name": "vip", "when": {"field": {"Tier": ["Gold"]}}, "then": "P2"}]),
            P2,
            id="R24 field",
        ),
    ],
)
def test_signals(issue: Issue, policy: Policy, severity: Severity | None) -> None:
    case = case_of(issue, policy)
    assert (case.verdict.severity, case.severity) == (severity, severity)


def test_keywords_of_the_form_are_not_the_reporters() -> None:
    """R24: headings and options are the form's words."""
    policy = a_policy(
        hints=[{"name": "stop", "when": {"keyword": ["stopped", "business", "hurt"]}, "then": "P0"}], rules=[]
    )
    body = form(
        **{"Business process impact": "Critical: their business is stopped", "Is there a workaround?": "Not sure"}
    )
    assert case_of(an_issue(body=body), policy).severity is None
    assert (
        case_of(an_issue(body=body + "\r\n\r\n### Customers\r\n\r\nAll of them, business stopped"), policy).severity
        is P0
    )


# ---------------------------------------------------------------------- refused


def test_refused_commands() -> None:
    issue = an_issue(
        comments=(
            said(1, "carol", "/p0\n/triage process=critical"),
            said(2, "alice", "/triage colour=red\n/p1"),
            said(3, "carol", "/p0"),
            said(4, "x[bot]", "/p0"),
        )
    )
    refused = case_of(issue).refused
    assert [(r.said, r.by) for r in refused] == [
        ("/p0", "carol"), ("/triage process=critical", "carol"), ("/triage colour=red", "alice"),
    ]  # fmt: skip
    assert refused[0].why == "only people with write access can use commands"
    assert refused[2].why.startswith("there is no question 'colour'")


def test_only_the_newest_refusals_are_answered() -> None:
    """R23: the status comment stays short whatever strangers write."""
    body = "\n".join(f"/p0 {n}" for n in range(500))
    assert [r.said for r in case_of(an_issue(comments=(said(1, "carol", body),))).refused] == [
        f"/p0 {n}" for n in range(495, 500)
    ]


# ---------------------------------------------------------------------- when it was reported


STATUS = Marker("status", "d", {"reported_at": at(-90).isoformat()})


@pytest.mark.parametrize(
    ("more", "minutes"),
    [
        pytest.param({}, 0, id="R23 as created"),
        pytest.param({"comments": (said(-60, "carol", "hello"),)}, -60, id="R23 a comment is older than the copy"),
        pytest.param({"timeline": (did(-50, "carol", LABELED, "x"),)}, -50, id="R23 an event is older than the copy"),
        pytest.param({"comments": (said(5, "us", "", marker=STATUS),)}, -90, id="R23 we remember"),
        pytest.param(
            {"comments": (said(5, "carol", ""),), "timeline": (did(6, "bob", LABELED, "x"),)}, 0, id="R23 later things"
        ),
    ],
)
def test_reported_at_survives_moves(more: dict[str, Any], minutes: float) -> None:
    assert case_of(an_issue(**more)).reported_at == at(minutes)


# ---------------------------------------------------------------------- the history itself


def test_events_once_and_in_their_order() -> None:
    first, second, third = (
        did(1, "bob", LABELED, "b", "1"),
        did(1, "bob", LABELED, "a", "2"),
        did(2, "bob", LABELED, "c", "0"),
    )
    assert events_of(an_issue(timeline=(third, second, first, third))) == (first, second, third)


CLOSED, REOPENED = Happened.CLOSED, Happened.REOPENED
BY_MISTAKE = (did(5, "bob", CLOSED), did(6, "us", REOPENED))


@pytest.mark.parametrize(
    ("timeline", "closed", "runs"),
    [
        pytest.param(BY_MISTAKE, 5, [(0, 5)], id="our move reopens what bob closed"),
        pytest.param((*BY_MISTAKE, did(7, "us", CLOSED)), 5, [(0, 5)], id="we put it back"),
        pytest.param((*BY_MISTAKE, did(7, "us", CLOSED), did(8, "us", REOPENED)), 5, [(0, 5)], id="again"),
        pytest.param((*BY_MISTAKE, did(7, "bob", CLOSED)), 7, [(0, 5)], id="bob closes it again"),
        pytest.param((*BY_MISTAKE, did(7, "bob", REOPENED)), None, [(0, 5), (7, None)], id="bob reopens it"),
        pytest.param(
            (*BY_MISTAKE, did(7, "bob", REOPENED), did(9, "us", CLOSED)), 9, [(0, 5), (7, 9)], id="closed in our name"
        ),
        pytest.param((*BY_MISTAKE, did(7, "bob", Happened.MOVED, "Done")), 5, [(0, 5)], id="moved"),
        pytest.param((did(6, "us", REOPENED),), None, [(0, None)], id="nobody closed it"),
    ],
)
def test_what_somebody_closed_is_closed_whatever_move_of_ours_met_it(
    timeline: tuple[TimelineEvent, ...], closed: float | None, runs: list[tuple[float, float | None]]
) -> None:
    turns = [event for event in timeline if event.kind in {CLOSED, REOPENED}]
    case = case_of(an_issue(timeline=timeline, closed_at=turns[-1].at if turns[-1].kind is CLOSED else None))
    assert case.issue.closed_at == (None if closed is None else at(closed))
    told = [(run.start.at, run.end.at if run.end else None) for run in case.runs]
    assert told == [(at(begin), None if end is None else at(end)) for begin, end in runs]


def test_our_own_comments_by_marker() -> None:
    older, newer = said(1, "us", "", marker=Marker("status", "a")), said(2, "us", "", marker=Marker("status", "b"))
    other, human = said(0, "us", "", marker=Marker("draft", "c")), said(0.5, "carol", "")
    issue = an_issue(comments=(newer, human, other, older, newer))
    assert own_comments(issue, "status") == [older, newer]
    case = case_of(issue)
    assert (case.status, case.memo) == (older, {})


def test_a_status_that_somebody_edited_is_not_ours_any_more() -> None:
    ours = said(1, "us", "", marker=Marker("status", "a", {"placed": "x"}))
    assert case_of(an_issue(comments=(ours,))).memo == {"placed": "x"}
    edited = replace(ours, marker=None, edited_by=person("bob"), edited_at=at(2))
    case = case_of(an_issue(comments=(edited,)))
    assert (case.status, case.memo) == (None, {})
