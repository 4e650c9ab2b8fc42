"""Reading what people wrote: Markdown and Jira wiki text as plain lines, with code and quotes set aside."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_HTML_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_WIKI_BLOCK = re.compile(r"\{(code|noformat|quote)(:[^}]*)?\}")


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and whether it is the author's own prose (not code, not a quotation)."""

    text: str
    prose: bool


def lines(text: str) -> Iterator[Line]:
    """The lines of a body without HTML comments. A code block that is never closed is no code block."""
    raw = _HTML_COMMENT.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    closers = _closers(raw)
    inside_until = -1
    for number, line in enumerate(raw):
        if number > inside_until and number in closers:
            inside_until = closers[number]
        yield Line(line, prose=number > inside_until and not line.startswith((">", "bq. ")))


def _closers(raw: Sequence[str]) -> dict[int, int]:
    """For each line that opens a block (a Markdown fence, a Jira macro): the line that closes it."""
    closers: dict[int, int] = {}
    waiting: dict[str, list[int]] = {}
    for number, line in enumerate(raw):
        for sign, opens, closes in _signs(line):
            if closes and waiting.get(sign):
                for opener in waiting.pop(sign):
                    closers[opener] = number
            elif opens:
                waiting.setdefault(sign, []).append(number)
    return closers


def _signs(line: str) -> Iterator[tuple[str, bool, bool]]:
    """(what kind of block, can it open one, can it close one) for every block sign on a line."""
    if fence := _FENCE.match(line):
        yield fence[1][:3], True, not fence[2].strip()
    for macro in _WIKI_BLOCK.finditer(line):
        yield macro[1], True, not macro[2]
