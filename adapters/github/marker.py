"""The hidden end of our own comments and issues, and of drafts that we paused: what only we know."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from mapping.issue import IssueRef, Marker

_MARKER = re.compile(r"\s*<!-- spark-integrator (\{[^<>]*\}) -->\s*\Z")
_ANYWHERE = re.compile(r"<!-- spark-integrator (\{[^<>]*\}) -->")
_PAUSE = '<!-- spark-integrator {"key": "paused"} -->'
_PAUSED = re.compile(r"(\r?\n){0,2}" + re.escape(_PAUSE))
_ESCAPES = {"--": "\\u002d\\u002d", "<": "\\u003c", ">": "\\u003e"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Why we opened an issue: what for (its key), and the issue because of which, with the time of its creation.

    A transfer or a renamed repository changes an issue's name, but not when it was created.
    """

    key: str
    ref: IssueRef
    created_at: datetime

    def is_of(self, ref: IssueRef, created_at: datetime) -> bool:
        """Whether this issue is meant, under its present name or one that it had in another repository."""
        if self.ref.container.casefold() == ref.container.casefold():
            return self.ref.key.casefold() == ref.key.casefold()
        return self.created_at == created_at


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


def dump_origin(body: str, origin: Origin) -> str:
    """The text of an issue that we open, with its origin hidden at the end."""
    memo = {"for": str(origin.ref), "created": origin.created_at.isoformat()}
    return dump(body, Marker(origin.key, "", memo))


def load_origin(text: str) -> tuple[str, Origin | None]:
    """The visible text of one of our own issues, and its origin.

    People write in such an issue, also below its end. So the last origin counts, wherever it is: what we quoted from
    others stands before it.
    """
    for found in reversed(list(_ANYWHERE.finditer(text))):
        origin = _origin(_parse(found[1]))
        if origin is not None:
            return text[: found.start()].rstrip() + text[found.end() :].rstrip(), origin
    return text, None


def is_paused(text: str) -> bool:
    """Whether a draft's text carries our mark of a pause, wherever people may have written since."""
    return _PAUSED.search(text) is not None


def paused(text: str) -> str:
    """A draft's text with our mark of a pause at its end, once."""
    return text if is_paused(text) else f"{text}\n\n{_PAUSE}"


def resumed(text: str) -> str:
    """The text without our mark, to the letter as it was."""
    return _PAUSED.sub("", text)


def _origin(found: Marker | None) -> Origin | None:
    if found is None:
        return None
    try:
        ref, created_at = IssueRef.parse(str(found.memo.get("for"))), str(found.memo.get("created"))
        return Origin(found.key, ref, datetime.fromisoformat(created_at))
    except ValueError:
        return None


def _parse(text: str) -> Marker | None:
    try:
        data = json.loads(text)
    except ValueError:
        return None
    key, digest, memo = data.get("key"), data.get("digest"), data.get("memo", {})
    if not (isinstance(key, str) and isinstance(digest, str) and isinstance(memo, dict)):
        return None
    return Marker(key, digest, memo)
