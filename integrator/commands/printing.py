"""Output: JSON for scripts, sentences and tables for people, colours only on a terminal."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from mapping.changes import (
    Acknowledge,
    AlarmFacts,
    Change,
    DropComment,
    EditStatus,
    MoveCard,
    MoveTo,
    OpenIssue,
    PlaceCard,
    PostComment,
    PostDraft,
    SetFields,
    SetLabels,
)

WIDE = 1000  # characters: nobody's error is longer than 500


def say(document: Any) -> None:
    """Print one JSON document on a line of its own."""
    click.echo(json.dumps(document, default=str, ensure_ascii=False))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; what is in it is text, never markup. Lines are broken only to fit a terminal."""
    drawn = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        drawn.add_row(*(cell.replace("[", "\\[") for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDE).print(drawn)


def in_words(change: Change) -> str:  # noqa: PLR0911 - a line for each kind of change
    """A change as one short line."""
    match change:
        case SetLabels():
            signs = [f"+{label}" for label in sorted(change.add)] + [f"-{label}" for label in sorted(change.remove)]
            return f"labels {' '.join(signs)}"
        case MoveTo():
            return f"move to {change.column}"
        case SetFields():
            return f"set {fields(dict(sorted(change.values.items())))}"
        case EditStatus():
            verb = "write" if change.comment is None else "edit"
            facts = change.facts
            severity = f"{facts.severity} {facts.severity.word}" if facts.severity else "needs triage"
            standing = f"confirmed by {facts.confirmed_by}" if facts.confirmed_by else "provisional"
            return f"{verb} status comment: " + ("closed" if facts.closed else f"{severity}, {standing}")
        case PostComment():
            kind = "alarm" if isinstance(change.facts, AlarmFacts) else "comment"
            return f"post {kind}: {posted(asdict(change.facts))}"
        case DropComment():
            return f"delete comment {change.comment}, a second one like an older"
        case PostDraft():
            verb = "write" if change.comment is None else "edit"
            return f"{verb} internal draft: {change.facts.kind}"
        case Acknowledge():
            return f"acknowledge {len(change.comments)} comment" + ("" if len(change.comments) == 1 else "s")
        case MoveCard():
            return f"move card {change.card} to {change.column}"
        case PlaceCard():
            return f"place card {change.card} " + (f"below {change.below}" if change.below else "first")
        case OpenIssue():
            return f"open issue: {change.key.partition('@')[0]} of {change.facts.of}"


def fields(values: Mapping[str, str]) -> str:
    """Fields and what they are set to."""
    return ", ".join(f"{name} = {value}" if value else f"{name} cleared" for name, value in values.items())


def posted(facts: Mapping[str, Any]) -> str:
    """What an alarm or a comment for a board's sake says, from its facts as the journal has them."""
    if "breached" in facts:
        return f"{', '.join(clock['name'] for clock in facts['breached'])} breached"
    back_to = facts["back_to"]
    match facts["about"]:
        case "owner":
            return f"{facts['owner']} has other work"
        case "pause":
            return f"paused, back in {back_to}" if back_to else "paused where it is"
        case "restore":
            return f"stays in {back_to} after a pause"
        case _:
            return f"{facts['column']} is full, " + (f"back to {back_to}" if back_to else "left there")


def because(reasons: Sequence[str]) -> str:
    """The requirements and rules behind a change."""
    return f"because {', '.join(reasons)}" if reasons else ""
