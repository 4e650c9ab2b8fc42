"""What doctor and init say when GitHub answers in ways the stand-in never does."""

from typing import Any

import pytest

from adapters.github.hooks import Hook
from adapters.tracker import Finding, Health, Step, Unreachable
from tests.adapter_github_answers import API, OPTIONS, GitHub, Json, Reply, board, connection, scripted, tracker

WHEN = "2026-11-23T08:25:00Z"
CARD: Json = {"id": "PVTI_1", "fieldValueByName": {"name": "Review", "updatedAt": WHEN}, "content": None}
BARE: Json = {"id": "PVTI_2", "fieldValueByName": None, "content": None}


def items(*cards: Json, cursor: str | None = None) -> Json:
    return {"data": {"node": {"items": connection(cards, cursor)}}}


def updated(**changed: str) -> Json:
    given = [{"id": changed.get(name.split()[0], f"o-{name}"), "name": name} for name in OPTIONS]
    return {"data": {"updateProjectV2Field": {"projectV2Field": {"id": "F_1", "options": given}}}}


def option_step(*answers: Any) -> tuple[Step, GitHub]:
    with scripted() as github:
        github.mock.get(f"{API}/repos/acme/shop/labels", json=[])
        github.will({"data": {"board": board(OPTIONS[:4])}}, *answers)
        (step,) = tracker(labels=[]).prepare(dry_run=False)
        return step, github


def test_all_options_are_sent_with_their_ids_and_all_cards_are_looked_at() -> None:
    first, last = items(CARD, cursor="c1"), items(BARE)
    step, github = option_step(first, last, updated(), first, last)
    assert (step.state, step.how) == ("done", "1 cards kept their Status")
    kept = [{"id": f"o-{name}", "name": name, "color": "GRAY", "description": ""} for name in OPTIONS[:4]]
    new = {"name": "Emergency Queue", "color": "RED", "description": ""}
    assert github.asked[3]["variables"] == {"input": {"fieldId": "F_1", "singleSelectOptions": [*kept, new]}}
    assert [body["variables"].get("after") for body in github.asked] == [None, None, "c1", None, None, "c1"]


def test_a_card_that_lost_its_status_is_named_with_it() -> None:
    step, _ = option_step(items(CARD), updated(), items(CARD | {"fieldValueByName": None}))
    assert step.state == "failed"
    assert "PVTI_1: Review" in step.how


def test_an_option_with_another_id_is_no_success() -> None:
    step, _ = option_step(items(), updated(Review="o-new"), items())
    assert step.state == "failed"
    assert "Review" in step.how


def test_a_refused_change_of_options_is_a_failed_step() -> None:
    error = {"type": "FORBIDDEN", "path": ["updateProjectV2Field"], "message": "Resource not accessible"}
    step, _ = option_step(items(CARD), {"data": {"updateProjectV2Field": None}, "errors": [error]})
    assert (step.state, "Resource not accessible" in step.how) == ("failed", True)


HOOK = {
    "active": True,
    "events": ["issues", "issue_comment"],
    "config": {"url": "https://x/webhooks/github", "secret": "********", "content_type": "json", "insecure_ssl": "0"},
}


def hook(config: Json | None = None, **changes: Any) -> Json:
    return {**HOOK, **changes, "config": HOOK["config"] | (config or {})}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (hook(), None),
        (hook(events=["*"]), None),
        (hook({"content_type": "form"}), None),
        (hook(active=False), "switched off"),
        (hook({"secret": ""}), "no secret"),
        (hook({"insecure_ssl": "1"}), "certificate"),
        (hook({"insecure_ssl": 1}), "certificate"),
        (hook(events=["issues", "push"]), "doesn't send issue_comment"),
        (hook({"content_type": None}), "content type"),
    ],
)
def test_what_is_wrong_with_a_webhook(raw: Json, fault: str | None) -> None:
    found = list(Hook.of(raw).faults())
    assert [fault in said for said in found if fault] == ([True] if fault else [])
    assert bool(found) is bool(fault)


