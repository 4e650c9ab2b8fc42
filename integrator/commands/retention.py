"""`prune`: old deliveries and journal lines."""

from datetime import datetime

import click

from integrator.clock import wall_clock
from integrator.commands.printing import say
from integrator.pruning import YOUNGEST, prunable, prune
from integrator.service import open_store
from mapping.policy import duration


def clean_up(older_than: str, dry_run: bool, as_json: bool) -> None:
    """Delete what is old enough, and say how much that was."""
    before = _before(wall_clock(), older_than)
    store = open_store()
    try:
        pruned = prunable(store, before) if dry_run else prune(store, before)
    finally:
        store.close()
    if as_json:
        counts = {"deliveries": pruned.deliveries, "journal": pruned.journal}
        say({"before": before.isoformat(), "dry_run": dry_run, **counts})
        return
    done = "would be deleted" if dry_run else "deleted"
    click.echo(
        f"{pruned.deliveries} deliveries and {pruned.journal} journal lines from before {before:%Y-%m-%d} {done}"
    )


def _before(now: datetime, text: str) -> datetime:
    try:
        age = duration(text)
        before = now - age
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r} is no age; write for example 90d", param_hint="--older-than") from None
    if age < YOUNGEST:
        says = f"a tracker may send again what is {YOUNGEST.days} days old, and it must be known then; keep that much"
        raise click.BadParameter(says, param_hint="--older-than")
    return before
