"""What the integrator needs of the project, looked at without changing anything: columns, fields, views."""

from collections.abc import Iterator, Sequence

from adapters.github import board_documents, documents
from adapters.github.cards import barred_columns, nodes, project_of
from adapters.github.client import Client, Json
from adapters.github.fields import is_writable
from adapters.github.issue_fields import IssueFields
from adapters.github.new_fields import CREATED
from adapters.github.settings import Settings
from adapters.github.shared import Field, Project
from adapters.tracker import Finding, Health
from mapping.card import SEVERITY
from mapping.issue import Column
from mapping.severity import Severity

_OTHERS = "Add them in the project's settings, or take them out of app.yaml."


class BoardDoctor:
    """Looks at one project."""

    def __init__(self, settings: Settings, client: Client, fields: IssueFields) -> None:
        self._settings = settings
        self._client = client
        self._fields = fields

    def findings(self) -> Iterator[Finding]:
        """A finding for everything that is not as it should be, and one for the columns when they are."""
        where = self._settings.project
        if where is None:
            return
        about, variables = f"project {where.owner}/{where.number}", {"owner": where.owner, "project": where.number}
        query = documents.ids(0, board=True, more=board_documents.VIEWS)
        answer = self._client.graphql(query, variables, "reading the project")
        project = project_of(answer.data.get("board"), self._settings)
        if project.why:
            yield Finding(Health.FAULT, about, project.why, "Grant it, or mend owner and number in app.yaml.")
            return
        yield from self._columns(about, project)
        yield from self._project_fields(f"fields of {about}", project)
        yield from _views(about, answer.data["board"]["projectV2"])

    def _columns(self, about: str, project: Project) -> Iterator[Finding]:
        barred = barred_columns(self._settings, project)
        for column in Column:
            if column in barred:
                name = self._settings.columns[column]
                yield Finding(Health.FAULT, about, f'Status has no option "{name}"', "Run integrator init.")
        if not barred:
            yield Finding(Health.OK, about, "can be seen and has all five columns")

    def _project_fields(self, about: str, project: Project) -> Iterator[Finding]:
        own = self._fields.of(self._settings.repositories[0])
        names = [name for name in self._settings.fields if name.casefold() not in own]
        twins = [name for name in names if name.casefold() in project.twins]
        for name in twins:
            says = f'several are named "{name}", in different case, so none of them is read or written'
            yield Finding(Health.FAULT, about, says, "Rename or delete all but one.")
        missing = [name for name in names if name.casefold() not in {*project.fields, *project.twins}]
        yield from _missing(about, [name for name in missing if name in CREATED], "Run integrator init.")
        yield from _missing(about, [name for name in missing if name not in CREATED], _OTHERS)
        there = [project.fields[name.casefold()] for name in names if name.casefold() in project.fields]
        faults = [finding for field in there for finding in _of_field(about, field)]
        yield from faults
        if names and not (twins or missing or faults):
            yield Finding(Health.OK, about, "all there")


def _missing(about: str, names: Sequence[str], mend: str) -> Iterator[Finding]:
    if names:
        yield Finding(Health.WARNING, about, f"missing: {', '.join(names)}", mend)


def _of_field(about: str, field: Field) -> Iterator[Finding]:
    """What keeps a field from being written."""
    if not is_writable(field):
        says = f'"{field.name}" is of the type {field.kind.lower()}, or has no options, so it is not written'
        yield Finding(Health.WARNING, about, says, "Make it a text, number, date or single select field.")
    elif field.kind == "SINGLE_SELECT" and field.name.casefold() == SEVERITY.casefold():
        lacking = [severity.value for severity in Severity if severity.value.casefold() not in field.options]
        if lacking:
            mend = "Add the options in the project's settings; by API every card could lose its value."
            yield Finding(Health.FAULT, about, f'"{field.name}" has no option {", ".join(lacking)}', mend)


def _views(about: str, raw: Json) -> Iterator[Finding]:
    """A sorted view doesn't show the order of its cards (R20)."""
    boards = (view for view in nodes(raw["views"]) if view["layout"] == "BOARD_LAYOUT")
    for view in boards:
        if nodes(view["sortByFields"]):
            says = f'the view "{view["name"]}" is sorted, so it doesn\'t show the order of the Emergency Queue'
            yield Finding(Health.WARNING, about, says, "Take the sorting off the view.")
