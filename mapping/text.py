"""Reading what people wrote: Markdown and Jira wiki text as plain lines, with code and quotes set aside."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

# Every pattern here is linear in the text: bodies come from strangers.
_HTML_COMMENT = re.compile(r"<!--(?:-?>|.*?-->)", re.DOTALL)
_FENCE = re.compile(r" {0,3}(?:(`{3,})([^`]*)|(~{3,})(.*))")
_MAY_HOLD_BLOCKS = re.compile(r"```|~~~|\{(?:code|noformat|quote)")
QUOTES = (">", "bq. ")
_WIKI_BLOCK = re.compile(r"\{(code|noformat|quote)(:[^{}]*)?\}")


class Line(NamedTuple):
    """A line, and whether it is the author's own prose (not code, not a quotation)."""

    text: str
    prose: bool


def lines(text: str) -> list[Line]:
    """The lines of a body without HTML comments. A code block that is never closed is no code block."""
    raw = _without_comments(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    if not _MAY_HOLD_BLOCKS.search(text):
        return [Line(line, not line.startswith(QUOTES)) for line in raw]
    inside = {number for first, last in _blocks(raw) for number in range(first, last + 1)}
    return [Line(line, number not in inside and not line.startswith(QUOTES)) for number, line in enumerate(raw)]


def _without_comments(text: str) -> str:
    """A comment that is never closed is text; looking only as far as the last end keeps the search linear."""
    if "<!--" not in text:
        return text
    commented, end, rest = text.rpartition("-->")
    return _HTML_COMMENT.sub("", commented + end) + rest


@dataclass(frozen=True, slots=True)
class _Sign:
    """A Markdown fence or a Jira macro: on which line, of what kind, how long, and whether it can close."""

    line: int
    kind: str
    size: int
    closes: bool


def _blocks(raw: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The first and last line of every closed block. What stands inside of one opens none."""
    signs = [sign for number, line in enumerate(raw) for sign in _signs(number, line)]
    closers: dict[str, list[int]] = defaultdict(list)
    for at, sign in enumerate(signs):
        if sign.closes:
            closers[sign.kind].append(at)
    too_long: dict[str, int] = {}
    after = -1
    for at, sign in enumerate(signs):
        if at <= after or sign.size >= too_long.get(sign.kind, sign.size + 1):
            continue
        closer = _closer(signs, closers, at)
        if closer is None:
            too_long[sign.kind] = sign.size
        else:
            after = closer
            yield sign.line, signs[closer].line


def _closer(signs: Sequence[_Sign], closers: Mapping[str, Sequence[int]], opener: int) -> int | None:
    """The first sign after an opener that closes it: one of its kind, and a fence at least as long."""
    fitting = closers.get(signs[opener].kind, ())
    for index in range(bisect_right(fitting, opener), len(fitting)):
        if signs[fitting[index]].size >= signs[opener].size:
            return fitting[index]
    return None


def _signs(number: int, line: str) -> Iterator[_Sign]:
    if fence := _FENCE.fullmatch(line):
        marks, info = fence[1] or fence[3], fence[2] or fence[4] or ""
        yield _Sign(number, marks[0], len(marks), not info.strip())
    for macro in _WIKI_BLOCK.finditer(line):
        yield _Sign(number, macro[1], 0, not macro[2])
