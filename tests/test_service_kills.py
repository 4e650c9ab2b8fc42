"""The plug is pulled around every write: after a restart and some settling, each effect is there exactly once."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.connected import P0_FORM, P0_WIKI, REPO, Company, company
from tests.contracts import Recorder
from tests.installation import SECRET, wait_for
from tests.postgres import database
from tests.standins.github.faults import Kind
from tests.standins.jira.faults import FaultKind

GITHUB_WRITES, JIRA_WRITES = 2, 3  # requests that write for a fresh P0: tests/test_service_main_job.py counts them


@dataclass
class NthWrite:
    """Matches the n-th request that writes, and nothing else."""

    number: int
    is_write: Callable[[str, str, Any], bool]
    seen: int = 0

    def __call__(self, method: str, path: str, body: Any) -> bool:
        self.seen += self.is_write(method, path, body)
        return self.seen == self.number and self.is_write(method, path, body)


def _github_write(method: str, path: str, body: Any) -> bool:
    return path == "/graphql" and body["query"].startswith("mutation")


def _jira_write(method: str, path: str, body: Any) -> bool:
    return method in {"PUT", "DELETE"} or (method == "POST" and not path.endswith(("/bulkfetch", "/search/jql")))


def _pull_the_plug(acme: Company, struck: Callable[[], bool]) -> None:
    """Kill the service while it waits for the answer to the chosen write, then start it again."""
    wait_for(struck, acme.integrator.log)
    time.sleep(0.2)
    acme.integrator.kill()
    acme.integrator.start()


def _kill_on_github(folder: Path, recorder: Recorder, url: str, number: int, after: bool) -> tuple[object, ...]:
    with company(folder, recorder, database=url) as acme:
        kind = Kind.SILENT_AFTER if after else Kind.SILENT_BEFORE
        fault = acme.github.fault(NthWrite(number, _github_write), kind, seconds=3)
        acme.integrator.start()
        acme.github.connect(f"{acme.integrator.url}/webhooks/github", SECRET)
        issue = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        _pull_the_plug(acme, lambda: fault.hits == 1)
        wait_for(lambda: acme.github.issue(REPO, issue).column == "Emergency Queue", acme.integrator.log)
        wait_for(acme.integrator.is_settled, acme.integrator.log)
        done = acme.github.issue(REPO, issue)
        return set(done.labels), done.column, len(done.comments)


def _kill_on_jira(folder: Path, recorder: Recorder, url: str, number: int, after: bool) -> tuple[object, ...]:
    with company(folder, recorder, database=url) as acme:
        kind: FaultKind = "timeout-after" if after else "timeout"
        fault = acme.jira.fault(NthWrite(number, _jira_write), kind, seconds=3)
        acme.integrator.start()
        acme.jira.connect(f"{acme.integrator.url}/webhooks/jira", SECRET)
        key = acme.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
        _pull_the_plug(acme, lambda: fault.used == 1)
        wait_for(lambda: "P0" in acme.jira.issue(key).labels, acme.integrator.log)
        wait_for(acme.integrator.is_settled, acme.integrator.log)
        done = acme.jira.issue(key)
        return set(done.labels), done.status, len(done.comments)


def _cases() -> Iterator[tuple[Callable[..., tuple[object, ...]], int, bool]]:
    for after in (False, True):
        for number in range(1, GITHUB_WRITES + 1):
            yield _kill_on_github, number, after
        for number in range(1, JIRA_WRITES + 1):
            yield _kill_on_jira, number, after


@pytest.mark.broken_answers
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_killed_around_any_write_each_effect_is_there_once(engine: str, tmp_path: Path, recorder: Recorder) -> None:
    cases = list(_cases())
    urls = [database() if engine == "postgresql" else "" for _ in cases]

    def run(at: int) -> tuple[object, ...]:
        kill, number, after = cases[at]
        folder = tmp_path / str(at)
        folder.mkdir()
        return kill(folder, recorder, urls[at], number, after)

    with ThreadPoolExecutor(len(cases)) as pool:
        ends = list(pool.map(run, range(len(cases))))
    told = list(zip(cases, ends, strict=True))
    assert all(end == ({"P0", "emergency"}, "Emergency Queue", 1) for end in ends), told
