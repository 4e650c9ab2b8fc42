"""`check`, `schema`, `doctor` and `init`: from a fresh file to a connected tracker."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from adapters.tracker import AccessDenied, Finding, Health, Step, TrackerError
from integrator.clock import wall_clock
from integrator.commands.printing import say
from integrator.config import Config, load
from integrator.config import schema as config_schema
from integrator.connect import tracker_factory
from integrator.credentials import secret_faults
from integrator.enforcement import begin_enforcement
from integrator.errors import FAULTY, UNREACHABLE, Failed
from integrator.yaml_file import ConfigError


def check(config_file: Path, as_json: bool) -> None:
    """Say whether app.yaml is right."""
    try:
        config = load(config_file)
    except ConfigError as error:
        if as_json:
            say({"ok": False, "faults": [asdict(fault) for fault in error.faults]})
        else:
            click.echo(str(error), err=True)
            click.echo(f"{len(error.faults)} fault{'s' * (len(error.faults) > 1)}", err=True)
        raise Failed from None
    todo = [str(fault) for fault in _before_serving(config)]
    if as_json:
        say({"ok": True, "faults": [], "before_serving": todo})
        return
    trackers = ", ".join(f"{name} ({tracker.kind})" for name, tracker in config.trackers.items()) or "none yet"
    click.echo(f"{config_file} is right. Trackers: {trackers}. {len(config.triage.rules)} rules.")
    for line in todo:
        click.echo(f"still to do before serving: {line}")


def print_schema() -> None:
    """Print the JSON Schema of app.yaml."""
    say(config_schema())


def doctor(config_file: Path, as_json: bool) -> None:
    """Print what every tracker lacks."""
    config = load(config_file)
    findings, unreachable = [*_own_findings(config)], False
    if not any(finding.health is Health.FAULT and finding.about == "environment" for finding in findings):
        for name, tracker in tracker_factory(config, wall_clock)().items():
            try:
                findings += tracker.doctor()
            except TrackerError as error:
                unreachable |= not isinstance(error, AccessDenied)
                findings.append(Finding(Health.FAULT, name, str(error), "mend this first; nothing else was looked at"))
    if as_json:
        say([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mend = f"\n         {finding.mend}" if finding.mend else ""
            click.echo(f"{finding.health:8} {finding.about}: {finding.says}{mend}")
    if unreachable:
        raise Failed(UNREACHABLE)
    if any(finding.health is Health.FAULT for finding in findings):
        raise Failed(FAULTY)


def init(config_file: Path, dry_run: bool, as_json: bool) -> None:
    """Create what can be created; print the rest as steps."""
    config = load(config_file)
    faults = [fault for fault in secret_faults(config) if not fault.path.endswith("WEBHOOK_SECRETS")]
    if faults:
        raise ConfigError(faults)
    failed = False
    for where, step in _steps(config, config_file, dry_run):
        failed |= step.state == "failed"
        if as_json:
            say({"where": where, **asdict(step)})
        else:
            click.echo(f"{where}: {step.state}: {step.what}" + (f"\n    {step.how}" if step.how else ""))
    if failed:
        raise Failed


def _steps(config: Config, config_file: Path, dry_run: bool) -> Iterator[tuple[str, Step]]:
    yield str(config_file), begin_enforcement(config, config_file, wall_clock(), dry_run)
    for name, tracker in tracker_factory(config, wall_clock)().items():
        yield from ((name, step) for step in tracker.prepare(dry_run))


def _own_findings(config: Config) -> Iterator[Finding]:
    """What app.yaml and the environment lack."""
    yield from (Finding(Health.FAULT, "environment", str(fault), "set it") for fault in secret_faults(config))
    if not config.trackers:
        yield Finding(Health.FAULT, "app.yaml", "no tracker is connected", "fill in `trackers:`; the README shows how")
    if config.sla.enforce_from is None:
        yield Finding(Health.FAULT, "app.yaml", "sla.enforce_from is missing", "run `integrator init`")
    if os.environ.get("INTEGRATOR_DATABASE_URL", "sqlite").startswith("sqlite"):
        yield Finding(Health.OK, "database", "SQLite: for one machine; use PostgreSQL for several")


def _before_serving(config: Config) -> Iterator[str]:
    yield from map(str, secret_faults(config))
    if not config.trackers:
        yield "connect a tracker under `trackers:`"
    if config.sla.enforce_from is None:
        yield "run `integrator init`; it writes sla.enforce_from"
