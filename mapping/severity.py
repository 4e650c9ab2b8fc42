"""P0 to P3 and what the protocol calls them (R1, R5, R9, R13)."""

from enum import StrEnum


class Severity(StrEnum):
    """How bad it is for the customer; P0 is the worst."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"

    @property
    def rank(self) -> int:
        """0 for P0 to 3 for P3: a smaller rank is a worse emergency."""
        return int(self.value[1])

    @property
    def word(self) -> str:
        """The protocol's word for it."""
        return _WORDS[self]

    @property
    def is_emergency(self) -> bool:
        """P0 and P1 are emergencies; P2 and P3 are ordinary work."""
        return self is Severity.P0 or self is Severity.P1

    def raised(self, levels: int, at_most: "Severity") -> "Severity":
        """The severity `levels` steps worse, but no worse than `at_most` makes it (R24)."""
        if self.rank <= at_most.rank:
            return self
        return Severity(f"P{max(self.rank - levels, at_most.rank)}")


_WORDS = {
    Severity.P0: "Critical",
    Severity.P1: "High",
    Severity.P2: "Medium",
    Severity.P3: "Low",
}
