"""The mutations. Each one is checked whole before anything is changed; the others in the document go on without it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tests.standins.github.access import Refused
from tests.standins.github.graph_base import Asking, page
from tests.standins.github.graph_reads import find, lacks, reaction_groups
from tests.standins.github.records import Account, Comment, Draft, Field, Issue, Item, Label, Project, Repository

T = TypeVar("T")
Input = Mapping[str, Any]
Payload = dict[str, Any]
LONGEST_BODY = 65_536
MOST_OPTIONS = 50
MOST_LABELS = 100
VALUE_KEYS = {"singleSelectOptionId": "SINGLE_SELECT", "text": "TEXT", "number": "NUMBER", "date": "DATE"}


def _find(asking: Asking, node_id: str, kind: type[T]) -> T:
    """The id must name a thing of this kind."""
    found = find(asking, node_id)
    if not isinstance(found, kind):
        raise lacks(f"{kind.__name__} node with the global id of '{node_id}'")
    return found


def _unprocessable(message: str) -> Refused:
    return Refused(422, message, "UNPROCESSABLE")


def _repo(asking: Asking, issue: Issue) -> Repository:
    return asking.view.repo(issue)


def _fresh(asking: Asking, issue: Issue) -> Issue:
    found = asking.view.issue(issue.id)
    assert found is not None
    return found


def _body(text: str) -> str:
    if not text.strip():
        raise _unprocessable("Body cannot be blank")
    if len(text) > LONGEST_BODY:
        raise _unprocessable(f"Body is too long (maximum is {LONGEST_BODY} characters)")
    return text


def _labels(asking: Asking, ids: list[str], repo: Repository) -> list[Label]:
    labels = [_find(asking, x, Label) for x in ids]
    for label in labels:
        if label.repo_id != repo.id:
            raise lacks(f"a node with the global id of '{label.node_id}'")
    return labels


def add_labels(asking: Asking, given: Input) -> Payload:
    issue = _find(asking, given["labelableId"], Issue)
    repo = _repo(asking, issue)
    asking.access.require(asking.caller, repo, "triage", "issues")
    labels = _labels(asking, given["labelIds"], repo)
    if len(issue.labels) + len(labels) > MOST_LABELS:
        raise _unprocessable(f"An issue may have at most {MOST_LABELS} labels")
    return {"labelable": asking.acts.label(issue, asking.caller.login, labels)}


def remove_labels(asking: Asking, given: Input) -> Payload:
    issue = _find(asking, given["labelableId"], Issue)
    repo = _repo(asking, issue)
    asking.access.require(asking.caller, repo, "triage", "issues")
    labels = _labels(asking, given["labelIds"], repo)
    return {"labelable": asking.acts.unlabel(issue, asking.caller.login, labels)}


def add_comment(asking: Asking, given: Input) -> Payload:
    issue = _find(asking, given["subjectId"], Issue)
    asking.access.require(asking.caller, _repo(asking, issue), "read", "issues")
    comment = asking.acts.comment(issue, asking.caller.login, _body(given["body"]))
    edge = page([comment], {"first": 1}, "comments")["edges"][0]
    return {"commentEdge": edge, "subject": _fresh(asking, issue)}


def _own_comment(asking: Asking, node_id: str) -> Comment:
    """One's own; others' only with write access."""
    comment = _find(asking, node_id, Comment)
    issue = asking.view.issue(comment.issue_id)
    assert issue is not None
    role = "read" if comment.author == asking.caller.login else "write"
    asking.access.require(asking.caller, _repo(asking, issue), role, "issues")
    return comment


def update_comment(asking: Asking, given: Input) -> Payload:
    comment = _own_comment(asking, given["id"])
    return {"issueComment": asking.acts.edit_comment(comment, asking.caller.login, _body(given["body"]))}


def delete_comment(asking: Asking, given: Input) -> Payload:
    asking.acts.delete_comment(_own_comment(asking, given["id"]), asking.caller.login)
    return {}


def add_reaction(asking: Asking, given: Input) -> Payload:
    found = find(asking, given["subjectId"])
    if not isinstance(found, Issue | Comment):
        raise lacks(f"a node with the global id of '{given['subjectId']}'")
    issue = found if isinstance(found, Issue) else asking.view.issue(found.issue_id)
    assert issue is not None
    asking.access.require(asking.caller, _repo(asking, issue), "read", "issues")
    reaction = asking.acts.react(found, asking.caller.login, given["content"])
    subject = find(asking, given["subjectId"])
    assert isinstance(subject, Issue | Comment)
    return {"reaction": reaction, "reactionGroups": reaction_groups(subject), "subject": subject}


def create_issue(asking: Asking, given: Input) -> Payload:
    repo = _find(asking, given["repositoryId"], Repository)
    asking.access.require(asking.caller, repo, "read", "issues")
    if not given["title"].strip():
        raise _unprocessable("Title can't be blank")
    if len(given.get("body") or "") > LONGEST_BODY:
        raise _unprocessable(f"Body is too long (maximum is {LONGEST_BODY} characters)")
    names = [x.name for x in _labels(asking, given.get("labelIds") or [], repo)]
    people = [_find(asking, x, Account) for x in given.get("assigneeIds") or []]
    issue = asking.acts.open_issue(repo, asking.caller.login, given["title"], given.get("body"), names)
    return {"issue": asking.acts.assign(issue, asking.caller.login, people)}


def _own_issue(asking: Asking, node_id: str) -> Issue:
    issue = _find(asking, node_id, Issue)
    role = "read" if issue.author == asking.caller.login else "triage"
    asking.access.require(asking.caller, _repo(asking, issue), role, "issues")
    return issue


def close_issue(asking: Asking, given: Input) -> Payload:
    issue, reason = _own_issue(asking, given["issueId"]), given.get("stateReason") or "COMPLETED"
    return {"issue": asking.acts.close(issue, asking.caller.login, reason.lower())}


def reopen_issue(asking: Asking, given: Input) -> Payload:
    return {"issue": asking.acts.reopen(_own_issue(asking, given["issueId"]), asking.caller.login)}


# -- boards


def _project(asking: Asking, node_id: str) -> Project:
    project = _find(asking, node_id, Project)
    asking.access.require_project(asking.caller, project)
    return project


def _card(asking: Asking, given: Input) -> Item:
    project = _project(asking, given["projectId"])
    item = _find(asking, given["itemId"], Item)
    if item.project_id != project.id:
        raise lacks(f"a node with the global id of '{given['itemId']}'")
    if item.archived_at is not None:
        raise _unprocessable("The item is archived and cannot be updated")
    return item


def _card_and_field(asking: Asking, given: Input) -> tuple[Item, Field]:
    item, field = _card(asking, given), _find(asking, given["fieldId"], Field)
    if field.project_id != item.project_id:
        raise Refused(422, "The field does not belong to the project", "VALIDATION")
    if field.mirrors is not None or field.data_type not in VALUE_KEYS.values():
        raise _unprocessable(f"The field '{field.name}' can't be updated on a project item")
    return item, field


def add_item(asking: Asking, given: Input) -> Payload:
    project, issue = _project(asking, given["projectId"]), _find(asking, given["contentId"], Issue)
    return {"item": asking.board.add(project, issue, asking.caller.login)}


def set_value(asking: Asking, given: Input) -> Payload:
    """One value at a time, of the kind that the field takes."""
    item, field = _card_and_field(asking, given)
    values = {k: v for k, v in given["value"].items() if v is not None}
    if len(values) != 1:
        raise Refused(422, "Exactly one value must be provided", "VALIDATION")
    (key, holds), = values.items()  # fmt: skip
    if VALUE_KEYS[key] != field.data_type:
        raise Refused(
            422, f"Did not receive a {field.data_type.lower()} value to update a field of that type", "VALIDATION"
        )
    if key == "singleSelectOptionId" and holds not in {o.id for o in field.options}:
        raise Refused(422, "The single select option Id does not belong to the field", "VALIDATION")
    return {"projectV2Item": asking.board.set_value(item, field, holds, asking.caller.login)}


def clear_value(asking: Asking, given: Input) -> Payload:
    item, field = _card_and_field(asking, given)
    return {"projectV2Item": asking.board.set_value(item, field, None, asking.caller.login)}


def update_draft(asking: Asking, given: Input) -> Payload:
    draft = _find(asking, given["draftIssueId"], Draft)
    asking.access.require_project(asking.caller, asking.world.projects[asking.board.item_of(draft).project_id])
    if len(given.get("body") or "") > LONGEST_BODY:
        raise _unprocessable(f"Body is too long (maximum is {LONGEST_BODY} characters)")
    changed = asking.board.edit_draft(draft, asking.caller.login, given.get("title"), given.get("body"))
    return {"draftIssue": changed}


def set_position(asking: Asking, given: Input) -> Payload:
    item = _card(asking, given)
    if not asking.board.takes_order:
        raise _unprocessable("Items can't be reordered while the project is sorted")
    after = _find(asking, given["afterId"], Item) if given.get("afterId") else None
    asking.board.place(item, after, asking.caller.login)
    return {"items": asking.view.items(asking.world.projects[item.project_id])}


def _options(given: Input, known: set[str]) -> list[dict[str, Any]]:
    rows = [dict(x) for x in given.get("singleSelectOptions") or []]
    names = [x["name"].lower() for x in rows]
    if len(set(names)) < len(names) or len(rows) > MOST_OPTIONS:
        raise _unprocessable(f"Options must have different names, and be at most {MOST_OPTIONS}")
    for row in rows:
        if row.get("id") is not None and row["id"] not in known:
            raise _unprocessable(f"Option with id {row['id']} does not exist on the field")
    return rows


def create_field(asking: Asking, given: Input) -> Payload:
    project = _project(asking, given["projectId"])
    if any(f.name.lower() == given["name"].lower() for f in project.fields):
        raise _unprocessable("Name has already been taken")
    rows = _options(given, set())
    if given["dataType"] == "SINGLE_SELECT" and not rows:
        raise _unprocessable("Single select fields must have at least one option")
    return {"projectV2Field": asking.board.add_field(project, given["name"], given["dataType"], rows)}


def update_field(asking: Asking, given: Input) -> Payload:
    """Options sent replace all that are there; an empty list is ignored."""
    field = _find(asking, given["fieldId"], Field)
    asking.access.require_project(asking.caller, asking.world.projects[field.project_id])
    known = [{"id": o.id, "name": o.name, "color": o.color, "description": o.description} for o in field.options]
    rows = _options(given, {o.id for o in field.options}) or known
    return {"projectV2Field": asking.board.set_options(field, rows, given.get("name"))}


WRITES: dict[str, Callable[[Asking, Input], Payload]] = {
    "addComment": add_comment,
    "addLabelsToLabelable": add_labels,
    "addProjectV2ItemById": add_item,
    "addReaction": add_reaction,
    "clearProjectV2ItemFieldValue": clear_value,
    "closeIssue": close_issue,
    "createIssue": create_issue,
    "createProjectV2Field": create_field,
    "deleteIssueComment": delete_comment,
    "removeLabelsFromLabelable": remove_labels,
    "reopenIssue": reopen_issue,
    "updateIssueComment": update_comment,
    "updateProjectV2DraftIssue": update_draft,
    "updateProjectV2Field": update_field,
    "updateProjectV2ItemFieldValue": set_value,
    "updateProjectV2ItemPosition": set_position,
}
