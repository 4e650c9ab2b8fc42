"""`check`, `schema`, `doctor` and `init`: from an empty GitHub and a bare Jira to trackers that are connected."""

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integrator.config import Config, load, parse
from integrator.enforcement import begin_enforcement
from integrator.form import NOT_SURE, PATH
from tests.connected import LABELS, REPO, environment, github_company
from tests.contracts import Recorder
from tests.here import Done, run
from tests.standins.github.faults import Kind
from tests.standins.github.server import GitHubStandIn
from tests.standins.jira.acme import acme, without_column
from tests.standins.jira.server import JiraStandIn

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
HEAD = """\
# our own words stay
sla:   # promises
triage: {confirm: person}  # and these
"""
HUB = """\
trackers:
  github:
    kind: github
    url: %s
    repositories: [acme/shop]
    project: {owner: acme, number: 1}
"""
SITE = """\
  jira: {kind: jira, url: %s, projects: [OPS], board: 81}
"""


@dataclass
class House:
    """Both stand-ins and an app.yaml that connects them."""

    folder: Path
    github: GitHubStandIn
    jira: JiraStandIn
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, text: str) -> None:
        (self.folder / "app.yaml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> Done:
        return run(self.folder, self.environ, *arguments)

    def steps(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.run("init", "--json", *arguments)
        assert done.code == 0, done.err
        assert done.err == ""
        return [json.loads(line) for line in done.out.splitlines()]

    def findings(self, code: int) -> list[dict[str, Any]]:
        done = self.run("doctor", "--json")
        assert done.code == code, done.out
        found: list[dict[str, Any]] = json.loads(done.out)
        return found

    def writes(self) -> list[str]:
        asked = [r.path for r in self.github.requests if r.is_write and not r.path.endswith("/access_tokens")]
        return asked + [r.path for r in self.jira.requests if r.method != "GET" and not r.path.endswith("/search/jql")]


@pytest.fixture
def house(tmp_path: Path, recorder: Recorder) -> Iterator[House]:
    with GitHubStandIn() as github, acme(("OPS",)) as jira:
        recorder.register(github.url, "github")
        made = House(tmp_path, github, jira)
        made.write(HEAD + HUB % github.url + SITE % jira.url)
        yield made
        assert github.unexpected == jira.unexpected == []


@pytest.fixture
def empty(house: House) -> House:
    """A GitHub with nothing of ours, 264 cards on a board without an Emergency Queue, and a Jira that lacks it too."""
    house.github.person("alice", "write", member=True)
    house.github.repository(REPO)
    house.github.project("acme", 1, ["Backlog", "In Progress", "Review", "Done"])
    for number in range(264):
        issue = house.github.open_issue(REPO, "alice", f"Item {number}")
        house.github.move_card(REPO, issue, "alice", ["Backlog", "In Progress", "Review", "Done", None][number % 5])
    without_column(house.jira, "Emergency Queue")
    house.environ = environment(house.github, house.jira)
    return house


@pytest.fixture
def ready(house: House) -> House:
    """Everything is there, but nobody told where trackers reach us."""
    github_company(house.github)
    house.environ = environment(house.github, house.jira)
    return house


def _columns(house: House) -> list[str | None]:
    return [house.github.issue(REPO, number).column for number in range(1, 265)]


def _options(house: House) -> dict[str, str]:
    (project,) = house.github.world.projects.values()
    (status,) = [found for found in project.fields if found.name == "Status"]
    return {option.name: option.id for option in status.options}


# ---------------------------------------------------------------- init


def test_a_dry_run_only_says_what_would_be_done(empty: House) -> None:
    before = (empty.folder / "app.yaml").read_bytes(), _options(empty)
    states = {step["state"] for step in empty.steps("--dry-run")}
    assert states == {"would do", "already there", "by hand"}
    assert ((empty.folder / "app.yaml").read_bytes(), _options(empty)) == before
    assert empty.writes() == []


def test_an_empty_github_and_a_bare_jira_are_brought_into_shape(empty: House) -> None:
    cards, options = _columns(empty), _options(empty)
    steps = empty.steps()
    done = {step["what"] for step in steps if step["state"] == "done"}
    assert {f"label {name} in {REPO}" for name in LABELS} <= done
    assert 'columns of project acme/1: add "Emergency Queue"' in done
    assert f"{PATH} in {REPO}" in done
    assert any(what.startswith("sla.enforce_from: ") for what in done)
    repository = empty.github.world.repository(REPO)
    assert {label.name for label in empty.github.world.labels_of(repository)} >= set(LABELS)
    after = _options(empty)
    assert {name: after[name] for name in options} == options and set(after) - set(options) == {"Emergency Queue"}
    assert _columns(empty) == cards and sum(column is not None for column in cards) == 212
    asked = [(step["what"], step["how"]) for step in steps if step["where"] == "jira" and step["state"] == "by hand"]
    assert any('no column is called "Emergency Queue"' in what and "Add column" in how for what, how in asked)
    assert empty.jira.unexpected == [] and not [path for path in empty.writes() if path.startswith("/rest")]


def test_the_form_that_was_committed_reports_no_p0_by_accident(empty: House) -> None:
    empty.steps()
    (form,) = [content.decode() for (_, path), content in empty.github.world.files.items() if path == PATH]
    firsts = [line.strip() for line, above in zip(form.splitlines()[1:], form.splitlines(), strict=False)
              if above.strip() == "options:"]  # fmt: skip
    assert firsts and set(firsts) == {f"- {NOT_SURE}"}


def test_the_second_time_everything_is_there(empty: House) -> None:
    empty.steps()
    text, before = (empty.folder / "app.yaml").read_text("utf-8"), len(empty.writes())
    again = [step for step in empty.steps() if step["state"] != "by hand"]
    assert again and {step["state"] for step in again} == {"already there"}
    assert (empty.folder / "app.yaml").read_text("utf-8") == text
    assert [path for path in empty.writes()[before:] if path != "/graphql"] == []


def test_steps_in_words_with_what_is_left_to_do(empty: House) -> None:
    done = empty.run("init")
    assert (done.code, done.err) == (0, "")
    assert "app.yaml: done: sla.enforce_from: " in done.out
    assert f"github: done: label P0 in {REPO}\n" in done.out
    assert "jira: by hand: " in done.out and "\n    open the board" in done.out


def test_with_a_token_the_webhook_is_registered_too(empty: House) -> None:
    empty.github.person("root", "admin", member=True)
    empty.environ = {name: value for name, value in empty.environ.items() if "GITHUB" not in name}
    empty.environ |= {"INTEGRATOR_GITHUB_TOKEN": empty.github.token("root"), "INTEGRATOR_GITHUB_WEBHOOK_SECRETS": "s3"}
    empty.write(HEAD + f"public_url: https://spark.example/\n{HUB % empty.github.url}")
    assert _webhooks(empty) == {"done"}
    assert _webhooks(empty) == {"already there"}


def _webhooks(house: House) -> set[str]:
    return {step["state"] for step in house.steps() if step["what"].startswith("webhook of")}


def test_what_fails_is_said_and_the_rest_is_done_all_the_same(empty: House) -> None:
    permissions = {"metadata": "read", "issues": "read", "contents": "write", "organization_projects": "write"}
    weak = empty.github.install_app("weak", permissions=permissions)
    empty.environ |= {
        "INTEGRATOR_GITHUB_APP_ID": str(weak.app_id),
        "INTEGRATOR_GITHUB_INSTALLATION_ID": str(weak.installation_id),
    }
    done = empty.run("init", "--json")
    steps = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 1
    assert [step["what"] for step in steps if step["state"] == "failed"] == [f"labels of {REPO}"]
    assert "Emergency Queue" in _options(empty)


def test_nothing_is_begun_without_credentials(empty: House) -> None:
    empty.environ = {}
    done = empty.run("init")
    assert (done.code, done.out) == (1, "")
    assert "INTEGRATOR_GITHUB_TOKEN: is missing (or, for a GitHub App" in done.err
    assert "INTEGRATOR_JIRA_EMAIL: is missing" in done.err
    assert "WEBHOOK_SECRETS" not in done.err
    assert load(empty.folder / "app.yaml").sla.enforce_from is None


# ---------------------------------------------------------------- enforce_from


def _begun(folder: Path, text: str) -> tuple[str, str]:
    """The state of the step, and the file afterwards."""
    file = folder / "app.yaml"
    file.write_bytes(text.encode())
    step = begin_enforcement(parse(text, "app.yaml"), file, NOW, dry_run=False)
    return step.state, file.read_bytes().decode()


LINE = "enforce_from: 2026-11-23T09:00:00Z"
FILES = [
    ("sla:\n", f"sla:\n  {LINE}\n"),
    ("sla:", f"sla:\n  {LINE}"),
    ("# a\nsla:   # b\n  # c\nlabels: {} # d\n", f"# a\nsla:   # b\n  {LINE}\n  # c\nlabels: {{}} # d\n"),
    ("# a\r\nsla:\r\n# b\r\n", f"# a\r\nsla:\r\n  {LINE}\r\n# b\r\n"),
    ("# a\r\n", f"# a\r\n\r\nsla:\r\n  {LINE}\r\n"),
    ("triage: {}  # b", f"triage: {{}}  # b\n\nsla:\n  {LINE}\n"),
    ("", f"\n\nsla:\n  {LINE}\n"),
    ('identity:\n  former: ["sla:"]\n', f'identity:\n  former: ["sla:"]\n\nsla:\n  {LINE}\n'),
]


@pytest.mark.parametrize(("text", "expected"), FILES)
def test_one_line_is_written_and_every_other_character_stays(tmp_path: Path, text: str, expected: str) -> None:
    assert _begun(tmp_path, text) == ("done", expected)
    written = load(tmp_path / "app.yaml").sla.enforce_from
    assert written == NOW.replace(microsecond=0)


def test_the_shipped_file_keeps_all_its_comments(tmp_path: Path) -> None:
    shipped = (ROOT / "app.yaml").read_text("utf-8")
    state, text = _begun(tmp_path, shipped)
    assert state == "done"
    assert [line for line in text.splitlines() if line != f"  {LINE}"] == shipped.splitlines()


@pytest.mark.parametrize("text", ["sla: {}\n", "sla:\n  enforce_from:\n", "sla: {\n}\n", "{triage: {}}\n"])
def test_where_it_does_not_fit_a_person_is_told_to(tmp_path: Path, text: str) -> None:
    assert _begun(tmp_path, text) == ("by hand", text)
    step = begin_enforcement(Config(), tmp_path / "app.yaml", NOW, dry_run=False)
    assert step.how == f"add `{LINE}` to the section sla of {tmp_path}/app.yaml"


def test_a_link_and_the_permissions_of_the_file_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "app.yaml"
    real.write_text("sla:\n", encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    assert begin_enforcement(Config(), link, NOW, dry_run=False).state == "done"
    assert link.is_symlink() and LINE in real.read_text("utf-8")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(tmp_path.iterdir()) == [link, real]


def test_a_file_that_went_away_is_left_to_a_person(tmp_path: Path) -> None:
    assert begin_enforcement(Config(), tmp_path / "app.yaml", NOW, dry_run=False).state == "by hand"


# ---------------------------------------------------------------- doctor


def test_doctor_on_trackers_that_are_ready(ready: House) -> None:
    ready.steps()
    app = next(iter(ready.github.access.apps.values()))
    ready.github.connect("https://spark.example/webhooks/github", "s", app=app)
    ready.write((ready.folder / "app.yaml").read_text("utf-8") + "public_url: https://spark.example\n")
    before = ready.writes()
    findings = ready.findings(code=0)
    assert {finding["health"] for finding in findings} == {"ok", "warning"}
    assert {"health", "about", "says", "mend"} == set(findings[0])
    done = ready.run("doctor")
    assert (done.code, done.err) == (0, "")
    assert "ok       credentials: the App spark-integrator, installed as spark-integrator[bot]\n" in done.out
    assert "warning  project OPS: it has no open issue to look at transitions with\n         Create one" in done.out
    assert ready.writes() == before


def test_doctor_says_what_is_missing_and_how_to_mend_it(empty: House) -> None:
    findings = empty.findings(code=1)
    told = {(finding["health"], finding["says"]): finding["mend"] for finding in findings}
    assert told["fault", "sla.enforce_from is missing"] == "run `integrator init`"
    assert told["fault", 'Status has no option "Emergency Queue"'] == "Run integrator init."
    assert any('no column is called "Emergency Queue"' in says for _, says in told)
    assert all(mend for (health, _), mend in told.items() if health != "ok")


def test_doctor_without_secrets_asks_nobody(ready: House) -> None:
    ready.environ = {}
    findings = ready.findings(code=1)
    assert {finding["about"] for finding in findings} >= {"environment", "app.yaml"}
    assert ready.github.requests == [] and ready.jira.requests == []


def test_doctor_without_trackers(house: House) -> None:
    house.write("")
    assert [f["says"] for f in house.findings(code=1)][:2] == [
        "no tracker is connected",
        "sla.enforce_from is missing",
    ]


def test_doctor_tells_who_cannot_be_reached_with_its_own_exit_code(ready: House) -> None:
    ready.github.fault(lambda method, path, body: True, Kind.RESET_BEFORE, times=100)
    findings = ready.findings(code=3)
    assert any(f["about"] == "github" and f["health"] == "fault" for f in findings)
    assert any(f["about"] == "board 81" for f in findings), "the other tracker is looked at all the same"


def test_doctor_tells_that_jira_cannot_be_reached(ready: House) -> None:
    ready.jira.stop()
    findings = ready.findings(code=3)
    assert any(f["about"].startswith("repository") for f in findings)


def test_refused_credentials_are_a_fault_not_an_outage(ready: House) -> None:
    ready.environ["INTEGRATOR_JIRA_TOKEN"] = "wrong"
    assert any(
        f["health"] == "fault" for f in ready.findings(code=1) if "127.0.0.1" in f["about"] or f["about"] == "jira"
    )


# ---------------------------------------------------------------- check and schema


def test_check_says_that_it_is_right_and_what_is_left_to_do(house: House) -> None:
    done = house.run("check")
    assert (done.code, done.err) == (0, "")
    first, *todo = done.out.splitlines()
    assert first == "app.yaml is right. Trackers: github (github), jira (jira). 12 rules."
    assert "still to do before serving: run `integrator init`; it writes sla.enforce_from" in todo
    assert any("INTEGRATOR_JIRA_EMAIL" in line for line in todo)


def test_check_names_every_fault_with_its_line(house: House) -> None:
    house.write("sla: {enforce_from: soon}\nqqq: 1\n")
    done = house.run("check")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "app.yaml:1 sla.enforce_from: 'soon' is not a time; write for example 2026-11-23T09:00:00Z",
        "app.yaml:2 qqq: is not a key here",
        "2 faults",
    ]
    done = house.run("check", "--json")
    assert (done.code, done.err) == (1, "")
    told = json.loads(done.out)
    assert told["ok"] is False
    assert [(fault["file"], fault["line"], fault["path"]) for fault in told["faults"]] == [
        ("app.yaml", 1, "sla.enforce_from"),
        ("app.yaml", 2, "qqq"),
    ]


def test_check_as_json_when_all_is_right(house: House) -> None:
    house.write("")
    done = house.run("check", "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == {
        "ok": True,
        "faults": [],
        "before_serving": [
            "connect a tracker under `trackers:`",
            "run `integrator init`; it writes sla.enforce_from",
        ],
    }


def test_check_names_secret_files_that_cannot_be_read(house: House) -> None:
    house.environ = {"INTEGRATOR_GITHUB_TOKEN_FILE": "/nowhere", "INTEGRATOR_JIRA_TOKEN_FILE": "/nowhere"}
    todo = json.loads(house.run("check", "--json").out)["before_serving"]
    assert [line for line in todo if "_FILE" in line] == [
        "environment INTEGRATOR_GITHUB_TOKEN_FILE: /nowhere cannot be read (No such file or directory)",
        "environment INTEGRATOR_JIRA_TOKEN_FILE: /nowhere cannot be read (No such file or directory)",
    ]


def test_the_schema_is_one_json_document(house: House) -> None:
    done = house.run("schema")
    assert (done.code, done.err) == (0, "")
    assert "trackers" in json.loads(done.out)["properties"]
