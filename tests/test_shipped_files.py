"""What people read is true: the shipped app.yaml, and what the documents say of keys, commands, rules and files."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import structlog
from click.testing import CliRunner, Result
from prometheus_client import Counter, Gauge
from ruamel.yaml import YAML

from integrator import metrics
from integrator.cli import main
from integrator.config import Config, load, parse, schema
from integrator.credentials import secrets_of
from integrator.enforcement import begin_enforcement
from integrator.scenario import Scenario
from integrator.simulate import Simulation
from integrator.yaml_file import validated
from mapping.triage import QUESTIONS
from webhooks.receiver import LARGEST

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "app.yaml"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
DOCS = {path.name: path.read_text("utf-8") for path in DOCUMENTS}

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"(?<![\w/-])integrator ((?:--?[a-z]+ )*[a-z]+)((?: +[^ `\n#|>]+)*)")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def examples() -> dict[str, list[str]]:
    """The commented trackers of app.yaml: a line `  # name:` and the deeper ones after it."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in SHIPPED.read_text("utf-8").partition("\ntrackers:\n")[2].splitlines():
        if head := re.fullmatch(r"  # ([a-z][a-z0-9_]*):", line):
            current = found[head[1]] = [line]
        elif line.startswith("  #   "):
            current.append(line)
    return found


EXAMPLES = examples()


def with_examples(*names: str) -> Config:
    """The shipped file with these examples uncommented, as a person does it."""
    text = SHIPPED.read_text("utf-8")
    for lines in (EXAMPLES[example] for example in names):
        plain = [f"  {line.removeprefix('  # ')}" for line in lines]
        text = text.replace("\n".join(lines) + "\n", "\n".join(plain) + "\n")
    return parse(text, "app.yaml")


# --------------------------------------------------------------------------------------------------------- app.yaml


def test_the_shipped_file_is_the_defaults() -> None:
    assert load(SHIPPED) == Config()
    assert load(SHIPPED).policy_hash == Config().policy_hash


@pytest.mark.parametrize("kind", ["rules", "hints"])
def test_it_writes_every_rule_out(kind: str) -> None:
    shipped, default = (getattr(config.triage, kind) for config in (load(SHIPPED), Config()))
    for ours, theirs in zip_longest(shipped, default):
        assert ours == theirs
        assert ours.model_dump(exclude_unset=True, by_alias=True)["when"] == {
            key: value for key, value in theirs.when.model_dump().items() if value is not None
        }


def test_it_writes_every_key_out() -> None:
    written = set(re.findall(r"(?:^|[{ #])([A-Za-z][A-Za-z0-9_-]*):(?= |$)", SHIPPED.read_text("utf-8"), re.MULTILINE))
    assert property_names() - property_names("Condition") - written == set()


def run(*arguments: str) -> Result:
    try:
        return CliRunner().invoke(main, arguments)
    finally:
        structlog.reset_defaults()


def test_its_schema_accepts_it() -> None:
    written = YAML(typ="safe", pure=True).load(SHIPPED.read_text("utf-8"))
    filled = {key: value for key, value in written.items() if value is not None}
    faults = jsonschema.Draft202012Validator(schema()).iter_errors(json.loads(json.dumps(filled)))
    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []


def test_check_accepts_it() -> None:
    result = run("check", "--config", str(SHIPPED))
    assert result.exit_code == 0
    assert "app.yaml is right. Trackers: none yet. 12 rules." in result.output


