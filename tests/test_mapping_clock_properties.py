"""Random calendars against a brute-force minute counter, and random histories: clocks only go along their arrows."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from mapping.calendar import Calendar
from mapping.case import Case
from mapping.clocks import Clock, State, clocks
from mapping.hours import Hours
from mapping.issue import Comment, Issue, TimelineEvent
from mapping.policy import Policy, Sla, Target
from mapping.severity import Severity
from tests.mapping_house import POLICY, an_issue, at, did, form, said

MINUTE = timedelta(minutes=1)
NEVER = datetime.max.replace(tzinfo=UTC)

# ---------------------------------------------------------------------- calendars

CHANGES = [  # a zone, and a day near which its clocks change
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/Sao_Paulo", date(2018, 11, 4)),  # 00:00 becomes 01:00
    ("America/Sao_Paulo", date(2019, 2, 17)),  # 00:00 becomes 23:00 of the day before
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # by half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),  # a day that wasn't
    ("America/Nuuk", date(2024, 10, 26)),
    ("Asia/Kathmandu", date(2026, 7, 1)),  # never, and 45 minutes aside
    ("UTC", date(2026, 12, 31)),
]
COUNTED = 5 * 1440  # minutes, one by one


@st.composite
def weeks(draw: st.DrawFn) -> Mapping[int, tuple[tuple[int, int], ...]]:
    """Up to three spans a day, some touching midnight; some days closed."""
    quarters = st.integers(0, 96).map(lambda n: n * 15)
    minutes = st.lists(st.one_of(quarters, st.integers(0, 1440)), max_size=6, unique=True).map(sorted)
    days = {day: draw(minutes) for day in range(7)}
    return {day: tuple(zip(marks[::2], marks[1::2], strict=False)) for day, marks in days.items()}


def is_open(calendar: Calendar, moment: datetime) -> bool:
    """Whether people work in the minute that begins here, by looking at the wall clock."""
    local = moment.astimezone(calendar.zone)
    minute = local.hour * 60 + local.minute
    spans = calendar.hours.get(local.weekday(), ())
    return local.date() not in calendar.closed and any(first <= minute < last for first, last in spans)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar, and an instant a few days before a change of its clocks."""
    zone, day = draw(st.sampled_from(CHANGES))
    closed = draw(st.sets(st.integers(-3, 5), max_size=3))
    calendar = Calendar(ZoneInfo(zone), draw(weeks()), frozenset(day + timedelta(days=n) for n in closed))
    return calendar, datetime(day.year, day.month, day.day, tzinfo=UTC) - draw(st.integers(0, 3 * 1440)) * MINUTE


@given(calendars(), st.integers(0, COUNTED), st.integers(1, 2000))
def test_the_calendar_agrees_with_counting_minutes(fixture: tuple[Calendar, datetime], until: int, length: int) -> None:
    calendar, start = fixture
    worked = [n for n in range(COUNTED) if is_open(calendar, start + n * MINUTE)]
    assert calendar.worked(start, start + until * MINUTE) == bisect.bisect_left(worked, until) * MINUTE
    if length <= len(worked):
        assert calendar.after(start, length * MINUTE) == start + (worked[length - 1] + 1) * MINUTE


@given(weeks(), st.sampled_from(CHANGES), st.integers(-5 * 86400, 5 * 86400), st.integers(0, 10**6))
def test_working_as_long_as_it_takes(
    week: Mapping[int, tuple[tuple[int, int], ...]], change: tuple[str, date], seconds: int, length: int
) -> None:
    """`worked(a, after(a, d)) == d`, to the second; and `after` is the first such instant."""
    if sum(last - first for spans in week.values() for first, last in spans) < 60:
        week = {**week, 2: ((600, 720),)}
    zone, day = change
    calendar = Calendar(ZoneInfo(zone), week)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)
    due = calendar.after(start, timedelta(seconds=length))
    assert calendar.worked(start, due) == timedelta(seconds=length)
    if length:
        just_before = due - timedelta(seconds=1)
        assert calendar.worked(start, just_before) == timedelta(seconds=length - 1)


# ---------------------------------------------------------------------- histories

