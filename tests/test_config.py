"""app.yaml: every kind of fault, all of them at once, each at its line with its key and the way out."""

from datetime import timedelta
from pathlib import Path

import pytest

from integrator.config import CatchUp, Config, GitHubConfig, load, parse, schema
from integrator.subjects import Round
from integrator.yaml_file import ConfigError
from mapping.issue import Column
from mapping.severity import Severity

ROOT = Path(__file__).resolve().parent.parent
GITHUB = "trackers:\n  github: {kind: github, repositories: [acme/shop]}\n"


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "app.yaml")
    return [str(fault) for fault in caught.value.faults]


def test_the_shipped_file_with_one_wrong_severity_names_its_line_and_key() -> None:
    lines = (ROOT / "app.yaml").read_text("utf-8").splitlines()
    rules = [number for number, line in enumerate(lines) if "- {name:" in line]
    lines[rules[3]] = lines[rules[3]].replace("then: P0", "then: P5")
    says = "'P5' is not a severity; use P0, P1, P2 or P3"
    assert faults("\n".join(lines)) == [f"app.yaml:{rules[3] + 1} triage.rules[3].then: {says}"]


def test_the_example_of_the_manual() -> None:
    above = ["triage:", "  rules:"]
    above += ["    - {name: a, when: {process: none}, then: P3}"] * 3
    above = [line.replace("a,", f"a{number},") for number, line in enumerate(above)]
    text = "\n".join([*["#"] * (40 - len(above) - 2), *above, "    - name: b", "      when: {kind: request}"])
    (fault,) = faults(f"{text}\n      then: P5\n")
    assert fault == "app.yaml:41 triage.rules[3].then: 'P5' is not a severity; use P0, P1, P2 or P3"


