"""The GraphQL texts. Names are GitHub's own (https://docs.github.com/en/graphql/reference)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

_EVENTS = (
    "LABELED_EVENT",
    "UNLABELED_EVENT",
    "ASSIGNED_EVENT",
    "UNASSIGNED_EVENT",
    "CLOSED_EVENT",
    "REOPENED_EVENT",
    "TRANSFERRED_EVENT",
    "CROSS_REFERENCED_EVENT",
)
_MOVED = "PROJECT_V2_ITEM_STATUS_CHANGED_EVENT"

_PAGE = "pageInfo { hasNextPage endCursor }"

_ACTOR = "fragment A on Actor { __typename login }"

_COMMENT = """fragment C on IssueComment {
  id body createdAt lastEditedAt viewerDidAuthor author { ...A } editor { ...A }
  reactionGroups { content createdAt viewerHasReacted }
}"""

_OPENED = """fragment O on Issue {
  number createdAt closedAt viewerDidAuthor author { ...A } body repository { nameWithOwner }
}"""

_EVENT = """fragment E on IssueTimelineItems {
  __typename
  ... on LabeledEvent { id createdAt actor { ...A } label { name } }
  ... on UnlabeledEvent { id createdAt actor { ...A } label { name } }
  ... on AssignedEvent { id createdAt actor { ...A } assignee { ...A } }
  ... on UnassignedEvent { id createdAt actor { ...A } assignee { ...A } }
  ... on ClosedEvent { id createdAt actor { ...A } }
  ... on ReopenedEvent { id createdAt actor { ...A } }
  ... on TransferredEvent { id createdAt actor { ...A } fromRepository { nameWithOwner } }
  ... on CrossReferencedEvent { source { ...O } }
  %s
}"""
_MOVED_EVENT = (
    "... on ProjectV2ItemStatusChangedEvent { id createdAt actor { ...A } previousStatus status project { id } }"
)

_VALUE = """fragment V on ProjectV2ItemFieldValue {
  ... on ProjectV2ItemFieldTextValue { text }
  ... on ProjectV2ItemFieldNumberValue { number }
  ... on ProjectV2ItemFieldDateValue { date }
  ... on ProjectV2ItemFieldSingleSelectValue { name }
}"""

_PROJECT = """repositoryOwner(login: $owner) {
    ... on ProjectV2Owner {
      projectV2(number: $project) {
        id title
        field(name: "Status") {
          ... on ProjectV2SingleSelectField { id options { id name color description } }
        }
        fields(first: 100) {
          nodes {
            ... on ProjectV2FieldCommon { id name dataType }
            ... on ProjectV2SingleSelectField { options { id name } }
          }
        }
        %s
      }
    }
  }"""

REPOSITORY_LABELS = f"labels(first: 100) {{ {_PAGE} nodes {{ id name }} }}"


def project(more: str = "") -> str:
    """The project's ids, and `more` of it."""
    return _PROJECT % more


def quoted(text: str) -> str:
    """A string as GraphQL writes it; its escapes are JSON's."""
    return json.dumps(text, ensure_ascii=False)


def comments(after: str = "") -> str:
    """A page of comments, oldest first; `after` names the variable with the cursor."""
    return f"comments(first: 100{_after(after)}) {{ {_PAGE} nodes {{ ...C }} }}"


def timeline(moves: bool, after: str = "") -> str:
    """A page of the timeline events that the protocol knows; `moves`: the host tells column moves as events."""
    kinds = ", ".join((*_EVENTS, _MOVED) if moves else _EVENTS)
    return f"timelineItems(first: 100, itemTypes: [{kinds}]{_after(after)}) {{ {_PAGE} nodes {{ ...E }} }}"


def card_fragments(fields: Sequence[str]) -> str:
    """The fragment K, a card: its Status, and each field as the alias `f<n>`, left out where its name is empty.

    By name, since a connection of all fields of all cards would be counted a thousand nodes an issue.
    """
    texts = "".join(
        f"\n  f{at}: fieldValueByName(name: {quoted(name)}) {{ ...V }}" for at, name in enumerate(fields) if name
    )
    card = f"""fragment K on ProjectV2Item {{
  id isArchived project {{ id }}
  fieldValueByName(name: "Status") {{ ... on ProjectV2ItemFieldSingleSelectValue {{ name updatedAt }} }}{texts}
}}"""
    return "\n".join([card, _VALUE] if texts else [card])


def issue_fragments(moves: bool, cards: bool, fields: Sequence[str] = ()) -> str:
    """Everything about an issue that fits into one request (fragment I), and the fragments that it uses.

    `moves`: the host tells column moves as events; `cards`: a project is connected; `fields`: the names of its fields.
    """
    issue = f"""fragment I on Issue {{
  id number title body url createdAt updatedAt closedAt lastEditedAt viewerDidAuthor
  author {{ ...A }}
  labels(first: 100) {{ nodes {{ id name }} }}
  assignees(first: 20) {{ nodes {{ ...A }} }}
  {comments()}
  {timeline(moves)}
  {"projectItems(first: 20, includeArchived: true) { nodes { ...K } }" if cards else ""}
}}"""
    used = [issue, _COMMENT, _event(moves), _OPENED, _ACTOR]
    return "\n".join([*used, card_fragments(fields)] if cards else used)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for issues asks for: moves told as events, cards with these fields, the project's ids."""

    moves: bool
    cards: bool
    fields: Sequence[str] = ()
    project: bool = False


