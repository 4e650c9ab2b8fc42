import re
from collections.abc import Sequence
from typing import Any

import pytest
import requests

from adapters.github import marker
from adapters.tracker import AccessDenied, LeaseLost, Outcome, RateLimited, TrackerError, Unreachable
from mapping.changes import Change, DropComment, EditStatus, MoveTo, SetFields, SetLabels, StatusFacts
from mapping.issue import Column, IssueRef, Marker
from mapping.severity import Severity
from tests.adapter_github_answers import (
    API,
    NOW,
    OPTIONS,
    GitHub,
    Json,
    Reply,
    board,
    card,
    issue,
    read_answer,
    ref,
    scripted,
    tracker,
)

FACTS = StatusFacts(Severity.P0, None, (), (), (), "1 h", "4 h", (), (), False)
LABELS = SetLabels(frozenset({"P0", "emergency"}), frozenset(), ("R24",))
QUEUE = MoveTo(Column.EMERGENCY_QUEUE, ("R21",))
STATUS = EditStatus(FACTS, {"placed": "-->"}, None, ("R24",), "P0 Critical")
FRESH: tuple[Change, ...] = (LABELS, QUEUE, STATUS)
LATER = "2026-11-23T09:00:05Z"

PAYLOADS: dict[str, Json] = {
    "addLabelsToLabelable": {"labelable": {"updatedAt": "2026-11-23T09:00:01Z"}},
    "removeLabelsFromLabelable": {"labelable": {"updatedAt": "2026-11-23T09:00:02Z"}},
    "addProjectV2ItemById": {"item": {"id": "PVTI_new", "isArchived": False}},
    "updateProjectV2ItemFieldValue": {"projectV2Item": {"id": "PVTI_new"}},
    "addComment": {"commentEdge": {"node": {"id": "IC_new"}}, "subject": {"updatedAt": LATER}},
    "updateIssueComment": {"issueComment": {"issue": {"updatedAt": LATER}}},
    "deleteIssueComment": {"clientMutationId": None},
    "addReaction": {"clientMutationId": None},
    "createIssue": {
        "issue": {"number": 31, "createdAt": LATER, "repository": {"nameWithOwner": "acme/shop"}},
    },
}


def aliases(body: Json) -> list[tuple[str, str, Json]]:
    """Alias, mutation and input of everything a mutation request does, in its order."""
    found = re.findall(r"(o\d+): (\w+)\(input: \$(v\d+)\)", body["query"])
    return [(alias, name, body["variables"][variable]) for alias, name, variable in found]


def works(body: Json) -> Reply:
    return {"data": {alias: PAYLOADS[name] for alias, name, _ in aliases(body)}}


def failing(mutation: str, message: str, kind: str | None = None) -> Any:
    """All works but the first use of one mutation."""

    def answer(body: Json) -> Reply:
        reply: Json = works(body)  # type: ignore[assignment]
        alias = next(alias for alias, name, _ in aliases(body) if name == mutation)
        reply["data"][alias] = None
        error: Json = {"path": [alias], "message": message} | ({"type": kind} if kind else {})
        return reply | {"errors": [error]}

    return answer


def always() -> bool:
    return True


def applying(github: GitHub, changes: Sequence[Change], *answers: Any, raw: Json | None = None) -> Outcome:
    """Read issue 7, then make changes on it."""
    github.people().will(read_answer(raw or issue(7)), *answers)
    ours = tracker()
    ours.read([ref(7)])
    return ours.apply({ref(7): changes}, always)[ref(7)]


def test_a_fresh_issue_takes_two_requests_after_its_read() -> None:
    with scripted() as github:
        outcome = applying(github, FRESH, works, works)
        assert github.count == 4  # read, team, all changes, the new card's Status
    assert outcome.applied == FRESH
    assert outcome.failed == ()
    assert outcome.updated_at is not None
    assert outcome.updated_at.isoformat() == "2026-11-23T09:00:05+00:00"
    first, second = aliases(github.asked[1]), aliases(github.asked[2])
    body = marker.dump("P0 Critical", Marker("status", STATUS.digest, {"placed": "-->"}))
    assert [(name, given) for _, name, given in first] == [
        ("addLabelsToLabelable", {"labelableId": "I_7", "labelIds": ["LA_P0", "LA_emergency"]}),
        ("addProjectV2ItemById", {"projectId": "PVT_1", "contentId": "I_7"}),
        ("addComment", {"subjectId": "I_7", "body": body}),
    ]
    assert [(name, given) for _, name, given in second] == [
        (
            "updateProjectV2ItemFieldValue",
            {
                "projectId": "PVT_1",
                "itemId": "PVTI_new",
                "fieldId": "F_1",
                "value": {"singleSelectOptionId": "o-Emergency Queue"},
            },
        )
    ]


