"""The HTTP side of the stand-in: one thread a connection, keep-alive, and faults on the wire."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.standins.jira.faults import WORK_UNDONE, Fault, Faults
from tests.standins.jira.routing import Answer


@dataclass(slots=True)
class Exchange:
    """A request and what came of it.

    `status` is what the client was told (0: nothing), `done` what the work answered (None: it was not done).
    """

    at: datetime
    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    authorization: str
    target: str
    media: str
    raw: bytes
    by: str | None = None
    status: int = 0
    done: int | None = None
    answer: Any = None
    fault: str | None = None


class Unreadable(Exception):
    """A body that is not JSON."""


class Server(ThreadingHTTPServer):
    """Serves `work` on a free port of 127.0.0.1 (or the given one), counting every request in `requests`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, port: int, work: Callable[[Exchange], Answer], now: Callable[[], datetime], faults: Faults
    ) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.work = work
        self.now = now
        self.faults = faults
        self.requests: list[Exchange] = []
        self.watch: Callable[[Exchange, bytes], None] | None = None
        self.stopped = threading.Event()
        self.open: set[socket.socket] = set()

    def stop(self) -> None:
        """Close the port and every connection, and wait for their threads."""
        self.stopped.set()
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + 5
        while self.open and time.monotonic() < deadline:
            time.sleep(0.005)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.connection.close()
        self.server.open.discard(self.connection)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Quiet: `requests` is the log."""

    def do_GET(self) -> None:
        exchange = self._read()
        fault = self.server.faults.take(exchange.method, exchange.path, exchange.body)
        exchange.fault = fault.kind if fault else None
        answer = Answer(0)
        if fault is None or fault.kind not in WORK_UNDONE:
            if fault and fault.kind == "delay":
                self.server.stopped.wait(fault.seconds)
            answer = self.server.work(exchange)
            exchange.done, exchange.answer = answer.status, answer.body
        if fault is None or fault.kind == "delay":
            self._send(exchange, answer)
        else:
            self._fail(exchange, fault, answer)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET  # noqa: N815 - the base class's names

    def _read(self) -> Exchange:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:
            raise ConnectionAbortedError("killed while it asked")
        parts = urlsplit(self.path)
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = Unreadable(raw[:100])
        query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        return Exchange(
            at=self.server.now(),
            method=self.command,
            path=unquote(parts.path),
            query=query,
            body=body,
            authorization=self.headers.get("Authorization", ""),
            target=self.path,
            media=self.headers.get_content_type() if raw else "",
            raw=raw,
        )

    def _send(self, exchange: Exchange, answer: Answer, headers: tuple[str, ...] = ()) -> None:
        self._tell(exchange, answer.status, self._bytes(answer, headers))

    def _tell(self, exchange: Exchange, status: int, data: bytes) -> None:
        """Count the request before its sender can know the answer."""
        exchange.status = status
        self.server.requests.append(exchange)
        if self.server.watch is not None:
            self.server.watch(exchange, b"" if exchange.answer is None else json.dumps(exchange.answer).encode())
        with contextlib.suppress(OSError):
            self.wfile.write(data)

    def _bytes(self, answer: Answer, headers: tuple[str, ...] = ()) -> bytes:
        body = b"" if answer.body is None else json.dumps(answer.body).encode()
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", *headers]
        if answer.status != 204:
            lines += ["Content-Type: application/json;charset=UTF-8", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _fail(self, exchange: Exchange, fault: Fault, answer: Answer) -> None:
        """Answer wrongly, or not at all."""
        waiting = f"Retry-After: {fault.retry_after}"
        match fault.kind:
            case "502-before" | "502-after":
                self._send(exchange, Answer(502))
            case "400" | "401" | "404" as status:
                self._send(exchange, Answer(int(status), {"errorMessages": [fault.reason], "errors": {}}))
            case "401":
                self._send(exchange, Answer(401))
            case "429":
                self._send(exchange, Answer(429), (waiting, f"RateLimit-Reason: {fault.reason}"))
            case "429-bare":
                self._send(exchange, Answer(429))
            case "503":
                self._send(exchange, Answer(503), (waiting,))
            case "garbage":
                page = b"<html><body>Something went wrong</body></html>"
                head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
                self._tell(exchange, 200, head.encode() + page)
            case "truncated":
                data = self._bytes(answer if answer.body is not None else Answer(answer.status, {}))
                self._tell(exchange, answer.status, data[: -max(1, len(json.dumps(answer.body)) // 2)])
                self.close_connection = True
            case "drip":
                self._drip(exchange, self._bytes(answer), answer.status, fault.seconds)
            case _:
                self._hang_up(exchange, fault.seconds if fault.kind.startswith("timeout") else 0)

    def _drip(self, exchange: Exchange, data: bytes, status: int, pause: float) -> None:
        """Byte by byte, until the client has had enough."""
        self._tell(exchange, status, data[:1])
        for byte in data[1:]:
            if self.server.stopped.wait(pause):
                return
            try:
                self.wfile.write(bytes([byte]))
            except OSError:
                self.close_connection = True
                return

    def _hang_up(self, exchange: Exchange, after: float) -> None:
        """Reset the connection without an answer, so that not even an orderly end is seen."""
        self._tell(exchange, 0, b"")
        self.server.stopped.wait(after)
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()
