"""Receivers and workers on PostgreSQL, some of them killed in the middle: nothing is lost, nothing is done twice."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.connected import P0_FORM, P0_WIKI, REPO, Company, company
from tests.contracts import Recorder
from tests.installation import PATIENCE, SECRET, answers, free_port, pull_the_plug, wait_for
from tests.postgres import database
from tests.standins.github.faults import Kind

GITHUB, JIRA = 12, 4

Post = tuple[str, dict[str, str], bytes]


@pytest.fixture
def acme(tmp_path: Path, recorder: Recorder) -> Iterator[Company]:
    """On PostgreSQL."""
    with company(tmp_path, recorder, database=database()) as running:
        yield running


@contextmanager
def receivers(acme: Company, number: int, *arguments: str) -> Iterator[list[tuple[str, Callable[[], None]]]]:
    """Processes of `serve`: the address of each, and how its plug is pulled."""
    with ExitStack() as stack:
        found: list[tuple[str, Callable[[], None]]] = []
        for _ in range(number):
            port = free_port()
            serve = acme.integrator.beside("serve", "--bind", f"127.0.0.1:{port}", *arguments)
            process = stack.enter_context(serve)
            found.append((f"http://127.0.0.1:{port}", partial(pull_the_plug, process)))
        for url, _ in found:
            wait_for(lambda url=url: answers(f"{url}/readyz") == 200, acme.integrator.log)  # type: ignore[misc]
        yield found


def _reports(acme: Company) -> tuple[list[int], list[str], list[Post]]:
    """Fresh emergencies on both trackers, and the deliveries that tell of them."""
    hook = acme.github.connect("http://127.0.0.1:9/", SECRET)
    numbers = [acme.github.open_issue(REPO, "carol", f"Down {n}", P0_FORM) for n in range(GITHUB)]
    keys = [acme.jira.create_issue("OPS", "carol", f"Down {n}", P0_WIKI, (), None) for n in range(JIRA)]
    posts: list[Post] = [("github", *acme.github.signed(d.guid, hook)) for d in acme.github.deliveries]
    return numbers, keys, posts + [("jira", d.headers(SECRET, 0), d.body) for d in acme.jira.deliveries]


def _send(urls: list[str], post: Post) -> str:
    """Send until somebody has stored it, as a tracker does again and again; the answer."""
    tracker, headers, body = post
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for url in urls:
            try:
                answer = requests.post(f"{url}/webhooks/{tracker}", data=body, headers=headers, timeout=10)
            except requests.RequestException:
                continue
            if answer.status_code == 202:
                return str(answer.json()["answer"])
    raise AssertionError("nobody took it")


def _is_handled(acme: Company, numbers: list[int], keys: list[str]) -> bool:
    on_github = all(acme.github.issue(REPO, n).column == "Emergency Queue" for n in numbers)
    return on_github and all("P0" in acme.jira.issue(key).labels for key in keys)


def _is_done_once(acme: Company, numbers: list[int], keys: list[str]) -> None:
    wait_for(lambda: _is_handled(acme, numbers, keys), acme.integrator.log)
    wait_for(acme.integrator.is_settled, acme.integrator.log)
    for number in numbers:
        done = acme.github.issue(REPO, number)
        assert (set(done.labels), len(done.comments)) == ({"P0", "emergency"}, 1), number
    for key in keys:
        seen = acme.jira.issue(key)
        assert (set(seen.labels), len(seen.comments)) == ({"P0", "emergency"}, 1), key


def test_two_receivers_and_two_workers_of_which_one_each_is_killed(acme: Company) -> None:
    slow = acme.github.fault(lambda *_: True, Kind.DELAY, times=1000, seconds=0.5)
    numbers, keys, posts = _reports(acme)
    with (
        receivers(acme, 2, "--no-work") as found,
        acme.integrator.beside("work") as first,
        ThreadPoolExecutor(4) as four,
    ):
        (one, _), (two, pull_two) = found
        sent = [four.submit(_send, [one, two][:: 1 if at % 2 else -1], post) for at, post in enumerate(posts * 3)]
        wait_for(lambda: slow.hits >= 2, acme.integrator.log)
        with acme.integrator.beside("work"):
            pull_two()
            pull_the_plug(first)
            slow.times = 0
            told = [future.result() for future in sent]
            assert told.count("stored") <= len(posts), "each is new once at the most: an answer may have been lost"
            _is_done_once(acme, numbers, keys)


def test_several_that_take_webhooks_and_work(acme: Company) -> None:
    numbers, keys, posts = _reports(acme)
    with receivers(acme, 2) as found, ThreadPoolExecutor(4) as four:
        urls = [url for url, _ in found]
        told = list(four.map(lambda post: _send(urls, post), posts * 2))
        assert sorted(set(told)) == ["already had", "stored"] and told.count("stored") == len(posts)
        _is_done_once(acme, numbers, keys)


def test_a_worker_alone_can_be_watched_and_ends_in_order(acme: Company) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with acme.integrator.beside("work", "--threads", "1", "--metrics", f"127.0.0.1:{port}") as process:
        wait_for(lambda: answers(f"{url}/readyz") == 200, acme.integrator.log)
        assert answers(f"{url}/healthz") == 200
        assert 'integrator_agenda_due{tracker="jira"} 0.0' in requests.get(f"{url}/metrics", timeout=5).text
        assert requests.post(f"{url}/webhooks/github", timeout=5).status_code == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_a_command_beside_the_workers_wakes_them(acme: Company) -> None:
    """`sync` puts issues on the agenda from a process of its own; the workers hear of it at once."""
    number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    with acme.integrator.beside("work"):
        wait_for(lambda: "at work" in acme.integrator.log(), acme.integrator.log)
        acme.integrator.run("sync", "--tracker", "github")
    assert acme.github.issue(REPO, number).labels == {"P0", "emergency"}