OFFICE = Hours(
    time_zone="Europe/Berlin",
    hours={"monday": ("09:00-12:00", "13:00-17:00"), "tuesday": ("09:00-17:00",), "thursday": ("08:00-20:00",)},
)
TARGETS = {
    severity: Target.model_validate({**dict(target), "calendar": None if severity is Severity.P0 else "office"})
    for severity, target in POLICY.severities.items()
}
POLICIES = [
    POLICY,
    Policy(severities=TARGETS, calendars={"office": OFFICE}),
    Policy(sla=Sla(internal_comments_count=True, at_risk=50, time_zone="Asia/Tokyo", fiscal_year_starts=2)),
]
PEOPLE = ["alice", "bob", "carol", "x[bot]", "us", "ghost"]
WORDS = [
    "We are on it", "/p0", "/p1", "/p2", "/p3", "/ack", "/sent", "/sent 14:15", "/sent 20m", "/waiting", "/resume",
    "/resolve", "/triage security=no", "> quoted", "Told them\n/sent 3h",
]  # fmt: skip
EVENTS = [
    ("closed", ""), ("reopened", ""), ("labeled", "waiting-on-customer"), ("unlabeled", "waiting-on-customer"),
    ("labeled", "P0"), ("labeled", "P2"), ("unlabeled", "P0"), ("prioritized", "High"), ("labeled", "emergency"),
]  # fmt: skip
MOMENTS = st.one_of(
    st.integers(0, 20), st.integers(0, 300), st.integers(0, 20000), st.sampled_from([0, 15, 30, 60, 240, 1440, 10080])
)


@st.composite
def happenings(draw: st.DrawFn) -> list[Comment | TimelineEvent]:
    """What people and robots do to an issue, in no order."""
    found: list[Comment | TimelineEvent] = []
    for number in range(draw(st.integers(0, 14))):
        moment, by = draw(MOMENTS), draw(st.sampled_from(PEOPLE))
        if draw(st.booleans()):
            internal = draw(st.sampled_from([False, False, True]))
            found.append(said(moment, by, draw(st.sampled_from(WORDS)), id=f"c{number}", internal=internal))
        else:
            found.append(did(moment, by, *draw(st.sampled_from(EVENTS)), id=f"e{number}"))
    return found


def an_issue_with(happened: Sequence[Comment | TimelineEvent], by: str, body: str) -> Issue:
    events = sorted((e for e in happened if isinstance(e, TimelineEvent)), key=lambda e: (e.at, e.id))
    turns = [e for e in events if e.kind in {"closed", "reopened"}]
    return an_issue(
        by,
        body=body,
        closed_at=turns[-1].at if turns and turns[-1].kind == "closed" else None,
        comments=tuple(c for c in happened if isinstance(c, Comment)),
        timeline=tuple(events),
    )


BODIES = [
    "",
    form(process="Critical", workaround="None"),
    form(process="Critical", workaround="Painful"),
    form(kind="request"),
]
issues = st.builds(an_issue_with, happenings(), st.sampled_from(PEOPLE), st.sampled_from(BODIES))
policies = st.sampled_from(POLICIES)
nows = st.lists(st.one_of(MOMENTS, st.integers(0, 250_000)), min_size=2, max_size=12).map(sorted)

LATER = {  # the arrows of the protocol, and what they lead to in more than one step
    State.RUNNING: set(State),
    State.AT_RISK: set(State),
    State.PAUSED: set(State),
    State.BREACHED: {State.CANCELLED, State.BREACHED, State.MISSED},
    State.MISSED: {State.MISSED},
    State.MET: {State.MET},
    State.CANCELLED: {State.CANCELLED},
}


def by_key(issue: Issue, policy: Policy, now: float) -> dict[str, Clock]:
    found = clocks(Case.of(issue, policy), policy, at(now))
    assert len({clock.key for clock in found}) == len(found), "two clocks of one key"
    return {clock.key: clock for clock in found}


@given(issues, policies, nows)
def test_states_go_along_their_arrows(issue: Issue, policy: Policy, moments: list[int]) -> None:
    """As time passes over what happened no clock is lost, none goes back; only a pause changes a due time."""
    before: dict[str, Clock] = {}
    for now in moments:
        after = by_key(issue, policy, now)
        assert set(before) <= set(after)
        for key, old in before.items():
            new = after[key]
            assert new.state in LATER[old.state], f"{key}: {old.state} to {new.state} at {now}"
            assert (old.start, old.target) == (new.start, new.target)
            if old.stop is not None:
                assert new == old, "a stopped clock changed"
            if old.due_at is not None and new.due_at is not None:
                assert new.due_at >= old.due_at
            if State.PAUSED not in {old.state, new.state} and old.pauses == new.pauses:
                assert (old.due_at, old.at_risk_at) == (new.due_at, new.at_risk_at)
        before = after


