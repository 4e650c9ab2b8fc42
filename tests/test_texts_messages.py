"""Messages to the customer and retrospectives in words, and texts of one's own in place of ours."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import structlog

from adapters.tracker import Dialect
from integrator.dialects import Markdown, Plain
from integrator.texts import LONGEST_TITLE, Texts, sent_command
from integrator.wording import in_words
from mapping.changes import (
    Box,
    DraftFacts,
    EditStatus,
    OpenIssue,
    PostComment,
    PostDraft,
    RetrospectiveFacts,
    SetLabels,
)
from mapping.commands import Fact, commands_in
from mapping.issue import IssueRef
from mapping.places import FILLED_BY, KINDS
from mapping.severity import Severity
from mapping.when import instant
from tests.test_texts import ALARM, FACTS, HOSTILE, NOW

PLACES = {
    "customer": "Northwind",
    "issue": "Nobody can pay",
    "status": "a full disk",
    "engineer": "bob",
    "eta": (NOW + timedelta(hours=2)).isoformat(),
    "workaround": "painful",
    "root_cause": "a full disk",
    "fix": "a larger disk",
    "prevention": "an alarm at 80 %",
}
DRAFT = DraftFacts("response", PLACES, (), NOW + timedelta(hours=4), "Europe/Berlin")


def gapped(kind: str) -> DraftFacts:
    return replace(DRAFT, kind=kind, places=dict.fromkeys(PLACES, ""), missing=tuple(FILLED_BY.items()))


def test_a_whole_message_as_a_person_sends_it() -> None:
    message = Texts().message(DRAFT, "plain", NOW)
    assert message.subject == "What we know and when it will be solved: Nobody can pay"
    assert message.body.splitlines() == [
        "Hello Northwind,",
        "",
        "thank you for telling us about this: Nobody can pay. It has a high priority here, and bob works on nothing"
        " else until it is solved.",
        "",
        "- What we found so far: a full disk",
        "- When we expect to be done: 11:00 UTC (12:00 Europe/Berlin)",
        "- A way around it until then: there is one, though it takes some effort; we can walk you through it",
        "- When you hear from us again: by 13:00 UTC (14:00 Europe/Berlin)",
    ]


@pytest.mark.parametrize(
    ("facts", "says", "says_not"),
    [
        (replace(DRAFT, kind="acknowledgement"), "\n- How it stands: a full disk\n", "disk\n\n-"),
        (replace(gapped("acknowledgement"), missing=()), "\n- How it stands: we are looking for the cause\n", "["),
        (replace(DRAFT, kind="acknowledgement", next_update_at=None), "We keep you posted", "hear from us"),
        (replace(DRAFT, kind="update"), "\n- When we expect to be done: 11:00 UTC (12:00 Europe/Berlin)\n", "["),
        (replace(gapped("update"), missing=(("engineer", "/engineer @login"),)), "[engineer: /engineer @login]", "eta"),
        (
            replace(DRAFT, kind="follow_up"),
            "\n- The cause: a full disk\n- What we did: a larger disk\n",
            "hear from us",
        ),
        (replace(DRAFT, places={**PLACES, "workaround": "none"}), "until then: none that we know of yet\n", "["),
        (gapped("response"), "[eta: /eta 2h]", "None"),
        (gapped("follow_up"), "[root cause: /rca the root cause]", "None"),
    ],
)
def test_a_message_says_what_is_known_and_shows_its_gaps(facts: DraftFacts, says: str, says_not: str) -> None:
    body = Texts().message(facts, "plain", NOW).body
    assert says in body and says_not not in body


def test_the_draft_on_jira_says_that_it_is_one() -> None:
    text = Texts().draft(replace(DRAFT, places={**PLACES, "issue": "*Nobody* can pay"}), "wiki", NOW)
    assert text.splitlines()[:5] == [
        "{color:#6b778c}A draft for a person to send to the customer; nothing has been sent."
        " Once it is sent, write {{/sent 14:00}} here.{color}",
        "",
        "*What we know and when it will be solved: \\*Nobody\\* can pay*",
        "",
        "Hello Northwind,",
    ]
    assert "* What we found so far: a full disk\n" in text


def test_a_draft_with_gaps_asks_to_fill_them_first() -> None:
    text = Texts().draft(gapped("response"), "markdown", NOW)
    assert "nothing has been sent. Fill the gaps in brackets first. Once it is sent" in text
    assert "Hello &#91;customer: /triage customers=" in text


@pytest.mark.parametrize(
    ("promised", "command"),
    [
        (None, "/sent"),
        (NOW + timedelta(hours=1), "/sent 11:00"),
        (NOW + timedelta(hours=19, minutes=59), "/sent 05:59"),
        (NOW + timedelta(hours=20), "/sent 2026-11-24 06:00"),
        (NOW + timedelta(days=3), "/sent 2026-11-26 10:00"),
    ],
)
def test_the_command_that_promises_it_means_it(promised: datetime | None, command: str) -> None:
    """R49: what is written into the command is read as the same instant, in the team's zone."""
    assert sent_command(replace(DRAFT, zone="Europe/Berlin", next_update_at=promised), NOW) == command
    (sent,) = commands_in(command)
    assert isinstance(sent, Fact)
    assert promised == (instant(sent.when, NOW, ZoneInfo("Europe/Berlin")) if sent.when else None)


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_places_stay_words(kind: str, words: str) -> None:
    places = {**dict.fromkeys(PLACES, words), "eta": ""}
    facts = replace(DRAFT, kind=kind, places=places)
    text = Texts().draft(facts, "markdown", NOW)
    assert not re.search(r"@|<!--|<script|\]\(|!\[|https?://|www\.|\*\*bold|~~|`|\|", text)
    jira = re.sub(r"\{color(:#6b778c)?\}|\{\{|\}\}", "", Texts().draft(facts, "wiki", NOW))
    assert not re.search(r"(?<!\\)[\[\]!|~^+]", jira)
    letter = Texts().message(facts, "plain", NOW)
    assert "\n" not in letter.subject and " ".join(words.split()) in letter.body


