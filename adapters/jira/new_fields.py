"""Creating the fields that a card shows, where the account may and Jira lacks them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adapters.jira.client import PLATFORM, found
from adapters.jira.errors import Refused
from adapters.jira.field_doctor import FieldDoctor
from adapters.jira.site import Site
from adapters.tracker import Step
from mapping.card import ETA, RESOLUTION_DUE, RESPONSE_DUE
from mapping.okr import DROP_FIRST

TYPES = "com.atlassian.jira.plugin.system.customfieldtypes:"
LINE, TEXT, INSTANT = ("textfield", "textsearcher"), ("textarea", "textsearcher"), ("datetime", "datetimerange")
KINDS: Mapping[str, tuple[str, str]] = {
    ETA: INSTANT,
    RESPONSE_DUE: INSTANT,
    RESOLUTION_DUE: INSTANT,
    DROP_FIRST: TEXT,
}
"""The type of a field and how it is searched; all others are lines of text."""

IN_WORDS = {LINE: "short text", TEXT: "paragraph", INSTANT: "date and time"}
DESCRIPTION = "Set by the SPARK integrator on emergencies."
WHERE = "Settings > Issues > Custom fields > Create field"


@dataclass(frozen=True, slots=True)
class NewFields:
    """Creates what the doctor misses. A new field is for all projects; screens of their own need it added by hand."""

    site: Site
    doctor: FieldDoctor

    def steps(self, dry_run: bool) -> Iterator[Step]:
        """A step for each field, or one for a person where the account is no administrator."""
        missing = self.doctor.missing()
        if not missing:
            return
        if "ADMINISTER" not in self.site.permissions(["ADMINISTER"]):
            wanted = ", ".join(f"{name} ({IN_WORDS[KINDS.get(name, LINE)]})" for name in missing)
            what = "the account lacks the permission Administer Jira"
            yield Step("by hand", f"fields: {what}", f"{WHERE}, and add them to the edit screens: {wanted}.")
            return
        for name in missing:
            yield from [Step("would do", f'field "{name}"')] if dry_run else self._create(name)
        self.site.changed()

    def _create(self, name: str) -> Iterator[Step]:
        kind, searcher = KINDS.get(name, LINE)
        body = {"name": name, "description": DESCRIPTION, "type": TYPES + kind, "searcherKey": TYPES + searcher}
        what = f'field "{name}"'
        try:
            made = str(found(self.site.client.call("POST", f"{PLATFORM}/field", body), "id")["id"])
        except Refused as refusal:
            yield Step("failed", f"{what}: {refusal.reason}", f"{WHERE}: {IN_WORDS[kind, searcher]}.")
            return
        yield Step("done", f"{what}: {made}")
        try:
            self.site.client.call("POST", f"{PLATFORM}/screens/addToDefault/{made}")
        except Refused as refusal:
            how = f"Settings > Issues > Custom fields > {name} > Screens."
            yield Step("by hand", f"{what} is on no screen: {refusal.reason}", how)
