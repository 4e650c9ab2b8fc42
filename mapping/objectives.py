"""Objectives and their key results, as app.yaml writes them, and what emergencies leave of them (R50-R53)."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from mapping.hours import Strict
from mapping.issue import Person
from mapping.matrix import DEFAULT_MATRIX, Tradeoff
from mapping.severity import Severity

ALL = Decimal(1)  # of a target is left
NOTHING = Decimal(0)

_TARGET = re.compile(r"(>=|<=|>|<|=)?\s*(\d{1,12}(?:\.\d{1,6})?)\s*([^\d\s.,].{0,29})?")

_Where = tuple[int | str, ...]
_Faults = Iterator[tuple[_Where, str]]


@dataclass(frozen=True, slots=True)
class Measure:
    """A target as a number: `> 95 %`, `< 4 h`, `50 a month`. Without a sign it is to be reached: at least so much."""

    sign: str
    number: Decimal
    unit: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a target; ValueError with examples when it is none."""
        match = _TARGET.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a target; write for example '> 95 %', '< 4 h', '= 0' or '50 a month'")
        return cls(match[1] or "", Decimal(match[2]), (match[3] or "").strip())

    def __str__(self) -> str:
        return " ".join(filter(None, (self.sign, plain(self.number), self.unit)))

    @property
    def less_is_better(self) -> bool:
        """Whether a smaller number is the better result."""
        return self.sign in {"<", "<="}

    def eased(self, left: Decimal) -> "Measure | None":
        """The target when only this part of it is left (R53); None when nothing is: it is suspended (R52).

        Where more is better the number is multiplied, so that `50 a month` becomes 40 with 0.8 left. Where less is
        better it is divided: `< 4 h` becomes `< 5 h`, for a time is a rate turned upside down, and 80 % of the rate
        takes 1 / 0.8 of the time. Either way nothing left means no target at all. Rounded up at the second decimal
        after those of the target.
        """
        if left == NOTHING:
            return None
        if left == ALL:
            return self
        number = self.number / left if self.less_is_better else self.number * left
        decimals = len(str(self.number).partition(".")[2]) + 2
        return replace(self, number=number.quantize(Decimal(1).scaleb(-decimals), ROUND_CEILING))


def plain(number: Decimal) -> str:
    """A number without needless zeros."""
    return f"{number.normalize():f}"


def _target(value: Any) -> Any:
    """A bare number is a target too."""
    return f"{Decimal(str(value)):f}" if isinstance(value, int | float) and not isinstance(value, bool) else value


def _readable(value: str) -> str:
    return str(Measure.parse(value))


Name = Annotated[str, Field(pattern=r"\S", max_length=100)]
TargetText = Annotated[str, BeforeValidator(_target, json_schema_input_type=str | float), AfterValidator(_readable)]


class KeyResult(Strict):
    """A key result: its full id (`O1.KR2`), what it is, and its target."""

    id: Annotated[str, Field(pattern=r"^[^\s:;,]{1,40}$")]
    title: Name
    target: TargetText

    @property
    def measure(self) -> Measure:
        """The target as a number."""
        return Measure.parse(self.target)