def test_a_card_that_is_there_takes_one_request_for_everything() -> None:
    raw = issue(
        7,
        projectItems={"nodes": [card("Backlog")]},
        labels={"nodes": [{"id": "LA_hidden", "name": "needs-triage"}, {"id": "LA_P1", "name": "P1"}]},
    )
    changes = (
        SetLabels(frozenset({"P0"}), frozenset({"needs-triage", "never-there"}), ()),
        QUEUE,
        EditStatus(FACTS, {}, "IC_1", (), "Now"),
        DropComment("IC_2", ()),
    )
    with scripted() as github:
        outcome = applying(github, changes, works, raw=raw)
    assert outcome.applied == changes
    assert [(name, given.get("labelIds") or given.get("id")) for _, name, given in aliases(github.asked[1])] == [
        ("removeLabelsFromLabelable", ["LA_hidden"]),
        ("addLabelsToLabelable", ["LA_P0"]),
        ("updateProjectV2ItemFieldValue", None),
        ("updateIssueComment", "IC_1"),
        ("deleteIssueComment", "IC_2"),
    ]


def test_a_batch_shares_its_requests_and_keeps_an_issue_together() -> None:
    numbers = list(range(1, 15))
    with scripted() as github:
        github.people().will(read_answer(*map(issue, numbers)), works, works, works, works)
        ours = tracker()
        ours.read([ref(n) for n in numbers])
        outcomes = ours.apply({ref(n): FRESH for n in numbers}, always)
    assert [outcome.applied for outcome in outcomes.values()] == [FRESH] * 14
    sizes = [len(aliases(body)) for body in github.asked[1:]]
    assert sizes == [18, 18, 6, 14]


def test_what_was_written_is_remembered() -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7)), works, works, works)
        ours = tracker()
        ours.read([ref(7)])
        ours.apply({ref(7): [QUEUE]}, always)
        ours.apply({ref(7): [MoveTo(Column.DONE, ())]}, always)
    assert [name for _, name, _ in aliases(github.asked[3])] == ["updateProjectV2ItemFieldValue"]


def test_an_issue_nobody_remembers_is_read_first_and_one_that_is_gone_fails() -> None:
    error = {"type": "NOT_FOUND", "path": ["r0", "i8"], "message": "Could not resolve to an Issue"}
    with scripted() as github:
        github.people().will(read_answer(issue(7), None, numbers=[7, 8]) | {"errors": [error]}, works)
        github.mock.get(f"{API}/repos/acme/shop/issues/8", json={"message": "Not Found"}, status=404)
        outcomes = tracker().apply({ref(7): [LABELS], ref(8): [LABELS]}, always)
    assert outcomes[ref(7)].applied == (LABELS,)
    assert outcomes[ref(8)].failed == ((LABELS, "no such issue, or no access to it"),)


PARTIAL = [
    ("addLabelsToLabelable", "NOT_FOUND", "Could not resolve to a node", LABELS),
    ("addProjectV2ItemById", "FORBIDDEN", "Resource not accessible by integration", QUEUE),
    ("addComment", "FORBIDDEN", "Unable to create comment because issue is locked", STATUS),
]


@pytest.mark.parametrize(("mutation", "kind", "says", "failed"), PARTIAL)
def test_one_failed_alias_fails_its_change_only(mutation: str, kind: str, says: str, failed: Change) -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7), issue(8)), failing(mutation, says, kind), works)
        ours = tracker()
        ours.read([ref(7), ref(8)])
        outcomes = ours.apply({ref(7): FRESH, ref(8): FRESH}, always)
    assert outcomes[ref(7)].failed == ((failed, says),)
    assert outcomes[ref(7)].applied == tuple(change for change in FRESH if change is not failed)
    assert outcomes[ref(8)].applied == FRESH


@pytest.mark.parametrize("change", [DropComment("IC_1", ()), SetLabels(frozenset(), frozenset({"P0"}), ())])
def test_what_should_go_may_be_gone(change: Change) -> None:
    name = "deleteIssueComment" if isinstance(change, DropComment) else "removeLabelsFromLabelable"
    raw = issue(7, labels={"nodes": [{"id": "LA_P0", "name": "P0"}]})
    with scripted() as github:
        outcome = applying(github, [change], failing(name, "Could not resolve to a node", "NOT_FOUND"), raw=raw)
    assert outcome.applied == (change,)


