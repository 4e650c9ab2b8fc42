"""The little JQL that the stand-in understands: clauses joined by AND, OR and brackets, and ORDER BY."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.standins.jira.routing import Refused, Unknown
from tests.standins.jira.state import Record
from tests.standins.jira.world import World

_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_CLAUSE = re.compile(
    rf"\s*(?P<field>\w+)\s*(?P<op>not\s+in|in|!=|>=|<=|=|>|<)\s*(?P<value>\((?:{_QUOTED}|[^()\"'])*\)|{_QUOTED}|[\w.:-]+)",
    re.I,
)
_VALUE = re.compile(rf"({_QUOTED})|([^\s,()]+)")
_WORD = re.compile(r"\s*(and|or)\b|\s*([()])", re.I)
_CATEGORY = {"to do": "new", "new": "new", "in progress": "indeterminate", "done": "done"}

Test = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Search:
    """A query understood: which issues, in which order."""

    test: Test
    order: tuple[tuple[Callable[[Record], Any], bool], ...]

    def run(self, records: list[Record]) -> list[Record]:
        found = [record for record in records if self.test(record)]
        for key, down in reversed(self.order):
            found.sort(key=key, reverse=down)
        return found


def parse(text: str, world: World, by: str = "") -> Search:
    """Read a query of somebody's. Refused(400): Jira would refuse it too; Unknown: valid perhaps, but nothing we know.

    Which filters there are depends on who asks.
    """
    where, _, order = _split_order(text)
    reader = _Reader(where, world, by)
    test = reader.whole() if where.strip() else lambda _: True
    return Search(test, tuple(_sorts(order)))


class _Reader:
    """Reads a query from left to right: OR binds least, then AND, then brackets."""

    def __init__(self, text: str, world: World, by: str) -> None:
        self._text = text
        self._world = world
        self._by = by
        self._at = 0

    def whole(self) -> Test:
        test = self._joined("or", lambda: self._joined("and", self._term, all), any)
        if self._text[self._at :].strip():
            raise Unknown(f"JQL {self._text[self._at :]!r}")
        return test

    def _joined(self, word: str, part: Callable[[], Test], how: Callable[[Iterable[bool]], bool]) -> Test:
        tests = [part()]
        while self._next(word):
            tests.append(part())
        return tests[0] if len(tests) == 1 else lambda record: how(test(record) for test in tests)

    def _term(self) -> Test:
        if self._next("("):
            test = self._joined("or", lambda: self._joined("and", self._term, all), any)
            if not self._next(")"):
                raise Refused(400, "Error in the JQL Query: a bracket is not closed.")
            return test
        match = _CLAUSE.match(self._text, self._at)
        if match is None:
            raise Unknown(f"JQL clause {self._text[self._at :]!r}")
        self._at = match.end()
        return _test(match, self._world, self._by)

    def _next(self, word: str) -> bool:
        match = _WORD.match(self._text, self._at)
        if match is None or (match[1] or match[2]).lower() != word:
            return False
        self._at = match.end()
        return True


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


def _test(match: re.Match[str], world: World, by: str) -> Test:
    field, op = match["field"].lower(), re.sub(r"\s+", " ", match["op"].lower())
    text = match["value"][1:-1] if "in" in op else match["value"]
    values = [re.sub(r"\\(.)", r"\1", quoted[1:-1]) if quoted else bare for quoted, bare in _VALUE.findall(text)]
    if field in ("updated", "created"):
        return _time_test(field, op, values[0], world)
    negated = op in ("!=", "not in")
    if op not in ("=", "!=", "in", "not in"):
        raise Unknown(f"JQL operator {op} on {field}")
    member = _filtered(values, world, by) if field == "filter" else _membership(field, values, world)
    return lambda record: member(record) != negated


def _filtered(values: list[str], world: World, by: str) -> Test:
    """A filter that somebody may not use is as good as none."""
    boards = [board for board in world.boards.values() if board.shared_with is None or by in board.shared_with]
    known = {board.filter: board.query or f"project in ({', '.join(board.projects)})" for board in boards}
    tests = [parse(known[_must_exist("filter", value, list(known))], world, by).test for value in values]
    return lambda record: any(test(record) for test in tests)


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
        case "issuetype" | "type":
            return lambda r: dict(world.projects[r.project].issue_types)[r.type] in values
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
