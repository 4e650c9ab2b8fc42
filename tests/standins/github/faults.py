"""Everything that can go wrong between GitHub and its client, on demand."""

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.standins.github.world import Clock

Match = Callable[[str, str, Any], bool]


class Kind(StrEnum):
    """What goes wrong. `…_AFTER`, and whatever spoils an answer, comes when the work has been done.

    `PARTIAL_…`: every second of a GraphQL request's mutations, or of the issues it reads, fails inside GitHub.
    """

    RESET_BEFORE = "reset before"
    RESET_AFTER = "reset after"
    BAD_GATEWAY_BEFORE = "502 before"
    BAD_GATEWAY_AFTER = "502 after"
    TOO_MANY = "429"
    SECONDARY_LIMIT = "403 secondary"
    PRIMARY_LIMIT = "403 primary"
    UNAUTHORIZED = "401"
    GRAPHQL_RATE_LIMITED = "graphql RATE_LIMITED"
    PARTIAL_BEFORE = "graphql partial before"
    PARTIAL_AFTER = "graphql partial after"
    SILENT_BEFORE = "silent before"
    SILENT_AFTER = "silent after"
    DRIP = "drip"
    TRUNCATED = "truncated"
    GARBAGE = "garbage"
    DELAY = "delay"


@dataclass
class Fault:
    """Strikes the next `times` requests that match. `seconds`: of silence or delay, or between two dripped bytes."""

    match: Match
    kind: Kind
    times: int = 1
    retry_after: int | None = None
    seconds: float = 1.0
    hits: int = 0

    def strikes(self, method: str, path: str, body: Any) -> bool:
        if self.hits >= self.times or not self.match(method, path, body):
            return False
        self.hits += 1
        return True


@dataclass
class Answer:
    """An HTTP answer before it is sent; `status` 0: none."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def instead(fault: Fault, clock: Clock) -> Answer | None:
    """The answer that takes the place of the work; None: the work is done first."""
    if fault.kind in {Kind.RESET_BEFORE, Kind.SILENT_BEFORE}:
        return Answer(0)
    limited = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    reset = str(int((clock() + timedelta(seconds=fault.retry_after or 60)).timestamp()))
    empty = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset, "x-ratelimit-limit": "5000"}
    wait = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
    texts: dict[Kind, tuple[int, str, dict[str, str]]] = {
        Kind.BAD_GATEWAY_BEFORE: (502, '{"message":"Server Error"}', {}),
        Kind.UNAUTHORIZED: (401, '{"message":"Bad credentials"}', {}),
        Kind.TOO_MANY: (429, f'{{"message":"{limited}"}}', wait),
        Kind.SECONDARY_LIMIT: (403, f'{{"message":"{limited}"}}', wait),
        Kind.PRIMARY_LIMIT: (403, '{"message":"API rate limit exceeded for installation ID 1."}', empty),
        Kind.GRAPHQL_RATE_LIMITED: (
            200,
            '{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for installation ID 1."}]}',
            empty,
        ),
    }
    if fault.kind not in texts:
        return None
    status, text, headers = texts[fault.kind]
    return Answer(status, text.encode(), headers)


def send(handler: BaseHTTPRequestHandler, answer: Answer, fault: Fault | None, closing: threading.Event) -> int:
    """Put an answer on the wire as the fault has it; the status that the client saw, 0 for none."""
    kind = fault.kind if fault else None
    if fault and kind in {Kind.SILENT_BEFORE, Kind.SILENT_AFTER, Kind.DELAY}:
        closing.wait(fault.seconds)
    if kind in {Kind.RESET_BEFORE, Kind.RESET_AFTER, Kind.SILENT_BEFORE, Kind.SILENT_AFTER}:
        _reset(handler)
        return 0
    if kind == Kind.BAD_GATEWAY_AFTER:
        answer = Answer(502, b'{"message":"Server Error"}')
    if kind == Kind.GARBAGE:
        answer = Answer(answer.status, b'\x00\xff{"data": not json', answer.headers)
    head = _head(handler, answer)
    if kind == Kind.TRUNCATED:
        handler.wfile.write(head + answer.body[: len(answer.body) // 2])
        handler.close_connection = True
    elif fault and kind == Kind.DRIP:
        _drip(handler, head, answer.body, fault.seconds, closing)
    else:
        handler.wfile.write(head + answer.body)
    return answer.status


def _head(handler: BaseHTTPRequestHandler, answer: Answer) -> bytes:
    reason = handler.responses.get(answer.status, ("", ""))[0]
    headers = {"Server": "github.com", "Content-Type": "application/json; charset=utf-8"} | answer.headers
    headers["Content-Length"] = str(len(answer.body))
    lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _drip(handler: BaseHTTPRequestHandler, head: bytes, body: bytes, seconds: float, closing: threading.Event) -> None:
    """A byte at a time: no read ever times out, and the answer never ends."""
    handler.close_connection = True
    handler.wfile.write(head)
    for place in range(len(body)):
        if closing.wait(seconds):
            return
        handler.wfile.write(body[place : place + 1])


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """Close with RST instead of FIN."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.rfile.close()
    handler.connection.close()
