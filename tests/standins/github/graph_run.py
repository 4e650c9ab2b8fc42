"""GraphQL as GitHub answers it: graphql-core runs the document on the project's SDL, this gives it GitHub's manners."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute_sync,
    get_named_type,
    parse,
    validate,
)
from graphql.language import OperationDefinitionNode, OperationType

from tests.standins.github.access import Refused
from tests.standins.github.graph_base import Asking, page, read_time, refuse
from tests.standins.github.graph_cost import node_count
from tests.standins.github.graph_table import READS
from tests.standins.github.graph_writes import WRITES
from tests.standins.github.records import Event, FieldValue
from tests.standins.github.shapes import Json, stamp
from tests.standins.github.world import View

SDL = Path(__file__).with_name("schema.graphql")
NODE_LIMIT = 500_000
BROKEN = "Something went wrong while executing your query."
GITHUB_NAMES = {
    "Comment": "IssueComment",
    "Draft": "DraftIssue",
    "Item": "ProjectV2Item",
    "Project": "ProjectV2",
    "View": "ProjectV2View",
}
KIND_OF_FIELD = {"DATE": "Date", "NUMBER": "Number", "SINGLE_SELECT": "SingleSelect"}


@dataclass
class Reply:
    """The JSON answer, and what a test may want to know of it."""

    body: Json
    operation: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    strange: list[str] = field(default_factory=list)


@cache
def schema(option_ids: bool) -> GraphQLSchema:
    """The stand-in's schema; without `option_ids` options can't be sent with their id, as on older servers."""
    text = SDL.read_text(encoding="utf-8")
    if not option_ids:
        head, mark, tail = text.partition("input ProjectV2SingleSelectFieldOptionInput {")
        text = head + mark + tail.replace("  id: String\n", "", 1)
    built = build_schema(text)
    _coerce(built, "DateTime", _write_time, read_time)
    for name in ("URI", "BigInt", "Date"):
        _coerce(built, name, str, str)
    return built


def _coerce(built: GraphQLSchema, name: str, write: Callable[[Any], Any], read: Callable[[Any], Any]) -> None:
    """How a scalar is written and read; graphql-core has old and new names for it."""
    for names, coercer in (
        (("serialize", "coerce_output_value"), write),
        (("parse_value", "coerce_input_value"), read),
    ):
        for each in names:
            setattr(built.type_map[name], each, coercer)


def _write_time(value: Any) -> Any:
    return stamp(value) if isinstance(value, datetime) else value


def run(asking: Asking, body: Any, option_ids: bool = True, is_broken: bool = False) -> Reply:
    """Execute a request's JSON body. Faults of the document come as GitHub sends them: status 200 and `errors`.

    `is_broken`: every second mutation, or issue that is read, fails.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("query"), str):
        return Reply({"message": "A query attribute must be specified and must be a string."}, strange=["no query"])
    try:
        document, faults = _checked(body["query"], option_ids)
    except GraphQLError as fault:
        return Reply({"errors": [_written(fault)]}, strange=[fault.message])
    built, variables = schema(option_ids), dict(body.get("variables") or {})
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    reply = Reply({}, operation.operation.value, _fields(operation))
    if faults:
        reply.body, reply.strange = {"errors": [_written(f) for f in faults]}, [f.message for f in faults]
        return reply
    if reply.operation == "mutation":
        asking.view = View(asking.world)
    asking.broken = frozenset(_judged_alone(operation)[::-2]) if is_broken else frozenset()
    asking.nodes, requests = node_count(built, document, operation, variables)
    asking.cost = max(1, round(requests / 100))
    if asking.nodes > NODE_LIMIT:
        words = f"This query requests up to {asking.nodes:,} possible nodes which exceeds the maximum limit of 500,000."
        reply.body, reply.strange = {"errors": [_written(refuse("MAX_NODE_LIMIT_EXCEEDED", words))]}, [words]
        return reply
    _execute(asking, built, document, variables, body.get("operationName"), reply)
    return reply


