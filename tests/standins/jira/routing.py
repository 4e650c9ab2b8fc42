"""Which requests the stand-in knows: a table of routes, filled by the `rest_*` modules; all else is an error."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.standins.jira.state import Person, Product

CLOUD: frozenset[Product] = frozenset({"cloud"})
DATA_CENTER: frozenset[Product] = frozenset({"data-center"})
BOTH: frozenset[Product] = CLOUD | DATA_CENTER


class Unknown(Exception):
    """The stand-in doesn't know this path, parameter or key: a fault of the caller or a gap of ours."""


class Refused(Exception):
    """What Jira itself refuses, as it says it."""

    def __init__(self, status: int, *messages: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(status, messages, errors)
        self.status = status
        self.body = {"errorMessages": list(messages), "errors": errors or {}}

    def __str__(self) -> str:
        return " ".join([*self.args[1], *(self.args[2] or {}).values()])


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body (None: empty)."""

    status: int = 200
    body: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its route; `version` is the REST version of the platform ("2" or "3")."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    by: Person
    version: Literal["2", "3"] = "2"
    args: dict[str, str] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """A query parameter that is given at most once."""
        values = self.query.get(name, [])
        if len(values) > 1:
            raise Unknown(f"{name} given {len(values)} times")
        return values[0] if values else None

    def number(self, name: str, default: int) -> int:
        text = self.one(name)
        if text is None:
            return default
        if not text.isdigit():
            raise Refused(400, f"{name} must be a number, not {text!r}")
        return int(text)

    def flag(self, name: str, default: bool) -> bool:
        text = self.one(name)
        if text is None:
            return default
        if text.lower() not in ("true", "false"):
            raise Unknown(f"{name}={text} is no boolean")
        return text.lower() == "true"

    def many(self, name: str) -> list[str]:
        """A list parameter: repeated, comma-separated, or both."""
        return [part.strip() for value in self.query.get(name, []) for part in value.split(",") if part.strip()]

    def expand(self, *known: str) -> frozenset[str]:
        """The expansions asked for, all of which must be known."""
        return among("expand", self.many("expand"), known)


def among(what: str, given: Iterable[str], known: Iterable[str]) -> frozenset[str]:
    """`given`, or Unknown when something in it isn't known."""
    strange = sorted(set(given) - set(known))
    if strange:
        raise Unknown(f"{what} {', '.join(map(repr, strange))}")
    return frozenset(given)


def keys(body: Any, *known: str, where: str = "body") -> dict[str, Any]:
    """`body` as an object with no other keys than the known ones."""
    if not isinstance(body, dict):
        raise Refused(400, f"{where} must be a JSON object")
    among(f"key in {where}", body, known)
    return body


Handler = Callable[[Any, Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: re.Pattern[str]
    do: Handler
    query: frozenset[str]
    on: frozenset[Product]
    takes_body: bool


ROUTES: list[Route] = []


def route(
    method: str, path: str, query: str = "", on: frozenset[Product] = BOTH, body: bool = False
) -> Callable[[Handler], Handler]:
    """Put a handler into the table. `/api/…` in a path stands for `/rest/api/2|3|latest/…`, `{x}` for one segment."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    pattern = re.sub(r"^/api/", "/rest/api/(?P<version>2|3|latest)/", pattern)

    def enter(handler: Handler) -> Handler:
        ROUTES.append(Route(method, re.compile(pattern), handler, frozenset(query.split()), on, body))
        return handler

    return enter
