"""The page on which people set up a board's columns has an API of its own. It is not documented, and misbehaves."""

from dataclasses import replace
from typing import Any

from tests.standins.jira.routing import Answer, Call, Refused, keys, route
from tests.standins.jira.site import Site
from tests.standins.jira.state import Board, BoardColumn, Constraint
from tests.standins.jira.wire import Json

CONFIG = "/rest/greenhopper/1.0/rapidviewconfig"
COLUMN_KEYS = ("id", "name", "mappedStatuses", "min", "max", "isKanPlanColumn")
COUNTED: dict[str, Constraint] = {
    "none_": "none",
    "issueCount_": "issueCount",
    "issueCountExclSubs_": "issueCountExclSubs",
}


@route("GET", f"{CONFIG}/editmodel.json", query="rapidViewId")
def edit_model(site: Site, call: Call) -> Answer:
    board = _board(site, call.one("rapidViewId"))
    return Answer(200, {"id": board.id, "canEdit": _may_edit(call, board), "rapidListConfig": _lists(site, board)})


@route("PUT", f"{CONFIG}/columns", body=True)
def set_columns(site: Site, call: Call) -> Answer:
    """The whole list is replaced: what it leaves out is gone, limits too. Sometimes nothing happens at all."""
    body = keys(call.body, "rapidViewId", "currentStatisticsField", "mappedColumns")
    board = _board(site, str(body.get("rapidViewId")))
    if not _may_edit(call, board):
        raise Refused(403, "You do not have permission to edit this board.")
    if board.kind == "simple":
        raise Refused(500, "Internal server error")
    counted = keys(body.get("currentStatisticsField") or {"id": "none_"}, "id", where="currentStatisticsField")["id"]
    columns = [_column(site, entry, number) for number, entry in enumerate(body["mappedColumns"])]
    if site.lost_columns > 0:
        site.lost_columns -= 1
    else:
        kept = tuple(column for column in columns if column.name != site.swallowed_column)
        site.world.boards[board.id] = replace(board, columns=kept, constraint=COUNTED[counted])
    said = _lists(site, site.world.boards[board.id])
    site.after_columns()
    return Answer(200, said)


def _column(site: Site, entry: Any, number: int) -> BoardColumn:
    keys(entry, *COLUMN_KEYS, where=f"mappedColumns[{number}]")
    statuses = tuple(keys(status, "id", where="mappedStatuses[]")["id"] for status in entry["mappedStatuses"])
    if strange := [status for status in statuses if status not in site.world.statuses]:
        raise Refused(400, f"The status {strange[0]} does not exist.")
    least, most = (int(entry[name]) if entry.get(name) else None for name in ("min", "max"))
    plan = bool(entry.get("isKanPlanColumn"))
    return BoardColumn(entry["name"], statuses, most, least, int(entry.get("id") or site.world.next_id()), plan)


def _lists(site: Site, board: Board) -> Json:
    columns = []
    for column in board.columns:
        statuses = [{"id": i, "name": site.world.statuses[i].name} for i in column.statuses]
        said: Json = {"id": column.id, "name": column.name, "mappedStatuses": statuses}
        said |= {"isKanPlanColumn": column.is_plan}
        columns.append(said | {n: v for n, v in (("min", column.min), ("max", column.max)) if v is not None})
    counted = next(name for name, meaning in COUNTED.items() if meaning == board.constraint)
    return {"mappedColumns": columns, "currentStatisticsField": {"id": counted, "typeId": board.constraint}}


def _may_edit(call: Call, board: Board) -> bool:
    return any(call.by.may("ADMINISTER_PROJECTS", project) for project in board.projects)


def _board(site: Site, number: str | None) -> Board:
    board = site.world.boards.get(int(number)) if number and number.isdigit() else None
    if board is None:
        raise Refused(404, "The requested board cannot be viewed.")
    return board
