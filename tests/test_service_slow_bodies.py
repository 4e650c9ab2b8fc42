"""Senders that don't send all of a body, to the real server: each is told so in time, and none keeps another out."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.installation import PATIENCE, free_port, pull_the_plug, wait_for
from tests.slow_door import BODY_TAKES

HEAD = b"POST /webhooks/github HTTP/1.1\r\nHost: a\r\n"
DECLARED = HEAD + b"Content-Length: 100\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LARGE = HEAD + b"Content-Length: 2000000\r\n\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.slow_door", str(port)], start_new_session=True)
    try:
        wait_for(lambda: _is_open(port), lambda: "it does not listen")
        yield port
    finally:
        pull_the_plug(process)


def _is_open(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(DECLARED, id="nothing of it"),
        pytest.param(DECLARED + b"{" * 50, id="half of it"),
        pytest.param(LARGE + b"{" * 500_000, id="part of a large one"),
        pytest.param(CHUNKED, id="no chunk"),
        pytest.param(CHUNKED + b"5\r\n{{{{{\r\n", id="a chunk, and no end"),
    ],
)
def test_a_body_that_does_not_come_is_not_waited_for(port: int, sent: bytes) -> None:
    with _connected(port) as line:
        line.sendall(sent)
        begun = time.monotonic()
        assert line.recv(100).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - begun > BODY_TAKES / 2


def test_who_drips_is_not_waited_for_either_and_keeps_nobody_out(port: int) -> None:
    with _connected(port) as drips, _connected(port) as quick:
        drips.sendall(DECLARED)
        quick.sendall(DECLARED + b"{" * 100)
        assert quick.recv(100).startswith(b"HTTP/1.1 404 "), "there is no such tracker"
        drips.settimeout(0.05)
        told = b""
        until = time.monotonic() + PATIENCE
        while not told and time.monotonic() < until:
            drips.sendall(b"{")
            try:
                told = drips.recv(100)
            except TimeoutError:
                continue
        assert told.startswith(b"HTTP/1.1 408 ")
