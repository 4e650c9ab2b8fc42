"""Deliveries as GitHub makes them: queued in order, signed, sent once, sent again only when asked."""

import copy
import hashlib
import hmac
import itertools
import json
import queue
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import requests

Json = dict[str, Any]
Clock = Callable[[], datetime]
Target = Literal["repository", "organization", "integration"]
DEADLINE = 10.0  # seconds that a receiver has, as on github.com


@dataclass(frozen=True)
class Attempt:
    """One sending of a delivery to a hook; `status` 0: no answer. Each has an id of its own."""

    id: int
    hook: int
    at: datetime
    duration: float
    status: int
    redelivery: bool


@dataclass
class Delivery:
    """An event and its payload; `repo` is None for what only an organisation's hook hears."""

    guid: str
    event: str
    action: str
    at: datetime
    payload: Json
    repo: str | None
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(frozen=True)
class Hook:
    id: int
    target: Target
    owner: str
    url: str
    secret: str | None
    content_type: str
    events: tuple[str, ...]
    active: bool
    created_at: datetime
    installation: Json | None = None

    def hears(self, delivery: Delivery) -> bool:
        """`owner` is a repository's full name, an organisation's login, or `*`: all that there is."""
        named = self.owner.lower()
        place = (delivery.repo or "").lower()
        known = named in {"*", place} or (self.target == "organization" and place.partition("/")[0] in {named, ""})
        wanted = "*" in self.events or delivery.event in self.events or delivery.event == "ping"
        return self.active and known and wanted


class Hub:
    """Keeps every delivery, and posts each to the hooks that hear it, one after the other."""

    def __init__(self, clock: Clock) -> None:
        self.deliveries: list[Delivery] = []
        self.hooks: list[Hook] = []
        self._clock = clock
        self._ids = itertools.count(501)
        self._attempts = itertools.count(9_000_000_001)
        self._outbox: queue.Queue[tuple[Hook, Delivery, bool] | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def add_hook(
        self,
        target: Target,
        owner: str,
        url: str,
        secret: str | None,
        content_type: str,
        events: Sequence[str],
        at: datetime,
        active: bool = True,
        installation: Json | None = None,
    ) -> Hook:
        number = next(self._ids)
        hook = Hook(number, target, owner, url, secret, content_type, tuple(events), active, at, installation)
        self.hooks.append(hook)
        return hook

    def emit(self, event: str, at: datetime, payload: Json, repo: str | None) -> Delivery:
        """Queue an event for every hook that hears it."""
        guid, action = str(uuid.uuid4()), str(payload.get("action", ""))
        delivery = Delivery(guid, event, action, at, copy.deepcopy(payload), repo)
        self.deliveries.append(delivery)
        self._queue(delivery)
        return delivery

    def ping(self, hook: Hook, at: datetime, payload: Json) -> None:
        """What GitHub sends to a new hook, and to no other."""
        delivery = Delivery(str(uuid.uuid4()), "ping", "", at, copy.deepcopy(payload), None)
        self.deliveries.append(delivery)
        self._post_later(hook, delivery)

    def redeliver(self, guid: str) -> None:
        """Send it again, with the same GUID and the same body."""
        self._queue(next(d for d in self.deliveries if d.guid == guid))

    def attempts(self, hook: Hook) -> list[tuple[Delivery, Attempt]]:
        """What was sent to a hook, the newest first."""
        sent = [(d, a) for d in tuple(self.deliveries) for a in tuple(d.attempts) if a.hook == hook.id]
        return sorted(sent, key=lambda row: row[1].id, reverse=True)

    def attempt_again(self, hook: Hook, delivery: Delivery) -> None:
        """Send it to this hook alone, as its owner asked."""
        self._post_later(hook, delivery, redelivery=True)

    def settle(self) -> None:
        """Wait until everything queued so far has been sent."""
        self._outbox.join()

    def close(self) -> None:
        if self._thread is not None:
            self._outbox.put(None)
            self._thread.join()

    def _queue(self, delivery: Delivery) -> None:
        for hook in self.hooks:
            if hook.hears(delivery):
                self._post_later(hook, delivery)

    def _post_later(self, hook: Hook, delivery: Delivery, redelivery: bool = False) -> None:
        if urlsplit(hook.url).hostname not in {"127.0.0.1", "localhost"}:
            return  # a test must never talk to the world
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="github-webhooks", daemon=True)
            self._thread.start()
        self._outbox.put((hook, delivery, redelivery))

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (job := self._outbox.get()) is not None:
                hook, delivery, redelivery = job
                at, begun = self._clock(), time.monotonic()
                status = post(session, hook, delivery)
                took = round(time.monotonic() - begun, 2)
                delivery.attempts.append(Attempt(next(self._attempts), hook.id, at, took, status, redelivery))
                self._outbox.task_done()
        self._outbox.task_done()


def post(session: requests.Session, hook: Hook, delivery: Delivery) -> int:
    """Send one delivery to one hook; the status of the answer, 0 for none."""
    headers, body = signed(hook, delivery)
    try:
        answer = session.post(hook.url, data=body, headers=headers, timeout=DEADLINE, allow_redirects=False)
    except requests.RequestException:
        return 0
    return answer.status_code


def signed(hook: Hook, delivery: Delivery) -> tuple[dict[str, str], bytes]:
    """Headers and raw body: the signature is over the bytes sent, also for a form."""
    payload = delivery.payload | ({"installation": hook.installation} if hook.installation else {})
    text = json.dumps(payload, separators=(",", ":"))
    is_form = hook.content_type == "form"
    body = (urlencode({"payload": text}) if is_form else text).encode()
    headers = {
        "User-Agent": "GitHub-Hookshot/7f0a1b2",
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded" if is_form else "application/json",
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-Type": hook.target,
        "X-GitHub-Hook-Installation-Target-ID": str(hook.id),
    }
    if hook.secret:
        digest = hmac.new(hook.secret.encode(), body, hashlib.sha256).hexdigest()
        headers["X-Hub-Signature-256"] = f"sha256={digest}"
    return headers, body
