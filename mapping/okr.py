"""What an emergency does to the OKRs (R50-R55): its impact, the targets while it lasts, the work to drop first."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from mapping.case import Case, facts
from mapping.changes import Why
from mapping.issue import IssueRef
from mapping.objectives import ALL, NOTHING, KeyResult, Measure, Objective, Okr, plain, why_not_approved
from mapping.policy import Policy
from mapping.rules import Signals
from mapping.severity import Severity
from mapping.triage import sections

APPROVE = "approve-okr"
IMPACT, THREATENS, DROP_FIRST = "OKR impact", "Threatens", "Drop first"
KEY_RESULT = "KR"
LABEL = "kr:"
LONGEST = 255  # characters: what Jira's single-line text fields hold
LONGEST_NAME = 100

_PLANNED = re.compile(r"([^\s:]+)[\s:]*(.*)")


@dataclass(frozen=True, slots=True)
class Impact:
    """What an emergency does to the OKRs. `says` is the field's value: `suspended`, `reduced 20%`, `none`, or empty
    where there is no emergency (any more).

    `left` is what it leaves of growth targets: 1 all, 0 nothing. `threatens` and `drop_first` are key results by full
    id, `why` the rows of the matrix that fired. `proposal` is what the product owner has to agree to before it counts.
    """

    says: str = ""
    left: Decimal = ALL
    threatens: tuple[str, ...] = ()
    drop_first: tuple[str, ...] = ()
    why: tuple[Why, ...] = ()
    proposal: "Impact | None" = None


@dataclass(frozen=True, slots=True)
class ActiveEmergency:
    """A confirmed emergency that is not resolved, and since when it does what it does to the OKRs."""

    ref: IssueRef
    title: str
    severity: Severity
    since: datetime
    impact: Impact


@dataclass(frozen=True, slots=True)
class KeyResultNow:
    """A key result and the target that counts for now (None: suspended). `dropped_for`: work on it waits for these."""

    key_result: KeyResult
    target: Measure | None
    threatened_by: tuple[IssueRef, ...]
    dropped_for: tuple[IssueRef, ...]


@dataclass(frozen=True, slots=True)
class ObjectiveNow:
    """An objective as it counts for now: how it is changed, by which emergencies, and since the oldest of them."""

    objective: Objective
    says: str
    because: tuple[IssueRef, ...]
    since: datetime | None
    key_results: tuple[KeyResultNow, ...]


@dataclass(frozen=True, slots=True)
class PlannedCard:
    """Planned work: its issue (empty: a draft), title, the key result it is for, and what it is to bring (R19)."""

    ref: str
    title: str
    key_result: str
    delta: str

    @property
    def named(self) -> str:
        """How people are told of it: `github:acme/shop#3 Dark mode`."""
        return f"{self.ref} {self.title}".strip()


# ---------------------------------------------------------------------- one emergency


def impact(case: Case, policy: Policy) -> Impact:
    """What an issue does to the OKRs now. Only a confirmed emergency changes anything (R24), until it is resolved.

    Where the product owner has to agree, it is a proposal until their `/approve-okr`; an approval covers what they saw
    and anything milder, so an upgrade needs another one, and so does a reopened emergency.
    """
    if not _is_open_emergency(case) or case.severity is None:
        return Impact()
    if case.confirmed_by is None:
        return Impact("none")
    agreed, _ = _agreed(case, case.severity, policy)
    whole = _by_matrix(case, case.severity, policy)
    if agreed is case.severity:
        return whole
    counts = _by_matrix(case, agreed, policy) if agreed else Impact("none", threatens=whole.threatens)
    return replace(counts, proposal=whole)


def active_emergency(case: Case, policy: Policy) -> ActiveEmergency | None:
    """The confirmed emergency that an issue is; None when it is none, or resolved."""
    if not _is_open_emergency(case) or case.severity is None or case.confirmed_by is None:
        return None
    _, since = _agreed(case, case.severity, policy)
    return ActiveEmergency(case.issue.ref, case.issue.title, case.severity, since, impact(case, policy))


def _is_open_emergency(case: Case) -> bool:
    """`/resolve` ends an emergency for the OKRs, though its issue stays open."""
    return case.is_emergency and case.runs[-1].end is None


def _agreed(case: Case, severity: Severity, policy: Policy) -> tuple[Severity | None, datetime]:
    """As how bad a confirmed emergency counts (None: not yet), and since when.

    Approvals count since the report or the last reopening.
    """
    run = case.runs[-1]
    begun = max(case.since, run.start.at)
    if policy.okr.approval == "none":
        return severity, begun
    counts: list[tuple[Severity, datetime]] = []
    for order in facts(case, APPROVE):
        seen = case.spell_at(order.at)
        if why_not_approved(order.by, policy.okr, policy.roles.product_owner) or not run.covers(order.at):
            continue
        if seen.severity is not None and seen.severity.rank <= severity.rank:
            counts.append((severity, max(begun, order.at)))
        elif seen.severity is not None and seen.severity.is_emergency:
            counts.append((seen.severity, order.at))
    return min(counts, key=lambda one: (one[0].rank, one[1]), default=(None, begun))


def _by_matrix(case: Case, severity: Severity, policy: Policy) -> Impact:
    """What the severity and the decision matrix make of a confirmed emergency (R51-R53).

    What is threatened is protected: work on it is never dropped.
    """
    signals = _signals(case, policy)
    threatened: dict[str, None] = {}
    drop: dict[str, None] = {}
    why: list[Why] = []
    for row in policy.okr.matrix:
        on = row.when.arises(severity, signals, threatened)
        if on is not None:
            why.append(Why(row.name, on))
            threatened |= dict.fromkeys(map(policy.okr.full_id, row.threatens or ()))
            drop |= dict.fromkeys(id_ for named in row.drop or () for id_ in policy.okr.under(named))
    left = policy.okr.left_by(severity)
    dropped = tuple(id_ for id_ in drop if id_ not in threatened)
    return Impact(says_of(left), left, tuple(threatened), dropped, tuple(why))


def _signals(case: Case, policy: Policy) -> Signals:
    """What a row of the matrix can look at: the answers, and the issue as it is now."""
    issue = case.issue
    return Signals(
        answers={key: answer.value for key, answer in case.answers.items()},
        text=f"{issue.title}\n{sections(issue.body, policy.triage.known_headings).prose}",
        labels=issue.labels,
        priority=issue.priority or "",
        author=issue.author.name if issue.author else "",
        fields=issue.fields,
    )


def says_of(left: Decimal) -> str:
    """What is left of growth targets, in the words of R55."""
    if left == NOTHING:
        return "suspended"
    return "none" if left == ALL else f"reduced {plain((ALL - left) * 100)}%"


def okr_fields(impact: Impact, drop: Sequence[str]) -> Mapping[str, str]:
    """The emergency's fields (R55); empty ones are to be cleared.

    `drop` names the planned work to drop, the first first; where none is known, its key results are named.
    """
    return {
        IMPACT: impact.says,
        THREATENS: ", ".join(impact.threatens),
        DROP_FIRST: _fitting(drop) or ", ".join(impact.drop_first),
    }


def _fitting(names: Sequence[str]) -> str:
    """As many names as a field holds, and how many more there are."""
    short = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in names]
    tries = (_listed(short, kept) for kept in range(len(short), -1, -1))
    return next(text for text in tries if len(text) <= LONGEST)


def _listed(names: Sequence[str], kept: int) -> str:
    more = [f"and {len(names) - kept} more"] if kept < len(names) else []
    return "; ".join([*names[:kept], *more])


# ---------------------------------------------------------------------- all of them


def effective(active: Sequence[ActiveEmergency], policy: Policy) -> tuple[ObjectiveNow, ...]:
    """The targets that count while these emergencies are active, installation-wide (R52, R53).

    The most that any one of them takes is taken, once: P0 outranks P1, and ten P1s do what one does. The originals are
    never changed, so without emergencies they are the answer. Targets of objectives that are not for growth stay.
    """
    left = min((one.impact.left for one in active), default=ALL)
    causes = sorted((one for one in active if one.impact.left == left), key=lambda one: (one.since, one.ref))
    return tuple(_objective_now(objective, left, causes, active) for objective in policy.okr.objectives)


def _objective_now(
    objective: Objective, left: Decimal, causes: Sequence[ActiveEmergency], active: Sequence[ActiveEmergency]
) -> ObjectiveNow:
    if not objective.growth or left == ALL:
        left, causes = ALL, ()
    results = tuple(_key_result_now(result, left, active) for result in objective.key_results)
    refs = tuple(one.ref for one in causes)
    return ObjectiveNow(objective, says_of(left), refs, causes[0].since if causes else None, results)


def _key_result_now(result: KeyResult, left: Decimal, active: Sequence[ActiveEmergency]) -> KeyResultNow:
    threatened_by = sorted(one.ref for one in active if result.id in one.impact.threatens)
    dropped_for = sorted(one.ref for one in active if result.id in one.impact.drop_first)
    return KeyResultNow(result, result.measure.eased(left), tuple(threatened_by), tuple(dropped_for))


# ---------------------------------------------------------------------- planned work


def planned_delta(labels: Collection[str], fields: Mapping[str, str], okr: Okr) -> tuple[str, str] | None:
    """The key result that planned work is for, and what it is to bring (R19); None when it names none.

    The field `KR` (`O2.KR1: +10%`) counts before labels (`kr:O2.KR1:+10%`). ValueError, as a sentence for whoever
    wrote it, when an id is bare or unknown, or labels name several.
    """
    said = {text: text for text in [fields.get(KEY_RESULT, "").strip()] if text}
    said = said or {name: name[len(LABEL) :] for name in sorted(labels) if name.casefold().startswith(LABEL)}
    read = dict.fromkeys(_planned(name, text, okr) for name, text in said.items())
    if len(read) > 1:
        raise ValueError(f"{' and '.join(said)} name several key results or deltas; keep one")
    return next(iter(read), None)


def _planned(name: str, text: str, okr: Okr) -> tuple[str, str]:
    match = _PLANNED.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{name} names no key result; write for example {LABEL}O2.KR1:+10%")
    return okr.full_id(match[1]), match[2].strip()


def planned_for(case: Case, policy: Policy) -> str:
    """The key result that an open issue is planned work for; empty where it is none, or says so in a wrong way."""
    if case.issue.closed_at is not None or case.is_emergency:
        return ""
    try:
        planned = planned_delta(case.issue.labels, case.issue.fields, policy.okr)
    except ValueError:
        return ""
    return planned[0] if planned else ""


def work_to_drop(cards: Sequence[PlannedCard], impact: Impact) -> tuple[PlannedCard, ...]:
    """The planned work that an emergency drops first: by the matrix's order, then as the cards come."""
    return tuple(card for id_ in impact.drop_first for card in cards if card.key_result == id_)
