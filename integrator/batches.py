"""Many rows for one statement, handed over as one parameter.

A driver that is handed rows one by one lets go of the interpreter for each of them, and while a server thread is busy
it has to wait for it each time. So the rows are JSON, and the database takes them apart.
"""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from integrator.store import Store


def handed_over(store: Store, columns: Sequence[sa.Column[Any]]) -> sa.Select[Any]:
    """A SELECT of the rows in the parameter `rows`, which are lists with a value for each of these columns."""
    given = sa.bindparam("rows", type_=sa.Text)
    if store.is_sqlite:
        rows = sa.func.json_each(given).table_valued("value")
    else:
        rows = sa.func.json_array_elements(sa.cast(given, postgresql.JSON)).table_valued("value")
    values = (
        sa.cast(rows.c.value.op("->>")(sa.literal_column(str(position))), column.type).label(column.name)
        for position, column in enumerate(columns)
    )
    return sa.select(*values).where(sa.true())


def as_json(rows: Sequence[Sequence[object]]) -> str:
    """Rows as `rows` takes them. Text that no database takes stays what it is, and is refused there."""
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
