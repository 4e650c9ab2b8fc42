"""The way in from any WSGI server, by Flask: a thread waits until its delivery is stored."""

from collections.abc import Callable

from flask import Blueprint, Request, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from webhooks.delivery import BadDelivery, Delivery, NotStored
from webhooks.receiver import PATIENCE, Answer, Body, Reception, too_large

PIECE = 64 * 1024

Accept = Callable[[str, Delivery], bool]
"""Keep a tracker's delivery and put its issues on the agenda, in one transaction.

True: it is new; False: it was there already (its issues are put on the agenda all the same). NotStored: neither.
"""


def blueprint(reception: Reception, accept: Accept) -> Blueprint:
    """`POST /webhooks/<tracker>`, as interface.md describes its answers."""
    routes = Blueprint("webhooks", __name__)

    @routes.post("/webhooks/<tracker>")
    def webhook(tracker: str) -> ResponseReturnValue:
        answer = _answer(reception, accept, tracker, request)
        return answer.document, answer.status, answer.headers

    return routes


def _answer(reception: Reception, accept: Accept, tracker: str, sent: Request) -> Answer:
    try:
        found = reception.read(tracker, sent.headers, _raw(sent))  # type: ignore[arg-type]
    except BadDelivery as bad:
        return reception.refused(tracker, bad)
    if isinstance(found, Answer):
        return found
    try:
        return reception.stored(tracker, found, accept(tracker, found))
    except NotStored as error:
        return reception.not_stored(tracker, found, error)


def _raw(sent: Request) -> bytes:
    """The body, byte for byte, before anything looks at the form, which would eat it."""
    sent.max_content_length = PATIENCE
    body = Body()
    try:
        while (piece := sent.stream.read(PIECE)) and body.takes(piece):
            pass
    except RequestEntityTooLarge as error:
        raise too_large() from error
    except ClientDisconnected as error:
        raise BadDelivery(400, "the body ended early") from error
    return body.whole()
