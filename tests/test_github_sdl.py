"""The stand-in's schema agrees with GitHub's own, type by type; what GitHub has more of is no fault."""

from collections.abc import Iterator, Mapping

import pytest
from graphql import DefinitionNode, DocumentNode, is_object_type, parse, print_ast
from graphql.language import ast

from tests.contracts import find_contracts
from tests.standins.github.graph_run import SDL, schema
from tests.standins.github.graph_table import READS
from tests.standins.github.graph_writes import WRITES

FOLDER = find_contracts()
needs_contracts = pytest.mark.skipif(FOLDER is None, reason="GitHub's own schema is not here: docs/contracts.md")

Shape = dict[str, str]


def shapes(document: DocumentNode) -> dict[str, Shape]:
    """Every type as what can be compared: one line for its kind and one for each of its parts; extensions joined in."""
    found: dict[str, Shape] = {}
    for definition in document.definitions:
        if isinstance(definition, ast.TypeDefinitionNode | ast.TypeExtensionNode):
            found.setdefault(definition.name.value, {}).update(parts(definition))
    return found


def parts(definition: DefinitionNode) -> Iterator[tuple[str, str]]:
    yield "kind", definition.kind.removesuffix("_definition").removesuffix("_extension")
    for interface in getattr(definition, "interfaces", None) or ():
        yield f"implements {interface.name.value}", ""
    for member in getattr(definition, "types", None) or ():
        yield f"member {member.name.value}", ""
    for value in getattr(definition, "values", None) or ():
        yield f"value {value.name.value}", ""
    for field in getattr(definition, "fields", None) or ():
        yield field.name.value, typed(field)
        for argument in getattr(field, "arguments", None) or ():
            yield f"{field.name.value}({argument.name.value})", typed(argument)


def typed(node: ast.FieldDefinitionNode | ast.InputValueDefinitionNode) -> str:
    default = getattr(node, "default_value", None)
    return print_ast(node.type) + (f" = {print_ast(default)}" if default else "")


def required(shape: Shape) -> Iterator[str]:
    """Parts that nobody may leave out: input fields and arguments without a default that can't be null."""
    for name, text in shape.items():
        if text.endswith("!") and ("(" in name or shape["kind"] == "input_object_type"):
            yield name


def disagreements(ours: Mapping[str, Shape], theirs: Mapping[str, Shape]) -> Iterator[str]:
    for name, shape in ours.items():
        official = theirs.get(name)
        if official is None:
            yield f"{name}: GitHub has no such type"
            continue
        for part, text in shape.items():
            if official.get(part) != text:
                yield f"{name}.{part}: {text!r} here, {official.get(part)!r} at GitHub"
        for part in required(official):
            if part not in shape and part.partition("(")[0] in {*shape, part}:
                yield f"{name}.{part}: GitHub requires it"


@pytest.fixture(scope="module")
def official() -> dict[str, Shape]:
    assert FOLDER is not None
    names = ("schema.graphql", "schema.extra.graphql")
    text = "\n".join((FOLDER / "github" / name).read_text("utf-8") for name in names)
    return shapes(parse(text, no_location=True))


@needs_contracts
def test_every_type_agrees_with_github(official: dict[str, Shape]) -> None:
    assert list(disagreements(shapes(parse(SDL.read_text("utf-8"))), official)) == []


LIES = {
    "a field that may be null": ("type Issue { title: String }", "Issue.title"),
    "a field of another type": ("type Issue { number: String! }", "Issue.number"),
    "a field that isn't there": ("type Issue { severity: String }", "Issue.severity"),
    "an argument of another type": ("type Repository { issue(number: String!): Issue }", "Repository.issue(number)"),
    "an argument that isn't there": ("type Repository { issue(number: Int!, x: Int): Issue }", "Repository.issue(x)"),
    "a required argument left out": ("type Repository { issue: Issue }", "Repository.issue(number)"),
    "another default": ("type Query { rateLimit(dryRun: Boolean = true): RateLimit }", "Query.rateLimit(dryRun)"),
    "a value that isn't there": ("enum IssueState { STALE }", "IssueState.value STALE"),
    "a member that isn't there": ("union Assignee = Issue", "Assignee.member Issue"),
    "an interface that isn't there": ("type Label implements Comment { id: ID! }", "Label.implements Comment"),
    "another kind": ("input Issue { id: ID! }", "Issue.kind"),
    "an input field left out": ("input AddCommentInput { body: String! }", "AddCommentInput.subjectId"),
    "an input field of another type": ("input CloseIssueInput { issueId: ID }", "CloseIssueInput.issueId"),
    "a type that isn't there": ("scalar Severity", "Severity"),
}


@needs_contracts
@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found(name: str, official: dict[str, Shape]) -> None:
    sdl, where = LIES[name]
    assert [x.partition(":")[0] for x in disagreements(shapes(parse(sdl)), official)] == [where]


def test_the_stand_in_answers_every_field_of_its_schema() -> None:
    built_here = ("Connection", "Edge", "Payload", "PageInfo", "RateLimit")  # made as whole objects
    for name, kind in schema(True).type_map.items():
        if is_object_type(kind) and not name.startswith("__") and not name.endswith(built_here):
            known = set(WRITES) if name == "Mutation" else set(READS.get(name, {}))
            assert known == set(kind.fields), name
