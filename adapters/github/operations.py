"""Changes as GraphQL mutations: one aliased field each, so that many fit into one request and are judged alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.github import marker
from adapters.github.marker import Origin
from mapping.changes import Change, OpenIssue, Said
from mapping.issue import IssueRef, Marker

Json = Mapping[str, Any]

ACKNOWLEDGED = "EYES"

_UPDATED = "... on Issue { updatedAt }"


@dataclass(frozen=True, slots=True)
class Operation:
    """One mutation of one change of one issue. `absent_is_fine`: what should go away may be gone already."""

    ref: IssueRef
    change: Change
    mutation: str
    input: Json
    asks: str
    creates: bool = False
    absent_is_fine: bool = False

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


def set_status(ref: IssueRef, change: Change, place: tuple[str, str], item: str, option: str) -> Operation:
    """Give a card its Status; `place` is the project's and the Status field's id."""
    project, field = place
    inputs = {"projectId": project, "itemId": item, "fieldId": field, "value": {"singleSelectOptionId": option}}
    return Operation(ref, change, "updateProjectV2ItemFieldValue", inputs, "projectV2Item { id }")


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
