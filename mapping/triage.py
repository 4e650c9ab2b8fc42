"""The triage checklist (R22) and how its answers are read from forms, fields, labels and commands (R23)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from mapping.text import Line, lines

UNKNOWN = "unknown"

_NOT_AN_ANSWER = re.compile(
    r"(not sure|unknown|no response|no idea|n a|tbd|unsure|do ?n ?t know|i do ?n ?t know|not known)\b"
)
_HEADING = re.compile(r"(?:#{1,6}\s+|h[1-6]\.\s*)(.+)")
_CURRENCY = re.compile(r"[$€£¥]|usd|eur|gbp|chf|jpy", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,])(\d[\d.,' ]*)\s*([km]?)(?![\w])", re.IGNORECASE)
_GROUPING = re.compile(r"(?<!\d{4})[.,' ](?=\d{3}(?!\d))")
_MOST = 1e12


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the checklist. `choices` maps an answer to its wording in the form; empty means free text."""

    key: str
    heading: str
    choices: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    number: bool = False

    def read(self, text: str) -> str:
        """The answer in a text a person wrote or picked; `unknown` when it says nothing that we understand."""
        first = next((line.strip() for line in text.splitlines() if line.strip()), "")
        plain = _plain(first)
        if not plain or _NOT_AN_ANSWER.match(plain):
            return UNKNOWN
        if self.number:
            return _largest_number(first)
        if not self.choices:
            return first[:200]
        return next((choice for choice, begins in _beginnings(self.key) if f"{plain} ".startswith(begins)), UNKNOWN)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and where it came from: form, field, label or command."""

    value: str
    source: str


YES_NO = {"yes": "Yes", "no": "No"}

QUESTIONS = (
    Question("customers", "Which customers are affected?", also=("affected customers", "which customer(s) affected")),
    Question("revenue_per_hour", "Revenue impact per hour", number=True, also=("revenue impact",)),
    Question(
        "process",
        "Business process impact",
        {
            "critical": "Critical: their business is stopped",
            "major": "Major: an important process is badly hurt",
            "minor": "Minor: it is inconvenient",
            "none": "None: nothing is hurt right now",
        },
    ),
    Question(
        "workaround",
        "Is there a workaround?",
        {
            "none": "None: no way around it",
            "painful": "Painful: possible, but it hurts",
            "easy": "Easy: they can go on",
        },
        also=("workaround available", "workaround"),
    ),
    Question(
        "reputation",
        "Risk to our reputation",
        {"high": "High", "medium": "Medium", "low": "Low"},
        also=("external reputation risk", "reputation risk"),
    ),
    Question(
        "system",
        "Which part of the system?",
        {"core": "Core: everybody needs it", "secondary": "Secondary: many need it", "feature": "Feature: some use it"},
        also=("system affected",),
    ),
    Question("other_customers", "Are other customers affected?", YES_NO, also=("other customers affected",)),
    Question(
        "quick_fix",
        "Is a quick fix possible?",
        {**YES_NO, "needs-investigation": "Needs investigation"},
        also=("quick fix possible",),
    ),
    Question(
        "rollback",
        "Is a rollback available?",
        {**YES_NO, "risky": "Risky"},
        also=("rollback available",),
    ),
    Question("security", "Could this be a security breach?", YES_NO, also=("security breach",)),
    Question("customer_at_risk", "Could we lose the customer over this?", YES_NO, also=("customer at risk",)),
    Question(
        "kind",
        "What kind of report is this?",
        {"defect": "Defect: something is broken", "request": "Request: something is missing", "question": "Question"},
        also=("kind of report", "kind"),
    ),
)

BY_KEY = {question.key: question for question in QUESTIONS}


@dataclass(frozen=True, slots=True)
class Sections:
    """A body taken apart: the text under each known heading, and the prose without headings and picked answers."""

    under: Mapping[str, str]
    prose: str


def sections(body: str, known: Mapping[str, str]) -> Sections:
    """Take a form's body apart by the known headings, as `known_headings` gives them; others split nothing."""
    under: dict[str, list[str]] = {}
    prose: list[str] = []
    key: str | None = None
    for line in lines(body):
        heading = _heading(line)
        if heading is not None and heading in known:
            key = known[heading]
            under.setdefault(key, [])
            continue
        if heading is not None and key is not None and not under[key]:
            key = None  # the question was left without an answer; this is another one's text
        picked = key is not None and not under[key] and _is_picked(key, line.text)
        if line.prose and not picked:
            prose.append(line.text)
        if key is not None and (under[key] or line.text.strip()):
            under[key].append(line.text)
    return Sections({k: "\n".join(v).strip() for k, v in under.items()}, "\n".join(prose))


def _heading(line: Line) -> str | None:
    match = _HEADING.match(line.text) if line.prose else None
    return _plain_heading(match[1]) if match else None


def _is_picked(key: str, text: str) -> bool:
    """The line is one of the question's own options, not the reporter's words."""
    return bool(BY_KEY[key].choices) and bool(text.strip()) and BY_KEY[key].read(text) != UNKNOWN


def answers_in(texts: Mapping[str, str], source: str) -> dict[str, Answer]:
    """What the texts answer, by question key; what says nothing is left out (R23: unknown is no answer)."""
    read = ((key, BY_KEY[key].read(text)) for key, text in texts.items() if key in BY_KEY)
    return {key: Answer(value, source) for key, value in read if value != UNKNOWN}


def merged(sources: Iterable[Mapping[str, Answer]]) -> dict[str, Answer]:
    """Later sources win, but `unknown` never takes an answer away (R23)."""
    answers: dict[str, Answer] = {}
    for source in sources:
        answers.update({key: answer for key, answer in source.items() if answer.value != UNKNOWN})
    return answers


def known_headings(headings: Mapping[str, str]) -> dict[str, str]:
    """The question key of every heading that we know; `headings` names further ones by question key."""
    known = {_plain_heading(name): q.key for q in QUESTIONS for name in (q.heading, q.key, *q.also)}
    return {**known, **{_plain_heading(name): key for key, name in headings.items()}}


@cache
def _beginnings(key: str) -> tuple[tuple[str, str], ...]:
    """How the answers to a question begin, in plain words."""
    return tuple((choice, f"{_plain(choice)} ") for choice in BY_KEY[key].choices)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def _plain_heading(text: str) -> str:
    return _plain(re.sub(r"\([^()/]*/[^()]*\)", "", text))


def _largest_number(text: str) -> str:
    """The largest amount in a line such as "about $1,200 - 1.5k"; commas, points and spaces may group thousands."""
    amounts = [_amount(digits, unit) for digits, unit in _NUMBER.findall(_CURRENCY.sub(" ", text))]
    return f"{min(max(amounts), _MOST):.2f}".rstrip("0").rstrip(".") if amounts else UNKNOWN


def _amount(digits: str, unit: str) -> float:
    numbers = re.findall(r"\d+(?:[.,]\d+)?", _GROUPING.sub("", digits))
    most = max(float(number.replace(",", ".")) for number in numbers)
    return most * {"k": 1_000, "m": 1_000_000}.get(unit.casefold(), 1)
