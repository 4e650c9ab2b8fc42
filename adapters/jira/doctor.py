"""Looking, read only, at everything the integrator needs on a Jira site; every finding says how to mend it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.jira.board_doctor import BoardDoctor
from adapters.jira.client import PLATFORM, found, issue_path
from adapters.jira.errors import Refused
from adapters.jira.field_doctor import FieldDoctor
from adapters.jira.findings import fault, ok, warning
from adapters.jira.hooks import Hooks, why_not
from adapters.jira.search import quoted
from adapters.jira.site import Site
from adapters.tracker import Finding, TrackerError

PERMISSIONS = (
    "BROWSE_PROJECTS",
    "EDIT_ISSUES",
    "ADD_COMMENTS",
    "EDIT_OWN_COMMENTS",
    "DELETE_OWN_COMMENTS",
    "TRANSITION_ISSUES",
)
FOR_ORDER = ("SCHEDULE_ISSUES",)
FOR_BULK = ("BULK_CHANGE",)
FOR_RETROSPECTIVES = ("CREATE_ISSUES", "LINK_ISSUES")
FILLED = {"project", "issuetype", "summary", "description", "labels", "reporter", "issuelinks"}
SET_ADDRESS = "Set public_url in app.yaml, and the tracker's webhook secrets in the environment."
SAMPLE_FIELDS = "summary,description,status,issuetype,project,labels,priority,assignee,reporter"


@dataclass(frozen=True, slots=True)
class Doctor:
    """The checks of one site."""

    site: Site
    hooks: Hooks
    board: BoardDoctor
    fields: FieldDoctor
    projects: Sequence[str]
    labels: Sequence[str]
    webhook: str | None

    def look(self) -> Iterator[Finding]:
        """All findings; TrackerError when the site can't be reached or signed in to."""
        yield self._server()
        yield self._account()
        parts = (self._bulk(), self.board.look(), self._labels(), self.fields.look(), self._webhook())
        for findings in (*parts, *map(self._project, self.projects)):
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

    def _bulk(self) -> Iterator[Finding]:
        """Whether many issues may be changed by one request; only Cloud can do that."""
        if not self.site.is_cloud:
            return
        if self.site.permissions(FOR_BULK):
            yield ok("bulk changes", "many issues alike are changed by one request")
        else:
            says = "a backfill is written issue by issue: the account lacks the global permission Make bulk changes"
            mend = "Settings > System > Global permissions: grant it to a group of the integrator's account."
            yield warning("bulk changes", says, mend)

    def _project(self, key: str) -> Iterator[Finding]:
        try:
            yield from self._permissions(key)
        except Refused as refusal:
            if refusal.status != 404:
                raise
            yield fault(f"project {key}", "it does not exist, or the account can't see it", _grant(key))
            return
        sample = self._sample(key)
        yield from self.board.project(key, sample)
        yield from self.fields.project(key, sample)
        yield from self._new_issues(key)

    def _permissions(self, key: str) -> Iterator[Finding]:
        have = self.site.permissions(PERMISSIONS + FOR_RETROSPECTIVES + FOR_ORDER, key)
        missing, unopened, unordered = (_lacking(n, have) for n in (PERMISSIONS, FOR_RETROSPECTIVES, FOR_ORDER))
        if missing:
            yield fault(f"project {key}", f"the account lacks: {missing}", _grant(key))
        if unopened:
            yield warning(f"project {key}", f"no retrospectives (R39) without: {unopened}", _grant(key))
        if unordered and self.site.layout() is not None:
            yield warning(f"project {key}", f"no order in the Emergency Queue (R20) without: {unordered}", _grant(key))
        if not missing and not unopened and not unordered:
            yield ok(f"project {key}", "all permissions are there")

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

    def _labels(self) -> Iterator[Finding]:
        spaced = [label for label in self.labels if any(sign.isspace() for sign in label)]
        if spaced:
            yield fault(
                "labels", f"Jira's labels hold no spaces: {', '.join(map(repr, spaced))}", "Rename in app.yaml."
            )

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


def _lacking(names: Sequence[str], have: set[str]) -> str:
    return ", ".join(name.replace("_", " ").capitalize() for name in names if name not in have)


def _grant(key: str) -> str:
    return (
        f"Open project {key} > Project settings > Permissions (or its scheme): grant them to the integrator's account."
    )
