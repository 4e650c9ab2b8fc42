"""Slips, said where the team works: once each, together where they come together, up one ladder (R70).

The ladder of an emergency has three steps: the incident commander at the first breach, the team half an hour and the
product owner an hour after it. A later breach joins the next step, or is said alone once the ladder is done. So is a
late retrospective: nobody is called out of bed for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mapping.case import Case, facts, own_comments
from mapping.changes import AlarmFacts, ClockFacts, PostComment
from mapping.clocks import Clock, State
from mapping.commands import Fact
from mapping.issue import Comment
from mapping.policy import Policy
from mapping.promises import RETROSPECTIVE

ALARM = "alarm"
LATE = timedelta(minutes=5)
STEPS = ("incident commander", "team", "product owner")


@dataclass(frozen=True, slots=True)
class Announced:
    """What was said already: the clocks by key, the steps of the ladder, and when the last of them was due."""

    clocks: frozenset[str] = frozenset()
    steps: int = 0
    step_at: datetime | None = None
    comments: int = 0

    def memo(self) -> dict[str, Any]:
        """What the status comment remembers, should an alarm comment be deleted."""
        if not self.comments:
            return {}
        step_at = {"step_at": self.step_at.isoformat()} if self.step_at else {}
        return {"announced": sorted(self.clocks), "steps": self.steps, "alarms": self.comments, **step_at}


@dataclass(frozen=True, slots=True)
class Alarming:
    """What to say now (None: nothing), and when the next step is due if nothing changes."""

    alarm: PostComment | None
    look_again_at: datetime | None
    announced: Announced


def announced(case: Case) -> Announced:
    """Everything that was announced, from the alarm comments themselves and from the status comment's memory."""
    said = alarm_comments(case)
    memos = [case.memo, *(comment.marker.memo for comment in said if comment.marker)]
    step_at = [datetime.fromisoformat(memo["step_at"]) for memo in memos if "step_at" in memo]
    return Announced(
        clocks=frozenset(key for memo in memos for key in memo.get("announced", ())),
        steps=max(int(memo.get("steps", 0)) for memo in memos),
        step_at=max(step_at, default=None),
        comments=max([len(said), *(int(memo.get("alarms", 0)) for memo in memos)]),
    )


def alarm_comments(case: Case) -> list[Comment]:
    """Our own alarm comments, the oldest first."""
    said = (own_comments(case.issue, key)[0] for key in alarm_keys(case))
    return sorted(said, key=lambda comment: (comment.at, comment.id))


def alarm_keys(case: Case) -> list[str]:
    """The marker keys of our alarm comments."""
    keys = {comment.marker.key for comment in case.issue.comments if comment.marker}
    return sorted(key for key in keys if key.startswith(f"{ALARM}-"))


def alarms(case: Case, timed: Sequence[Clock], policy: Policy, now: datetime) -> Alarming:
    """Decide whether to say something now."""
    done = announced(case)
    broken = [clock for clock in timed if clock.state is State.BREACHED and _counts(clock, policy)]
    if not broken:
        return Alarming(None, None, done)
    broken.sort(key=lambda clock: _late_since(clock, case))
    ladder = _ladder(case, policy)
    urgent = [clock for clock in broken if clock.name != RETROSPECTIVE]
    steps, step_at, following = done.steps, done.step_at, None
    if urgent:
        steps, step_at, following = _climb(done, ladder, _late_since(urgent[0], case), now)
    keys = {clock.key for clock in broken}
    is_new = not keys <= done.clocks
    if steps == done.steps and not (is_new and (steps >= len(ladder) or not urgent)):
        return Alarming(None, following, done)
    said = Announced(done.clocks | keys, steps, step_at, done.comments + 1)
    return Alarming(_alarm(case, policy, broken, done, said, now), following, said)


def _climb(
    done: Announced, ladder: Sequence[timedelta], earliest: datetime, now: datetime
) -> tuple[int, datetime | None, datetime | None]:
    """The steps due by now, when the last of them was, and when the next will be: steps missed are taken at once."""
    steps, step_at = done.steps, done.step_at
    while steps < len(ladder):
        due = earliest if step_at is None else max(step_at + ladder[steps], earliest)
        if due > now:
            return steps, step_at, due
        steps, step_at = steps + 1, due
    return steps, step_at, None


def _late_since(clock: Clock, case: Case) -> datetime:
    """When a promise broke: what an upgrade makes late is late since the upgrade (G20)."""
    return max(clock.due_at, case.since) if clock.due_at else case.since


def _counts(clock: Clock, policy: Policy) -> bool:
    """Breaches from before the integrator's time are recorded, never announced."""
    since = policy.sla.enforce_from
    return clock.due_at is not None and (since is None or clock.due_at >= since)


def _ladder(case: Case, policy: Policy) -> tuple[timedelta, ...]:
    """How long after the step before it each of the case's steps is due."""
    first = timedelta(0)
    if case.severity is not None and not case.severity.is_emergency:
        return (first,)
    team, owner = policy.escalation.team_after, policy.escalation.product_owner_after
    return first, team, owner - team


def _alarm(  # noqa: PLR0913, PLR0917 - all that an alarm says
    case: Case, policy: Policy, broken: Sequence[Clock], done: Announced, said: Announced, now: datetime
) -> PostComment:
    climbed = range(done.steps, said.steps)
    new = [clock for clock in broken if clock.key not in done.clocks]
    since = said.step_at if climbed else max(_late_since(clock, case) for clock in new)
    told = AlarmFacts(
        severity=case.severity,
        breached=tuple(ClockFacts(clock.name, clock.state.value, clock.due_at) for clock in broken),
        step=STEPS[said.steps - 1] if climbed else "",
        mentions=_mentions(case, policy, climbed, broken),
        late=since is not None and now - since > LATE,
        reclassified=any(clock.due_at < case.since for clock in new if clock.due_at),
        zone=policy.sla.time_zone,
    )
    names = sorted({clock.name for clock in broken})
    return PostComment(f"{ALARM}-{said.comments}", told, said.memo(), ("R70", *names))


def _mentions(case: Case, policy: Policy, steps: range, broken: Sequence[Clock]) -> tuple[str, ...]:
    """Whom an alarm calls: the commander or the assignees, then the team, then the product owner (R26, R70)."""
    called: list[str] = []
    if 0 in steps or not len(steps):
        named = commander(case)
        called += [named] if named else [person.handle for person in case.issue.assignees]
    if 1 in steps:
        called += policy.roles.team
    if 2 in steps or any(clock.name == "triage" for clock in broken):
        called += policy.roles.product_owner
    return tuple(dict.fromkeys(called))


def commander(case: Case) -> str:
    """The incident commander, as `/ic` named them; empty while nobody did."""
    named = [o.command.text for o in facts(case, "ic") if isinstance(o.command, Fact)]
    return named[-1] if named else ""
