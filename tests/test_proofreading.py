"""Templates of app.yaml: each fault at its line and key, before anything is written with them."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from integrator.config import Config, OwnTexts, parse
from integrator.dialects import Markdown
from integrator.proofreading import BadTemplate, slips
from integrator.samples import NOW, SAMPLES
from integrator.texts import FACTS, Texts, variables
from integrator.yaml_file import ConfigError
from mapping.places import FILLED_BY, KINDS, NEEDED
from tests.here import run

DOCS = Path(__file__).resolve().parent.parent / "docs"
MANUAL = (DOCS / "texts.md").read_text("utf-8")

FULL, EMPTY = "(with everything known)", "(with nothing known)"
SLIPS = [
    # what Jinja itself refuses
    ("alarm", "a\n{% if %}", [(2, "Expected an expression, got 'end of statement block'")]),
    ("alarm", "a\nb {{ facts.step", [(2, "unexpected end of template, expected 'end of print statement'.")]),
    # names that there are not, all at once, also where the samples never come
    ("alarm", "{{ foo }}\n\n{{ clocks }}", [(1, "there is no foo"), (3, "there is no clocks; did you mean 'clock'?")]),
    ("alarm", "x{% if false %}\n{{ facts.setp }}{% endif %}", [(2, "there is no facts.setp; did you mean 'step'?")]),
    ("alarm", "x{% if false %}{{ ui.blod }}{% endif %}", [(1, "there is no ui.blod; did you mean 'bold'?")]),
    ("alarm", "{{ ui._SIGNS }}", [(1, "there is no ui._SIGNS")]),
    ("alarm", "{{ place('engineer') }}", [(1, "there is no place")]),
    ("alarm", "{% if false %}\n{{ foo | uper }}{% endif %}", [(2, "there is no filter 'uper'; did you mean 'upper'?")]),
    ("alarm", "{% if facts.late is worse %}{% endif %}", [(1, "there is no test 'worse'")]),
    ("alarm", "{% set a = 1 %}{{ a }}{% for a in 'x' %}{{ a }}{{ loop.index }}{% endfor %}{{ range(3) }}", []),
    # what only shows when it is tried
    (
        "alarm",
        "{% for c in facts.breached %}\n{{ c.nmae }}{% endfor %}",
        [(2, f"'mapping.changes.ClockFacts object' has no attribute 'nmae' {FULL}")],
    ),
    ("alarm", "{{ facts.severity.word }}", [(1, f"'None' has no attribute 'word' {EMPTY}")]),
    ("status", "{{ facts.missing[0].key }}", [(1, f"tuple object has no element 0 {EMPTY}")]),
    ("status", "{{ facts.confirmed_by.upper() }}", [(1, f"'None' has no attribute 'upper' {EMPTY}")]),
    ("alarm", "a\n{{ at(facts.step) }}", [(2, f"AttributeError: 'str' object has no attribute 'astimezone' {FULL}")]),
    ("alarm", "{% include 'mine.j2' %}", [(1, f"TemplateNotFound: mine.j2 {FULL}")]),
    ("update", "a\n\n{{ place('cause') }}", [(3, f"there is no place 'cause'; there is {', '.join(FILLED_BY)},")]),
    # what the sandbox keeps in
    (
        "alarm",
        "{{ ''.__class__.__mro__ }}",
        [(1, f"access to attribute '__class__' of 'str' object is unsafe. {FULL}")],
    ),
    (
        "alarm",
        "{{ at.__globals__ }}",
        [(1, f"access to attribute '__globals__' of 'function' object is unsafe. {FULL}")],
    ),
    ("alarm", "{{ clock.update(a=1) }}", [(1, f"access to attribute 'update' of 'dict' object is unsafe. {FULL}")]),
    ("alarm", "{{ range(1000000) }}", [(1, "OverflowError: Range too big.")]),
    # texts that say too little
    ("alarm", " \n{# nothing #}", [(None, f"says nothing {FULL}")]),
    ("alarm", "{% if facts.late %}late{% endif %}", [(None, f"says nothing {EMPTY}")]),
    ("update", "News", [(None, f"its first line is the heading, and there is nothing below it {FULL}")]),
    ("retrospective", "Look back\n\n{{ facts.title }}", [(None, f"its first line is the heading, {''}and there is")]),
]


@pytest.mark.parametrize(("name", "source", "expected"), SLIPS)
def test_a_slip_is_found_at_its_line(name: str, source: str, expected: list[tuple[int | None, str]]) -> None:
    found = slips(name, source)
    assert [slip.line for slip in found] == [line for line, _ in expected], found
    for slip, (_, says) in zip(found, expected, strict=True):
        assert slip.says.startswith(says)


@pytest.mark.parametrize("name", FACTS)
def test_our_own_texts_have_none_and_can_be_put_into_others(name: str) -> None:
    source = files("integrator.templates").joinpath(f"{name}.j2").read_text("utf-8")
    assert slips(name, source) == []
    assert slips(name, f'{{% include "{name}.j2" %}}\n\nOur runbook: {{{{ now }}}}') == []


def test_every_text_has_samples_of_its_facts() -> None:
    assert set(SAMPLES) == set(FACTS) == set(OwnTexts.model_fields)
    assert all(isinstance(sample.facts, FACTS[name]) for name, samples in SAMPLES.items() for sample in samples)


# ---------------------------------------------------------------------- in app.yaml


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "app.yaml")
    return [str(fault) for fault in caught.value.faults]


def test_every_fault_of_every_text_is_named_with_its_line_and_key() -> None:
    text = "texts:\n  alarm: |\n    fine\n    {{ foo }}\n\n    {{ bar }}\n  status: |-\n    {{ baz }}\nsla: {x: 1}\n"
    assert faults(text) == [
        "app.yaml:9 sla.x: is not a key here",
        "app.yaml:8 texts.status: there is no baz",
        "app.yaml:4 texts.alarm: there is no foo",
        "app.yaml:6 texts.alarm: there is no bar",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('texts: {alarm: "a\\n{{ foo }}"}\n', "app.yaml:1 texts.alarm: in its line 2, there is no foo"),
        ("texts:\n  alarm: >\n    a\n    {{ foo }}\n", "app.yaml:2 texts.alarm: in its line 1, there is no foo"),
        ("texts:\n  alarm: ''\n", f"app.yaml:2 texts.alarm: says nothing {FULL}"),
        ("texts:\n  alram: x\n", "app.yaml:2 texts.alram: is not a key here; did you mean 'alarm'?"),
        ("texts: {alarm: 3}\n", "app.yaml:1 texts.alarm: input should be a valid string (given: 3)"),
        (
            "base: &base\n  alarm: |\n    {{ foo }}\ntexts:\n  <<: *base\n",
            "app.yaml:4 texts.alarm: in its line 1, there is no foo\napp.yaml:1 base: is not a key here",
        ),
    ],
)
def test_where_the_lines_are_not_the_files_the_key_is_named(text: str, says: str) -> None:
    assert "\n".join(faults(text)).startswith(says)


def test_check_refuses_it_and_so_does_serve(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("texts:\n  status: |\n    {{ facts.sverity }}\n", "utf-8")
    says = "app.yaml:3 texts.status: there is no facts.sverity; did you mean 'severity'?"
    for command in ("check", "serve"):
        done = run(tmp_path, {}, command)
        assert (done.code, done.out) == (1, "") and says in done.err


def test_a_right_text_is_taken_and_is_part_of_the_policys_fingerprint() -> None:
    config = parse("texts:\n  alarm: |\n    {{ ui.bold }}Late{{ ui.bold }}\n", "app.yaml")
    assert config.texts.given == {"alarm": "{{ ui.bold }}Late{{ ui.bold }}\n"}
    assert config.policy_hash != Config().policy_hash
    assert Config().texts.given == {}


def test_a_bad_text_in_python_says_all_of_it() -> None:
    assert str(BadTemplate(slips("alarm", "{{ foo }}{{ bar }}"))) == "there is no foo; there is no bar"


# ---------------------------------------------------------------------- the manual


def test_the_manuals_example_is_right() -> None:
    (example,) = re.findall(r"```yaml\n(texts:.*?)```", MANUAL, re.DOTALL)
    own = parse(example, "texts.md").texts.given
    letter = Texts(own).message(SAMPLES["acknowledgement"][0].facts, "plain", NOW)  # type: ignore[arg-type]
    assert letter.subject == "We are on it: Checkout is down" and "Dear Northwind," in letter.body


def rows(*header: str) -> dict[str, str]:
    """A table of the manual: its first cell, and the last one but the requirement."""
    table = MANUAL.partition(f"| {' | '.join(header)} |\n")[2].partition("\n\n")[0]
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()[1:]]
    return {row[0]: row[min(len(row) - 1, 2)] for row in cells}


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_manual_tells_every_text() -> None:
    assert [name for cell in rows("`texts.`", "where it stands") for name in code(cell)] == list(FACTS)


def test_the_manual_tells_what_each_message_must_say() -> None:
    told = rows("message", "due", "must say", "R")
    assert {code(kind)[0]: tuple(places.split(", ")) for kind, places in told.items()} == NEEDED
    places = [name for cell in rows("`place(…)`", "what fills it") for name in code(cell)]
    assert places == [*(place for place in FILLED_BY), "next_update"]


def test_the_manual_tells_all_facts() -> None:
    told = rows("text", "`facts.`")
    assert set(told) == {"messages" if name in KINDS else f"`{name}`" for name in FACTS}
    for cell, attributes in told.items():
        name = "update" if cell == "messages" else code(cell)[0]
        assert [fact for fact in code(attributes) if "," not in fact] == list(FACTS[name].__dataclass_fields__), name


def test_the_manual_tells_all_variables() -> None:
    told = {name for cell in rows("variable", "what it is") for name in code(cell)}
    plain = {re.split(r"[(\[.]", name)[0] for name in told if "|" not in name}
    assert plain == set(variables(SAMPLES["update"][0].facts, "plain", NOW))
    signs = {name.removeprefix("ui.").partition("(")[0] for name in told if name.startswith("ui.")}
    assert signs == {sign for sign in vars(Markdown) if not sign.startswith("_")} - {"escape", "text"}
    assert {name.rpartition(" ")[2] for name in told if "|" in name} == {"in_words", "listed"}
    assert set(KINDS) < set(FACTS)
