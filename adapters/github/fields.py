"""Values of fields: as GitHub tells and takes them, as text here. Pure functions."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from adapters.github.shared import Field, Project

Json = Mapping[str, Any]

WRITABLE = {"TEXT", "NUMBER", "DATE", "SINGLE_SELECT"}


def by_name(fields: Iterable[Field]) -> tuple[Mapping[str, Field], frozenset[str]]:
    """Fields by name (case folded), and the names that several fields have: which one is meant can't be known."""
    found: dict[str, Field] = {}
    twins: set[str] = set()
    for field in fields:
        key = field.name.casefold()
        twins |= {key} & found.keys()
        found[key] = field
    return {key: field for key, field in found.items() if key not in twins}, frozenset(twins)


def field_of(raw: Json) -> Field:
    """A field out of the answer to the PROJECT part, or of GitHub's list of an organisation's issue fields."""
    options = raw.get("options") or ()
    return Field(
        id=str(raw.get("id", "")),
        name=str(raw["name"]),
        kind=str(raw.get("dataType") or raw.get("data_type") or "").upper(),
        options={str(option["name"]).casefold(): str(option.get("id")) for option in options},
        shown=tuple(str(option["name"]) for option in options),
        number=int(raw["id"]) if "data_type" in raw else 0,
    )


def value_of(field: Field, text: str) -> str | float:
    """What GitHub is to be given for a text that is not empty; ValueError as a sentence where it can't be.

    A date is the day of an ISO instant in its own time zone; an option is given by its name.
    """
    match field.kind:
        case "TEXT":
            return text
        case "NUMBER":
            return _number(field, text)
        case "DATE":
            return _day(field, text)
        case "SINGLE_SELECT":
            return _option(field, text)
    raise ValueError(f"{field.name} is a field of the type {field.kind.lower()}, which can't be written")


def text_of(value: Json | None) -> str:
    """A field's value (fragment V) as text; empty for none."""
    for key in ("text", "date", "name"):
        if value and value.get(key) is not None:
            return str(value[key])
    return plain(value.get("number")) if value else ""


def plain(value: Any) -> str:
    """A number without needless zeros; other values as they are."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def shows(field: Field, there: str, text: str) -> bool:
    """Whether the field holds this already. ValueError where it can't hold it."""
    if not there or not text:
        return there == text
    wanted = plain(value_of(field, text))
    return there.casefold() == wanted.casefold() if field.kind == "SINGLE_SELECT" else there == wanted


def writable(names: Iterable[str], project: Project | None, own: Mapping[str, Field]) -> frozenset[str]:
    """The fields among these names that can be written: the organisation's own, and those of the project."""
    there = {**(project.fields if project else {}), **own}
    return frozenset(name for name in names if (field := there.get(name.casefold())) and is_writable(field))


def is_writable(field: Field) -> bool:
    """Whether we know how to write it. A selection without options shows an issue field of the organisation."""
    return field.kind in WRITABLE and (field.kind != "SINGLE_SELECT" or bool(field.options))


def _number(field: Field, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{field.name} takes numbers, and {text!r} is none")
    return number


def _day(field: Field, text: str) -> str:
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise ValueError(f"{field.name} takes days, and {text!r} names none") from None


def _option(field: Field, text: str) -> str:
    name = next((name for name in field.shown if name.casefold() == text.casefold()), None)
    if name is None:
        has = f"it has {', '.join(field.shown)}" if field.shown else "it has none"
        raise ValueError(f"{field.name} has no option {text!r}; {has}")
    return name
