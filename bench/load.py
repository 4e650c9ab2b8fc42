"""Deliveries as fast as they are answered: `python -m bench.load`, a process of its own, so that what it costs shows.

It reads one JSON line (a `Plan`) and writes one (what `Load` holds). All requests are laid out and signed before the
clock starts; each connection has one request under way.
"""

import dataclasses
import hashlib
import hmac
import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

SECRET = "It's a Secret to Everybody"  # GitHub's own example
REPOSITORY = "acme/shop"
ISSUES = 1000
SIZE = 10_000
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: `warm_up` and `seconds` are how long, and `run` sets the ids of one run off from all others'."""

    port: int
    path: str
    run: int
    seconds: float
    warm_up: float = 1.0
    connections: int = 64


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it: answers with 202 a second, times in milliseconds, and the generator's share of one core.

    `acknowledged` are the ids of all deliveries answered with 202, warm-up and all; `others` counts other answers,
    and `broken` connections that ended.
    """

    rate: float
    p50: float
    p99: float
    slowest: float
    share: float
    others: int
    broken: int
    acknowledged: list[str] = field(repr=False)


def delivered(plan: Plan) -> Load:
    """Carry a plan out in a process of its own."""
    command = [sys.executable, "-m", "bench.load"]
    asked = json.dumps(dataclasses.asdict(plan))
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    return Load(**json.loads(done.stdout))


def body(number: int) -> bytes:
    """An `issues.edited` of one issue, as long as GitHub's are."""
    person = {"login": "carol", "id": 301, "type": "User"}
    issue = {
        "id": 900_000 + number,
        "number": number,
        "title": f"Checkout is down ({number})",
        "body": "### What happened?\r\n\r\nCheckout is down\r\n\r\n### Workaround\r\n\r\n_No response_\r\n",
        "user": person,
        "labels": [{"id": 1, "name": "emergency", "color": "b60205"}],
        "state": "open",
        "created_at": "2026-11-23T09:00:00Z",
        "updated_at": "2026-11-23T09:00:05Z",
    }
    repository: dict[str, object] = {"id": 7001, "name": "shop", "full_name": REPOSITORY, "private": True}
    payload = {"action": "edited", "issue": issue, "repository": repository, "sender": person}
    short = SIZE - len(json.dumps(payload))
    urls = [f"https://api.github.invalid/repos/{REPOSITORY}/issues/{number}/{n}" for n in range(short // 64)]
    return json.dumps({**payload, "repository": {**repository, "urls": urls}}).encode()


def _request(plan: Plan, number: int) -> tuple[bytes, bytes]:
    """A request in two parts, between which the delivery's id belongs: headers are not signed."""
    content = body(number)
    signature = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    head = (
        f"POST {plan.path} HTTP/1.1\r\nHost: 127.0.0.1:{plan.port}\r\nUser-Agent: GitHub-Hookshot/bench\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\nX-GitHub-Event: issues\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nX-GitHub-Delivery: "
    )
    return head.encode(), b"\r\n\r\n" + content


class _Generator:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = [_request(plan, number) for number in range(1, ISSUES + 1)]
        self._ids = self._all_ids()
        self._sent: dict[socket.socket, tuple[float, str]] = {}
        self._selector = selectors.DefaultSelector()
        self._acknowledged: list[str] = []
        self._times: list[tuple[float, float]] = []
        self._others = self._broken = 0

    def run(self) -> Load:
        """Send, and count what is answered after the warm-up."""
        for _ in range(self._plan.connections):
            line = socket.create_connection(("127.0.0.1", self._plan.port))
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(line, selectors.EVENT_READ)
            self._send(line)
        start = time.perf_counter() + self._plan.warm_up
        while time.perf_counter() < start and self._sent:
            self._take()
        busy = time.process_time()
        while time.perf_counter() < start + self._plan.seconds and self._sent:
            self._take()
        return self._result(start, time.perf_counter() - start, time.process_time() - busy)

    def _all_ids(self) -> Iterator[tuple[int, str]]:
        number = 0
        while True:
            yield number % ISSUES, f"{self._plan.run:08x}-0000-4000-8000-{number:012x}"
            number += 1

    def _send(self, line: socket.socket) -> None:
        which, delivery = next(self._ids)
        before, after = self._requests[which]
        self._sent[line] = time.perf_counter(), delivery
        with suppress(ConnectionError):  # the answer, or none, is told by what is read
            line.sendall(before + delivery.encode() + after)

    def _take(self) -> None:
        for key, _ in self._selector.select(0.1):
            line = key.fileobj
            assert isinstance(line, socket.socket)
            if status := _status(line):
                self._count(line, status)
                self._send(line)
            else:
                self._broken += 1
                del self._sent[line]
                self._selector.unregister(line)

    def _count(self, line: socket.socket, status: bytes) -> None:
        sent, delivery = self._sent[line]
        if status == b"202":
            now = time.perf_counter()
            self._acknowledged.append(delivery)
            self._times.append((now, now - sent))
        else:
            self._others += 1

    def _result(self, start: float, wall: float, busy: float) -> Load:
        times = sorted(took * 1000 for at, took in self._times if at >= start) or [0.0]
        return Load(
            rate=sum(at >= start for at, _ in self._times) / wall,
            p50=times[len(times) // 2],
            p99=times[len(times) * 99 // 100],
            slowest=times[-1],
            share=busy / wall,
            others=self._others,
            broken=self._broken,
            acknowledged=self._acknowledged,
        )


def _status(line: socket.socket) -> bytes:
    """The status of the answer on a connection, read to its end; empty when the connection ended instead."""
    answer = b""
    with suppress(ConnectionError):
        while not _is_whole(answer):
            piece = line.recv(65536)
            if not piece:
                return b""
            answer += piece
        return answer[9:12]
    return b""


def _is_whole(answer: bytes) -> bool:
    head, end, content = answer.partition(HEAD_END)
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return bool(end) and len(content) >= int(length or b"0")


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(_Generator(Plan(**json.load(sys.stdin))).run())), flush=True)
    os._exit(0)  # 64 connections need no farewell
