"""The little of the Atlassian Document Format that the stand-in speaks on v3: paragraphs of text and line breaks."""

from typing import Any

from tests.standins.jira.routing import Unknown


def to_adf(text: str) -> dict[str, Any]:
    """Wiki markup as a document; a blank line parts paragraphs."""
    paragraphs = [p for p in text.replace("\r\n", "\n").split("\n\n") if p]
    return {"type": "doc", "version": 1, "content": [_paragraph(p) for p in paragraphs]}


def _paragraph(text: str) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n")):
        nodes += [{"type": "hardBreak"}] * bool(number) + [{"type": "text", "text": line}] * bool(line)
    return {"type": "paragraph", "content": nodes}


def from_adf(document: Any) -> str:
    """A document's text. Unknown: a node that the stand-in doesn't speak, or no document at all."""
    if not isinstance(document, dict) or document.get("type") != "doc" or document.get("version") != 1:
        raise Unknown(f"not an ADF document: {str(document)[:80]!r}")
    return "\n\n".join(_text(node) for node in document["content"])


def _text(node: dict[str, Any]) -> str:
    match node:
        case {"type": "paragraph", **rest}:
            return "".join(_text(child) for child in rest.get("content", []))
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "hardBreak"}:
            return "\n"
    raise Unknown(f"ADF node {str(node)[:80]!r}")
