"""REST: issues, their comments and labels, and the labels of a repository."""

import re
from typing import Any

from tests.standins.github.access import Refused
from tests.standins.github.faults import Answer
from tests.standins.github.graph_base import read_time
from tests.standins.github.records import Issue, Repository
from tests.standins.github.rest import Call, invalid, ok, paged, route
from tests.standins.github.shapes import Shapes
from tests.standins.github.world import View

ISSUE = "/repos/{owner}/{repo}/issues/{number}"


def list_issues(call: Call, owner: str, repo: str) -> Answer:
    """Pull requests too: REST takes them for issues."""
    query, found = call.query, call.repository(owner, repo)
    rows = call.view.issues(found)
    if (state := query.get("state", "open")) != "all":
        rows = [x for x in rows if (x.closed_at is not None) == (state == "closed")]
    if since := query.get("since"):
        rows = [x for x in rows if x.updated_at >= read_time(since)]
    for name in filter(None, query.get("labels", "").split(",")):
        rows = [x for x in rows if any(label.name.lower() == name.lower() for label in call.view.labels(x))]
    key = {"created": "created_at", "updated": "updated_at"}[query.get("sort", "created")]
    rows.sort(key=lambda x: (getattr(x, key), x.number), reverse=query.get("direction", "desc") == "desc")
    return paged(call, rows, call.shapes.issue)


def get_issue(call: Call, owner: str, repo: str, number: str) -> Answer:
    return _issue_or_way(call, call.repository(owner, repo), number)


def get_issue_by_id(call: Call, repo_id: str, number: str) -> Answer:
    """Where GitHub sends those who ask for an issue by the number that it had before a transfer."""
    repo = call.world.repository_by_id(int(repo_id))
    return _issue_or_way(call, call.repository(repo.owner, repo.name), number)


def _issue_or_way(call: Call, repo: Repository, number: str) -> Answer:
    if (went := call.view.moved(repo, int(number))) is None:
        return ok(call.shapes.issue(call.issue(repo, number)))
    url = f"{call.api}/repositories/{went.repo_id}/issues/{went.number}"
    return ok({"message": "Moved Permanently", "url": url, "documentation_url": ""}, 301, {"Location": url})


def create_issue(call: Call, owner: str, repo: str) -> Answer:
    """Labels and assignees of somebody without push access are dropped without a word."""
    found, given = call.repository(owner, repo), call.body
    call.require(found, "read")
    if not given.get("title"):
        return invalid("Issue", "title", "missing_field")
    trusted = _trusted(call, found)
    names = given.get("labels", []) if trusted else []
    issue = call.acts.open_issue(found, call.by, given["title"], given.get("body"), names)
    people = [call.world.account(x) for x in given.get("assignees", [])] if trusted else []
    return ok(_now(call).issue(call.acts.assign(issue, call.by, people)), 201)


def edit_issue(call: Call, owner: str, repo: str, number: str) -> Answer:
    """What is not named stays; a list of labels or assignees replaces what is there."""
    found, given = call.repository(owner, repo), call.body
    issue = call.issue(found, number)
    call.require(found, "read" if issue.author == call.by else "triage")
    issue = call.acts.edit_issue(issue, call.by, title=given.get("title"), body=given.get("body"))
    if "labels" in given and _trusted(call, found):
        issue = _set_labels(call, found, issue, given["labels"])
    if "assignees" in given and _trusted(call, found):
        people = [call.world.account(x) for x in given["assignees"]]
        gone = [call.world.account(x) for x in issue.assignees if x not in given["assignees"]]
        issue = call.acts.assign(call.acts.unassign(issue, call.by, gone), call.by, people)
    if given.get("state") == "closed":
        issue = call.acts.close(issue, call.by, given.get("state_reason") or "completed")
    elif given.get("state") == "open":
        issue = call.acts.reopen(issue, call.by)
    return ok(_now(call).issue(issue))


def _trusted(call: Call, repo: Repository) -> bool:
    try:
        call.require(repo, "triage")
    except Refused:
        return False
    return True


def _now(call: Call) -> Shapes:
    """The answer to a write shows what was written, however far reads lag behind."""
    return Shapes(View(call.world), call.api)


def _set_labels(call: Call, repo: Repository, issue: Issue, names: list[str]) -> Issue:
    wanted = [call.acts.label_for(repo, name) for name in names]
    gone = [x for x in call.view.labels(issue) if x not in wanted]
    return call.acts.label(call.acts.unlabel(issue, call.by, gone), call.by, wanted)


# -- comments


def list_comments(call: Call, owner: str, repo: str, number: str) -> Answer:
    issue = call.issue(call.repository(owner, repo), number)
    rows = call.view.comments(issue)
    if since := call.query.get("since"):
        rows = [x for x in rows if x.updated_at >= read_time(since)]
    return paged(call, rows, lambda x: call.shapes.comment(x, issue))


def create_comment(call: Call, owner: str, repo: str, number: str) -> Answer:
    found = call.repository(owner, repo)
    issue = call.issue(found, number)
    call.require(found, "read")
    if not call.body.get("body"):
        return invalid("IssueComment", "body", "missing_field")
    comment = call.acts.comment(issue, call.by, call.body["body"])
    return ok(_now(call).comment(comment, issue), 201)


def get_comment(call: Call, owner: str, repo: str, comment_id: str) -> Answer:
    comment, issue = call.comment(call.repository(owner, repo), comment_id)
    return ok(call.shapes.comment(comment, issue))


