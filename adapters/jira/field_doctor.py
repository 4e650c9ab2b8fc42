"""Looking at the fields: those that answer questions, and those that a card shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.jira.edit import holds
from adapters.jira.fields import Field, Fields
from adapters.jira.findings import fault, ok, warning
from adapters.jira.screens import screen_of
from adapters.jira.site import Site
from adapters.tracker import Finding
from mapping.card import ETA, RESOLUTION_DUE, RESPONSE_DUE, SEVERITY, WRITTEN
from mapping.okr import DROP_FIRST, IMPACT, KEY_RESULT, THREATENS

TYPICAL: Mapping[str, tuple[str, ...]] = {
    SEVERITY: ("P0", "P1"),
    ETA: ("2026-11-23T10:30Z",),
    RESPONSE_DUE: ("2026-11-23T10:30Z",),
    RESOLUTION_DUE: ("2026-11-23T10:30Z",),
    IMPACT: ("suspended", "none"),
    THREATENS: ("O1.KR1, O1.KR2",),
    DROP_FIRST: ("OPS-7, OPS-9",),
}
"""What the fields of a card will have to show."""

UNSEEN = "the issue's property keeps it, where nobody sees it"


@dataclass(frozen=True, slots=True)
class FieldDoctor:
    """The checks of the fields of these names."""

    site: Site
    names: Sequence[str]

    def look(self) -> Iterator[Finding]:
        """What is wrong with the fields on the whole site."""
        for name in self.names:
            yield from self._field(name)
        if missing := self.missing():
            says = f"Jira has no {', '.join(missing)}: {UNSEEN}"
            yield warning("fields", says, "Run init, or create them and name their ids under fields in app.yaml.")

    def missing(self) -> list[str]:
        """The fields of a card that Jira lacks, and that app.yaml doesn't name by id."""
        ours = [name for name in self.names if name in WRITTEN]
        known = self.site.fields() if ours else Fields(())
        return [name for name in ours if name not in known.ids and not known.called(name)]

    def _field(self, name: str) -> Iterator[Finding]:
        known, about = self.site.fields(), f"field {name}"
        meant = known.called(name)
        if clash := known.clashing(name):
            ids = ", ".join(field.id for field in clash)
            mend = f"Use the id in app.yaml, for example fields: {{{name}: {clash[0].id}}}."
            yield fault(about, f"several fields have this name: {ids}", mend)
        elif not meant and name in known.ids:
            yield fault(about, f"Jira has no field {known.ids[name]}", "Correct fields in app.yaml.")
        elif not meant and name not in {*WRITTEN, KEY_RESULT}:
            yield fault(about, "Jira has no field of this name", "Create it, or correct app.yaml.")
        for field in meant if not clash else ():
            yield self._type(about, name, field)

    def _type(self, about: str, name: str, field: Field) -> Finding:
        unfit = [text for text in TYPICAL.get(name, ()) if not holds(field, text)]
        if unfit:
            says = f"{field.id} is a {field.type}, which can't show {unfit[0]}: {UNSEEN}"
            return warning(about, says, "Make it a text, or a date and time; or name another under fields in app.yaml.")
        return ok(about, f"it is {field.id}")

    def project(self, key: str, sample: Mapping[str, Any] | None) -> Iterator[Finding]:
        """What can't be set on an open issue of a project. Labels always have to be; `editmeta` came with the issue."""
        if sample is None:
            return
        editable = (sample.get("editmeta") or {}).get("fields") or {}
        operations = set((editable.get("labels") or {}).get("operations") or ())
        if not {"add", "remove"} <= operations:
            yield fault(
                f"project {key}",
                f"labels can't be changed on {sample['key']}: the field is not on the edit screen",
                "Project settings > Screens > the edit screen > add the field Labels.",
            )
        yield from self._card(key, sample, editable)

    def _card(self, key: str, sample: Mapping[str, Any], editable: Mapping[str, Any]) -> Iterator[Finding]:
        about, screen, home = f"project {key}", screen_of(editable), (sample["fields"].get("project") or {}).get("id")
        ours = [name for name in self.names if name in WRITTEN]
        meant = self.site.fields().unique(ours, str(home)) if ours else {}
        if off := [name for name, field in meant.items() if field.id not in screen.fields]:
            says = f"not on the edit screen of {sample['key']}: {', '.join(off)}: {UNSEEN}"
            where = "Project settings > Screens > the edit screen (team-managed: Issue types) > add them."
            yield warning(about, says, where)
        for name, field in meant.items():
            lacks = [text for text in TYPICAL[name] if name not in off and not screen.takes(field.id, text)]
            if lacks:
                says = f'the list "{name}" on {sample["key"]} does not offer: {", ".join(lacks)}; {UNSEEN}'
                yield warning(about, says, f"Settings > Issues > Custom fields > {name} > Contexts > Edit options.")
