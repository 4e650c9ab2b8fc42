"""The webhook deliveries of the stand-in, as the platform really sends them, and their posting."""

import hashlib
import hmac
import http.client
import json
import queue
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tests.standins.jira.acts import Event
from tests.standins.jira.state import millis
from tests.standins.jira.wire import Json, Wire

RETRIED = frozenset({0, 408, 409, 425, 429})
SLIM = frozenset({"summary", "issuetype", "project", "assignee", "priority", "status"})


def bodies(event: Event, wire: Wire, comment_names_issue: bool) -> list[Json]:
    """What is sent for one event: one delivery on Cloud, two for a comment on Data Center."""
    if event.link is not None:
        return [_link_body(event)]
    if event.comment is None:
        return [_issue_body(event, wire)]
    if wire.cloud:
        slim = {"id": str(event.record.id), "self": wire.head(event.record)["self"], "key": event.record.key}
        slim["fields"] = wire.fields(event.record, lambda name: name in SLIM, 0)
        return [_comment_body(event, wire) | {"issue": slim, "eventType": "primaryAction"}]
    bare = _comment_body(event, wire)
    if comment_names_issue:
        bare |= {"issue": _whole(event, wire)}
    doubled = _issue_body(event, wire) | {"webhookEvent": "jira:issue_updated", "comment": bare["comment"]}
    return [bare, doubled]


def _issue_body(event: Event, wire: Wire) -> Json:
    body: Json = {"timestamp": millis(event.at), "webhookEvent": event.name}
    if event.name != "jira:issue_deleted":
        body["issue_event_type_name"] = event.type_name
    body |= {"user": wire.user(event.by), "issue": _whole(event, wire)}
    if event.items and (wire.cloud or event.name == "jira:issue_updated"):
        history = event.record.histories[-1].id if event.record.histories else str(event.record.id)
        body["changelog"] = {"id": history, "items": [wire.item(item) for item in event.items]}
    return body


def _link_body(event: Event) -> Json:
    """The issues are named by their numeric ids only, and nobody is named who did it."""
    assert event.link is not None
    kind = event.link.type
    about = {"id": int(kind.id), "name": kind.name, "outwardName": kind.outward, "inwardName": kind.inward}
    link: Json = {"id": int(event.link.id), "sourceIssueId": event.record.id, "destinationIssueId": event.link.other}
    link |= {"issueLinkType": {**about, "isSubTaskLinkType": False, "isSystemLinkType": False}, "systemLink": False}
    return {"timestamp": millis(event.at), "webhookEvent": event.name, "issueLink": link}


def _comment_body(event: Event, wire: Wire) -> Json:
    """No `user` here: whoever did it is the comment's author or updateAuthor."""
    assert event.comment is not None
    comment = wire.comment(event.record, event.comment)
    return {"timestamp": millis(event.at), "webhookEvent": event.name, "comment": comment}


def _whole(event: Event, wire: Wire) -> Json:
    head = {name: value for name, value in wire.head(event.record).items() if name != "expand"}
    return head | {"fields": wire.fields(event.record, lambda name: not wire.cloud or name != "comment", 0)}


@dataclass(slots=True)
class Delivery:
    """A delivery: `id` is the platform's identifier, `attempts` are the answers it got (0: no answer)."""

    id: str
    event: str
    key: str
    at: datetime
    body: bytes
    cloud: bool
    attempts: list[int] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def headers(self, secret: str | None, attempt: int = 0) -> dict[str, str]:
        """The headers of one attempt. Only Cloud names the delivery, so Data Center's are told apart by body."""
        said = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Atlassian HttpClient"}
        if self.cloud:
            said |= {"X-Atlassian-Webhook-Identifier": self.id, "X-Atlassian-Webhook-Flow": "Primary"}
            said |= {"X-Atlassian-Webhook-Retry": str(attempt)} if attempt else {}
        if secret is not None:
            digest = hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
            said["X-Hub-Signature"] = f"sha256={digest}"
        return said


class Postman:
    """Queues deliveries and, once connected, posts them in their order from a thread of its own.

    `retries` and `pause` (seconds; Jira itself waits 5 to 15 minutes) say how a failed delivery is tried again.
    """

    def __init__(self, retries: int, pause: float) -> None:
        self.deliveries: list[Delivery] = []
        self._target: tuple[str, str | None] | None = None
        self._retries = retries
        self._pause = pause
        self._due: queue.Queue[Delivery | None] = queue.Queue()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, body: Json, key: str, at: datetime, cloud: bool) -> None:
        delivery = Delivery(str(uuid.uuid4()), body["webhookEvent"], key, at, json.dumps(body).encode(), cloud)
        self.deliveries.append(delivery)
        if self._target is not None:
            self._due.put(delivery)

    def connect(self, url: str, secret: str | None) -> None:
        """Post every later delivery to `url`; None as secret: unsigned."""
        self._target = (url, secret)
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, name="jira-webhooks", daemon=True)
            self._thread.start()

    def redeliver(self, delivery_id: str) -> None:
        """Post a delivery once more, same identifier and body."""
        if self._target is None:
            raise RuntimeError("connect() first")
        self._due.put(next(d for d in self.deliveries if d.id == delivery_id))

    @property
    def settled(self) -> bool:
        """Whether everything queued was posted, and accepted or given up."""
        return self._due.unfinished_tasks == 0

    def stop(self) -> None:
        """Post no more until connected again."""
        self._stopped.set()
        self._target = None
        if self._thread is not None:
            self._due.put(None)
            self._thread.join(timeout=15)
            self._thread = None

    def _run(self) -> None:
        while (delivery := self._due.get()) is not None:
            self._deliver(delivery)
            self._due.task_done()
        self._due.task_done()

    def _deliver(self, delivery: Delivery) -> None:
        for attempt in range(self._retries + 1):
            if self._stopped.is_set() or self._target is None:
                return
            status = _post(*self._target, delivery, attempt)
            delivery.attempts.append(status)
            if status not in RETRIED and status < 500:
                return
            self._stopped.wait(self._pause if attempt < self._retries else 0)


def _post(url: str, secret: str | None, delivery: Delivery, attempt: int) -> int:
    """One attempt; the status answered, 0 for none."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("POST", parts.path or "/", delivery.body, delivery.headers(secret, attempt))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
