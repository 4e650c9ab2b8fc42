"""Reading a template of app.yaml before it is used: what is wrong with it, and on which of its lines."""

import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache

from jinja2 import TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables

from integrator.dialects import DIALECTS, Markdown
from integrator.samples import NOW, SAMPLES
from integrator.texts import FACTS, environment, rendered, variables

HEADED = {"acknowledgement", "response", "update", "follow_up", "retrospective"}  # the first line is a heading


@dataclass(frozen=True, slots=True)
class Slip:
    """A fault in a template: its line there (None: the whole), and what is wrong."""

    line: int | None
    says: str


class BadTemplate(ValueError):
    """A template that can't be used: its slips, by their lines in it."""

    def __init__(self, found: Sequence[Slip]) -> None:
        super().__init__("; ".join(slip.says for slip in found))
        self.slips = found


def slips(name: str, source: str) -> list[Slip]:
    """Everything that is wrong with a template for this text: it is read, and tried on samples in every markup."""
    try:
        tree = environment("plain").parse(source)
        found = list(_unknown_tools(tree)) or list(_unknown_names(name, tree))
    except TemplateSyntaxError as error:
        return [Slip(error.lineno, error.message or "is no template")]
    once: dict[tuple[int | None, str], Slip] = {}
    for slip in found or _tried(name, source):
        once.setdefault((slip.line, slip.says.partition(" (with ")[0]), slip)
    return sorted(once.values(), key=lambda slip: slip.line or 0)


def _unknown_tools(tree: nodes.Template) -> Iterator[Slip]:
    """Filters and tests that there are not, also where the samples never come."""
    made = environment("plain")
    for node in tree.find_all(nodes.Filter):
        if node.name not in made.filters:
            yield _is_not(f"filter {node.name!r}", node.name, made.filters, node)
    for asked in tree.find_all(nodes.Test):
        if asked.name not in made.tests:
            yield _is_not(f"test {asked.name!r}", asked.name, made.tests, asked)


def _unknown_names(name: str, tree: nodes.Template) -> Iterator[Slip]:
    """Variables that there are not, and attributes of facts and ui."""
    known = _known(name)
    unknown = find_undeclared_variables(tree) - set(known)
    for node in tree.find_all(nodes.Name):
        if node.name in unknown:
            yield _is_not(node.name, node.name, known, node)
    for part in tree.find_all(nodes.Getattr):
        owner = part.node.name if isinstance(part.node, nodes.Name) else ""
        if owner in {"facts", "ui"} and part.attr not in known[owner]:
            yield _is_not(f"{owner}.{part.attr}", part.attr, known[owner], part)


def _is_not(what: str, name: str, known: Iterable[str], node: nodes.Node) -> Slip:
    near = get_close_matches(name, known, n=1)
    return Slip(node.lineno, f"there is no {what}{f'; did you mean {near[0]!r}?' if near else ''}")


@cache
def _known(name: str) -> Mapping[str, frozenset[str]]:
    """What a text can use, by name, and the attributes of facts and ui."""
    attributes = {
        "facts": frozenset(field.name for field in fields(FACTS[name])),
        "ui": frozenset(sign for sign in vars(Markdown) if not sign.startswith("_")),
    }
    given = {**variables(SAMPLES[name][0].facts, "plain", NOW), **environment("plain").globals}
    return {variable: attributes.get(variable, frozenset()) for variable in given}


def _tried(name: str, source: str) -> Iterator[Slip]:
    """What happens with sample facts: everything known, nothing known, and the turns between."""
    for style in DIALECTS:
        for sample in SAMPLES[name]:
            try:
                text = rendered(environment(style).from_string(source), sample.facts, style, NOW)
            except Exception as error:
                yield Slip(_line(error), f"{_words(error)} (with {sample.about})")
                continue
            if not text:
                yield Slip(None, f"says nothing (with {sample.about})")
            elif name in HEADED and not text.partition("\n")[2].strip():
                yield Slip(None, f"its first line is the heading, and there is nothing below it (with {sample.about})")


def _line(error: Exception) -> int | None:
    """Jinja leaves frames of the template, with its lines, in the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == "<template>"), None)


def _words(error: Exception) -> str:
    kind = "" if isinstance(error, UndefinedError | SecurityError) else f"{type(error).__name__}: "
    return f"{kind}{' '.join(str(error).split())}"[:200]
