"""The web application: ready or not and why, what it counts, and every answer as JSON."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from adapters.tracker import RateLimited, Unreachable
from integrator import probe
from integrator.agenda import Agenda
from integrator.app import reception, web_app
from integrator.config import Config, GitHubConfig
from integrator.connect import receivers
from integrator.lanes import Lane
from integrator.scenario import Clock
from integrator.store import Store
from integrator.tables import agenda
from mapping.issue import IssueRef
from webhooks.delivery import Delivery, Ignored
from webhooks.receiver import Receiver

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
CONFIG = Config(trackers={"github": GitHubConfig(kind="github", repositories=("Acme/Shop",))})
SECRET = "s3cret"
BODY = json.dumps({
    "action": "opened",
    "issue": {"number": 7, "title": "x", "body": None, "state": "open", "updated_at": "2026-11-23T09:00:00Z"},
    "repository": {"full_name": "acme/shop"},
    "sender": {"login": "carol", "type": "User"},
}).encode()  # fmt: skip


class Site:
    """The application on a database of its own; `rings` counts how often the workers were woken."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(f"sqlite:///{folder}/a.db", Clock(START))
        self.store.migrate()
        self.tasks = Agenda(self.store, "me")
        self.store.bell.listen(self._ring)
        self.rings = 0
        self.alive: bool | None = True

    def client(self, receive: Mapping[str, Receiver] | None = None, workers: bool = True) -> FlaskClient:
        heard = receivers(CONFIG, {"INTEGRATOR_GITHUB_WEBHOOK_SECRETS": SECRET}) if receive is None else receive
        alive: Callable[[], bool] | None = (lambda: bool(self.alive)) if workers else None
        return web_app(self.store, reception(heard), self.tasks.accept, CONFIG.trackers, alive).test_client()

    def _ring(self) -> None:
        self.rings += 1

    def break_database(self) -> None:
        self.store.write(lambda conn: conn.execute(sa.text("DROP TABLE agenda")))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.store.close()


def _post(client: FlaskClient, body: bytes = BODY, guid: str = "g-1") -> tuple[int, dict[str, str], str | None]:
    headers = {
        "X-GitHub-Event": "issues",
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    answer = client.post("/webhooks/github", data=body, headers=headers, content_type="application/json")
    return answer.status_code, answer.get_json(), answer.headers.get("Retry-After")


def test_a_delivery_is_stored_under_the_configured_name_and_wakes_the_workers(site: Site) -> None:
    client = site.client()
    assert _post(client) == (202, {"answer": "stored"}, None)
    assert _post(client) == (202, {"answer": "already had"}, None)
    assert [claim.ref for claim in site.tasks.claim("github", 10)] == [IssueRef("github", "Acme/Shop#7")]
    assert site.rings == 2


def test_what_could_not_be_stored_is_503_with_a_time_to_try_again(site: Site) -> None:
    client = site.client()
    site.break_database()
    status, told, retry_after = _post(client)
    assert (status, retry_after) == (503, "30")
    assert told == {"error": "it could not be stored; send it again"}
    assert site.rings == 0


def test_health_is_that_it_lives(site: Site) -> None:
    site.break_database()
    site.alive = False
    answer = site.client().get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "alive"})


NOT_READY = [
    (False, True, True, []),
    (False, False, True, ["the workers are not running"]),
    (True, True, True, ["the database does not answer"]),
    (True, False, True, ["the database does not answer", "the workers are not running"]),
    (False, False, False, []),  # this process has no workers
    (True, False, False, ["the database does not answer"]),
]


@pytest.mark.parametrize(("broken", "alive", "works", "reasons"), NOT_READY)
def test_ready_or_the_reasons(site: Site, broken: bool, alive: bool, works: bool, reasons: list[str]) -> None:
    site.alive = alive
    if broken:
        site.break_database()
    answer = site.client(workers=works).get("/readyz")
    ready = {"status": "ready"}
    not_ready = {"status": "not ready", "reasons": reasons}
    assert (answer.status_code, answer.get_json()) == ((503, not_ready) if reasons else (200, ready))


def test_ready_says_what_is_held_back(site: Site) -> None:
    site.tasks.hold("jira", Unreachable("no answer within 20 s", START + timedelta(minutes=5)))
    answer = site.client().get("/readyz")
    held = {"jira": "until 09:05:00 UTC: no answer within 20 s"}
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ready", "held_back": held})


def test_a_database_that_takes_no_writes_is_noticed_before_a_delivery_is_lost(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "EVERY", 0.0)
    client = site.client()
    client.get("/readyz")
    read_only: list[int] = [1]
    sa.event.listen(site.store.engine, "checkout", lambda c, *_: c.execute(f"PRAGMA query_only={read_only[0]}"))
    answer = client.get("/readyz")
    reasons = ["the database takes no writes"]
    assert (answer.status_code, answer.get_json()) == (503, {"status": "not ready", "reasons": reasons})
    read_only[0] = 0
    assert client.get("/readyz").get_json() == {"status": "ready"}