def test_plain_words_keep_their_signs_and_lose_what_a_terminal_obeys() -> None:
    plain = Plain()
    assert plain.escape("a\x1b[31m\tb\r\nc\u202e *d* @e é 日 👩\u200d🚒 \udcff") == "a[31m b c *d* @e é 日 👩\u200d🚒 "
    assert [plain.code("/p0"), plain.mention("bob"), plain.person("bob"), plain.box(True), plain.box(False)] == [
        "/p0",
        "bob",
        "bob",
        "[x] ",
        "[ ] ",
    ]


# ---------------------------------------------------------------------- retrospectives

RETROSPECTIVE = RetrospectiveFacts(
    of=IssueRef("github", "acme/shop#12"),
    title="Nobody can *pay*",
    severity=Severity.P0,
    reported_at=NOW - timedelta(hours=3, minutes=5),
    resolved_at=NOW,
    due_at=NOW + timedelta(hours=24),
    kept=("response",),
    broken=("next_update", "resolution"),
    boxes=(Box("root cause analysis completed", True), Box("prevention plan created", False)),
    zone="Europe/Berlin",
)


def test_the_whole_retrospective_on_github() -> None:
    letter = Texts().retrospective(RETROSPECTIVE, "markdown", NOW)
    assert letter.subject == "Retrospective: Nobody can *pay*"
    assert letter.body.splitlines() == [
        "We look back at acme/shop#12, a P0 emergency, to learn from it. It is about what let it happen and what made"
        " it hard, never about whom to blame.",
        "",
        "**What happened**",
        "- Reported: Mon 23 Nov 2026 05:55 UTC (06:55 Europe/Berlin)",
        "- Solved: Mon 23 Nov 2026 09:00 UTC (10:00 Europe/Berlin), after 3 h 5 min",
        "- Promise kept: First response",
        "- Promise broken: Next update",
        "- Promise broken: Solved",
        "",
        "**To do by Tue 24 Nov 2026 09:00 UTC (10:00 Europe/Berlin)**",
        "- [x] root cause analysis completed",
        "- [ ] prevention plan created",
        "",
        "Close this issue when all of it is done.",
    ]


