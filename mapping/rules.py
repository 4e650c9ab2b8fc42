"""The rule table: answers and signals give a severity, with reasons, or nothing at all (R24)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mapping.changes import Why
from mapping.severity import Severity
from mapping.triage import BY_KEY, UNKNOWN

_COMPARISON = re.compile(r"(>=|<=|>|<|=)\s*(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Signals:
    """What the rules may look at: answers by question, and what is known without a checklist."""

    answers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    labels: frozenset[str] = frozenset()
    priority: str = ""
    author: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def severity_named(value: Any) -> Severity:
    """A severity from a policy; ValueError naming the four there are."""
    if value in tuple(Severity):
        return Severity(value)
    raise ValueError(f"{value!r} is not a severity; use P0, P1, P2 or P3")


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _not_empty(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values or not all(value.strip() for value in values):
        raise ValueError("give at least one value, and no empty one")
    return values


Words = Annotated[
    tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str]), AfterValidator(_not_empty)
]
SeverityName = Annotated[Severity, BeforeValidator(severity_named)]


class Condition(BaseModel):
    """When a rule fires: every key given must hold; a list holds when one of its values does.

    Question keys compare answers (`unknown` also means unanswered); `keyword` looks into title and text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    process: Words | None = None
    workaround: Words | None = None
    reputation: Words | None = None
    system: Words | None = None
    other_customers: Words | None = None
    quick_fix: Words | None = None
    rollback: Words | None = None
    security: Words | None = None
    customer_at_risk: Words | None = None
    kind: Words | None = None
    revenue_per_hour: str | None = None
    keyword: Words | None = None
    label: Words | None = None
    priority: Words | None = None
    author: Words | None = None
    field: Mapping[str, Words] | None = None

    @model_validator(mode="after")
    def _understood(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a rule needs at least one condition")
        if empty := sorted(key for key in self.model_fields_set if not getattr(self, key)):
            raise ValueError(f"{empty[0]}: give at least one value")
        for key in self.model_fields_set & BY_KEY.keys():
            if key == "revenue_per_hour":
                _comparison(self.revenue_per_hour or "")
            elif wrong := set(getattr(self, key)) - {*BY_KEY[key].choices, UNKNOWN}:
                choices = ", ".join((*BY_KEY[key].choices, UNKNOWN))
                raise ValueError(f"{key}: {sorted(wrong)[0]!r} is not an answer; use {choices}")
        return self

    def fires_on(self, signals: Signals) -> str | None:
        """What in the signals makes the condition hold, in words; None when it does not hold."""
        found: list[str] = []
        for key in self._asked:
            if (said := self._found(key, signals)) is None:
                return None
            found.append(said)
        return ", ".join(filter(None, found))

    @cached_property
    def _asked(self) -> Sequence[str]:
        return sorted(self.model_fields_set)

    def _found(self, key: str, signals: Signals) -> str | None:
        match key:
            case "revenue_per_hour":
                answer = signals.answers.get(key, UNKNOWN)
                return f"revenue per hour: {answer}" if _compares(answer, self.revenue_per_hour or "") else None
            case "keyword":
                word = next((w for w in self.keyword or () if _says(signals.text, w)), None)
                return word and f"the words “{word}”"
            case "field":
                return _all_fields(self.field or {}, signals.fields)
            case "label":
                return _one_of("label", self.label or (), signals.labels)
            case "priority" | "author":
                return _one_of(key, getattr(self, key), {getattr(signals, key)})
            case _:
                answer = signals.answers.get(key, UNKNOWN)
                return f"{key.replace('_', ' ')}: {answer}" if answer in getattr(self, key) else None


class Rule(BaseModel):
    """One row of the table: when its condition holds, a severity, or a raise of whatever the others gave."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    when: Condition
    then: SeverityName | None = None
    raise_by: Annotated[int | None, Field(alias="raise", ge=1, le=3)] = None
    at_most: SeverityName = Severity.P0

    @model_validator(mode="after")
    def _one_effect(self) -> Self:
        if (self.then is None) == (self.raise_by is None):
            raise ValueError("give either `then: P0` … `P3` or `raise: 1`")
        return self


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say: a severity (None: they abstain) and every rule that fired."""

    severity: Severity | None
    why: tuple[Why, ...] = ()


def judge(signals: Signals, rules: Sequence[Rule], hints: Sequence[Rule]) -> Verdict:
    """The worst severity that a rule gives, raised where a rule raises; hints are asked only when no rule gave one."""
    given = [(rule, on) for rule, on in _fired(rules, signals)]
    if not any(rule.then for rule, _ in given):
        given += _fired(hints, signals)
    severities = [rule.then for rule, _ in given if rule.then]
    if not severities:
        return Verdict(None)
    severity = min(severities, key=lambda s: s.rank)
    for rule, _ in given:
        if rule.raise_by:
            severity = severity.raised(rule.raise_by, rule.at_most)
    return Verdict(severity, tuple(Why(rule.name, on) for rule, on in given))


def _fired(rules: Sequence[Rule], signals: Signals) -> Iterator[tuple[Rule, str]]:
    for rule in rules:
        on = rule.when.fires_on(signals)
        if on is not None:
            yield rule, on


def _says(text: str, words: str) -> bool:
    phrase = r"\s+".join(map(re.escape, words.split()))
    return re.search(rf"(?<!\w){phrase}(?!\w)", text, re.IGNORECASE) is not None


def _one_of(what: str, wanted: Sequence[str], there: frozenset[str] | set[str]) -> str | None:
    plain = {value.casefold() for value in there}
    value = next((value for value in wanted if value.casefold() in plain), None)
    return value and f"{what}: {value}"


def _all_fields(wanted: Mapping[str, tuple[str, ...]], there: Mapping[str, str]) -> str | None:
    found = [_one_of(name, values, {there.get(name, "")}) for name, values in wanted.items()]
    return None if None in found else ", ".join(filter(None, found))


def _comparison(text: str) -> tuple[str, float]:
    match = _COMPARISON.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a comparison; write for example '> 0'")
    return match[1], float(match[2])


def _compares(answer: str, comparison: str) -> bool:
    if answer == UNKNOWN:
        return False
    sign, limit = _comparison(comparison)
    amount = float(answer)
    return {
        ">": amount > limit,
        ">=": amount >= limit,
        "<": amount < limit,
        "<=": amount <= limit,
        "=": amount == limit,
    }[sign]


def rule(name: str, then: str, **when: Any) -> Rule:
    """A row of the default table."""
    return Rule(name=name, when=Condition(**when), then=Severity(then))


DEFAULT_RULES = (
    rule("security-breach", "P0", security="yes"),
    rule("business-stopped", "P0", process="critical", workaround=("none", UNKNOWN)),
    rule("revenue-at-risk", "P0", revenue_per_hour="> 0", workaround=("none", UNKNOWN)),
    rule("customer-at-risk", "P0", customer_at_risk="yes"),
    rule("critical-with-workaround", "P1", process="critical", workaround=("painful", "easy")),
    rule("major-without-easy-workaround", "P1", process="major", workaround=("none", "painful", UNKNOWN)),
    rule("reputation-at-risk", "P1", reputation="high"),
    rule("major-with-easy-workaround", "P2", process="major", workaround="easy"),
    rule("minor", "P2", process="minor"),
    rule("request", "P3", kind="request"),
    rule("no-impact", "P3", process="none"),
    Rule(
        name="core-and-others",
        when=Condition(system=("core",), other_customers=("yes",)),
        raise_by=1,
        at_most=Severity.P1,
    ),
)

DEFAULT_HINTS = (
    rule("labelled-p0", "P0", label="P0"),
    rule("labelled-p1", "P1", label="P1"),
    rule("labelled-p2", "P2", label="P2"),
    rule("labelled-p3", "P3", label="P3"),
    rule("words-of-a-breach", "P0", keyword=("data breach", "security breach", "credentials leaked")),
    rule("words-of-an-outage", "P1", keyword=("is down", "outage", "data loss", "nobody can log in", "cannot log in")),
)
