"""Deliveries that never arrived, as GitHub lists them: found with few requests, asked for once more, hook by hook."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.github import App, GitHubTracker, Shared, Token
from adapters.github.redelivery import Attempt as Listed
from adapters.github.redelivery import never_arrived
from adapters.tracker import AccessDenied, Deliveries, Undelivered
from tests.contracts import Recorder
from tests.standins.github.client import Clock
from tests.standins.github.server import GitHubStandIn, Request
from tests.standins.github.webhooks import Attempt, Delivery, Hook, Target

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SHOP, WEB = "acme/shop", "acme/web"
OURS = "https://integrator.example/webhooks/github"
LOST, UNAUTHORIZED, BUSY, ARRIVED = 0, 401, 503, 202


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def github(clock: Clock, recorder: Recorder) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(clock) as github:
        recorder.register(github.url, "github")
        github.person("boss", "admin", member=True)
        github.person("alice", "write", member=True)
        github.repository(SHOP)
        github.repository(WEB)
        yield github
    assert github.unexpected == []


Connect = Callable[..., GitHubTracker]


@pytest.fixture
def connect(github: GitHubStandIn, clock: Clock) -> Iterator[Connect]:
    made: list[GitHubTracker] = []

    def make(who: str = "boss", app: Any = None, **changes: Any) -> GitHubTracker:
        auth = App(app.app_id, app.installation_id, app.private_key) if app else Token(github.token(who))
        plain: dict[str, Any] = {"name": "github", "url": github.url, "repositories": [SHOP], "shared": Shared()}
        made.append(GitHubTracker(auth=auth, clock=clock, **(plain | changes)))
        return made[-1]

    yield make
    for tracker in made:
        tracker.close()


def hook_of(github: GitHubStandIn, target: Target, owner: str, url: str = OURS) -> Hook:
    return github.hub.add_hook(target, owner, url, "s3cret", "json", ("*",), START)


def sent(github: GitHubStandIn, hook: Hook, guid: str, *statuses: int) -> None:
    """A delivery with these attempts at it, one a minute."""
    known = next((d for d in github.hub.deliveries if d.guid == guid), None)
    delivery = known or Delivery(guid, "issues", "opened", github.world.instant(), {}, SHOP)
    if known is None:
        github.hub.deliveries.append(delivery)
    for status in statuses:
        number = next(github.hub._attempts)
        delivery.attempts.append(Attempt(number, hook.id, github.world.instant(), 0.1, status, bool(delivery.attempts)))
        github.world.clock.pass_by(60)  # type: ignore[attr-defined]


def asked(github: GitHubStandIn) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in github.requests]


def lists(github: GitHubStandIn) -> list[Request]:
    return [request for request in github.requests if request.path.endswith("/deliveries")]


def ids(found: Deliveries) -> list[str]:
    return [one.id for one in found.missed]


def test_what_no_attempt_brought_is_asked_for_by_its_last_one(github: GitHubStandIn, connect: Connect) -> None:
    hook = hook_of(github, "repository", SHOP)
    for guid, statuses in {
        "arrived": [ARRIVED],
        "lost": [LOST],
        "lost, then arrived": [LOST, ARRIVED],
        "lost again": [LOST, BUSY],
        "unauthorized": [UNAUTHORIZED],
        "too large": [413],
        "malformed": [LOST, 400],
        "another type": [415],
    }.items():
        sent(github, hook, guid, *statuses)
    tracker = connect()
    found = tracker.deliveries(START)
    assert ids(found) == ["lost", "lost again", "unauthorized"] and found.refused == ""
    assert tracker.redeliver(found.missed[1]) == ""
    last = next(d for d in github.deliveries if d.guid == "lost again").attempts[-1]
    assert asked(github)[-1] == ("POST", f"/repos/{SHOP}/hooks/{hook.id}/deliveries/{last.id}/attempts")


def test_an_idle_look_is_one_request_a_hook_and_hooks_are_looked_for_once_an_hour(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    hook = hook_of(github, "repository", SHOP)
    for number in range(5):
        sent(github, hook, f"{number}", ARRIVED)
    tracker = connect()
    assert tracker.deliveries(START) == Deliveries()
    assert [path for _, path in asked(github)] == [
        f"/repos/{SHOP}/hooks",
        "/orgs/acme/hooks",
        f"/repos/{SHOP}/hooks/{hook.id}/deliveries",
    ]
    for passed, more in ((10, 1), (10, 1), (60, 3)):
        before = len(github.requests)
        clock.pass_by(passed * 60)
        tracker.deliveries(clock() - 10 * MINUTE)
        assert len(github.requests) - before == more


def test_pages_are_followed_only_as_far_back_as_needed(github: GitHubStandIn, connect: Connect, clock: Clock) -> None:
    hook = hook_of(github, "repository", SHOP)
    for number in range(250):
        sent(github, hook, f"{number}", LOST)
    assert ids(connect().deliveries(clock() - 120 * MINUTE)) == [f"{number}" for number in range(130, 250)]
    failures = [request.query for request in lists(github) if request.query["status"] == "failure"]
    assert [("cursor" in query, query["per_page"]) for query in failures] == [(False, "100"), (True, "100")]


@pytest.mark.parametrize("days", [1, 3])
def test_the_first_look_goes_back_days(github: GitHubStandIn, connect: Connect, clock: Clock, days: int) -> None:
    sent(github, hook_of(github, "repository", SHOP), "lost", LOST)
    clock.pass_by(days * 24 * 3600)
    found = connect().deliveries(clock() - timedelta(days=4))
    assert ids(found) == (["lost"] if days == 1 else [])


def test_only_hooks_to_us_are_looked_at(github: GitHubStandIn, connect: Connect) -> None:
    other = hook_of(github, "repository", SHOP, "https://ci.example/webhooks/github-actions")
    organisation = hook_of(github, "organization", "acme")
    web = hook_of(github, "repository", WEB, OURS + "/")
    for hook, guid in ((other, "other"), (organisation, "organisation"), (web, "web")):
        sent(github, hook, guid, LOST)
    assert ids(connect(repositories=[SHOP, WEB]).deliveries(START)) == ["organisation", "web"]
    assert ids(connect(name="hub").deliveries(START)) == []
    elsewhere = connect(webhook=("https://ci.example/webhooks/github-actions", "s"))
    assert ids(elsewhere.deliveries(START)) == ["other"]


def test_what_arrived_at_one_hook_is_not_lost_at_another(github: GitHubStandIn, connect: Connect) -> None:
    """All hooks are told of an event by the same guid."""
    one, two = hook_of(github, "repository", SHOP), hook_of(github, "organization", "acme")
    sent(github, one, "once", LOST)
    sent(github, two, "once", LOST, ARRIVED)
    sent(github, one, "never", LOST)
    sent(github, two, "never", LOST)
    assert ids(connect().deliveries(START)) == ["never"]


def test_an_app_asks_as_itself(github: GitHubStandIn, connect: Connect) -> None:
    app = github.install_app()
    hook = github.connect("https://integrator.example/anywhere", "s3cret", app=app)
    sent(github, hook, "lost", LOST)
    tracker = connect(app=app)
    found = tracker.deliveries(START)
    assert (ids(found), tracker.redeliver(found.missed[0])) == (["lost"], "")
    assert {path.partition("/deliveries")[0] for _, path in asked(github)} == {"/app/hook/config", "/app/hook"}


def test_an_app_without_a_hook_looks_at_those_it_may_see(github: GitHubStandIn, connect: Connect) -> None:
    sent(github, hook_of(github, "organization", "acme"), "lost", LOST)
    assert ids(connect(app=github.install_app()).deliveries(START)) == ["lost"]


def test_without_the_permission_to_see_hooks_that_is_said(github: GitHubStandIn, connect: Connect) -> None:
    hook_of(github, "repository", SHOP)
    found = connect("alice").deliveries(START)
    assert found.missed == () and found.refused.startswith(f"/repos/{SHOP}/hooks can't be looked at")


def test_a_hook_of_the_organisation_makes_up_for_those_that_cannot_be_seen(
    github: GitHubStandIn, connect: Connect
) -> None:
    app = github.install_app(permissions={"metadata": "read", "issues": "write", "organization_hooks": "write"})
    sent(github, hook_of(github, "organization", "acme"), "lost", LOST)
    assert connect(app=app).deliveries(START) == Deliveries((found_at(github, "lost"),))


def found_at(github: GitHubStandIn, guid: str) -> Undelivered:
    attempt = next(d for d in github.deliveries if d.guid == guid).attempts[-1]
    return Undelivered(guid, f"/orgs/acme/hooks/{attempt.hook}/deliveries/{attempt.id}/attempts")


def test_a_hook_that_is_gone_is_looked_for_anew(github: GitHubStandIn, connect: Connect) -> None:
    old, tracker = hook_of(github, "repository", SHOP), connect()
    tracker.deliveries(START)
    github.hub.hooks.remove(old)
    new = hook_of(github, "repository", SHOP)
    sent(github, new, "lost", LOST)
    assert "Not Found" in tracker.deliveries(START).refused
    assert ids(tracker.deliveries(START)) == ["lost"]


def test_one_that_is_too_old_is_refused_alone_and_a_missing_permission_for_all(
    github: GitHubStandIn, connect: Connect, clock: Clock
) -> None:
    hook = hook_of(github, "repository", SHOP)
    sent(github, hook, "lost", LOST)
    (lost,) = connect().deliveries(START).missed
    reader = {"metadata": "read", "repository_hooks": "read"}
    with pytest.raises(AccessDenied, match="attempts"):
        connect(app=github.install_app(permissions=reader)).redeliver(lost)
    clock.pass_by(4 * 24 * 3600)
    assert "Not Found" in connect().redeliver(lost)


@pytest.mark.parametrize("status", [200, 204, 299, 400, 413, 415])
def test_settled(status: int) -> None:
    assert never_arrived([Listed("a", START, LOST, ""), Listed("a", START - MINUTE, status, "")], set()) == ()


@pytest.mark.parametrize("status", [0, 302, 401, 404, 408, 429, 500, 502, 503, 504])
def test_not_settled(status: int) -> None:
    assert never_arrived([Listed("a", START, status, "again")], {"b"}) == (Undelivered("a", "again"),)
