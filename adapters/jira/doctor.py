"""Looking, read only, at everything the integrator needs on a Jira site; every finding says how to mend it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.jira.board import Layout, Place, transitions_of
from adapters.jira.client import PLATFORM, found, issue_path
from adapters.jira.errors import Refused
from adapters.jira.hooks import Hooks, why_not
from adapters.jira.search import quoted
from adapters.jira.site import Site
from adapters.tracker import Finding, Health, TrackerError
from mapping.issue import Column

PERMISSIONS = (
    "BROWSE_PROJECTS",
    "EDIT_ISSUES",
    "ADD_COMMENTS",
    "EDIT_OWN_COMMENTS",
    "DELETE_OWN_COMMENTS",
    "TRANSITION_ISSUES",
)
FOR_RETROSPECTIVES = ("CREATE_ISSUES", "LINK_ISSUES")
FILLED = {"project", "issuetype", "summary", "description", "labels", "reporter", "issuelinks"}
COLUMNS_PAGE = "open the board > … > Configure board > Columns"
SET_ADDRESS = "Set public_url in app.yaml, and the tracker's webhook secrets in the environment."
SAMPLE_FIELDS = "summary,description,status,issuetype,labels,priority,assignee,reporter"


def ok(about: str, says: str) -> Finding:
    """Nothing to do."""
    return Finding(Health.OK, about, says)


def fault(about: str, says: str, mend: str) -> Finding:
    """Something the integrator can't work without."""
    return Finding(Health.FAULT, about, says, mend)


def warning(about: str, says: str, mend: str) -> Finding:
    """Something that is worse than it could be, or that could not be looked at."""
    return Finding(Health.WARNING, about, says, mend)


