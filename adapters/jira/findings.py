"""How the doctor of a Jira site says what it found."""

from adapters.tracker import Finding, Health


def ok(about: str, says: str) -> Finding:
    """Nothing to do."""
    return Finding(Health.OK, about, says)


def fault(about: str, says: str, mend: str) -> Finding:
    """Something the integrator can't work without."""
    return Finding(Health.FAULT, about, says, mend)


def warning(about: str, says: str, mend: str) -> Finding:
    """Something that is worse than it could be, or that could not be looked at."""
    return Finding(Health.WARNING, about, says, mend)
