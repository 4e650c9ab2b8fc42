"""Judges HTTP exchanges by an OpenAPI 3.0 description: requests strictly, answers leniently."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft4Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

Json = Mapping[str, Any]
Keyword = Callable[[Any, Any, Any, Json], Iterable[ValidationError]]

# Parameters that never hold a small word: /issues/comments and /issue/createmeta are other paths, not issues.
_NEVER_A_WORD = {"issueIdOrKey", "projectIdOrKey"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a description, and the values that a request's path gave its path parameters."""

    id: str
    spec: Json
    parameters: Sequence[Json]
    path_values: Mapping[str, str]


class Description:
    """An OpenAPI 3.0 document whose operations can be found and judged; safe to use from several threads."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._routes = sorted(map(_route, document["paths"].items()), key=lambda route: route[1])
        self._at = lru_cache(maxsize=None)(self._walk)
        self._strict = _judge(self._at, answers=False)
        self._lenient = _judge(self._at, answers=True)

    def find(self, method: str, path: str) -> Operation | None:
        """The operation that a request calls; None when the description does not hold it."""
        for pattern, _, item in self._routes:
            match = pattern.fullmatch(path)
            if match and method.lower() in item:
                spec = item[method.lower()]
                parameters = [self._resolve(p) for p in [*item.get("parameters", ()), *spec.get("parameters", ())]]
                names = re.findall(r"{(\w+)}", item["template"])
                values = {name: unquote(value) for name, value in zip(names, match.groups(), strict=True)}
                if not self._is_another_path(parameters, values):
                    return Operation(spec["operationId"], spec, parameters, values)
        return None

    def request_faults(self, op: Operation, query: Sequence[tuple[str, str]], media: str, body: bytes) -> Iterator[str]:
        """What is wrong with a request: its parameters, its content type, its body."""
        yield from self._path_faults(op)
        yield from self._query_faults(op, query)
        wanted = self._resolve(op.spec.get("requestBody", {}))
        content = wanted.get("content", {})
        if body in (b"", b"{}", b"null") and not wanted.get("required"):
            return
        if not content:
            yield "it takes no body, and got one"
        elif media not in content:
            yield f"its body must be {' or '.join(content)}, not {media or 'of no type'}"
        else:
            yield from self._body_faults(content[media].get("schema", {}), body)

    def answer_faults(self, op: Operation, status: int, media: str, body: bytes) -> Iterator[str]:
        """What is wrong with an answer. Failures, and what is not JSON, are not judged."""
        described = op.spec["responses"]
        if str(status) not in described:
            if status < 300:
                yield f"it answered {status}; it can answer {', '.join(described)}"
            return
        schema = self._resolve(described[str(status)]).get("content", {}).get("application/json", {}).get("schema")
        if schema and "json" in media:
            try:
                answer = json.loads(body)
            except ValueError:
                return
            yield from _faults(self._lenient, f"answer {status}", schema, answer)

    def _is_another_path(self, parameters: Sequence[Json], values: Mapping[str, str]) -> bool:
        numbers = {p["name"] for p in parameters if self._resolve(p["schema"]).get("type") == "integer"}
        return any(re.fullmatch("[a-z][a-z_-]*", values.get(name, "")) for name in numbers | _NEVER_A_WORD)

    def _path_faults(self, op: Operation) -> Iterator[str]:
        for parameter in op.parameters:
            if parameter["in"] == "path":
                name, schema = parameter["name"], self._resolve(parameter["schema"])
                yield from self._value_faults(f"path parameter {name}", schema, op.path_values.get(name, ""))

    def _query_faults(self, op: Operation, query: Sequence[tuple[str, str]]) -> Iterator[str]:
        known = {p["name"]: p for p in op.parameters if p["in"] == "query"}
        given: dict[str, list[str]] = {}
        for name, value in query:
            given.setdefault(name, []).append(value)
        for name, values in given.items():
            if name not in known:
                yield f"there is no query parameter {name}; there are {', '.join(known) or 'none'}"
                continue
            schema = self._resolve(known[name]["schema"])
            if len(values) > 1 and schema.get("type") != "array":
                yield f"query parameter {name} is given {len(values)} times"
                continue
            yield from self._value_faults(f"query parameter {name}", schema, ",".join(values))
        for name, parameter in known.items():
            if parameter.get("required") and name not in given:
                yield f"query parameter {name} is missing"

    def _value_faults(self, where: str, schema: Json, text: str) -> Iterator[str]:
        return _faults(self._strict, where, schema, _typed(text, schema, self._resolve))

    def _body_faults(self, schema: Json, body: bytes) -> Iterator[str]:
        try:
            value = json.loads(body)
        except ValueError as fault:
            yield f"its body is no JSON: {fault}"
            return
        yield from _faults(self._strict, "body", schema, value)

    def _resolve(self, node: Json) -> Json:
        return self._at(node["$ref"]) if "$ref" in node else node

    def _walk(self, pointer: str) -> Json:
        node: Any = self._document
        for part in pointer.removeprefix("#/").split("/"):
            node = node[unquote(part).replace("~1", "/").replace("~0", "~")]
        found: Json = node
        return found


def schema_faults(where: str, schema: Json, value: Any) -> Iterator[str]:
    """What is wrong with a value by a JSON Schema (draft 4) that stands alone."""
    return _faults(Draft4Validator(schema), where, schema, value)


def _route(entry: tuple[str, Json]) -> tuple[re.Pattern[str], int, Json]:
    """A path template as a pattern; fewer parameters are tried first. Only `{path}` holds slashes."""
    template, item = entry
    parts = re.split(r"{(\w+)}", template)
    pattern = "".join(
        re.escape(part) if i % 2 == 0 else ("(.+)" if part == "path" else "([^/]+)") for i, part in enumerate(parts)
    )
    return re.compile(pattern), len(parts), {**item, "template": template}


def _typed(text: str, schema: Json, resolve: Callable[[Json], Json]) -> Any:
    """A parameter's text as the value its schema asks for; the text itself where it can't be read so."""
    match schema.get("type"):
        case "integer" | "number" if re.fullmatch(r"-?\d+", text):
            return int(text)
        case "boolean":
            return {"true": True, "false": False}.get(text.lower(), text)
        case "array":
            items = resolve(schema.get("items", {}))
            return [_typed(part, items, resolve) for part in text.split(",")]
    return text


def _judge(resolve: Callable[[str], Json], answers: bool) -> Any:
    """A JSON Schema judge that knows OpenAPI's `nullable`; for answers every null and every extra key is fine."""

    def nullable(check: Keyword) -> Keyword:
        def keyword(validator: Any, value: Any, instance: Any, schema: Json) -> Iterable[ValidationError]:
            if instance is None and (answers or schema.get("nullable")):
                return ()
            return check(validator, value, instance, schema) or ()

        return keyword

    def reference(validator: Any, pointer: str, instance: Any, _schema: Json) -> Iterable[ValidationError]:
        yield from validator.descend(instance, resolve(pointer))

    rules: dict[str, Keyword] = {**Draft4Validator.VALIDATORS, "$ref": reference}
    if answers:
        rules |= {"oneOf": rules["anyOf"], "additionalProperties": _extra(rules["additionalProperties"])}
        rules["type"] = _numeric_dates(rules["type"])
    make: Any = extend  # its stubs give it no types
    return make(Draft4Validator, {name: nullable(rule) for name, rule in rules.items()})({})


def _extra(check: Keyword) -> Keyword:
    """Keys that the description forbids are fine; keys whose values it describes are still judged."""
    return lambda validator, value, instance, schema: check(validator, value, instance, schema) if value else ()


def _numeric_dates(check: Keyword) -> Keyword:
    """Jira writes some dates as epoch milliseconds where its description says date-time."""

    def keyword(validator: Any, value: Any, instance: Any, schema: Json) -> Iterable[ValidationError]:
        dated = schema.get("format") in ("date-time", "date") and isinstance(instance, int)
        return () if dated else check(validator, value, instance, schema)

    return keyword


def _faults(judge: Any, where: str, schema: Json, value: Any) -> Iterator[str]:
    error = best_match(judge.evolve(schema=schema).iter_errors(value))
    if error is not None:
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
        yield f"{where}{place}: {error.message[:300]}"
