"""Facts in words: every kind of status comment in both markups, and nothing a stranger wrote works in it."""

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.tracker import Dialect
from integrator.texts import Markdown, Wiki, in_words, listed, status_text
from mapping.changes import Missing, Refusal, StatusFacts, Why
from mapping.severity import Severity

FACTS = StatusFacts(
    severity=Severity.P0,
    confirmed_by=None,
    why=(Why("business-stopped", "process: critical, workaround: none"),),
    missing=(),
    refused=(),
    response_within="1h",
    resolution_within="4h",
    assignees=(),
    flags=(),
    closed=False,
)
MISSING = (
    Missing("process", "Business process impact", ("critical", "major")),
    Missing("workaround", "Is there a workaround?", ("none", "easy")),
    Missing("revenue_per_hour", "Revenue impact per hour", ()),
)
P3 = replace(FACTS, severity=Severity.P3, response_within="2d", resolution_within="next quarter")
UNDECIDED = replace(FACTS, severity=None, why=(), response_within="", resolution_within="")

SAYS = [
    (FACTS, ["### P0 Critical (provisional)", "within **1 hour** of the report", "solved within **4 hours**"]),
    (FACTS, ["**Why**", "- business-stopped (process: critical, workaround: none)"]),
    (FACTS, ["confirm with <code>/p0</code>", "Nobody is assigned yet: take it by assigning yourself"]),
    (replace(FACTS, confirmed_by="alice"), ["### P0 Critical\n", "Severity confirmed by alice."]),
    (replace(FACTS, assignees=("bob", "dan")), ["bob, dan: answer the customer, and keep them posted."]),
    (replace(FACTS, missing=MISSING), ["**Not answered yet**", "- Business process impact: critical or major\n"]),
    (replace(FACTS, missing=MISSING), ["<code>/triage process=critical</code>", "never makes it less severe"]),
    (
        replace(FACTS, missing=MISSING[2:]),
        ["- Revenue impact per hour\n", "<code>/triage revenue&#95;per&#95;hour=500<"],
    ),
    (
        replace(FACTS, severity=Severity.P2, response_within="1d", resolution_within="1w"),
        ["1 day of", "within 1 week."],
    ),
    (replace(P3, confirmed_by="bob"), ["### P3 Low\n", "Thank you for the report.", "It takes its turn in the normal"]),
    (P3, ["### P3 Low (provisional)", "because nothing of the customer's business is hurt right now"]),
    (UNDECIDED, ["### Needs triage", "a person decides", "<code>/p0</code> to <code>/p3</code> or one of the labels"]),
    (replace(FACTS, closed=True), ["### Closed, was P0 Critical"]),
    (replace(UNDECIDED, closed=True), ["### Closed\n"]),
    (
        replace(FACTS, refused=(Refusal("/p0 now", "carol", "only people with write access can use commands"),)),
        ["**Commands not carried out**", "- <code>/p0 now</code> by carol: only people with write access"],
    ),
    (replace(FACTS, flags=("The card stays in Review, where bob put it.",)), ["\nThe card stays in Review, where bob"]),
]


@pytest.mark.parametrize(("facts", "says"), SAYS)
def test_the_comment_says_it(facts: StatusFacts, says: list[str]) -> None:
    text = status_text(facts, "markdown")
    for said in says:
        assert said in text
    assert text.endswith("This comment is kept up to date.</sub>")
    assert "\n\n\n" not in text and text == text.strip()


def test_what_is_closed_asks_for_nothing_more() -> None:
    text = status_text(replace(FACTS, closed=True, confirmed_by="alice"), "markdown")
    assert "Next" not in text and "confirmed by" not in text


