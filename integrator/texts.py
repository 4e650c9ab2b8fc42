"""Facts in words: comment texts, rendered from templates in the tracker's own markup.

Whatever a template prints is escaped for that markup; only the markup's own signs (`ui.bold` and so on) are not.
Titles, names and answers come from strangers.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from adapters.tracker import Dialect
from mapping.changes import StatusFacts


class Markup(str):
    """Text that is already in the tracker's markup."""

    __slots__ = ()


class Markdown:
    """GitHub's Markdown."""

    bold = Markup("**")
    heading = Markup("### ")
    bullet = Markup("- ")
    small = Markup("<sub>")
    small_end = Markup("</sub>")

    _SIGNS = re.compile(r"[\\`*_{}\[\]<>#!|~@&]|(?<=w)\.|:(?=//)")

    def escape(self, text: str) -> Markup:
        """Plain text: no formatting, no link, no mention, no HTML; newlines become spaces.

        GitHub looks for @somebody and #12 after it has read entities, so a space of no width keeps these apart.
        """
        escaped = self._SIGNS.sub(lambda sign: f"&#{ord(sign[0])};", " ".join(text.split()))
        return Markup(re.sub("(&#64;|&#35;)", r"\1&#8203;", escaped))

    def code(self, text: str) -> Markup:
        """Text to be typed as it is."""
        return Markup(f"<code>{self.escape(text)}</code>")

    def text(self, value: Any) -> Markup:
        """Any value as safe markup."""
        return value if isinstance(value, Markup) else self.escape(str(value))


class Wiki(Markdown):
    """Jira's wiki markup."""

    bold = Markup("*")
    heading = Markup("h3. ")
    bullet = Markup("* ")
    small = Markup("{color:#6b778c}")
    small_end = Markup("{color}")

    _SIGNS = re.compile(r"[*_{}\[\]#!|~^+?\\]|(?<!\w)-|-(?!\w)|:(?=//)")

    def escape(self, text: str) -> Markup:
        """Plain text: no formatting, no link, no mention, no macro; newlines become spaces."""
        escaped = self._SIGNS.sub(lambda sign: "&#92;" if sign[0] == "\\" else f"\\{sign[0]}", " ".join(text.split()))
        return Markup(escaped)

    def code(self, text: str) -> Markup:
        """Text to be typed as it is."""
        return Markup("{{" + self.escape(text) + "}}")


_DIALECTS: dict[Dialect, Markdown] = {"markdown": Markdown(), "wiki": Wiki()}


def status_text(facts: StatusFacts, dialect: Dialect) -> str:
    """The status comment that says these facts."""
    text = _environment(dialect).get_template("status.j2").render(facts=facts, ui=_DIALECTS[dialect])
    return re.sub(r"\n{3,}", "\n\n", text).strip()


@cache
def _environment(dialect: Dialect) -> Environment:
    ui = _DIALECTS[dialect]
    environment = Environment(
        loader=PackageLoader("integrator", "templates"),
        autoescape=False,  # noqa: S701 - finalize escapes for the tracker's markup, which is not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=ui.text,
    )
    environment.filters["in_words"] = in_words
    environment.filters["listed"] = listed
    return environment


def in_words(duration: str) -> str:
    """`4h` as "4 hours"."""
    match = re.fullmatch(r"(\d+)([mhdw])", duration)
    if match is None:
        return duration
    unit = {"m": "minute", "h": "hour", "d": "day", "w": "week"}[match[2]]
    return f"{match[1]} {unit}" + ("" if match[1] == "1" else "s")


def listed(words: Iterable[str]) -> str:
    """A list as people say it: "a, b or c"."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
