"""Everything the integrator needs on GitHub, looked at without changing anything."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.github import documents, marker
from adapters.github.board_doctor import BoardDoctor
from adapters.github.cards import nodes
from adapters.github.client import Client, Refused
from adapters.github.hooks import Hook, ours
from adapters.github.issue_fields import IssueFields
from adapters.github.settings import App, Settings
from adapters.tracker import AccessDenied, Finding, Health

FORM_PATH = ".github/ISSUE_TEMPLATE/emergency.yml"

_WRITERS = {"WRITE", "MAINTAIN", "ADMIN"}
_APP_NEEDS = {"issues": "write", "metadata": "read", "organization_projects": "write"}


class Doctor:
    """Looks for one connection; AccessDenied becomes a finding, an unreachable GitHub is raised."""

    def __init__(self, settings: Settings, client: Client, fields: IssueFields) -> None:
        self._settings = settings
        self._client = client
        self._board = BoardDoctor(settings, client, fields)

    def findings(self) -> Iterator[Finding]:
        """One finding for each thing looked at; TrackerError when the credentials are no good."""
        yield from self._credentials()
        looks: list[tuple[str, Callable[[], Iterator[Finding]]]] = []
        for repository in self._settings.repositories:
            looks += [
                (about, _bound(look, repository))
                for about, look in (
                    (f"repository {repository}", self._repository),
                    (f"people of {repository}", self._people),
                    (f"account in {repository}", self._own_words),
                    (f"labels of {repository}", self._labels),
                    (f"issue form of {repository}", self._form),
                    (f"webhook of {repository}", self._webhook),
                )
            ]
        looks += [("project", self._board.findings)] if self._settings.project else []
        for about, look in looks:
            try:
                yield from look()
            except (AccessDenied, Refused) as refusal:
                yield Finding(Health.FAULT, about, str(refusal), "Give the credentials this permission.")

    def _credentials(self) -> Iterator[Finding]:
        about = "credentials"
        if isinstance(self._settings.auth, App):
            app = self._client.get("/app", as_app=True)
            granted: Mapping[str, str] = app.get("permissions") or {}
            lacking = [
                f"{name}: {need}" for name, need in self._app_needs().items() if not _grants(granted, name, need)
            ]
            if lacking:
                mend = "Grant it in the App's settings and accept the request in the organisation."
                yield Finding(Health.FAULT, about, f"the App {app.get('slug')} lacks {', '.join(lacking)}", mend)
                return
            yield Finding(Health.OK, about, f"the App {app.get('slug')}, installed as {app.get('slug')}[bot]")
            return
        login = self._viewer()
        says = f"the account {login}; whoever else uses it speaks as the integrator and is not heard as a person"
        mend = "Use a GitHub App, or make sure that no person uses this account."
        yield Finding(Health.WARNING, about, says, mend)

    def _app_needs(self) -> Mapping[str, str]:
        return {k: v for k, v in _APP_NEEDS.items() if self._settings.project or k != "organization_projects"}

    def _viewer(self) -> str:
        answer = self._client.graphql("query Viewer { viewer { login } }", {}, "reading the own account")
        return str(answer.data["viewer"]["login"])

    def _repository(self, repository: str) -> Iterator[Finding]:
        about = f"repository {repository}"
        answer = self._client.graphql(documents.REPOSITORY, _owner_name(repository), f"reading {repository}")
        raw = answer.data.get("repository")
        if raw is None:
            yield Finding(
                Health.FAULT, about, "it can't be seen", "Check its name in app.yaml and the credentials' access to it."
            )
        elif raw["isArchived"] or not raw["hasIssuesEnabled"]:
            says = "it is archived" if raw["isArchived"] else "its issues are switched off"
            yield Finding(Health.FAULT, about, says, "Change that in its settings, or take it out of app.yaml.")
        elif raw["viewerPermission"] not in _WRITERS and not isinstance(self._settings.auth, App):
            says = f"the account may only {str(raw['viewerPermission'] or 'read').lower()} there"
            yield Finding(Health.FAULT, about, says, "Give the account the role Write.")
        else:
            yield Finding(Health.OK, about, "can be read and written")

    def _people(self, repository: str) -> Iterator[Finding]:
        about = f"people of {repository}"
        with self._client.judging("listing collaborators, so nobody counts as team"):
            people = self._client.github.get_repo(repository).get_collaborators(permission="push")
            count = sum(1 for _ in people)
        yield Finding(Health.OK, about, f"{count} people with write access decide there")

    def _own_words(self, repository: str) -> Iterator[Finding]:
        """A comment of our account without our marker was written by somebody else (R25)."""
        answer = self._client.graphql(documents.OWN_WORDS, _owner_name(repository), "reading comments")
        for issue in nodes((answer.data.get("repository") or {}).get("issues")):
            for comment in nodes(issue["comments"]):
                if comment["viewerDidAuthor"] and marker.load(comment["body"])[1] is None:
                    says = f"the account is shared with a person: it wrote {comment['url']} by hand"
                    mend = "Give the integrator an account of its own, best a GitHub App."
                    yield Finding(Health.FAULT, f"account in {repository}", says, mend)
                    return

    def _labels(self, repository: str) -> Iterator[Finding]:
        with self._client.judging("reading labels (Issues: read)"):
            there = {label.name.casefold() for label in self._client.github.get_repo(repository).get_labels()}
        missing = [label.name for label in self._settings.labels if label.name.casefold() not in there]
        about = f"labels of {repository}"
        if missing:
            yield Finding(Health.WARNING, about, f"missing: {', '.join(missing)}", "Run integrator init.")
        else:
            yield Finding(Health.OK, about, "all there")

    def _form(self, repository: str) -> Iterator[Finding]:
        about = f"issue form of {repository}"
        try:
            self._client.get(f"/repos/{repository}/contents/{FORM_PATH}")
        except AccessDenied as refusal:
            yield Finding(
                Health.WARNING, about, f"can't be looked for: {refusal}", "Give the credentials Contents: read."
            )
        except Refused:
            yield Finding(Health.WARNING, about, f"{FORM_PATH} is missing", "Run integrator init.")
        else:
            yield Finding(Health.OK, about, f"{FORM_PATH} is there")

    def _webhook(self, repository: str) -> Iterator[Finding]:
        about = f"webhook of {repository}"
        try:
            hook = ours(self._hooks(repository), self._settings)
        except (AccessDenied, Refused) as refusal:
            says = f"webhooks can't be looked at, so lost deliveries are not asked for again: {refusal}"
            mend = "Let the credentials read and write webhooks (repository hooks), or look yourself."
            yield Finding(Health.WARNING, about, says, mend)
            return
        if hook is None:
            mend = f"Run integrator init, or add one that posts to …/webhooks/{self._settings.name}."
            yield Finding(Health.FAULT, about, "there is none for this service", mend)
            return
        faults = list(hook.faults())
        if faults:
            mend = "Mend it in the webhook's settings on GitHub."
            yield Finding(Health.FAULT, about, f"{hook.url}: {'; '.join(faults)}", mend)
        else:
            yield Finding(Health.OK, about, f"{hook.url} is active and signed")

    def _hooks(self, repository: str) -> list[Hook]:
        if isinstance(self._settings.auth, App):
            config, app = self._client.get("/app/hook/config", as_app=True), self._client.get("/app", as_app=True)
            return [Hook.of({"config": config, "active": True, "events": app.get("events")})]
        hooks = [Hook.of(raw) for raw in self._client.get(f"/repos/{repository}/hooks?per_page=100")]
        if ours(hooks, self._settings) is not None:
            return hooks
        try:
            organisation = self._client.get(f"/orgs/{repository.partition('/')[0]}/hooks?per_page=100")
        except (AccessDenied, Refused):
            return hooks
        return hooks + [Hook.of(raw) for raw in organisation]


def _owner_name(repository: str) -> dict[str, Any]:
    owner, _, name = repository.partition("/")
    return {"owner": owner, "name": name}


def _bound(look: Callable[[str], Iterator[Finding]], repository: str) -> Callable[[], Iterator[Finding]]:
    return lambda: look(repository)


def _grants(granted: Mapping[str, str], name: str, need: str) -> bool:
    ranks = {"read": 1, "write": 2, "admin": 3}
    return ranks.get(granted.get(name, ""), 0) >= ranks[need]
