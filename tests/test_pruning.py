"""Retention: what is old goes, what a tracker may send again stays, and deliveries are taken meanwhile."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from integrator import pruning
from integrator.agenda import Agenda
from integrator.pruning import BATCH, Pruned, prunable, prune
from integrator.store import Store
from integrator.tables import agenda, deliveries, journal
from mapping.issue import IssueRef
from tests.here import Done, run
from tests.postgres import database
from webhooks.delivery import Delivery, Touch

NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(days=90)


@pytest.fixture(params=["file", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db" if request.param == "file" else database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    opened.migrate()
    yield opened
    opened.close()


def fill(store: Store, *days: float) -> None:
    """A delivery and a journal line of each age."""
    heard: list[dict[str, object]] = [
        {"tracker": "github", "delivery": f"d{number}", "event": "issues", "subjects": "", "received_at": _ago(age)}
        for number, age in enumerate(days)
    ]
    lines: list[dict[str, object]] = [
        {"at": _ago(age), "subject": "github:acme/shop#1", "change": "MoveTo", "detail": "{}", "because": ""}
        for age in days
    ]
    store.write(lambda conn: (conn.execute(sa.insert(deliveries), heard), conn.execute(sa.insert(journal), lines)))


def _ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def ages(store: Store) -> list[int]:
    at = store.read(lambda conn: list(conn.scalars(sa.select(deliveries.c.received_at).order_by(deliveries.c.id))))
    assert at == store.read(lambda conn: list(conn.scalars(sa.select(journal.c.at).order_by(journal.c.id))))
    return [round((NOW - one) / timedelta(days=1)) for one in at]


def test_what_is_old_goes_and_the_rest_stays(store: Store) -> None:
    fill(store, 400, 91, 89, 3)
    assert prunable(store, BEFORE) == Pruned(2, 2)
    assert ages(store) == [400, 91, 89, 3]
    assert prune(store, BEFORE) == Pruned(2, 2)
    assert ages(store) == [89, 3]
    assert prune(store, BEFORE) == prunable(store, BEFORE) == Pruned(0, 0)


def test_lines_a_little_out_of_order_are_found_too(store: Store) -> None:
    fill(store, 100, 89, 95, 88, 91, 1)
    assert prune(store, BEFORE) == Pruned(3, 3)
    assert ages(store) == [89, 88, 1]


def test_an_empty_database_has_nothing_to_prune(store: Store) -> None:
    assert prune(store, BEFORE) == Pruned(0, 0)


def test_it_deletes_a_few_at_a_time_and_reads_no_further_than_it_must(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "REST", 0)
    fill(store, *[100] * (2 * BATCH + 10), *[1] * (3 * BATCH))
    sent: list[tuple[str, int]] = []
    sa.event.listen(
        store.engine, "after_cursor_execute", lambda conn, cursor, said, *_: sent.append((said[:6], cursor.rowcount))
    )
    assert prune(store, BEFORE) == Pruned(2 * BATCH + 10, 2 * BATCH + 10)
    assert [rows for said, rows in sent if said == "DELETE"] == [BATCH, BATCH, 10] * 2
    assert sum(said == "SELECT" for said, _ in sent) == 4 * 2


def test_deliveries_are_taken_while_it_works(store: Store) -> None:
    fill(store, *[100] * (20 * BATCH))
    worst, taken, ended = 0.0, 0, threading.Event()

    def beside_it() -> None:
        other = Store(store.engine.url.render_as_string(hide_password=False))
        prune(other, BEFORE)
        other.close()
        ended.set()

    thread = threading.Thread(target=beside_it)
    thread.start()
    clerk = Agenda(store, "me")
    while not ended.is_set():
        begun = time.monotonic()
        touch = Touch(IssueRef("github", f"acme/shop#{taken}"))
        assert clerk.accept("github", Delivery(f"new{taken}", "issues", (touch,)))
        worst, taken = max(worst, time.monotonic() - begun), taken + 1
    thread.join()
    assert taken > 20
    assert worst < 2, f"a delivery waited {worst:.2f} s"
    assert store.read(lambda conn: conn.execute(sa.select(sa.func.count()).select_from(deliveries)).scalar()) == taken


def test_a_redelivered_delivery_is_still_known(store: Store) -> None:
    clerk = Agenda(store, "me")
    delivery = Delivery("d-1", "issues", (Touch(IssueRef("github", "acme/shop#1")),))
    assert clerk.accept("github", delivery)
    prune(store, NOW - pruning.YOUNGEST)
    assert not clerk.accept("github", delivery)
    assert store.read(lambda conn: conn.execute(sa.select(agenda.c.seq)).scalar()) == 2


# ---------------------------------------------------------------- the command


def pruned(folder: Path, *arguments: str) -> Done:
    return run(folder, {"INTEGRATOR_DATABASE_URL": f"sqlite:///{folder}/a.db"}, "prune", *arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = Store(f"sqlite:///{tmp_path}/a.db")
    store.migrate()
    fill(store, 400, 91, 89, 8, 3)
    store.close()
    return tmp_path


def test_it_says_how_much_went(folder: Path) -> None:
    day = f"{NOW - timedelta(days=90):%Y-%m-%d}"
    assert pruned(folder, "--dry-run").out == f"2 deliveries and 2 journal lines from before {day} would be deleted\n"
    assert pruned(folder).out == f"2 deliveries and 2 journal lines from before {day} deleted\n"
    assert pruned(folder).out == f"0 deliveries and 0 journal lines from before {day} deleted\n"


def test_as_json(folder: Path) -> None:
    done = pruned(folder, "--older-than", "1w", "--dry-run", "--json")
    told = json.loads(done.out)
    assert (told["deliveries"], told["journal"], told["dry_run"], done.code) == (4, 4, True, 0)
    assert abs(datetime.fromisoformat(told["before"]) - (datetime.now(UTC) - timedelta(days=7))) < timedelta(minutes=5)
    assert json.loads(pruned(folder, "--older-than", "7d", "--json").out)["deliveries"] == 4


@pytest.mark.parametrize(
    ("age", "says"),
    [
        ("6d", "send again"),
        ("167h", "send again"),
        ("soon", "no age"),
        ("0d", "no age"),
        ("-90d", "no age"),
        ("99999999w", "no age"),
        ("9999999999999999w", "no age"),
        ("2026-01-01", "no age"),
    ],
)
def test_a_wrong_age_is_refused_and_nothing_goes(folder: Path, age: str, says: str) -> None:
    done = pruned(folder, "--older-than", age)
    assert done.code == 2 and says in done.err and "Traceback" not in done.err
    assert json.loads(pruned(folder, "--older-than", "7d", "--dry-run", "--json").out)["deliveries"] == 4
