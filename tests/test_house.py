"""The rules of the house that no linter knows: who may import whom, and what stays out of the tree."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("mapping", "webhooks", "adapters", "integrator")
SOURCES = [path for package in PRODUCT for path in sorted((ROOT / package).rglob("*.py"))]
LONGEST = 400

# integrator -> {webhooks, adapters} -> mapping
MAY_NOT_IMPORT = {
    "mapping": {"webhooks", "adapters", "integrator"},
    "webhooks": {"adapters", "integrator"},
    "adapters": {"webhooks", "integrator"},
    "integrator": set[str](),
}
CLIENTS = {"github": "adapters/github", "graphql": "adapters/github", "jira": "adapters/jira"}

# What asks the time, rolls dice, or touches the world: none of it is mapping's business.
IMPURE_MODULES = {
    "asyncio", "ctypes", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "select",
    "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib",
    "uuid",
}  # fmt: skip
IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "input", "exec", "eval", "read_text", "write_text"}

# Put together here, so that this file doesn't name them either.
REGISTRIES = [".".join(parts) for parts in (
    ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"), ("crates", "io"),
)]  # fmt: skip
IN_NO_LOCK = ("://", "file:", "--index-url", "--extra-index-url", "--find-links", " @ ")


def imports(tree: ast.AST) -> Iterator[str]:
    """The absolute names of all modules that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "relative" if node.level else node.module or ""


def wrong_imports(place: str, tree: ast.AST) -> Iterator[str]:
    """The imports that a file at a place (`adapters/jira/read.py`) may not have."""
    package = place.partition("/")[0]
    for name in imports(tree):
        top = name.partition(".")[0]
        strange = package == "mapping" and top not in {*sys.stdlib_module_names, "pydantic", "mapping"}
        misplaced = top in CLIENTS and not place.startswith(CLIENTS[top])
        if strange or misplaced or top == "relative" or top in MAY_NOT_IMPORT[package]:
            yield name


def impurities(tree: ast.AST) -> Iterator[str]:
    """What a file of mapping may not use: clocks, dice, input and output."""
    yield from (name for name in imports(tree) if name.partition(".")[0] in IMPURE_MODULES)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in IMPURE_CALLS:
                yield called


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def texts() -> Iterator[Path]:
    """Every file of the tree that people write; not what tools leave behind in hidden folders."""
    for path in ROOT.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(ROOT).parts[:-1])
        if path.is_file() and not hidden and "__pycache__" not in path.parts and path.suffix not in {".db", ".pyc"}:
            yield path
    yield from (ROOT / ".ci").iterdir()


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_imports_point_downwards(path: Path) -> None:
    assert list(wrong_imports(place(path), ast.parse(path.read_bytes()))) == []


@pytest.mark.parametrize("path", [p for p in SOURCES if place(p).startswith("mapping/")], ids=place)
def test_mapping_is_pure(path: Path) -> None:
    assert list(impurities(ast.parse(path.read_bytes()))) == []


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize(
    ("place", "source", "found"),
    [
        ("mapping/case.py", "import json, pydantic, mapping.issue", []),
        ("mapping/case.py", "from integrator.clock import Clock", ["integrator.clock"]),
        ("mapping/case.py", "import requests", ["requests"]),
        ("mapping/case.py", "from . import issue", ["relative"]),
        ("mapping/case.py", "def f():\n    import adapters.tracker", ["adapters.tracker"]),
        ("webhooks/github.py", "from adapters.tracker import Gone", ["adapters.tracker"]),
        ("webhooks/jira.py", "from jira import JIRA", ["jira"]),
        ("webhooks/receiver.py", "import flask", []),
        ("adapters/github/read.py", "from github import Github", []),
        ("adapters/jira/read.py", "from github import Github", ["github"]),
        ("adapters/memory.py", "from webhooks.delivery import Delivery", ["webhooks.delivery"]),
        ("integrator/app.py", "import webhooks.github, adapters.jira.read, mapping.plan", []),
        ("integrator/app.py", "import graphql", ["graphql"]),
    ],
)
def test_a_wrong_import_is_found(place: str, source: str, found: list[str]) -> None:
    assert list(wrong_imports(place, ast.parse(source))) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from datetime import time, timedelta", []),
        ("datetime.now(UTC)", ["now"]),
        ("date.today()", ["today"]),
        ("import time", ["time"]),
        ("from random import choice", ["random"]),
        ("open('x')", ["open"]),
        ("print(1)", ["print"]),
        ("import urllib.request", ["urllib.request"]),
        ("def plan(case, now): return now", []),
    ],
)
def test_an_impurity_is_found(source: str, found: list[str]) -> None:
    assert list(impurities(ast.parse(source))) == found


def test_no_file_names_a_registry() -> None:
    named = [(place(path), host) for path in texts() for host in REGISTRIES if host.encode() in path.read_bytes()]
    assert named == []


def test_the_lock_names_no_place_to_get_packages_from() -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    assert [line for line in lines if any(word in line for word in IN_NO_LOCK)] == []


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    locked = dict(_pins((ROOT / "requirements.lock").read_text("utf-8")))
    unmet = [
        wanted
        for wanted, requirement in (
            (text, Requirement(text)) for text in [*asked, *project["build-system"]["requires"]]
        )
        if locked.get(canonicalize_name(requirement.name), Version("0")) not in requirement.specifier
    ]
    assert unmet == []


def _pins(lock: str) -> Iterator[tuple[str, Version]]:
    for line in lock.splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix("\\"))
            (pin,) = requirement.specifier
            yield canonicalize_name(requirement.name), Version(pin.version)


def test_every_public_package_is_shipped() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(PRODUCT)
