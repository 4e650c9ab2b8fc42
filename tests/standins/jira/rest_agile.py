"""Boards: their columns, their issues, and the order of issues."""

from tests.standins.jira.jql import parse
from tests.standins.jira.rest_search import found
from tests.standins.jira.routing import Answer, Call, Refused, keys, route
from tests.standins.jira.site import EXPANDABLE, Site
from tests.standins.jira.state import Board
from tests.standins.jira.wire import Json
from tests.standins.jira.world import RANK_FIELD

AGILE = "/rest/agile/1.0"
ISSUES_QUERY = "startAt maxResults jql validateQuery fields expand"


@route("GET", f"{AGILE}/board", query="startAt maxResults type name projectKeyOrId")
def boards(site: Site, call: Call) -> Answer:
    project, name = call.one("projectKeyOrId"), call.one("name")
    shown = [b for b in site.world.boards.values() if project in (None, *b.projects) and (name or "") in b.name]
    page = site.page(call, "page", [_head(site, board) for board in shown if call.one("type") in (None, board.kind)])
    return Answer(200, page)


@route("GET", f"{AGILE}/board/{{board}}")
def board(site: Site, call: Call) -> Answer:
    return Answer(200, _head(site, _board(site, call)))


@route("GET", f"{AGILE}/board/{{board}}/configuration")
def configuration(site: Site, call: Call) -> Answer:
    board = _board(site, call)
    columns = []
    for column in board.columns:
        statuses = [{"id": i, "self": f"{site.url}/rest/api/2/status/{i}"} for i in column.statuses]
        limits = {name: limit for name, limit in (("min", column.min), ("max", column.max)) if limit}
        columns.append({"name": column.name, "statuses": statuses} | limits)
    head = _head(site, board)
    project = site.world.projects[board.projects[0]]
    location: Json = {"type": "project", "key": project.key, "id": project.id, "name": project.name}
    location["self"] = f"{site.url}/rest/api/2/project/{project.id}"
    return Answer(
        200,
        head
        | {
            "self": f"{head['self']}/configuration",
            "location": location,
            "filter": {"id": board.filter, "self": f"{site.url}/rest/api/2/filter/{board.filter}"},
            "columnConfig": {"columns": columns, "constraintType": board.constraint},
        }
        | ({"subQuery": {"query": board.sub_query}} if board.sub_query else {})
        | ({"ranking": {"rankCustomFieldId": int(RANK_FIELD.removeprefix("customfield_"))}} if board.ranked else {}),
    )


@route("GET", f"{AGILE}/board/{{board}}/issue", query=ISSUES_QUERY)
def board_issues(site: Site, call: Call) -> Answer:
    return _issues(site, call, frozenset(site.world.statuses))


@route("GET", f"{AGILE}/board/{{board}}/backlog", query=ISSUES_QUERY)
def backlog_issues(site: Site, call: Call) -> Answer:
    """What is in the statuses of a leading column called Backlog."""
    first = _board(site, call).columns[0]
    return _issues(site, call, frozenset(first.statuses if first.name == "Backlog" else ()))


def _issues(site: Site, call: Call, statuses: frozenset[str]) -> Answer:
    board, expand = _board(site, call), call.expand(*EXPANDABLE)
    records = found(site, call, f"filter = {board.filter} ORDER BY rank")
    query = parse(call.one("jql") or "", site.world, call.by.name)
    records = [record for record in query.run(records) if record.status in statuses]
    shown = [site.show(call, r, call.many("fields"), expand, [], "search", "*navigable") for r in records]
    page = site.page(call, "board", shown, key="issues")
    page.pop("isLast")
    return Answer(200, {"expand": "schema,names"} | page)


@route("PUT", f"{AGILE}/issue/rank", body=True)
def rank(site: Site, call: Call) -> Answer:
    """Put issues right before or after another; each moved one gets a history entry.

    Where some may not be moved and others may, the answer names what became of each.
    """
    body = keys(call.body, "issues", "rankBeforeIssue", "rankAfterIssue", "rankCustomFieldId")
    names = body.get("issues", [])
    if ("rankBeforeIssue" in body) == ("rankAfterIssue" in body) or not 0 < len(names) <= 50:
        raise Refused(400, "Name 1 to 50 issues, and either rankBeforeIssue or rankAfterIssue.")
    pivot = site.asked(call, body.get("rankBeforeIssue") or body["rankAfterIssue"])
    moving = [site.asked(call, name) for name in names]
    others = sorted(r.rank for r in site.world.records() if r.id not in {m.id for m in moving})
    if "rankBeforeIssue" in body:
        low, high = max([r for r in others if r < pivot.rank], default=pivot.rank - 1), pivot.rank
    else:
        low, high = pivot.rank, min([r for r in others if r > pivot.rank], default=pivot.rank + 1)
    entries: list[Json] = []
    for number, record in enumerate(moving, 1):
        may = call.by.may("SCHEDULE_ISSUES", record.project)
        errors = [] if may else ["You do not have permission to rank this issue."]
        entries.append({"issueId": record.id, "status": 200 if may else 403, "errors": errors})
        if may:
            site.acts.change(record, call.by.name, rank=low + (high - low) * number / (len(moving) + 1))
    if all(entry["errors"] for entry in entries):
        raise Refused(403, *entries[0]["errors"])
    return Answer(204) if not any(entry["errors"] for entry in entries) else Answer(207, {"entries": entries})


def _board(site: Site, call: Call) -> Board:
    board = site.world.boards.get(int(call.args["board"])) if call.args["board"].isdigit() else None
    if board is None or not any(call.by.may("BROWSE_PROJECTS", project) for project in board.projects):
        raise Refused(
            404, "The requested board cannot be viewed because it either does not exist or you do not have permission."
        )
    return board


def _head(site: Site, board: Board) -> Json:
    return {"id": board.id, "self": f"{site.url}{AGILE}/board/{board.id}", "name": board.name, "type": board.kind}
