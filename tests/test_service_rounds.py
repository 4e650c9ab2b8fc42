"""Rounds through the service on the stand-ins: whatever was never told is found, each thing once, in few requests."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from werkzeug.serving import make_server

from integrator.connect import tracker_factory
from integrator.rounds import AT_START, Every
from integrator.service import build
from integrator.store import Store
from integrator.subjects import Round
from integrator.tables import agenda, deliveries, journal
from tests.board_company import Running, running
from tests.connected import P0_FORM, P0_WIKI, REPO, company
from tests.contracts import Recorder
from tests.installation import SECRET, wait_for
from tests.postgres import database

MINUTE = timedelta(minutes=1)
EVERY: Every = {Round.REDELIVERY: 5 * MINUTE, Round.RECONCILE: 10 * MINUTE, Round.SWEEP: timedelta(days=1)}
EMERGENCY = {"P0", "emergency"}


def _only(kind: Round) -> Every:
    return {kind: EVERY[kind]}


def _later(acme: Running, kind: Round) -> None:
    """What the trackers told so far is lost; then the round is due."""
    acme.deliveries()
    acme.pass_by(EVERY[kind].total_seconds())
    acme.settle()


@contextmanager
def _listening(acme: Running) -> Iterator[str]:
    """The service's webhooks on a port of their own; where GitHub's organisation delivers to."""
    server = make_server("127.0.0.1", 0, acme.service.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/webhooks/github"
    acme.github.connect(url, SECRET, repo="acme")
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_was_opened_while_the_service_was_dead_is_sent_again_and_handled_once(
    tmp_path: Path, recorder: Recorder
) -> None:
    with company(tmp_path, recorder, catch_up="{reconcile: off, sweep: off}") as acme:
        acme.integrator.start()
        acme.github.connect(f"{acme.integrator.url}/webhooks/github", SECRET, repo="acme")
        acme.integrator.kill()
        numbers = [acme.github.open_issue(REPO, "carol", f"Down {n}", P0_FORM) for n in range(3)]
        acme.github.comment(REPO, numbers[0], "alice", "/p1")
        acme.github.settle()
        lost = {delivery.guid for delivery in acme.github.deliveries}
        assert {a.status for delivery in acme.github.deliveries for a in delivery.attempts} == {0}
        acme.integrator.start()
        wait_for(
            lambda: all(acme.github.issue(REPO, n).column == "Emergency Queue" for n in numbers), acme.integrator.log
        )
        acme.github.settle()
        wait_for(acme.integrator.is_settled, acme.integrator.log)
        severities = [acme.github.issue(REPO, n).labels - {"emergency"} for n in numbers]
        assert severities == [{"P1"}, {"P0"}, {"P0"}]
        assert [len(acme.github.issue(REPO, n).comments) for n in numbers] == [2, 1, 1]
        ends = {delivery.guid: delivery.attempts[-1] for delivery in acme.github.deliveries if delivery.guid in lost}
        assert {(attempt.status, attempt.redelivery) for attempt in ends.values()} == {(202, True)}
        with sqlite3.connect(acme.integrator.folder / "integrator.db") as conn:
            stored = Counter(guid for (guid,) in conn.execute("SELECT delivery FROM deliveries"))
        assert {guid: stored[guid] for guid in lost} == dict.fromkeys(lost, 1)
        assert "Traceback" not in acme.integrator.log()


def test_a_delivery_sent_again_is_looked_at_again_and_stored_once(tmp_path: Path, recorder: Recorder) -> None:
    with running(tmp_path, recorder) as acme, _listening(acme):
        number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        opened = acme.github.deliveries[0]
        acme.github.settle()
        acme.settle(hears=False)
        store, subject = acme.service.store, f"github:{REPO}#{number}"
        before = _counted(store, subject)
        hook = acme.github.hub.hooks[-1]
        for _ in range(2):
            acme.github.hub.attempt_again(hook, opened)
            acme.github.settle()
            acme.settle(hears=False)
        assert [attempt.status for attempt in opened.attempts] == [202, 202, 202]
        assert _counted(store, subject) == (before[0] + 2, *before[1:])


def _counted(store: Store, subject: str) -> tuple[int, int, int]:
    """How often the subject was touched, and how many deliveries and changes are written down."""
    touches = sa.select(agenda.c.seq).where(agenda.c.subject == subject)
    lines = [sa.select(sa.func.count()).select_from(table) for table in (deliveries, journal)]
    one, two, three = store.read(lambda conn: [conn.execute(query).scalar_one() for query in (touches, *lines)])
    return one, two, three


def test_a_webhook_of_jira_that_is_lost_for_good_is_found_by_reconcile(tmp_path: Path, recorder: Recorder) -> None:
    with running(tmp_path, recorder, every=_only(Round.RECONCILE)) as acme:
        acme.pass_by(AT_START.total_seconds())
        acme.settle()
        acme.pass_by(EVERY[Round.RECONCILE].total_seconds() - 20)
        acme.jira.search_lag = 60
        key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI)
        acme.deliveries()
        acme.pass_by(30)
        acme.settle()
        assert acme.jira.issue(key).labels == (), "the search doesn't know it yet"
        _later(acme, Round.RECONCILE)
        assert set(acme.jira.issue(key).labels) >= EMERGENCY
        (status,) = acme.jira.issue(key).comments
        acme.pass_by(1)
        acme.jira.transition(key, "alice", "Done")
        _quietly(acme)
        _later(acme, Round.RECONCILE)
        (now,) = acme.jira.issue(key).comments
        assert now.body != status.body, "the status says that it is closed"


def test_what_github_never_told_is_found_by_reconcile_also_a_closing(tmp_path: Path, recorder: Recorder) -> None:
    with running(tmp_path, recorder, every=_only(Round.RECONCILE)) as acme:
        number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        _later(acme, Round.RECONCILE)
        assert acme.github.issue(REPO, number).labels >= EMERGENCY
        acme.github.close(REPO, number, "alice")
        _quietly(acme)
        _later(acme, Round.RECONCILE)
        assert acme.github.issue(REPO, number).column == "Done"


def test_what_a_robot_undid_untold_is_repaired_by_the_sweep(tmp_path: Path, recorder: Recorder) -> None:
    with running(tmp_path, recorder, every=_only(Round.SWEEP)) as acme:
        number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI)
        acme.github.comment(REPO, number, "alice", "/p0")
        acme.jira.comment(key, "alice", "/p0")
        acme.settle()
        acme.github.unlabel(REPO, number, "renovate[bot]", "P0")
        acme.jira.set_labels(key, "renovate", ["emergency"])
        _quietly(acme)
        _later(acme, Round.SWEEP)
        assert "P0" in acme.github.issue(REPO, number).labels
        assert "P0" in acme.jira.issue(key).labels


def _quietly(acme: Running) -> None:
    """No clock, no look at a board: nothing but a round has the issues looked at again."""
    clocks = sa.update(agenda).where(agenda.c.subject.not_like("%:!%")).values(timer_at=None)
    acme.service.store.write(lambda conn: conn.execute(clocks))


def test_an_idle_round_costs_a_request_a_hook_or_a_repository(tmp_path: Path, recorder: Recorder) -> None:
    with running(tmp_path, recorder, every=EVERY) as acme, _listening(acme):
        acme.pass_by(AT_START.total_seconds())
        acme.settle()
        spent = {}
        for kind in (Round.REDELIVERY, Round.RECONCILE):
            before = len(acme.github.requests), len(acme.jira.requests)
            acme.pass_by(EVERY[Round.REDELIVERY].total_seconds())
            acme.settle()
            found = acme.github.requests[before[0] :], acme.jira.requests[before[1] :]
            spent[kind] = [f"{one.method} {one.path}" for some in found for one in some]
    deliveries = f"GET /orgs/acme/hooks/{acme.github.hub.hooks[-1].id}/deliveries"
    assert spent[Round.REDELIVERY] == [deliveries]
    assert sorted(spent[Round.RECONCILE]) == [deliveries, "POST /graphql", "POST /rest/api/2/search/jql"]


def test_two_workers_on_postgresql_make_each_round_once(tmp_path: Path, recorder: Recorder) -> None:
    url, every = database(), {Round.REDELIVERY: 2 * MINUTE, Round.RECONCILE: 4 * MINUTE}
    with running(tmp_path, recorder) as acme, ExitStack() as stack:
        acme.service.stop()
        number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        acme.github.connect("http://127.0.0.1:9/webhooks/github", SECRET, repo="acme")
        services = []
        for _ in range(2):
            store = Store(url, acme.clock)
            store.migrate()
            connect = tracker_factory(acme.config, store.now, acme.environ)
            services.append(build(acme.config, store, connect, 2, acme.environ, every=every))
            stack.callback(services[-1].stop)
        for service in services:
            service.start()
        acme.service = services[0]
        before = len(acme.github.requests)
        for _ in range(3):
            acme.pass_by(every[Round.REDELIVERY].total_seconds())
            acme.settle(hears=False)
        made = acme.github.requests[before:]
        assert sum(request.query.get("status") == "failure" for request in made) == 3
        assert sum(_lists_issues(request.body) for request in made) == 2
        assert acme.github.issue(REPO, number).labels == EMERGENCY
        assert len(acme.github.issue(REPO, number).comments) == 1


def _lists_issues(body: object) -> bool:
    return isinstance(body, dict) and str(body.get("query", "")).startswith("query Open(")
