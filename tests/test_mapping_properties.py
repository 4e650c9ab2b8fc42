"""Random histories: whatever people and robots do, planning after applying yields no change, and people are obeyed."""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.tracker import Dialect
from integrator.texts import Texts
from mapping.case import Case, own_comments
from mapping.changes import AlarmFacts, Box, ClockFacts, EditStatus, Missing, PostComment, Refusal, StatusFacts, Why
from mapping.issue import Column, IssueRef
from mapping.plan import plan_issue
from mapping.severity import Severity
from tests.mapping_house import POLICY, REF, START, Desk, a_policy, form

SEVERITIES = [severity.value for severity in Severity]
LABELS = [
    *SEVERITIES, "p1", "emergency", "needs-triage", "bug", "waiting-on-customer", "sla-at-risk", "sla-breached",
]  # fmt: skip
TEAM, STRANGERS = ["alice", "bob"], ["carol", "dave", "x[bot]", "y[bot]"]
BODIES = [
    "",
    "The shop is down",
    form(process="critical", workaround="none"),
    form(process="major", workaround="easy", security="no"),
    form(process="minor", workaround="Not sure", system="core", other_customers="yes"),
    form(kind="request", process="_No response_"),
]
WORDS = [
    "hello", "/p0", "/p1 now", "/p3", "/triage process=minor workaround=easy", "/triage process=unknown security=yes",
    "/triage colour=red", "> /p0", "```\n/p0\n```", "/p2\n/p1", "/ack", "/sent", "/sent 20m", "/eta 14:15", "/eta soon",
    "/waiting", "/resume", "/resolve", "/ic @bob", "/warroom x",
]  # fmt: skip
POLICIES = [
    POLICY,
    a_policy(confirm="auto"),
    a_policy(enforce_from=60),
    a_policy(write_priority={"P0": "Highest", "P1": "High", "P2": "Medium", "P3": "Low"}),
    a_policy(write_priority={"P0": "Urgent", "P1": "Urgent"}, trusted_bots=["x[bot]"], silent_priorities=[]),
    a_policy(labels={"P1": "sev1", "emergency": "urgent"}),
]
PRIORITIES = ["Highest", "High", "Medium", "Low", "Urgent"]
WAITS = [0, 0.05, 0.2, 1, 45, 400]


@dataclass(frozen=True)
class Act:
    """Something that happens after a while (minutes); `pick` chooses among the comments that are there."""

    wait: float
    verb: str
    by: str
    word: str = ""
    pick: int = 0

    def on(self, desk: Desk) -> None:
        desk.later(self.wait)
        ref, tracker, by, word = desk.issue.ref, desk.tracker, self.by, self.word
        others = sorted({*SEVERITIES, "p1"} - {word})
        elsewhere = IssueRef("github", f"acme/other#{len(desk.issue.timeline) + 1}")
        does: dict[str, Callable[[], object]] = {
            "comment": lambda: tracker.comment(ref, by, word),
            "edit": lambda: self._change_a_comment(desk),
            "delete": lambda: self._change_a_comment(desk),
            "label": lambda: tracker.label(ref, by, add=[word]),
            "unlabel": lambda: tracker.label(ref, by, remove=[word]),
            "swap": lambda: tracker.label(ref, by, add=[word], remove=others),
            "prioritize": lambda: tracker.prioritize(ref, by, word),
            "move": lambda: tracker.move(ref, by, Column(word)),
            "assign": lambda: tracker.assign(ref, by, [word]),
            "close": lambda: tracker.close(ref, by),
            "reopen": lambda: tracker.reopen(ref, by),
            "rewrite": lambda: tracker.edit_body(ref, word),
            "transfer": lambda: tracker.transfer(ref, by, elsewhere),
            "work": desk.work,
        }
        does[self.verb]()

    def _change_a_comment(self, desk: Desk) -> None:
        """People change their own comments, the team everybody's, ours too."""
        mine = [c for c in desk.issue.comments if self.by in TEAM or (c.by is not None and c.by.name == self.by)]
        if not mine:
            return
        comment = mine[self.pick % len(mine)].id
        if self.verb == "edit":
            desk.tracker.edit(desk.issue.ref, comment, self.by, self.word)
        else:
            desk.tracker.delete(desk.issue.ref, comment)


