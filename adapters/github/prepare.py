"""What `init` creates on GitHub; what it may not create, it leaves to a person as a step."""

from collections.abc import Callable, Iterator

from github.Repository import Repository

from adapters.github.client import Client, Refused
from adapters.github.doctor import FORM_PATH
from adapters.github.hooks import BOARD_EVENT, EVENTS, Hook, ours
from adapters.github.issue_fields import IssueFields
from adapters.github.new_fields import NewFields
from adapters.github.options import StatusOptions
from adapters.github.settings import App, LabelSpec, ProjectRef, Settings, Webhook
from adapters.tracker import AccessDenied, Step

_APP_HOOK = "In the App's settings set the webhook's URL and secret, and subscribe to {}."


class Preparation:
    """Brings one connection's repositories and project into shape."""

    def __init__(self, settings: Settings, client: Client, fields: IssueFields) -> None:
        self._settings = settings
        self._client = client
        self._options = StatusOptions(settings, client)
        self._fields = NewFields(settings, client, fields)

    def steps(self, dry_run: bool) -> Iterator[Step]:
        """Labels, columns, fields, form, webhook. A refusal makes a step `by hand` or `failed`, never an exception."""
        for repository in self._settings.repositories:
            yield from self._guard(f"labels of {repository}", self._labels(repository, dry_run))
        yield from self._guard("columns of the project", self._options.steps(dry_run))
        yield from self._guard("fields of the project", self._fields.steps(dry_run))
        for repository in self._settings.repositories:
            yield from self._guard(f"issue form of {repository}", self._form(repository, dry_run))
        yield from self._webhooks(dry_run)

    def _guard(self, what: str, steps: Iterator[Step]) -> Iterator[Step]:
        try:
            yield from steps
        except (AccessDenied, Refused) as refusal:
            yield Step("failed", what, str(refusal))

    def _labels(self, repository: str, dry_run: bool) -> Iterator[Step]:
        repo = self._client.github.get_repo(repository)
        with self._client.judging("reading labels (Issues: read)"):
            there = {label.name.casefold() for label in repo.get_labels()}
        for label in self._settings.labels:
            what = f"label {label.name} in {repository}"
            yield _once(what, label.name.casefold() in there, dry_run, self._creating(repo, label))

    def _creating(self, repo: Repository, label: LabelSpec) -> Callable[[], None]:
        def create() -> None:
            with self._client.judging("creating labels (Issues: write)"):
                repo.create_label(label.name, label.color, label.description)

        return create

    def _form(self, repository: str, dry_run: bool) -> Iterator[Step]:
        if not self._settings.form:
            return
        what = f"{FORM_PATH} in {repository}"

        def create() -> None:
            with self._client.judging("writing files (Contents: write)"):
                repo = self._client.github.get_repo(repository)
                repo.create_file(FORM_PATH, "Add the issue form for customer emergencies", self._settings.form)

        try:
            yield _once(what, self._is_there(f"/repos/{repository}/contents/{FORM_PATH}"), dry_run, create)
        except (AccessDenied, Refused) as refusal:
            yield Step("by hand", what, f"Commit it yourself ({refusal}):\n{self._settings.form}")

    def _is_there(self, path: str) -> bool:
        try:
            self._client.get(path)
        except Refused as refusal:
            if refusal.status != 404:
                raise
            return False
        return True

    def _webhooks(self, dry_run: bool) -> Iterator[Step]:
        webhook, project = self._settings.webhook, self._settings.project
        if webhook is None:
            return
        if isinstance(self._settings.auth, App):
            events = ", ".join((*EVENTS, BOARD_EVENT) if project else EVENTS)
            yield Step("by hand", f"webhook {webhook.url}", _APP_HOOK.format(events))
            return
        for repository in self._settings.repositories:
            yield self._hook(f"/repos/{repository}/hooks", repository, webhook, EVENTS, dry_run)
        if project is not None:
            yield from self._guard(f"webhook of {project.owner}", self._board_hook(project, webhook, dry_run))

    def _board_hook(self, project: ProjectRef, webhook: Webhook, dry_run: bool) -> Iterator[Step]:
        """Moves of cards are told to webhooks of organisations only."""
        if self._is_organisation(project.owner):
            yield self._hook(f"/orgs/{project.owner}/hooks", project.owner, webhook, (BOARD_EVENT,), dry_run)

    def _is_organisation(self, owner: str) -> bool:
        answer = self._client.graphql(
            "query Owner($owner: String!) { repositoryOwner(login: $owner) { __typename } }",
            {"owner": owner},
            "reading the project's owner",
        )
        return bool((answer.data.get("repositoryOwner") or {}).get("__typename") == "Organization")

    def _hook(self, path: str, where: str, webhook: Webhook, events: tuple[str, ...], dry_run: bool) -> Step:
        what = f"webhook of {where} ({', '.join(events)})"
        config = {"url": webhook.url, "secret": webhook.secret, "content_type": "json", "insecure_ssl": "0"}
        body = {"name": "web", "config": config, "events": list(events), "active": True}
        try:
            hook = ours([Hook.of(raw) for raw in self._client.get(f"{path}?per_page=100")], self._settings)
            missing = [event for event in events if hook is not None and not hook.tells(event)]
            if missing:
                return Step("by hand", what, f"Let the webhook that is there send {', '.join(missing)} too.")
            return _once(what, hook is not None, dry_run, lambda: self._client.post(path, body))
        except (AccessDenied, Refused) as refusal:
            how = f"Add it in the settings of {where}: {webhook.url}, application/json, the secret, these events"
            return Step("by hand", what, f"{how} ({refusal}).")


def _once(what: str, is_there: bool, dry_run: bool, create: Callable[[], None]) -> Step:
    if is_there:
        return Step("already there", what)
    if dry_run:
        return Step("would do", what)
    create()
    return Step("done", what)
