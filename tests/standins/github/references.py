"""Which issues a text mentions, as GitHub reads it."""

import re
from collections.abc import Iterator

_MENTION = re.compile(r"(?<![\w/#.&-])([\w-]+/[\w.-]+)?#([1-9]\d*)\b")
_UNREAD = re.compile(r"<!--.*?-->|```.*?```|`[^`\n]*`", re.DOTALL)


def mentions(text: str, here: str) -> Iterator[tuple[str, int]]:
    """Repository and number of every `owner/repo#12`, and of `#12` here; not of what is hidden, nor of code."""
    for found in _MENTION.finditer(_UNREAD.sub(" ", text)):
        yield found[1] or here, int(found[2])
