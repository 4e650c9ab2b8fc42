"""What a resolver is given, and GitHub's way of refusing and of paging."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphql import GraphQLError

from tests.standins.github.access import Access, Caller
from tests.standins.github.acts import Acts
from tests.standins.github.board import Board
from tests.standins.github.records import FieldValue
from tests.standins.github.shapes import Json
from tests.standins.github.world import View, World


@dataclass
class Asking:
    """One request's context: who asks, and the view that is read (a mutation's is always the newest).

    `broken`: the paths of fields at which GitHub fails, `after` it did what was asked there or before.
    """

    world: World
    view: View
    caller: Caller
    access: Access
    acts: Acts
    board: Board
    quota: Mapping[str, Any]
    cost: int = 1
    nodes: int = 0
    broken: frozenset[tuple[str | int, ...]] = frozenset()
    after: bool = False


def read_time(value: Any) -> datetime:
    """A time as clients write it."""
    return datetime.fromisoformat(str(value).replace("Z", "+00:00"))


def refuse(kind: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


def page(rows: Sequence[Any], args: Mapping[str, Any], name: str) -> Json:
    """Relay's paging, with GitHub's own rules: `first` or `last` must be given and be 1 to 100."""
    sizes = [(way, args[way]) for way in ("first", "last") if args.get(way) is not None]
    if not sizes:
        words = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        raise refuse("MISSING_PAGINATION_BOUNDARIES", words)
    way, size = sizes[0]
    if not 0 <= size <= 100:
        words = f"Requesting {size} records on the `{name}` connection exceeds the `{way}` limit of 100 records."
        raise refuse("EXCESSIVE_PAGINATION", words)
    keys = [_cursor(x) for x in rows]
    start = _place(keys, args.get("after"), -1) + 1
    stop = _place(keys, args.get("before"), len(rows))
    low, high = (start, min(stop, start + size)) if way == "first" else (max(start, stop - size), stop)
    shown, cursors = list(rows[low:high]), keys[low:high]
    return {
        "nodes": shown,
        "edges": [{"cursor": c, "node": x} for c, x in zip(cursors, shown, strict=True)],
        "totalCount": len(rows),
        "pageInfo": {
            "hasNextPage": high < len(rows),
            "hasPreviousPage": low > 0,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def _cursor(row: Any) -> str:
    name = row.item.node_id + row.field.node_id if isinstance(row, FieldValue) else row.node_id
    return base64.b64encode(f"cursor:v2:{name}".encode()).decode()


def _place(keys: Sequence[str], cursor: str | None, otherwise: int) -> int:
    if cursor is None:
        return otherwise
    if cursor not in keys:
        raise refuse("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.")
    return list(keys).index(cursor)