def test_init_writes_the_start_of_enforcement_into_it(tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(SHIPPED.read_text("utf-8"), "utf-8")
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert begin_enforcement(load(file), file, at, dry_run=False).state == "done"
    assert load(file).sla.enforce_from == at
    assert load(file).model_copy(update={"sla": Config().sla}) == Config()


def test_its_examples_cover_what_can_be_connected() -> None:
    trackers = [with_examples(example).trackers[example] for example in EXAMPLES]
    seen = {
        (
            tracker.kind,
            getattr(tracker, "product", "enterprise" if tracker.url.endswith("/api/v3") else "github.com"),
            getattr(tracker, "project", None) is not None or getattr(tracker, "board", None) is not None,
        )
        for tracker in trackers
    }
    assert seen == {
        ("github", "github.com", True),
        ("github", "github.com", False),
        ("github", "enterprise", True),
        ("jira", "cloud", True),
        ("jira", "data-center", True),
    }
    assert any(tracker.columns for tracker in trackers)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_valid_when_uncommented(example: str) -> None:
    config = with_examples(example)
    assert list(config.trackers) == [example]
    assert config.model_copy(update={"trackers": {}}) == Config()


def test_all_examples_are_valid_together() -> None:
    assert list(with_examples(*EXAMPLES).trackers) == list(EXAMPLES)


def test_public_url_is_valid_when_uncommented() -> None:
    text = SHIPPED.read_text("utf-8").replace("# public_url: ", "public_url: ")
    assert parse(text, "app.yaml").public_url == "https://integrator.example.com"


# ------------------------------------------------------------------------------------------------------------- links


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    inside = [link for link in _LINK.findall(path.read_text("utf-8")) if "://" not in link]
    broken = [link for link in inside if not leads_somewhere(path, link)]
    assert broken == []


def leads_somewhere(path: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = (path.parent / file).resolve() if file else path
    if not target.exists() or not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_files_of_the_repository_that_are_named_exist(path: Path) -> None:
    named = re.findall(
        r"`((?:mapping|webhooks|adapters|integrator|tests|docs)/[\w/.-]+\.\w+)`", path.read_text("utf-8")
    )
    assert [file for file in named if not (ROOT / file).exists()] == []


def test_every_decision_is_numbered_and_whole() -> None:
    files = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [path.name[:4] for path in files] == [f"{number:04}" for number in range(1, len(files) + 1)]
    for path in files:
        text = path.read_text("utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. ")
        for part in ("**Context.**", "**Decision.**", "**Consequences.**", "**What would change it.**"):
            assert part in text, f"{path.name} lacks {part}"


# ---------------------------------------------------------------------------------------------------------- commands


def calls() -> Iterator[tuple[str, list[str]]]:
    """Every `integrator …` in a document's code: where, and its words."""
    for document, text in DOCS.items():
        code = [*_CODE.findall(text), *(line for line in text.splitlines() if line.startswith("    "))]
        code += [block for language, block in _FENCE.findall(text) if language in {"", "ini", "dockerfile"}]
        for line in code:
            for call in _CALL.finditer(line.replace('", "', " ").replace("\\|", "")):
                yield document, f"{call[1]}{call[2]}".split()


def test_commands_and_options_in_the_documents_exist() -> None:
    found = [(document, words, fault) for document, words in calls() for fault in faults(words)]
    assert found == []
    assert len(list(calls())) > 60


def faults(words: list[str]) -> Iterator[str]:
    """What of a call doesn't exist; options may stand in square brackets, placeholders in capitals."""
    command: click.Command = main
    for word in (re.sub(r"[\[\]().,:;]", "", w) for w in words):
        known = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}
        if word.startswith("--") and word not in known:
            yield f"{command.name} has no option {word}"
        elif isinstance(command, click.Group) and word.isalpha() and word.islower():
            if word not in command.commands:
                yield f"there is no command {word}"
                return
            command = command.commands[word]


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{command.name} ")
        else:
            yield f"{prefix}{command.name}", command


@pytest.mark.parametrize(("called", "command"), list(commands(main)), ids=str)
def test_the_reference_has_every_command_with_every_option(called: str, command: click.Command) -> None:
    rows = [row for row in DOCS["cli.md"].splitlines() if re.match(rf"\| `integrator {called}[ `]", row)]
    assert len(rows) == 1
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
    assert [option for option in options if option != "--config" and option not in rows[0]] == []


def test_the_reference_has_every_metric() -> None:
    counters = {f"{one._name}_total" for one in vars(metrics).values() if isinstance(one, Counter)}
    gauges = {one._name for one in vars(metrics).values() if isinstance(one, Gauge)}
    assert set(re.findall(r"^\| `(integrator_\w+)`", DOCS["http.md"], re.MULTILINE)) == counters | gauges


# ------------------------------------------------------------------------------------------------------ configuration


def property_names(*definitions: str) -> set[str]:
    """The keys of app.yaml, or of these parts of it."""
    whole = schema()
    parts = [whole["$defs"][part] for part in definitions] or [whole, *whole["$defs"].values()]
    return {key for part in parts for key in part.get("properties", {})}


def key_paths(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key path of app.yaml; `*` stands for a name of one's own."""
    node = schema()["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    steps = [(f".{key}", part) for key, part in node.get("properties", {}).items()]
    named = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    steps += [(".*", part) for part in named if isinstance(part, dict)]
    for branch in node.get("anyOf", node.get("oneOf", [node["items"]] if "items" in node else [])):
        yield from key_paths(branch, prefix)
    for step, part in steps:
        yield from key_paths(part, f"{prefix}{step}".lstrip("."))
    yield prefix


def leaves(paths: set[str]) -> set[str]:
    return {path for path in paths if not any(other.startswith(f"{path}.") for other in paths)}


def test_the_reference_has_every_key_and_no_other() -> None:
    paths = {re.sub(r"^labels\.[^.]+", "labels.*", path) for path in key_paths(schema())}
    documented = set()
    for cell in re.findall(r"^\| (`[a-z_]+[`.\[].*?) \|", DOCS["configuration.md"], re.MULTILINE):
        first, *others = (path.replace("[]", "") for path in _CODE.findall(cell))
        documented |= {first, *(f"{first.rpartition('.')[0]}.{other}" for other in others)}
    paths = {path.replace("triage.hints.", "triage.rules.") for path in paths} - {""}
    assert documented >= {"triage.rules", "triage.hints"}
    assert leaves(documented) == leaves(paths)


class Environment(dict[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.append(key)
        return default


def test_the_reference_has_every_environment_variable() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "integrator").rglob("*.py"))
    read = set(re.findall(r'"(INTEGRATOR_[A-Z_]+)"', sources)) - {"INTEGRATOR_THREADS"}
    asked = Environment()
    secrets_of("name", asked)
    read |= {variable for variable in asked.asked if not variable.endswith("_FILE")}
    assert read == set(re.findall(r"`(INTEGRATOR_\w+)`", DOCS["configuration.md"]))


# ------------------------------------------------------------------------------------------------------------- triage


def test_the_questions_are_told_as_they_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", DOCS["triage.md"], re.MULTILINE)
    told = {key: (asks, tuple(_CODE.findall(answers))) for key, asks, answers in rows}
    assert told == {question.key: (question.heading, tuple(question.choices)) for question in QUESTIONS}


RECIPES = [block for language, block in _FENCE.findall(DOCS["triage.md"]) if language == "yaml"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_of_the_cookbook_is_a_rule(recipe: str) -> None:
    rows = "".join(f"    {line}\n" for line in recipe.splitlines())
    for kind in ("rules", "hints"):
        assert len(getattr(parse(f"triage:\n  {kind}:\n{rows}", "recipe").triage, kind)) == 1


def test_the_example_scenario_can_be_played() -> None:
    file = ROOT / "docs" / "examples" / "checkout.yaml"
    simulation = Simulation(validated(Scenario, file.read_text("utf-8"), file.name), Config())
    changes = [line.change for line in simulation.run()]
    final = simulation.final()["github:acme/shop#9"]
    assert (changes[0], final["severity"], final["column"]) == ("SetLabels", "P0", "Done")


def test_the_largest_body_is_told() -> None:
    assert f"{LARGEST // 2**20} MiB" in DOCS["http.md"]
