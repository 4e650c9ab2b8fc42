"""Changes as GraphQL mutations: one aliased field each, so that many fit into one request and are judged alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.github import marker
from adapters.github.fields import value_of
from adapters.github.marker import Origin
from adapters.github.shared import Field, Project
from mapping.changes import Change, OpenIssue, Said
from mapping.issue import IssueRef, Marker, Subject

Json = Mapping[str, Any]

ACKNOWLEDGED = "EYES"

_KEYS = {"TEXT": "text", "NUMBER": "number", "DATE": "date", "SINGLE_SELECT": "singleSelectOptionId"}

_UPDATED = "... on Issue { updatedAt }"


@dataclass(frozen=True, slots=True)
class Operation:
    """One mutation of one change of one issue or board. `absent_is_fine`: what should go away may be gone already.

    `refusal_is_fine`: asking again would be refused again, and nothing depends on it. `renew` makes the same operation
    for a project whose ids have changed; ValueError where that can't be done any more.
    """

    ref: Subject
    change: Change
    mutation: str
    input: Json
    asks: str
    creates: bool = False
    absent_is_fine: bool = False
    refusal_is_fine: bool = False
    renew: Callable[[Project], "Operation"] | None = field(default=None, compare=False, repr=False)

    @property
    def input_type(self) -> str:
        """GitHub names the input after the mutation."""
        return f"{self.mutation[0].upper()}{self.mutation[1:]}Input"


def add_labels(ref: IssueRef, change: Change, issue: str, labels: Sequence[str]) -> Operation:
    """Put labels (ids) on an issue; those that are there stay."""
    inputs = {"labelableId": issue, "labelIds": list(labels)}
    return Operation(ref, change, "addLabelsToLabelable", inputs, f"labelable {{ {_UPDATED} }}")


def remove_labels(ref: IssueRef, change: Change, issue: str, labels: Sequence[str]) -> Operation:
    """Take labels (ids) off an issue."""
    inputs = {"labelableId": issue, "labelIds": list(labels)}
    return Operation(
        ref, change, "removeLabelsFromLabelable", inputs, f"labelable {{ {_UPDATED} }}", absent_is_fine=True
    )


def add_card(ref: IssueRef, change: Change, issue: str, project: str) -> Operation:
    """Put an issue on the project; GitHub answers with the card that is there if there is one."""
    return Operation(
        ref, change, "addProjectV2ItemById", {"projectId": project, "contentId": issue}, "item { id isArchived }"
    )


def set_status(ref: Subject, change: Change, item: str, status: str, project: Project) -> Operation:
    """Give a card a Status by its name; ValueError where the project has no such option."""
    option = project.options.get(status.casefold())
    if option is None:
        raise ValueError(f'the project\'s Status field has no option "{status}"; run integrator init')
    value = {"singleSelectOptionId": option}
    return replace(
        _set_value(ref, change, item, (project.id, project.status), value),
        renew=lambda fresh: set_status(ref, change, item, status, fresh),
    )


def set_field(  # noqa: PLR0913, PLR0917
    ref: Subject, change: Change, item: str, name: str, text: str, project: Project
) -> Operation:
    """Give one of a card's fields a value, or none; ValueError where the field can't hold it."""
    known = project_field(project, name)
    if text:
        value = value_of(known, text)
        chosen = known.options[str(value).casefold()] if known.kind == "SINGLE_SELECT" else value
        made = _set_value(ref, change, item, (project.id, known.id), {_KEYS[known.kind]: chosen})
    else:
        place = {"projectId": project.id, "itemId": item, "fieldId": known.id}
        made = Operation(ref, change, "clearProjectV2ItemFieldValue", place, "projectV2Item { id }")
    return replace(made, renew=lambda fresh: set_field(ref, change, item, name, text, fresh))


def project_field(project: Project, name: str) -> Field:
    """The project's field of this name, in any case; ValueError where it has none or several."""
    if project.why:
        raise ValueError(project.why)
    if name.casefold() in project.twins:
        raise ValueError(f'the project has several fields "{name}", which differ in case only; rename all but one')
    if name.casefold() not in project.fields:
        raise ValueError(f'the project has no field "{name}"; run integrator init')
    return project.fields[name.casefold()]


def _set_value(ref: Subject, change: Change, item: str, place: tuple[str, str], value: Json) -> Operation:
    inputs = {"projectId": place[0], "itemId": item, "fieldId": place[1], "value": value}
    return Operation(ref, change, "updateProjectV2ItemFieldValue", inputs, "projectV2Item { id }")


def place_card(ref: Subject, change: Change, item: str, below: str | None, project: str) -> Operation:
    """Put a card right below another one, or at the top of the board; a board may refuse that for good."""
    inputs = {"projectId": project, "itemId": item, **({"afterId": below} if below else {})}
    return Operation(ref, change, "updateProjectV2ItemPosition", inputs, "clientMutationId", refusal_is_fine=True)


def write_draft(ref: Subject, change: Change, draft: str, body: str) -> Operation:
    """Give a draft another text."""
    inputs = {"draftIssueId": draft, "body": body}
    return Operation(ref, change, "updateProjectV2DraftIssue", inputs, "draftIssue { id }")


def write_status(ref: IssueRef, change: Said, issue: str) -> Operation:
    """Create or edit the status comment, the marker at its end."""
    body = marker.dump(change.body, Marker(change.key, change.digest, change.memo))
    if change.comment is None:
        asks = f"commentEdge {{ node {{ id }} }} subject {{ {_UPDATED} }}"
        return Operation(ref, change, "addComment", {"subjectId": issue, "body": body}, asks, creates=True)
    asks = "issueComment { issue { updatedAt } }"
    return Operation(ref, change, "updateIssueComment", {"id": change.comment, "body": body}, asks)


def drop_comment(ref: IssueRef, change: Change, comment: str) -> Operation:
    """Delete one of our comments."""
    return Operation(ref, change, "deleteIssueComment", {"id": comment}, "clientMutationId", absent_is_fine=True)


def react(ref: IssueRef, change: Change, comment: str) -> Operation:
    """Put our eyes on a comment; they are there once, however often they are put. GitHub tells nobody of it."""
    inputs = {"subjectId": comment, "content": ACKNOWLEDGED}
    return Operation(ref, change, "addReaction", inputs, "clientMutationId", absent_is_fine=True)


def open_issue(ref: IssueRef, change: OpenIssue, repository: str, labels: Sequence[str], origin: Origin) -> Operation:
    """Open an issue in a repository (its id) with labels (ids), its origin hidden at the end of its text."""
    inputs = {
        "repositoryId": repository,
        "title": change.title,
        "body": marker.dump_origin(change.body, origin),
        "labelIds": list(labels),
    }
    asks = "issue { number createdAt repository { nameWithOwner } }"
    return Operation(ref, change, "createIssue", inputs, asks, creates=True)


def document(operations: Sequence[Operation]) -> tuple[str, dict[str, Any]]:
    """One mutation request with aliases `o<n>`, and its variables `v<n>`. GitHub runs them one after the other."""
    heads = ", ".join(f"$v{at}: {operation.input_type}!" for at, operation in enumerate(operations))
    fields = "\n".join(
        f"  o{at}: {operation.mutation}(input: $v{at}) {{ {operation.asks} }}"
        for at, operation in enumerate(operations)
    )
    variables = {f"v{at}": dict(operation.input) for at, operation in enumerate(operations)}
    return f"mutation Apply({heads}) {{\n{fields}\n}}", variables
