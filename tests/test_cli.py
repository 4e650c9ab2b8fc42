"""The command line: exit codes, what goes where, JSON and nothing else, Ctrl-C, pipes and colours."""

import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
import requests

from adapters.tracker import AccessDenied, Unreachable
from integrator.adopting import OtherPolicy
from integrator.agenda import MAX_ATTEMPTS, Agenda, Claim
from integrator.commands.looking import simulate
from integrator.commands.printing import in_words
from integrator.errors import Failed, explained
from integrator.lanes import Lane
from integrator.store import Store, Unwritable
from mapping.changes import (
    AlarmFacts,
    BoardFacts,
    Change,
    ClockFacts,
    DropComment,
    EditStatus,
    MoveTo,
    PostComment,
    SetFields,
    SetLabels,
)
from mapping.issue import Column, IssueRef
from tests.connected import P0_FORM, P0_WIKI, REPO, Company, company
from tests.contracts import Recorder
from tests.here import Done, run
from tests.installation import PATIENCE, free_port, wait_for
from tests.standins.github.faults import Kind
from tests.test_texts import FACTS

INTEGRATOR = str(Path(sys.executable).with_name("integrator"))
PLAIN = {key: value for key, value in os.environ.items() if not key.startswith(("INTEGRATOR_", "COVERAGE_"))}
ONE = f"github:{REPO}#1"


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory, recorder: Recorder) -> Iterator[Company]:
    """Number 1 and the first of OPS are emergencies that nobody worked on, number 2 is planned work."""
    with company(tmp_path_factory.mktemp("acme"), recorder) as made:
        made.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        made.github.open_issue(REPO, "alice", "Dark mode", "")
        made.jira.create_issue("OPS", "carol", "Nobody can pay", P0_WIKI, (), None)
        yield made


def here(acme: Company, *arguments: str) -> Done:
    return run(acme.integrator.folder, acme.integrator.environ, *arguments)


# ---------------------------------------------------------------- help


def test_help_is_instant() -> None:
    """In processor time, against an interpreter that does nothing, the best of three: machines differ, and are busy."""

    def spent() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    def took(*command: str) -> float:
        begun = spent()
        subprocess.run([sys.executable, *command], env=PLAIN, check=True, stdout=subprocess.DEVNULL)
        return spent() - begun

    nothing = min(took("-c", "pass") for _ in range(3))
    helped = min(took(INTEGRATOR, "--help") for _ in range(3))
    assert helped - nothing < max(0.3, 6 * nothing)


