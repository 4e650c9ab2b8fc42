"""`agenda`: what is due, what was given up on, and putting it back."""

from collections.abc import Sequence

import click

from integrator.agenda import Agenda
from integrator.commands.printing import say, table
from integrator.lanes import Lane
from integrator.service import me, open_store
from integrator.subjects import subject_of


def rows(parked: bool, as_json: bool) -> None:
    """Print the agenda, or what is parked."""
    store = open_store()
    found = Agenda(store, me()).rows(parked)
    store.close()
    if as_json:
        say([{**row, "lane": Lane(row["lane"]).name.lower()} for row in found])
    elif not found:
        click.echo("nothing is parked" if parked else "nothing is due")
    else:
        when = "parked_at" if parked else "look_at"
        table(
            ["issue", "lane", "parked" if parked else "due", "attempts", "last error"],
            [
                [
                    row["subject"],
                    Lane(row["lane"]).name.lower(),
                    str(row[when] or row["timer_at"])[:19],
                    str(row["attempts"]),
                    row["last_error"] or "",
                ]
                for row in found
            ],
        )


def replay(names: Sequence[str], as_json: bool) -> None:
    """Put parked issues back."""
    try:
        refs = [subject_of(name) for name in names] or None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    store = open_store()
    count = Agenda(store, me()).replay(refs)
    store.close()
    if as_json:
        say({"replayed": count})
    else:
        click.echo(f"{count} put back on the agenda" if count else "nothing was parked")
