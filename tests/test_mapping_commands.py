"""Slash commands: what is one, what is none, and what is misread."""

import time
from datetime import UTC, datetime, timedelta
from datetime import time as clock

import pytest

from mapping.commands import Command, Fact, Misread, SetSeverity, Triage, commands_in, who
from mapping.severity import Severity
from mapping.triage import BY_KEY, Answer

QUESTIONS = ", ".join(BY_KEY)


def read(body: str) -> list[Command]:
    return list(commands_in(body))


@pytest.mark.parametrize(
    ("body", "severities"),
    [
        pytest.param("/p0", ["P0"], id="R25 p0"),
        pytest.param("/p1\n/p2\r\n/p3", ["P1", "P2", "P3"], id="R25 one a line"),
        pytest.param("/P0", ["P0"], id="R25 in capitals"),
        pytest.param("/p0   \t", ["P0"], id="R25 spaces after it"),
        pytest.param("/p0 the shop is down", ["P0"], id="R25 words after it"),
        pytest.param("Sorry:\n\n/p2\n\nthanks", ["P2"], id="R25 among words"),
        pytest.param("", [], id="R25 empty"),
        pytest.param(" /p0", [], id="R25 not at the start of the line"),
        pytest.param("use /p0 for that", [], id="R25 in a sentence"),
        pytest.param("/p0.", [], id="R25 with a full stop"),
        pytest.param("/p0/logs/app.log", [], id="R25 a path"),
        pytest.param("/p4\n/p\n/p00\n/priority\n//p0\n/", [], id="R25 none of ours"),
        pytest.param("> /p0", [], id="R25 quoted"),
        pytest.param("bq. /p0\n{quote}\n/p0\n{quote}", [], id="R25 quoted on Jira"),
        pytest.param("```\n/p0\n```", [], id="R25 in a fence"),
        pytest.param("````\n```\n/p0\n```\n````", [], id="R25 in a fence in a fence"),
        pytest.param("~~~\n/p0\n~~~\n/p1", ["P1"], id="R25 after tildes"),
        pytest.param("```\n/p0", ["P0"], id="R25 after a fence never closed"),
        pytest.param("{code}\n/p0\n{code}\n{noformat}\n/p1\n{noformat}", [], id="R25 in Jira code"),
        pytest.param("<!-- \n/p0\n-->", [], id="R25 in a comment"),
    ],
)
def test_severities(body: str, severities: list[str]) -> None:
    found = read(body)
    assert [c.severity for c in found if isinstance(c, SetSeverity)] == [Severity(s) for s in severities]
    assert len(found) == len(severities)


