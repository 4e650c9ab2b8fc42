"""Both trackers and the service's own parts in one process, on one clock that the test turns."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.github import GitHubTracker
from adapters.tracker import Tracker
from integrator.config import Config
from integrator.connect import tracker_factory
from integrator.rounds import Every
from integrator.service import Service, build
from integrator.store import Store
from integrator.sync import backfill
from integrator.yaml_file import validated
from tests.connected import APP_YAML, REPO, environment, github_company
from tests.contracts import Recorder
from tests.installation import SECRET
from tests.standins.github.client import Clock
from tests.standins.github.server import GitHubStandIn
from tests.standins.github.webhooks import Hook
from tests.standins.jira.acme import acme
from tests.standins.jira.server import JiraStandIn

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOWHERE = "https://integrator.example/webhooks/github"  # nothing is posted there: the test carries every delivery
PATIENCE = 120.0  # seconds of real time
QUIET = 0.05
STUCK = 1.0


@dataclass
class Running:
    """A service at work on both stand-ins. Deliveries go where the test carries them."""

    github: GitHubStandIn
    jira: JiraStandIn
    clock: Clock
    config: Config
    environ: Mapping[str, str]
    folder: Path
    hook: Hook
    carried: list[int] = field(default_factory=lambda: [0, 0])
    stack: ExitStack = field(default_factory=ExitStack)
    databases: int = 0
    every: Every | None = None

    def start(self, threads: int = 2) -> None:
        """Begin to work on a new, empty database; what ran before is ended."""
        self.stack.close()
        self.databases += 1
        store = Store(f"sqlite:///{self.folder / f'{self.databases}.db'}", self.clock)
        store.migrate()
        factory, made = tracker_factory(self.config, store.now, self.environ), list[Tracker]()

        def connect() -> Mapping[str, Tracker]:
            trackers = factory()
            made.extend(trackers.values())
            return trackers

        self.trackers = connect()
        self.service: Service = build(self.config, store, connect, threads, self.environ, every=self.every)
        self.service.start()
        self.stack.callback(_close, made)
        self.stack.callback(self.service.stop)
        self.door = self.service.app.test_client()

    def sync(self) -> None:
        """What `integrator sync` puts on the agenda."""
        for tracker in self.trackers.values():
            for _ in backfill(self.service.store, self.service.agenda, tracker, None):
                pass

    def deliveries(self) -> list[tuple[str, dict[str, str], bytes]]:
        """What the trackers have told since this was last asked."""
        github, jira = self.github.deliveries[self.carried[0] :], self.jira.deliveries[self.carried[1] :]
        self.carried = [self.carried[0] + len(github), self.carried[1] + len(jira)]
        told = [("github", *self.github.signed(one.guid, self.hook)) for one in github]
        return told + [("jira", one.headers(SECRET, 0), one.body) for one in jira]

    def deliver(self, tracker: str, headers: Mapping[str, str], body: bytes) -> None:
        answer = self.door.post(f"/webhooks/{tracker}", data=body, headers=dict(headers))
        assert answer.status_code == 202, answer.text

    def settle(self, hears: bool = True) -> None:
        """Carry deliveries, and let the time pass that retries wait for, until the agenda is empty.

        Not `hears`: what the trackers tell meanwhile is carried another time.
        """
        until, quiet_since, moved_at = time.monotonic() + PATIENCE, None, time.monotonic()
        while quiet_since is None or time.monotonic() - quiet_since < QUIET:
            time.sleep(0.01)
            for delivery in self.deliveries() if hears else ():
                self.deliver(*delivery)
            rows, busy = self.service.agenda.rows(parked=False), self.service.agenda.is_busy()
            assert not self.service.agenda.rows(parked=True), self.service.agenda.rows(parked=True)
            assert time.monotonic() < until, f"not at rest after {PATIENCE} s: {rows}"
            quiet_since = (
                (quiet_since or time.monotonic()) if not (rows or busy or (hears and self._has_news())) else None
            )
            if rows and (not busy or time.monotonic() - moved_at > STUCK):
                later = [row["look_at"] for row in rows if row["look_at"] and row["look_at"] > self.clock()]
                self.pass_by((min(later) - self.clock()).total_seconds() + 0.001 if later else STUCK)
                moved_at = time.monotonic()

    def pass_by(self, seconds: float) -> None:
        self.clock.pass_by(seconds)
        if self.service.pool is not None:
            self.service.pool.wake()

    def _has_news(self) -> bool:
        return [len(self.github.deliveries), len(self.jira.deliveries)] != self.carried


def _close(trackers: Iterable[Tracker]) -> None:
    for tracker in trackers:
        if isinstance(tracker, GitHubTracker):
            tracker.close()


@contextmanager
def running(
    folder: Path, recorder: Recorder, policy: str = "", every: Every | None = None, **how: Any
) -> Iterator[Running]:
    """A company whose service is at work; `policy` is what app.yaml says beside its trackers, `every` which rounds."""
    clock = Clock(START)
    with GitHubStandIn(clock) as github, acme(("OPS",), clock=clock) as jira:
        recorder.register(github.url, "github")
        recorder.register(jira.url, "jira-cloud")
        github_company(github)
        for name in ("alice", "bob", "dave"):
            github.person(name, "write", member=True)
        text = APP_YAML.format(github=github.url, jira=jira.url, repo=REPO, product="cloud", enforce_from="2020-01-01")
        environ = environment(github, jira)
        config = validated(Config, text + policy, "app.yaml")
        for label in config.labels.all():
            github.acts.label_for(github.world.repository(REPO), label.name)
        hook = github.connect(NOWHERE, SECRET)
        company = Running(github, jira, clock, config, environ, folder, hook, every=every)
        with company.stack:
            company.start(**how)
            yield company
    assert github.unexpected == []
    assert jira.unexpected == []
