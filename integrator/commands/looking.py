"""`plan`, `explain` and `simulate`: looking without touching."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from adapters.tracker import Gone, Tracker
from integrator.clock import wall_clock
from integrator.commands.printing import because, fields, in_words, posted, say
from integrator.config import Config, load
from integrator.connect import known, tracker_factory
from integrator.credentials import secret_faults
from integrator.errors import Failed
from integrator.journal import as_json as change_as_json
from integrator.scenario import Impossible, Scenario
from integrator.simulate import Line, Simulation
from integrator.sync import plans
from integrator.yaml_file import ConfigError, Fault, text_of, validated
from mapping.case import Case
from mapping.changes import Plan
from mapping.clocks import Clock, clocks
from mapping.issue import Issue, IssueRef
from mapping.placement import placement
from mapping.plan import facts_of
from mapping.policy import duration


def connected(config: Config) -> dict[str, Tracker]:
    """The trackers, for commands that only read; ConfigError when a secret for that is missing."""
    faults = [fault for fault in secret_faults(config) if not fault.path.endswith("WEBHOOK_SECRETS")]
    if faults:
        raise ConfigError(faults)
    return tracker_factory(config, wall_clock)()


def named(config: Config, names: Sequence[str]) -> list[IssueRef]:
    """The issues that a person named; a usage error that tells of each that can't be one."""
    faults: list[str] = []
    refs: list[IssueRef] = []
    for name in names:
        try:
            refs.append(known(config, IssueRef.parse(name)))
        except ValueError as error:
            faults.append(str(error))
        except ConfigError as error:
            faults += map(str, error.faults)
    if faults:
        raise click.UsageError("\n".join(faults))
    return refs


def plan(names: Sequence[str], config_file: Path, as_json: bool) -> None:
    """Print what would change on issues."""
    config = load(config_file)
    refs, trackers = named(config, names), connected(config)
    missing = False
    for name in dict.fromkeys(ref.tracker for ref in refs):
        mine = [ref for ref in refs if ref.tracker == name]
        for ref, planned in plans(trackers[name], config, mine, wall_clock()):
            missing |= isinstance(planned, str)
            print_plan(ref, planned, as_json)
    if missing:
        raise Failed


def print_plan(ref: IssueRef, planned: Plan | str, as_json: bool) -> None:
    """An issue's plan, or why there is none."""
    if as_json:
        changes = [] if isinstance(planned, str) else [change_as_json(change) for change in planned.changes]
        error = {"error": planned} if isinstance(planned, str) else {}
        say({"issue": str(ref), "changes": changes, **error})
    elif isinstance(planned, str):
        click.echo(f"{ref}: {planned}", err=True)
    elif not planned.changes:
        click.echo(f"{ref}: nothing to change")
    else:
        click.echo(f"{ref}:")
        for change in planned.changes:
            click.echo(f"  {in_words(change)}  ({because(change.because)})")


def read_one(config: Config, name: str) -> Issue:
    """The issue that a person named, as it is now; where there is none, that is said and the answer is no."""
    (ref,) = named(config, [name])
    issue = connected(config)[ref.tracker].read([ref])[ref]
    if isinstance(issue, Gone):
        click.echo(f"{ref}: {issue.why}" + (f"; it is now {issue.moved_to}" if issue.moved_to else ""), err=True)
        raise Failed
    return issue


def explain(name: str, config_file: Path, at: str | None, as_json: bool) -> None:
    """Print why an issue is what it is, now or at another time."""
    config = load(config_file)
    explanation = explained(read_one(config, name), config, instant_of(at) if at else wall_clock())
    if as_json:
        say(explanation)
    else:
        _print_explanation(explanation)


def instant_of(text: str, option: str = "--at") -> datetime:
    """A time that a person named: a date, an instant, or how long ago."""
    try:
        return wall_clock() - duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        says = f"{text!r} is no time; write for example 2026-11-01, 2026-11-01T09:00Z or 3d"
        raise click.BadParameter(says, param_hint=option) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def explained(issue: Issue, config: Config, now: datetime) -> dict[str, Any]:
    """Everything that leads to an issue's severity and place."""
    case = Case.of(issue, config)
    timed = clocks(case, config, now)
    facts = facts_of(case, config, placement(case, now), timed, now)
    return {
        "issue": str(issue.ref),
        "title": issue.title,
        "severity": case.severity,
        "confirmed_by": case.confirmed_by,
        "since": case.since.isoformat(),
        "reported_at": case.reported_at.isoformat(),
        "claimed_as_emergency": case.claimed,
        "why": [asdict(why) for why in facts.why],
        "rules_say": {"severity": case.verdict.severity, "why": [asdict(why) for why in case.verdict.why]},
        "answers": {key: asdict(answer) for key, answer in sorted(case.answers.items())},
        "unanswered": [question.key for question in facts.missing],
        "refused_commands": [asdict(refusal) for refusal in case.refused],
        "column": issue.card.name if issue.card else None,
        "flags": list(facts.flags),
        "clocks": [_arithmetic(clock) for clock in timed],
        "as_of": now.isoformat(),
    }