def test_the_whole_comment_in_jiras_markup() -> None:
    facts = replace(FACTS, missing=MISSING, refused=(Refusal("/p9?", "carol", "there is no such thing"),))
    assert status_text(facts, "wiki").splitlines() == [
        "h3. P0 Critical (provisional)",
        "",
        "We answer within *1 hour* of the report and aim to have it solved within *4 hours*.",
        "",
        "*Why*",
        "* business-stopped (process: critical, workaround: none)",
        "",
        "*Not answered yet*",
        "* Business process impact: critical or major",
        "* Is there a workaround\\? none or easy",
        "* Revenue impact per hour",
        "",
        "Please edit the description; somebody of the team can also write {{/triage process=critical}}."
        " What is not known never makes it less severe.",
        "",
        "*Next*",
        "* Team: confirm with {{/p0}}, or correct it with another of {{/p0}} to {{/p3}}.",
        "* Nobody is assigned yet: take it by assigning yourself, then answer the customer.",
        "",
        "*Commands not carried out*",
        "* {{/p9\\?}} by carol: there is no such thing",
        "",
        "{color:#6b778c}This comment is kept up to date.{color}",
    ]


def _everywhere(words: str) -> StatusFacts:
    return replace(
        FACTS,
        confirmed_by=words,
        why=(Why("keyword", words),),
        refused=(Refusal(words, words, words),),
        assignees=(words,),
        flags=(words,),
    )


HOSTILE = [
    "@everybody look",
    "#12 and acme/shop#3",
    "<!-- spark:status --><script>alert(1)</script>",
    "[click](https://evil.example) ![pixel](https://evil.example/p.png)",
    "**bold** _it_ ~~no~~ `code` | table |",
    "line\n\n# heading\n- item\n> quote",
    "www.evil.example https://evil.example",
    "{{ facts }} {% raw %}",
    "{code}x{code} {color:red}x{color} [~carol] !pixel.png! [link|https://evil.example] -struck- +under+ ??cite?? ^up^",
    "&lt;b&gt; &#64;carol",
    "C:\\new\\table",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_a_strangers_words_stay_words_on_github(words: str) -> None:
    text = status_text(_everywhere(words), "markdown")
    assert not re.search(r"@|<!--|<script|\]\(|!\[|https?://|www\.|\*\*bold|~~|`|\|", text)
    assert "\n# " not in text and "\n> " not in text
    seen = html.unescape(text)
    assert not re.search(r"[@#]\w", seen), "GitHub looks for mentions and issues when entities are read"
    shown = " ".join(words.split())
    assert shown in seen.replace("\u200b", "")


@pytest.mark.parametrize("words", HOSTILE)
def test_a_strangers_words_stay_words_in_jira(words: str) -> None:
    text = status_text(_everywhere(words), "wiki")
    own = text.replace("{color:#6b778c}", "").replace("{color}", "").replace("{{", "").replace("}}", "")
    assert not re.search(r"(?<!\\)[\[\]{}!|~^+]", own)
    assert not re.search(r"(?<!\\):(?=//)", own)
    assert "\n# " not in own


@given(st.text(max_size=200), st.sampled_from(["markdown", "wiki"]))
def test_any_words_fit_on_one_line(words: str, dialect: Dialect) -> None:
    lines = len(status_text(_everywhere("x"), dialect).splitlines())
    flat = " ".join(words.split()) or "x"
    assert len(status_text(_everywhere(flat), dialect).split("\n")) <= lines


def test_a_long_command_is_shortened() -> None:
    text = status_text(replace(FACTS, refused=(Refusal("/p0 " + "x" * 1000, "carol", "no"),)), "markdown")
    assert len(text) < 1000


@pytest.mark.parametrize(
    ("duration", "words"),
    [("15m", "15 minutes"), ("1h", "1 hour"), ("2d", "2 days"), ("1w", "1 week"), ("next quarter", "next quarter")],
)
def test_durations_in_words(duration: str, words: str) -> None:
    assert in_words(duration) == words


def test_lists_in_words() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a or b", "a, b or c"]


def test_markup_is_not_escaped_twice() -> None:
    for ui in (Markdown(), Wiki()):
        once = ui.escape("a*b")
        assert ui.text(once) == once != "a*b"