def acts(people: list[str]) -> st.SearchStrategy[Act]:
    def act(verb: str, words: Sequence[str]) -> st.SearchStrategy[Act]:
        return st.builds(
            Act,
            st.sampled_from(WAITS),
            st.just(verb),
            st.sampled_from(people),
            st.sampled_from(words),
            st.integers(0, 9),
        )

    verbs: dict[str, Sequence[str]] = {
        "comment": WORDS, "edit": WORDS, "delete": [""], "label": LABELS, "unlabel": LABELS, "swap": SEVERITIES,
        "prioritize": PRIORITIES, "move": list(Column), "assign": ["alice", "carol"], "close": [""], "reopen": [""],
        "rewrite": BODIES, "transfer": [""], "work": [""],
    }  # fmt: skip
    return st.one_of([act(verb, words) for verb, words in verbs.items()])


def histories(people: list[str]) -> st.SearchStrategy[list[Act]]:
    return st.lists(acts(people), max_size=25)


@st.composite
def desks(draw: st.DrawFn) -> Desk:
    """A desk with one issue on it, that somebody opened."""
    desk = Desk(draw(st.sampled_from(POLICIES)))
    desk.tracker.open(
        REF,
        draw(st.sampled_from([*TEAM, *STRANGERS])),
        draw(st.sampled_from(["Something", "Login outage"])),
        body=draw(st.sampled_from(BODIES)),
        labels=draw(st.lists(st.sampled_from(LABELS), max_size=2)),
        priority=draw(st.sampled_from([None, *PRIORITIES])),
        column=draw(st.sampled_from([None, *Column])),
    )
    return desk


@given(desks(), histories([*TEAM, *STRANGERS]), st.sampled_from([0, 0.001, 0.5, 0.999]))
def test_planning_after_applying_yields_no_change(desk: Desk, history: list[Act], part: float) -> None:
    """Not before the instant at which the plan wants to look again; and then, once, until the next one."""
    for act in history:
        act.on(desk)
    desk.work()
    for _ in range(30):
        plan = desk.plan()
        assert plan.changes == ()
        if plan.look_again_at is None:
            break
        assert plan.look_again_at > desk.clock.now
        desk.clock.now += (plan.look_again_at - desk.clock.now) * part
        assert desk.plan().changes == ()
        desk.clock.now = plan.look_again_at
        desk.work()
    desk.later(500 * 24 * 60)
    assert (desk.plan().changes, desk.plan().look_again_at) == ((), None)


@given(desks(), histories([*TEAM, *STRANGERS]), st.lists(st.integers(0, 9), max_size=4))
def test_nothing_is_announced_twice(desk: Desk, history: list[Act], deleted: list[int]) -> None:
    """R70: though people delete and rewrite our comments, as long as one that knows of the last alarm is left."""
    said: list[PostComment] = []
    for act in [*history, *(Act(200, "delete", "alice", pick=pick) for pick in deleted)]:
        memos = [c.marker.memo for c in desk.issue.comments if c.marker]
        knowing = [memo for memo in memos if memo.get("alarms") == len(said)]
        if act.verb == "work" or (act.verb in {"delete", "edit"} and said and len(knowing) < 2):
            continue
        act.on(desk)
        changes = desk.work()
        assert sum(isinstance(change, PostComment) for change in changes) <= 1
        said += [change for change in changes if isinstance(change, PostComment)]
        desk.work()
    assert len({alarm.key for alarm in said}) == len(said)
    announced = [set(alarm.memo["announced"]) for alarm in said]
    assert all(before <= after for before, after in pairwise(announced))
    assert [alarm.memo["steps"] for alarm in said] == sorted(alarm.memo["steps"] for alarm in said)


@given(desks(), histories([*TEAM, *STRANGERS]))
def test_there_is_one_status_comment(desk: Desk, history: list[Act]) -> None:
    for act in history:
        act.on(desk)
        told = len(own_comments(desk.issue, "status"))
        edits = [change for change in desk.work() if isinstance(change, EditStatus)]
        now = own_comments(desk.issue, "status")
        assert len(edits) <= 1
        assert len(now) == (told or len(edits)) <= 1
        if edits:
            assert now[0].marker is not None
            assert now[0].marker.digest == edits[0].digest


