"""GitHub deliveries: every payload file, what it comes to, and what is refused."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from mapping.issue import BoardRef, IssueRef
from webhooks import github
from webhooks.delivery import BadDelivery, Delivery, Ignored, Touch
from webhooks.payload import FORM, JSON

PAYLOADS = Path(__file__).parent / "payloads" / "github"
SECRET = "correct horse"
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def signed(body: bytes, event: str, kind: str = JSON) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": kind,
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": GUID,
        "X-Hub-Signature-256": f"sha256={digest}",
    }


def received(event: str, payload: Any) -> Delivery | Ignored:
    body = json.dumps(payload).encode()
    return github.receive("github", signed(body, event), body, [SECRET])


def refusal(body: bytes, headers: dict[str, str]) -> BadDelivery:
    with pytest.raises(BadDelivery) as caught:
        github.receive("github", headers, body, [SECRET])
    return caught.value


def touch(key: str, minute: int, second: int = 0, hour: int = 9) -> Touch:
    return Touch(IssueRef("github", key), datetime(2026, 11, 23, hour, minute, second, tzinfo=UTC))


def named(delivery: Delivery) -> tuple[Touch, ...]:
    """The touches by name and time alone; tests/test_freshness.py is about what they show."""
    return tuple(replace(touched, shows=()) for touched in delivery.touches)


SHOP = (touch("acme/shop#12", 0, 5),)
OLD, NEW = touch("acme/shop#12", 29, 58, hour=10), touch("acme/billing#4", 30, hour=10)

TOUCHED = {
    "issues.opened__issue_form": SHOP,
    "issues.opened__empty_body": SHOP,
    "issues.opened__deleted_user": SHOP,
    "issues.opened__by_transfer": (NEW, OLD),
    "issues.opened__by_transfer_from_unseen": (NEW,),
    "issues.transferred__to_another_repository": (OLD, NEW),
    "issues.deleted__closed": SHOP,
    "issues.pinned__no_labels_no_state": SHOP,
    "issues.unpinned__no_labels_no_state": SHOP,
    "issues.edited__empty_changes": SHOP,
    "issues.milestoned__issue": SHOP,
    "issues.labeled__user_repository": (touch("bob/dotfiles#12", 0, 5),),
    "issues.closed__offset_time": SHOP,
    "issues.typed__bug": SHOP,
    "issues.field_added__priority": SHOP,
    "issue_comment.created__command": (touch("acme/shop#12", 12),),
    "issue_comment.edited__by_robot": (touch("acme/shop#12", 13),),
    "issue_comment.deleted__deleted_user": (touch("acme/shop#12", 14),),
}
OF_THE_BOARD = ["projects_v2_item.edited__without_values"]
LEFT_ALONE = {
    "issues.milestoned__pull_request": ("issues.milestoned", "pull request"),
    "issues.demilestoned__pull_request": ("issues.demilestoned", "pull request"),
    "issue_comment.created__on_pull_request": ("issue_comment.created", "pull request"),
    "ping__repository": ("ping", "connected"),
    "ping__organization": ("ping", "connected"),
    "label.edited__renamed": ("label", "not about an issue"),
    "installation.created__no_repository": ("installation", "doctor"),
    "push__no_action": ("push", "repository"),
}
UNKNOWN = {
    "issues.beamed_up__unknown_action": "issues.beamed_up",
    "teleport.started__unknown_event": "teleport.started",
}


def stored(case: str) -> tuple[str, dict[str, Any]]:
    """The X-GitHub-Event and the payload of a file named `event[.action]__case`."""
    return case.partition("__")[0].partition(".")[0], json.loads((PAYLOADS / f"{case}.json").read_text())


def test_every_payload_file_is_in_a_table() -> None:
    assert sorted(path.stem for path in PAYLOADS.iterdir()) == sorted([*TOUCHED, *OF_THE_BOARD, *LEFT_ALONE, *UNKNOWN])


@pytest.mark.parametrize("case", TOUCHED)
def test_touches(case: str) -> None:
    found = received(*stored(case))
    assert isinstance(found, Delivery)
    assert (found.id, found.event, named(found)) == (GUID, case.partition("__")[0], TOUCHED[case])
    assert all(touch.floor and touch.floor.tzinfo is UTC for touch in found.touches)


@pytest.mark.parametrize("case", OF_THE_BOARD)
def test_a_card_touches_the_board(case: str) -> None:
    """R18: it names no issue, and nothing that it says is trusted."""
    assert received(*stored(case)) == Delivery(GUID, case.partition("__")[0], (Touch(BoardRef("github")),))


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_ignored_for_a_written_reason(case: str) -> None:
    found = received(*stored(case))
    event, why = LEFT_ALONE[case]
    assert isinstance(found, Ignored)
    assert (found.event, found.known, found.id) == (event, True, GUID)
    assert why in found.why


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_is_loud(case: str) -> None:
    found = received(*stored(case))
    assert isinstance(found, Ignored)
    assert (found.event, found.known) == (UNKNOWN[case], False)


def test_an_unknown_name_is_made_safe_to_show() -> None:
    found = received("<script>\u202e", {"action": "x" * 5000})
    assert isinstance(found, Ignored)
    assert found.event == "?script??." + "x" * 50


def test_no_event_is_both_touched_and_ignored() -> None:
    assert not {name.partition(".")[0] for name in github.TOUCHES} & set(github.IGNORED)
    assert all(github.IGNORED.values())


def test_form_encoded_body_is_signed_as_sent() -> None:
    event, payload = stored("issues.opened__issue_form")
    payload["issue"]["title"] = "Größe & 100 % + ünïcode 🚨"
    body = urlencode({"payload": json.dumps(payload, ensure_ascii=False)}).encode()
    found = github.receive("github", signed(body, event, FORM), body, [SECRET])
    assert isinstance(found, Delivery)
    assert named(found) == SHOP


def test_header_names_are_read_in_any_case() -> None:
    event, payload = stored("issues.opened__empty_body")
    body = json.dumps(payload).encode()
    for spelt in (str.lower, str.upper):
        headers = {spelt(name): value for name, value in signed(body, event, f"{JSON}; charset=utf-8").items()}
        assert isinstance(github.receive("github", headers, body, [SECRET]), Delivery)


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (b"", JSON, "not JSON"),
        (b"Hello, World!", JSON, "not JSON"),
        (b'{"action": "opened", "issue": {', JSON, "not JSON"),
        (b'{"action": "\xff"}', JSON, "not JSON"),
        (b'{"number": ' + b"9" * 5000 + b"}", JSON, "not JSON"),
        (b"[" * 200_000, JSON, "not JSON"),
        (b"[]", JSON, "not a JSON object"),
        (b"null", JSON, "not a JSON object"),
        (b'"issues"', JSON, "not a JSON object"),
        (b"payload=", FORM, "no field `payload`"),
        (b"hello=world", FORM, "no field `payload`"),
        (b"payload={}&payload={}", FORM, "no field `payload`"),
        (b"a=1&" * 50, FORM, "not readable"),
        (b"payload=\xff", FORM, "not readable"),
        (b"payload=%FF", FORM, "not JSON"),
        (b'{"action": "opened"}', FORM, "no field `payload`"),
    ],
)
def test_malformed_body_with_a_valid_signature(body: bytes, kind: str, why: str) -> None:
    refused = refusal(body, signed(body, "issues", kind))
    assert refused.status == 400
    assert why in str(refused)


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Content-Type", "text/plain", 415),
        ("Content-Type", "", 415),
        ("Content-Type", "multipart/form-data; boundary=x", 415),
        ("X-GitHub-Event", None, 400),
        ("X-GitHub-Event", " ", 400),
        ("X-GitHub-Delivery", None, 400),
        ("X-GitHub-Delivery", "two words", 400),
        ("X-GitHub-Delivery", "x" * 101, 400),
        ("X-GitHub-Delivery", "naïve", 400),
        ("X-Hub-Signature-256", None, 401),
        ("X-Hub-Signature-256", "sha256=" + "0" * 64, 401),
    ],
)
def test_headers_that_are_refused(header: str, value: str | None, status: int) -> None:
    body = json.dumps(stored("issues.opened__issue_form")[1]).encode()
    headers = {**signed(body, "issues"), header: value}
    assert refusal(body, {name: text for name, text in headers.items() if text is not None}).status == status


def test_the_signature_comes_before_the_payload_and_sha1_does_not_count() -> None:
    body = b"not JSON at all"
    headers = signed(body, "issues")
    headers["X-Hub-Signature"] = headers.pop("X-Hub-Signature-256")
    assert refusal(body, headers).status == 401


@pytest.mark.parametrize(
    ("case", "path", "value", "where"),
    [
        ("issues.opened__issue_form", ("issue",), None, "issue"),
        ("issues.opened__issue_form", ("issue", "number"), 0, "issue.number"),
        ("issues.opened__issue_form", ("issue", "number"), "twelve", "issue.number"),
        ("issues.opened__issue_form", ("issue", "number"), 10**40, "issue.number"),
        ("issues.opened__issue_form", ("issue", "updated_at"), None, "issue.updated_at"),
        ("issues.opened__issue_form", ("issue", "updated_at"), "2026-11-23T09:00:05", "issue.updated_at"),
        ("issues.opened__issue_form", ("issue", "updated_at"), "yesterday", "issue.updated_at"),
        ("issues.opened__issue_form", ("issue", "updated_at"), "0001-01-01T00:00:00+14:00", "issue.updated_at"),
        ("issues.opened__issue_form", ("repository",), [], "repository"),
        ("issues.opened__issue_form", ("repository", "full_name"), "shop", "repository.full_name"),
        ("issues.opened__issue_form", ("repository", "full_name"), "acme/shop\n", "repository.full_name"),
        ("issues.opened__issue_form", ("repository", "full_name"), "a/" + "b" * 300, "repository.full_name"),
        ("issues.opened__by_transfer", ("changes", "old_issue"), "gone", "changes.old_issue"),
        ("issues.transferred__to_another_repository", ("changes",), {}, "changes.new_issue"),
        ("issues.transferred__to_another_repository", ("changes", "new_repository"), 1, "changes.new_repository"),
    ],
)
def test_malformed_fields_are_named(case: str, path: tuple[str, ...], value: object, where: str) -> None:
    event, payload = stored(case)
    *way, last = path
    part = payload
    for step in way:
        part = part[step]
    part[last] = value
    with pytest.raises(BadDelivery) as caught:
        received(event, payload)
    assert caught.value.status == 400
    assert str(caught.value).startswith(f"the payload's {where} is missing or malformed: ")


ODD: tuple[Any, ...] = (None, True, -1, 10**30, 1e400, "", "x\ud800", "\u0000", [], [[]], {}, {"self": 1})


def spoilt(part: Any) -> Iterator[Any]:
    """The payload again and again, each time with one value replaced by an odd one, or left out."""
    yield from ODD
    if isinstance(part, dict):
        for name, value in part.items():
            yield {other: part[other] for other in part if other != name}
            yield from ({**part, name: odd} for odd in spoilt(value))


@pytest.mark.parametrize("case", ["issues.opened__by_transfer", "issue_comment.created__command", "ping__repository"])
def test_no_payload_is_answered_by_a_traceback(case: str) -> None:
    event, payload = stored(case)
    answers = set()
    for odd in spoilt(payload):
        try:
            answers.add(type(received(event, odd)).__name__)
        except BadDelivery as bad:
            assert bad.status == 400
            answers.add("refused")
    assert {"Ignored", "refused"} <= answers


@pytest.mark.parametrize("name", ["issues", "issue_comment"])
def test_each_documented_action_has_a_row(name: str) -> None:
    """Source: https://docs.github.com/en/webhooks/webhook-events-and-payloads, and the OpenAPI description."""
    documented = {
        "issues": "assigned closed deleted demilestoned edited field_added field_removed labeled locked milestoned "
        "opened pinned reopened transferred typed unassigned unlabeled unlocked unpinned untyped",
        "issue_comment": "created deleted edited pinned unpinned",
    }
    rows = {event.partition(".")[2] for event in github.TOUCHES if event.startswith(f"{name}.")}
    assert rows == set(documented[name].split())
