"""A webhook delivery, and the proof that it is the tracker's own."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mapping.issue import Subject


class BadDelivery(Exception):
    """A request that is not a delivery of ours; `status` is the HTTP answer it gets."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class NotStored(Exception):
    """A good delivery could not be kept; the sender may try again in `retry_after` seconds."""

    def __init__(self, why: str, retry_after: int = 30) -> None:
        super().__init__(why)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Touch:
    """An issue or board that a delivery is about; `floor` is its time of last update as the delivery knew it.

    `shows` are tokens (mapping.freshness) of what the delivery showed, where its times are too coarse to tell.
    """

    ref: Subject
    floor: datetime | None = None
    shows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One verified event: `id` stays the same when it is sent again, `event` names it for people and counters."""

    id: str
    event: str
    touches: tuple[Touch, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A verified event that changes nothing here, and why; `known` is False for one nobody has thought about yet.

    The `event` of a known one is a row of a table; that of an unknown one is the sender's word, shortened.
    """

    event: str
    why: str
    known: bool = True
    id: str = ""


def verify(body: bytes, signature: str | None, secrets: Sequence[str]) -> None:
    """Check `sha256=<hex HMAC of the raw body>` against every accepted secret; BadDelivery(401) otherwise.

    An empty secret would be one that everybody knows: it never counts.
    """
    usable = [secret for secret in secrets if secret]
    if not usable:
        raise BadDelivery(401, "no webhook secret is configured for this tracker")
    if not signature:
        raise BadDelivery(401, "the delivery is not signed; set a secret on the webhook")
    given = signature.strip().encode("utf-8", "replace")
    for secret in usable:
        digest = hmac.digest(secret.encode(), body, "sha256").hex()
        if hmac.compare_digest(f"sha256={digest}".encode(), given):
            return
    raise BadDelivery(401, "the signature matches no accepted secret")