def read(numbers: Sequence[Sequence[int]], labels: Sequence[bool], asked: Asked) -> str:
    """One request for many issues: `numbers[r]` of repository r, aliases `r<r>` and `i<number>`.

    `labels[r]` and `asked.project` ask for ids that aren't known yet, so that they cost no request of their own.
    """
    heads = [f"$o{at}: String!, $n{at}: String!" for at in range(len(numbers))]
    heads += ["$owner: String!, $project: Int!"] if asked.project else []
    parts = ["viewer { login }"] + ([f"board: {project()}"] if asked.project else [])
    for at, wanted in enumerate(numbers):
        issues = " ".join(f"i{number}: issue(number: {number}) {{ ...I }}" for number in wanted)
        ids = REPOSITORY_LABELS if labels[at] else ""
        parts.append(f"r{at}: repository(owner: $o{at}, name: $n{at}) {{ nameWithOwner {ids} {issues} }}")
    body = "\n  ".join(parts)
    fragments = issue_fragments(asked.moves, asked.cards, asked.fields)
    return f"query Read({', '.join(heads)}) {{\n  {body}\n}}\n{fragments}"


def more(wanted: Sequence[str], moves: bool) -> str:
    """The next pages: alias `m<n>` of node `$i<n>` from cursor `$c<n>`; `wanted` names comments or timelineItems."""
    heads, parts = [], []
    for at, connection in enumerate(wanted):
        heads.append(f"$i{at}: ID!, $c{at}: String!")
        page = comments(f"c{at}") if connection == "comments" else timeline(moves, f"c{at}")
        parts.append(f"m{at}: node(id: $i{at}) {{ ... on Issue {{ {page} }} }}")
    used = [_ACTOR]
    used += [_COMMENT] if "comments" in wanted else []
    used += [_event(moves), _OPENED] if "timelineItems" in wanted else []
    return f"query More({', '.join(heads)}) {{\n  {' '.join(parts)}\n}}\n" + "\n".join(used)


def ids(repositories: int, board: bool, more: str = "") -> str:
    """Only the ids of labels (aliases `r<n>`) and of the board, and `more` of the board."""
    heads = [f"$o{at}: String!, $n{at}: String!" for at in range(repositories)]
    heads += ["$owner: String!, $project: Int!"] if board else []
    parts = [f"r{at}: repository(owner: $o{at}, name: $n{at}) {{ {REPOSITORY_LABELS} }}" for at in range(repositories)]
    parts += [f"board: {project(more)}"] if board else []
    return f"query Ids({', '.join(heads)}) {{ {' '.join(parts)} }}"


def places(repositories: int) -> str:
    """Where issues are to be opened: the repositories' ids, their labels, and the newest issues there since `$s<n>`.

    Not `filterBy.createdBy`: it finds no App's issues everywhere (https://github.com/renovatebot/renovate/issues/44730).
    """
    heads = [f"$o{at}: String!, $n{at}: String!, $s{at}: DateTime!" for at in range(repositories)]
    parts = [
        f"""r{at}: repository(owner: $o{at}, name: $n{at}) {{
    id {REPOSITORY_LABELS}
    issues(first: 100, filterBy: {{since: $s{at}}}, orderBy: {{field: CREATED_AT, direction: DESC}}) {{
      nodes {{ ...O }}
    }}
  }}"""
        for at in range(repositories)
    ]
    return f"query Places({', '.join(heads)}) {{\n  {' '.join(parts)}\n}}\n{_OPENED}\n{_ACTOR}"


OPEN_ISSUES = f"""query Open(
  $owner: String!, $name: String!, $states: [IssueState!], $since: DateTime, $first: Int!, $after: String
) {{
  repository(owner: $owner, name: $name) {{
    issues(first: $first, after: $after, states: $states, filterBy: {{since: $since}},
           orderBy: {{field: CREATED_AT, direction: ASC}}) {{
      totalCount {_PAGE} nodes {{ number }}
    }}
  }}
}}"""

REPOSITORY = """query Repository($owner: String!, $name: String!) {
  viewer { login }
  repository(owner: $owner, name: $name) { nameWithOwner viewerPermission isArchived hasIssuesEnabled }
}"""

OWN_WORDS = """query OwnWords($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    issues(first: 50, orderBy: {field: UPDATED_AT, direction: DESC}) {
      nodes { number comments(last: 20) { nodes { viewerDidAuthor body lastEditedAt url } } }
    }
  }
}"""


def _event(moves: bool) -> str:
    return _EVENT % (_MOVED_EVENT if moves else "")


def _after(variable: str) -> str:
    return f", after: ${variable}" if variable else ""
