"""GitHub's limits as they come, in the middle of a request too; and how much is asked for at once."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.github import Shared
from adapters.github.limits import PACES, Budgets, reset_at, retry_at
from adapters.github.portion import GOES_WELL, Portion, TooSlow
from adapters.tracker import Budget, Outcome, RateLimited, Unreachable
from mapping.changes import AlarmFacts, Change, EditStatus, PostComment
from mapping.issue import Issue
from tests.adapter_github_answers import GitHub, Json, connection, issue, read_answer, ref, scripted, tracker
from tests.standins.github.client import Clock
from tests.standins.github.faults import Kind
from tests.standins.github.server import GitHubStandIn
from tests.test_adapter_github_apply import FACTS, FRESH, LABELS, STATUS, aliases, always, works
from tests.test_adapter_github_standin import SHOP, Connect, clock, connect, github, read

__all__ = ["clock", "connect", "github"]

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIMIT = {"type": "RATE_LIMITED", "message": "API rate limit exceeded for installation ID 1."}
TOO_QUICKLY = {"type": "UNPROCESSABLE", "message": "was submitted too quickly"}
TIMEOUT = {"message": "Something went wrong while executing your query. This may be the result of a timeout"}
NO_RESOURCES = {"type": "RESOURCE_LIMITS_EXCEEDED", "message": "Resource limits for this query exceeded."}
ALARM = PostComment("alarm-1", AlarmFacts(None, (), "team", (), False, False, "UTC"), {"alarms": 1}, (), "Late.")


# ---------------------------------------------------------------- what headers say


def in_seconds(seconds: int) -> str:
    return str(int(NOW.timestamp()) + seconds)


RETRIES: list[tuple[dict[str, str], float]] = [
    ({}, 60),
    ({"retry-after": "7"}, 7),
    ({"retry-after": "7", "x-ratelimit-remaining": "0", "x-ratelimit-reset": in_seconds(900)}, 7),
    ({"retry-after": "Mon, 23 Nov 2026 09:05:00 GMT"}, 300),
    ({"retry-after": "soon"}, 60),
    ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": in_seconds(900)}, 900),
    ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": in_seconds(-5)}, 1),
    ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "later"}, 60),
    ({"x-ratelimit-remaining": "12", "x-ratelimit-reset": in_seconds(900)}, 60),
    # GitHub's clock is five minutes before ours: what counts is how long it says
    (
        {
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": in_seconds(1200),
            "date": "Mon, 23 Nov 2026 09:05:00 GMT",
        },
        900,
    ),
]


@pytest.mark.parametrize(("headers", "seconds"), RETRIES)
def test_when_to_ask_again(headers: Mapping[str, str], seconds: float) -> None:
    assert retry_at(headers, NOW) == NOW + seconds * SECOND


SAID = {
    "x-ratelimit-resource": "graphql",
    "x-ratelimit-limit": "5000",
    "x-ratelimit-remaining": "4321",
    "x-ratelimit-reset": in_seconds(600),
}


@pytest.mark.parametrize(
    ("changed", "heard"),
    [
        ({}, True),
        ({"x-ratelimit-resource": "search"}, False),
        ({"x-ratelimit-limit": ""}, False),
        ({"x-ratelimit-remaining": "many"}, False),
        ({"x-ratelimit-reset": ""}, False),
        ({"date": "nonsense"}, True),
    ],
)
def test_what_is_left_is_heard(changed: Mapping[str, str], heard: bool) -> None:
    budgets = Budgets()
    budgets.heard({**SAID, **changed}, NOW)
    assert budgets.told == ((Budget("graphql", 5000, 4321, NOW + 600 * SECOND, NOW),) if heard else ())
    assert reset_at({}, NOW) is None


def test_rest_and_graphql_are_remembered_for_all_threads_of_a_connection(
    github: GitHubStandIn, connect: Connect
) -> None:
    number, shared = github.open_issue(SHOP, "carol", "Down"), Shared()
    first, second = connect(shared=shared), connect(shared=shared)
    read(first, number)
    told = {budget.of: budget for budget in second.budgets}
    assert sorted(told) == ["core", "graphql"]
    assert told["graphql"].left == github.quotas["graphql"].left
    assert told["core"].limit == 5000
    read(second, number)
    assert {budget.of: budget.left for budget in first.budgets}["graphql"] < told["graphql"].left


def test_a_little_less_is_created_than_github_takes() -> None:
    assert [(pace.most < 80, pace.within) for pace in PACES[:1]] == [(True, timedelta(minutes=1))]
    assert [(pace.most < 500, pace.within) for pace in PACES[1:]] == [(True, timedelta(hours=1))]
    assert tracker().paces == PACES


# ---------------------------------------------------------------- limits in the middle


def breaking(error: Json, at: int, with_path: bool = True, after: bool = True) -> Any:
    """Works up to a mutation; it and what comes after it is null, with an error there."""

    def answer(body: Json) -> Json:
        reply: Json = works(body)  # type: ignore[assignment]
        broken = [alias for alias, _, _ in aliases(body)][at : None if after else at + 1]
        reply["data"] |= dict.fromkeys(broken)
        paths = [{"path": [alias]} for alias in broken] if with_path else [{}]
        return reply | {"errors": [{**error, **path} for path in paths]}

    return answer


def applying(github: GitHub, plan: Sequence[Change], *answers: Any, issues: int = 2) -> list[Outcome]:
    github.people().will(read_answer(*map(issue, range(1, issues + 1))), *answers)
    ours = tracker()
    refs = [ref(number) for number in range(1, issues + 1)]
    ours.read(refs)
    outcomes = ours.apply(dict.fromkeys(refs, plan), always)
    return [outcomes[one] for one in refs]


@pytest.mark.parametrize("error", [LIMIT, TOO_QUICKLY])
@pytest.mark.parametrize("with_path", [True, False])
def test_what_was_done_before_a_limit_is_kept_and_nothing_is_sent_after_it(error: Json, with_path: bool) -> None:
    with scripted() as github:
        first, second = applying(github, FRESH, breaking(error, at=3, with_path=with_path))
        assert len(github.asked) == 2
    assert first.applied == (LABELS, STATUS)
    assert [change for change, _ in second.failed] == list(FRESH)
    for outcome in (first, second):
        assert isinstance(outcome.stopped, RateLimited)
        assert outcome.stopped.retry_at == NOW + 60 * SECOND
        assert outcome.again_at(NOW) == NOW + 60 * SECOND


def test_a_limit_at_a_later_request_stops_the_rest() -> None:
    wait = (403, {"retry-after": "30"}, {"message": "You have exceeded a secondary rate limit."})
    with scripted() as github:
        outcomes = applying(github, [LABELS], works, wait, issues=50)
        assert len(github.asked) == 3
    assert [len(outcome.applied) for outcome in outcomes] == [1] * 20 + [0] * 30
    assert all(outcome.stopped is not None for outcome in outcomes[20:])
    assert outcomes[0].stopped is None


def test_a_limit_in_the_middle_of_a_read_is_no_broken_issue() -> None:
    limited = {"errors": [{**LIMIT, "path": ["r0", "i8"]}]}
    with scripted() as github:
        github.will(read_answer(issue(7), None, numbers=[7, 8]) | limited)
        with pytest.raises(RateLimited):
            tracker().read([ref(7), ref(8)])


@pytest.mark.parametrize("error", [TOO_QUICKLY, {"type": "FORBIDDEN", "message": "locked"}])
def test_no_status_remembers_an_alarm_that_was_not_said(error: Json) -> None:
    edit = EditStatus(FACTS, {"alarms": 1}, "IC_1", (), "Now")
    with scripted() as github:
        (outcome,) = applying(github, [LABELS, ALARM, edit], breaking(error, at=1, after=False), issues=1)
    assert outcome.applied == (LABELS,)
    assert [change for change, _ in outcome.failed] == [ALARM, edit]


def test_the_status_that_remembers_an_alarm_is_written_right_after_it() -> None:
    edit = EditStatus(FACTS, {"alarms": 1}, "IC_1", (), "Now")
    with scripted() as github:
        (outcome,) = applying(github, [ALARM, edit], works, works, issues=1)
        assert [[name for _, name, _ in aliases(body)] for body in github.asked[1:]] == [
            ["addComment"],
            ["updateIssueComment"],
        ]
    assert outcome.applied == (ALARM, edit)


# ---------------------------------------------------------------- how much at once


def fits(most: int) -> Any:
    """A host that manages so much at once, and what it was asked for."""
    asked: list[int] = []

    def ask(size: int) -> int:
        asked.append(size)
        if size > most:
            raise TooSlow("slow")
        return size

    ask.asked = asked  # type: ignore[attr-defined]
    return ask


def test_a_portion_is_halved_remembered_and_grows_back_slowly() -> None:
    portion, ask = Portion(100), fits(30)
    assert [portion.tried(ask, 100) for _ in range(GOES_WELL)] == [25] * GOES_WELL
    assert ask.asked == [100, 50, *[25] * GOES_WELL]
    portion.tried(ask, 100)
    assert portion.size == 30
    for _ in range(GOES_WELL):
        portion.tried(ask, 100)
    ask.asked.clear()
    portion.tried(ask, 100)
    assert (ask.asked, portion.size) == ([36, 18], 18)


def test_a_portion_grows_back_to_the_whole_and_no_further() -> None:
    portion = Portion(20)
    portion.shrink(5)
    for _ in range(40 * GOES_WELL):
        portion.tried(fits(100), 100)
    assert portion.size == 20


def test_a_host_that_answers_nothing_says_nothing_about_size() -> None:
    portion, ask = Portion(100), fits(0)
    with pytest.raises(TooSlow):
        portion.tried(ask, 10)
    assert ask.asked == [10, 5, 2, 1]
    assert portion.size == 100


def test_less_than_a_portion_tells_nothing() -> None:
    portion = Portion(100)
    portion.shrink(50)
    for _ in range(10 * GOES_WELL):
        portion.tried(fits(100), 7)
    assert portion.size == 50


def _slow_beyond(most: int) -> Any:
    def answer(body: Json) -> Any:
        asked = [int(n) for n in re.findall(r"issue\(number: (\d+)\)", body["query"])]
        return (504, {}, "<html>") if len(asked) > most else read_answer(*map(issue, asked))

    return answer


def test_the_size_that_worked_is_where_the_next_read_begins_in_any_thread() -> None:
    refs, shared = [ref(n) for n in range(1, 11)], Shared()
    with scripted() as github:
        github.people().will(*[_slow_beyond(3)] * 11)
        for _ in range(2):
            assert all(isinstance(i, Issue) for i in tracker(shared=shared).read(refs).values())
        sizes = [len(re.findall(r"issue\(number:", query)) for query in github.queries]
    assert (sizes[:7], sizes[7:]) == ([10, 5, 2, 2, 2, 2, 2], [2, 3, 3, 2])


def _listed(most: int) -> Any:
    def answer(body: Json) -> Any:
        first, after = body["variables"]["first"], int(body["variables"]["after"] or 0)
        if first > most:
            return 502, {}, "<html>"
        rows = [{"number": n} for n in range(after + 1, min(after + first, 120) + 1)]
        following = str(after + first) if after + first < 120 else None
        return {"data": {"repository": {"issues": {"totalCount": 120, **connection(rows, following)}}}}

    return answer


def test_a_listing_is_halved_too_and_goes_on_where_it_was() -> None:
    with scripted() as github:
        github.will(*[_listed(60)] * 4)
        pages = list(tracker(project=None).pages(None, None))
        asked = [body["variables"]["first"] for body in github.asked]
    assert asked == [100, 50, 50, 50]
    assert [int(one.key.rpartition("#")[2]) for page in pages for one in page.refs] == list(range(1, 121))


@pytest.mark.parametrize(
    "answer", [(502, {}, "<html>"), (504, {}, ""), {"errors": [TIMEOUT]}, {"errors": [NO_RESOURCES]}]
)
def test_after_a_request_that_was_too_much_fewer_are_written_at_once(answer: Any) -> None:
    refs = [ref(number) for number in range(1, 21)]
    with scripted() as github:
        github.people().will(read_answer(*map(issue, range(1, 21))), answer, *[works] * 2)
        ours = tracker()
        ours.read(refs)
        with pytest.raises(Unreachable):
            ours.apply({one: [LABELS] for one in refs}, always)
        outcomes = ours.apply({one: [LABELS] for one in refs}, always)
        assert [len(aliases(body)) for body in github.asked[1:]] == [20, 10, 10]
    assert all(outcome.applied for outcome in outcomes.values())


@pytest.mark.parametrize("error", [TIMEOUT, NO_RESOURCES])
def test_of_a_request_that_ran_out_of_time_each_change_is_judged_alone(error: Json) -> None:
    with scripted() as github:
        outcomes = applying(github, [LABELS], breaking(error, at=3), issues=10)
        assert [len(outcome.applied) for outcome in outcomes] == [1] * 3 + [0] * 7
        assert not any(outcome.stopped for outcome in outcomes)


@pytest.mark.parametrize("error", [TIMEOUT, NO_RESOURCES])
def test_a_comment_that_ran_out_of_time_may_be_there(error: Json) -> None:
    with scripted() as github:
        *others, last = applying(github, [LABELS, STATUS], breaking(error, at=3))
    assert (last.applied, [change for change, _ in last.failed], last.stopped) == ((LABELS,), [STATUS], None)
    assert all(outcome.failed == () for outcome in others)


@pytest.mark.parametrize(
    "kind", [Kind.PARTIAL_BEFORE, Kind.PARTIAL_AFTER, Kind.BAD_GATEWAY_AFTER, Kind.BAD_GATEWAY_BEFORE]
)
def test_a_timeout_amid_mutations_ends_well(github: GitHubStandIn, connect: Connect, clock: Clock, kind: Kind) -> None:
    """Whatever of it was done: the next look says what is missing, and nothing is there twice."""
    numbers = [github.open_issue(SHOP, "carol", f"Down {n}") for n in range(6)]
    refs, ours = [ref(number) for number in numbers], connect()
    ours.read(refs)
    github.fault(lambda _method, _path, body: "mutation" in str(body), kind)
    for _ in range(3):
        found = {one: seen for one, seen in ours.read(refs).items() if isinstance(seen, Issue)}
        plans = {one: missing(seen) for one, seen in found.items()}
        wanted = {one: plan for one, plan in plans.items() if plan}
        try:
            ours.apply(wanted, always)
        except Unreachable:
            clock.pass_by(10)
    for number in numbers:
        seen = github.issue(SHOP, number)
        assert (set(seen.labels), seen.column) == ({"P0", "emergency"}, "Emergency Queue")
        assert len(seen.comments) == 1


def missing(seen: Issue) -> list[Change]:
    """What of a fresh issue's changes is not there yet."""
    labels = [LABELS] if LABELS.add - seen.labels else []
    column = [] if seen.card and seen.card.column else [FRESH[1]]
    return [*labels, *column, *([] if seen.comments else [STATUS])]