def test_a_deleted_status_comment_fails_and_is_not_created_here() -> None:
    change = EditStatus(FACTS, {}, "IC_1", (), "Now")
    with scripted() as github:
        outcome = applying(github, [change], failing("updateIssueComment", "Could not resolve", "NOT_FOUND"))
    assert outcome.failed == ((change, "Could not resolve"),)


@pytest.mark.broken_answers
@pytest.mark.parametrize(
    "answer",
    [
        requests.ReadTimeout("silence"),
        requests.ConnectionError("reset"),
        (502, {}, "<html>"),
        (200, {}, "cut {"),
    ],
)
def test_a_lost_answer_is_raised_and_nothing_is_sent_again(answer: Any) -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7)), answer)
        ours = tracker()
        ours.read([ref(7)])
        with pytest.raises(Unreachable):
            ours.apply({ref(7): FRESH}, always)
        assert len(github.asked) == 2


LIMIT: Any = (403, {"retry-after": "30"}, {"message": "You have exceeded a secondary rate limit."})
NO: Any = (403, {}, {"message": "Resource not accessible"})


@pytest.mark.broken_answers
@pytest.mark.parametrize(("answer", "error"), [(LIMIT, RateLimited), (NO, AccessDenied)])
def test_a_refusal_is_raised_when_nothing_was_done_yet_and_fails_the_rest_later(
    answer: Any, error: type[TrackerError]
) -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7)), answer, works, answer)
        ours = tracker()
        ours.read([ref(7)])
        with pytest.raises(error):
            ours.apply({ref(7): FRESH}, always)
        outcome = ours.apply({ref(7): FRESH}, always)[ref(7)]
    assert outcome.applied == (LABELS, STATUS)
    assert [change for change, _ in outcome.failed] == [QUEUE]


def stale(body: Json) -> Reply:
    return failing("updateProjectV2ItemFieldValue", "The single select option Id does not belong to the field")(body)  # type: ignore[no-any-return]


def renewed(options: Sequence[str], prefix: str = "n") -> Json:
    seen = board(options)
    for option in seen["projectV2"]["field"]["options"]:
        option["id"] = f"{prefix}-{option['name']}"
    return {"data": {"board": seen}}


def test_an_outdated_option_is_looked_up_and_sent_once_more() -> None:
    with scripted() as github:
        outcome = applying(github, FRESH, works, stale, renewed(OPTIONS), works)
    assert outcome.applied == FRESH
    assert aliases(github.asked[-1])[0][2]["value"] == {"singleSelectOptionId": "n-Emergency Queue"}


def test_an_outdated_option_is_not_sent_forever() -> None:
    with scripted() as github:
        outcome = applying(github, FRESH, works, stale, renewed(OPTIONS), stale)
    assert outcome.failed == ((QUEUE, "does not belong to the field"),)


def test_an_option_that_is_gone_fails_with_the_way_out() -> None:
    with scripted() as github:
        outcome = applying(github, FRESH, works, stale, renewed(OPTIONS[:4]))
    ((change, why),) = outcome.failed
    assert change is QUEUE
    assert "integrator init" in why


def test_a_missing_label_is_created_with_its_colour() -> None:
    change = SetLabels(frozenset({"P0", "emergency", "unheard-of"}), frozenset(), ())
    answer = read_answer(issue(7))
    answer["data"]["r0"]["labels"]["nodes"] = [{"id": "LA_P0", "name": "P0"}]
    with scripted() as github:
        github.mock.get(f"{API}/repos/acme/shop/labels", json=[rest_label("P0"), rest_label("Emergency")])
        created = github.mock.post(f"{API}/repos/acme/shop/labels", json=rest_label("unheard-of"), status=201)
        github.people().will(answer, works, works)
        ours = tracker()
        ours.read([ref(7)])
        assert ours.apply({ref(7): [change]}, always)[ref(7)].applied == (change,)
        assert ours.apply({ref(7): [change]}, always)[ref(7)].applied == (change,)
        assert created.call_count == 1
        assert '"ededed"' in created.calls[0].request.body
    assert aliases(github.asked[-1])[0][2]["labelIds"] == ["LA_P0", "LA_Emergency", "LA_unheard-of"]


