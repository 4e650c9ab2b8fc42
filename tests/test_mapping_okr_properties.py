"""Random days of several emergencies: nothing stacks, order means nothing, and the originals always come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from adapters.memory import MemoryTracker
from mapping.case import Case
from mapping.issue import IssueRef
from mapping.objectives import Measure, Okr
from mapping.okr import ActiveEmergency, ObjectiveNow, active_emergency, effective, impact
from mapping.policy import Policy
from tests.mapping_house import POLICY, START, TEAM, Clock

REFS = [IssueRef("github", f"acme/shop#{number}") for number in range(1, 5)]
VERBS = ["/p0", "/p1", "/p2", "/p3", "/resolve", "close", "reopen", "hello"]
ASKED = POLICY.model_copy(
    update={
        "okr": Okr(approval="product-owner"),
        "roles": POLICY.roles.model_copy(update={"product_owner": ("alice",)}),
    }
)

acts = st.lists(st.tuples(st.sampled_from(REFS), st.sampled_from(VERBS)), max_size=25)


@dataclass
class Standing:
    """How an issue stands, kept by the book: the oracle."""

    severity: str = ""
    lasts: bool = True

    def on(self, verb: str) -> None:
        if verb in {"/p0", "/p1", "/p2", "/p3"}:
            self.severity = verb[1:].upper()
        elif verb in {"/resolve", "close"}:
            self.lasts = False
        elif verb == "reopen":
            self.lasts = True


class Day:
    """Four issues in a tracker in memory, and people who act on them, a minute each."""

    def __init__(self) -> None:
        self.clock = Clock(START)
        self.tracker = MemoryTracker("github", "markdown", TEAM, self.clock)
        self.book = {ref: Standing() for ref in REFS}
        for ref in REFS:
            self.tracker.open(ref, "carol", "Something")

    def act(self, ref: IssueRef, verb: str, by: str = "bob") -> None:
        self.clock.now += timedelta(minutes=1)
        if verb == "close":
            self.tracker.close(ref, by)
        elif verb == "reopen":
            self.tracker.reopen(ref, by)
        else:
            self.tracker.comment(ref, by, verb)
        self.book[ref].on(verb)

    def active(self, policy: Policy) -> list[ActiveEmergency]:
        cases = [Case.of(issue, policy) for issue in self.tracker.issues()]
        return [found for case in cases if (found := active_emergency(case, policy)) is not None]


def left(severities: Sequence[str]) -> Decimal:
    return Decimal(0) if "P0" in severities else Decimal("0.8") if "P1" in severities else Decimal(1)


def by_the_book(severities: Sequence[str]) -> list[Measure | None]:
    """R52, R53: the worst one decides, once, and only about growth."""
    share = left(severities)
    return [
        result.measure.eased(share if objective.growth else Decimal(1))
        for objective in POLICY.okr.objectives
        for result in objective.key_results
    ]


def targets(now: Sequence[ObjectiveNow]) -> list[Measure | None]:
    return [one.target for objective in now for one in objective.key_results]


@given(acts)
def test_the_worst_emergency_decides_and_nothing_stacks(happened: list[tuple[IssueRef, str]]) -> None:
    day = Day()
    for ref, verb in happened:
        day.act(ref, verb)
        lasting = {ref: one.severity for ref, one in day.book.items() if one.lasts and one.severity in {"P0", "P1"}}
        active = day.active(POLICY)
        assert {one.ref: str(one.severity) for one in active} == lasting
        now = effective(active, POLICY)
        assert targets(now) == by_the_book(list(lasting.values()))
        assert all(one.says == "none" and one.because == () for one in now if not one.objective.growth)
        assert bool(now[1].because) is bool(lasting)


@given(acts)
def test_the_originals_come_back_after_the_last_one(happened: list[tuple[IssueRef, str]]) -> None:
    day = Day()
    for ref, verb in happened:
        day.act(ref, verb)
    for ref in REFS:
        day.act(ref, "close")
    now = effective(day.active(POLICY), POLICY)
    assert now == effective((), POLICY)
    assert targets(now) == [result.measure for result in Okr().key_results.values()]
    assert all(impact(Case.of(issue, POLICY), POLICY).says == "" for issue in day.tracker.issues())


@given(acts, st.randoms(use_true_random=False))
def test_their_order_and_doubles_mean_nothing(happened: list[tuple[IssueRef, str]], random: Random) -> None:
    day = Day()
    for ref, verb in happened:
        day.act(ref, verb)
    active = day.active(POLICY)
    shuffled = random.sample(active, len(active))
    assert effective(shuffled, POLICY) == effective(active, POLICY)
    assert targets(effective([*active, *shuffled], POLICY)) == targets(effective(active, POLICY))


@given(acts)
def test_nothing_changes_before_the_product_owner_agrees_and_then_everything(
    happened: list[tuple[IssueRef, str]],
) -> None:
    day = Day()
    for ref, verb in happened:
        day.act(ref, verb)
    for ref in REFS:
        day.act(ref, "/approve-okr", by="bob")
    waiting = day.active(ASKED)
    assert targets(effective(waiting, ASKED)) == by_the_book([])
    assert all(one.impact.proposal is not None for one in waiting)
    for ref in REFS:
        day.act(ref, "/approve-okr", by="alice")
    agreed = day.active(ASKED)
    assert [one.impact for one in agreed] == [one.impact for one in day.active(POLICY)]
    assert targets(effective(agreed, ASKED)) == targets(effective(day.active(POLICY), POLICY))


NUMBERS = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10**6), places=2)


@given(NUMBERS, st.sampled_from(["", ">", ">=", "<", "<="]), st.integers(1, 99))
def test_an_eased_target_is_never_harder_and_is_a_target(number: Decimal, sign: str, percent: int) -> None:
    measure = Measure(sign, number, "%")
    eased = measure.eased(Decimal(percent) / 100)
    assert eased is not None
    harder = eased.number < number if measure.less_is_better else eased.number > number
    assert not harder
    read = Measure.parse(str(eased))
    assert (read.sign, read.number, read.unit) == (eased.sign, eased.number, eased.unit)
