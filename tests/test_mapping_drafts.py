"""Messages to the customer: which is due, what it says, what it lacks, and a `/sent` that came too soon (R46-R49)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from mapping.case import Case
from mapping.commands import Misread
from mapping.drafts import draft_key, draft_of
from mapping.history import events_of, runs_of, said_in
from mapping.issue import Comment, Happened, Issue, Person, Standing
from mapping.judging import Judge
from mapping.places import FILLED_BY, KINDS, NEEDED, Past, unfilled
from mapping.policy import Policy, Sla, Target
from mapping.severity import Severity
from tests.mapping_house import POLICY, START, an_issue, at, did, form, person, said

STOPPED = form(process="critical", workaround="none")
MAJOR = form(process="major", workaround="painful")
CLOSED = (did(60, "alice", Happened.CLOSED),)
REOPENED = (*CLOSED, did(90, "carol", Happened.REOPENED))
READY = said(1, "alice", "/engineer @bob\n/diagnosis a full disk\n/eta 2h")
LEARNED = said(50, "alice", "/rca a full disk\n/fix a larger disk\n/prevention an alarm at 80 %")


def issue(*history: Comment, body: str = STOPPED, **more: Any) -> Issue:
    return an_issue(title="Nobody can pay", body=body, comments=history, **more)


def kind(found: Issue, minutes: float = 120) -> str | None:
    drafted = draft_of(Case.of(found, POLICY), POLICY, at(minutes))
    return drafted.kind if drafted else None


def places(found: Issue, minutes: float = 120) -> Mapping[str, str]:
    drafted = draft_of(Case.of(found, POLICY), POLICY, at(minutes))
    assert drafted is not None
    return drafted.places


def gaps(found: Issue, minutes: float = 120) -> list[str]:
    drafted = draft_of(Case.of(found, POLICY), POLICY, at(minutes))
    assert drafted is not None
    return [place for place, _ in drafted.missing]


# ---------------------------------------------------------------------- which message is due


@pytest.mark.parametrize(
    ("found", "due"),
    [
        pytest.param(issue(), "acknowledgement", id="R46 a P0 that nobody answered"),
        pytest.param(issue(body=MAJOR), "response", id="R47 a P1 that nobody answered"),
        pytest.param(issue(body=form(process="minor")), None, id="R9 a P2"),
        pytest.param(issue(body=""), None, id="R24 undecided"),
        pytest.param(issue(said(5, "bob", "we are on it")), "update", id="G2 told by a comment"),
        pytest.param(issue(READY, said(5, "bob", "/sent")), "update", id="G2 told elsewhere"),
        pytest.param(issue(said(5, "bob", "/ack")), "acknowledgement", id="G2 commands tell nothing"),
        pytest.param(issue(said(5, "carol", "hello?")), "acknowledgement", id="G2 the customer's own words"),
        pytest.param(issue(said(5, "bob", "hm", internal=True)), "acknowledgement", id="G2 an internal comment"),
        pytest.param(issue(said(200, "bob", "we are on it")), "acknowledgement", id="G2 told later than now"),
        pytest.param(issue(said(5, "bob", "on it"), said(7, "bob", "/p1")), "update", id="R25 a P0 that is a P1 now"),
        pytest.param(issue(said(5, "bob", "/p1")), "response", id="R25 never a P0 for a person"),
        pytest.param(issue(said(5, "bob", "/p3")), None, id="R25 no emergency for a person"),
        pytest.param(issue(timeline=CLOSED, closed_at=at(60)), "follow_up", id="R48 closed"),
        pytest.param(issue(said(60, "bob", "/resolve")), "follow_up", id="R48 resolved and still open"),
        pytest.param(issue(said(200, "bob", "/resolve")), "acknowledgement", id="R48 resolved later than now"),
        pytest.param(issue(LEARNED, said(60, "bob", "/resolve\n/sent")), None, id="R48 followed up at once"),
        pytest.param(
            issue(LEARNED, said(90, "bob", "/sent"), timeline=CLOSED, closed_at=at(60)), None, id="R48 followed up"
        ),
        pytest.param(
            issue(said(90, "bob", "done"), timeline=CLOSED, closed_at=at(60)), "follow_up", id="R48 a comment is none"
        ),
        pytest.param(
            issue(said(50, "bob", "/p2"), timeline=CLOSED, closed_at=at(60)), None, id="R48 none when it ended"
        ),
        pytest.param(
            issue(said(90, "bob", "/p2"), timeline=CLOSED, closed_at=at(60)),
            "follow_up",
            id="R48 was one when it ended",
        ),
        pytest.param(
            issue(said(5, "bob", "on it"), timeline=REOPENED), "acknowledgement", id="G20 reopened: told anew"
        ),
        pytest.param(
            issue(said(100, "bob", "on it again"), timeline=REOPENED), "update", id="G20 reopened and told again"
        ),
    ],
)
def test_the_message_due_next(found: Issue, due: str | None) -> None:
    assert kind(found) == due
    assert bool(draft_key(Case.of(found, POLICY), POLICY, at(120))) is (due is not None)


def test_before_the_report_the_first_message_is_due_all_the_same() -> None:
    """Clocks of trackers and ours differ by seconds."""
    assert kind(issue(), -1) == "acknowledgement"


# ---------------------------------------------------------------------- what it can say


@pytest.mark.parametrize(
    ("found", "said_there"),
    [
        pytest.param(
            issue(), {"customer": "carol", "issue": "Nobody can pay", "status": "", "engineer": ""}, id="bare"
        ),
        pytest.param(issue(by="alice"), {"customer": ""}, id="a colleague is no customer"),
        pytest.param(issue(by="robot[bot]"), {"customer": ""}, id="a robot is no customer"),
        pytest.param(issue(by="ghost"), {"customer": ""}, id="a deleted account is no customer"),
        pytest.param(issue(body=form(process="critical", customers="Northwind")), {"customer": "Northwind"}, id="R22"),
        pytest.param(issue(said(3, "bob", '/triage customers="N, C"')), {"customer": "N, C"}, id="R23"),
        pytest.param(
            issue(said(3, "carol", '/triage customers="X"')), {"customer": "carol"}, id="R25 a stranger's word"
        ),
        pytest.param(issue(said(1, "bob", "/diagnosis a"), said(2, "bob", "/diagnosis b")), {"status": "b"}, id="R31"),
        pytest.param(issue(said(200, "bob", "/diagnosis later")), {"status": ""}, id="R31 not known yet"),
        pytest.param(issue(said(1, "bob", "/engineer @dan")), {"engineer": "dan"}, id="R71"),
        pytest.param(issue(assignees=(person("bob"),)), {"engineer": "bob"}, id="R71 the assignee"),
        pytest.param(
            issue(said(1, "bob", "/engineer @dan"), assignees=(person("bob"),)), {"engineer": "dan"}, id="R71 both"
        ),
        pytest.param(issue(said(1, "bob", "/eta 2h")), {"eta": at(121).isoformat()}, id="R35 how long"),
        pytest.param(issue(said(1, "bob", "/eta 11:30")), {"eta": at(150).isoformat()}, id="R35 when"),
        pytest.param(issue(said(1, "bob", "/eta soon")), {"eta": ""}, id="R35 misread"),
        pytest.param(issue(body=MAJOR), {"workaround": "painful"}, id="R22 workaround"),
        pytest.param(issue(), {"workaround": "none"}, id="R22 none is an answer"),
        pytest.param(issue(body=form(process="critical", workaround="unknown")), {"workaround": ""}, id="R23 unknown"),
        pytest.param(
            issue(LEARNED),
            {"root_cause": "a full disk", "fix": "a larger disk", "prevention": "an alarm at 80 %"},
            id="R48 what was learned",
        ),
    ],
)
def test_the_places_of_a_message(found: Issue, said_there: Mapping[str, str]) -> None:
    assert {place: words for place, words in places(found).items() if place in said_there} == said_there


def test_people_are_named_as_the_customer_knows_them() -> None:
    account = "5b10ac8d82e05b22cc7d4ef5"
    zoe = Person(account, "Zoe Ray", Standing.TEAM)
    engineer = said(1, "bob", f"/engineer [~accountid:{account}]")
    assert places(issue(engineer))["engineer"] == account
    assert places(issue(engineer, replace(said(2, "bob", "hm"), by=zoe)))["engineer"] == "Zoe Ray"
    assert places(issue(engineer, timeline=(replace(did(2, "bob", Happened.MOVED), by=zoe),)))["engineer"] == "Zoe Ray"
    assert (
        places(issue(assignees=(zoe,), timeline=(did(1, "bob", Happened.ASSIGNED, account),)))["engineer"] == "Zoe Ray"
    )


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        pytest.param(issue(by="alice"), ["customer", "engineer"], id="R46 nothing known"),
        pytest.param(issue(READY), [], id="R46 ready"),
        pytest.param(issue(body=MAJOR), ["status", "engineer", "eta"], id="R47 nothing known"),
        pytest.param(issue(READY, body=form(process="major")), ["workaround"], id="R47 the workaround is asked for"),
        pytest.param(issue(READY, body=MAJOR), [], id="R47 ready"),
        pytest.param(issue(said(5, "bob", "on it")), ["status", "engineer"], id="R38 update"),
        pytest.param(issue(READY, said(5, "bob", "on it")), [], id="R38 an update needs no workaround"),
        pytest.param(issue(said(60, "bob", "/resolve")), ["root_cause", "fix", "prevention"], id="R48 nothing known"),
        pytest.param(issue(LEARNED, said(60, "bob", "/resolve")), [], id="R48 an engineer is not needed any more"),
        pytest.param(replace(issue(READY), title=" "), ["issue"], id="a title of nothing"),
    ],
)
def test_what_a_message_lacks(found: Issue, missing: list[str]) -> None:
    assert gaps(found) == missing


def test_every_gap_says_what_fills_it() -> None:
    """And every command that is named is one of ours, which fills just this place."""
    assert {place for needed in NEEDED.values() for place in needed} == set(FILLED_BY) and set(NEEDED) == set(KINDS)
    for place, fill in FILLED_BY.items():
        if not fill.startswith("/"):
            continue
        found = issue(
            said(1, "alice", fill.replace("@login", "@bob").replace("…", "Northwind")),
            body=form(process="critical"),
            by="alice",
        )
        assert not [order for order in said_in(found, POLICY).orders if isinstance(order.command, Misread)]
        assert places(found)[place], fill


# ---------------------------------------------------------------------- what it promises


ALL_NIGHT = Policy(
    severities={**Policy().severities, Severity.P0: Target(response=timedelta(hours=1), resolution=timedelta(hours=4))}
)


@pytest.mark.parametrize(
    ("found", "minutes", "promised", "policy"),
    [
        pytest.param(issue(), 7, at(67), POLICY, id="R46 an hour from now"),
        pytest.param(issue(), 7.9, at(67), POLICY, id="R49 in whole minutes, never later than the clock"),
        pytest.param(issue(body=MAJOR), 7, at(247), POLICY, id="R47 four hours from now"),
        pytest.param(issue(said(5, "bob", "on it")), 50, at(110), POLICY, id="G4 each update promises the next"),
        pytest.param(issue(said(60, "bob", "/resolve")), 70, None, POLICY, id="R48 nothing after the end"),
        pytest.param(issue(), 7, None, ALL_NIGHT, id="R49 no interval, no promise"),
    ],
)
def test_when_the_customer_hears_again(found: Issue, minutes: float, promised: datetime | None, policy: Policy) -> None:
    drafted = draft_of(Case.of(found, policy), policy, at(minutes))
    assert drafted is not None and drafted.next_update_at == promised


def test_a_draft_that_stands_keeps_its_promise_and_its_key() -> None:
    """R49: what was drafted at five past is not rewritten each time that somebody looks."""
    case, written = Case.of(issue(), POLICY), at(5)
    first, later = (draft_of(case, POLICY, at(minutes), written) for minutes in (5, 40))
    assert first == later and first is not None and first.next_update_at == at(65)
    assert (
        draft_key(case, POLICY, at(5))
        == draft_key(case, POLICY, at(40))
        == "draft-acknowledgement@2026-11-23T09:00:00+00:00"
    )


def test_every_message_has_a_key_of_its_own() -> None:
    history = [READY, said(5, "bob", "on it"), said(65, "bob", "soon"), said(70, "bob", "/resolve")]
    cases = [
        (Case.of(issue(*history[:count]), POLICY), at(minute)) for count, minute in ((1, 2), (2, 6), (3, 66), (4, 71))
    ]
    assert [draft_key(case, POLICY, now) for case, now in cases] == [
        "draft-acknowledgement@2026-11-23T09:00:00+00:00",
        "draft-update@2026-11-23T09:05:00+00:00",
        "draft-update@2026-11-23T10:05:00+00:00",
        "draft-follow_up@2026-11-23T10:10:00+00:00",
    ]


def test_times_are_told_in_the_teams_zone() -> None:
    policy = Policy(sla=Sla(time_zone="Europe/Berlin"))
    drafted = draft_of(Case.of(issue(said(1, "bob", "/eta 11:30")), policy), policy, at(2))
    assert drafted is not None
    assert (drafted.zone, drafted.places["eta"]) == ("Europe/Berlin", at(90).isoformat())


# ---------------------------------------------------------------------- a `/sent` that came too soon


def past_of(found: Issue, stands: tuple[str, ...] = ()) -> Past:
    """The parts of a history, as the fold has them before it judges any `/sent`."""
    events, heard = events_of(found), said_in(found, POLICY)
    orders = tuple(order for order in heard.orders if order.by.standing is Standing.TEAM)
    return Past(
        issue=found,
        events=events,
        runs=tuple(runs_of(START, found.closed_at, events, orders)),
        orders=orders,
        told=heard.told,
        answers=Judge.of(found, events, POLICY).answers,
        severity_at=lambda when: Case.of(found, POLICY).spell_at(when).severity,
        stands=lambda order: order.comment in stands,
    )


def too_soon(found: Issue, stands: tuple[str, ...] = ()) -> dict[float, str]:
    """The minutes of the refused ones, and the places that they lacked."""
    whys = {(order.at - START) / timedelta(minutes=1): why for order, why in unfilled(past_of(found, stands), POLICY)}
    return {minute: why.partition(" (")[0].rpartition(" ")[2] for minute, why in whys.items()}


BOB_LATER = did(30, "alice", Happened.ASSIGNED, "bob")


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        pytest.param(issue(), {}, id="R48 none was written"),
        pytest.param(issue(READY, said(5, "bob", "/sent")), {}, id="R48 ready"),
        pytest.param(issue(said(5, "bob", "/sent")), {5: "engineer"}, id="R48 nobody named"),
        pytest.param(issue(said(5, "bob", "/engineer @bob\n/sent")), {}, id="R48 named in the same comment"),
        pytest.param(issue(said(5, "bob", "/sent\n/engineer @bob")), {}, id="R48 named in the line after"),
        pytest.param(issue(said(5, "bob", "/sent"), said(6, "bob", "/engineer @bob")), {5: "engineer"}, id="R48 later"),
        pytest.param(issue(said(5, "bob", "/sent 10:15")), {5: "engineer"}, id="R49 a promise fills no place"),
        pytest.param(
            issue(said(5, "bob", "/sent"), said(6, "bob", "/engineer @bob\n/sent")), {5: "engineer"}, id="R48 again"
        ),
        pytest.param(
            issue(READY, said(5, "bob", "/sent"), said(60, "bob", "/engineer @bob\n/sent")), {}, id="R48 an update"
        ),
        pytest.param(
            issue(said(4, "bob", "/engineer @b"), said(5, "bob", "/sent"), said(6, "bob", "/sent")),
            {6: "status"},
            id="R48 the update lacks what the acknowledgement needn't say",
        ),
        pytest.param(
            issue(said(4, "bob", "/sent"), said(5, "bob", "/sent"), said(6, "bob", "/engineer @b\n/sent")),
            {4: "engineer", 5: "engineer"},
            id="R48 a refused one told nobody anything",
        ),
        pytest.param(
            issue(said(4, "bob", "/engineer @b"), said(5, "bob", "we called them\n/sent")),
            {},
            id="G2 the words beside it are not the message before it",
        ),
        pytest.param(issue(said(3, "bob", "hi"), said(5, "bob", "/sent")), {5: "status"}, id="G2 the words before are"),
        pytest.param(issue(said(5, "bob", "/sent"), body=form(process="minor")), {}, id="R9 no emergency, no message"),
        pytest.param(
            issue(READY, said(5, "bob", "/sent"), said(9, "bob", "/p1")), {}, id="R25 what it was then, not what it is"
        ),
        pytest.param(
            issue(said(5, "bob", "/sent"), said(9, "bob", "/p0"), body=form(process="minor")),
            {},
            id="R25 no emergency then",
        ),
        pytest.param(issue(said(60, "bob", "/resolve\n/sent")), {60: "cause"}, id="R48 follow-up"),
        pytest.param(issue(LEARNED, said(60, "bob", "/resolve\n/sent")), {}, id="R48 follow-up with all of it"),
        pytest.param(
            issue(READY, said(40, "bob", "/sent"), timeline=CLOSED, closed_at=at(60)), {}, id="R48 not yet over"
        ),
        pytest.param(
            issue(said(5, "bob", "/sent"), timeline=(BOB_LATER,), assignees=(person("bob"),)),
            {5: "engineer"},
            id="R71 assigned later",
        ),
        pytest.param(issue(said(5, "bob", "/sent"), assignees=(person("bob"),)), {}, id="R71 assigned from the start"),
        pytest.param(
            issue(said(35, "bob", "/sent"), timeline=(BOB_LATER,), assignees=(person("bob"),)), {}, id="R71 in time"
        ),
        pytest.param(
            issue(said(5, "bob", "/sent"), timeline=(did(30, "alice", Happened.UNASSIGNED, "bob"),)),
            {},
            id="R71 assigned then, not any more",
        ),
        pytest.param(
            issue(said(35, "bob", "/sent"), timeline=(did(30, "alice", Happened.UNASSIGNED, "bob"),)),
            {35: "engineer"},
            id="R71 not any more",
        ),
        pytest.param(
            issue(READY, said(5, "bob", "/sent"), said(9, "bob", "/triage customers=X"), by="alice"),
            {5: "customer"},
            id="R23 answered later",
        ),
        pytest.param(
            issue(READY, said(4, "bob", "/triage customers=X"), said(5, "bob", "/sent"), by="alice"),
            {},
            id="R23 answered in time",
        ),
    ],
)
def test_a_message_with_gaps_cannot_be_marked_sent(found: Issue, refused: Mapping[float, str]) -> None:
    assert too_soon(found) == refused


def test_the_refusal_says_what_fills_the_gaps() -> None:
    ((order, why),) = unfilled(past_of(issue(said(5, "bob", "/sent"), body=MAJOR)), POLICY)
    assert (order.at, order.comment) == (at(5), "c00005.000")
    assert why == (
        "the response still lacks: status (/diagnosis what you found), engineer (/engineer @login), eta (/eta 2h)"
    )


def test_what_was_acknowledged_stands() -> None:
    """The /engineer before it may have been deleted since."""
    found = issue(said(5, "bob", "/sent", id="c5"), said(6, "bob", "/sent", id="c6"))
    assert too_soon(found, stands=("c5",)) == {6: "status"}
