"""Jira deliveries, Cloud and Data Center: every payload file, what it comes to, and what is refused."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mapping.issue import BoardRef, IssueRef
from webhooks import jira
from webhooks.delivery import BadDelivery, Delivery, Ignored, Touch

PAYLOADS = Path(__file__).parent / "payloads" / "jira"
SECRET = "correct horse"
IDENTIFIER = "f3d1c5a0-5b3e-4a4f-9f57-0c2b6f3a9d11"
CLOUD, DATA_CENTER = "acme.atlassian.net", "jira.acme.example"


def signed(body: bytes, **more: str) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json; charset=UTF-8", "x-hub-signature": f"sha256={digest}", **more}


def received(payload: Any, identifier: str = IDENTIFIER) -> Delivery | Ignored:
    body = json.dumps(payload).encode()
    return jira.receive("jira", signed(body, **{"x-atlassian-webhook-identifier": identifier}), body, [SECRET])


def stored(case: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((PAYLOADS / f"{case}.json").read_text())
    return payload


def touch(key: str, minute: int, second: float = 0, hour: int = 9) -> Touch:
    at = datetime(2026, 11, 23, hour, minute, tzinfo=UTC) + timedelta(seconds=second)
    return Touch(IssueRef("jira", key), at)


OPS = (touch("OPS-7", 0, 5.037),)
BOARD = Touch(BoardRef("jira"))

TOUCHED = {
    "issue_created__cloud_with_changelog": OPS,
    "issue_updated__transition": (*OPS, BOARD),
    "issue_updated__labels": OPS,
    "issue_updated__empty_changelog": OPS,
    "issue_updated__bulk": OPS,
    "issue_updated__sprint_as_text": OPS,
    "issue_updated__data_center_old_server": (*OPS, BOARD),
    "issue_updated__data_center_commented": (touch("OPS-7", 12),),
    "issue_updated__moved": (touch("PAY-3", 30, hour=10), touch("OPS-7", 30, hour=10)),
    "issue_updated__custom_field_named_key": OPS,
    "issue_deleted__cloud": OPS,
    "comment_created__cloud_six_fields": (touch("OPS-7", 12),),
    "comment_updated__cloud_six_fields": (touch("OPS-7", 20, 0.5),),
    "comment_deleted__cloud_six_fields": (touch("OPS-7", 12),),
    "comment_created__data_center_without_issue": (touch("10007", 12),),
    "comment_updated__data_center_full": (touch("OPS-7", 12, 0.25),),
}
LEFT_ALONE = {
    "user_deleted__anomalous": "people",
    "user_created__named": "people",
    "board_configuration_changed__constraint": "names no issue",
    "sprint_updated__with_old_value": "sprint",
    "issue_property_set__our_own_memory": "memory",
    "issuelink_created__relates": "related",
    "worklog_created__an_hour": "time spent",
}
UNKNOWN = {"teleport_started__unknown_event": "teleport_started"}


def test_every_payload_file_is_in_a_table() -> None:
    assert sorted(path.stem for path in PAYLOADS.iterdir()) == sorted([*TOUCHED, *LEFT_ALONE, *UNKNOWN])


@pytest.mark.parametrize("case", TOUCHED)
def test_touches(case: str) -> None:
    found = received(stored(case))
    event = case.partition("__")[0]
    site = DATA_CENTER if "data_center" in case else CLOUD
    name = f"jira:{event}" if event.startswith("issue") else event
    assert found == Delivery(f"{site}:{IDENTIFIER}", name, TOUCHED[case])
    assert all(touch.floor and touch.floor.tzinfo is UTC for touch in found.touches if touch != BOARD)


@pytest.mark.parametrize("case", LEFT_ALONE)
def test_ignored_for_a_written_reason(case: str) -> None:
    found = received(stored(case))
    assert isinstance(found, Ignored)
    assert (found.event, found.known) == (case.partition("__")[0], True)
    assert LEFT_ALONE[case] in found.why


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_is_loud(case: str) -> None:
    found = received(stored(case))
    assert isinstance(found, Ignored)
    assert (found.event, found.known) == (UNKNOWN[case], False)


def test_no_event_is_both_touched_and_ignored() -> None:
    assert not set(jira.TOUCHES) & set(jira.IGNORED)


def test_sent_again_it_has_the_same_id_whatever_else_the_headers_say() -> None:
    body = json.dumps(stored("issue_updated__transition")).encode()
    first = signed(body, **{"X-Atlassian-Webhook-Identifier": IDENTIFIER, "X-Atlassian-Webhook-Flow": "Primary"})
    again = {**first, "X-Atlassian-Webhook-Retry": "1", "X-Atlassian-Webhook-Flow": "Secondary"}
    ids = {getattr(jira.receive("jira", headers, body, [SECRET]), "id", None) for headers in (first, again)}
    assert ids == {f"{CLOUD}:{IDENTIFIER}"}


def without(payload: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name not in names}


@pytest.mark.parametrize("identifier", ["", "two words", "naïve", "x" * 101])
def test_without_an_identifier_the_body_is_its_own_id(identifier: str) -> None:
    payload = stored("issue_updated__data_center_old_server")
    found = received(payload, identifier)
    assert isinstance(found, Delivery)
    assert found.id == hashlib.sha256(json.dumps(payload).encode()).hexdigest()


def test_an_identifier_is_only_unique_on_its_site() -> None:
    payload = stored("issue_updated__transition")
    payload["issue"]["self"] = "https://Other.atlassian.net/rest/api/2/issue/10007"
    found = received(payload)
    assert isinstance(found, Delivery)
    assert found.id == f"other.atlassian.net:{IDENTIFIER}"
    del payload["issue"]["self"], payload["user"]["self"]
    found = received(payload)
    assert isinstance(found, Delivery)
    assert len(found.id) == 64


def test_a_comment_without_updated_time_has_no_floor_to_stand_on() -> None:
    payload = stored("comment_created__cloud_six_fields")
    payload["comment"] = without(payload["comment"], "created", "updated")
    found = received(payload)
    assert isinstance(found, Delivery)
    assert found.touches == (Touch(IssueRef("jira", "OPS-7"), None),)


def test_an_issue_without_a_key_is_named_by_its_id() -> None:
    payload = stored("issue_updated__transition")
    payload["issue"] = without(payload["issue"], "key") | {"id": 10007}
    found = received(payload)
    assert isinstance(found, Delivery)
    assert found.touches == (touch("10007", 0, 5.037), BOARD)


@pytest.mark.parametrize(
    ("case", "path", "value", "says"),
    [
        ("issue_updated__transition", ("webhookEvent",), None, "the payload's webhookEvent is missing"),
        ("issue_updated__transition", ("webhookEvent",), 7, "the payload's webhookEvent is missing"),
        ("issue_updated__transition", ("issue",), None, "the payload's issue is missing or malformed"),
        ("issue_updated__transition", ("issue",), {}, "the payload's issue has neither key nor id"),
        ("issue_updated__transition", ("issue", "key"), "ops 7", "the payload's issue.key is missing or malformed"),
        ("issue_updated__transition", ("issue", "key"), "OPS-7\n", "the payload's issue.key is missing or malformed"),
        ("issue_updated__transition", ("issue", "id"), "0", "the payload's issue.id is missing or malformed"),
        ("issue_updated__transition", ("issue", "fields", "updated"), "soon", "the payload's issue.fields.updated is"),
        ("issue_updated__transition", ("changelog", "items"), {}, "the payload's changelog.items is missing"),
        ("comment_created__data_center_without_issue", ("comment",), None, "the payload's comment is missing"),
        ("comment_created__data_center_without_issue", ("comment", "self"), "", "the payload names no issue"),
        ("comment_created__cloud_six_fields", ("comment", "updated"), "soon", "the payload's comment.updated is"),
    ],
)
def test_malformed_fields_are_named(case: str, path: tuple[str, ...], value: object, says: str) -> None:
    payload = stored(case)
    *way, last = path
    part = payload
    for step in way:
        part = part[step]
    part[last] = value
    with pytest.raises(BadDelivery) as caught:
        received(payload)
    assert caught.value.status == 400
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": ""}, 415),
        ({"x-hub-signature": ""}, 401),
        ({"x-hub-signature": "sha1=" + "0" * 40}, 401),
        ({"x-hub-signature": "sha512=" + "0" * 128}, 401),
    ],
)
def test_headers_that_are_refused(headers: dict[str, str], status: int) -> None:
    body = json.dumps(stored("issue_updated__transition")).encode()
    with pytest.raises(BadDelivery) as caught:
        jira.receive("jira", signed(body) | headers, body, [SECRET])
    assert caught.value.status == status


def test_githubs_header_is_not_jiras() -> None:
    body = json.dumps(stored("issue_updated__transition")).encode()
    headers = signed(body)
    headers["x-hub-signature-256"] = headers.pop("x-hub-signature")
    with pytest.raises(BadDelivery) as caught:
        jira.receive("jira", headers, body, [SECRET])
    assert caught.value.status == 401


ODD: tuple[Any, ...] = (None, True, -1, 10**30, 1e400, "", "x\ud800", "\u0000", [], [[]], {}, {"self": 1})


def spoilt(part: Any) -> Iterator[Any]:
    """The payload again and again, each time with one value replaced by an odd one, or left out."""
    yield from ODD
    if isinstance(part, dict):
        for name, value in part.items():
            yield {other: part[other] for other in part if other != name}
            yield from ({**part, name: odd} for odd in spoilt(value))
    if isinstance(part, list):
        yield from ([odd] for value in part for odd in spoilt(value))


@pytest.mark.parametrize("case", ["issue_updated__moved", "comment_created__data_center_without_issue"])
def test_no_payload_is_answered_by_a_traceback(case: str) -> None:
    answers = set()
    for odd in spoilt(stored(case)):
        try:
            answers.add(type(received(odd)).__name__)
        except BadDelivery as bad:
            assert bad.status == 400
            answers.add("refused")
    assert answers == {"Delivery", "Ignored", "refused"}