@dataclass(frozen=True, slots=True)
class Doctor:
    """The checks of one site."""

    site: Site
    hooks: Hooks
    projects: Sequence[str]
    fields: Sequence[str]
    labels: Sequence[str]
    webhook: str | None

    def look(self) -> Iterator[Finding]:
        """All findings; TrackerError when the site can't be reached or signed in to."""
        yield self._server()
        yield self._account()
        for findings in (self._board(), self._names(), self._webhook(), *map(self._project, self.projects)):
            yield from _guarded(findings)

    def _server(self) -> Finding:
        info = found(self.site.client.call("GET", f"{PLATFORM}/serverInfo"))
        says = f"Jira {info.get('version', '')} ({info.get('deploymentType', 'unknown')})"
        if (info.get("deploymentType") == "Cloud") != self.site.is_cloud:
            right = "cloud" if info.get("deploymentType") == "Cloud" else "data-center"
            return fault(self.site.client.host, says, f"Set product: {right} for this tracker in app.yaml.")
        return ok(self.site.client.host, says)

    def _account(self) -> Finding:
        me = self.site.me()
        if me.account_type == "customer":
            return fault("account", f"{me.name} is a portal customer", "Use an account with a Jira licence of its own.")
        return ok("account", f"signed in as {me.name}; nobody else should use this account")

    def _project(self, key: str) -> Iterator[Finding]:
        try:
            yield from self._permissions(key)
        except Refused as refusal:
            if refusal.status != 404:
                raise
            yield fault(f"project {key}", "it does not exist, or the account can't see it", _grant(key))
            return
        sample = self._sample(key)
        layout = self.site.layout()
        if layout is not None:
            yield from self._statuses(key, layout)
            yield from self._transitions(key, layout, sample)
        yield from self._screen(key, sample)
        yield from self._new_issues(key)

    def _permissions(self, key: str) -> Iterator[Finding]:
        path, asked = f"{PLATFORM}/mypermissions", ",".join(PERMISSIONS + FOR_RETROSPECTIVES)
        answer = found(self.site.client.call("GET", path, projectKey=key, permissions=asked), "permissions")
        have = {name for name, said in answer["permissions"].items() if said.get("havePermission")}
        missing, unopened = (_lacking(names, have) for names in (PERMISSIONS, FOR_RETROSPECTIVES))
        if missing:
            yield fault(f"project {key}", f"the account lacks: {missing}", _grant(key))
        if unopened:
            yield warning(f"project {key}", f"no retrospectives (R39) without: {unopened}", _grant(key))
        if not missing and not unopened:
            yield ok(f"project {key}", "all permissions are there")

    def _board(self) -> Iterator[Finding]:
        layout = self.site.layout()
        if layout is None:
            yield warning("board", "no board is connected: labels and comments only", "Name a board in app.yaml.")
            return
        board, about = layout.board, f"board {layout.board.id}"
        if board.unreadable:
            yield fault(
                about, board.unreadable, "Board settings > General > Administrators, and the filter's permissions."
            )
            return
        missing = [finding for column in Column for finding in self._column(layout, column)]
        yield from missing
        if not missing:
            yield ok(about, "it has every column, each with a status")
        yield from _work_limit(layout)

    def _column(self, layout: Layout, column: Column) -> Iterator[Finding]:
        name, about = layout.names[column], f"board {layout.board.id}"
        target = layout.board.named(name)
        if target is None:
            shows = ", ".join(f'"{c.name}"' for c in layout.board.columns)
            yield fault(
                about,
                f'no column is called "{name}" (there are {shows})',
                f'{COLUMNS_PAGE} > Add column "{name}", then drag a status into it. Jira has no public way to do it'
                " by API. Or name your own column for it in app.yaml.",
            )
        elif not target.statuses:
            yield fault(about, f'the column "{name}" has no status', f'{COLUMNS_PAGE} > drag a status into "{name}".')

    def _statuses(self, key: str, layout: Layout) -> Iterator[Finding]:
        kinds = self.site.client.call("GET", f"{PLATFORM}/project/{key}/statuses") or []
        for column in Column:
            target = layout.board.named(layout.names[column])
            if target is None or not target.statuses:
                continue
            lacking = [k["name"] for k in kinds if not {str(s["id"]) for s in k["statuses"]} & set(target.statuses)]
            if lacking:
                yield fault(
                    f"project {key}",
                    f'no status of the column "{target.name}" is in the workflow of: {", ".join(lacking)}',
                    "Project settings > Workflows > edit each > add a status of the column, with a transition into it"
                    " from any status.",
                )

    def _sample(self, key: str) -> Mapping[str, Any] | None:
        """Any open issue of the project, with its transitions and what can be edited on it."""
        jql = f"project = {quoted(key)} AND statusCategory != Done"
        path = "search/jql" if self.site.is_cloud else "search"
        body = {"jql": jql, "fields": ["key"], "maxResults": 1}
        issues = found(self.site.client.call("POST", f"{PLATFORM}/{path}", body), "issues")["issues"]
        if not issues:
            return None
        expand = "transitions,transitions.fields,editmeta"
        return found(self.site.client.call("GET", issue_path(issues[0]["key"]), fields=SAMPLE_FIELDS, expand=expand))

    def _transitions(self, key: str, layout: Layout, sample: Mapping[str, Any] | None) -> Iterator[Finding]:
        about = f"project {key}"
        if sample is None:
            yield warning(about, "it has no open issue to look at transitions with", "Create one and look again.")
            return
        status = sample["fields"]["status"]
        ways = transitions_of(sample.get("transitions") or (), sample["fields"])
        place = Place(str(status["id"]), str(status.get("name", "")), ways)
        barred = [(column, layout.barred(place, column)) for column in Column if self._can_judge(layout, column)]
        for column, why in barred:
            if why:
                yield (fault if column is Column.EMERGENCY_QUEUE else warning)(
                    about,
                    f"{sample['key']}: {why}",
                    "Project settings > Workflows > edit > add a transition from any status to"
                    f' "{layout.names[column]}" without a screen, and publish.',
                )
        if not any(why for _, why in barred):
            yield ok(about, f"{sample['key']} can go into every column")

    def _can_judge(self, layout: Layout, column: Column) -> bool:
        target = layout.board.named(layout.names[column])
        return target is not None and bool(target.statuses)

    def _screen(self, key: str, sample: Mapping[str, Any] | None) -> Iterator[Finding]:
        """Only fields on the edit screen can be set (labels always; the configured ones to be written)."""
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

    def _new_issues(self, key: str) -> Iterator[Finding]:
        """Whether a retrospective can be opened (R39), and linked in the same request."""
        about = f"project {key}"
        try:
            fields = {str(field.get("fieldId")): field for field in self._fields_of_new(key)}
        except LookupError as none:
            yield warning(about, f"no retrospectives (R39): {none}", "Project settings > Issue types > add Task.")
            return
        asked = [f for name, f in fields.items() if f.get("required") and not f.get("hasDefaultValue")]
        unknown = [str(field.get("name")) for field in asked if field.get("fieldId") not in FILLED]
        if unknown:
            mend = "Project settings > Fields: make them optional, or give them a default."
            yield warning(about, f"no retrospectives (R39): a new issue needs {', '.join(unknown)}", mend)
        if fields and "issuelinks" not in fields:
            says = (
                "retrospectives (R39) can't be created with their link: the field is not on the screen for new issues"
            )
            yield warning(about, says, "Project settings > Screens > the create screen > add the field Linked Issues.")

    def _fields_of_new(self, key: str) -> Sequence[Mapping[str, Any]]:
        """The fields of a new issue; none where Jira doesn't tell: an old Data Center, or without the permission."""
        path = f"{PLATFORM}/issue/createmeta/{key}/issuetypes/{self.site.issue_type(key)}"
        try:
            answer = found(self.site.client.call("GET", path, maxResults=200))
        except Refused:
            return ()
        return answer.get("fields") or answer.get("values") or ()

    def _names(self) -> Iterator[Finding]:
        spaced = [label for label in self.labels if any(sign.isspace() for sign in label)]
        if spaced:
            yield fault(
                "labels", f"Jira's labels hold no spaces: {', '.join(map(repr, spaced))}", "Rename in app.yaml."
            )
        if not self.fields:
            return
        known = self.site.fields()
        for name in self.fields:
            meant = known.called(name)
            if not meant:
                yield fault(f"field {name}", "Jira has no field of this name", "Create it, or correct app.yaml.")
            elif len(meant) > 1:
                ids = ", ".join(field.id for field in meant)
                yield fault(f"field {name}", f"several fields have this name: {ids}", "Use the id in app.yaml.")
            else:
                yield ok(f"field {name}", f"it is {meant[0].id}")

    def _webhook(self) -> Iterator[Finding]:
        if self.webhook is None:
            yield warning("webhook", "its address is not known, so it was not looked for", SET_ADDRESS)
            return
        by_hand = self.hooks.by_hand(self.webhook)
        try:
            hooks = self.hooks.to(self.webhook)
        except Refused as refusal:
            yield warning("webhook", f"it could not be looked at: {why_not(refusal)}", f"Look yourself: {by_hand}")
            return
        if not hooks:
            yield fault("webhook", f"none delivers to {self.webhook}", f"Run init, or by hand: {by_hand}")
        for hook in hooks:
            if not hook.enabled:
                yield fault("webhook", "it is switched off", "Settings > System > WebHooks > edit > Status: enabled.")
            elif hook.signed is False:
                yield fault("webhook", "it is not signed", "Settings > System > WebHooks > edit > Secret.")
            elif hook.missing:
                yield warning("webhook", f"it does not send: {', '.join(hook.missing)}", f"Tick them: {by_hand}")
            else:
                says = "registered and signed" if hook.signed else "registered; Jira does not say whether it is signed"
                yield ok("webhook", says)


def _guarded(findings: Iterator[Finding]) -> Iterator[Finding]:
    """One check's findings; what stops it is a finding too, and the others go on."""
    try:
        yield from findings
    except TrackerError as error:
        yield fault("Jira", str(error), "Give the account the permission, or correct app.yaml.")


def _work_limit(layout: Layout) -> Iterator[Finding]:
    board = layout.board
    column = board.named(layout.names[Column.IN_PROGRESS])
    if column is None:
        return
    about, where = f"board {board.id}", f"{COLUMNS_PAGE} > Column constraint: number of issues, maximum 1"
    if board.constraint == "none" or column.limit != 1:
        yield warning(about, f'"{column.name}" shows no limit of 1 on the board (only a red header; R18)', f"{where}.")


def _lacking(names: Sequence[str], have: set[str]) -> str:
    return ", ".join(name.replace("_", " ").capitalize() for name in names if name not in have)


def _grant(key: str) -> str:
    return (
        f"Open project {key} > Project settings > Permissions (or its scheme): grant them to the integrator's account."
    )