ONE_FAULT = [
    # what YAML itself refuses
    ("sla: {}\nsla: {enforce_from: 2026-01-01}\n", 'app.yaml:2: found duplicate key "sla"'),
    ("sla:\n\tx: 1\n", "app.yaml:2: found character '\\t' that cannot start any token"),
    ("sla: {}\nlabels: {a: [1\n", "app.yaml:3: expected ',' or ']', but got '<stream end>'"),
    ("sla: *nope\n", "app.yaml:1: found undefined alias 'nope'"),
    ("sla: {}\n---\nsla: {}\n", "app.yaml:2: but found another document"),
    ("sla: \x00\n", "app.yaml: is not YAML: unacceptable character #x0000: special characters are not allowed"),
    ("sla: {}\nlabels: !custom {}\n", "app.yaml:2: the tag !custom means nothing here"),
    ("sla: !!set {a}\n", "app.yaml:1: the tag tag:yaml.org,2002:set means nothing here"),
    ("sla: !!binary aGVsbG8=\n", "app.yaml:1: the tag tag:yaml.org,2002:binary means nothing here"),
    ("sla: " + "[" * 500, "app.yaml: is nested too deeply"),
    ("? [a, b]\n: c\n", "app.yaml: has a key that is no word"),
    # what is no app.yaml
    ("- trackers\n", "app.yaml:1: must be a mapping of keys; start from the shipped app.yaml"),
    ("hello\n", "app.yaml:1: must be a mapping of keys; start from the shipped app.yaml"),
    # keys
    ("\nseveritys: {}\n", "app.yaml:2 severitys: is not a key here; did you mean 'severities'?"),
    ("triage:\n  confrim: auto\n", "app.yaml:2 triage.confrim: is not a key here; did you mean 'confirm'?"),
    ("sla:\n  zzzzzz: 1\n", "app.yaml:2 sla.zzzzzz: is not a key here"),
    ("sla: {}\n1: x\n", "app.yaml:2 1: is not a key here; did you mean 'P1'?"),
    # values
    (
        "triage:\n  confirm: maybe\n",
        """app.yaml:2 triage.confirm: input should be 'person' or 'auto' (given: "maybe")""",
    ),
    ("sla: {enforce_from: soon}\n", "app.yaml:1 sla.enforce_from: 'soon' is not a time; write for example 2026-11-23T"),
    ("public_url: ftp://x\n", "app.yaml:1 public_url: string should match pattern"),
    ("triage: {trusted_bots: renovate}\n", "app.yaml:1 triage.trusted_bots: input should be a valid"),
    # severities and labels
    (
        "severities:\n  P0: {response: 1, resolution: 4h}\n",
        "app.yaml:2 severities.P0.response: 1 is not a duration; wri",
    ),
    (
        "severities:\n  P9: {response: 1h, resolution: 4h}\n",
        "app.yaml:2 severities.P9: input should be 'P0', 'P1', 'P2'",
    ),
    ("severities:\n  P0: {response: 1h, resolution: 4h}\n", "app.yaml: severities: P1 has no targets"),
    ("labels:\n  P0: {name: P 0, color: ffffff, description: x}\n", "app.yaml:2 labels.P0.name: string should match"),
    ("labels:\n  P0: {name: P1, color: ffffff, description: x}\n", "app.yaml:1 labels: two labels are both named 'p1'"),
    (
        "labels: {P0: {name: P0}}\n",
        "app.yaml:1 labels.P0.color: is missing\napp.yaml:1 labels.P0.description: is missing",
    ),
    # rules
    (
        "triage:\n  rules:\n  - name: a\n    when: {process: bad}\n    then: P0\n",
        "app.yaml:4 triage.rules[0].when: process: 'bad' is not an answer; use critical, major, minor, none, unknown",
    ),
    (
        "triage:\n  rules:\n  - name: a\n    when: {process: none}\n",
        "app.yaml:3 triage.rules[0]: give either `then: P0` … `P3` or `raise: 1`",
    ),
    # rounds
    (
        "catch_up:\n  sweep: false\n",
        "app.yaml:2 catch_up.sweep: False is not a duration; write for example 15m, 4h, 7d or 1w, or off",
    ),
    ("catch_up: {sync: 1h}\n", "app.yaml:1 catch_up.sync: is not a key here"),
    # trackers
    ("trackers:\n  GitHub: {kind: github, repositories: [a/b]}\n", "app.yaml:2 trackers.GitHub: string should match"),
    ("trackers:\n  hub:\n    repositories: [a/b]\n", "app.yaml:2 trackers.hub.kind: is missing; use github or jira"),
    (
        "trackers:\n  hub:\n    kind: gitlab\n",
        "app.yaml:3 trackers.hub.kind: 'gitlab' is not a kind of tracker; use github or jira",
    ),
    ("trackers:\n  hub: {kind: github}\n", "app.yaml:2 trackers.hub.repositories: is missing"),
    ("trackers:\n  hub: {kind: github, repositories: []}\n", "app.yaml:2 trackers.hub.repositories: tuple should have"),
    (
        "trackers:\n  hub:\n    kind: github\n    repositories:\n    - acme/shop\n    - acme\n",
        "app.yaml:6 trackers.hub.repositories[1]: string should match pattern",
    ),
    (
        "trackers:\n  hub: {kind: github, repositories: [acme]}\n",
        "app.yaml:2 trackers.hub.repositories[0]: string should match pattern",
    ),
    (
        "trackers:\n  hub:\n    kind: github\n    repositories: [a/b]\n    columns:\n      Fire: x\n",
        "app.yaml:6 trackers.hub.columns.Fire: input should be 'Backlog', 'In Progress'",
    ),
    (
        "trackers:\n  hub:\n    kind: github\n    repositories: [a/b]\n    project: {owner: a, number: 0}\n",
        "app.yaml:5 trackers.hub.project.number: input should be greater than or equal to 1 (given: 0)",
    ),
    (
        "trackers:\n  j: {kind: jira, url: 'https://x', projects: [ops]}\n",
        "app.yaml:2 trackers.j.projects[0]: string should match pattern",
    ),
    ("trackers:\n  j: {kind: jira, projects: [OPS]}\n", "app.yaml:2 trackers.j.url: is missing"),
    (
        "trackers:\n  a: {kind: github, repositories: [acme/shop]}\n  b: {kind: github, repositories: [Acme/Shop]}\n",
        "app.yaml: acme/shop is listed twice under trackers; each issue has one",
    ),
    (
        "trackers:\n  a: &a\n    kind: github\n    repositories: [acme/shop]\n  b:\n    <<: *a\n    colour: red\n",
        "app.yaml:7 trackers.b.colour: is not a key here; did you mean 'color'?",
    ),
]


@pytest.mark.parametrize(("text", "says"), ONE_FAULT, ids=[says[:60] for _, says in ONE_FAULT])
def test_a_fault_is_named_with_its_line_its_key_and_the_way_out(text: str, says: str) -> None:
    assert "\n".join(faults(text)).startswith(says)
    assert len(faults(text)) == 1 + says.count("\n")


def test_a_fault_inside_what_was_merged_has_the_line_of_what_merged_it() -> None:
    text = "trackers:\n  a: &a\n    kind: github\n    repositories: [acme/shop]\n    qqq: 1\n  b:\n    <<: *a\n"
    assert faults(text) == [
        "app.yaml:5 trackers.a.qqq: is not a key here",
        "app.yaml:6 trackers.b.qqq: is not a key here",
    ]