def test_help_imports_nothing_heavy() -> None:
    heavy = ("sqlalchemy", "flask", "jira", "github", "pydantic", "requests", "rich", "granian", "jinja2")
    code = f"""
import sys
from integrator.cli import main
main(["--help"], standalone_mode=False)
sys.exit(" ".join(sorted(set(sys.modules) & set({heavy!r}))) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], env=PLAIN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in (
        "demo",
        "simulate",
        "check",
        "schema",
        "doctor",
        "init",
        "serve",
        "work",
        "plan",
        "sync",
        "explain",
    ):
        assert f"\n  {command} " in done.stdout
    assert "integrator plan github:acme/shop#12" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        (["--version"], 0, "integrator, version ", ""),
        (["serve", "-h"], 0, "--no-work", ""),
        ([], 2, "", "Usage: integrator"),
        (["nonsense"], 2, "", "No such command 'nonsense'"),
        (["check", "--nonsense"], 2, "", "No such option"),
        (["plan"], 2, "", "Missing argument 'ISSUE…'"),
        (["simulate"], 2, "", "Missing argument 'SCENARIO'"),
        (["sync", "--since"], 2, "", "Option '--since' requires an argument"),
        (["work", "--threads", "none"], 2, "", "'none' is not a valid integer"),
        (["serve", "--server", "apache"], 2, "", "'apache' is not one of 'granian', 'waitress'"),
        (["check", "--config", "none.yaml"], 1, "", "none.yaml: cannot be read (No such file or directory)"),
    ],
)
def test_usage_and_its_exit_codes(tmp_path: Path, arguments: list[str], code: int, out: str, err: str) -> None:
    done = run(tmp_path, {}, *arguments)
    assert done.code == code, done
    assert out in done.out and err in done.err
    assert bool(done.out) is bool(out) and "Traceback" not in done.err


# ---------------------------------------------------------------- plan and explain


def test_plan_prints_what_would_change_and_why_and_writes_nothing(acme: Company) -> None:
    done = here(acme, "plan", ONE, "jira:OPS-1", f"github:{REPO}#2")
    assert (done.code, done.err) == (0, "")
    assert f"{ONE}:\n  labels +P0 +emergency  (because R24, business-stopped)\n" in done.out
    assert "  move to Emergency Queue  (because R21)\n" in done.out
    assert "  write status comment: P0 Critical, provisional  (because R23, R24)\n" in done.out
    assert "jira:OPS-1:\n" in done.out
    assert f"github:{REPO}#2:" in done.out
    assert acme.github.issue(REPO, 1).labels == set()


def test_plan_as_json_is_json_lines_and_nothing_else(acme: Company) -> None:
    done = here(acme, "plan", "--json", ONE.upper().replace("GITHUB", "github"), "jira:OPS-99")
    assert (done.code, done.err) == (1, "")
    first, second = map(json.loads, done.out.splitlines())
    assert first["issue"] == ONE
    assert [change["change"] for change in first["changes"]] == ["SetLabels", "MoveTo", "EditStatus"]
    assert second["issue"] == "jira:OPS-99" and second["changes"] == [] and second["error"]


NAMES = [
    ("shop#1", "'shop#1' does not name an issue; write github:owner/repo#12 or jira:OPS-7"),
    ("gitlab:acme/shop#1", "there is no tracker 'gitlab' in app.yaml; there is github, jira"),
    ("github:acme/other#1", "is not in a repository or project of app.yaml (acme/shop)"),
]


def test_all_wrong_names_are_told_at_once(acme: Company) -> None:
    done = here(acme, "plan", *(name for name, _ in NAMES))
    assert (done.code, done.out) == (2, "")
    assert all(says in done.err for _, says in NAMES)


def test_explain_says_why(acme: Company) -> None:
    done = here(acme, "explain", ONE)
    assert (done.code, done.err) == (0, "")
    told = done.out.splitlines()
    assert told[0] == f"{ONE}  Nobody can pay"
    assert told[1].startswith("  P0, provisional, since 20")
    assert "  because: business-stopped (process: critical, workaround: none)" in told
    assert "  answered: process = critical (form)" in told
    assert any(line.startswith("  unanswered: ") and "revenue_per_hour" in line for line in told)
    assert told[-1].startswith("  column: ")


def test_explain_as_json(acme: Company) -> None:
    done = here(acme, "explain", "--json", ONE)
    told = json.loads(done.out)
    assert (told["issue"], told["severity"], told["confirmed_by"]) == (ONE, "P0", None)
    assert told["answers"]["process"] == {"value": "critical", "source": "form"}
    assert told["why"] == told["rules_say"]["why"]


def test_explain_shows_a_persons_word_beside_the_rules_and_what_was_refused(acme: Company) -> None:
    number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
    acme.github.comment(REPO, number, "carol", "/p1")
    acme.github.comment(REPO, number, "alice", "/p2")
    told = here(acme, "explain", f"github:{REPO}#{number}").out
    assert "  P2, confirmed by alice, since " in told
    assert "  because: alice decided (/p2)\n" in told
    assert "  the rules alone say: P0\n" in told
    assert "  refused: /p1 by carol: only people with write access can use commands\n" in told
    number = acme.github.open_issue(REPO, "carol", "Hello", "")
    assert "  no severity: needs triage, provisional" in here(acme, "explain", f"github:{REPO}#{number}").out


def test_explain_an_issue_that_is_not_there(acme: Company) -> None:
    done = here(acme, "explain", f"github:{REPO}#999")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"github:{REPO}#999: ")


# ---------------------------------------------------------------- the agenda


@pytest.fixture
def agenda(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A database with one parked issue and one that is due."""
    url = f"sqlite:///{tmp_path}/a.db"
    store = Store(url)
    store.migrate()
    tasks = Agenda(store, "me")
    tasks.touch([IssueRef.parse(ONE)], Lane.EVENT)
    (claim,) = tasks.claim("github", 1)
    last = Claim(claim.ref, claim.seq, claim.lane, MAX_ATTEMPTS - 1, None)
    store.write(lambda conn: tasks.failed(conn, last, "SetLabels: [red] no such label"))
    tasks.touch([IssueRef.parse("jira:OPS-1")], Lane.SWEEP)
    store.close()
    yield {"INTEGRATOR_DATABASE_URL": url}


