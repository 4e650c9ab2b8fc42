"""The checklist (R22) and how its answers are read from what people wrote (R23)."""

import time

import pytest

from mapping.triage import BY_KEY, QUESTIONS, UNKNOWN, Answer, answers_in, known_headings, merged, sections
from tests.mapping_house import form

NOTHING = [
    "", "   \n\n ", "_No response_", "No response", "Not sure", "not sure, sorry", "Unknown", "unknown for now", "n/a",
    "N/A", "TBD", "Don't know", "I don't know", "dont know", "No idea", "unsure", "?", "-", "—", "Not known",
]  # fmt: skip


@pytest.mark.parametrize("text", NOTHING, ids=lambda text: f"R23 {text!r}")
@pytest.mark.parametrize("key", BY_KEY)
def test_what_says_nothing_is_unknown(key: str, text: str) -> None:
    assert BY_KEY[key].read(text) == UNKNOWN


@pytest.mark.parametrize(
    ("key", "text", "answer"),
    [(q.key, wording, answer) for q in QUESTIONS for answer, wording in q.choices.items()]
    + [(q.key, answer, answer) for q in QUESTIONS for answer in q.choices]
    + [(q.key, f"  {answer.upper()}!\nand more\n", answer) for q in QUESTIONS for answer in q.choices],
    ids=lambda text: f"R22 {text}",
)
def test_every_option_of_the_form_is_its_answer(key: str, text: str, answer: str) -> None:
    assert BY_KEY[key].read(text) == answer


@pytest.mark.parametrize(
    ("key", "text", "answer"),
    [
        pytest.param("process", "None", "none", id="R22 none is an answer where the checklist knows it"),
        pytest.param("workaround", "None", "none", id="R22 no workaround"),
        pytest.param("reputation", "None", UNKNOWN, id="R23 none is no answer where it is not known"),
        pytest.param("process", "**Critical**", "critical", id="R23 emphasised"),
        pytest.param("process", "🔥 critical", "critical", id="R23 decorated"),
        pytest.param("process", "not critical", UNKNOWN, id="R23 not at the start"),
        pytest.param("process", "criticality unclear", UNKNOWN, id="R23 whole words only"),
        pytest.param("reputation", "Highly unlikely", UNKNOWN, id="R23 high is not highly"),
        pytest.param("other_customers", "No one else", "no", id="R22 no, in words"),
        pytest.param("security", "Nobody knows", UNKNOWN, id="R23 no is not nobody"),
        pytest.param("quick_fix", "Needs investigation", "needs-investigation", id="R22 of two words"),
        pytest.param("quick_fix", "needs_investigation", "needs-investigation", id="R22 of two words, underscored"),
        pytest.param("customers", "Acme, Inc.\nand Initech", "Acme, Inc.", id="R22 free text, its first line"),
        pytest.param("customers", "株式会社", "株式会社", id="R22 free text in another script"),
        pytest.param("customers", "x" * 300, "x" * 200, id="R22 free text, not endless"),
    ],
)
def test_answers_in_peoples_words(key: str, text: str, answer: str) -> None:
    assert BY_KEY[key].read(text) == answer


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("500", "500"),
        ("$500", "500"),
        ("500 €/h", "500"),
        ("USD5000", "5000"),
        ("5000EUR per hour", "5000"),
        ("about 5k", "5000"),
        ("5kUSD", "5000"),
        ("1.5k", "1500"),
        ("1,5 k", "1500"),
        ("2M", "2000000"),
        ("$1,250,000", "1250000"),
        ("1.250.000", "1250000"),
        ("1 250 000", "1250000"),
        ("1'250'000", "1250000"),
        ("1,200.50", "1200.5"),
        ("1.200,50", "1200.5"),
        ("1000.125", "1000.12"),
        ("0.5", "0.5"),
        ("0", "0"),
        ("$1,200 - 1.5k", "1500"),
        ("10 5000", "5000"),
        ("between 100 and 2,000", "2000"),
        ("since O1 went down", UNKNOWN),
        ("lots", UNKNOWN),
        ("not sure, 500?", UNKNOWN),
        ("9" * 400, "1000000000000"),
        ("٥٠٠", "500"),
    ],
    ids=lambda text: f"R22 {text[:20]}",
)
def test_revenue_is_the_largest_amount(text: str, amount: str) -> None:
    assert BY_KEY["revenue_per_hour"].read(text) == amount