def test_all_faults_come_at_once() -> None:
    text = """\
severitys: {}
severities: {P0: {response: never, resolution: 4h}}
labels: {emergency: {name: on fire, color: red, description: x}}
triage:
  confirm: maybe
  rules:
    - {name: a, when: {}, then: P0}
    - {name: b, when: {process: none}, then: P7}
sla: {enforce_from: tomorrow}
trackers: {hub: {kind: gitlab}}
"""
    found = faults(text)
    assert [fault.split(": ")[0] for fault in sorted(found)] == [
        "app.yaml:1 severitys",
        "app.yaml:10 trackers.hub.kind",
        "app.yaml:2 severities.P0.response",
        "app.yaml:3 labels.emergency.color",
        "app.yaml:3 labels.emergency.name",
        "app.yaml:5 triage.confirm",
        "app.yaml:7 triage.rules[0].when",
        "app.yaml:8 triage.rules[1].then",
        "app.yaml:9 sla.enforce_from",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "trackers:\n  hub: {token: ghp_hidden, repositories: [a/b]}\n",
        "trackers:\n  hub: {kind: gitlab, token: ghp_hidden}\n",
        "trackers:\n  hub: {kind: github, repositories: [a/b], token: ghp_hidden}\n",
        "trackers: [{token: ghp_hidden}]\n",
        "token: ghp_hidden\ntoken: ghp_hidden\n",
    ],
)
def test_a_secret_that_strayed_into_the_file_is_not_repeated(text: str) -> None:
    assert "ghp_hidden" not in "\n".join(faults(text))


def test_a_file_that_cannot_be_read_says_which_and_how_to_name_another(tmp_path: Path) -> None:
    missing, latin = tmp_path / "app.yaml", tmp_path / "latin.yaml"
    latin.write_bytes(b"sla: {} # \xe4\n")
    with pytest.raises(ConfigError, match=r"app.yaml: cannot be read \(No such file.*--config or INTEGRATOR_CONFIG"):
        load(missing)
    with pytest.raises(ConfigError, match=r"latin.yaml: is not UTF-8 text"):
        load(latin)


@pytest.mark.parametrize("text", ["", "# nothing\n", "sla:\n", "trackers:\n  # none yet\n", "\ufeffsla: {}\n"])
def test_what_is_left_out_keeps_its_default(text: str) -> None:
    assert parse(text, "app.yaml") == Config()


def test_the_shipped_file_is_the_defaults() -> None:
    assert load(ROOT / "app.yaml") == Config()


def test_values_as_yaml_1_2_reads_them() -> None:
    text = 'triage: {rules: [{name: off, when: {security: "yes", keyword: [on, no]}, then: P0}]}\n'
    config = parse(f"{text}sla: {{enforce_from: 2026-11-23}}\n", "app.yaml")
    assert config.triage.rules[0].name == "off"
    assert config.triage.rules[0].when.keyword == ("on", "no")
    assert config.sla.enforce_from is not None
    assert config.sla.enforce_from.isoformat() == "2026-11-23T00:00:00+00:00"


def test_columns_keep_their_own_names_where_they_are_not_renamed() -> None:
    config = parse(GITHUB.replace("}", ", columns: {Review: In review}}"), "app.yaml")
    names = config.trackers["github"].board_columns
    assert (names[Column.REVIEW], names[Column.DONE]) == ("In review", "Done")


def test_the_fingerprint_is_of_what_plans_depend_on() -> None:
    plain = parse(GITHUB, "app.yaml")
    assert plain.policy_hash == parse(f"# a comment\n{GITHUB}", "other.yaml").policy_hash
    changed = parse(f"{GITHUB}triage: {{confirm: auto}}\n", "app.yaml")
    assert plain.policy_hash != changed.policy_hash


def test_rounds_can_be_off_and_change_no_plan() -> None:
    some = parse("catch_up: {redelivery: off, sweep: 7d}\n", "app.yaml")
    assert some.catch_up.every == {Round.RECONCILE: timedelta(minutes=10), Round.SWEEP: timedelta(days=7)}
    assert CatchUp.model_validate_json(some.catch_up.model_dump_json()) == some.catch_up
    assert some.policy_hash == Config().policy_hash


def test_the_schema_knows_every_key_of_the_shipped_file() -> None:
    described = schema()
    policy = {"severities", "labels", "triage", "sla", "roles", "escalation", "board", "pause", "retrospective", "okr"}
    ours = {"calendars", "texts", "identity", "catch_up", "public_url", "trackers"}
    assert policy | ours == set(described["properties"])
    assert described["$schema"].endswith("2020-12/schema")
    assert "needs-triage" in described["$defs"]["Labels"]["properties"]


def test_a_configuration_in_python_is_the_same() -> None:
    hub = GitHubConfig(kind="github", repositories=("acme/shop",))
    assert Config(trackers={"github": hub}) == parse(GITHUB, "app.yaml")
    assert Config().severities[Severity.P0].response.total_seconds() == 3600