def edit_comment(call: Call, owner: str, repo: str, comment_id: str) -> Answer:
    found = call.repository(owner, repo)
    comment, issue = call.comment(found, comment_id)
    call.require(found, "read" if comment.author == call.by else "write")
    changed = call.acts.edit_comment(comment, call.by, call.body["body"])
    return ok(_now(call).comment(changed, issue))


def delete_comment(call: Call, owner: str, repo: str, comment_id: str) -> Answer:
    found = call.repository(owner, repo)
    comment, _ = call.comment(found, comment_id)
    call.require(found, "read" if comment.author == call.by else "write")
    call.acts.delete_comment(comment, call.by)
    return ok(None, 204)


# -- an issue's labels


def list_issue_labels(call: Call, owner: str, repo: str, number: str) -> Answer:
    issue = call.issue(call.repository(owner, repo), number)
    return paged(call, call.view.labels(issue), call.shapes.label)


def add_issue_labels(call: Call, owner: str, repo: str, number: str) -> Answer:
    """A name that the repository lacks makes a label."""
    found = call.repository(owner, repo)
    call.require(found, "triage")
    labels = [call.acts.label_for(found, name) for name in _names(call.body)]
    return _labels(call, call.acts.label(call.issue(found, number), call.by, labels))


def set_issue_labels(call: Call, owner: str, repo: str, number: str) -> Answer:
    found = call.repository(owner, repo)
    call.require(found, "triage")
    return _labels(call, _set_labels(call, found, call.issue(found, number), _names(call.body)))


def remove_issue_label(call: Call, owner: str, repo: str, number: str, name: str) -> Answer:
    found = call.repository(owner, repo)
    call.require(found, "triage")
    issue = call.issue(found, number)
    label = call.world.label_named(found, name)
    if label is None or label.id not in issue.labels:
        raise Refused(404, "Label does not exist")
    return _labels(call, call.acts.unlabel(issue, call.by, [label]))


def _names(body: Any) -> list[str]:
    rows = body["labels"] if isinstance(body, dict) else body
    return [x if isinstance(x, str) else x["name"] for x in rows]


def _labels(call: Call, issue: Issue) -> Answer:
    return ok([_now(call).label(x) for x in View(call.world).labels(issue)])


# -- a repository's labels


def list_labels(call: Call, owner: str, repo: str) -> Answer:
    return paged(call, call.world.labels_of(call.repository(owner, repo)), call.shapes.label)


def get_label(call: Call, owner: str, repo: str, name: str) -> Answer:
    return ok(call.shapes.label(call.label(call.repository(owner, repo), name)))


def create_label(call: Call, owner: str, repo: str) -> Answer:
    found, given = call.repository(owner, repo), call.body
    call.require(found, "write")
    fault = _label_fault(given) or _taken(call, found, given["name"], None)
    if fault:
        return fault
    label = call.acts.create_label(found, given["name"], given.get("color", "ededed"), given.get("description"))
    return ok(call.shapes.label(label), 201)


def edit_label(call: Call, owner: str, repo: str, name: str) -> Answer:
    found, given = call.repository(owner, repo), call.body
    call.require(found, "write")
    label = call.label(found, name)
    new_name = given.get("new_name") or label.name
    if fault := _label_fault(given | {"name": new_name}) or _taken(call, found, new_name, label.id):
        return fault
    return ok(call.shapes.label(call.acts.edit_label(label, new_name, given.get("color"), given.get("description"))))


def _label_fault(given: dict[str, Any]) -> Answer | None:
    if not given.get("name"):
        return invalid("Label", "name", "missing_field")
    if not re.fullmatch(r"[0-9a-fA-F]{6}", given.get("color") or "ededed"):
        return invalid("Label", "color", "invalid")
    if len(given.get("description") or "") > 100:
        return invalid("Label", "description", "too_long")
    return None


def _taken(call: Call, repo: Repository, name: str, own: int | None) -> Answer | None:
    """Names differ by more than their case."""
    other = call.world.label_named(repo, name)
    return invalid("Label", "name", "already_exists") if other is not None and other.id != own else None


LIST = "per_page page"
ROUTES = (
    route("GET", "/repos/{owner}/{repo}/issues", list_issues, f"{LIST} state since sort direction labels"),
    route("POST", "/repos/{owner}/{repo}/issues", create_issue, body="title body labels assignees"),
    route("GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}", get_comment),
    route("PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}", edit_comment, body="body"),
    route("DELETE", "/repos/{owner}/{repo}/issues/comments/{comment_id}", delete_comment),
    route("GET", ISSUE, get_issue),
    route("PATCH", ISSUE, edit_issue, body="title body state state_reason labels assignees"),
    route("GET", "/repositories/{repo_id}/issues/{number}", get_issue_by_id),
    route("GET", f"{ISSUE}/comments", list_comments, f"{LIST} since"),
    route("POST", f"{ISSUE}/comments", create_comment, body="body"),
    route("GET", f"{ISSUE}/labels", list_issue_labels, LIST),
    route("POST", f"{ISSUE}/labels", add_issue_labels, body="labels"),
    route("PUT", f"{ISSUE}/labels", set_issue_labels, body="labels"),
    route("DELETE", f"{ISSUE}/labels/{{name}}", remove_issue_label),
    route("GET", "/repos/{owner}/{repo}/labels", list_labels, LIST),
    route("POST", "/repos/{owner}/{repo}/labels", create_label, body="name color description"),
    route("GET", "/repos/{owner}/{repo}/labels/{name}", get_label),
    route("PATCH", "/repos/{owner}/{repo}/labels/{name}", edit_label, body="new_name color description"),
)
