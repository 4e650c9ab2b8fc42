"""What is learned from an emergency (R39): an issue with five boxes, opened once when the emergency is resolved."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from mapping.case import Case, facts
from mapping.changes import Box, OpenIssue, RetrospectiveFacts
from mapping.clocks import Clock, State
from mapping.history import Run
from mapping.policy import Policy
from mapping.promises import RETROSPECTIVE, deserves_retrospective, retrospective_of, severity_in

BROKEN = {State.BREACHED, State.MISSED}


def retrospectives(case: Case, timed: Sequence[Clock], policy: Policy) -> Iterator[OpenIssue]:
    """The retrospective issue of the last resolution, unless there is one; reopened, nothing is to be learned yet."""
    run, due_at = case.runs[-1], _due_at(timed)
    severity = severity_in(case, run)
    if run.end is None or severity is None or due_at is None or not deserves_retrospective(case, policy, run):
        return
    key = f"{RETROSPECTIVE}@{run.end.at.astimezone(UTC).isoformat(timespec='seconds')}"
    if retrospective_of(case, run) is not None or key in opened_once(case):
        return
    told = RetrospectiveFacts(
        of=case.issue.ref,
        title="" if _is_secret(case) else case.issue.title,
        severity=severity,
        reported_at=case.reported_at,
        resolved_at=run.end.at,
        due_at=due_at,
        kept=_names(timed, run, {State.MET}),
        broken=_names(timed, run, BROKEN),
        boxes=tuple(boxes(case)),
        zone=policy.sla.time_zone,
    )
    settings = policy.retrospective
    container = settings.into.get(case.issue.ref.tracker, "")
    yield OpenIssue(key, told, container, ("R39",), frozenset(settings.labels))


def opened_once(case: Case) -> list[str]:
    """The keys of all issues that were opened because of this one, also of those that people took away again."""
    return sorted({*case.memo.get("opened", ()), *(opened.key for opened in case.issue.opened)})


def boxes(case: Case) -> Iterator[Box]:
    """The five boxes; those that a command has told of already are ticked."""
    yield Box("root cause analysis completed", any(facts(case, "rca")))
    yield Box("prevention plan created", any(facts(case, "prevention")))
    yield Box("customer satisfaction confirmed", any(facts(case, "confirmed")))
    yield Box("team stress and impact assessed", False)
    yield Box("process improvement identified", False)


def _due_at(timed: Sequence[Clock]) -> datetime | None:
    return next((clock.due_at for clock in reversed(timed) if clock.name == RETROSPECTIVE), None)


def _names(timed: Sequence[Clock], run: Run, states: set[State]) -> tuple[str, ...]:
    """The promises of a stretch that ended so, each once."""
    names = (clock.name for clock in timed if clock.state in states and run.covers(clock.start.at))
    return tuple(dict.fromkeys(name for name in names if name != RETROSPECTIVE))


def _is_secret(case: Case) -> bool:
    """What a security breach is about is told where only the team reads it (G27)."""
    answer = case.answers.get("security")
    return answer is not None and answer.value == "yes"
