"""An organisation's issue fields, which belong to the issue and not to its card (in public preview).

A project shows them, and can't change them. GitHub lists and takes them by REST only, one issue at a time
(https://docs.github.com/en/rest/issues/issue-field-values). An empty list clears all of an issue's values, and PUT
replaces them: neither is ever sent.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.github.client import Client, Json, Refused
from adapters.github.fields import by_name, field_of, is_writable, plain, shows, value_of
from adapters.github.settings import Settings
from adapters.github.shared import Field, Shared
from adapters.tracker import AccessDenied
from mapping.issue import IssueRef

_AT_ONCE = 25


class IssueFields:
    """The issue fields whose names the policy knows; nothing is asked where it names none."""

    def __init__(self, settings: Settings, client: Client, shared: Shared, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._clock = clock

    def of(self, repository: str) -> Mapping[str, Field]:
        """The fields of the organisation that owns a repository, by name (case folded); asked once an hour."""
        owner = repository.partition("/")[0].casefold()
        if not self._settings.fields:
            return {}
        known = self._shared.issue_fields.get(owner, self._clock())
        if known is None:
            known = self._ask(owner)
            self._shared.issue_fields.put(owner, known, self._clock())
        return known

    def _ask(self, owner: str) -> Mapping[str, Field]:
        """None for users, for servers that don't know them, and where we may not look."""
        try:
            listed = self._client.get(f"/orgs/{owner}/issue-fields")
        except (AccessDenied, Refused):
            return {}
        fields, _ = by_name(map(field_of, listed))
        wanted = {name.casefold() for name in self._settings.fields}
        return {name: field for name, field in fields.items() if name in wanted and is_writable(field)}

    def on(self, ref: IssueRef) -> tuple[Mapping[str, Field], Mapping[str, str]]:
        """An issue's fields, and what they hold, by name (case folded): one request where the organisation has any."""
        own = self.of(ref.container)
        if not own:
            return {}, {}
        names = {field.number: name for name, field in own.items()}
        try:
            values = self._client.get(f"{_path(ref)}?per_page=100")
        except (AccessDenied, Refused):
            return {}, {}
        return own, {names[v["issue_field_id"]]: _text(v) for v in values if v["issue_field_id"] in names}

    def write(self, ref: IssueRef, wanted: Mapping[str, str], ask_leave: Callable[[], None]) -> Iterator[str]:
        """Bring these fields (by their names) to these values; a sentence for each that could not be."""
        own, there = self.on(ref)
        values: list[dict[str, Any]] = []
        for name, text in wanted.items():
            field = own.get(name.casefold())
            if field is None:
                yield f"{name}: the issue's fields can't be read with these credentials"
                continue
            try:
                if shows(field, there.get(name.casefold(), ""), text):
                    continue
                if text:
                    values.append({"field_id": field.number, "value": value_of(field, text)})
                    continue
                ask_leave()
                self._clear(ref, field)
            except (ValueError, AccessDenied, Refused) as refusal:
                yield str(refusal)
        yield from self._set(ref, values, ask_leave)

    def _set(self, ref: IssueRef, values: Sequence[Json], ask_leave: Callable[[], None]) -> Iterator[str]:
        """At most 25 in a request, and never none: that would clear all of them."""
        for start in range(0, len(values), _AT_ONCE):
            ask_leave()
            try:
                self._client.post(_path(ref), {"issue_field_values": list(values[start : start + _AT_ONCE])})
            except (AccessDenied, Refused) as refusal:
                yield str(refusal)

    def _clear(self, ref: IssueRef, field: Field) -> None:
        try:
            self._client.delete(f"{_path(ref)}/{field.number}")
        except Refused as refusal:
            if refusal.status != 404:
                raise


def _path(ref: IssueRef) -> str:
    return f"/repos/{ref.container}/issues/{ref.key.rpartition('#')[2]}/issue-field-values"


def _text(value: Json) -> str:
    chosen = value.get("single_select_option")
    return str(chosen["name"]) if chosen else plain(value.get("value"))
