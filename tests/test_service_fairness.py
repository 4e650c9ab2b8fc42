"""One tracker's trouble is its own: a black hole on GitHub costs an emergency on Jira nothing."""

import time
from pathlib import Path

from tests.connected import P0_FORM, P0_WIKI, REPO, company
from tests.contracts import Recorder
from tests.installation import answers, wait_for
from tests.standins.github.faults import Kind

PROMPT = 10.0  # seconds on a busy machine; a call into the black hole alone lasts twenty


def test_a_black_hole_with_a_backlog_keeps_no_other_tracker_waiting(tmp_path: Path, recorder: Recorder) -> None:
    with company(tmp_path, recorder) as acme:
        acme.integrator.start()
        acme.connect()
        hole = acme.github.fault(lambda *_: True, Kind.SILENT_BEFORE, times=100_000, seconds=60)
        for number in range(60):
            acme.github.open_issue(REPO, "carol", f"Down {number}", P0_FORM)
        wait_for(lambda: hole.hits >= 1, acme.integrator.log)
        for number in range(3):
            begun = time.monotonic()
            key = acme.jira.create_issue("OPS", "carol", f"Nobody can pay {number}", P0_WIKI, (), None)
            wait_for(lambda key=key: "P0" in acme.jira.issue(key).labels, acme.integrator.log)  # type: ignore[misc]
            assert time.monotonic() - begun < PROMPT
        assert answers(f"{acme.integrator.url}/readyz") == 200
        assert "tracker held back" not in acme.integrator.log(), "the whole of it happened during one call"
