"""The decision matrix: in which situation which key results are threatened, and what gives way to them (R51)."""

from collections.abc import Collection
from typing import Annotated, Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from mapping.hours import Strict
from mapping.rules import Condition, Signals, Words
from mapping.severity import Severity


class Situation(Condition):
    """When a row of the decision matrix fires: on an emergency's severity, or whatever a rule can look at.

    `threatens` holds when a row before this one said that one of these key results is threatened.
    """

    severity: Words | None = None
    threatens: Words | None = None

    @model_validator(mode="after")
    def _is_an_emergency(self) -> Self:
        if wrong := set(self.severity or ()) - {severity for severity in Severity if severity.is_emergency}:
            raise ValueError(f"severity: {sorted(wrong)[0]!r} never changes OKRs; use P0 or P1")
        return self

    @model_serializer(mode="wrap")
    def _what_is_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}

    def arises(self, severity: Severity, signals: Signals, threatened: Collection[str]) -> str | None:
        """What makes it hold for an emergency, in words; None when it does not hold."""
        found = [self._found(key, signals) for key in sorted(self.model_fields_set - {"severity", "threatens"})]
        if self.severity is not None:
            found.append(f"severity: {severity}" if severity in self.severity else None)
        if self.threatens is not None:
            here = {id_.casefold() for id_ in threatened}
            found.append(next((f"threatens: {id_}" for id_ in self.threatens if id_.casefold() in here), None))
        return None if None in found else ", ".join(filter(None, found))


class Tradeoff(Strict):
    """One row of the decision matrix (R51): in this situation these key results are threatened, all hands protect
    them, and work on those is dropped first. An objective to drop means all its key results.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    when: Situation
    threatens: Words | None = None
    drop: Words | None = None

    @model_validator(mode="after")
    def _has_an_effect(self) -> Self:
        if not self.threatens and not self.drop:
            raise ValueError("give `threatens`, `drop` or both")
        return self


DEFAULT_MATRIX = (
    Tradeoff(name="emergency", when=Situation(severity=("P0", "P1")), threatens=("O1.KR2",), drop=("O2.KR2",)),
    Tradeoff(name="customer-at-risk", when=Situation(customer_at_risk=("yes",)), threatens=("O1.KR1",), drop=("O2",)),
)