def test_the_agenda_in_words(tmp_path: Path, agenda: dict[str, str]) -> None:
    done = run(tmp_path, agenda, "agenda", "list")
    assert (done.code, done.err) == (0, "")
    header, *rows = done.out.splitlines()
    assert header.split() == ["issue", "lane", "due", "attempts", "last", "error"]
    assert [row.split()[:2] for row in rows] == [["jira:OPS-1", "sweep"]]
    parked = run(tmp_path, agenda, "agenda", "parked").out.splitlines()[1]
    assert parked.split()[:2] == [ONE, "event"] and parked.endswith(" 10        SetLabels: [red] no such label")


def test_the_agenda_as_json(tmp_path: Path, agenda: dict[str, str]) -> None:
    (due,) = json.loads(run(tmp_path, agenda, "agenda", "list", "--json").out)
    assert (due["subject"], due["lane"], due["attempts"]) == ("jira:OPS-1", "sweep", 0)
    (parked,) = json.loads(run(tmp_path, agenda, "agenda", "parked", "--json").out)
    assert (parked["subject"], parked["last_error"]) == (ONE, "SetLabels: [red] no such label")


def test_replay(tmp_path: Path, agenda: dict[str, str]) -> None:
    assert run(tmp_path, agenda, "agenda", "replay", "jira:OPS-1").out == "nothing was parked\n"
    assert run(tmp_path, agenda, "agenda", "replay", ONE).out == "1 put back on the agenda\n"
    assert json.loads(run(tmp_path, agenda, "agenda", "replay", "--json").out) == {"replayed": 0}
    assert run(tmp_path, agenda, "agenda", "parked").out == "nothing is parked\n"
    wrong = run(tmp_path, agenda, "agenda", "replay", "nonsense")
    assert (wrong.code, wrong.out) == (2, "")
    assert "'nonsense' does not name an issue" in wrong.err


def test_an_empty_agenda_says_so(tmp_path: Path) -> None:
    empty = {"INTEGRATOR_DATABASE_URL": f"sqlite:///{tmp_path}/b.db"}
    assert run(tmp_path, empty, "agenda", "list").out == "nothing is due\n"
    assert run(tmp_path, empty, "agenda", "list", "--json").out == "[]\n"


# ---------------------------------------------------------------- what cannot be reached


DATABASES = [
    "sqlite:////nowhere/at/all.db",
    "postgresql+psycopg://spark:unspeakable@127.0.0.1:1/none",
    "postgres://spark:unspeakable@127.0.0.1:1/none",
    "unspeakable",
]


@pytest.mark.parametrize("url", DATABASES)
def test_a_database_that_cannot_be_used_is_exit_code_3_and_one_sentence(tmp_path: Path, url: str) -> None:
    done = run(tmp_path, {"INTEGRATOR_DATABASE_URL": url}, "agenda", "list")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("integrator: the database cannot be used (")
    assert done.err.endswith("; look at INTEGRATOR_DATABASE_URL\n") and len(done.err.splitlines()) == 1
    assert "unspeakable" not in done.err


