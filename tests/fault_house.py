"""A company in which things go wrong: both trackers and the service's own parts in one process, on one virtual clock.

Requests, deadlines and threads are real; only pauses are not waited for: when nobody has anything to do, the clock is
turned to the next instant at which somebody has.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from adapters.github import GitHubTracker, marker
from adapters.http import Deadlines
from adapters.tracker import Tracker
from integrator.config import Config
from integrator.connect import tracker_factory
from integrator.service import Service, build
from integrator.store import Store
from integrator.tables import agenda, trackers
from integrator.todo import todo_for
from integrator.yaml_file import validated
from mapping.issue import Issue, IssueRef
from tests.connected import APP_YAML, P0_FORM, P0_WIKI, P2_FORM, REPO, environment, github_company
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
STUCK = 1.5
TOTAL = 0.5  # seconds of real time that a request may take
P2_WIKI = P2_FORM.replace("### ", "h3. ")


@dataclass(frozen=True, order=True)
class Sight:
    """An issue as people see it; `comments` are who wrote them and, of ours, what for."""

    tracker: str
    title: str
    state: str
    labels: tuple[str, ...]
    comments: tuple[tuple[str, str], ...]

    def without_alarms(self) -> "Sight":
        """Whether an alarm is due depends on how long a fault held the issue up."""
        labels = tuple(label for label in self.labels if not label.startswith("sla-"))
        comments = tuple(comment for comment in self.comments if not comment[1].startswith("alarm"))
        return replace(self, labels=labels, comments=comments)


@dataclass
class Trial:
    """A service at work on both stand-ins while people report, decide and close."""

    github: GitHubStandIn
    jira: JiraStandIn
    clock: Clock
    service: Service
    trackers: Mapping[str, Tracker]
    hook: Hook
    carried: list[int] = field(default_factory=lambda: [0, 0])
    told: int = 0

    # ---------------------------------------------------------------------------------------------- what happens

    def story(self) -> None:
        """A handful of deliveries: reports, a severity changed, one closed, one confirmed and resolved."""
        for title, form, wiki in (("a", P0_FORM, P0_WIKI), ("b", P0_FORM, P0_WIKI), ("c", P2_FORM, P2_WIKI)):
            self.github.open_issue(REPO, "carol", title, form)
            self.jira.create_issue("OPS", "carol", title, wiki, (), None)
        self.settle()
        self.github.comment(REPO, 2, "alice", "Only one customer.\n\n/p2")
        self.jira.comment("OPS-2", "alice", "/p2")
        self.github.comment(REPO, 3, "alice", "/p1")
        self.jira.comment("OPS-3", "alice", "/p1")
        self.github.close(REPO, 1, "alice")
        self.jira.transition("OPS-1", "alice", "Done")
        self.settle()
        self.github.close(REPO, 3, "alice")
        self.jira.transition("OPS-3", "alice", "Done")
        self.settle()

    def settle(self) -> None:
        """Carry deliveries, and let the time pass that somebody waits for, until the agenda is empty."""
        until, quiet_since, moved_at = time.monotonic() + PATIENCE, None, time.monotonic()
        while quiet_since is None or time.monotonic() - quiet_since < QUIET:
            time.sleep(0.005)
            news = self._carry()
            waiting = self._waiting()
            parked = self.service.agenda.rows(parked=True)
            assert not parked, f"parked: {parked}"
            assert time.monotonic() < until, f"not at rest after {PATIENCE} s: {waiting}"
            quiet_since = (quiet_since or time.monotonic()) if not news and not waiting else None
            ahead = min(waiting) - self.now() if waiting else timedelta()
            if ahead > timedelta() or time.monotonic() - moved_at > STUCK:
                self.clock.pass_by(max(ahead.total_seconds() + 0.001, 0.001))
                self._wake()
            if ahead > timedelta() or not waiting or news or time.monotonic() - moved_at > STUCK:
                moved_at = time.monotonic()

    def now(self) -> datetime:
        """The service's time."""
        return self.service.store.now()

    def _wake(self) -> None:
        if self.service.pool is not None:
            self.service.pool.wake()

    def _waiting(self) -> list[datetime]:
        """When somebody may take up each thing that is to be done; the past: now, or it is being done."""
        now = self.now()
        wanted = agenda.c.look_at.is_not(None) | (agenda.c.timer_at <= now) | agenda.c.lease_until.is_not(None)
        rows = self.service.store.read(lambda conn: conn.execute(sa.select(agenda).where(wanted)).all())
        held = {row.name: row.not_before for row in self.service.store.read(lambda c: c.execute(sa.select(trackers)))}
        return [
            now if row.lease_until else max(filter(None, (row.look_at or row.timer_at, held.get(row.tracker, now))))
            for row in rows
        ]

    def _carry(self) -> int:
        """Post what the trackers have told since; how many deliveries."""
        github, jira = self.github.deliveries[self.carried[0] :], self.jira.deliveries[self.carried[1] :]
        self.carried = [self.carried[0] + len(github), self.carried[1] + len(jira)]
        posts = [("github", *self.github.signed(one.guid, self.hook)) for one in github]
        posts += [("jira", one.headers(SECRET, 0), one.body) for one in jira]
        for tracker, headers, body in posts:
            answer = self.service.app.test_client().post(f"/webhooks/{tracker}", data=body, headers=headers)
            assert answer.status_code == 202, answer.text
        self.told += len(posts)
        return len(posts)

    # ---------------------------------------------------------------------------------------------- what came of it

    def sights(self) -> list[Sight]:
        """Every issue as it stands on its tracker now, whatever reads show."""
        return sorted([*github_sights(self.github), *jira_sights(self.jira)])

    def unplanned(self) -> list[str]:
        """What the service would still change if it looked again."""
        self.github.lag = self.jira.lag = 0.0
        refs = [IssueRef("github", f"{REPO}#{number}") for number in self.github.numbers(REPO)]
        refs += [IssueRef("jira", record.key) for record in self.jira.world.records()]
        found: list[str] = []
        for name, tracker in self.trackers.items():
            for ref, issue in tracker.read([ref for ref in refs if ref.tracker == name]).items():
                assert isinstance(issue, Issue), issue
                changes = todo_for(issue, self.service.config, self.now()).changes
                found += [f"{ref}: {change}" for change in changes]
        return found


