"""Slips: said once each, together, up one ladder (R70), and never against the protocol's own limits."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mapping.alarms import announced
from mapping.changes import AlarmFacts, DropComment, PostComment
from mapping.issue import Marker
from mapping.policy import Policy, Roles, Sla
from tests.mapping_house import REF, Desk, a_policy, alarm_in, an_issue, at, case_of, form, labels_of, plan_of, said

STOPPED = form(process="critical", workaround="none")
MINOR = form(process="minor")
REQUEST = form(kind="request")
ROLES = Roles(team=("alice", "bob"), product_owner=("erin",))
POLICY = Policy(roles=ROLES)
DAY = 24 * 60

Told = tuple[float, str, list[str]]
Act = Callable[[Desk], object]


def desk(by: str = "bob", body: str = STOPPED, policy: Policy = POLICY) -> Desk:
    """A desk with one issue; what `bob` reports is confirmed at once, since he may write (R24)."""
    made = Desk(policy)
    made.tracker.open(REF, by, "Something", body=body)
    return made


def rung(desk: Desk, until: float) -> list[tuple[float, PostComment]]:
    """Let the clock run, as the agenda does it; the alarms with their minute."""
    said: list[tuple[float, PostComment]] = []
    while True:
        minute = (desk.clock.now - at(0)) / timedelta(minutes=1)
        said += [(minute, change) for change in desk.work() if isinstance(change, PostComment)]
        again = desk.plan().look_again_at
        if again is None or again > at(until):
            break
        desk.clock.now = again
    desk.clock.now = max(desk.clock.now, at(until))
    return said


def facts_in(alarm: PostComment) -> AlarmFacts:
    assert isinstance(alarm.facts, AlarmFacts)
    return alarm.facts


def told(alarms: Sequence[tuple[float, PostComment]]) -> list[Told]:
    return [
        (minute, facts_in(alarm).step, [clock.name for clock in facts_in(alarm).breached]) for minute, alarm in alarms
    ]


def played(desk: Desk, script: Sequence[tuple[float, Act]], until: float) -> list[tuple[float, PostComment]]:
    """Let these things happen at their minutes, and the clock run in between."""
    said: list[tuple[float, PostComment]] = []
    for minute, act in script:
        said += rung(desk, minute)
        act(desk)
    return [*said, *rung(desk, until)]


def say(body: str, by: str = "alice") -> Act:
    return lambda desk: desk.tracker.comment(REF, by, body)


def close(desk: Desk) -> None:
    desk.tracker.close(REF, "alice")


def sleep(minutes: float) -> Act:
    """The integrator is down."""
    return lambda desk: desk.later(minutes)


ACK, SEEN, GONE_ON = "acknowledgement", "assessment", "progress"
IC, TEAM, OWNER = "incident commander", "team", "product owner"


# ---------------------------------------------------------------------- the ladder

SILENCE: list[Told] = [
    (15, IC, [ACK]),
    (45, TEAM, [ACK, SEEN]),
    (75, OWNER, [ACK, SEEN, GONE_ON, "response"]),
    (240, "", [ACK, SEEN, GONE_ON, "response", "resolution"]),
]


@pytest.mark.parametrize(
    ("start", "script", "alarms"),
    [
        pytest.param(("bob", STOPPED), [], SILENCE, id="R70 a silent confirmed P0: exactly four"),
        pytest.param(
            ("bob", STOPPED),
            [(1, close)],
            [(1 + DAY, "", ["retrospective"])],
            id="R70 closed in time: none but for the retrospective",
        ),
        pytest.param(
            ("bob", STOPPED),
            [(16, close)],
            [*SILENCE[:1], (16 + DAY, "", ["retrospective"])],
            id="R70 closed after the first",
        ),
        pytest.param(
            ("bob", STOPPED),
            [(20, say("we are on it"))],
            [
                (15, IC, [ACK]),
                (60, TEAM, [GONE_ON]),
                (90, OWNER, [GONE_ON, "next_update"]),
                (240, "", [GONE_ON, "next_update", "resolution"]),
            ],
            id="R70 mended, then broken again: the next step",
        ),
        pytest.param(
            ("bob", STOPPED),
            [(20, say("we are on it")), (50, say("found it")), (100, say("nearly done")), (130, close)],
            [(15, IC, [ACK]), (130 + DAY, "", ["retrospective"])],
            id="R70 mended for good: the ladder ends",
        ),
        pytest.param(
            ("bob", STOPPED),
            [(76, say("sorry, on it"))],
            [*SILENCE[:3], (136, "", ["next_update"]), (240, "", ["next_update", "resolution"])],
            id="R70 a breach after the ladder: alone",
        ),
        pytest.param(
            ("carol", STOPPED),
            [],
            [
                (15, IC, ["triage"]),
                (45, TEAM, ["triage"]),
                (75, OWNER, ["triage", "response"]),
                (240, "", ["triage", "response", "resolution"]),
            ],
            id="R26 R70 a provisional P0 that nobody looks at",
        ),
        pytest.param(
            ("carol", STOPPED),
            [(10, say("/p0"))],
            [
                (25, IC, [ACK]),
                (55, TEAM, [ACK, SEEN]),
                (85, OWNER, [ACK, SEEN, "response", GONE_ON]),
                (240, "", [ACK, SEEN, "response", GONE_ON, "resolution"]),
            ],
            id="R32 the milestones count from the confirmation",
        ),
        pytest.param(
            ("carol", MINOR),
            [],
            [(DAY, IC, ["response"]), (7 * DAY, "", ["response", "resolution"])],
            id="R10 R11 a P2 has one step",
        ),
        pytest.param(("carol", REQUEST), [], [(2 * DAY, IC, ["response"])], id="R14 a P3 has one step"),
        pytest.param(("carol", ""), [], [], id="R24 nobody decided, nobody claimed it: no promise"),
        pytest.param(("bob", MINOR), [], [], id="R26 the team's own work: no promise"),
        pytest.param(
            ("bob", STOPPED),
            [(100, say("/p2"))],
            [*SILENCE[:3], (7 * DAY, "", ["response", "resolution"])],
            id="G20 downgraded after the ladder: what breaks anew is said",
        ),
    ],
)
def test_alarms(start: tuple[str, str], script: Sequence[tuple[float, Act]], alarms: list[Told]) -> None:
    made = desk(*start)
    assert told(played(made, script, 8 * DAY)) == alarms
    assert len([c for c in made.issue.comments if c.marker and c.marker.key != "status"]) == len(alarms)


def test_everything_else_is_edits() -> None:
    """R70: five hours of silence are four alarms and one status comment, on which every breach is to be read."""
    made = desk()
    rung(made, 300)
    assert [c.marker.key for c in made.issue.comments if c.marker] == ["status", *(f"alarm-{n}" for n in range(1, 5))]
    assert made.case.status is not None
    assert made.case.status.body.count("**breached**") == 5
    assert {"sla-breached"} <= made.issue.labels


# ---------------------------------------------------------------------- late, and reclassified


@pytest.mark.parametrize(
    ("script", "late"),
    [
        pytest.param([(0, sleep(20))], [False, False, False, False], id="R70 five minutes are in time"),
        pytest.param([(0, sleep(20.1))], [True, False, False, False], id="R70 more are late"),
        pytest.param([(0, sleep(200))], [True, False], id="R70 down over the whole ladder: one alarm, not three"),
        pytest.param([(16, sleep(60))], [False, False, False], id="R70 down over one step"),
        pytest.param([(16, sleep(84))], [False, True, False], id="R70 down over two steps"),
        pytest.param([(46, sleep(300))], [False, False, True], id="R70 down over a step and a breach"),
        pytest.param([(76, sleep(300))], [False, False, False, True], id="R70 down over a breach after the ladder"),
    ],
)
def test_late_alarms(script: Sequence[tuple[float, Act]], late: list[bool]) -> None:
    """What was missed is said at once, at the step that is due by now."""
    said = played(desk(), script, 8 * DAY)
    assert [facts_in(alarm).late for _, alarm in said] == late
    assert said[-1][1].memo["steps"] == 3
    assert {clock for _, alarm in said for clock in alarm.memo["announced"]} == {
        f"{name}@2026-11-23T09:00:00+00:00" for name in (ACK, SEEN, GONE_ON, "response", "resolution")
    }


def test_an_alarm_after_an_outage_calls_everybody_who_was_not_called() -> None:
    """R70."""
    made = desk()
    made.tracker.assign(REF, "alice", ["alice"])
    ((_, alarm),) = played(made, [(0, sleep(100))], 110)
    assert (facts_in(alarm).step, facts_in(alarm).mentions) == (OWNER, ("alice", "bob", "erin"))


def upgraded_unseen(desk: Desk) -> None:
    say("/p0")(desk)
    desk.later(20)


@pytest.mark.parametrize(
    ("before", "script", "alarms"),
    [
        pytest.param(
            MINOR,
            [(180, say("/p0"))],
            [(180, IC, True, False), (210, TEAM, False, False), (240, OWNER, False, False)],
            id="G20 an upgrade that is at once late",
        ),
        pytest.param(MINOR, [(30, say("/p0"))], [(45, IC, False, False)], id="G20 an upgrade in time"),
        pytest.param(MINOR, [(180, upgraded_unseen)], [(200, IC, True, True)], id="G20 an upgrade said late"),
    ],
)
def test_reclassified(
    before: str, script: list[tuple[float, Act]], alarms: list[tuple[float, str, bool, bool]]
) -> None:
    """The ladder counts from the upgrade, which is no outage: nobody was to know before."""
    said = played(desk("carol", before), script, 300)
    found = [(minute, facts_in(a).step, facts_in(a).reclassified, facts_in(a).late) for minute, a in said]
    assert found[: len(alarms)] == alarms


# ---------------------------------------------------------------------- once


def _delete(key: str) -> Act:
    def act(desk: Desk) -> None:
        (ours,) = [c.id for c in desk.issue.comments if c.marker and c.marker.key == key]
        desk.tracker.delete(REF, ours)

    return act


def _edit(key: str) -> Act:
    def act(desk: Desk) -> None:
        (ours,) = [c.id for c in desk.issue.comments if c.marker and c.marker.key == key]
        desk.tracker.edit(REF, ours, "alice", "never mind")

    return act


@pytest.mark.parametrize("how", [_delete, _edit])
@pytest.mark.parametrize(
    ("minute", "key"),
    [(16, "alarm-1"), (16, "status"), (44, "alarm-1"), (76, "alarm-2"), (76, "alarm-3"), (300, "alarm-4")],
)
def test_what_was_announced_is_not_announced_again(how: Callable[[str], Act], minute: float, key: str) -> None:
    """R70: also when a person deletes or rewrites the comment that said it."""
    assert told(played(desk(), [(minute, how(key))], DAY)) == SILENCE


def test_a_deleted_alarm_of_an_issue_that_had_no_status_comment_is_not_said_again() -> None:
    """R10: nobody claimed this one; the alarm brings the comment that remembers it."""
    made = desk("carol", MINOR)
    assert rung(made, DAY - 1) == []
    assert made.case.status is None
    assert len(played(made, [(DAY + 1, _delete("alarm-1"))], 2 * DAY)) == 1
    assert made.case.status is not None


def test_deleting_a_comment_of_the_team_brings_no_second_alarm() -> None:
    """R70: the deleted comment withdraws the response, but its breach was announced."""

    def withdraw(desk: Desk) -> None:
        (theirs,) = [c.id for c in desk.issue.comments if c.body == "on it"]
        desk.tracker.delete(REF, theirs)

    said = played(desk(), [(76, say("on it")), (80, withdraw)], 239)
    assert told(said) == SILENCE[:3]


def test_two_alarm_comments_with_one_key_are_made_one() -> None:
    """R70: as after an answer that was lost."""
    twice = tuple(
        said(minutes, "us", "", id=f"a{minutes}", marker=Marker("alarm-1", "d", {"announced": [], "steps": 1}))
        for minutes in (16, 15)
    )
    plan = plan_of(an_issue(body=STOPPED, comments=twice), POLICY, 16)
    assert [(c.comment, c.because) for c in plan.changes if isinstance(c, DropComment)] == [("a16", ("R23",))]


@pytest.mark.parametrize(
    ("memos", "found"),
    [
        pytest.param({}, (set(), 0, None, 0), id="nothing was said"),
        pytest.param({"status": {"reported_at": at(0).isoformat()}}, (set(), 0, None, 0), id="nor remembered"),
        pytest.param(
            {"status": {"announced": ["a#1"], "steps": 1, "alarms": 1, "step_at": at(15).isoformat()}},
            ({"a#1"}, 1, at(15), 1),
            id="the alarm was deleted",
        ),
        pytest.param(
            {"alarm-1": {"announced": ["a#1"], "steps": 1, "alarms": 1, "step_at": at(15).isoformat()}},
            ({"a#1"}, 1, at(15), 1),
            id="the status comment was deleted",
        ),
        pytest.param(
            {
                "status": {"announced": ["a#1"], "steps": 1, "alarms": 1, "step_at": at(15).isoformat()},
                "alarm-2": {"announced": ["a#1", "b#1"], "steps": 2, "alarms": 2, "step_at": at(45).isoformat()},
            },
            ({"a#1", "b#1"}, 2, at(45), 2),
            id="killed between the alarm and the status comment",
        ),
        pytest.param({"alarm-1": {}}, (set(), 0, None, 1), id="somebody rewrote it"),
    ],
)
def test_what_is_remembered(memos: dict[str, dict[str, Any]], found: tuple[Any, ...]) -> None:
    comments = tuple(said(n, "us", "", marker=Marker(key, "d", memo)) for n, (key, memo) in enumerate(memos.items()))
    known = announced(case_of(an_issue(body=STOPPED, comments=comments)))
    assert (set(known.clocks), known.steps, known.step_at, known.comments) == found


def test_the_alarm_is_posted_before_the_comment_that_remembers_it() -> None:
    """R70: killed in between, it is known by its own marker; the other way round it would never be said."""
    made = desk()
    made.work()
    made.later(15)
    kinds = [type(change).__name__ for change in made.plan().changes]
    assert kinds == ["SetLabels", "PostComment", "EditStatus"]


# ---------------------------------------------------------------------- the past


@pytest.mark.parametrize(
    ("enforce_from", "script", "alarms"),
    [
        pytest.param(100, [], [], id="R24 an old report: silence"),
        pytest.param(
            100,
            [(120, say("/p0"))],
            [(135, IC, [ACK]), (165, TEAM, [ACK, SEEN]), (195, OWNER, [ACK, SEEN, GONE_ON])],
            id="R24 confirmed: only what breaks from now on",
        ),
        pytest.param(60, [(70, say("/p0"))], [(70, IC, ["response"])], id="R24 broken at that very moment: said"),
        pytest.param(61, [(70, say("/p0"))], [(85, IC, [ACK])], id="R24 broken a minute before: not said"),
    ],
)
def test_the_past_is_not_announced(enforce_from: float, script: list[tuple[float, Act]], alarms: list[Told]) -> None:
    policy = a_policy(enforce_from=enforce_from).model_copy(update={"roles": ROLES})
    said = told(played(desk("carol", STOPPED, policy), script, 239))
    assert said[: len(alarms)] == alarms
    assert bool(said) == bool(alarms)


def test_the_past_is_on_record() -> None:
    """R24: labels and columns, no comment."""
    plan = plan_of(an_issue(body=STOPPED), a_policy(enforce_from=1000), 500)
    assert labels_of(plan)[0] == ["P0", "emergency", "sla-breached"]
    assert alarm_in(plan) is None


# ---------------------------------------------------------------------- who is called


def _assign(*names: str) -> Act:
    return lambda desk: desk.tracker.assign(REF, "alice", names)


@pytest.mark.parametrize(
    ("by", "script", "mentions"),
    [
        pytest.param("bob", [], [(), ("alice", "bob"), ("erin",), ()], id="R70 nobody is named"),
        pytest.param(
            "bob",
            [(1, _assign("bob", "alice"))],
            [("bob", "alice"), ("alice", "bob"), ("erin",), ("bob", "alice")],
            id="R70 the assignees",
        ),
        pytest.param(
            "bob",
            [(1, _assign("bob")), (2, say("/ic @zoe"))],
            [("zoe",), ("alice", "bob"), ("erin",), ("zoe",)],
            id="R30 the commander instead",
        ),
        pytest.param(
            "bob",
            [(2, say("/ic @zoe")), (20, say("/ic yann"))],
            [("zoe",), ("alice", "bob"), ("erin",), ("yann",)],
            id="R30 the newest commander",
        ),
        pytest.param(
            "bob",
            [(2, say("/ic [~accountid:5b10ac8d82e05b22cc7d4ef5]"))],
            [("5b10ac8d82e05b22cc7d4ef5",), ("alice", "bob"), ("erin",), ("5b10ac8d82e05b22cc7d4ef5",)],
            id="R30 by account id",
        ),
        pytest.param(
            "bob", [(2, say("/ic @zoe", "carol"))], [(), ("alice", "bob"), ("erin",), ()], id="R25 no stranger"
        ),
        pytest.param(
            "carol",
            [],
            [("erin",), ("alice", "bob", "erin"), ("erin",), ("erin",)],
            id="R26 triage that is late calls the product owner",
        ),
        pytest.param(
            "carol",
            [(1, _assign("erin"))],
            [("erin",), ("alice", "bob", "erin"), ("erin",), ("erin",)],
            id="R26 nobody is called twice",
        ),
    ],
)
def test_who_is_called(by: str, script: Sequence[tuple[float, Act]], mentions: list[tuple[str, ...]]) -> None:
    assert [facts_in(alarm).mentions for _, alarm in played(desk(by), script, 300)] == mentions


def test_an_assignee_on_jira_cloud_is_called_by_account_id() -> None:
    """R70."""
    someone = an_issue("bob").author
    assert someone is not None
    person = replace(someone, id="5b10ac8d82e05b22cc7d4ef5", name="Bob B.")
    alarm = alarm_in(plan_of(an_issue("bob", body=STOPPED, assignees=(person,)), POLICY, 15))
    assert alarm is not None
    assert facts_in(alarm).mentions == ("5b10ac8d82e05b22cc7d4ef5",)


def test_steps_of_ones_own() -> None:
    """R70: app.yaml says when."""
    policy = Policy.model_validate_json('{"escalation": {"team_after": "5m", "product_owner_after": "25m"}}')
    assert [minute for minute, _ in rung(desk(policy=policy), 100)] == [15, 20, 40, 60]


def test_what_an_alarm_is_for() -> None:
    """R70: its reasons and the zone that people read."""
    policy = Policy(roles=ROLES, sla=Sla(time_zone="Europe/Berlin"))
    (_, (_, second), *_) = rung(desk(policy=policy), 45)
    assert (second.key, second.because) == ("alarm-2", ("R70", ACK, SEEN))
    assert (facts_in(second).zone, str(facts_in(second).severity)) == ("Europe/Berlin", "P0")
    assert {clock.state for clock in facts_in(second).breached} == {"breached"}
