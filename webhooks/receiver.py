"""The way in: verify a delivery, hand it on, answer before anything else is done with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from flask import Blueprint, Request, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from mapping.issue import BoardRef, IssueRef, Subject
from webhooks.delivery import BadDelivery, Delivery, Ignored, NotStored
from webhooks.payload import plain

LARGEST = 25 * 1024 * 1024
"""Bytes of the largest body taken; GitHub sends none over 25 MB."""

PATIENCE = 4 * LARGEST
"""Bytes of a body after which nobody listens any more."""

PIECE = 64 * 1024

Receive = Callable[[str, Mapping[str, str], bytes, Sequence[str]], Delivery | Ignored]
"""`github.receive` or `jira.receive`."""

Accept = Callable[[str, Delivery], bool]
"""Keep a tracker's delivery and put its issues on the agenda, in one transaction.

True: it is new; False: it was there already (its issues are put on the agenda all the same). NotStored: neither.
"""

Heard = Callable[[str, str, str], None]
"""Count: the tracker, the event and the answer, each out of a small fixed set of words."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """How one tracker's deliveries are taken: `watches` says whether an issue's repository or project is ours.

    An issue named by a bare id has no project to judge by; it is always taken, and judged when it is read.
    """

    tracker: str
    receive: Receive
    secrets: Sequence[str] = field(repr=False)
    watches: Callable[[IssueRef], bool]

    def wants(self, ref: Subject) -> bool:
        """Whether to look at this issue when a delivery names it; the tracker's one board always is."""
        return isinstance(ref, BoardRef) or not ref.container or self.watches(ref)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told: `says` is one of a few words, `why` a sentence; `known`: the event is in a table."""

    status: int
    says: str
    why: str = ""
    event: str = ""
    known: bool = False
    delivery: str = ""
    retry_after: int | None = None

    def response(self) -> ResponseReturnValue:
        """The answer as a small JSON document."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.status >= 400:
            return {"error": self.why}, self.status, headers
        told = {"answer": self.says, "because": self.why} if self.why else {"answer": self.says}
        return told, self.status, headers


_REFUSALS = {400: "malformed", 401: "unauthorized", 413: "too large", 415: "wrong content type"}


def blueprint(receivers: Mapping[str, Receiver], accept: Accept, heard: Heard) -> Blueprint:
    """`POST /webhooks/<tracker>` for these receivers (by tracker name), as interface.md describes its answers."""
    routes = Blueprint("webhooks", __name__)

    @routes.post("/webhooks/<tracker>")
    def webhook(tracker: str) -> ResponseReturnValue:
        receiver = receivers.get(tracker)
        if receiver is None:
            name, answer = "unknown", Answer(404, "unknown tracker", f"no tracker is called {plain(tracker)!r}")
        else:
            name, answer = receiver.tracker, _answer(receiver, request, accept)
        heard(name, answer.event if answer.known else "unknown", answer.says)
        _write_down(name, answer)
        return answer.response()

    return routes


def _answer(receiver: Receiver, sent: Request, accept: Accept) -> Answer:
    try:
        body = _raw(sent)
        found = receiver.receive(receiver.tracker, dict(sent.headers.items()), body, receiver.secrets)
    except BadDelivery as bad:
        return Answer(bad.status, _REFUSALS.get(bad.status, "refused"), str(bad))
    if isinstance(found, Ignored):
        return Answer(202, "ignored", found.why, found.event, found.known, found.id)
    return _handed_on(receiver, found, accept)


def _raw(sent: Request) -> bytes:
    """The body, byte for byte, before anything looks at the form, which would eat it.

    A body that is too large is read on and thrown away: a sender in the midst of sending doesn't hear an answer.
    """
    sent.max_content_length = PATIENCE
    body, size = bytearray(), 0
    try:
        while piece := sent.stream.read(PIECE):
            size += len(piece)
            if size <= LARGEST:
                body += piece
    except RequestEntityTooLarge:
        size = PATIENCE
    except ClientDisconnected as error:
        raise BadDelivery(400, "the body ended early") from error
    if size > LARGEST:
        raise BadDelivery(413, f"the body is larger than {LARGEST} bytes")
    return bytes(body)


def _handed_on(receiver: Receiver, delivery: Delivery, accept: Accept) -> Answer:
    wanted = tuple(touch for touch in delivery.touches if receiver.wants(touch.ref))
    told: dict[str, Any] = {"event": delivery.event, "known": True, "delivery": delivery.id}
    if not wanted:
        return Answer(202, "ignored", "it is about an issue that app.yaml doesn't name the place of", **told)
    try:
        new = accept(receiver.tracker, replace(delivery, touches=wanted))
    except NotStored as error:
        return Answer(503, "not stored", "it could not be stored; send it again", retry_after=error.retry_after, **told)
    return Answer(202, "stored" if new else "already had", **told)


def _write_down(tracker: str, answer: Answer) -> None:
    write = _log.info if answer.status < 400 else _log.warning
    write(
        "webhook",
        tracker=tracker,
        event_name=answer.event,
        delivery=answer.delivery,
        answer=answer.says,
        why=answer.why,
    )