@pytest.mark.parametrize(
    ("rest", "answers"),
    [
        pytest.param("process=critical workaround=none", {"process": "critical", "workaround": "none"}, id="R23 two"),
        pytest.param("Process=CRITICAL", {"process": "critical"}, id="R23 in capitals"),
        pytest.param("other-customers=yes", {"other_customers": "yes"}, id="R23 with a hyphen"),
        pytest.param("quick_fix=needs-investigation", {"quick_fix": "needs-investigation"}, id="R23 of two words"),
        pytest.param(
            'customers="Acme, Inc." kind=request', {"customers": "Acme, Inc.", "kind": "request"}, id="R23 quoted"
        ),
        pytest.param("revenue_per_hour=1.5k", {"revenue_per_hour": "1500"}, id="R23 an amount"),
        pytest.param("security=unknown", {"security": "unknown"}, id="R23 unknown, said on purpose"),
        pytest.param("process=minor process=major", {"process": "major"}, id="R23 twice: the last"),
    ],
)
def test_triage(rest: str, answers: dict[str, str]) -> None:
    line = f"/triage {rest}"
    assert read(line) == [Triage(line, {key: Answer(value, "command") for key, value in answers.items()})]


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        pytest.param("", "write /triage process=critical workaround=none", id="R23 nothing"),
        pytest.param('customers="Acme', "a quotation mark is not closed", id="R23 open quotation mark"),
        pytest.param(
            "colour=red", f"there is no question 'colour'; the questions are {QUESTIONS}", id="R23 no question"
        ),
        pytest.param(
            "critical", f"there is no question 'critical'; the questions are {QUESTIONS}", id="R23 only an answer"
        ),
        pytest.param("process = critical", "write process=answer, without spaces around the sign", id="R23 spaces"),
        pytest.param("process=bad", "process is one of critical, major, minor, none, unknown", id="R23 no answer"),
        pytest.param("process=tbd", "process is one of critical, major, minor, none, unknown", id="R23 an evasion"),
        pytest.param("security=", "security is one of yes, no, unknown", id="R23 empty"),
        pytest.param(
            "revenue_per_hour=lots", "revenue_per_hour is one of a number or a text, or unknown", id="R23 no number"
        ),
        pytest.param(
            "process=critical security=maybe", "security is one of yes, no, unknown", id="R23 one wrong spoils all"
        ),
    ],
)
def test_misread(rest: str, why: str) -> None:
    line = f"/triage {rest}".rstrip()
    assert read(line) == [Misread(line, why)]


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        pytest.param("/ack", Fact("/ack", "ack"), id="ack"),
        pytest.param("/ACK thanks", Fact("/ACK thanks", "ack"), id="in capitals, with words for people"),
        pytest.param("/waiting for the logs", Fact("/waiting for the logs", "waiting"), id="G19 waiting"),
        pytest.param("/resume", Fact("/resume", "resume"), id="G19 resume"),
        pytest.param("/resolve", Fact("/resolve", "resolve"), id="resolve"),
        pytest.param("/confirmed", Fact("/confirmed", "confirmed"), id="confirmed"),
        pytest.param("/ic @alice", Fact("/ic @alice", "ic", "alice"), id="R30 on GitHub"),
        pytest.param("/ic alice", Fact("/ic alice", "ic", "alice"), id="R30 without the sign"),
        pytest.param("/engineer [~a.smith]", Fact("/engineer [~a.smith]", "engineer", "a.smith"), id="R71 Data Center"),
        pytest.param(
            "/comms [~accountid:5b10ac8d82e05b22cc7d4ef5]",
            Fact("/comms [~accountid:5b10ac8d82e05b22cc7d4ef5]", "comms", "5b10ac8d82e05b22cc7d4ef5"),
            id="R71 Cloud",
        ),
        pytest.param(
            "/warroom  https://meet.example/1 now",
            Fact("/warroom  https://meet.example/1 now", "warroom", "https://meet.example/1 now"),
            id="R27 an address",
        ),
        pytest.param(
            "/diagnosis disk full", Fact("/diagnosis disk full", "diagnosis", "disk full"), id="R31 diagnosis"
        ),
        pytest.param("/rca no alarm", Fact("/rca no alarm", "rca", "no alarm"), id="R39 root cause"),
        pytest.param("/fix a new key", Fact("/fix a new key", "fix", "a new key"), id="R48 fix"),
        pytest.param("/Prevention a watch", Fact("/Prevention a watch", "prevention", "a watch"), id="R48 prevention"),
        pytest.param("/eta 2h", Fact("/eta 2h", "eta", when=timedelta(hours=2)), id="R35 how long"),
        pytest.param("/eta 14:15", Fact("/eta 14:15", "eta", when=clock(14, 15)), id="R35 a time of day"),
        pytest.param("/sent", Fact("/sent", "sent"), id="R46 sent"),
        pytest.param(
            "/sent 2026-11-23T14:15Z",
            Fact("/sent 2026-11-23T14:15Z", "sent", when=datetime(2026, 11, 23, 14, 15, tzinfo=UTC)),
            id="R49 sent, with a promise",
        ),
        # misread
        pytest.param("/ic", Misread("/ic", "write /ic @login"), id="R30 nobody"),
        pytest.param("/ic @a @b", Misread("/ic @a @b", "write /ic @login"), id="R30 two"),
        pytest.param("/ic @", Misread("/ic @", "write /ic @login"), id="R30 no name"),
        pytest.param("/comms the_team!", Misread("/comms the_team!", "write /comms @login"), id="R71 no login"),
        pytest.param("/engineer", Misread("/engineer", "write /engineer @login"), id="R71 nobody"),
        pytest.param(
            "/warroom", Misread("/warroom", "write /warroom and the address of the call or channel"), id="R27 nowhere"
        ),
        pytest.param("/diagnosis  ", Misread("/diagnosis", "write /diagnosis and what you found"), id="R31 nothing"),
        pytest.param("/rca", Misread("/rca", "write /rca and the root cause"), id="R39 nothing"),
        pytest.param("/fix ", Misread("/fix", "write /fix and what you did"), id="R48 nothing"),
        pytest.param(
            "/prevention",
            Misread("/prevention", "write /prevention and what keeps it from coming back"),
            id="R48 nothing either",
        ),
        pytest.param("/eta", Misread("/eta", "write /eta 2h, or /eta 14:15"), id="R35 no time"),
        pytest.param("/eta soon", Misread("/eta soon", "write /eta 2h, or /eta 14:15"), id="R35 a vague time"),
        pytest.param(
            "/sent today",
            Misread("/sent today", "write /sent, or /sent 14:15 for the next update that you promised"),
            id="R49 a vague promise",
        ),
    ],
)
def test_facts(line: str, fact: Command) -> None:
    assert read(line) == [fact]
    assert read(f"> {line}\n```\n{line}\n```\n {line}\nplease {line}") == []


@pytest.mark.parametrize(
    "line", ["/acknowledge", "/sentry", "/icing", "/etas", "/ack.", "/waiting-on-customer", "/wait"]
)
def test_no_facts(line: str) -> None:
    """A word that only begins like a command is none, and is answered with nothing."""
    assert read(line) == []


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("@alice", "alice"),
        ("  alice-b ", "alice-b"),
        ("[~a.b]", "a.b"),
        ("[~accountid:712020:1a2b-3c]", "712020:1a2b-3c"),
        ("", ""),
        ("@@alice", ""),
        ("-alice", ""),
        ("[~]", ""),
        ("@alice\n@all", ""),
        ("<b>", ""),
        ("x" * 100, "x" * 100),
        ("x" * 101, ""),
    ],
)
def test_who(text: str, handle: str) -> None:
    """R30, R71: a name that can be mentioned, and nothing else."""
    assert who(text) == handle


def test_what_is_told_is_cut() -> None:
    (command,) = read("/diagnosis " + "y" * 60_000)
    assert isinstance(command, Fact)
    assert (len(command.text), len(command.said)) == (500, 80)


@pytest.mark.parametrize(
    "line", ["/p0 " + "x" * 60_000, "/triage " + "x" * 60_000, "/triage customers='" + "x" * 60_000]
)
def test_what_is_repeated_is_short(line: str) -> None:
    """R23: an answer to a command must fit into the status comment, whatever the command."""
    start = time.process_time()
    (command,) = read(line)
    assert command.said == line[:80]
    assert not isinstance(command, Misread) or len(command.why) < 400
    assert time.process_time() - start < 10
