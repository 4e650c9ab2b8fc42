"""The hidden end of our own comments: which comment it is, what it said, what only we know."""

import json
import re

from mapping.issue import Marker

_MARKER = re.compile(r"\s*<!-- spark-integrator (\{[^<>]*\}) -->\s*\Z")
_ESCAPES = {"--": "\\u002d\\u002d", "<": "\\u003c", ">": "\\u003e"}


def dump(body: str, marker: Marker) -> str:
    """The comment's text with the marker at its end; no value in it can end the HTML comment early."""
    text = json.dumps({"key": marker.key, "digest": marker.digest, "memo": dict(marker.memo)}, default=str)
    for dangerous, escaped in _ESCAPES.items():
        text = text.replace(dangerous, escaped)
    return f"{body.rstrip()}\n\n<!-- spark-integrator {text} -->"


def load(text: str) -> tuple[str, Marker | None]:
    """The visible text and the marker at its very end; a marker that can't be read counts as none."""
    found = _MARKER.search(text)
    if found is None:
        return text, None
    return text[: found.start()], _parse(found[1])


def _parse(text: str) -> Marker | None:
    try:
        data = json.loads(text)
    except ValueError:
        return None
    key, digest, memo = data.get("key"), data.get("digest"), data.get("memo", {})
    if not (isinstance(key, str) and isinstance(digest, str) and isinstance(memo, dict)):
        return None
    return Marker(key, digest, memo)