def viewer(_: Json) -> Reply:
    return {"data": {"viewer": {"login": "spark-bot"}}}


@pytest.mark.broken_answers
def test_every_refusal_is_a_finding_and_the_rest_is_still_looked_at() -> None:
    refused = {"message": "Resource not accessible by personal access token"}
    with scripted() as github:
        for path in ("collaborators", "labels", "hooks", "contents/.github/ISSUE_TEMPLATE/emergency.yml"):
            github.mock.get(f"{API}/repos/acme/shop/{path}", json=refused, status=403)
        nothing: Json = {"data": {"viewer": {"login": "spark-bot"}, "repository": None}}
        github.will(viewer, nothing, (403, {}, refused), {"data": {"board": {"projectV2": None}}})
        found = list(tracker().doctor())
    assert [(f.about, f.health) for f in found] == [
        ("credentials", Health.WARNING),
        ("repository acme/shop", Health.FAULT),
        ("people of acme/shop", Health.FAULT),
        ("account in acme/shop", Health.FAULT),
        ("labels of acme/shop", Health.FAULT),
        ("issue form of acme/shop", Health.WARNING),
        ("webhook of acme/shop", Health.WARNING),
        ("project acme/1", Health.FAULT),
    ]
    assert all(f.mend for f in found)


REPOSITORY = {"nameWithOwner": "acme/shop", "viewerPermission": "WRITE", "isArchived": False, "hasIssuesEnabled": True}


@pytest.mark.broken_answers
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "can be read and written"),
        ({"viewerPermission": "READ"}, "may only read"),
        ({"viewerPermission": None}, "may only read"),
        ({"isArchived": True}, "archived"),
        ({"hasIssuesEnabled": False}, "switched off"),
    ],
)
def test_a_repository_has_to_be_writable(changes: Json, says: str) -> None:
    answer = {"data": {"viewer": {"login": "spark-bot"}, "repository": REPOSITORY | changes}}
    with scripted() as github:
        github.will(viewer, answer)
        looking = tracker(project=None).doctor()
        next(looking)
        finding: Finding = next(looking)
    assert says in finding.says
    assert finding.health is (Health.OK if not changes else Health.FAULT)


@pytest.mark.broken_answers
def test_what_may_not_be_created_is_left_to_a_person() -> None:
    no = {"message": "Resource not accessible by personal access token"}
    with scripted() as github:
        for path in ("labels", "hooks"):
            github.mock.get(f"{API}/repos/acme/shop/{path}", json=[])
            github.mock.post(f"{API}/repos/acme/shop/{path}", json=no, status=403)
        form = f"{API}/repos/acme/shop/contents/.github/ISSUE_TEMPLATE/emergency.yml"
        github.mock.get(form, json={"message": "Not Found"}, status=404)
        github.mock.put(form, json={"message": "Repository rule violations found"}, status=409)
        hook = ("https://x/webhooks/github", "hunter2")
        steps = list(tracker(project=None, form="name: x", webhook=hook).prepare(dry_run=False))
    assert [step.state for step in steps] == ["failed", "by hand", "by hand"]
    assert "name: x" in steps[1].how
    assert "https://x/webhooks/github" in steps[2].how
    assert "hunter2" not in "".join(step.how + step.what for step in steps)


@pytest.mark.broken_answers
def test_a_webhook_that_sends_too_little_is_left_to_a_person() -> None:
    with scripted() as github:
        github.mock.get(f"{API}/repos/acme/shop/hooks", json=[hook(events=["issues"])])
        ours = tracker(project=None, labels=[], webhook=("https://x/webhooks/github", "s"))
        github.mock.get(f"{API}/repos/acme/shop/labels", json=[])
        (step,) = ours.prepare(dry_run=False)
    assert (step.state, step.how) == ("by hand", "Let the webhook that is there send issue_comment too.")


def test_an_unreachable_github_is_raised() -> None:
    with scripted() as github:
        github.will((503, {}, {}))
        with pytest.raises(Unreachable):
            list(tracker().doctor())
