"""A newer app.yaml while a service runs: its workers stop, and begin anew once this host has it, too."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from integrator import adopting
from integrator.config import load
from integrator.service import Service, build
from integrator.store import Store
from tests.connected import P0_FORM, REPO, company
from tests.contracts import Recorder
from tests.installation import wait_for

APP_YAML = """
trackers: {github: {kind: github, repositories: [acme/shop]}}
sla: {enforce_from: 2026-01-01}
"""
EDITED = "escalation: {team_after: 20m}\n"
SECRETS = {"INTEGRATOR_GITHUB_TOKEN": "a token", "INTEGRATOR_GITHUB_WEBHOOK_SECRETS": "a secret"}


def test_an_edited_file_and_a_sync_with_it_are_followed(tmp_path: Path, recorder: Recorder) -> None:
    with company(tmp_path, recorder) as acme:
        acme.integrator.start()
        acme.connect()
        with (tmp_path / "app.yaml").open("a", encoding="utf-8") as file:
            file.write(EDITED)
        acme.integrator.run("sync")
        wait_for(lambda: "beginning anew with the newer app.yaml" in acme.integrator.log(), acme.integrator.log)
        wait_for(acme.integrator.is_ready, acme.integrator.log)
        number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        wait_for(lambda: acme.github.issue(REPO, number).column == "Emergency Queue", acme.integrator.log)
        assert "Traceback" not in acme.integrator.log()
        assert acme.integrator.stop() == 0


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "app.yaml"
    path.write_text(APP_YAML + EDITED, encoding="utf-8")
    for name, value in {"INTEGRATOR_CONFIG": str(path), **SECRETS}.items():
        monkeypatch.setenv(name, value)
    return path


@pytest.fixture
def stopped(file: Path, tmp_path: Path) -> Service:
    """A service whose workers stopped, for a policy that is the file's by now."""
    store = Store(f"sqlite:///{tmp_path}/a.db")
    store.migrate()
    adopting.adopt(store, load(file).policy_hash, 0)
    pool: Any = SimpleNamespace(superseded=True)
    return replace(build(load(file), store, dict, threads=0), pool=pool)


def _is_faulty(file: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("severities: none", encoding="utf-8")


def _is_an_older_one(file: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(APP_YAML, encoding="utf-8")


def _lacks_a_secret(file: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTEGRATOR_GITHUB_TOKEN")


def _has_no_database(file: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.store.close()
    file.with_name("a.db").unlink()


def _works(file: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.pool.superseded = False  # type: ignore[union-attr]


def test_it_follows_a_file_that_is_this_hosts_too(stopped: Service) -> None:
    assert stopped.may_follow()
    assert not replace(stopped, pool=None).may_follow()


@pytest.mark.parametrize("who", [_is_faulty, _is_an_older_one, _lacks_a_secret, _has_no_database, _works])
def test_it_stays_where_it_could_not_work(
    file: Path,
    stopped: Service,
    monkeypatch: pytest.MonkeyPatch,
    who: Callable[[Path, Service, pytest.MonkeyPatch], None],
) -> None:
    who(file, stopped, monkeypatch)
    assert not stopped.may_follow()
