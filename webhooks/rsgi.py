"""The way in from Granian: no thread waits for a delivery to be stored, and nothing else holds one up.

Granian hands requests to an event loop. Deliveries are answered there; all else is asked of Flask, in threads.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Protocol, cast
from wsgiref.types import WSGIApplication, WSGIEnvironment

import structlog
from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined]
from pydantic_core import to_json
from werkzeug.test import create_environ
from werkzeug.wrappers import Response

from webhooks.delivery import BadDelivery, Delivery, NotStored
from webhooks.payload import plain
from webhooks.receiver import ALIVE, BODY_TAKES, LARGEST, PATIENCE, Answer, Body, Reception, too_large

DOOR = "/webhooks/"
HEALTH = "/healthz"
THREADS = 8  # for readiness and metrics
SMALL = 1024 * 1024  # bytes; hardly a delivery is larger
LARGE_AT_ONCE = 8
_TOO_SLOW = "the body is too slow"
NOTHING_MORE: Mapping[str, str] = MappingProxyType({})

_log = structlog.get_logger(__name__)

Accept = Callable[[str, Delivery], Awaitable[bool]]
"""`webhooks.wsgi.Accept`, for an event loop."""


class Headers(Protocol):
    """A request's headers, as Granian has them."""

    def get(self, name: str) -> str | None:
        """The value of a header, by its name in small letters."""

    def items(self) -> list[tuple[str, str]]:
        """All of them, their names in small letters."""


class Scope(Protocol):
    """A request up to its body (https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md)."""

    method: str
    path: str
    query_string: str

    @property
    def headers(self) -> Headers:
        """Its headers."""


class Exchange(Protocol):
    """A request's body, and the way to answer it."""

    def __call__(self) -> Awaitable[bytes]:
        """The whole body."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in pieces."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Answer."""


class Door:
    """The application for Granian; `others` answers what is no delivery. `body_takes`: seconds for a body to come."""

    def __init__(
        self, reception: Reception, accept: Accept, others: WSGIApplication, body_takes: float = BODY_TAKES
    ) -> None:
        self._body_takes = body_takes
        self._reception = reception
        self._accept = accept
        self._others = others
        self._threads = ThreadPoolExecutor(THREADS, "door")
        self._room = asyncio.Semaphore(LARGE_AT_ONCE)

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        """Answer one request; a fault of ours is logged and shows nothing of itself.

        Whether the process lives is told here: it must not depend on a thread that is free.
        """
        tracker = scope.path.removeprefix(DOOR)
        if scope.path == HEALTH and scope.method in {"GET", "HEAD"}:
            return _say(exchange, 200, ALIVE)
        try:
            if scope.method != "POST" or tracker == scope.path or not tracker or "/" in tracker:
                return await self._ask_the_others(scope, exchange)
            answer = await self._answer(tracker, scope.headers, exchange)
        except Exception:
            _log.exception("a request failed", path=plain(scope.path))
            return _say(exchange, 500, {"error": "internal server error"})
        return _say(exchange, answer.status, answer.document, answer.headers)

    async def _ask_the_others(self, scope: Scope, exchange: Exchange) -> None:
        try:
            environ = create_environ(
                scope.path, query_string=scope.query_string, method=scope.method, headers=scope.headers.items()
            )
        except ValueError:  # no path that anything could be at
            return _say(exchange, 404, {"error": "not found"})
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(self._threads, _asked, self._others, environ)
        return exchange.response_bytes(response.status_code, list(response.headers.items()), response.data)

    async def _answer(self, tracker: str, headers: Headers, exchange: Exchange) -> Answer:
        try:
            body = await self._in_time(headers, exchange)
        except BadDelivery as bad:
            return self._reception.refused(tracker, bad)
        found = self._reception.read(tracker, dict(headers.items()), body)
        if isinstance(found, Answer):
            return found
        try:
            return self._reception.stored(tracker, found, await self._accept(tracker, found))
        except NotStored as error:
            return self._reception.not_stored(tracker, found, error)

    async def _in_time(self, headers: Headers, exchange: Exchange) -> bytes:
        """The body; BadDelivery(408) when it takes too long. (`asyncio.timeout` takes as long as reading its JSON.)"""
        task = cast(asyncio.Task[None], asyncio.current_task())
        end = asyncio.get_running_loop().call_later(self._body_takes, task.cancel, _TOO_SLOW)
        try:
            return await self._raw(headers, exchange)
        except asyncio.CancelledError as cancelled:
            if cancelled.args != (_TOO_SLOW,):
                raise
            task.uncancel()
            raise BadDelivery(408, f"the body was not there in {self._body_takes:g} s") from None
        finally:
            end.cancel()

    async def _raw(self, headers: Headers, exchange: Exchange) -> bytes:
        """The body. Few that are large, or don't say, are read at once: until it is whole nobody knows who sends it."""
        declared = headers.get("content-length") or ""
        size = int(declared) if declared.isdecimal() else PATIENCE
        if size > PATIENCE:
            raise too_large()
        try:
            if size <= SMALL:
                return await exchange()
            async with self._room:
                return await exchange() if size <= LARGEST else await _piecemeal(exchange)
        except (ProtocolClosed, ProtocolError) as error:
            raise BadDelivery(400, "the body ended early") from error


def _say(
    exchange: Exchange, status: int, document: Mapping[str, str], headers: Mapping[str, str] = NOTHING_MORE
) -> None:
    said = [("content-type", "application/json"), *headers.items()]
    exchange.response_bytes(status, said, to_json(document))


async def _piecemeal(exchange: Exchange) -> bytes:
    body = Body()
    async for piece in exchange:
        if not body.takes(piece):
            break
    return body.whole()


def _asked(others: WSGIApplication, environ: WSGIEnvironment) -> Response:
    return Response.from_app(others, environ, buffered=True)
