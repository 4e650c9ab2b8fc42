"""Facts in words: every kind of status comment in both markups, and nothing a stranger wrote works in it."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.tracker import Dialect
from integrator.dialects import Markdown, Wiki
from integrator.texts import CLOCKS, Texts, in_both_zones, in_words, listed, span
from mapping.changes import AlarmFacts, Box, ClockFacts, Missing, Proposal, Refusal, StatusFacts, Why
from mapping.policy import CLOCKS as NAMES
from mapping.severity import Severity

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)

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

TIMED = (
    ClockFacts("triage", "met", NOW + timedelta(minutes=15), NOW - timedelta(minutes=5)),
    ClockFacts("response", "at_risk", NOW + timedelta(minutes=12)),
    ClockFacts("next_update", "breached", NOW - timedelta(minutes=125)),
    ClockFacts("resolution", "paused", None),
)
SAYS = [
    (replace(FACTS, clocks=TIMED[1:2]), ["- First response: **at risk**, due 09:12 UTC, 12 min left\n"]),
    (
        replace(FACTS, boxes=(Box("customer told", True), Box("commander named: /ic @login", False))),
        ["**Checklist**\n- [x] customer told\n- [ ] commander named: /ic &#64;&#8203;login\n"],
    ),
    (
        replace(FACTS, roles=(("incident commander", "bob"), ("comms lead", "zoe-x"))),
        ["**Roles**\n- incident commander: bob\n- comms lead: zoe-x\n"],
    ),
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
    (
        replace(FACTS, proposal=Proposal("suspended", ("O1.KR2", "O1.KR1"), ("O2.KR2",))),
        [
            "**Proposed for the OKRs**\n- growth objectives are suspended while this is open\n"
            "- threatened: O1.KR2, O1.KR1\n- work dropped first: O2.KR2\n\n"
            "Nothing of it counts before the product owner comments <code>/approve-okr</code>.\n"
        ],
    ),
    (
        replace(FACTS, proposal=Proposal("reduced 20%", (), ())),
        ["**Proposed for the OKRs**\n- targets of growth objectives are reduced 20% while this is open\n\nNothing"],
    ),
    (
        replace(FACTS, proposal=Proposal("none", ("O1.KR2",), ())),
        ["**Proposed for the OKRs**\n- threatened: O1.KR2\n\nNothing"],
    ),
    (replace(FACTS, flags=("The card stays in Review, where bob put it.",)), ["\nThe card stays in Review, where bob"]),
]


@pytest.mark.parametrize(("facts", "says"), SAYS)
def test_the_comment_says_it(facts: StatusFacts, says: list[str]) -> None:
    text = Texts().status(facts, "markdown", NOW)
    for said in says:
        assert said in text
    assert text.endswith("This comment is kept up to date; times left are as of 09:00 UTC.</sub>")
    assert "\n\n\n" not in text and text == text.strip()


def test_what_is_closed_asks_for_nothing_more() -> None:
    text = Texts().status(replace(FACTS, closed=True, confirmed_by="alice"), "markdown", NOW)
    assert "Next" not in text and "confirmed by" not in text


def test_the_whole_comment_in_jiras_markup() -> None:
    facts = replace(FACTS, missing=MISSING, refused=(Refusal("/p9?", "carol", "there is no such thing"),))
    assert Texts().status(facts, "wiki", NOW).splitlines() == [
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
        "{color:#6b778c}This comment is kept up to date; times left are as of 09:00 UTC.{color}",
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
    text = Texts().status(_everywhere(words), "markdown", NOW)
    assert not re.search(r"@|<!--|<script|\]\(|!\[|https?://|www\.|\*\*bold|~~|`|\|", text)
    assert "\n# " not in text and "\n> " not in text
    seen = html.unescape(text)
    assert not re.search(r"[@#]\w", seen), "GitHub looks for mentions and issues when entities are read"
    shown = " ".join(words.split())
    assert shown in seen.replace("\u200b", "")


@pytest.mark.parametrize("words", HOSTILE)
def test_a_strangers_words_stay_words_in_jira(words: str) -> None:
    text = Texts().status(_everywhere(words), "wiki", NOW)
    own = text.replace("{color:#6b778c}", "").replace("{color}", "").replace("{{", "").replace("}}", "")
    assert not re.search(r"(?<!\\)[\[\]{}!|~^+]", own)
    assert not re.search(r"(?<!\\):(?=//)", own)
    assert "\n# " not in own


@given(st.text(max_size=200), st.sampled_from(["markdown", "wiki"]))
def test_any_words_fit_on_one_line(words: str, dialect: Dialect) -> None:
    lines = len(Texts().status(_everywhere("x"), dialect, NOW).splitlines())
    flat = " ".join(words.split()) or "x"
    assert len(Texts().status(_everywhere(flat), dialect, NOW).split("\n")) <= lines


def test_a_long_command_is_shortened() -> None:
    text = Texts().status(replace(FACTS, refused=(Refusal("/p0 " + "x" * 1000, "carol", "no"),)), "markdown", NOW)
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


# ---------------------------------------------------------------------- clocks in words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (125, "2 h 5 min left"),
        (60, "1 h left"),
        (0.5, "0 min left"),
        (0, "0 min over"),
        (-0.5, "0 min over"),
        (-12, "12 min over"),
        (24 * 60, "1 d left"),
        (26 * 60 + 3, "1 d 2 h left"),
        (-(7 * 24 * 60 + 5), "7 d 5 min over"),
    ],
)
def test_spans_in_words(minutes: float, words: str) -> None:
    assert span(timedelta(minutes=minutes)) == words


@pytest.mark.parametrize(
    ("at", "zone", "words"),
    [
        (NOW, "UTC", "09:00 UTC"),
        (NOW, "Europe/London", "09:00 UTC"),
        (NOW, "Asia/Kolkata", "09:00 UTC (14:30 Asia/Kolkata)"),
        (NOW + timedelta(days=1), "Europe/Berlin", "Tue 24 Nov 09:00 UTC (10:00 Europe/Berlin)"),
        (NOW - timedelta(hours=10), "UTC", "Sun 22 Nov 23:00 UTC"),
    ],
)
def test_times_in_both_zones(at: datetime, zone: str, words: str) -> None:
    assert in_both_zones(at, ZoneInfo(zone), NOW) == words


def test_clocks_are_told_in_the_teams_zone_too() -> None:
    text = Texts().status(replace(FACTS, zone="Europe/Berlin", clocks=TIMED), "markdown", NOW)
    assert text.partition("**Clocks**\n")[2].splitlines()[:4] == [
        "- Triage by a person: **met**, 08:55 UTC (09:55 Europe/Berlin)",
        "- First response: **at risk**, due 09:12 UTC (10:12 Europe/Berlin), 12 min left",
        "- Next update: **breached**, due 06:55 UTC (07:55 Europe/Berlin), 2 h 5 min over",
        "- Solved: **paused**",
    ]
    assert text.endswith("times left are as of 09:00 UTC (10:00 Europe/Berlin).</sub>")


def test_every_clock_has_a_name_for_people() -> None:
    assert set(CLOCKS) == set(NAMES)


# ---------------------------------------------------------------------- alarms

ALARM = AlarmFacts(
    severity=Severity.P0,
    breached=(TIMED[2], ClockFacts("resolution", "breached", NOW)),
    step="team",
    mentions=("alice", "bob"),
    late=False,
    reclassified=False,
    zone="Europe/Berlin",
)


def test_the_whole_alarm_on_github() -> None:
    assert Texts().alarm(ALARM, "markdown", NOW).splitlines() == [
        "### Promise broken: P0",
        "",
        "@alice @bob",
        "",
        "- **Next update** was due 06:55 UTC (07:55 Europe/Berlin)",
        "- **Solved** was due 09:00 UTC (10:00 Europe/Berlin)",
        "",
        "This goes to the team.",
    ]


def test_the_whole_alarm_in_jiras_markup() -> None:
    people = ("5b10ac8d82e05b22cc7d4ef5", "a.smith")
    facts = replace(ALARM, mentions=people, late=True, reclassified=True, zone="UTC", severity=None)
    assert Texts().alarm(facts, "wiki", NOW).splitlines() == [
        "h3. Late since it was reclassified",
        "",
        "[~accountid:5b10ac8d82e05b22cc7d4ef5] [~a.smith]",
        "",
        "* *Next update* was due 06:55 UTC",
        "* *Solved* was due 09:00 UTC",
        "",
        "This goes to the team.",
        "",
        "{color:#6b778c}This alarm is late: it could not be said in time.{color}",
    ]


@pytest.mark.parametrize(
    ("changed", "says", "says_not"),
    [
        pytest.param({"mentions": ()}, "This goes to the team, but nobody is named yet.", "@", id="nobody to call"),
        pytest.param({"step": ""}, "Promise broken: P0", "This goes to", id="after the ladder"),
        pytest.param({"late": True}, "it could not be said in time", "reclassified", id="late"),
        pytest.param({"reclassified": True}, "### Late since it was reclassified: P0", "broken", id="G20 reclassified"),
        pytest.param({"severity": None}, "### Promise broken\n", "P0", id="undecided"),
    ],
)
def test_an_alarm_says_it(changed: dict[str, object], says: str, says_not: str) -> None:
    text = Texts().alarm(replace(ALARM, **changed), "markdown", NOW)  # type: ignore[arg-type]
    assert says in text
    assert says_not not in text
    assert "\n\n\n" not in text and text == text.strip()


@pytest.mark.parametrize(
    ("handle", "on_github", "in_jira"),
    [
        ("alice", "@alice", "[~alice]"),
        ("acme/sre", "@acme/sre", "[~acme/sre]"),
        ("5b10ac8d82e05b22cc7d4ef5", "@5b10ac8d82e05b22cc7d4ef5", "[~accountid:5b10ac8d82e05b22cc7d4ef5]"),
        (
            "712020:0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
            "712020:0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
            "[~accountid:712020:0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f]",
        ),
        ("Al Ice", "Al Ice", "Al Ice"),
        ("@all", "&#64;&#8203;all", "@all"),
        ("x] [~admin", "x&#93; &#91;&#126;admin", "x\\] \\[\\~admin"),
        ("<img>", "&#60;img&#62;", "<img>"),
    ],
)
def test_who_is_called(handle: str, on_github: str, in_jira: str) -> None:
    """Only what can be a login or an account id becomes a mention."""
    assert (Markdown().mention(handle), Wiki().mention(handle)) == (on_github, in_jira)


def test_roles_are_named_without_calling_anybody() -> None:
    """The comment is edited often; only an account id must be a mention, or nobody could read it."""
    account = "5b10ac8d82e05b22cc7d4ef5"
    assert (Markdown().person("alice"), Wiki().person("alice")) == ("alice", "alice")
    assert Wiki().person(account) == f"[~accountid:{account}]"


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_roles_and_boxes_stay_words(words: str) -> None:
    facts = replace(FACTS, roles=(("engineer", words),), boxes=(Box(words, True),))
    text = Texts().status(facts, "markdown", NOW)
    assert not re.search(r"@|<!--|<script|\]\(|!\[|https?://|www\.|\*\*bold|~~|`|\|", text)
    jira = Texts().status(facts, "wiki", NOW).replace("{color:#6b778c}", "").replace("{color}", "")
    assert not re.search(r"(?<!\\)[\[\]!|~^+]", jira.replace("{{", "").replace("}}", ""))
