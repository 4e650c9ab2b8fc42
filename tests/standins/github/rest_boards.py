"""REST: the items of a board, and the fields that an organisation has on its issues."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.standins.github.access import Refused
from tests.standins.github.faults import Answer
from tests.standins.github.records import Issue, IssueField, Item
from tests.standins.github.rest import Call, Unexpected, invalid, ok, paged, route
from tests.standins.github.world import View

FILTER = re.compile(r'(-?)([\w-]+):((?:"[^"]*"|[^\s",]+)(?:,(?:"[^"]*"|[^\s",]+))*)')
MOST_VALUES = 25


# -- items of a board


def list_org_items(call: Call, org: str, project_number: str) -> Answer:
    return _list_items(call, org, project_number, "Organization")


def list_user_items(call: Call, username: str, project_number: str) -> Answer:
    return _list_items(call, username, project_number, "User")


def _list_items(call: Call, owner: str, project_number: str, kind: str) -> Answer:
    """Cursor pages through the Link header. Only the title comes without `fields`. What it finds may be a while old."""
    project = call.world.project_of(owner, int(project_number)) if call.lists_items else None
    is_there = project is not None and call.world.account(project.owner).kind == kind
    if project is None or not is_there or not call.access.sees_project(call.caller, project):
        raise Refused(404, "Not Found")
    filters = _filters(call.query.get("q", ""))
    view = call.searched
    rows = [x for x in view.items(project) if x.archived_at is None and _wanted(call, view, x, filters)]
    size, ids = min(int(call.query.get("per_page", 30)), 100), [str(x.id) for x in rows]
    start = ids.index(call.query["after"]) + 1 if "after" in call.query else 0
    shown = rows[start : start + size]
    more = start + size < len(rows)
    link = f'<{call.api}{call.path}?per_page={size}&after={shown[-1].id}>; rel="next"' if more else ""
    fields = {int(x) for x in call.query.get("fields", "").split(",") if x}
    body = [call.shapes.item_with_content(x, project, fields, _is_seen(call, view, x)) for x in shown]
    return ok(body, headers={"Link": link} if link else {})


def _is_seen(call: Call, view: View, item: Item) -> bool:
    issue = view.issue(item.issue_id)
    return bool(item.draft_id) or (issue is not None and call.access.sees(call.caller, view.repo(issue)))


@dataclass(frozen=True)
class _Filter:
    name: str
    values: frozenset[str]
    negated: bool


def _filters(query: str) -> list[_Filter]:
    """The few that are known here: `status:`, `label:`, `is:`, each also with a minus sign."""
    if rest := FILTER.sub("", query).strip():
        raise Unexpected(f"board filter {rest!r} is not known")
    filters = []
    for minus, name, text in FILTER.findall(query):
        if name not in {"status", "label", "is"}:
            raise Unexpected(f"board filter {name!r} is not known")
        values = frozenset(x.strip('"').lower() for x in re.findall(r'"[^"]*"|[^",]+', text))
        filters.append(_Filter(name, values, bool(minus)))
    return filters


def _wanted(call: Call, view: View, item: Item, filters: list[_Filter]) -> bool:
    return all(each.values.isdisjoint(_held(call, view, item, each.name)) is each.negated for each in filters)


def _held(call: Call, view: View, item: Item, name: str) -> set[str]:
    """What an item has of what a filter asks for, in lower case."""
    issue = view.issue(item.issue_id)
    if name == "status":
        return {(call.board.column(item) or "").lower()}
    if issue is None:
        return set()
    if name == "label":
        return {x.name.lower() for x in view.labels(issue)}
    return {"pr" if issue.pull else "issue", "closed" if issue.closed_at else "open"}


# -- fields of issues


def list_issue_fields(call: Call, org: str) -> Answer:
    account = call.view.account(org)
    if not call.caller or account is None or account.kind != "Organization":
        raise Refused(404, "Not Found")
    return ok([call.shapes.issue_field(x) for x in _fields_of(call, org)])


def _fields_of(call: Call, org: str) -> list[IssueField]:
    return [x for x in call.world.issue_fields.values() if x.org.lower() == org.lower()]


def list_values(call: Call, owner: str, repo: str, number: str) -> Answer:
    issue = call.issue(call.repository(owner, repo), number)
    return paged(call, list(issue.fields.items()), lambda row: _value(call, *row))


def _value(call: Call, number: int, holds: Any) -> dict[str, Any]:
    return call.shapes.issue_field_value(call.world.issue_fields[number], holds)


def add_values(call: Call, owner: str, repo: str, number: str) -> Answer:
    """The values given are set, the others stay; but an empty list clears all of them."""
    issue = _writable(call, owner, repo, number)
    given = {x["field_id"]: x["value"] for x in call.body["issue_field_values"]}
    return _set(call, issue, given or dict.fromkeys(issue.fields))


def replace_values(call: Call, owner: str, repo: str, number: str) -> Answer:
    """What is not given is cleared."""
    issue = _writable(call, owner, repo, number)
    given = {x["field_id"]: x["value"] for x in call.body["issue_field_values"]}
    return _set(call, issue, dict.fromkeys(issue.fields) | given)


def _writable(call: Call, owner: str, repo: str, number: str) -> Issue:
    found = call.repository(owner, repo)
    call.require(found, "triage")
    return call.issue(found, number)


def _set(call: Call, issue: Issue, values: Mapping[int, Any]) -> Answer:
    known = {x.id: x for x in _fields_of(call, call.view.repo(issue).owner)}
    for number, holds in values.items():
        field = known.get(number)
        if field is None or (holds is not None and field.options and holds not in field.options):
            return invalid("IssueFieldValue", "value", "invalid", f"Invalid value for field {number}")
    if len(values) > MOST_VALUES:
        return invalid("IssueFieldValue", "issue_field_values", "too_many")
    issue = call.acts.set_issue_fields(issue, call.by, values)
    return ok([_value(call, number, holds) for number, holds in issue.fields.items()])


def delete_value(call: Call, owner: str, repo: str, number: str, field_id: str) -> Answer:
    issue = _writable(call, owner, repo, number)
    if int(field_id) not in issue.fields:
        raise Refused(404, "Not Found")
    call.acts.set_issue_fields(issue, call.by, {int(field_id): None})
    return ok(None, 204)


ITEMS = "q fields per_page after"
VALUES = "/repos/{owner}/{repo}/issues/{number}/issue-field-values"
ROUTES = (
    route("GET", "/orgs/{org}/projectsV2/{project_number}/items", list_org_items, ITEMS),
    route("GET", "/users/{username}/projectsV2/{project_number}/items", list_user_items, ITEMS),
    route("GET", "/orgs/{org}/issue-fields", list_issue_fields),
    route("GET", VALUES, list_values, "per_page page"),
    route("POST", VALUES, add_values, body="issue_field_values"),
    route("PUT", VALUES, replace_values, body="issue_field_values"),
    route("DELETE", f"{VALUES}/{{field_id}}", delete_value),
)
