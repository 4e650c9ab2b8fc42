"""`okr`: what counts of the objectives now, what changed it and since when, over all trackers."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import click
from rich.console import Console
from rich.progress import track

from adapters.tracker import Gone, Tracker
from integrator.clock import wall_clock
from integrator.commands.looking import connected
from integrator.commands.printing import say
from integrator.config import load
from mapping.case import Case
from mapping.issue import Issue
from mapping.objectives import Measure
from mapping.okr import (
    ActiveEmergency,
    Impact,
    ObjectiveNow,
    PlannedCard,
    active_emergency,
    effective,
    planned_delta,
    work_to_drop,
)
from mapping.policy import Policy

BATCH = 50


def okr(config_file: Path, as_json: bool) -> None:
    """Print the objectives as they count now; TrackerError if a tracker fails, for half an answer would be wrong."""
    config = load(config_file)
    issues = (issue for tracker in connected(config).values() for issue in open_issues(tracker, as_json))
    survey = Survey.of(issues, config)
    told = document(survey, config, wall_clock())
    if as_json:
        say(told)
        return
    for line in in_lines(told):
        click.echo(line)
    for fault in told["faults"]:
        click.echo(f"{fault['issue']}: {fault['says']}", err=True)


def open_issues(tracker: Tracker, quiet: bool) -> Iterator[Issue]:
    """Every open issue of a tracker, with a progress bar where somebody looks."""
    refs = list(dict.fromkeys(ref for page in tracker.pages(None, None) for ref in page.refs))
    batches = [refs[start : start + BATCH] for start in range(0, len(refs), BATCH)]
    hidden = quiet or not sys.stderr.isatty()
    for batch in track(batches, tracker.name, console=Console(stderr=True), transient=True, disable=hidden):
        yield from (issue for issue in tracker.read(batch).values() if not isinstance(issue, Gone))


@dataclass(frozen=True, slots=True)
class Survey:
    """What the OKRs depend on, of all that is open: emergencies, planned work, and cards whose key result is wrong."""

    emergencies: tuple[ActiveEmergency, ...]
    cards: tuple[PlannedCard, ...]
    faults: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, issues: Iterable[Issue], policy: Policy) -> Self:
        """Look at every issue once, and keep only what matters."""
        emergencies: list[ActiveEmergency] = []
        cards: list[PlannedCard] = []
        faults: list[tuple[str, str]] = []
        for issue in issues:
            case = Case.of(issue, policy)
            if (emergency := active_emergency(case, policy)) is not None:
                emergencies.append(emergency)
            elif not case.is_emergency:
                try:
                    planned = planned_delta(issue.labels, issue.fields, policy.okr)
                except ValueError as error:
                    faults.append((str(issue.ref), str(error)))
                    continue
                cards += [PlannedCard(str(issue.ref), issue.title, *planned)] if planned else []
        emergencies.sort(key=lambda one: (one.severity.rank, one.since, one.ref))
        return cls(tuple(emergencies), tuple(cards), tuple(faults))


def document(survey: Survey, policy: Policy, now: datetime) -> dict[str, Any]:
    """Everything there is to tell, as JSON has it."""
    return {
        "as_of": now.isoformat(),
        "approval": policy.okr.approval,
        "product_owner": list(policy.roles.product_owner),
        "objectives": [_objective(one) for one in effective(survey.emergencies, policy)],
        "emergencies": [_emergency(one, survey.cards) for one in survey.emergencies],
        "faults": [{"issue": issue, "says": says} for issue, says in survey.faults],
    }


def _objective(now: ObjectiveNow) -> dict[str, Any]:
    return {
        "id": now.objective.id,
        "title": now.objective.title,
        "growth": now.objective.growth,
        "impact": now.says,
        "because": [str(ref) for ref in now.because],
        "since": now.since.isoformat() if now.since else None,
        "key_results": [
            {
                "id": one.key_result.id,
                "title": one.key_result.title,
                "target": _measure(one.key_result.measure),
                "effective": _measure(one.target) if one.target else None,
                "threatened_by": [str(ref) for ref in one.threatened_by],
                "dropped_for": [str(ref) for ref in one.dropped_for],
            }
            for one in now.key_results
        ],
    }


def _measure(measure: Measure) -> dict[str, Any]:
    number = measure.number
    whole = number == number.to_integral_value()
    value = int(number) if whole else float(number)
    return {"text": str(measure), "sign": measure.sign, "number": value, "unit": measure.unit}


def _emergency(one: ActiveEmergency, cards: Sequence[PlannedCard]) -> dict[str, Any]:
    proposal = one.impact.proposal
    return {
        "issue": str(one.ref),
        "title": one.title,
        "severity": one.severity,
        "since": one.since.isoformat(),
        **_impact(one.impact, cards),
        "proposal": _impact(proposal, cards) if proposal else None,
    }


def _impact(impact: Impact, cards: Sequence[PlannedCard]) -> dict[str, Any]:
    return {
        "impact": impact.says,
        "threatens": list(impact.threatens),
        "drop_first": list(impact.drop_first),
        "work_to_drop": [asdict(card) for card in work_to_drop(cards, impact)],
        "because": [asdict(why) for why in impact.why],
    }


def in_lines(told: dict[str, Any]) -> Iterator[str]:
    """The document for people."""
    results = [one for objective in told["objectives"] for one in objective["key_results"]]
    wide = [max((len(text(one)) for one in results), default=0) for text in (_id, _title, _original)]
    if not told["objectives"]:
        yield "app.yaml has no objectives"
    for objective in told["objectives"]:
        changed = f": {objective['impact']} since {_at(objective['since'])}" if objective["because"] else ""
        yield f"{objective['id']} {objective['title']}{changed}{_by(objective['because'])}"
        for one in objective["key_results"]:
            cells = (text(one).ljust(width) for text, width in zip((_id, _title, _original), wide, strict=True))
            yield f"  {'  '.join(cells)}  {', '.join(_notes(one))}".rstrip()
    if not told["emergencies"]:
        yield "no confirmed emergency is active"
    for emergency in told["emergencies"]:
        yield ""
        yield from _emergency_in_lines(emergency, told["product_owner"])


def _notes(one: dict[str, Any]) -> Iterator[str]:
    effective_target = one["effective"]
    if effective_target is None:
        yield "suspended"
    elif effective_target != one["target"]:
        yield f"now {effective_target['text']}"
    if one["threatened_by"]:
        yield f"threatened{_by(one['threatened_by'])}"
    if one["dropped_for"]:
        yield f"work on it dropped for {' and '.join(one['dropped_for'])}"


def _emergency_in_lines(one: dict[str, Any], product_owner: Sequence[str]) -> Iterator[str]:
    yield f"{one['issue']} {one['title']}: {one['severity']}, {one['impact']} since {_at(one['since'])}"
    asked = one["proposal"] or one
    for why in asked["because"]:
        yield f"  because: {why['rule']} ({why['on']})"
    if asked["threatens"]:
        yield f"  threatens: {', '.join(asked['threatens'])}"
    for card in asked["work_to_drop"]:
        planned = " ".join(filter(None, (card["key_result"], card["delta"])))
        yield f"  drop first: {card['ref']} {card['title']} ({planned})"
    if asked["drop_first"] and not asked["work_to_drop"]:
        yield f"  drop first: work on {', '.join(asked['drop_first'])}"
    if one["proposal"]:
        owner = f" ({', '.join(product_owner)})" if product_owner else ""
        yield f"  proposed: {asked['impact']}, once the product owner{owner} comments /approve-okr there"


def _by(refs: Sequence[str]) -> str:
    return f" by {' and '.join(refs)}" if refs else ""


def _at(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _id(one: dict[str, Any]) -> str:
    return str(one["id"])


def _title(one: dict[str, Any]) -> str:
    return str(one["title"])


def _original(one: dict[str, Any]) -> str:
    return str(one["target"]["text"])
