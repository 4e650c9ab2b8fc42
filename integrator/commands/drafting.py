"""`draft`: the message to the customer that is due next, for a person to send."""

from pathlib import Path
from typing import Any

import click

from integrator.clock import wall_clock
from integrator.commands.looking import read_one
from integrator.commands.printing import say
from integrator.config import load
from integrator.errors import Failed
from integrator.texts import Letter, Texts, sent_command
from mapping.case import Case
from mapping.changes import DraftFacts
from mapping.drafts import draft_of


def draft(name: str, config_file: Path, as_json: bool) -> None:
    """Print the message; what it lacks, and what fills that, makes the answer a no."""
    config = load(config_file)
    issue, now = read_one(config, name), wall_clock()
    facts = draft_of(Case.of(issue, config), config, now)
    if facts is None:
        say({"draft": None}) if as_json else click.echo(f"{issue.ref}: no message to the customer is due.")
        return
    message, sent = Texts(config.texts.given).message(facts, "plain", now), sent_command(facts, now)
    if as_json:
        say({"draft": {"issue": str(issue.ref), **_as_json(facts, message, sent)}})
    else:
        _print(facts, message, sent)
    if facts.missing:
        raise Failed


def _as_json(facts: DraftFacts, message: Letter, sent: str) -> dict[str, Any]:
    return {
        "kind": facts.kind,
        "subject": message.subject,
        "body": message.body,
        "next_update_at": facts.next_update_at.isoformat() if facts.next_update_at else None,
        "places": dict(facts.places),
        "missing": [{"place": place, "filled_by": fill} for place, fill in facts.missing],
        "when_sent": sent,
    }


def _print(facts: DraftFacts, message: Letter, sent: str) -> None:
    """The message alone goes to stdout; what a person has to do, to stderr."""
    click.echo(f"Subject: {message.subject}\n\n{message.body}")
    click.echo("", err=True)
    if not facts.missing:
        click.echo(f"Once you have sent it, write a comment on the issue: {sent}", err=True)
        return
    click.echo("It can't be sent yet. Write on the issue what is missing:", err=True)
    for place, fill in facts.missing:
        click.echo(f"  {place.replace('_', ' ')}: {fill}", err=True)
