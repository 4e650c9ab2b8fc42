"""The issue form: what it asks is what the triage reads, and nobody reports a P0 by accident."""

from typing import Any

import pytest
from ruamel.yaml import YAML

from integrator.form import NOT_SURE, PATH, issue_form
from mapping.case import Case
from mapping.issue import Issue, IssueRef, Person, Standing
from mapping.policy import Policy, Triage
from mapping.severity import Severity
from mapping.triage import QUESTIONS, UNKNOWN
from tests.mapping_house import START

RENAMED = Policy(triage=Triage(headings={"process": "How bad is it?", "workaround": "Can they go on?"}))
CAROL = Person("carol", "carol", Standing.OUTSIDER)


def form(policy: Policy) -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load(issue_form(policy))
    return read


def filled(policy: Policy, **chosen: int) -> Issue:
    """The issue that GitHub makes of the form; everything not chosen keeps its first option."""
    parts = []
    for field in form(policy)["body"]:
        options = field["attributes"].get("options", ["_No response_"])
        parts.append(f"### {field['attributes']['label']}\n\n{options[chosen.get(field['id'], 0)]}\n")
    return Issue(IssueRef("github", "acme/shop#9"), "It happened", "\n".join(parts), CAROL, START, START)


def test_it_is_a_form_as_github_wants_it() -> None:
    made = form(Policy())
    assert PATH == ".github/ISSUE_TEMPLATE/emergency.yml"
    assert set(made) == {"name", "description", "body"}
    assert {field["type"] for field in made["body"]} == {"textarea", "input", "dropdown"}
    ids = [field["id"] for field in made["body"]]
    assert len(ids) == len(set(ids))
    assert {question.key for question in QUESTIONS} < set(ids)


def test_it_asks_nothing_in_the_name_of_the_reporter() -> None:
    """No labels and no title: they would carry the reporter as their actor."""
    assert not {"labels", "title", "assignees", "projects"} & set(form(Policy()))


def test_every_list_starts_with_not_sure_and_it_is_preselected() -> None:
    lists = [field["attributes"] for field in form(Policy())["body"] if field["type"] == "dropdown"]
    assert lists
    for attributes in lists:
        assert (attributes["options"][0], attributes["default"]) == (NOT_SURE, 0)
        assert not attributes["options"][0].startswith(("Critical", "P0"))
        assert all(isinstance(option, str) for option in attributes["options"]), "YAML reads a bare Yes as true"
        assert len(set(attributes["options"])) == len(attributes["options"])


def test_a_form_sent_as_it_is_decides_nothing() -> None:
    case = Case.of(filled(Policy()), Policy())
    assert (case.severity, case.answers) == (None, {})


CHOICES = [
    (question.key, number, choice)
    for question in QUESTIONS
    for number, choice in enumerate((UNKNOWN, *question.choices))
    if question.choices
]


@pytest.mark.parametrize("policy", [Policy(), RENAMED], ids=["own headings", "renamed headings"])
@pytest.mark.parametrize(("key", "number", "choice"), CHOICES)
def test_every_option_is_read_as_what_it_stands_for(policy: Policy, key: str, number: int, choice: str) -> None:
    answers = Case.of(filled(policy, **{key: number}), policy).answers
    read = answers[key].value if key in answers else UNKNOWN
    assert read == choice
    assert set(answers) <= {key}


def test_renamed_headings_are_asked() -> None:
    labels = [field["attributes"]["label"] for field in form(RENAMED)["body"]]
    assert "How bad is it?" in labels and "Business process impact" not in labels
    case = Case.of(filled(RENAMED, process=1, workaround=1), RENAMED)
    assert case.severity is Severity.P0