@given(desks(), histories([*TEAM, *STRANGERS]), st.integers(0, 999))
def test_the_fold_depends_on_no_order_and_no_duplicates(desk: Desk, history: list[Act], seed: int) -> None:
    for act in history:
        act.on(desk)
    issue, dice = desk.issue, Random(seed)
    comments, timeline = list(issue.comments) * 2, list(issue.timeline) * 2
    dice.shuffle(comments)
    dice.shuffle(timeline)
    again = Case.of(replace(issue, comments=tuple(comments), timeline=tuple(timeline)), desk.policy)
    once = desk.case
    for field in fields(Case):
        if field.name != "issue":
            assert getattr(again, field.name) == getattr(once, field.name), field.name
    assert plan_issue(again, desk.policy, desk.clock()) == plan_issue(once, desk.policy, desk.clock())


@given(
    desks(),
    histories([*TEAM, *STRANGERS]),
    st.sampled_from(TEAM),
    st.sampled_from(SEVERITIES),
    histories(STRANGERS),
)
def test_a_persons_severity_stays(desk: Desk, before: list[Act], by: str, said: str, after: list[Act]) -> None:
    """R25: through every later event of customers and bots (a trusted bot's word is a person's)."""
    assume(not desk.policy.triage.trusted_bots)
    for act in before:
        act.on(desk)
    desk.later(1)
    severity = Severity(said)
    label = desk.policy.labels.of(severity)
    assume(label.casefold() not in {name.casefold() for name in desk.issue.labels})
    desk.tracker.label(desk.issue.ref, by, add=[label])
    for act in after:
        act.on(desk)
        assert (desk.case.severity, desk.case.confirmed_by) == (severity, by)
    if desk.issue.closed_at is None:
        desk.work()
        assert label.casefold() in {name.casefold() for name in desk.issue.labels}


@given(desks(), histories([*TEAM, *STRANGERS]))
def test_a_robot_can_fight_us_for_a_while_only(desk: Desk, history: list[Act]) -> None:
    """R21, R25: a robot that undoes everything we do at once, other than what a person asked for, is let be."""
    for act in history:
        act.on(desk)
    assume(desk.case.word is None)
    desk.later(500 * 24 * 60)  # no clock changes its state any more, so all changes are the fight's
    for _ in range(8):
        before = desk.issue
        desk.work()
        desk.later(0.1)
        undo_all(desk, before.labels, before.priority, before.card.column if before.card else None)
        desk.later(1)
    assert [change for change in desk.work() if not isinstance(change, EditStatus)] == []


def undo_all(desk: Desk, labels: frozenset[str], priority: str | None, column: Column | None) -> None:
    now, tracker, robot = desk.issue, desk.tracker, "workflow[bot]"
    tracker.label(now.ref, robot, add=sorted(labels - now.labels), remove=sorted(now.labels - labels))
    if priority and priority != now.priority:
        tracker.prioritize(now.ref, robot, priority)
    if column and now.card and now.card.column is not column:
        tracker.move(now.ref, robot, column)


# ---------------------------------------------------------------------- texts

HOSTILE = [
    "<!--", "-->", "@all", "[x](y)", "[~admin]", "{code}", "{noformat}", "|", "||a||", "<img src=x>", "\\", "&amp;",
    "&#64;all", "**b**", "_i_", "`", "```", "~~~", "#12", "!x.png!", "http://e.vil", "www.e.vil", "h1. x", "bq. x",
    "-", "--", "----", "+", "^x^", "??x??", "{{x}}", "{% x %}", "\n", "\r\n# x", "\u2028", "é",
]  # fmt: skip
words = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8)), max_size=6).map("".join)
wrapped = words.map(lambda text: f"⟦{text[:60].replace('⟦', '').replace('⟧', '')}⟧")

questions = st.builds(Missing, st.just("process"), wrapped, st.lists(wrapped, max_size=3).map(tuple))

instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"])
timed = st.builds(
    ClockFacts,
    st.sampled_from(["triage", "response", "next_update", "resolution", "acknowledgement", "retrospective"]),
    st.sampled_from(["running", "at_risk", "breached", "missed", "met", "paused"]),
    instants,
    st.none() | instants,
)
facts = st.builds(
    StatusFacts,
    severity=st.sampled_from([None, *Severity]),
    confirmed_by=st.none() | wrapped,
    why=st.lists(st.builds(Why, st.just("a-rule"), wrapped), max_size=2).map(tuple),
    missing=st.lists(questions, max_size=2).map(tuple),
    refused=st.lists(st.builds(Refusal, wrapped, wrapped, wrapped), max_size=2).map(tuple),
    response_within=st.sampled_from(["1h", "15m", "2d"]),
    resolution_within=st.sampled_from(["4h", "1w", "next quarter"]),
    assignees=st.lists(wrapped, max_size=2).map(tuple),
    flags=st.lists(wrapped, max_size=1).map(tuple),
    closed=st.booleans(),
    clocks=st.lists(timed | st.builds(ClockFacts, st.just("resolution"), st.just("paused"), st.none()), max_size=2).map(
        tuple
    ),
    boxes=st.lists(st.builds(Box, wrapped, st.booleans()), max_size=2).map(tuple),
    roles=st.lists(st.tuples(st.just("engineer"), wrapped), max_size=2).map(tuple),
    zone=zones,
)
alarms = st.builds(
    AlarmFacts,
    severity=st.sampled_from([None, *Severity]),
    breached=st.lists(timed, min_size=1, max_size=2).map(tuple),
    step=st.sampled_from(["", "team"]),
    mentions=st.lists(wrapped, max_size=3).map(tuple),
    late=st.booleans(),
    reclassified=st.booleans(),
    zone=zones,
)


def as_read(shown: str, dialect: Dialect) -> str:
    """What a reader of the rendered text sees; no sign of the markup may be left unescaped."""
    if dialect == "markdown":
        assert not re.search(r"[\\`*_{}\[\]<>!|~@]|&(?!#\d+;)|(?<!&)#", shown), shown
        return html.unescape(re.sub("(&#64;|&#35;)&#8203;", r"\1", shown))
    entities = shown.replace("&#92;", "\uf8ff")
    assert not re.search(r"[*_{}\[\]#!|~^+?\\]", re.sub(r"\\.", "", entities)), shown
    return re.sub(r"\\(.)", r"\1", entities).replace("\uf8ff", "\\")


@pytest.mark.parametrize("dialect", ["markdown", "wiki"])
@given(facts=facts)
def test_hostile_words_come_out_as_words(dialect: Dialect, facts: StatusFacts) -> None:
    text = Texts().status(facts, dialect, START)
    given = [w.on for w in facts.why] + [r for f in facts.refused for r in (f.said, f.by, f.why)]
    given += [*facts.assignees, *facts.flags, *[w for q in facts.missing for w in (q.asks, *q.answers)]]
    given += [facts.confirmed_by] if facts.confirmed_by else []
    given += [*(box.text for box in facts.boxes), *(handle for _, handle in facts.roles)]
    shown = [as_read(found, dialect) for found in re.findall(r"⟦(.*?)⟧", text)]
    assert set(shown) <= {" ".join(f"⟦{word[1:-1]}⟧".split())[1:-1] for word in given}
    assert not facts.refused or " ".join(facts.refused[0].by.split())[1:-1] in shown
    assert "⟦" not in re.sub(r"⟦.*?⟧", "", text)


@pytest.mark.parametrize("dialect", ["markdown", "wiki"])
@given(facts=alarms)
def test_hostile_handles_call_nobody(dialect: Dialect, facts: AlarmFacts) -> None:
    """R70: who is called is a login or an account id, everything else is only words."""
    text = Texts().alarm(facts, dialect, START)
    shown = [as_read(found, dialect) for found in re.findall(r"⟦(.*?)⟧", text)]
    assert shown == [" ".join(handle.split())[1:-1] for handle in facts.mentions]
    assert not re.search(r"@|\[~", re.sub(r"⟦.*?⟧", "", text))
