"""A YAML file that a person wrote, as a model: every fault is named with its line and what to write instead."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node
from ruamel.yaml.scalarstring import LiteralScalarString

from integrator.proofreading import BadTemplate, Slip

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the configuration: where, and what to write instead."""

    file: str
    line: int | None
    path: str
    says: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where} {self.path}: {self.says}" if self.path else f"{where}: {self.says}"


class ConfigError(Exception):
    """The configuration can't be used; `faults` holds every reason, not only the first."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def text_of(path: Path, way_out: str = "") -> str:
    """The text of a file that a person named; ConfigError when it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([Fault(str(path), None, "", f"cannot be read ({error.strerror}){way_out}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Fault(str(path), None, "", "is not UTF-8 text")]) from error


def validated(model: type[M], text: str, file: str) -> M:
    """A model from the text of a YAML file; ConfigError with every fault at its line."""
    tree = _tree(text, file)
    try:
        return model.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        raise ConfigError([f for detail in _telling(error) for f in _faults(detail, tree, file, model)]) from None
    except (TypeError, ValueError, RecursionError):  # a key that is a list, say
        raise ConfigError([Fault(file, None, "", "has a key that is no word")]) from None


class _Constructor(RoundTripConstructor):
    """Leaves times as the text that was written, and takes no tags."""

    def refuse(self, node: Node) -> Any:
        """A tag, whatever it means elsewhere."""
        raise ConstructorError(None, None, f"the tag {node.tag} means nothing here", node.start_mark)


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_str)
for _tag in (None, *(f"tag:yaml.org,2002:{name}" for name in ("binary", "omap", "pairs", "set"))):
    _Constructor.add_constructor(_tag, _Constructor.refuse)


def _tree(text: str, file: str) -> Any:
    yaml = YAML()
    yaml.Constructor = _Constructor
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError([Fault(file, line, "", _yaml_says(error))]) from None
    except YAMLError as error:
        raise ConfigError([Fault(file, None, "", f"is not YAML: {' '.join(str(error).split())}")]) from None
    except RecursionError:
        raise ConfigError([Fault(file, None, "", "is nested too deeply")]) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError([Fault(file, 1, "", "must be a mapping of keys; start from the shipped app.yaml")])
    for key in [key for key, value in tree.items() if value is None]:
        del tree[key]  # a section whose every line is commented out
    return tree


def _yaml_says(error: MarkedYAMLError) -> str:
    says = " ".join(str(error.problem).split())
    return says.partition(" with value ")[0] if isinstance(error, DuplicateKeyError) else says


def _telling(error: ValidationError) -> list[ErrorDetails]:
    """The faults without those that only follow from another: a list is not too short because its item is wrong."""
    details = error.errors()
    deeper = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    return [d for d in details if d["type"] != "too_short" or d["loc"] not in deeper]


def _faults(detail: ErrorDetails, tree: Any, file: str, model: type[BaseModel]) -> Iterator[Fault]:
    tag = ("kind",) if detail["type"].startswith("union_tag_") else ()
    keys, line = _place((*detail["loc"], *tag), tree)
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    error = detail.get("ctx", {}).get("error")
    if isinstance(error, BadTemplate):
        own = _first_line(tree["texts"], str(keys[-1]))
        yield from (_fault_inside(slip, Fault(file, line, path, ""), own) for slip in error.slips)
    else:
        yield Fault(file, line, path, _says(detail, keys, model))


def _fault_inside(slip: Slip, where: Fault, first: int | None) -> Fault:
    """A slip of a template, at its line of the file where that is known."""
    if slip.line is None:
        return replace(where, says=slip.says)
    if first is not None:
        return replace(where, line=first + slip.line - 1, says=slip.says)
    return replace(where, says=f"in its line {slip.line}, {slip.says}")


def _first_line(texts: Any, name: str) -> int | None:
    """Where the file has a template's lines as they are: below its key, after the sign `|`."""
    line = _line(texts, name)
    return line + 1 if line is not None and isinstance(texts[name], LiteralScalarString) else None


def _place(loc: tuple[int | str, ...], tree: Any) -> tuple[list[int | str], int | None]:
    """The keys of a fault as app.yaml has them (without pydantic's own steps), and the nearest line."""
    keys: list[int | str] = []
    line: int | None = None
    node = tree
    for position, key in enumerate(loc):
        is_last = position == len(loc) - 1
        if isinstance(node, dict) and (there := next((k for k in node if str(k) == key), None)) is not None:
            line, node = _line(node, there) or line, node[there]
            keys.append(key)
        elif isinstance(node, list) and isinstance(key, int) and key < len(node):
            line, node = _line(node, key) or line, node[key]
            keys.append(key)
        elif is_last and isinstance(node, dict) and key != "[key]":
            keys.append(key)
    return keys, line


def _line(node: Any, key: int | str) -> int | None:
    """The line of a key or item; None for one that came from elsewhere by `<<`."""
    lines = node.lc.data or {}
    return 1 + int(lines[key][0]) if key in lines else None


def _says(detail: ErrorDetails, keys: list[int | str], model: type[BaseModel]) -> str:
    match detail["type"]:
        case "union_tag_not_found":
            return "is missing; use github or jira"
        case "union_tag_invalid":
            return f"{detail['ctx']['tag']!r} is not a kind of tracker; use github or jira"
        case "extra_forbidden":
            near = get_close_matches(str(keys[-1]), _top_keys(model) if len(keys) == 1 else [], n=1)
            near = near or get_close_matches(str(keys[-1]), _all_keys(model), n=1)
            return f"is not a key here{f'; did you mean {near[0]!r}?' if near else ''}"
        case "missing":
            return "is missing"
        case "value_error":
            return str(detail["ctx"]["error"])
        case _:
            says = f"{detail['msg'][0].lower()}{detail['msg'][1:]}"
            given = detail["input"]
            return says if isinstance(given, dict | list) else f"{says} (given: {json.dumps(given)[:60]})"


def _top_keys(model: type[BaseModel]) -> list[str]:
    return sorted(model.model_fields)


def _all_keys(model: type[BaseModel]) -> list[str]:
    described = model.model_json_schema(by_alias=True)
    parts = [described, *described.get("$defs", {}).values()]
    return sorted({key for part in parts for key in part.get("properties", {})})