def _arithmetic(clock: Clock) -> dict[str, Any]:
    """A clock so that a person can check it by hand: from when, how long, which pauses, due when, stopped by what."""
    return {
        "clock": clock.key,
        "state": clock.state,
        "started_at": clock.start.at.isoformat(),
        "started_by": clock.start.why,
        "target": clock.target,
        "pauses": [
            {
                "from": pause.begin.at.isoformat(),
                "because": pause.begin.why,
                "to": pause.end.at.isoformat() if pause.end else None,
                "ended_by": pause.end.why if pause.end else None,
            }
            for pause in clock.pauses
        ],
        "at_risk_at": clock.at_risk_at.isoformat() if clock.at_risk_at else None,
        "due_at": clock.due_at.isoformat() if clock.due_at else None,
        "stopped_at": clock.stop.at.isoformat() if clock.stop else None,
        "stopped_by": clock.stop.why if clock.stop else None,
    }


def _print_explanation(told: dict[str, Any]) -> None:
    severity = told["severity"] or "no severity: needs triage"
    standing = f"confirmed by {told['confirmed_by']}" if told["confirmed_by"] else "provisional"
    click.echo(f"{told['issue']}  {told['title']}")
    click.echo(f"  {severity}, {standing}, since {told['since']}; reported {told['reported_at']}")
    for why in told["why"]:
        click.echo(f"  because: {why['rule']} ({why['on']})")
    if told["why"] != told["rules_say"]["why"]:
        click.echo(f"  the rules alone say: {told['rules_say']['severity'] or 'nothing'}")
    for key, answer in told["answers"].items():
        click.echo(f"  answered: {key} = {answer['value']} ({answer['source']})")
    if told["unanswered"]:
        click.echo(f"  unanswered: {', '.join(told['unanswered'])}")
    for refusal in told["refused_commands"]:
        click.echo(f"  refused: {refusal['said']} by {refusal['by']}: {refusal['why']}")
    for clock in told["clocks"]:
        click.echo(f"  clock {clock['clock']}: {clock['state']}")
        click.echo(f"    from {clock['started_at']} ({clock['started_by']}), {clock['target']}")
        for pause in clock["pauses"]:
            click.echo(f"    less {pause['from']} ({pause['because']}) to {pause['to'] or 'now'}")
        stopped = f"; stopped {clock['stopped_at']} ({clock['stopped_by']})" if clock["stopped_at"] else ""
        click.echo(f"    due {clock['due_at'] or 'when the pause ends'}{stopped}")
    click.echo(f"  column: {told['column'] or 'none'}" + "".join(f"\n  {flag}" for flag in told["flags"]))


def simulate(scenario_file: Path, config_file: Path, as_json: bool) -> None:
    """Play a scenario and print every change."""
    config = load(config_file) if config_file.exists() or str(config_file) != "app.yaml" else Config()
    scenario = validated(Scenario, text_of(scenario_file), str(scenario_file))
    simulation = Simulation(scenario, config)
    try:
        for line in simulation.run():
            say(line.as_json()) if as_json else click.echo(told(line))
    except Impossible as error:
        raise ConfigError([Fault(str(scenario_file), None, "events", f"cannot happen: {error}")]) from error
    if as_json:
        say({"final": simulation.final()})
        return
    for name, state in simulation.final().items():
        labels = " ".join(state["labels"]) or "no labels"
        column = state["column"] or "no column"
        click.echo(f"at the end: {name}: {state['severity'] or 'no severity'}, {column}, {labels}")


def told(line: Line) -> str:
    """A change of a simulation as one line."""
    detail = line.detail
    match line.change:
        case "SetLabels":
            what = " ".join([*(f"+{x}" for x in detail["add"]), *(f"-{x}" for x in detail["remove"])])
        case "MoveTo":
            what = detail["column"]
        case "SetFields":
            what = fields(detail["values"])
        case "PostComment":
            what = posted(detail["facts"])
        case "EditStatus":
            facts = detail["facts"]
            standing = f"confirmed by {facts['confirmed_by']}" if facts["confirmed_by"] else "provisional"
            what = "closed" if facts["closed"] else f"{facts['severity'] or 'needs triage'}, {standing}"
        case "OpenIssue":
            what = detail["key"].partition("@")[0]
        case "Acknowledge":
            what = "what was said counts"
        case "PlaceCard":
            what = f"below {detail['below']}" if detail["below"] else "at the top"
        case _:
            what = detail.get("comment", "")
    at = line.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{at}  {line.issue:24} {line.change:12} {what}  ({because(line.because)})"
