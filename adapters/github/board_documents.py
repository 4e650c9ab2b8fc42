"""The GraphQL texts about boards. Names are GitHub's own (https://docs.github.com/en/graphql/reference)."""

from collections.abc import Sequence

from adapters.github.documents import REPOSITORY_LABELS, card_fragments, issue_fragments, project, quoted

_PAGE = "pageInfo { hasNextPage endCursor }"
_STATUS = 'fieldValueByName(name: "Status") { ... on ProjectV2ItemFieldSingleSelectValue { name updatedAt } }'

_DRAFT = "... on DraftIssue { id title body assignees(first: 20) { nodes { ...A } } }"

# A paused draft stands at the top of the board, so this page shows it. Of the others it tells where they stand.
_TOP = f"""items(first: 100) {{
          nodes {{ id isArchived project {{ id }} {_STATUS} content {{ __typename {_DRAFT} }} }}
        }}"""

_ITEM = f"""... on ProjectV2Item {{
    ...K
    content {{
      __typename
      {_DRAFT}
      ... on PullRequest {{ title }}
      ... on Issue {{ ...I repository {{ nameWithOwner }} }}
    }}
  }}"""

_LABELLED = 20  # open P0s of a repository at a time; more make further requests


def board(numbers: Sequence[Sequence[int]], labels: Sequence[str], moves: bool, fields: Sequence[str]) -> str:
    """A whole board: cards by id, its top, and of repository r the issues `numbers[r]` and those with the `labels`.

    Aliases as in `read`; `l<n>` are the open issues with label n.
    """
    heads = ["$items: [ID!]!, $owner: String!, $project: Int!"]
    heads += [f"$o{at}: String!, $n{at}: String!" for at in range(len(numbers))]
    parts = ["viewer { login }", f"board: {project(_TOP)}", f"items: nodes(ids: $items) {{ {_ITEM} }}"]
    for at, wanted in enumerate(numbers):
        issues = [f"i{number}: issue(number: {number}) {{ ...I }}" for number in wanted]
        issues += [f"l{n}: {labelled(label)}" for n, label in enumerate(labels)]
        inner = "\n    ".join(["nameWithOwner", REPOSITORY_LABELS, *issues])
        parts.append(f"r{at}: repository(owner: $o{at}, name: $n{at}) {{\n    {inner}\n  }}")
    body = "\n  ".join(parts)
    return f"query Board({', '.join(heads)}) {{\n  {body}\n}}\n{issue_fragments(moves, True, fields)}"


def labelled(label: str, after: str = "") -> str:
    """A page of the open issues that carry a label."""
    more = f", after: ${after}" if after else ""
    return f"issues(first: {_LABELLED}, states: [OPEN], labels: [{quoted(label)}]{more}) {{ {_PAGE} nodes {{ ...I }} }}"


def more_labelled(label: str, moves: bool, fields: Sequence[str]) -> str:
    """A further page of them."""
    heads = "$owner: String!, $name: String!, $after: String!"
    parts = f"repository(owner: $owner, name: $name) {{ {labelled(label, 'after')} }}"
    return f"query Labelled({heads}) {{ {parts} }}\n{issue_fragments(moves, True, fields)}"


def items(moves: bool, fields: Sequence[str]) -> str:
    """Cards by id."""
    return f"query Items($items: [ID!]!) {{ items: nodes(ids: $items) {{ {_ITEM} }} }}\n" + issue_fragments(
        moves, True, fields
    )


DRAFTS = f"""query Drafts($items: [ID!]!) {{
  items: nodes(ids: $items) {{
    ... on ProjectV2Item {{ ...K content {{ __typename ... on DraftIssue {{ id body }} }} }}
  }}
}}
{card_fragments(())}"""

STATUSES = f"""query Statuses($project: ID!, $after: String) {{
  node(id: $project) {{
    ... on ProjectV2 {{
      items(first: 100, after: $after, orderBy: {{field: POSITION, direction: ASC}}) {{
        {_PAGE}
        nodes {{ id {_STATUS} content {{ ... on Issue {{ number repository {{ nameWithOwner }} }} }} }}
      }}
    }}
  }}
}}"""

UPDATE_OPTIONS = """mutation Options($input: UpdateProjectV2FieldInput!) {
  updateProjectV2Field(input: $input) {
    projectV2Field { ... on ProjectV2SingleSelectField { id options { id name } } }
  }
}"""

CREATE_FIELD = """mutation Field($input: CreateProjectV2FieldInput!) {
  createProjectV2Field(input: $input) { projectV2Field { ... on ProjectV2FieldCommon { id name } } }
}"""

VIEWS = """views(first: 50) { nodes { name layout sortByFields(first: 1) { nodes { direction } } } }"""