@pytest.mark.parametrize(
    ("body", "under"),
    [
        pytest.param("", {}, id="R23 empty"),
        pytest.param("Checkout is broken", {}, id="R23 no form"),
        pytest.param(
            form(process="Critical: x", workaround="None"), {"process": "critical", "workaround": "none"}, id="R23 CRLF"
        ),
        pytest.param(
            "### Process\rcritical\r### Workaround\rnone", {"process": "critical", "workaround": "none"}, id="R23 CR"
        ),
        pytest.param(
            form(process="_No response_", workaround="Not sure", security="yes"),
            {"security": "yes"},
            id="R23 no response",
        ),
        pytest.param(
            "h3. Business process impact\nMajor\nh2.Workaround\nEasy",
            {"process": "major", "workaround": "easy"},
            id="R23 Jira headings",
        ),
        pytest.param("###### WORKAROUND ######\n\npainful", {"workaround": "painful"}, id="R23 any level, any case"),
        pytest.param("### Customer at risk (yes/no)?\nyes", {"customer_at_risk": "yes"}, id="R23 hint in the heading"),
        pytest.param("### other_customers\nyes", {"other_customers": "yes"}, id="R23 by key"),
        pytest.param("###workaround\nnone", {}, id="R23 no heading without a space"),
        pytest.param("workaround\nnone", {}, id="R23 no heading at all"),
        pytest.param("> ### Workaround\n> none", {}, id="R23 quoted heading"),
        pytest.param("```\n### Workaround\nnone\n```", {}, id="R23 heading in a fence"),
        pytest.param("```\n### Workaround\nnone", {"workaround": "none"}, id="R23 heading after a fence never closed"),
        pytest.param("~~~\n### Workaround\nnone\n~~~\n", {}, id="R23 heading in tildes"),
        pytest.param("{noformat}\nh3. Workaround\nnone\n{noformat}", {}, id="R23 heading in noformat"),
        pytest.param(
            "<!--\n### Workaround\nnone\n-->\n### Process\nminor", {"process": "minor"}, id="R23 heading in a comment"
        ),
        pytest.param("### Workaround\n<!-- one of: easy -->\nnone", {"workaround": "none"}, id="R23 hint in a comment"),
        pytest.param("### Workaround\n\n### My own words\neasy", {}, id="R23 unanswered, then another heading"),
        pytest.param("### Revenue impact\n\n### 3 more things\n", {}, id="R23 unanswered, then a number in a heading"),
        pytest.param(
            "### Customers\nAcme\n### Steps\n1. easy", {"customers": "Acme"}, id="R23 a heading of the user's own"
        ),
        pytest.param(
            "### What happened?\n\n### My log\ncritical\n\n### Process\n\nminor",
            {"process": "minor"},
            id="R23 own heading in a textarea",
        ),
        pytest.param(
            "### Workaround\nnone\n### Workaround\neasy", {"workaround": "none"}, id="R23 asked twice: the first"
        ),
        pytest.param("### 影响\ncritical", {}, id="R23 unknown heading in another script"),
    ],
)
def test_a_body_is_taken_apart(body: str, under: dict[str, str]) -> None:
    read = answers_in(sections(body, known_headings({})).under, "form")
    assert {key: answer.value for key, answer in read.items()} == under


def test_headings_of_ones_own() -> None:
    headings = {"process": "影响", "workaround": "Geht es anders?"}
    body = "### 影响\ncritical\n### 说明\nfoo\n### Geht es anders\nnone\n### security\nno"
    read = answers_in(sections(body, known_headings(headings)).under, "form")
    assert {k: v.value for k, v in read.items()} == {"process": "critical", "workaround": "none", "security": "no"}


@pytest.mark.parametrize(
    ("body", "prose"),
    [
        pytest.param(
            form(process="Critical: their business is stopped"), [], id="R24 options are not the reporter's words"
        ),
        pytest.param(
            "### Is there a workaround?\n\nNone\nthe shop is down", ["the shop is down"], id="R24 words after an option"
        ),
        pytest.param("### Process\n\nthe shop is down", ["the shop is down"], id="R24 words that are no option"),
        pytest.param("### Customers\n\nAcme is down", ["Acme is down"], id="R24 free text is the reporter's words"),
        pytest.param("an outage\n```\nis down\n```\n> quoted", ["an outage"], id="R24 no code, no quotation"),
        pytest.param("is\r\n<!-- outage -->down", ["is", "down"], id="R24 no comment"),
    ],
)
def test_the_prose_is_what_the_reporter_wrote(body: str, prose: list[str]) -> None:
    assert [line for line in sections(body, known_headings({})).prose.split("\n") if line.strip()] == prose


def test_what_says_nothing_or_answers_nothing_is_left_out() -> None:
    texts = {"process": "critical", "workaround": "not sure", "colour": "red"}
    assert answers_in(texts, "field") == {"process": Answer("critical", "field")}


def test_later_sources_win_but_unknown_takes_nothing_away() -> None:
    first = {"process": Answer("major", "form"), "security": Answer("yes", "form")}
    later = {"process": Answer("minor", "command"), "security": Answer(UNKNOWN, "command")}
    assert merged([first, later]) == {"process": Answer("minor", "command"), "security": Answer("yes", "form")}


HOSTILE = {
    "comments never closed": "<!--" * 16_000,
    "comments, one closed": "<!--" * 16_000 + "-->",
    "empty comments": "<!-->" * 13_000,
    "fences that get shorter": "\n".join("`" * size for size in range(350, 2, -1)),
    "fences never closed": "```x\n" * 13_000,
    "fences": "```\n" * 16_000,
    "macros never closed": "{code:" * 11_000,
    "macros": "{code}" * 11_000,
    "parentheses in a heading": "### " + "(" * 65_000,
    "slashes in a heading": "### " + "(/" * 32_000,
    "headings": "### workaround\n" * 4_300,
    "blank lines under a heading": "### Workaround" + "\n" * 65_000,
    "spaces after a heading": "###" + " " * 65_000,
    "digits": "### Revenue impact\n" + "1 " * 32_000,
    "one number": "### Revenue impact\n" + "1" * 65_000,
    "grouped digits": "### Revenue impact\n" + "1'" * 32_000 + "x",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=[f"R23 {name}" for name in HOSTILE])
def test_hostile_bodies_are_read_quickly(body: str) -> None:
    start = time.process_time()
    answers_in(sections(body, known_headings({})).under, "form")
    assert time.process_time() - start < 10
