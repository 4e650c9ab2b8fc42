"""The slash commands that people write in comments: parsing only. One a line, at its start, outside code and quotes."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from mapping.severity import Severity
from mapping.text import Line, lines
from mapping.triage import BY_KEY, UNKNOWN, Answer
from mapping.when import When, when

SHOWN = 80  # characters of a command, or of a word in it, that are repeated in an answer

_COMMAND = re.compile(r"/([a-z][a-z0-9-]*)(?:\s+(.*))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SetSeverity:
    """`/p0` … `/p3`: this is how bad it is (R25)."""

    said: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Triage:
    """`/triage key=value …`: answers to the checklist (R23)."""

    said: str
    answers: dict[str, Answer]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, told by a command: `/ack`, `/eta 2h`, `/ic @alice`, `/sent 14:15` and the like.

    `text` is who, where or what; `when` is the time that was named.
    """

    said: str
    name: str
    text: str = ""
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Misread:
    """A command that could not be understood, and why, as a sentence for its author."""

    said: str
    why: str


Command = SetSeverity | Triage | Fact | Misread

_SEVERITIES = {severity.value.lower(): severity for severity in Severity}
_PLAIN = {"ack", "waiting", "resume", "resolve", "confirmed", "approve-okr"}
_TOLD = {
    "ic": "write /ic @login",
    "engineer": "write /engineer @login",
    "comms": "write /comms @login",
    "warroom": "write /warroom and the address of the call or channel",
    "diagnosis": "write /diagnosis and what you found",
    "rca": "write /rca and the root cause",
    "fix": "write /fix and what you did",
    "prevention": "write /prevention and what keeps it from coming back",
}
_ROLES = {"ic", "engineer", "comms"}
_WHO = re.compile(r"@?([A-Za-z0-9][A-Za-z0-9._-]{0,99})|\[~(?:accountid:)?([A-Za-z0-9][A-Za-z0-9:._@-]{0,99})\]")
_TIMED = {"eta": "write /eta 2h, or /eta 14:15"}
_LONGEST = 500


def commands_in(body: str) -> Iterator[Command]:
    """Every command in a comment, in order. Words that are no command of ours are left alone."""
    yield from (command for line in lines(body) if (command := command_in(line)) is not None)


def command_in(line: Line) -> Command | None:
    """The command that a line is, if it is one of ours."""
    if not line.prose or not line.text.startswith("/"):
        return None
    match = _COMMAND.fullmatch(line.text.rstrip())
    if match is None:
        return None
    name, rest, said = match[1].lower(), match[2] or "", line.text.rstrip()[:SHOWN]
    if name in _SEVERITIES:
        return SetSeverity(said, _SEVERITIES[name])
    return _triage(said, rest) if name == "triage" else _fact(said, name, rest.strip())


def who(text: str) -> str:
    """The login or account id in `@alice`, `alice`, `[~alice]` or `[~accountid:…]`; empty for anything else."""
    match = _WHO.fullmatch(text.strip())
    return (match[1] or match[2]) if match else ""


def _fact(said: str, name: str, rest: str) -> Fact | Misread | None:
    """A command that tells a fact; None for a word that is no command of ours."""
    if name in _PLAIN:
        return Fact(said, name)
    if name in _TOLD:
        text = who(rest) if name in _ROLES else rest[:_LONGEST]
        return Fact(said, name, text=text) if text else Misread(said, _TOLD[name])
    if name == "sent" and not rest:
        return Fact(said, name)
    if name in {*_TIMED, "sent"}:
        meant = when(rest)
        hint = _TIMED.get(name, "write /sent, or /sent 14:15 for the next update that you promised")
        return Fact(said, name, when=meant) if meant is not None else Misread(said, hint)
    return None


def _triage(said: str, rest: str) -> Triage | Misread:
    try:
        pairs = [word.partition("=") for word in shlex.split(rest)]
    except ValueError:
        return Misread(said, "a quotation mark is not closed")
    if not pairs:
        return Misread(said, "write /triage process=critical workaround=none")
    answers: dict[str, Answer] = {}
    for name, equals, value in pairs:
        key = name.lower().replace("-", "_")
        if key not in BY_KEY:
            return Misread(said, f"there is no question {name[:SHOWN]!r}; the questions are {', '.join(BY_KEY)}")
        if not equals:
            return Misread(said, f"write {key}=answer, without spaces around the sign")
        answer = BY_KEY[key].read(value)
        if answer == UNKNOWN and value.casefold() != UNKNOWN:
            return Misread(said, f"{key} is one of {_known_answers(key)}")
        answers[key] = Answer(answer, "command")
    return Triage(said, answers)


def _known_answers(key: str) -> str:
    question = BY_KEY[key]
    return ", ".join((*question.choices, UNKNOWN)) if question.choices else "a number or a text, or unknown"