def _one_step(state: State, clock: Clock, now: datetime) -> None:
    """What a state says about its times."""
    late = clock.due_at is not None and (clock.stop.at if clock.stop else now) >= clock.due_at
    assert (state in {State.MET, State.MISSED, State.CANCELLED}) == (clock.stop is not None)
    assert not (late and state not in {State.BREACHED, State.MISSED, State.CANCELLED})
    assert state is not State.BREACHED or late
    assert state is not State.MISSED or late or (clock.stop is not None and "without any response" in clock.stop.why)
    if state is State.AT_RISK:
        assert clock.at_risk_at is not None
        assert clock.at_risk_at <= now
    if state is State.PAUSED:
        assert clock.name == "resolution"
        assert any(pause.end is None for pause in clock.pauses)


@given(issues, policies, nows)
def test_a_state_follows_from_its_times(issue: Issue, policy: Policy, moments: list[int]) -> None:
    for now in moments:
        for clock in by_key(issue, policy, now).values():
            _one_step(clock.state, clock, at(now))
            assert (
                clock.at_risk_at is None
                or clock.due_at is None
                or clock.at_risk_at <= max(clock.due_at, clock.start.at)
            )


@given(issues, policies, MOMENTS, st.randoms(use_true_random=False))
def test_clocks_are_a_function_of_the_facts(issue: Issue, policy: Policy, now: int, chance: Random) -> None:
    """Asked often, asked at other times in between, told in another order and twice: the same clocks."""
    first = clocks(Case.of(issue, policy), policy, at(now))
    clocks(Case.of(issue, policy), policy, at(now + 12345))
    comments, timeline = [*issue.comments, *issue.comments[:2]], [*issue.timeline, *issue.timeline[:2]]
    chance.shuffle(comments)
    chance.shuffle(timeline)
    again = replace(issue, comments=tuple(comments), timeline=tuple(timeline))
    assert clocks(Case.of(again, policy), policy, at(now)) == first


@given(issues, policies, MOMENTS, st.integers(1, 20000), st.integers(0, 30000))
def test_a_pause_never_makes_anything_due_earlier(
    issue: Issue, policy: Policy, begin: int, length: int, now: int
) -> None:
    """G19: a wait for the customer makes the resolution due later, or leaves it; nothing else moves."""
    wait = (
        did(begin + 0.25, "bob", "labeled", "waiting-on-customer", id="w1"),
        did(begin + length + 0.25, "bob", "unlabeled", "waiting-on-customer", id="w2"),
    )
    clear = tuple(e for e in issue.timeline if e.value != "waiting-on-customer")
    words = tuple(c for c in issue.comments if c.body not in {"/waiting", "/resume"})
    without = replace(issue, timeline=clear, comments=words)
    before, after = by_key(without, policy, now), by_key(replace(without, timeline=(*clear, *wait)), policy, now)
    assert set(before) == set(after)
    for key, clock in before.items():
        if clock.name == "resolution":
            assert (after[key].due_at or NEVER) >= (clock.due_at or NEVER)
        else:
            assert after[key] == clock


@given(issues, policies, st.integers(0, 30000), st.integers(0, 30000))
def test_what_is_not_known_yet_changes_nothing(issue: Issue, policy: Policy, now: int, later: int) -> None:
    """A close, a wait, an answer of tomorrow doesn't show today."""
    future = (
        did(now + later + 1, "bob", "labeled", "waiting-on-customer", id="zz1"),
        did(now + later + 2, "bob", "closed", id="zz2"),
    )
    known = tuple(e for e in issue.timeline if e.at <= at(now))
    words = tuple(c for c in issue.comments if c.at <= at(now))
    turns = [e for e in known if e.kind in {"closed", "reopened"}]
    closed_at = turns[-1].at if turns and turns[-1].kind == "closed" else None
    today = replace(issue, timeline=known, comments=words, closed_at=closed_at)
    told = Comment("zz3", at(now + later + 1), said(0, "bob", "").by, "Told")
    tomorrow = replace(today, timeline=(*known, *future), comments=(*words, told), closed_at=at(now + later + 2))
    assert by_key(tomorrow, policy, now) == by_key(today, policy, now)
