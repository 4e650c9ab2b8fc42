"""From app.yaml and the environment to trackers and receivers: the one place that knows every adapter."""

import os
from collections.abc import Callable, Mapping

from adapters.github import App, GitHubTracker, Shared, Token
from adapters.http import Deadlines
from adapters.jira import Basic, Bearer, JiraTracker
from adapters.tracker import Tracker
from integrator.clock import Clock
from integrator.config import Config, GitHubConfig, JiraConfig, homes_of
from integrator.credentials import Secrets, secrets_of
from integrator.form import issue_form
from integrator.yaml_file import ConfigError, Fault
from mapping.card import WRITTEN
from mapping.issue import IssueRef
from mapping.okr import KEY_RESULT
from webhooks import github as github_hooks
from webhooks import jira as jira_hooks
from webhooks.receiver import Receiver

DEADLINES = Deadlines()


def canonical(config: Config) -> Callable[[IssueRef], IssueRef]:
    """Issue names in app.yaml's own spelling: GitHub tells repositories apart by their letters, not by their case."""
    spelled = {(name, home.casefold()): home for name, tracker in config.trackers.items() for home in homes_of(tracker)}

    def spell(ref: IssueRef) -> IssueRef:
        home = spelled.get((ref.tracker, ref.container.casefold()))
        return IssueRef(ref.tracker, home + ref.key[len(home) :]) if home else ref

    return spell


def watches(config: Config) -> Callable[[IssueRef], bool]:
    """Whether an issue is in a repository or project that app.yaml lists."""
    homes = {(name, home.casefold()) for name, tracker in config.trackers.items() for home in homes_of(tracker)}
    return lambda ref: (ref.tracker, ref.container.casefold()) in homes


def receivers(config: Config, environ: Mapping[str, str] = os.environ) -> dict[str, Receiver]:
    """How each tracker's deliveries are taken."""
    receive = {"github": github_hooks.receive, "jira": jira_hooks.receive}
    ours, spelled = watches(config), canonical(config)
    return {
        name: Receiver(name, receive[tracker.kind], secrets_of(name, environ).webhook_secrets, ours, spelled)
        for name, tracker in config.trackers.items()
    }


def known(config: Config, ref: IssueRef) -> IssueRef:
    """The issue that a person named, spelled as app.yaml does; ConfigError when its home is not configured."""
    if ref.tracker not in config.trackers:
        names = ", ".join(config.trackers) or "none yet"
        says = f"there is no tracker {ref.tracker!r} in app.yaml; there is {names}"
        raise ConfigError([Fault(str(ref), None, "", says)])
    if not watches(config)(ref):
        homes = ", ".join(homes_of(config.trackers[ref.tracker]))
        raise ConfigError([Fault(str(ref), None, "", f"is not in a repository or project of app.yaml ({homes})")])
    return canonical(config)(ref)


TrackerFactory = Callable[[], dict[str, Tracker]]


def tracker_factory(
    config: Config, clock: Clock, environ: Mapping[str, str] = os.environ, deadlines: Deadlines = DEADLINES
) -> TrackerFactory:
    """Makes a set of trackers for one worker thread; what the threads can share (tokens, ids, Jira) they share."""
    hubs = {name: tracker for name, tracker in config.trackers.items() if isinstance(tracker, GitHubConfig)}
    sites = {name: tracker for name, tracker in config.trackers.items() if isinstance(tracker, JiraConfig)}
    shared = {name: Shared() for name in hubs}
    jira = {name: _jira(name, tracker, config, clock, environ, deadlines) for name, tracker in sites.items()}

    def connect() -> dict[str, Tracker]:
        made = {name: _github(name, hubs[name], config, clock, environ, deadlines, shared[name]) for name in hubs}
        return {**made, **jira}

    return connect


def _github(  # noqa: PLR0913, PLR0917
    name: str,
    tracker: GitHubConfig,
    config: Config,
    clock: Clock,
    environ: Mapping[str, str],
    deadlines: Deadlines,
    shared: Shared,
) -> Tracker:
    secrets = secrets_of(name, environ)
    app = secrets.app_id and App(int(secrets.app_id), int(secrets.installation_id), secrets.private_key)
    return GitHubTracker(
        name=name,
        url=tracker.url,
        repositories=tracker.repositories,
        auth=app or Token(secrets.token),
        clock=clock,
        project=(tracker.project.owner, tracker.project.number) if tracker.project else None,
        columns=tracker.board_columns,
        labels=[(label.name, label.color, label.description) for label in config.labels.all()],
        fields=_fields_read(config),
        p0=config.labels.p0.name,
        paused=config.labels.paused.name,
        former=config.identity.former,
        form=issue_form(config),
        webhook=_webhook(name, config, secrets),
        shared=shared,
        deadlines=deadlines,
    )


def _jira(  # noqa: PLR0913, PLR0917
    name: str, tracker: JiraConfig, config: Config, clock: Clock, environ: Mapping[str, str], deadlines: Deadlines
) -> Tracker:
    secrets = secrets_of(name, environ)
    is_cloud = tracker.product == "cloud"
    return JiraTracker(
        name=name,
        url=tracker.url,
        projects=tracker.projects,
        auth=Basic(secrets.email, secrets.token) if is_cloud else Bearer(secrets.token),
        clock=clock,
        board=tracker.board,
        product=tracker.product,
        columns=tracker.board_columns,
        labels=[label.name for label in config.labels.all()],
        fields=_fields_read(config),
        field_ids=tracker.fields,
        p0=config.labels.p0.name,
        paused=config.labels.paused.name,
        use_internal_api=config.board.jira.use_internal_api,
        former=config.identity.former,
        webhook=_webhook(name, config, secrets),
        deadlines=deadlines,
    )


def _fields_read(config: Config) -> tuple[str, ...]:
    """The fields that the checklist and the rules look at, the key result of planned work, and those that we write."""
    asked = [rule.when.field for rule in (*config.triage.rules, *config.triage.hints)]
    asked += [row.when.field for row in config.okr.matrix]
    named = [*config.triage.fields.values(), *(name for fields in asked for name in fields or {})]
    return tuple(dict.fromkeys([*named, KEY_RESULT, *WRITTEN]))


def _webhook(name: str, config: Config, secrets: Secrets) -> tuple[str, str] | None:
    if config.public_url is None or not secrets.webhook_secrets:
        return None
    return f"{config.public_url.rstrip('/')}/webhooks/{name}", secrets.webhook_secrets[0]
