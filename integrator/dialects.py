"""The markup of each tracker, and plain text for terminals: how to write in it, and how words stay words in it."""

import re
import unicodedata
from typing import Any, Literal

from adapters.tracker import Dialect
from mapping.issue import ACCOUNT_ID

Style = Dialect | Literal["plain"]

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]{0,99}")
_ISSUE = re.compile(r"[\w.-]+/[\w.-]+#\d+|[A-Z][A-Z0-9_]*-\d+", re.ASCII)
_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # signs that reorder what is read


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

    def mention(self, handle: str) -> Markup:
        """Somebody, called."""
        return Markup(f"@{handle}") if _LOGIN.fullmatch(handle) else self.escape(handle)

    def person(self, handle: str) -> Markup:
        """Somebody, named and not called."""
        return self.escape(handle)

    def issue(self, key: str) -> Markup:
        """An issue by its key, so that the tracker makes a link of it and tells the other issue."""
        return Markup(key) if _ISSUE.fullmatch(key) else self.escape(key)

    def box(self, ticked: bool) -> Markup:
        """A line of a checklist."""
        return Markup("- [x] " if ticked else "- [ ] ")

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

    def mention(self, handle: str) -> Markup:
        """Somebody, called: by account id on Cloud, by name on Data Center."""
        if ACCOUNT_ID.fullmatch(handle):
            return Markup(f"[~accountid:{handle}]")
        return Markup(f"[~{handle}]") if _LOGIN.fullmatch(handle) else self.escape(handle)

    def person(self, handle: str) -> Markup:
        """Somebody, named; an account id says nothing to people, so Jira turns it into a name."""
        return self.mention(handle) if ACCOUNT_ID.fullmatch(handle) else self.escape(handle)

    def box(self, ticked: bool) -> Markup:
        """A line of a checklist."""
        return Markup("* ☑ " if ticked else "* ☐ ")


class Plain(Markdown):
    """Plain text, for a terminal, a mail or an issue's title."""

    bold = Markup("")
    heading = Markup("")
    bullet = Markup("- ")
    small = Markup("")
    small_end = Markup("")

    def escape(self, text: str) -> Markup:
        """The words without what a terminal would obey; newlines become spaces."""
        return Markup("".join(sign for sign in " ".join(text.split()) if not _is_obeyed(sign)))

    def code(self, text: str) -> Markup:
        """Text to be typed as it is."""
        return self.escape(text)

    def mention(self, handle: str) -> Markup:
        """Somebody, named: nobody can be called from here."""
        return self.escape(handle)

    def box(self, ticked: bool) -> Markup:
        """A line of a checklist."""
        return Markup("[x] " if ticked else "[ ] ")


def _is_obeyed(sign: str) -> bool:
    return unicodedata.category(sign) in {"Cc", "Cs"} or unicodedata.bidirectional(sign) in _TURNS


DIALECTS: dict[Style, Markdown] = {"markdown": Markdown(), "wiki": Wiki(), "plain": Plain()}