@pytest.mark.parametrize("command", [["plan", ONE], ["explain", ONE], ["sync"], ["sync", "--dry-run"]])
def test_a_tracker_that_cannot_be_reached_is_exit_code_3(acme: Company, command: list[str]) -> None:
    fault = acme.github.fault(lambda method, path, body: True, Kind.RESET_BEFORE, times=1000)
    done = here(acme, *command, *(["--tracker", "github"] if command[0] == "sync" else []))
    fault.times = 0
    assert done.code == 3
    assert "0 seen" in done.out if command[0] == "sync" else done.out == ""
    assert "no answer from 127.0.0.1" in done.err.splitlines()[0] and "Traceback" not in done.err
    assert len(done.err.splitlines()) <= 2


def test_debug_adds_the_traceback_and_changes_nothing_else(acme: Company) -> None:
    fault = acme.github.fault(lambda method, path, body: True, Kind.RESET_BEFORE, times=1000)
    done = here(acme, "--debug", "plan", ONE)
    fault.times = 0
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("Traceback") and done.err.splitlines()[-1].startswith("integrator: ")


@pytest.mark.parametrize("command", [["serve"], ["work"], ["sync"], ["sync", "--dry-run"]])
def test_nothing_is_served_before_it_is_set_up(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "app.yaml").write_text("trackers:\n  hub: {kind: github, repositories: [a/b]}\n", encoding="utf-8")
    done = run(tmp_path, {}, *command)
    assert (done.code, done.out) == (1, "")
    for says in (
        "INTEGRATOR_HUB_TOKEN: is missing",
        "INTEGRATOR_HUB_WEBHOOK_SECRETS: is missing",
        "sla.enforce_from: is missing",
    ):
        assert says in done.err
    (tmp_path / "app.yaml").write_text("sla: {enforce_from: 2026-01-01}\n", encoding="utf-8")
    assert "no tracker is connected yet" in run(tmp_path, {}, *command).err


@pytest.mark.parametrize(
    ("bind", "says"),
    [
        ("8080", "'8080' is not HOST:PORT; write for example 127.0.0.1:8080"),
        ("127.0.0.1:http", "is not HOST:PORT"),
        ("127.0.0.1:65536", "is not HOST:PORT"),
    ],
)
def test_where_to_listen_is_checked(acme: Company, bind: str, says: str) -> None:
    done = here(acme, "serve", "--bind", bind)
    assert done.code == 2 and says in done.err


ERRORS: list[tuple[BaseException, int, str]] = [
    (Failed(3), 3, ""),
    (KeyboardInterrupt(), 130, "interrupted\n"),
    (click.Abort(), 130, "interrupted\n"),
    (click.exceptions.Exit(5), 5, ""),
    (click.UsageError("not so"), 2, "Error: not so\n"),
    (AccessDenied("the token is refused"), 1, "integrator: the token is refused\n"),
    (Unreachable("no answer"), 3, "integrator: no answer\n"),
    (OtherPolicy("restart this one"), 1, "integrator: restart this one\n"),
    (
        Unwritable("the database is full"),
        3,
        "integrator: the database cannot be used (the database is full); look at INTEGRATOR_DATABASE_URL\n",
    ),
    (KeyError("x"), 1, "integrator: KeyError: 'x'; run it with --debug and report the traceback\n"),
]


