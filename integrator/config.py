"""app.yaml and the environment: read, validated, and every fault named with its line."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from mapping.issue import Column
from mapping.policy import Policy, Strict

M = TypeVar("M", bound=BaseModel)

NAME = r"^[a-z][a-z0-9_]*$"


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


Columns = Mapping[Column, Annotated[str, Field(min_length=1)]]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$")]


class Project(Strict):
    """A Projects v2 board: whose it is, and its number in the address bar."""

    owner: Annotated[str, Field(min_length=1)]
    number: Annotated[int, Field(ge=1)]


class TrackerConfig(Strict):
    """What every tracker says: `columns` maps the protocol's columns to the board's own names."""

    columns: Columns = Field(default_factory=dict)

    @property
    def board_columns(self) -> dict[Column, str]:
        """Each of the five columns with the board's own name for it."""
        return {column: self.columns.get(column, column.value) for column in Column}


class GitHubConfig(TrackerConfig):
    """A GitHub host: api.github.com or a GitHub Enterprise Server."""

    kind: Literal["github"]
    url: Url = "https://api.github.com"
    repositories: Annotated[tuple[Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")], ...], Field(min_length=1)]
    project: Project | None = None


class JiraConfig(TrackerConfig):
    """A Jira site, Cloud or Data Center."""

    kind: Literal["jira"]
    url: Url
    projects: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]+$")], ...], Field(min_length=1)]
    board: Annotated[int, Field(ge=1)] | None = None
    product: Literal["cloud", "data-center"] = "cloud"


AnyTracker = Annotated[GitHubConfig | JiraConfig, Field(discriminator="kind")]


class Identity(Strict):
    """Accounts that the integrator used before: their markers still count as its own."""

    former: tuple[str, ...] = ()


class Config(Policy):
    """app.yaml: the policy, the trackers it is kept on, who the integrator was before, and where trackers reach it."""

    trackers: Mapping[Annotated[str, Field(pattern=NAME)], AnyTracker] = {}
    identity: Identity = Identity()
    public_url: Url | None = None

    @model_validator(mode="after")
    def _distinct_homes(self) -> "Config":
        homes = [(t.url, home) for t in self.trackers.values() for home in homes_of(t)]
        if twice := {home for home in homes if homes.count(home) > 1}:
            raise ValueError(f"{sorted(twice)[0][1]} is listed under two trackers; each issue has one")
        return self

    @property
    def policy_hash(self) -> str:
        """A fingerprint of everything that plans depend on."""
        text = self.model_dump_json(by_alias=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def homes_of(tracker: GitHubConfig | JiraConfig) -> tuple[str, ...]:
    """The repositories or projects that a tracker's issues are in."""
    return tracker.repositories if isinstance(tracker, GitHubConfig) else tracker.projects


def load(path: Path) -> Config:
    """Read app.yaml; ConfigError with every fault."""
    return parse(text_of(path, "; name another file with --config or INTEGRATOR_CONFIG"), str(path))


def text_of(path: Path, way_out: str = "") -> str:
    """The text of a file that a person named; ConfigError when it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([Fault(str(path), None, "", f"cannot be read ({error.strerror}){way_out}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Fault(str(path), None, "", "is not UTF-8 text")]) from error


def parse(text: str, file: str) -> Config:
    """Validate the text of an app.yaml; `file` is how faults name it."""
    return validated(Config, text, file)


def validated(model: type[M], text: str, file: str) -> M:
    """A model from the text of a YAML file; ConfigError with every fault at its line."""
    tree = _tree(text, file)
    try:
        return model.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        raise ConfigError([_fault(detail, tree, file) for detail in error.errors()]) from None


def schema() -> dict[str, Any]:
    """The JSON Schema of app.yaml."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema(by_alias=True)}


class _Constructor(RoundTripConstructor):
    """Leaves times as the text that was written."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_str)


def _tree(text: str, file: str) -> Any:
    yaml = YAML()
    yaml.Constructor = _Constructor
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        says = " ".join(str(error.problem).split()) or "is not YAML"
        raise ConfigError([Fault(file, line, "", says)]) from None
    except YAMLError as error:
        raise ConfigError([Fault(file, None, "", f"is not YAML: {error}")]) from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError([Fault(file, 1, "", "must be a mapping of keys; start from the shipped app.yaml")])
    for key in [key for key, value in tree.items() if value is None]:
        del tree[key]  # a section whose every line is commented out
    return tree


def _fault(detail: ErrorDetails, tree: Any, file: str) -> Fault:
    keys, line = _place(detail["loc"], tree)
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    return Fault(file, line, path, _says(detail, keys))


def _place(loc: tuple[int | str, ...], tree: Any) -> tuple[list[int | str], int | None]:
    """The keys of a fault as app.yaml has them (without pydantic's own steps), and the nearest line."""
    keys: list[int | str] = []
    line: int | None = None
    node = tree
    for position, key in enumerate(loc):
        is_last = position == len(loc) - 1
        in_mapping = isinstance(node, dict) and key in node
        in_list = isinstance(node, list) and isinstance(key, int) and key < len(node)
        if in_mapping or in_list:
            line = 1 + (node.lc.key if in_mapping else node.lc.item)(key)[0]
            node = node[key]
            keys.append(key)
        elif is_last and isinstance(node, dict) and key != "[key]":
            keys.append(key)
    return keys, line


def _says(detail: ErrorDetails, keys: list[int | str]) -> str:
    match detail["type"]:
        case "extra_forbidden":
            near = get_close_matches(str(keys[-1]), _all_keys(), n=1)
            return f"is not a key here{f'; did you mean {near[0]!r}?' if near else ''}"
        case "missing":
            return "is missing"
        case "value_error":
            return str(detail["ctx"]["error"])
        case _:
            given = json.dumps(detail["input"], default=str)
            return f"{detail['msg'][0].lower()}{detail['msg'][1:]} (given: {given[:60]})"


def _all_keys() -> list[str]:
    definitions = [schema(), *schema().get("$defs", {}).values()]
    return sorted({key for part in definitions for key in part.get("properties", {})})