def _execute(
    asking: Asking, built: GraphQLSchema, document: DocumentNode, variables: Json, name: Any, reply: Reply
) -> None:
    done = execute_sync(
        built,
        document,
        context_value=asking,
        variable_values=variables,
        operation_name=name,
        field_resolver=_resolve,
        type_resolver=_type_of,
    )
    errors = done.errors or []
    reply.body = {"data": done.data} | ({"errors": [_written(e) for e in errors]} if errors else {})
    clumsy = {"", "MISSING_PAGINATION_BOUNDARIES", "EXCESSIVE_PAGINATION", "ARGUMENT_LIMIT"}
    reply.strange = [e.message for e in errors if (e.extensions or {}).get("type", "") in clumsy]


@lru_cache(maxsize=256)
def _checked(query: str, option_ids: bool) -> tuple[DocumentNode, tuple[GraphQLError, ...]]:
    """The same document is checked once: clients send few different ones."""
    document = parse(query)
    return document, tuple(validate(schema(option_ids), document))


def _fields(operation: OperationDefinitionNode) -> tuple[tuple[str, str], ...]:
    """Alias and field of everything asked for at the root."""
    nodes = (x for x in operation.selection_set.selections if isinstance(x, FieldNode))
    return tuple((x.alias.value if x.alias else x.name.value, x.name.value) for x in nodes)


def _judged_alone(operation: OperationDefinitionNode) -> list[tuple[str | int, ...]]:
    """The paths of what an answer judges by itself: each mutation, each issue of a repository."""
    if operation.operation is OperationType.MUTATION:
        return [(alias,) for alias, _ in _fields(operation)]
    roots = (x for x in operation.selection_set.selections if isinstance(x, FieldNode) and x.alias)
    return [
        (root.alias.value, x.alias.value)
        for root in roots
        for x in (root.selection_set.selections if root.selection_set else ())
        if isinstance(x, FieldNode) and x.alias and root.alias
    ]


def _written(error: GraphQLError) -> Json:
    kind = (error.extensions or {}).get("type")
    places = [{"line": x.line, "column": x.column} for x in error.locations or ()]
    where: Json = {"path": list(error.path)} if error.path else {}
    return ({"type": kind} if kind else {}) | where | {"locations": places, "message": error.message}


def _type_of(value: Any, *_: Any) -> str:
    if isinstance(value, Event):
        return value.kind
    if isinstance(value, FieldValue):
        return f"ProjectV2ItemField{KIND_OF_FIELD.get(value.field.data_type, 'Text')}Value"
    kind = type(value).__name__
    if kind == "Account":
        return str(value.kind)
    if kind == "Issue":
        return "PullRequest" if value.pull else "Issue"
    if kind == "Field":
        return "ProjectV2SingleSelectField" if value.data_type == "SINGLE_SELECT" else "ProjectV2Field"
    return GITHUB_NAMES.get(kind, kind)


def _resolve(source: Any, info: "GraphQLResolveInfo[Asking]", **args: Any) -> Any:
    """Ask the table of the type; a list is cut into a page where the type is a connection."""
    asking: Asking = info.context
    kind, name = info.parent_type.name, info.field_name
    is_broken = tuple(info.path.as_list()) in asking.broken
    try:
        if is_broken and not (asking.after and kind == "Mutation"):
            raise refuse("SERVICE_UNAVAILABLE", BROKEN)
        if kind == "Mutation":
            done = WRITES[name](asking, args["input"]) | {"clientMutationId": args["input"].get("clientMutationId")}
            if is_broken:
                raise refuse("SERVICE_UNAVAILABLE", BROKEN)
            return done
        resolver = READS.get(kind, {}).get(name)
        value = source[name] if resolver is None else resolver(asking, source, args)
    except Refused as no:
        raise refuse(no.kind, no.message) from None
    if isinstance(value, list) and get_named_type(info.return_type).name.endswith("Connection"):
        return page(value, args, name)
    return value
