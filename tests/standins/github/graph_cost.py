"""How many nodes a document may ask for: GitHub counts them before it runs anything."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
    value_from_ast_untyped,
)
from graphql.language import OperationDefinitionNode


def node_count(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> tuple[int, int]:
    """Nodes that may come back, and requests that it takes to fill every connection (a hundredth of them is the cost).

    https://docs.github.com/en/graphql/overview/rate-limits-and-node-limits-for-the-graphql-api
    """
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    root = schema.get_root_type(operation.operation)
    assert root is not None

    def walk(kind: str, selected: SelectionSetNode | None, times: int) -> tuple[int, int]:
        nodes = requests = 0
        for node in selected.selections if selected else ():
            if isinstance(node, FieldNode):
                more = field(kind, node, times)
            elif isinstance(node, InlineFragmentNode):
                more = walk(node.type_condition.name.value if node.type_condition else kind, node.selection_set, times)
            elif isinstance(node, FragmentSpreadNode):
                part = fragments[node.name.value]
                more = walk(part.type_condition.name.value, part.selection_set, times)
            else:
                more = (0, 0)
            nodes, requests = nodes + more[0], requests + more[1]
        return nodes, requests

    def field(kind: str, node: FieldNode, times: int) -> tuple[int, int]:
        known = getattr(schema.type_map[kind], "fields", {}).get(node.name.value)
        if known is None:
            return 0, 0
        given = {a.name.value: value_from_ast_untyped(a.value, dict(variables)) for a in node.arguments or ()}
        inner = get_named_type(known.type).name
        if inner.endswith("Connection"):
            size = given.get("first") or given.get("last") or 0
            nodes, requests = walk(inner, node.selection_set, times * size)
            return nodes + times * size, requests + times
        each = len(given["ids"]) if node.name.value == "nodes" and "ids" in given else 1
        return walk(inner, node.selection_set, times * each)

    return walk(root.name, operation.selection_set, 1)
