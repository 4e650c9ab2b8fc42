"""The command line: what each command takes. What it does is imported when it is called, so that help is instant."""

import sys
from pathlib import Path
from typing import Any

import click

_EXAMPLES = """
\b
Examples:
  integrator check                      is app.yaml right?
  integrator doctor                     is everything connected?
  integrator serve --bind 0.0.0.0:8080  take webhooks and work
  integrator plan github:acme/shop#12   what would change, and why
  integrator sync --dry-run             what a backfill would change
"""

CONFIG = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    envvar="INTEGRATOR_CONFIG",
    default="app.yaml",
    show_default=True,
    help="The configuration file.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


@click.group(epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="spark-integrator", prog_name="integrator")
def main(debug: bool) -> None:
    """Keep the SPARK Customer Emergency Protocol true on GitHub and Jira."""
    import logging

    from integrator.logs import set_up_logs

    set_up_logs(logging.WARNING)


@main.command()
@click.option("--keep", is_flag=True, help="Leave the service running at the end, until Ctrl-C.")
def demo(keep: bool) -> None:
    """Run the real service on embedded parts through a day of emergencies. Needs no account."""
    from integrator import demo as show

    show.run(keep)


@main.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@CONFIG
@AS_JSON
def simulate(scenario: Path, config_file: Path, as_json: bool) -> None:
    """Play a scripted timeline against the policy, instantly, and print every change, when and why."""
    from integrator.commands import looking

    looking.simulate(scenario, config_file, as_json)


@main.command()
@CONFIG
@AS_JSON
def check(config_file: Path, as_json: bool) -> None:
    """Validate the configuration: every fault with file, line and key. Exit code 0 or 1."""
    from integrator.commands import setting_up

    setting_up.check(config_file, as_json)


@main.command()
def schema() -> None:
    """Print the JSON Schema of app.yaml, for editors."""
    from integrator.commands import setting_up

    setting_up.print_schema()


@main.command()
@CONFIG
@AS_JSON
def doctor(config_file: Path, as_json: bool) -> None:
    """Look, read only, at every tracker: what is missing and how to mend it. Exit code 0, 1, or 3 if unreachable."""
    from integrator.commands import setting_up

    setting_up.doctor(config_file, as_json)


@main.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be created.")
@CONFIG
@AS_JSON
def init(config_file: Path, dry_run: bool, as_json: bool) -> None:
    """Create what is missing: labels, the Emergency Queue, the issue form, the webhook, the start of enforcement."""
    from integrator.commands import setting_up

    setting_up.init(config_file, dry_run, as_json)


@main.command()
@click.option("--bind", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option("--no-work", is_flag=True, help="Only take webhooks; workers run elsewhere (PostgreSQL).")
@click.option("--server", type=click.Choice(["granian", "waitress"]), default="granian", show_default=True)
@CONFIG
def serve(config_file: Path, bind: str, no_work: bool, server: str) -> None:
    """Take webhooks, answer health checks and, unless --no-work, work on what is due."""
    from integrator import serving

    serving.serve(config_file, bind, work=not no_work, server=server)


@main.command()
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1, 64), help="Workers for each tracker.")
@click.option(
    "--metrics", metavar="HOST:PORT", help="Where to answer /metrics, /healthz and /readyz; nowhere if not said."
)
@CONFIG
def work(config_file: Path, threads: int, metrics: str | None) -> None:
    """Work on what is due, without taking webhooks: as many processes and hosts as you like on PostgreSQL."""
    from integrator.commands import working

    working.work(config_file, threads, metrics)


@main.command()
@click.argument("issues", nargs=-1, required=True, metavar="ISSUE…")
@CONFIG
@AS_JSON
def plan(issues: tuple[str, ...], config_file: Path, as_json: bool) -> None:
    """Read issues and print what would change and why. Writes nothing. ISSUE: github:acme/shop#12 or jira:OPS-7."""
    from integrator.commands import looking

    looking.plan(issues, config_file, as_json)


@main.command()
@click.argument("issue")
@click.option("--at", metavar="TIME", help="Clocks as they stood then: 2026-11-23T14:00Z, or 2h for two hours ago.")
@CONFIG
@AS_JSON
def explain(issue: str, at: str | None, config_file: Path, as_json: bool) -> None:
    """Explain an issue: its severity, the rules that fired and on what, and every clock's arithmetic."""
    from integrator.commands import looking

    looking.explain(issue, config_file, at, as_json)


@main.command()
@click.argument("issue")
@CONFIG
@AS_JSON
def draft(issue: str, config_file: Path, as_json: bool) -> None:
    """Print the message to an emergency's customer that is due next, for a person to send. 1 if a place is empty."""
    from integrator.commands import drafting

    drafting.draft(issue, config_file, as_json)


@main.command()
@CONFIG
@AS_JSON
def okr(config_file: Path, as_json: bool) -> None:
    """Show the objectives and what counts of them now: what suspends or reduces targets, and since when."""
    from integrator.commands import okr as command

    command.okr(config_file, as_json)


@main.command()
@click.option("--tracker", help="Only this tracker of app.yaml.")
@click.option("--since", metavar="WHEN", help="Only issues updated since then: 2026-11-01, or 3d.")
@click.option("--dry-run", is_flag=True, help="Only print what would change.")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1, 64), help="Workers for each tracker.")
@CONFIG
@AS_JSON
def sync(**options: Any) -> None:
    """Take every open issue through the same path as an event. Interrupted, it goes on where it stopped."""
    from integrator.commands import backfilling

    backfilling.sync(**options)


@main.group()
def agenda() -> None:
    """See what is due, what was given up on and why, and put it back."""


@agenda.command("list")
@AS_JSON
def agenda_list(as_json: bool) -> None:
    """Issues that are due now or being worked on."""
    from integrator.commands import queue

    queue.rows(parked=False, as_json=as_json)


@agenda.command("parked")
@AS_JSON
def agenda_parked(as_json: bool) -> None:
    """Issues given up on after repeated failures, with the last reason."""
    from integrator.commands import queue

    queue.rows(parked=True, as_json=as_json)


@agenda.command("replay")
@click.argument("issues", nargs=-1, metavar="[ISSUE…]")
@AS_JSON
def agenda_replay(issues: tuple[str, ...], as_json: bool) -> None:
    """Put parked issues back on the agenda: these, or all of them."""
    from integrator.commands import queue

    queue.replay(issues, as_json)


@main.command()
@click.option("--older-than", default="90d", show_default=True, metavar="AGE", help="At least 7d.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@AS_JSON
def prune(older_than: str, dry_run: bool, as_json: bool) -> None:
    """Delete old deliveries and journal lines, a few at a time, beside the running service."""
    from integrator.commands import retention

    retention.clean_up(older_than, dry_run, as_json)


def run() -> None:
    """Run the command line; errors become one sentence and an exit code (1 faults, 2 usage, 3 unreachable)."""
    from integrator.errors import explained

    with explained(debug="--debug" in sys.argv):
        main(prog_name="integrator", standalone_mode=False)
