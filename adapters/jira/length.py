"""How much text Jira takes."""

LONGEST_TEXT = 32_000  # in UTF-16 units, as Jira counts; its own limit is 32,767
CUT = "\n\n(cut: too long for Jira)"


def fitting(text: str) -> str:
    """A text that fits into a comment or a description; a longer one is cut and says so."""
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) // 2 <= LONGEST_TEXT:
        return text
    return units[: 2 * (LONGEST_TEXT - len(CUT))].decode("utf-16-le", "ignore") + CUT
