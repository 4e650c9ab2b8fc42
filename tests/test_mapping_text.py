"""Which lines are the author's own prose: what commands, headings and keywords are read from."""

import pytest

from mapping.text import Line, lines


def prose(body: str) -> list[str]:
    return [line.text for line in lines(body) if line.prose and line.text]


@pytest.mark.parametrize(
    ("body", "own"),
    [
        pytest.param("", [], id="R23 empty"),
        pytest.param("a\r\nb\rc\nd", ["a", "b", "c", "d"], id="R23 line ends"),
        pytest.param("> a\n>b\nbq. c\nd", ["d"], id="R23 quotations"),
        pytest.param("```\na\n```\nb", ["b"], id="R23 fence"),
        pytest.param("```python title\na\n```\nb", ["b"], id="R23 fence with a language"),
        pytest.param("   ```\na\n  ```  \nb", ["b"], id="R23 indented fence"),
        pytest.param("```\na\n``` no end\nb\n```\nc", ["c"], id="R23 a sign with words closes nothing"),
        pytest.param("````\na\n```\nb\n````\nc", ["c"], id="R23 a shorter fence closes nothing"),
        pytest.param("```\na\n`````\nb", ["b"], id="R23 a longer fence closes"),
        pytest.param("```\n~~~\n```\na\n~~~\nb\n~~~", ["a"], id="R23 tildes in a fence open nothing"),
        pytest.param("~~~ `x`\na\n~~~\nb", ["b"], id="R23 tildes"),
        pytest.param("```a```\nb\n```\nc\n```\nd", ["```a```", "b", "d"], id="R23 code on one line is no fence"),
        pytest.param("``\na\n``", ["``", "a", "``"], id="R23 two backticks are no fence"),
        pytest.param("```\na", ["```", "a"], id="R23 fence never closed"),
        pytest.param("````\na\n```\nb", ["````", "a", "```", "b"], id="R23 fence never closed long enough"),
        pytest.param(
            "`````\na\n````\nb\n````\nc", ["`````", "a", "c"], id="R23 a fence never closed hides no later one"
        ),
        pytest.param("a {code} b\nc\n{code}\nd", ["d"], id="R23 Jira code"),
        pytest.param("{code:java|title=x}\na\n{code}\nb", ["b"], id="R23 Jira code with a language"),
        pytest.param(
            "{noformat}\na\n{code}\n{noformat}\nb\n{code}\nc\n{code}", ["b"], id="R23 a macro in another opens nothing"
        ),
        pytest.param("{quote}\na\n{quote}\nb", ["b"], id="R23 Jira quotation"),
        pytest.param("{code}a{code} b\nc", ["c"], id="R23 a macro on one line"),
        pytest.param("{code}a{code}{code}\nc\n{code}\nd", ["d"], id="R23 a second macro on the line"),
        pytest.param("{code:a}{code:b}\nc", ["{code:a}{code:b}", "c"], id="R23 a sign with a language closes nothing"),
        pytest.param("{color:red}\na\n{color}", ["{color:red}", "a", "{color}"], id="R23 other macros hide nothing"),
        pytest.param("a<!-- b\nc -->d", ["ad"], id="R23 comment"),
        pytest.param("<!-->a<!--->b<!-- c", ["ab<!-- c"], id="R23 empty comments, and one never closed"),
        pytest.param("a --> b", ["a --> b"], id="R23 only the end of a comment"),
    ],
)
def test_own_prose(body: str, own: list[str]) -> None:
    assert prose(body) == own


def test_every_line_is_kept() -> None:
    assert list(lines("a\n```\nb\n```")) == [Line("a", True), Line("```", False), Line("b", False), Line("```", False)]