def github_sights(github: GitHubStandIn) -> Iterator[Sight]:
    """The issues of the repository."""
    for issue in (github.issue(REPO, number) for number in github.numbers(REPO)):
        markers = ((c.author, marker.load(c.body)[1]) for c in issue.comments)
        comments = tuple(sorted((author, found.key if found else "") for author, found in markers))
        state = f"{issue.column} {'open' if issue.is_open else 'closed'}"
        yield Sight("github", issue.title, state, tuple(sorted(issue.labels)), comments)


def jira_sights(jira: JiraStandIn) -> Iterator[Sight]:
    """The issues of the site."""
    for issue in (jira.issue(record.key) for record in jira.world.records()):
        marked = ((c.author, c.properties.get("spark-integrator")) for c in issue.comments)
        comments = tuple(sorted((author, value["key"] if value else "") for author, value in marked))
        state = f"{issue.status} {dict(issue.fields)}"
        yield Sight("jira", issue.summary, state, tuple(sorted(issue.labels)), comments)


def duplicates(sights: Iterable[Sight]) -> list[str]:
    """Comments of ours and issues that are there more than once."""
    titles = Counter((sight.tracker, sight.title) for sight in sights)
    ours = Counter((sight.tracker, sight.title, key) for sight in sights for _, key in sight.comments if key)
    return [" ".join(what) for what, count in [*titles.items(), *ours.items()] if count > 1]


def said_by_us(company: Trial) -> int:
    """How many comments we have posted, those included that are not there any more."""
    on_github = (d.payload for d in company.github.deliveries if (d.event, d.action) == ("issue_comment", "created"))
    on_jira = (delivery.json for delivery in company.jira.deliveries if delivery.event == "comment_created")
    ours = company.jira.world.people["integrator"].id
    said = [payload["sender"]["type"] == "Bot" for payload in on_github]
    return sum(said + [payload["comment"]["author"]["accountId"] == ours for payload in on_jira])


@contextmanager
def trial(folder: Path, recorder: Recorder, lag: float = 0.0, ahead: float = 0.0) -> Iterator[Trial]:
    """A company at work. `lag`: of reads behind writes; `ahead`: of our clock before the trackers', in seconds."""
    clock = Clock(START)
    with ExitStack() as stack:
        github = stack.enter_context(GitHubStandIn(clock))
        jira = stack.enter_context(acme(("OPS",), clock=clock))
        github.access.strict = True
        recorder.register(github.url, "github")
        recorder.register(jira.url, "jira-cloud")
        github_company(github)
        text = APP_YAML.format(github=github.url, jira=jira.url, repo=REPO, product="cloud", enforce_from="2020-01-01")
        environ = environment(github, jira)
        config = validated(Config, text, "app.yaml")
        for label in config.labels.all():
            github.acts.label_for(github.world.repository(REPO), label.name)
        store = Store(f"sqlite:///{folder / 'trial.db'}", lambda: clock() + timedelta(seconds=ahead))
        store.migrate()
        yield stack.enter_context(_at_work(config, store, environ, (github, jira, clock), lag))
    assert github.unexpected == [], github.unexpected
    assert jira.unexpected == [], jira.unexpected


@contextmanager
def _at_work(
    config: Config,
    store: Store,
    environ: Mapping[str, str],
    world: tuple[GitHubStandIn, JiraStandIn, Clock],
    lag: float,
) -> Iterator[Trial]:
    factory, made = tracker_factory(config, store.now, environ, Deadlines(TOTAL, TOTAL, TOTAL)), list[Tracker]()

    def connect() -> Mapping[str, Tracker]:
        trackers = factory()
        made.extend(trackers.values())
        return trackers

    github, jira, clock = world
    github.lag = jira.lag = lag
    mine, service = connect(), build(config, store, connect, 2, environ)
    service.start()
    try:
        yield Trial(github, jira, clock, service, mine, github.connect(NOWHERE, SECRET))
    finally:
        service.stop()
        for tracker in made:
            if isinstance(tracker, GitHubTracker):
                tracker.close()
