"""Reads that lag three seconds behind the webhooks: the same end, and nothing is planned from an older read."""

import json
import time
from pathlib import Path

import sqlalchemy as sa

from integrator.store import Store
from integrator.tables import journal
from tests.connected import P0_FORM, P0_WIKI, P2_FORM, REPO, Company, company
from tests.contracts import Recorder
from tests.installation import wait_for

LAG = 3.0


def _planned(acme: Company, subject: str) -> list[tuple[str, dict[str, object]]]:
    store = Store(acme.integrator.environ["INTEGRATOR_DATABASE_URL"])
    query = sa.select(journal).where(journal.c.subject == subject).order_by(journal.c.id)
    rows = store.read(lambda conn: conn.execute(query).all())
    store.close()
    return [(row.change, json.loads(row.detail)) for row in rows]


def _added(acme: Company, subject: str) -> set[str]:
    return {label for kind, d in _planned(acme, subject) if kind == "SetLabels" for label in list(d["add"])}  # type: ignore[call-overload]


def _start_of_a_second() -> None:
    """GitHub's times are whole seconds: what happens next happens in one of them."""
    time.sleep(1 - time.time() % 1 + 0.05)


def test_the_end_is_the_same_and_no_older_read_is_planned_from(tmp_path: Path, recorder: Recorder) -> None:
    with company(tmp_path, recorder) as acme:
        acme.integrator.start()
        acme.connect()
        acme.github.lag = acme.jira.lag = LAG
        _start_of_a_second()
        number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        acme.github.comment(REPO, number, "alice", "Only one customer, an easy way around.\n\n/p2")
        other = acme.github.open_issue(REPO, "carol", "Slow", P2_FORM)
        acme.github.edit_body(REPO, other, "carol", P0_FORM)
        key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
        acme.jira.comment(key, "alice", "/p2")
        wait_for(lambda: "P2" in acme.github.issue(REPO, number).labels, acme.integrator.log)
        wait_for(lambda: "P0" in acme.github.issue(REPO, other).labels, acme.integrator.log)
        wait_for(lambda: "P2" in acme.jira.issue(key).labels, acme.integrator.log)
        wait_for(acme.integrator.is_settled, acme.integrator.log)
        assert acme.github.issue(REPO, number).labels == {"P2"}
        assert acme.github.issue(REPO, number).column == "Backlog"
        assert acme.github.issue(REPO, other).labels == {"P0", "emergency"}
        assert acme.github.issue(REPO, other).column == "Emergency Queue"
        assert [c.author for c in acme.github.issue(REPO, number).comments] == ["alice", "spark-integrator[bot]"]
        assert set(acme.jira.issue(key).labels) == {"P2"}
        assert len(acme.jira.issue(key).comments) == 2
        assert _added(acme, f"github:{REPO}#{number}") == {"P2"}, "a label came from a read without the comment"
        assert _added(acme, f"github:{REPO}#{other}") == {"P0", "emergency"}
        assert _added(acme, f"jira:{key}") == {"P2"}