@pytest.mark.broken_answers
def test_a_label_that_may_not_be_created_fails_and_the_others_are_set() -> None:
    change = SetLabels(frozenset({"P0", "unheard-of"}), frozenset(), ())
    with scripted() as github:
        github.mock.get(f"{API}/repos/acme/shop/labels", json=[rest_label("P0")])
        github.mock.post(f"{API}/repos/acme/shop/labels", json={"message": "no"}, status=403)
        outcome = applying(github, [change], works)
    assert outcome.failed == ((change, "the repository has no label unheard-of; run integrator init"),)
    assert aliases(github.asked[-1])[0][2]["labelIds"] == ["LA_P0"]


def rest_label(name: str) -> Json:
    return {
        "id": 1,
        "node_id": f"LA_{name}",
        "url": f"https://api.github.com/repos/acme/shop/labels/{name}",
        "name": name,
        "color": "b60205",
        "description": None,
        "default": False,
    }


def test_a_field_that_the_project_lacks_fails_with_the_way_out() -> None:
    fields = SetFields({"OKR impact": "none"}, ())
    with scripted() as github:
        outcome = applying(github, [fields, LABELS], works)
    assert outcome.failed == ((fields, 'the project has no field "OKR impact"; run integrator init'),)
    assert outcome.applied == (LABELS,)


def test_without_a_project_nothing_moves() -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7)), works)
        ours = tracker(project=None)
        ours.read([ref(7)])
        outcome = ours.apply({ref(7): FRESH}, always)[ref(7)]
    assert outcome.failed == ((QUEUE, "no project is connected"),)
    assert outcome.applied == (LABELS, STATUS)


def test_nothing_to_do_asks_nothing() -> None:
    with scripted() as github:
        assert tracker().apply({}, always) == {}
        assert github.count == 0


def test_equal_changes_of_different_issues_are_judged_apart() -> None:
    work: dict[IssueRef, list[Change]] = {ref(7): [LABELS], ref(8): [LABELS]}
    with scripted() as github:
        github.people().will(read_answer(issue(7), issue(8)), failing("addLabelsToLabelable", "no", "FORBIDDEN"))
        ours = tracker(clock=lambda: NOW)
        ours.read(list(work))
        outcomes = ours.apply(work, always)
    assert (outcomes[ref(7)].applied, outcomes[ref(8)].applied) == ((), (LABELS,))


def test_no_write_begins_when_the_lease_has_no_time_left() -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7)))
        ours = tracker()
        ours.read([ref(7)])
        with pytest.raises(LeaseLost):
            ours.apply({ref(7): FRESH}, lambda: False)
        assert len(github.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        failing("addComment", "Something went wrong while executing your query."),
        failing("addComment", "Timeout", "SERVICE_UNAVAILABLE"),
    ],
)
def test_a_comment_that_github_fails_on_is_that_issues_trouble_and_not_sent_again(answer: Any) -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7)), answer, works)
        ours = tracker()
        ours.read([ref(7)])
        outcome = ours.apply({ref(7): FRESH}, always)[ref(7)]
        assert len(github.asked) == 3
    assert (outcome.applied, outcome.stopped) == ((LABELS, QUEUE), None)
    assert [change for change, _ in outcome.failed] == [STATUS]


@pytest.mark.broken_answers
@pytest.mark.parametrize("answer", [None, (502, {}, "<html>"), requests.ConnectionError("reset")])
def test_what_was_written_before_the_end_of_the_lease_or_a_lost_answer_is_told(answer: Any) -> None:
    with scripted() as github:
        github.people().will(read_answer(issue(7)), works, *([answer] if answer else []))
        ours, leave = tracker(), [True, answer is not None]
        ours.read([ref(7)])
        outcome = ours.apply({ref(7): FRESH}, lambda: leave.pop(0))[ref(7)]
        assert len(github.asked) == (3 if answer else 2)
    in_the_first = [change for change in FRESH if not isinstance(change, MoveTo | SetFields)]
    assert list(outcome.applied) == in_the_first
    assert [change for change, _ in outcome.failed] == [change for change in FRESH if change not in in_the_first]
    assert outcome.is_interrupted is (answer is None)
    assert isinstance(outcome.stopped, LeaseLost if answer is None else Unreachable)


@pytest.mark.broken_answers
def test_no_label_is_created_when_the_lease_has_no_time_left() -> None:
    change = SetLabels(frozenset({"unheard-of"}), frozenset(), ())
    with scripted() as github:
        github.mock.get(f"{API}/repos/acme/shop/labels", json=[])
        github.people().will(read_answer(issue(7)))
        ours = tracker()
        ours.read([ref(7)])
        with pytest.raises(LeaseLost):
            ours.apply({ref(7): [change]}, lambda: False)
