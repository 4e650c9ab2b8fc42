"""What a backfill would change, grouped by kind of change, as the plan of an infrastructure tool is read."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import click

from integrator.commands.printing import in_words
from integrator.sync import Planned
from mapping.changes import (
    Acknowledge,
    Change,
    DropComment,
    EditStatus,
    MoveTo,
    OpenIssue,
    PostComment,
    PostDraft,
    SetFields,
    SetLabels,
)
from mapping.issue import IssueRef

NAMED = 10
"""How many issues are named of each kind of change."""

_COLOURS = {"+": "green", "-": "red", "~": "yellow", "!": "red"}
_NO_COLUMN = "no column"
_FAILED = "could not be planned"

Kind = tuple[str, str]
"""A sign and what is done: `("+", "label P1")`."""


@dataclass(slots=True)
class Group:
    """The issues of which one kind of change is wanted: the first ones by name, and how many there are."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, name: str, detail: str) -> None:
        """One more; `detail` is what differs from issue to issue."""
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(f"{name} ({detail})" if detail else name)

    def lines(self) -> Iterator[str]:
        """The names, one a line, and how many more there are."""
        yield from self.named
        if self.count > len(self.named):
            yield f"…and {self.count - len(self.named)} more"


class Differences:
    """What would change on one tracker. It keeps no more than a few names of each kind of change."""

    def __init__(self, tracker: str) -> None:
        self._tracker = tracker
        self._groups: dict[Kind, Group] = {}
        self.seen = self.changing = self.failed = 0

    def add(self, planned: Planned) -> None:
        """Take in an issue's plan."""
        self.seen += 1
        if isinstance(planned.plan, str):
            self.failed += 1
            self._add(("!", _FAILED), planned.ref, planned.plan)
            return
        self.changing += bool(planned.plan.changes)
        for change in planned.plan.changes:
            for kind, detail in _kinds(change, planned.column):
                self._add(kind, planned.ref, detail)

    def _add(self, kind: Kind, ref: IssueRef, detail: str) -> None:
        self._groups.setdefault(kind, Group()).add(ref.key, detail)

    def print(self) -> None:
        """Print it; colours only where they are seen."""
        click.secho(self._tracker, bold=True)
        for (sign, what), group in sorted(self._groups.items(), key=_order):
            issues = "1 issue" if group.count == 1 else f"{group.count} issues"
            click.secho(f"  {sign} {what}", fg=_COLOURS[sign], nl=False)
            click.echo(f" on {issues}" if sign != "!" else f": {issues}")
            for line in group.lines():
                click.echo(f"      {line}")
        failed = f", {self.failed} {_FAILED}" if self.failed else ""
        click.echo(f"  {self.seen} seen, {self.changing} would change{failed}")


def _order(group: tuple[Kind, Group]) -> tuple[int, str]:
    """Labels, moves, fields, what is said, and at last what failed; each by name."""
    (sign, what), _ = group
    words = ("label", "move", "field")
    place = next((at for at, word in enumerate(words) if what.startswith(word)), len(words))
    return (len(words) + 1 if sign == "!" else place), what


def _kinds(change: Change, column: str) -> Iterator[tuple[Kind, str]]:
    """A change as kinds that issues have in common, each with what is this issue's own."""
    match change:
        case SetLabels():
            yield from ((("+", f"label {label}"), "") for label in sorted(change.add))
            yield from ((("-", f"label {label}"), "") for label in sorted(change.remove))
        case MoveTo():
            yield ("~", f"move {column or _NO_COLUMN} → {change.column}"), ""
        case SetFields():
            yield from ((("~", f"field {name}"), value or "cleared") for name, value in sorted(change.values.items()))
        case EditStatus() | PostDraft():
            what = "status comment" if isinstance(change, EditStatus) else "internal draft"
            yield ("+" if change.comment is None else "~", what), in_words(change).partition(": ")[2]
        case PostComment():
            yield ("+", "comment"), in_words(change).partition(": ")[2]
        case OpenIssue():
            yield ("+", f"issue: {change.key.partition('@')[0]}"), ""
        case DropComment():
            yield ("-", "comment that is there twice"), ""
        case Acknowledge():
            yield ("+", "acknowledgement"), in_words(change).removeprefix("acknowledge ")
        case _:
            yield ("~", in_words(change)), ""
