"""How long it takes to fold and plan cases: pure, one core, no rendering."""

import gc
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bench.figure import Figure
from mapping.case import Case
from mapping.issue import Card, Column, Comment, Happened, Issue, IssueRef, Person, Standing, TimelineEvent
from mapping.plan import plan_issue
from mapping.policy import Policy

CASES, EVENTS, COMMENTS = 10_000, 30, 10
START = datetime(2026, 11, 23, 9, tzinfo=UTC)
ALICE, CAROL = Person("alice", "alice", Standing.TEAM), Person("carol", "carol", Standing.OUTSIDER)
BODY = """### What happened?

Nobody can pay since this morning, and the error page tells nothing.

### Business process impact

Critical: their business is stopped

### Is there a workaround?

Painful: possible, but it hurts
"""


def an_issue(number: int) -> Issue:
    """An emergency with a long history: labels to and fro, comments by both sides, a few commands."""
    kinds = (Happened.LABELED, Happened.UNLABELED, Happened.MOVED, Happened.ASSIGNED)
    events = tuple(
        TimelineEvent(
            f"e{n:03}", START + timedelta(minutes=n), ALICE if n % 2 else CAROL, kinds[n % 4], f"area-{n % 7}"
        )
        for n in range(EVENTS)
    )
    words = (
        "Looking into it.",
        "Still broken here.",
        "/ack",
        "/eta 2h",
        "We found the cause.\n\n/diagnosis the database",
    )
    comments = tuple(
        Comment(f"c{n}", START + timedelta(minutes=3 * n), ALICE if n % 2 else CAROL, words[n % len(words)])
        for n in range(COMMENTS)
    )
    return Issue(
        IssueRef("github", f"acme/shop#{number}"),
        "Nobody can pay",
        BODY,
        CAROL,
        START,
        START + timedelta(hours=1),
        labels=frozenset({"P1", "emergency", "area-1"}),
        assignees=(ALICE,),
        comments=comments,
        timeline=events,
        card=Card("Emergency Queue", Column.EMERGENCY_QUEUE, START),
    )


def measure() -> Iterator[Figure]:
    """Seconds of processor time for folding all histories, and for timing and planning all cases."""
    policy, now = Policy(), START + timedelta(hours=2)
    issues = [an_issue(number) for number in range(1, CASES + 1)]
    gc.freeze()  # what is measured shall not pay for looking through the issues again and again
    begun = time.process_time()
    cases = [Case.of(issue, policy) for issue in issues]
    folded = time.process_time()
    gc.freeze()
    for case in cases:
        plan_issue(case, policy, now)
    planned = time.process_time()
    gc.unfreeze()
    what = f"{CASES} cases ({EVENTS} events, {COMMENTS} comments each)"
    yield Figure(f"fold of {what}", folded - begun, "s")
    yield Figure(f"clocks and plan of {what}", planned - folded, "s", most=2)
