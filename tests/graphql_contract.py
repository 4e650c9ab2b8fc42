"""Judges GraphQL exchanges by a schema: the document, its variables, and the shape of the answer's data."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLEnumType,
    GraphQLError,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    build_ast_schema,
    get_variable_values,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
    parse,
    validate,
)

Json = Mapping[str, Any]

_SCALARS: dict[str, type | tuple[type, ...]] = {
    "Int": int,
    "Float": (int, float),
    "Boolean": bool,
    "String": str,
    "ID": str,
}


class _Wish(NamedTuple):
    """A field asked for: its type, what is wanted below it, and whether the answer surely holds it."""

    type: Any
    below: list[SelectionSetNode]
    sure: bool


class _Document(NamedTuple):
    """A document that was parsed and validated; `faults` says what is wrong with it."""

    operations: dict[str, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    faults: tuple[str, ...]


class Schema:
    """A GraphQL schema that judges exchanges; safe to use from several threads."""

    def __init__(self, sdl: str) -> None:
        self._schema: GraphQLSchema = build_ast_schema(
            parse(sdl, no_location=True), assume_valid=True, assume_valid_sdl=True
        )
        self._read = lru_cache(maxsize=512)(self._parse)

    def request_faults(self, body: Any) -> Iterator[str]:
        """What is wrong with a request's JSON body: its document, its operation, its variables."""
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            yield "the body holds no query"
            return
        document = self._read(body["query"])
        yield from document.faults
        if document.faults:
            return
        operation = _chosen(document, body)
        if operation is None:
            yield f"it does not name one of its operations: {', '.join(document.operations)}"
        else:
            yield from self._variable_faults(operation, body.get("variables") or {})

    def answer_faults(self, body: Any, answer: Any) -> Iterator[str]:
        """What is wrong with an answer's data: keys nobody asked for, keys missing, values of another type.

        Nulls are fine everywhere: an error makes them. An answer without data isn't judged.
        """
        if not isinstance(answer, dict) or not ({"data", "errors"} & answer.keys()):
            yield "the answer holds neither data nor errors"
            return
        document = self._read(body["query"])
        operation = _chosen(document, body)
        if operation is None or document.faults or answer.get("data") is None:
            return
        root = self._schema.get_root_type(operation.operation)
        yield from self._object_faults("data", answer["data"], root, [operation.selection_set], document)

    def _parse(self, query: str) -> _Document:
        try:
            tree: DocumentNode = parse(query)
        except GraphQLError as fault:
            return _Document({}, {}, (f"the document can't be read: {fault.message}",))
        faults = tuple(fault.message for fault in validate(self._schema, tree))
        operations = [d for d in tree.definitions if isinstance(d, OperationDefinitionNode)]
        fragments = [d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)]
        return _Document(
            {o.name.value if o.name else "": o for o in operations}, {f.name.value: f for f in fragments}, faults
        )

    def _variable_faults(self, operation: OperationDefinitionNode, given: Json) -> Iterator[str]:
        declared = operation.variable_definitions or ()
        values = get_variable_values(self._schema, declared, dict(given))
        if isinstance(values, list):
            yield from (fault.message for fault in values)
        for name in given.keys() - {d.variable.name.value for d in declared}:
            yield f"variable ${name} is sent and not declared"

    def _object_faults(
        self, where: str, data: Any, declared: Any, below: Sequence[SelectionSetNode], document: _Document
    ) -> Iterator[str]:
        if not isinstance(data, dict):
            yield f"{where}: an object was asked for"
            return
        actual: GraphQLNamedType = declared
        if is_abstract_type(declared) and "__typename" in data:
            found = self._schema.get_type(str(data["__typename"]))
            if found is None:
                yield f"{where}: there is no type {data['__typename']}"
                return
            actual = found
        wishes = self._wishes(below, actual, document)
        for key in data.keys() - wishes.keys():
            yield f"{where}.{key}: nobody asked for it of {actual.name}"
        for key, wish in wishes.items():
            if key in data:
                yield from self._value_faults(f"{where}.{key}", data[key], wish.type, wish.below, document)
            elif wish.sure:
                yield f"{where}.{key}: it was asked for and is missing"

    def _value_faults(
        self, where: str, value: Any, wanted: Any, below: list[SelectionSetNode], document: _Document
    ) -> Iterator[str]:
        if isinstance(wanted, GraphQLNonNull):
            wanted = wanted.of_type
        if value is None:
            return
        if isinstance(wanted, GraphQLList):
            if not isinstance(value, list):
                yield f"{where}: a list was asked for"
                return
            for place, item in enumerate(value):
                yield from self._value_faults(f"{where}[{place}]", item, wanted.of_type, below, document)
        elif is_leaf_type(wanted):
            if not _is_leaf(wanted, value):
                yield f"{where}: {value!r} is no {wanted.name}"
        else:
            yield from self._object_faults(where, value, wanted, below, document)

    def _wishes(
        self, sets: Sequence[SelectionSetNode], on: GraphQLNamedType, document: _Document, sure: bool = True
    ) -> dict[str, _Wish]:
        wishes: dict[str, _Wish] = {}
        for selection in (s for one in sets for s in one.selections):
            certain = sure and not selection.directives
            if isinstance(selection, FieldNode):
                key = (selection.alias or selection.name).value
                new = {key: _Wish(self._field(on, selection), _below(selection), certain)}
            else:
                new = self._fragment_wishes(selection, on, document, certain)
            for key, wish in new.items():
                old = wishes.get(key, _Wish(wish.type, [], False))
                wishes[key] = _Wish(old.type, old.below + wish.below, old.sure or wish.sure)
        return wishes

    def _fragment_wishes(
        self, selection: SelectionNode, on: GraphQLNamedType, document: _Document, sure: bool
    ) -> dict[str, _Wish]:
        fragment: Any = selection
        if isinstance(selection, FragmentSpreadNode):
            fragment = document.fragments[selection.name.value]
        condition = fragment.type_condition
        kind = cast(GraphQLNamedType, self._schema.get_type(condition.name.value)) if condition else on
        holds = kind is on or (is_abstract_type(kind) and self._schema.is_sub_type(kind, cast(Any, on)))
        if is_object_type(on) and not holds:
            return {}
        return self._wishes([fragment.selection_set], on if holds else kind, document, sure and holds)

    def _field(self, on: GraphQLNamedType, field: FieldNode) -> Any:
        found = self._schema.get_field(cast(GraphQLCompositeType, on), field.name.value)
        assert found is not None  # the document was validated
        return found.type


def _chosen(document: _Document, body: Json) -> OperationDefinitionNode | None:
    if body.get("operationName"):
        return document.operations.get(body["operationName"])
    return next(iter(document.operations.values())) if len(document.operations) == 1 else None


def _below(field: FieldNode) -> list[SelectionSetNode]:
    return [field.selection_set] if field.selection_set else []


def _is_leaf(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, GraphQLEnumType):
        return value in wanted.values
    if isinstance(value, bool):
        return bool(wanted.name == "Boolean")
    return isinstance(value, _SCALARS.get(wanted.name, (str, int)))