@pytest.mark.parametrize(("error", "code", "says"), ERRORS)
def test_every_error_is_a_sentence_and_an_exit_code(
    error: BaseException, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end, explained(debug=False):
        raise error
    assert end.value.code == code
    assert capsys.readouterr() == ("", says)


# ---------------------------------------------------------------- changes in words


FULL = BoardFacts("In Progress", 1, ("github:acme/shop#1",), "Backlog")
CHANGES: list[tuple[Change, str]] = [
    (SetLabels(frozenset({"b", "a"}), frozenset({"c"}), ()), "labels +a +b -c"),
    (MoveTo(Column.DONE, ()), "move to Done"),
    (SetFields({"b": "2", "a": "1", "c": ""}, ()), "set a = 1, b = 2, c cleared"),
    (
        PostComment("a", AlarmFacts(None, (ClockFacts("triage", "breached", None),), "", (), False, False, ""), {}, ()),
        "post alarm: triage breached",
    ),
    (PostComment("w", FULL, {}, ()), "post comment: In Progress is full, back to Backlog"),
    (PostComment("w", replace(FULL, back_to=""), {}, ()), "post comment: In Progress is full, left there"),
    (PostComment("p", replace(FULL, about="pause"), {}, ()), "post comment: paused, back in Backlog"),
    (PostComment("p", replace(FULL, about="pause", back_to=""), {}, ()), "post comment: paused where it is"),
    (PostComment("r", replace(FULL, about="restore"), {}, ()), "post comment: stays in Backlog after a pause"),
    (PostComment("o", replace(FULL, about="owner", owner="bob"), {}, ()), "post comment: bob has other work"),
    (DropComment("c7", ()), "delete comment c7, a second one like an older"),
    (EditStatus(FACTS, {}, None, ()), "write status comment: P0 Critical, provisional"),
    (
        EditStatus(replace(FACTS, confirmed_by="alice"), {}, "c1", ()),
        "edit status comment: P0 Critical, confirmed by al",
    ),
    (EditStatus(replace(FACTS, severity=None), {}, "c1", ()), "edit status comment: needs triage, provisional"),
    (EditStatus(replace(FACTS, closed=True), {}, "c1", ()), "edit status comment: closed"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_a_change_in_words(change: Change, words: str) -> None:
    assert in_words(change).startswith(words)


# ---------------------------------------------------------------- Ctrl-C, pipes, terminals


def _start(acme: Company, *arguments: str, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [INTEGRATOR, *arguments],
        cwd=acme.integrator.folder,
        env=acme.integrator.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **how,
    )


def _end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str, str]:
    process.send_signal(number)
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, out, err


def test_ctrl_c_during_a_sync_ends_it_cleanly(acme: Company) -> None:
    fault = acme.github.fault(lambda method, path, body: True, Kind.DELAY, times=1000, seconds=1.5)
    process = _start(acme, "sync", "--tracker", "github")
    wait_for(lambda: fault.hits > 0, lambda: "no request came")
    code, out, err = _end(process, signal.SIGINT)
    fault.times = 0
    assert code == 130 and re.search(r"[1-9]\d* still to do", out)
    assert err.strip().splitlines()[-1] == "interrupted; `integrator sync --tracker github` goes on from there"
    assert "Traceback" not in err


@pytest.mark.parametrize("server", ["granian", "waitress"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly(acme: Company, server: str, number: signal.Signals) -> None:
    port = free_port()
    process = _start(acme, "serve", "--bind", f"127.0.0.1:{port}", "--server", server)

    def is_ready() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    wait_for(is_ready, lambda: "not ready")
    code, _, err = _end(process, number)
    assert code == (130 if number is signal.SIGINT else 0), err
    assert "Traceback" not in err and "Error" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_work_ends_cleanly(acme: Company, number: signal.Signals) -> None:
    process = _start(acme, "work", "--threads", "1")
    assert process.stderr is not None
    for line in process.stderr:
        if line == "1 thread for each tracker at work; stop with Ctrl-C\n":
            break
    code, out, err = _end(process, number)
    assert (code, out) == (130 if number is signal.SIGINT else 0, "")
    assert "Traceback" not in err


def test_work_ends_when_a_newer_policy_takes_over(acme: Company) -> None:
    process = _start(acme, "work", "--threads", "1")
    assert process.stderr is not None
    assert any(line.startswith("1 thread for each tracker") for line in process.stderr)
    store = Store(acme.integrator.environ["INTEGRATOR_DATABASE_URL"])
    Agenda(store, "other", "newer").adopt_policy()
    store.close()
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (1, "")
    assert "another process works with a newer app.yaml" in err


def test_what_the_board_says_in_a_simulation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("day.yaml").write_text(TWO_IN_PROGRESS, encoding="utf-8")
    simulate(Path("day.yaml"), Path("app.yaml"), as_json=False)
    out = capsys.readouterr().out
    assert "github:acme/shop#2       PostComment  In Progress is full, back to Backlog  (because R18)\n" in out


def test_a_simulation_says_in_words_what_has_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = Path(__file__).parents[1] / "docs" / "examples" / "checkout.yaml"
    monkeypatch.chdir(tmp_path)
    simulate(example, Path("app.yaml"), as_json=False)
    out = capsys.readouterr().out
    assert "OpenIssue    retrospective  (because R39)" in out
    assert "Acknowledge  what was said counts  (because R25)" in out
    assert "SetFields    Severity cleared, Response due cleared" in out


TWO_IN_PROGRESS = """
start: 2026-11-23T09:00:00Z
team: [alice, bob]
board:
  In Progress: ["github:acme/shop#1"]
  Backlog: ["github:acme/shop#2"]
issues:
  - {ref: "github:acme/shop#1", title: Dark, by: alice, at: -2d}
  - {ref: "github:acme/shop#2", title: Light, by: alice, at: -1d}
events:
  - {at: +10m, move: "github:acme/shop#2", by: bob, to: In Progress}
until: +1h
"""


def test_a_pipe_that_closes_early_is_no_drama(tmp_path: Path) -> None:
    events = "\n".join(
        f'  - {{at: +{n}s, open: "github:acme/shop#{n}", by: carol, title: Checkout is down}}' for n in range(1, 300)
    )
    text = f"start: 2026-11-23T09:00:00Z\nteam: [alice]\nuntil: +1h\nevents:\n{events}\n"
    (tmp_path / "day.yaml").write_text(text, encoding="utf-8")
    command = f"{INTEGRATOR} simulate day.yaml --json | head -1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=PLAIN, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["change"] == "SetLabels"
    assert done.stderr == ""


def _on_a_terminal(folder: Path, environ: Mapping[str, str], *arguments: str) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [INTEGRATOR, *arguments], cwd=folder, env=PLAIN | {"TERM": "xterm", **environ}, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        said = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            if not piece:
                break
            said += piece
    os.close(ours)
    return said.decode()


def test_colours_only_on_a_terminal(tmp_path: Path, agenda: dict[str, str]) -> None:
    shown = _on_a_terminal(tmp_path, agenda, "agenda", "parked")
    assert "\x1b[1missue" in shown and "[red]" in shown
    assert "\x1b" not in run(tmp_path, agenda, "agenda", "parked").out


def test_a_progress_bar_only_on_a_terminal(acme: Company) -> None:
    shown = _on_a_terminal(acme.integrator.folder, acme.integrator.environ, "sync", "--tracker", "jira")
    assert "━" in shown and "jira: 1 seen" in shown
    assert "━" not in _on_a_terminal(
        acme.integrator.folder, acme.integrator.environ, "sync", "--tracker", "jira", "--json"
    )


def test_a_table_is_not_broken_where_nobody_looks(tmp_path: Path) -> None:
    """Rows are for grep and cut when they go into a pipe."""
    environ = {"INTEGRATOR_DATABASE_URL": f"sqlite:///{tmp_path}/a.db", "COLUMNS": "40"}
    store = Store(environ["INTEGRATOR_DATABASE_URL"])
    store.migrate()
    Agenda(store, "me").touch([IssueRef("github", f"{'a' * 60}/{'b' * 60}#1")], Lane.EVENT)
    store.close()
    command = [INTEGRATOR, "agenda", "list"]
    done = subprocess.run(command, env=PLAIN | environ, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 2
