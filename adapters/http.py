"""Deadlines for every outgoing call: to connect, between two bytes, and a total that no dripping server stretches."""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: to connect to one address, between two bytes of an answer, and for the whole exchange."""

    connect: float = 5.0
    read: float = 15.0
    total: float = 20.0


class DeadlineExceeded(requests.exceptions.Timeout):
    """The exchange was cut at its total deadline; whether the server did the work is unknown."""


class _Watch:
    """Shuts the exchange's socket down when its time is up.

    It holds a duplicate of the socket: the original changes hands in a TLS handshake and is closed early when
    the answer ends with the connection.
    """

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._fired = False
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True
        self._timer.start()

    def hold(self, sock: socket.socket) -> None:
        twin = socket.fromfd(sock.fileno(), sock.family, sock.type)
        with self._lock:
            self._held.append(twin)
            if self._fired:
                _shut(twin)

    def _fire(self) -> None:
        with self._lock:
            self._fired = True
            for twin in self._held:
                _shut(twin)

    def finish(self) -> bool:
        """End the watch; True when it had fired, so that what looks like a whole answer may be a cut one."""
        self._timer.cancel()
        with self._lock:
            for twin in self._held:
                twin.close()
            self._held.clear()
            return self._fired


class _Watched(threading.local):
    watch: _Watch | None = None


_current = _Watched()


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _hold(sock: socket.socket | None) -> None:
    if _current.watch is not None and sock is not None:
        _current.watch.hold(sock)


class _HTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        _hold(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        _hold(self.sock)
        super().request(*args, **kwargs)


class _HTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        _hold(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        _hold(self.sock)
        super().request(*args, **kwargs)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class DeadlineAdapter(HTTPAdapter):
    """A transport whose every exchange, body included, ends within its deadlines; it never sends anything twice.

    The body is always read here, also for `stream=True`. The caller's own `timeout=` is ignored. Looking a name up and
    connecting can't be cut short, but nothing is sent after the total deadline.
    """

    def __init__(self, deadlines: Deadlines = Deadlines(), pool_size: int = 4) -> None:
        self.deadlines = deadlines
        super().__init__(pool_connections=pool_size, pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let the pools make connections that can be watched."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """The same for connections through an HTTP proxy."""
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        if isinstance(manager, ProxyManager):
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(  # noqa: PLR0913, PLR0917 (the signature is that of requests)
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send and read the whole answer; DeadlineExceeded or another requests exception when that fails."""
        watch = _current.watch = _Watch(self.deadlines.total)
        try:
            response = super().send(
                request, stream, (self.deadlines.connect, self.deadlines.read), verify, cert, proxies
            )
            _ = response.content
        except requests.RequestException as failure:
            if watch.finish():
                raise self._exceeded(request) from failure
            raise
        finally:
            _current.watch = None
            fired = watch.finish()
        if fired:
            response.close()
            raise self._exceeded(request)
        return response

    def _exceeded(self, request: requests.PreparedRequest) -> DeadlineExceeded:
        return DeadlineExceeded(f"no whole answer within {self.deadlines.total:g} s", request=request)


def mount(session: requests.Session, deadlines: Deadlines = Deadlines()) -> None:
    """Give a session these deadlines for all its calls."""
    adapter = DeadlineAdapter(deadlines)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
