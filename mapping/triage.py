"""The triage checklist (R22) and how its answers are read from forms, fields, labels and commands (R23)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mapping.text import lines

UNKNOWN = "unknown"

_NOT_AN_ANSWER = re.compile(
    r"(not sure|unknown|no response|no idea|n a|tbd|unsure|do ?n ?t know|i do ?n ?t know|not known)\b"
)
_HEADING = re.compile(r"(?:#{1,6}\s+|h[1-6]\.\s*)(.+)")
_NUMBER = re.compile(r"(?<![\w.,])(\d[\d.,' ]*)\s*([km]?)(?![\w])", re.IGNORECASE)


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
        longest_first = sorted(self.choices, key=len, reverse=True)
        return next((c for c in longest_first if f"{plain} ".startswith(f"{_plain(c)} ")), UNKNOWN)


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


def sections(body: str, headings: Mapping[str, str]) -> Sections:
    """Take a form's body apart. `headings` names further headings by question key; unknown headings split nothing."""
    known = _known_headings(headings)
    under: dict[str, list[str]] = {}
    prose: list[str] = []
    key: str | None = None
    for line in lines(body):
        heading = _HEADING.match(line.text) if line.prose else None
        if heading and _plain_heading(heading[1]) in known:
            key = known[_plain_heading(heading[1])]
            under.setdefault(key, [])
            continue
        picked = key is not None and bool(BY_KEY[key].choices) and not any(map(str.strip, under[key]))
        if key is not None:
            under[key].append(line.text)
        if line.prose and not picked:
            prose.append(line.text)
    return Sections({k: "\n".join(v).strip() for k, v in under.items()}, "\n".join(prose))


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


def _known_headings(headings: Mapping[str, str]) -> dict[str, str]:
    known = {_plain_heading(name): q.key for q in QUESTIONS for name in (q.heading, q.key, *q.also)}
    known.update({_plain_heading(name): key for key, name in headings.items()})
    return known


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.casefold()).strip()


def _plain_heading(text: str) -> str:
    return _plain(re.sub(r"\([^)]*/[^)]*\)", "", text.replace("_", " ")))


def _largest_number(text: str) -> str:
    """The largest amount in a line such as "about $1,200 - 1.5k"; commas, points and spaces may group thousands."""
    amounts = [_amount(digits, unit) for digits, unit in _NUMBER.findall(text.replace("$", " ").replace("€", " "))]
    return f"{max(amounts):g}" if amounts else UNKNOWN


def _amount(digits: str, unit: str) -> float:
    grouped = re.sub(r"[.,' ](?=\d{3}(?!\d))", "", digits.strip())
    value = float(re.sub(r"[^\d.].*|\..*\..*", "", grouped.replace(",", ".")) or 0)
    return value * {"k": 1_000, "m": 1_000_000}.get(unit.casefold(), 1)
