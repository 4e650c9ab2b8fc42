"""One edit for an issue's labels, fields and property, and what to do when Jira refuses a part of it."""

from collections.abc import Collection, Sequence

from adapters.jira import markers
from adapters.jira.client import issue_path
from adapters.jira.edit import Edit, body_of, field_edit, label_edit
from adapters.jira.errors import Refused
from adapters.jira.fields import Fields
from adapters.jira.memory import Stored, on_issue
from adapters.jira.screens import Screens
from adapters.jira.site import Site
from adapters.jira.work import Work
from mapping.changes import Acknowledge, Change, SetFields, SetLabels


class Editor:
    """Edits the issues of one site."""

    def __init__(self, site: Site, screens: Screens) -> None:
        self._site = site
        self._screens = screens

    def edits(self, work: Work, changes: Sequence[Change]) -> list[Edit]:
        """The edits that these changes ask for; what can't be one has failed."""
        edits = []
        for change in changes:
            try:
                if isinstance(change, SetLabels):
                    edits.append(label_edit(change))
                elif isinstance(change, SetFields):
                    edits.append(self._field_edit(work, change))
                elif isinstance(change, Acknowledge):
                    there = {c: work.seen.versions[c] for c in change.comments if c in work.seen.versions}
                    work.memory = work.memory.acknowledging(there)
                    edits.append(Edit(change, {}, {}))
            except (LookupError, ValueError) as impossible:
                work.failed.append((change, str(impossible)))
        return edits

    def _field_edit(self, work: Work, change: SetFields) -> Edit:
        """What Jira has a place for; the property takes the rest."""
        only_priority = all(name.casefold() == "priority" for name in change.values)
        fields = Fields(()) if only_priority else self._site.fields()
        kind = work.seen.kind
        edit, aside = field_edit(change, fields, kind[0], self._screens.known(kind))
        stored = {name: _stored(work, name, text) for name, text in aside.items()}
        work.memory = work.memory.storing({**dict.fromkeys(edit.names.values()), **stored})
        return edit

    def put(self, work: Work, edits: Sequence[Edit]) -> None:
        """One request for all edits and the property. If Jira refuses a field, the others are sent without it."""
        body, work.memory = body_of(edits), work.memory.fitted()
        own = {"properties": [on_issue(work.memory)]} if work.is_behind or work.memory != work.kept else {}
        try:
            if body:
                work.send(self._site.client, "PUT", issue_path(work.ref.key), {**body, **own})
                work.kept, work.is_behind = work.memory, False
            else:
                self.remember(work)
        except Refused as refusal:
            bad = [edit for edit in edits if edit.touches(refusal.errors) or len(edits) == 1]
            if any(edit.can_do_without(refusal.errors) for edit in bad):
                self.put(work, [self._put_aside(work, edit, refusal.errors) for edit in edits])
                return
            work.failed += [(edit.change, refusal.reason) for edit in bad or edits]
            rest = [edit for edit in edits if edit not in bad] if bad else []
            if rest or (own and body):
                self.put(work, rest)
        else:
            work.applied += [edit.change for edit in edits]

    def _put_aside(self, work: Work, edit: Edit, refused: Collection[str]) -> Edit:
        """The edit without the fields that were refused: the property stands in for them.

        A field that is on the screen and offers this value refused it for what it is: so it is noted, and not tried
        again until something else is wanted.
        """
        names = {number: name for number, name in edit.names.items() if number in refused}
        if not names or not isinstance(edit.change, SetFields):
            return edit
        screen, aside = self._screens.ask_anew(work.seen.kind, work.ref.key), {}
        for number, name in names.items():
            text = edit.change.values[name]
            aside[name] = _stored(work, name, text, number if screen.takes(number, text) else "")
        work.memory = work.memory.storing(aside)
        return edit.without(names)

    def remember(self, work: Work) -> None:
        """Write the property by itself, if it has to say something new."""
        if work.memory != work.kept:
            value = on_issue(work.memory)["value"]
            work.send(self._site.client, "PUT", issue_path(work.ref.key, "properties", markers.PROPERTY), value)
            work.kept, work.is_behind = work.memory, False


def _stored(work: Work, name: str, text: str, refused: str = "") -> Stored | None:
    """What the property keeps of a field; nothing where Jira shows nothing and nothing is wanted."""
    return Stored(text, refused) if text or work.seen.own.get(name) else None
