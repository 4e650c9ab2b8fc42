"""The way in: verify a delivery, hand it on, answer before anything else is done with it.

`webhooks.wsgi` and `webhooks.rsgi` are the ways in from a server.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from mapping.issue import BoardRef, IssueRef, Subject
from webhooks.delivery import BadDelivery, Delivery, Ignored, NotStored, Touch
from webhooks.payload import plain

LARGEST = 25 * 1024 * 1024
"""Bytes of the largest body taken; GitHub sends none over 25 MB."""

PATIENCE = 4 * LARGEST
"""Bytes of a body after which nobody listens any more."""

BODY_TAKES = 30.0
"""Seconds in which a body has to be there; GitHub hangs up after ten."""

ALIVE = {"status": "alive"}
"""What `/healthz` answers while the process lives."""

Receive = Callable[[str, Mapping[str, str], bytes, Sequence[str]], Delivery | Ignored]
"""`github.receive` or `jira.receive`."""

Heard = Callable[[str, str, str], None]
"""Count: the tracker, the event and the answer, each out of a small fixed set of words."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """How one tracker's deliveries are taken.

    `watches` says whether an issue's repository or project is ours, `spelled` gives its name in app.yaml's spelling.

    An issue named by a bare id has no project to judge by; it is always taken, and judged when it is read.
    """

    tracker: str
    receive: Receive
    secrets: Sequence[str] = field(repr=False)
    watches: Callable[[IssueRef], bool]
    spelled: Callable[[IssueRef], IssueRef]

    def wanted(self, touches: Sequence[Touch]) -> tuple[Touch, ...]:
        """What to look at of all that a delivery names."""
        return tuple(self._named(touch) for touch in touches if self._wants(touch.ref))

    def _wants(self, ref: Subject) -> bool:
        return isinstance(ref, BoardRef) or not ref.container or self.watches(ref)

    def _named(self, touch: Touch) -> Touch:
        name = self.spelled(touch.ref) if isinstance(touch.ref, IssueRef) else touch.ref
        return touch if name == touch.ref else replace(touch, ref=name)


class Body:
    """What was read of a body; one that is too large is read on and thrown away.

    A sender in the midst of sending doesn't hear an answer.
    """

    def __init__(self) -> None:
        self._kept = bytearray()
        self._size = 0

    def takes(self, piece: bytes) -> bool:
        """Whether anybody listens after this piece."""
        self._size += len(piece)
        if self._size <= LARGEST:
            self._kept += piece
        return self._size <= PATIENCE

    def whole(self) -> bytes:
        """All of it, byte for byte; BadDelivery(413) when it is too large."""
        if self._size > LARGEST:
            raise too_large()
        return bytes(self._kept)


def too_large() -> BadDelivery:
    """What the sender of such a body is told."""
    return BadDelivery(413, f"the body is larger than {LARGEST} bytes")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told: `says` is one of a few words, `why` a sentence; `known`: the event is in a table.

    `about` is what the log says it is about.
    """

    status: int
    says: str
    why: str = ""
    event: str = ""
    known: bool = False
    delivery: str = ""
    retry_after: int | None = None
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, str]:
        """The answer as a small JSON document."""
        if self.status >= 400:
            return {"error": self.why}
        return {"answer": self.says, "because": self.why} if self.why else {"answer": self.says}

    @property
    def headers(self) -> dict[str, str]:
        """What else there is to say."""
        if self.status == 408:
            return {"Connection": "close"}  # the rest of the body is not waited for
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


_REFUSALS = {400: "malformed", 401: "unauthorized", 408: "too slow", 413: "too large", 415: "wrong content type"}


class Reception:
    """The receivers of one process by tracker name, whatever server they sit behind; answers are counted and logged.

    A server has a request `read`, hands on what is to be stored, and answers what `stored` or `not_stored` say.
    """

    def __init__(self, receivers: Mapping[str, Receiver], heard: Heard) -> None:
        self._receivers = receivers
        self._heard = heard
        self._log = structlog.get_logger(__name__).bind()  # once, and not for every line

    def read(self, tracker: str, headers: Mapping[str, str], body: bytes) -> Delivery | Answer:
        """What is to be stored of a request to `/webhooks/<tracker>`, or its answer when nothing is."""
        receiver = self._receivers.get(tracker)
        if receiver is None:
            return self.refused(tracker, BadDelivery(404, f"no tracker is called {plain(tracker)!r}"))
        try:
            found = receiver.receive(tracker, headers, body, receiver.secrets)
        except BadDelivery as bad:
            return self.refused(tracker, bad)
        if isinstance(found, Ignored):
            return self._told(tracker, Answer(202, "ignored", found.why, found.event, found.known, found.id))
        wanted = receiver.wanted(found.touches)
        if not wanted:
            why = "it is about an issue that app.yaml doesn't name the place of"
            about = _about(found.touches)
            return self._told(tracker, Answer(202, "ignored", why, found.event, True, found.id, about=about))
        return found if wanted == found.touches else replace(found, touches=wanted)

    def stored(self, tracker: str, delivery: Delivery, is_new: bool) -> Answer:
        """It is durable."""
        says = "stored" if is_new else "already had"
        about = _about(delivery.touches)
        return self._told(tracker, Answer(202, says, "", delivery.event, True, delivery.id, about=about))

    def not_stored(self, tracker: str, delivery: Delivery, error: NotStored) -> Answer:
        """Nothing of it is."""
        why = "it could not be stored; send it again"
        about = _about(delivery.touches)
        answer = Answer(503, "not stored", why, delivery.event, True, delivery.id, error.retry_after, about)
        return self._told(tracker, answer)

    def refused(self, tracker: str, bad: BadDelivery) -> Answer:
        """It is no delivery of ours."""
        says = _REFUSALS.get(bad.status, "unknown tracker" if bad.status == 404 else "refused")
        return self._told(tracker, Answer(bad.status, says, str(bad)))

    def _told(self, tracker: str, answer: Answer) -> Answer:
        name = tracker if tracker in self._receivers else "unknown"
        self._heard(name, answer.event if answer.known else "unknown", answer.says)
        write = self._log.info if answer.status < 400 else self._log.warning
        told = {"event_name": answer.event, "delivery": answer.delivery, "answer": answer.says, "why": answer.why}
        write("webhook", tracker=name, **told, **answer.about)
        return answer


def _about(touches: Sequence[Touch]) -> dict[str, str]:
    """The issues that a delivery is about, or the board where it names none."""
    issues = [str(touch.ref) for touch in touches if isinstance(touch.ref, IssueRef)]
    return {"issue": " ".join(issues)} if issues else {"board": " ".join(str(touch.ref) for touch in touches)}
