"""What the agenda is about: issues, boards, and the rounds that somebody in the fleet makes again and again."""

from dataclasses import dataclass
from enum import StrEnum

from mapping import issue as mapped
from mapping.issue import BoardRef, IssueRef

_SIGN = ":!"  # no issue's and no board's name holds it


class Round(StrEnum):
    """What is done again and again for a tracker: see integrator/rounds.py."""

    REDELIVERY = "redelivery"
    RECONCILE = "reconcile"
    SWEEP = "sweep"


@dataclass(frozen=True, slots=True, order=True)
class RoundRef:
    """The name of a tracker's round (`github:!sweep`)."""

    tracker: str
    round: Round

    def __str__(self) -> str:
        return f"{self.tracker}{_SIGN}{self.round}"


Subject = IssueRef | BoardRef | RoundRef
ANY_ROUND = f"%{_SIGN}%"
"""What the names of all rounds are like, in SQL."""


def subject_of(text: str) -> Subject:
    """Read a name of an issue, a board or a round; ValueError when it is none."""
    tracker, sign, kind = text.partition(_SIGN)
    if sign and kind in list(Round):
        return RoundRef(tracker, Round(kind))
    return mapped.subject_of(text)
