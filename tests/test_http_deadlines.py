import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
import requests
from github import Auth, Github
from jira.resilientsession import ResilientSession

from adapters.http import DeadlineExceeded, Deadlines, mount

DEADLINES = Deadlines(connect=0.3, read=0.3, total=0.5)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


class RawServer:
    """Answers every connection with one behaviour and counts the requests it read."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.requests = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(peer,))
            thread.start()
            self._threads.append(thread)

    def _serve(self, peer: socket.socket) -> None:
        with closing(peer), suppress(OSError):
            while data := peer.recv(65536):
                self.requests += data.count(b" HTTP/1.1\r\n")
                self._behave(peer)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for thread in self._threads:
            thread.join()


def _drip(peer: socket.socket, data: bytes) -> None:
    for byte in data:
        peer.sendall(bytes([byte]))
        time.sleep(0.05)


def _headers_drip(peer: socket.socket) -> None:
    _drip(peer, HEAD + b"X-Long: " + b"x" * 200)


def _body_drips(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"Content-Length: 200\r\n\r\n")
    _drip(peer, b"x" * 200)


def _body_drips_until_closed(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"Connection: close\r\n\r\n")
    _drip(peer, b"x" * 200)


def _chunks_drip(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        peer.sendall(b"1\r\nx\r\n")
        time.sleep(0.05)


def _silent(peer: socket.socket) -> None:
    with suppress(OSError):
        peer.settimeout(3)
        peer.recv(1)


def _cut(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"Content-Length: 200\r\n\r\nshort")
    peer.shutdown(socket.SHUT_RDWR)


def _fine(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], RawServer]]:
    servers: list[RawServer] = []

    def start(behave: Callable[[socket.socket], None]) -> RawServer:
        servers.append(RawServer(behave))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Serve = Callable[[Callable[[socket.socket], None]], RawServer]


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as fresh:
        mount(fresh, DEADLINES)
        yield fresh


DRIPS = [_headers_drip, _body_drips, _body_drips_until_closed, _chunks_drip]


@pytest.mark.parametrize("behave", DRIPS)
@pytest.mark.parametrize("stream", [False, True])
def test_dripping_answer_ends_at_the_total_deadline(
    serve: Serve, session: requests.Session, behave: Callable[[socket.socket], None], stream: bool
) -> None:
    server = serve(behave)
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"no whole answer within 0\.5 s"):
        session.post(server.url, json={}, stream=stream, timeout=60)
    assert 0.45 < time.monotonic() - began < 1.5
    assert server.requests == 1


def test_silence_ends_at_the_read_deadline(serve: Serve, session: requests.Session) -> None:
    server = serve(_silent)
    began = time.monotonic()
    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(server.url)
    assert time.monotonic() - began > 0.25


def test_address_that_never_answers_ends_at_the_connect_deadline(session: requests.Session) -> None:
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        backlog = [socket.socket() for _ in range(3)]
        for waiting in backlog:
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        began = time.monotonic()
        with pytest.raises(requests.exceptions.RequestException):
            session.get(f"http://127.0.0.1:{full.getsockname()[1]}")
        assert time.monotonic() - began < 1.2
        for waiting in backlog:
            waiting.close()


def test_truncated_body_is_an_error(serve: Serve, session: requests.Session) -> None:
    with pytest.raises(requests.exceptions.RequestException):
        session.get(serve(_cut).url)


def test_connection_is_kept_and_watched_again(serve: Serve, session: requests.Session) -> None:
    answers = iter([_fine, _fine, _body_drips])
    connections = set()

    def behave(peer: socket.socket) -> None:
        connections.add(peer.getpeername())
        next(answers)(peer)

    server = serve(behave)
    assert [session.get(server.url).text for _ in range(2)] == ["{}", "{}"]
    time.sleep(DEADLINES.total + 0.1)  # the first watches' time is over: they must not shut what lives on
    with pytest.raises(DeadlineExceeded):
        session.get(server.url)
    assert len(connections) == 1


def test_dripping_tls_handshake_ends_at_the_total_deadline(serve: Serve, session: requests.Session) -> None:
    def handshake(peer: socket.socket) -> None:
        peer.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")  # a ServerHello record of 16 KB that never ends
        _drip(peer, b"\x00" * 200)

    began = time.monotonic()
    with pytest.raises(requests.exceptions.RequestException):
        session.get(serve(handshake).url.replace("http:", "https:"))
    assert time.monotonic() - began < 1.5


def test_jira_session_keeps_the_deadline(serve: Serve) -> None:
    server = serve(_body_drips)
    with closing(ResilientSession(timeout=60, max_retries=0)) as jira_session:
        mount(jira_session, DEADLINES)
        with pytest.raises(DeadlineExceeded):
            jira_session.post(server.url, json={})
    assert server.requests == 1


def test_deadline_reaches_a_pygithub_client(serve: Serve) -> None:
    server = serve(_body_drips)
    github = Github(base_url=server.url, auth=Auth.Token("t"), retry=None)
    connection = github.requester._Requester__createConnection()  # type: ignore[attr-defined]
    mount(connection.session, DEADLINES)
    with pytest.raises(DeadlineExceeded):
        github.requester.requestJson("POST", "/graphql", input={})
    assert server.requests == 1
    github.close()
