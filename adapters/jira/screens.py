"""What can be edited on an issue: the fields of its edit screen, and the options that its lists offer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.jira.cache import Cache
from adapters.jira.client import found, issue_path
from adapters.jira.errors import Refused
from adapters.jira.site import Site

SCREEN_IS_KEPT = timedelta(minutes=10)

Kind = tuple[str, str]
"""Issues that share an edit screen: the ids of their project and of their type."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The ids of the fields that can be set, each with the options it offers (None: it takes any value).

    `ids` are the options' own ids, by field and by what they are called.
    """

    fields: Mapping[str, frozenset[str] | None]
    ids: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def takes(self, field: str, text: str) -> bool:
        """Whether a field can be set to this."""
        options = self.fields.get(field)
        return field in self.fields and (options is None or not text or text in options)


class Screens:
    """The edit screens of a site. Jira tells them issue by issue; those of one type in one project share the answer."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._known: Cache[Screen] = Cache(SCREEN_IS_KEPT, site.now)

    def known(self, kind: Kind) -> Screen | None:
        """The screen, if it was asked for lately."""
        return self._known.peek(kind)

    def ask(self, kind: Kind, issue: str) -> Screen:
        """The screen, by an issue that has it. One that can't be edited at all tells nothing about the others."""
        try:
            return self._known.get(kind, lambda: self._ask(issue))
        except LookupError:
            return Screen({})

    def ask_anew(self, kind: Kind, issue: str) -> Screen:
        """The same after a refusal: what was known doesn't hold any more."""
        self._known.drop(kind)
        return self.ask(kind, issue)

    def _ask(self, issue: str) -> Screen:
        try:
            answer = self._site.client.call("GET", issue_path(issue, "editmeta"))
        except Refused as refusal:
            raise LookupError(issue) from refusal
        fields = found(answer, "fields")["fields"]
        if not fields:
            raise LookupError(issue)
        return screen_of(fields)


def screen_of(fields: Mapping[str, Any]) -> Screen:
    """A screen as `editmeta` describes it."""
    settable = {key: about for key, about in fields.items() if "set" in (about.get("operations") or ())}
    return Screen({key: _options(about) for key, about in settable.items()}, dict(_ids(settable)))


def _ids(settable: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, str]]]:
    for key, about in settable.items():
        allowed = about.get("allowedValues")
        options = [one for one in allowed if isinstance(one, dict)] if isinstance(allowed, list) else []
        yield key, {str(one.get("value") or one.get("name")): str(one["id"]) for one in options if "id" in one}


def _options(about: Mapping[str, Any]) -> frozenset[str] | None:
    allowed = about.get("allowedValues")
    if (about.get("schema") or {}).get("type") != "option" or not isinstance(allowed, list):
        return None
    return frozenset(str(option.get("value")) for option in allowed if not option.get("disabled"))
