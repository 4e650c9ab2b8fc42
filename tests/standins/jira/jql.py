"""The little JQL that the stand-in understands: clauses joined by AND, and ORDER BY."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.standins.jira.routing import Refused, Unknown
from tests.standins.jira.state import Record
from tests.standins.jira.world import World

_CLAUSE = re.compile(
    r"(?P<field>\w+)\s*(?P<op>not\s+in|in|!=|>=|<=|=|>|<)\s*(?P<value>\((?:[^()]*)\)|\"[^\"]*\"|'[^']*'|[\w.:-]+)", re.I
)
_VALUE = re.compile(r"\"([^\"]*)\"|'([^']*)'|([^\s,()]+)")
_CATEGORY = {"to do": "new", "new": "new", "in progress": "indeterminate", "done": "done"}

Test = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Search:
    """A query understood: which issues, in which order."""

    tests: tuple[Test, ...]
    order: tuple[tuple[Callable[[Record], Any], bool], ...]

    def run(self, records: list[Record]) -> list[Record]:
        found = [record for record in records if all(test(record) for test in self.tests)]
        for key, down in reversed(self.order):
            found.sort(key=key, reverse=down)
        return found


def parse(text: str, world: World) -> Search:
    """Read a query. Refused(400): Jira would refuse it too; Unknown: valid perhaps, but nothing we know."""
    where, _, order = _split_order(text)
    tests = [_test(clause, world) for clause in re.split(r"\s+and\s+", where.strip(), flags=re.I) if clause.strip()]
    return Search(tuple(tests), tuple(_sorts(order)))


def _split_order(text: str) -> tuple[str, str, str]:
    parts = re.split(r"\border\s+by\b", text, maxsplit=1, flags=re.I)
    return parts[0], "order by", parts[1] if len(parts) > 1 else ""


def _sorts(text: str) -> list[tuple[Callable[[Record], Any], bool]]:
    keys: dict[str, Callable[[Record], Any]] = {
        "created": lambda r: r.created,
        "updated": lambda r: r.updated,
        "key": lambda r: (r.project, int(r.key.rpartition("-")[2])),
        "id": lambda r: r.id,
        "rank": lambda r: r.rank,
    }
    sorts = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, direction = part.lower().partition(" ")
        name = "key" if name == "issuekey" else name
        if name not in keys or direction.strip() not in ("", "asc", "desc"):
            raise Unknown(f"JQL order {part!r}")
        sorts.append((keys[name], direction.strip() == "desc"))
    return sorts


def _test(clause: str, world: World) -> Test:
    match = _CLAUSE.fullmatch(clause.strip())
    if match is None:
        raise Unknown(f"JQL clause {clause!r}")
    field, op = match["field"].lower(), re.sub(r"\s+", " ", match["op"].lower())
    values = [a or b or c for a, b, c in _VALUE.findall(match["value"].strip("()") if "in" in op else match["value"])]
    if field in ("updated", "created"):
        return _time_test(field, op, values[0], world)
    negated = op in ("!=", "not in")
    if op not in ("=", "!=", "in", "not in"):
        raise Unknown(f"JQL operator {op} on {field}")
    member = _membership(field, values, world)
    return lambda record: member(record) != negated


def _membership(field: str, values: list[str], world: World) -> Test:
    match field:
        case "project":
            wanted = {
                _must_exist("project", v, [k for p in world.projects.values() for k in (p.key, p.id)]) for v in values
            }
            return lambda r: r.project in wanted or world.projects[r.project].id in wanted
        case "statuscategory":
            categories = {_CATEGORY.get(v.lower()) for v in values}
            if None in categories:
                raise Unknown(f"JQL statusCategory {values}")
            return lambda r: world.statuses[r.status].category in categories
        case "status":
            known = [x for s in world.statuses.values() for x in (s.id, s.name)]
            names = {_must_exist("status", v, known) for v in values}
            return lambda r: r.status in names or world.statuses[r.status].name in names
        case "key" | "issuekey" | "issue" | "id":
            ids = {_issue_id(value, world) for value in values}
            return lambda r: r.id in ids
        case "labels":
            return lambda r: bool(set(values) & set(r.labels))
    raise Unknown(f"JQL field {field!r}")


def _must_exist(field: str, value: str, known: list[str]) -> str:
    for name in known:
        if name.lower() == value.lower():
            return name
    raise Refused(400, f"The value '{value}' does not exist for the field '{field}'.")


def _issue_id(value: str, world: World) -> int:
    record = world.find(value)
    if record is None:
        raise Refused(400, f"An issue with key '{value}' does not exist for field 'key'.")
    return record.id


def _time_test(field: str, op: str, text: str, world: World) -> Test:
    """Dates are to the minute and in the asking account's time zone, which here is the site's."""
    for form in ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d"):
        try:
            moment = datetime.strptime(text, form).replace(tzinfo=world.zone)
        except ValueError:
            continue
        compare = {">=": datetime.__ge__, "<=": datetime.__le__, ">": datetime.__gt__, "<": datetime.__lt__}
        if op not in compare:
            raise Unknown(f"JQL operator {op} on {field}")
        return lambda record: bool(compare[op](getattr(record, field), moment))
    raise Refused(400, f"Date value '{text}' for field '{field}' is invalid.")
