"""What an emergency's card shows beside its title (R20, R55): the tracker's own fields, where it has them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from mapping.case import Case
from mapping.changes import SetFields
from mapping.checklist import eta
from mapping.clocks import OPEN, Clock
from mapping.okr import DROP_FIRST, IMPACT, THREATENS, impact, okr_fields
from mapping.policy import Policy

SEVERITY, ETA, RESPONSE_DUE, RESOLUTION_DUE = "Severity", "ETA", "Response due", "Resolution due"
WRITTEN = (SEVERITY, ETA, RESPONSE_DUE, RESOLUTION_DUE, IMPACT, THREATENS, DROP_FIRST)


def card_fields(case: Case, timed: Sequence[Clock], policy: Policy) -> Iterator[SetFields]:
    """The fields that differ from what they should be."""
    wanted = {**_of_clocks(case, timed, policy), **_of_okrs(case, policy)}
    there = case.issue.fields
    ours = [name for name in wanted if name in case.issue.writable]
    values = {name: wanted[name] for name in ours if not _shows(there.get(name, ""), wanted[name])}
    if values:
        yield SetFields(values, ("R20", "R55"))


def _of_clocks(case: Case, timed: Sequence[Clock], policy: Policy) -> Mapping[str, str]:
    """Severity, ETA and due times while it is an emergency; they are cleared when it is none any more."""
    is_open = case.is_emergency
    due = {clock.name: clock.due_at for clock in timed if clock.state in OPEN}
    return {
        SEVERITY: case.severity.value if is_open and case.severity else "",
        ETA: _minute(eta(case, policy)) if is_open else "",
        RESPONSE_DUE: _minute(due.get("response")) if is_open else "",
        RESOLUTION_DUE: _minute(due.get("resolution")) if is_open else "",
    }


def _of_okrs(case: Case, policy: Policy) -> Mapping[str, str]:
    """On a board its law names the work to drop, once it has looked for it; until then its key results are."""
    told = impact(case, policy)
    fields = dict(okr_fields(told, told.drop_first))
    if told.says and case.issue.card is not None and case.issue.fields.get(DROP_FIRST):
        del fields[DROP_FIRST]
    return fields


def _minute(at: datetime | None) -> str:
    """An instant in ISO 8601, UTC, to the minute; empty for none."""
    return at.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z") if at else ""


def _shows(there: str, wanted: str) -> bool:
    """Whether a field shows what it should; trackers tell a day or an instant in their own way."""
    if there == wanted or not there or not wanted:
        return there == wanted
    try:
        instant, shown = datetime.fromisoformat(wanted), datetime.fromisoformat(there)
    except ValueError:
        return False
    return shown == instant if shown.tzinfo else there == wanted[:10]


def eta_at(case: Case, policy: Policy, now: datetime) -> Iterator[datetime]:
    """When the ETA will have passed."""
    expected = eta(case, policy)
    if expected is not None and expected > now and case.is_emergency:
        yield expected


def late_eta(case: Case, timed: Sequence[Clock], policy: Policy, now: datetime) -> str:
    """A flag for an ETA that has passed, or that is later than what was promised (R20)."""
    expected = eta(case, policy)
    if expected is None or not case.is_emergency:
        return ""
    if expected <= now:
        return "The ETA has passed: tell a new one with /eta."
    due = next((clock.due_at for clock in timed if clock.name == "resolution" and clock.state in OPEN), None)
    return "The ETA is later than the time by which it was to be solved." if due and expected > due else ""