def test_however_often_it_is_asked_it_writes_once_in_a_while(site: Site) -> None:
    client = site.client()
    commits: list[object] = []
    sa.event.listen(site.store.engine, "commit", commits.append)
    for _ in range(20):
        assert client.get("/readyz").status_code == 200
    assert len(commits) == 1


def _measured(client: FlaskClient) -> dict[frozenset[str], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.get_data(as_text=True))
    samples = [sample for family in families for sample in family.samples]
    return {frozenset([sample.name, *sample.labels.values()]): sample.value for sample in samples}


def test_metrics_count_deliveries_by_answer_and_show_the_agenda(site: Site) -> None:
    client = site.client()
    before = _measured(client)
    _post(client)
    _post(client)
    _post(client, b"{}")
    client.post("/webhooks/gitlab", data=b"{}")
    site.tasks.touch([IssueRef("github", f"Acme/Shop#{number}") for number in (8, 9)], Lane.SWEEP)
    parked = sa.update(agenda).where(agenda.c.subject == "github:Acme/Shop#9").values(parked_at=START)
    site.store.write(lambda conn: conn.execute(parked))
    after = _measured(client)

    def more(*labels: str) -> float:
        line = frozenset(["integrator_deliveries_total", *labels])
        return after.get(line, 0) - before.get(line, 0)

    assert more("github", "issues.opened", "stored") == more("github", "issues.opened", "already had") == 1
    assert more("unknown", "unknown", "unknown tracker") == 1
    assert after[frozenset(["integrator_agenda_due", "github"])] == 2
    assert after[frozenset(["integrator_agenda_parked", "github"])] == 1


def test_metrics_answer_without_a_database(site: Site) -> None:
    _measured(site.client())
    site.break_database()
    assert frozenset(["integrator_agenda_due", "github"]) in _measured(site.client())


def test_metrics_tell_how_late_the_work_is_and_who_is_held_back(site: Site) -> None:
    later, sooner, both = (IssueRef("github", f"Acme/Shop#{number}") for number in (1, 2, 3))
    site.tasks.touch([later], Lane.EVENT, START - timedelta(seconds=5))
    site.tasks.touch([sooner, both], Lane.SWEEP, START - timedelta(seconds=40))
    timed = sa.update(agenda).values(timer_at=START - timedelta(seconds=90))  # both due: counted once
    site.store.write(lambda conn: conn.execute(timed.where(agenda.c.subject == str(both))))
    measured = _measured(site.client())
    assert measured[frozenset(["integrator_agenda_due", "github"])] == 3
    assert measured[frozenset(["integrator_agenda_oldest_due_seconds", "github"])] == 90
    assert measured[frozenset(["integrator_tracker_held", "github"])] == 0
    idle = sa.update(agenda).values(look_at=None)
    site.store.write(lambda conn: conn.execute(idle))
    site.tasks.hold("github", RateLimited("limit", START + timedelta(minutes=5)))
    measured = _measured(site.client())
    assert measured[frozenset(["integrator_agenda_due", "github"])] == 1
    assert measured[frozenset(["integrator_agenda_oldest_due_seconds", "github"])] == 90
    assert measured[frozenset(["integrator_tracker_held", "github"])] == 1


def test_measuring_a_million_rows_reads_only_what_is_due(site: Site) -> None:
    plans: list[str] = []

    def explain(conn: object, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT") and "FROM agenda" in statement:
            plans.extend(
                str(row[3]) for row in cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            )

    client = site.client()
    client.get("/readyz")  # from now on it is known that the database answers
    sa.event.listen(site.store.engine, "before_cursor_execute", explain)
    _measured(client)
    assert len(plans) == 5 and all("USING" in plan and "INDEX agenda_" in plan for plan in plans), plans


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nowhere", 404, "not found"),
        ("GET", "/webhooks/github", 405, "method not allowed"),
        ("DELETE", "/readyz", 405, "method not allowed"),
        ("POST", "/webhooks/gitlab", 404, "no tracker is called 'gitlab'"),
    ],
)
def test_errors_are_json_too(site: Site, method: str, path: str, status: int, error: str) -> None:
    answer = site.client().open(path, method=method)
    assert (answer.status_code, answer.get_json()) == (status, {"error": error})


def test_a_fault_of_ours_shows_nothing_of_itself(site: Site) -> None:
    def receive(tracker: str, headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Delivery | Ignored:
        raise RuntimeError("hidden detail")

    client = site.client({"github": Receiver("github", receive, [SECRET], lambda ref: True, lambda ref: ref)})
    answer = client.post("/webhooks/github", data=b"{}")
    assert (answer.status_code, answer.get_json()) == (500, {"error": "internal server error"})
    assert "hidden" not in answer.get_data(as_text=True)
