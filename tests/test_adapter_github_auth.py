import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
import requests
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.github import App, GitHubTracker, Shared, Token
from adapters.tracker import AccessDenied
from mapping.issue import Issue, Standing
from tests.adapter_github_answers import API, NOW, GitHub, actor, issue, read_answer, ref, scripted, tracker

TOKENS = f"{API}/app/installations/5/access_tokens"


@cache
def app() -> App:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return App(app_id=9, installation_id=5, private_key=pem.decode())


class Tokens:
    """The token endpoint: counts, and gives each token an hour."""

    def __init__(self, github: GitHub, now: Callable[[], datetime]) -> None:
        self.given = 0
        self.assertions: list[str] = []
        self._now = now
        self._lock = threading.Lock()
        github.mock.add_callback("POST", TOKENS, self._give, content_type="application/json")

    def _give(self, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], str]:
        with self._lock:
            self.given += 1
            self.assertions.append(request.headers["Authorization"])
            until = (self._now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            return 201, {}, json.dumps({"token": f"ghs_{self.given}", "expires_at": until, "permissions": {}})


@contextmanager
def installed(now: Callable[[], datetime] = lambda: NOW) -> Iterator[tuple[GitHub, Tokens]]:
    with scripted() as github:
        yield github.people(), Tokens(github, now)


def viewed(number: int) -> Any:
    answer = read_answer(issue(number, author=actor("spark", "Bot")))
    answer["data"]["viewer"]["login"] = "spark[bot]"
    return answer


def test_an_app_is_itself_whether_or_not_github_says_bot() -> None:
    with installed() as (github, tokens):
        github.will(viewed(7))
        found = tracker(auth=app()).read([ref(7)])[ref(7)]
    assert isinstance(found, Issue)
    assert found.author is not None
    assert (found.author.id, found.author.standing) == ("spark[bot]", Standing.SELF)
    assert tokens.assertions[0].startswith("Bearer ey")
    assert github.headers[0]["Authorization"] == "token ghs_1"


def test_threads_that_start_together_fetch_one_token() -> None:
    barrier = threading.Barrier(6)
    failures: list[BaseException] = []

    def work(ours: GitHubTracker) -> None:
        try:
            barrier.wait()
            ours.read([ref(7)])
        except BaseException as failure:
            failures.append(failure)

    shared = Shared()
    with installed() as (github, tokens):
        github.will(*[viewed(7)] * 6)
        threads = [threading.Thread(target=work, args=(tracker(auth=app(), shared=shared),)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    assert tokens.given == 1


def test_a_token_is_renewed_before_it_ends() -> None:
    now = NOW
    with installed(lambda: now) as (github, tokens):
        github.will(*[viewed(7)] * 3)
        ours = tracker(auth=app(), clock=lambda: now)
        ours.read([ref(7)])
        now = NOW + timedelta(minutes=54)
        ours.read([ref(7)])
        assert tokens.given == 1
        now = NOW + timedelta(minutes=56)
        ours.read([ref(7)])
        assert tokens.given == 2


@pytest.mark.broken_answers
def test_a_token_that_is_refused_is_not_used_again() -> None:
    with installed() as (github, tokens):
        github.will((401, {}, {"message": "Bad credentials"}), viewed(7))
        ours = tracker(auth=app())
        with pytest.raises(AccessDenied, match="Bad credentials"):
            ours.read([ref(7)])
        ours.read([ref(7)])
    assert tokens.given == 2


@pytest.mark.broken_answers
@pytest.mark.parametrize(("status", "says"), [(404, "no installation 5"), (401, "credentials")])
def test_an_app_that_is_not_installed_is_told_so(status: int, says: str) -> None:
    with responses.RequestsMock() as mock:
        mock.post(TOKENS, json={"message": "Not Found"}, status=status)
        with pytest.raises(AccessDenied, match=says):
            tracker(auth=app()).read([ref(7)])


def test_secrets_stay_out_of_sight() -> None:
    assert "hunter2" not in repr(Token("hunter2"))
    assert "hunter2" not in repr(App(1, 2, "hunter2"))