def test_a_retrospective_without_details_names_the_issue_only() -> None:
    letter = Texts().retrospective(replace(RETROSPECTIVE, title=""), "markdown", NOW)
    assert letter.subject == "Retrospective: acme/shop#12" and "pay" not in letter.body


def test_a_retrospective_on_jira_names_the_issue_so_that_jira_links_it() -> None:
    letter = Texts().retrospective(replace(RETROSPECTIVE, of=IssueRef("jira", "MY_OPS-7")), "wiki", NOW)
    assert letter.body.startswith("We look back at MY_OPS-7, a P0 emergency,") and "* ☐ prevention" in letter.body


def test_a_title_fits_into_one_line_of_a_tracker() -> None:
    letter = Texts().retrospective(replace(RETROSPECTIVE, title="long\n" * 100), "markdown", NOW)
    assert len(letter.subject) == LONGEST_TITLE and letter.subject.endswith("…") and "\n" not in letter.subject


@pytest.mark.parametrize("key", ["acme/shop#12", "my_org/a.b-c#1", "OPS-7", "12", "x](y)#1", "@all#1"])
def test_only_what_can_be_an_issue_is_linked(key: str) -> None:
    is_key = key in {"acme/shop#12", "my_org/a.b-c#1", "OPS-7"}
    assert (Markdown().issue(key) == key) is (is_key or key == "12")


# ---------------------------------------------------------------------- texts of one's own


@pytest.mark.parametrize("dialect", ["markdown", "wiki"])
def test_a_text_of_ones_own_is_escaped_like_ours(dialect: Dialect) -> None:
    own = "{{ ui.bold }}Broken{{ ui.bold }}: {{ facts.step }} {{ facts.step | safe }} {{ facts.step ~ ui.bold }}"
    text = Texts({"alarm": own}).alarm(replace(ALARM, step="*you*"), dialect, NOW)
    sign, star = ("**", "&#42;") if dialect == "markdown" else ("*", "\\*")
    words = f"{star}you{star}"
    assert text == f"{sign}Broken{sign}: {words} {words} {words}{star * len(sign)}"


def test_what_app_yaml_does_not_replace_is_ours() -> None:
    own = Texts({"alarm": "Late"})
    assert own.alarm(ALARM, "markdown", NOW) == "Late"
    assert own.status(FACTS, "markdown", NOW) == Texts().status(FACTS, "markdown", NOW)
    assert own.message(DRAFT, "plain", NOW) == Texts().message(DRAFT, "plain", NOW)


def test_a_text_that_fails_on_facts_nobody_foresaw_gives_way_to_ours() -> None:
    own = Texts({"alarm": "{% if facts.mentions | length > 2 %}{{ 1 // 0 }}{% endif %}Late"})
    with structlog.testing.capture_logs() as logs:
        text = own.alarm(replace(ALARM, mentions=("a", "b", "c")), "markdown", NOW)
    assert text.startswith("### Promise broken: P0\n\n@a @b @c")
    assert [(line["log_level"], line["text"]) for line in logs] == [("warning", "alarm")]


def test_every_change_that_says_something_is_put_into_words() -> None:
    because = ("R1",)
    own = Texts({"status": "STATUS", "alarm": "ALARM", "response": "a\nDRAFT", "retrospective": "TITLE\nBODY"})
    changes = (
        EditStatus(FACTS, {}, None, because),
        PostComment("alarm-1", ALARM, {}, because),
        PostDraft("draft-1", DRAFT, None, because),
        OpenIssue("retrospective@1", RETROSPECTIVE, "", because),
        SetLabels(frozenset({"P0"}), frozenset(), because),
    )
    status, alarm, draft, retrospective, labels = in_words(changes, "markdown", NOW, own)
    assert isinstance(status, EditStatus) and status.body == "STATUS"
    assert isinstance(alarm, PostComment) and alarm.body == "ALARM"
    assert isinstance(draft, PostDraft) and draft.body.endswith("**a**\n\nDRAFT")
    assert isinstance(retrospective, OpenIssue) and (retrospective.title, retrospective.body) == ("TITLE", "BODY")
    assert labels == changes[4]
