"""What an issue's fields show: Jira's own values, or what the issue's property keeps where Jira has no place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.jira.edit import holds
from adapters.jira.fetch import Raw
from adapters.jira.fields import Field, Fields
from adapters.jira.memory import Stored, fields_in
from adapters.jira.parse import text_of
from adapters.jira.screens import Kind, Screens
from adapters.jira.site import Site
from mapping.card import WRITTEN


@dataclass(frozen=True, slots=True)
class Shown:
    """The fields as they count, by name; the names that can be written; what Jira's own fields say."""

    fields: Mapping[str, str]
    writable: frozenset[str]
    own: Mapping[str, str]


class Values:
    """Reads the fields of these names. A name that means several fields of a project is neither read nor written."""

    def __init__(self, site: Site, screens: Screens, names: Sequence[str]) -> None:
        self._site = site
        self._screens = screens
        self._names = tuple(names)

    def ids(self) -> list[str]:
        """The ids of all fields that the names mean, in whatever project."""
        fields = self._known()
        return list(dict.fromkeys(field.id for name in self._names for field in fields.called(name)))

    def of(self, raw: Raw) -> Shown:
        """What an issue shows. Only where the property stands in for a field that exists Jira may have to be asked."""
        fields, kind = self._known(), kind_of(raw)
        meant = fields.unique(self._names, kind[0])
        clear = frozenset(n for n in self._names if n in meant or not fields.called(n, kind[0]))
        own = {name: text_of(raw["fields"].get(field.id)) for name, field in meant.items()}
        stored = fields_in(raw, clear.intersection(WRITTEN))
        instead = {name: s.text for name, s in stored.items() if self._stands_in(raw, kind, meant.get(name), s)}
        shown = {name: text for name, text in {**own, **instead}.items() if text}
        return Shown(shown, clear.intersection(WRITTEN), own)

    def _known(self) -> Fields:
        return self._site.fields() if self._names else Fields(())

    def _stands_in(self, raw: Raw, kind: Kind, field: Field | None, stored: Stored) -> bool:
        """Whether the property counts: the field isn't there, can't show this, or isn't on the edit screen."""
        if field is None or stored.refused == field.id or not holds(field, stored.text):
            return True
        return not self._screens.ask(kind, str(raw["key"])).takes(field.id, stored.text)


def kind_of(raw: Raw) -> Kind:
    """Which edit screen an issue has."""
    project, kind = (raw["fields"].get(name) or {} for name in ("project", "issuetype"))
    return str(project.get("id") or ""), str(kind.get("id") or "")