class Objective(Strict):
    """An objective. `growth`: it gives way to emergencies (R52, R53); without, it is what emergencies endanger."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,19}$")]
    title: Name
    growth: bool = False
    key_results: Annotated[tuple[KeyResult, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_are_full(self) -> Self:
        if faults := list(self._bare_ids()):
            raise refusal("Objective", faults)
        return self

    def _bare_ids(self) -> _Faults:
        for number, result in enumerate(self.key_results):
            name = result.id.rpartition(".")[2]
            if not re.fullmatch(rf"{re.escape(self.id)}\.[A-Za-z][A-Za-z0-9_-]*", result.id):
                says = f"{result.id!r} is not a full id of {self.id}; write {self.id}.{name or 'KR1'}"
                yield ("key_results", number, "id"), says


def _result(id_: str, title: str, target: str) -> KeyResult:
    return KeyResult(id=id_, title=title, target=target)


DEFAULT_OBJECTIVES = (
    Objective(
        id="O1",
        title="Delight existing customers",
        key_results=(
            _result("O1.KR1", "Customer satisfaction", "> 95 %"),
            _result("O1.KR2", "Support resolution time", "< 4 h"),
            _result("O1.KR3", "Critical bugs", "= 0 a month"),
        ),
    ),
    Objective(
        id="O2",
        title="Accelerate new customer acquisition",
        growth=True,
        key_results=(
            _result("O2.KR1", "New sign-ups", "50 a month"),
            _result("O2.KR2", "New features shipped", "3"),
            _result("O2.KR3", "Conversion rate", "> 15 %"),
        ),
    ),
)


class Okr(Strict):
    """The objectives, what gives way to emergencies, and who has to agree.

    `p1_factor` is what a P1 leaves of growth targets (R53). Ids are full (`O1.KR2`) and told apart by their letters,
    not by their case.
    """

    objectives: tuple[Objective, ...] = DEFAULT_OBJECTIVES
    matrix: tuple[Tradeoff, ...] = DEFAULT_MATRIX
    approval: Literal["none", "product-owner"] = "none"
    p1_factor: Annotated[float, Field(ge=0.01, le=0.99)] = 0.8

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if faults := [*self._doubles(), *self._strangers()]:
            raise refusal("Okr", faults)
        return self

    @property
    def key_results(self) -> Mapping[str, KeyResult]:
        """Every key result by its full id, in the order of app.yaml."""
        return {result.id: result for objective in self.objectives for result in objective.key_results}

    def left_by(self, severity: Severity) -> Decimal:
        """What an emergency of this severity leaves of growth targets (R52-R54): 1 all, 0 nothing."""
        return {Severity.P0: NOTHING, Severity.P1: Decimal(str(self.p1_factor))}.get(severity, ALL)

    def full_id(self, text: str) -> str:
        """A key result's id as app.yaml spells it; ValueError with the candidates for a bare or unknown one."""
        ids = tuple(self.key_results)
        if same := [id_ for id_ in ids if id_.casefold() == text.casefold()]:
            return same[0]
        if any(objective.id.casefold() == text.casefold() for objective in self.objectives):
            inside = _either(self.under(text))
            raise ValueError(f"{text!r} is an objective; name one of its key results: {inside}")
        if bare := [id_ for id_ in ids if id_.partition(".")[2].casefold() == text.casefold()]:
            raise ValueError(f"{text!r} is not a full id; write {_either(bare)}")
        raise ValueError(f"there is no key result {text!r}; there is {', '.join(ids) or 'none'}")

    def under(self, text: str) -> tuple[str, ...]:
        """The full ids that are meant by an objective's id, or by a key result's; ValueError as `full_id`."""
        for objective in self.objectives:
            if objective.id.casefold() == text.casefold():
                return tuple(result.id for result in objective.key_results)
        return self._one(text)

    def _one(self, text: str) -> tuple[str, ...]:
        return (self.full_id(text),)

    def _doubles(self) -> _Faults:
        for key, names in (
            ("objectives", [objective.id for objective in self.objectives]),
            ("matrix", [row.name for row in self.matrix]),
        ):
            yield from (((key, n), says) for n, says in _twice(names))
        for n, objective in enumerate(self.objectives):
            ids = [result.id for result in objective.key_results]
            yield from ((("objectives", n, "key_results", m, "id"), says) for m, says in _twice(ids))

    def _strangers(self) -> _Faults:
        """Ids in the matrix that are no full ids of ours, and conditions that nothing can make true."""
        said: set[str] = set()
        for n, row in enumerate(self.matrix):
            threatened, unknown = _known(row.threatens, self._one)
            dropped, foreign = _known(row.drop, self.under)
            asked, strange = _known(row.when.threatens, self._one)
            for place, faults in ((("threatens",), unknown), (("drop",), foreign), (("when", "threatens"), strange)):
                yield from (self._in_row((n, *place, m), says) for m, says in faults)
            for id_ in sorted(set(threatened) & set(dropped)):
                yield ("matrix", n, "drop"), f"{id_} is threatened: work on it is not dropped by the same row"
            if asked and not said & set(asked):
                yield ("matrix", n, "when", "threatens"), f"no row before this one threatens {_either(asked)}"
            said |= set(threatened)

    def _in_row(self, where: _Where, says: str) -> tuple[_Where, str]:
        """A fault of the matrix; the default one has no lines in anybody's file."""
        if "matrix" in self.model_fields_set:
            return ("matrix", *where), says
        return ("matrix",), f"{says}; write a matrix for your own objectives"


def why_not_approved(by: Person, okr: Okr, product_owner: Sequence[str]) -> str:
    """Why somebody's `/approve-okr` does not count, for its author; empty when it does, or nobody's is needed.

    People are known by login, user name or account id, never by a display name: those can be chosen.
    """
    names = {name.removeprefix("@").casefold() for name in product_owner}
    if okr.approval == "none" or not names.isdisjoint({by.id.casefold(), by.handle.casefold()}):
        return ""
    return "OKR changes are approved by the product owner; thank you, but this one has to come from them"


def _twice(names: Sequence[str]) -> Iterator[tuple[int, str]]:
    lower = [name.casefold() for name in names]
    return ((n, f"{name!r} is there twice") for n, name in enumerate(names) if lower[n] in lower[:n])


def _known(
    ids: Sequence[str] | None, meant: Callable[[str], tuple[str, ...]]
) -> tuple[list[str], list[tuple[int, str]]]:
    """What the ids mean, and what is wrong with the others, by place."""
    found: list[str] = []
    faults: list[tuple[int, str]] = []
    for place, id_ in enumerate(ids or ()):
        try:
            found += meant(id_)
        except ValueError as error:
            faults.append((place, str(error)))
    return found, faults


def _either(ids: Sequence[str]) -> str:
    return ", ".join(ids[:-1]) + (" or " if ids[1:] else "") + ids[-1]


def refusal(part: str, faults: Sequence[tuple[_Where, str]]) -> ValidationError:
    """Every fault at its own place, so that each is told with its own line of app.yaml."""
    return ValidationError.from_exception_data(
        part, [{"type": "value_error", "loc": where, "ctx": {"error": says}, "input": None} for where, says in faults]
    )
