"""For every test: no network, deterministic properties, and every HTTP exchange judged by the contract recorder."""

import ipaddress
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, settings

from tests.contracts import Contracts, Recorder, Tally, find_contracts

settings.register_profile(
    "default",
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "nightly",
    max_examples=3000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_RECORDER = pytest.StashKey[Recorder]()


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a suite in the background hands on a deaf Ctrl-C
        signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = find_contracts()
    config.stash[_RECORDER] = Recorder(Contracts(folder) if folder else None)


@pytest.fixture(scope="session")
def recorder(pytestconfig: pytest.Config) -> Recorder:
    """The contract recorder; stand-ins register their base URL with it, or show it every exchange."""
    return pytestconfig.stash[_RECORDER]


class _Guard:
    """Refuses every connection that would leave this machine, and remembers it."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self._lock = threading.Lock()

    def check(self, host: Any) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        if name is None or name in ("", "localhost") or _is_loopback(name):
            return
        with self._lock:
            self.attempts.append(f"a test tried to reach {name}: tests talk to 127.0.0.1 or to `responses` only")
        raise ConnectionRefusedError(self.attempts[-1])

    def connecting(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(sock: socket.socket, address: Any) -> Any:
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                self.check(address[0])
            return connect(sock, address)

        return guarded

    def looking_up(self, getaddrinfo: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
            self.check(host)
            return getaddrinfo(host, *args, **kwargs)

        return guarded


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def network(recorder: Recorder) -> Iterator[_Guard]:
    """Stand between the suite and the network for the whole session."""
    guard = _Guard()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", recorder.watching(requests.Session.send))
        patch.setattr(socket.socket, "connect", guard.connecting(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guard.connecting(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", guard.looking_up(socket.getaddrinfo))
        yield guard


@pytest.fixture(autouse=True)
def contract(request: pytest.FixtureRequest, recorder: Recorder, network: _Guard) -> Iterator[None]:
    """Fail the test in which a description was violated or the network was tried."""
    recorder.answers_are_broken = request.node.get_closest_marker("broken_answers") is not None
    yield
    recorder.forget()
    faults = recorder.drain() + network.attempts
    network.attempts = []
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of a distributed run hands what it saw to the process that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        tally = session.config.stash[_RECORDER].tally
        output["contracts"] = [tally.judged, tally.faulty, tally.seconds, dict(tally.outside), dict(tally.strangers)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    judged, faulty, seconds, outside, strangers = node.workeroutput.get("contracts", [0, 0, 0.0, {}, {}])
    node.config.stash[_RECORDER].tally.add(Tally(judged, faulty, seconds, Counter(outside), Counter(strangers)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    recorder = config.stash[_RECORDER]
    if recorder.contracts is None:
        lines = ["not checked: the official descriptions are not here (CONTRACTS_DIR); see docs/contracts.md"]
    else:
        lines = list(recorder.tally.lines())
    terminalreporter.write_line(f"contracts: {lines[0]}")
    for line in lines[1:]:
        terminalreporter.write_line(line)
