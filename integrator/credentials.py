"""Secrets: from the environment or from files that it names, never from app.yaml, never into a log."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from integrator.config import Config, GitHubConfig, JiraConfig
from integrator.yaml_file import ConfigError, Fault

_KEYS = ("WEBHOOK_SECRETS", "TOKEN", "EMAIL", "APP_ID", "INSTALLATION_ID", "PRIVATE_KEY")


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What the environment knows of one tracker; what is not set is empty. Never printed."""

    webhook_secrets: tuple[str, ...]
    token: str
    email: str
    app_id: str
    installation_id: str
    private_key: str


def secrets_of(name: str, environ: Mapping[str, str] = os.environ) -> Secrets:
    """A tracker's secrets from INTEGRATOR_NAME_…, or from the file that INTEGRATOR_NAME_…_FILE names.

    ConfigError with every file that can't be read.
    """
    prefix = f"INTEGRATOR_{name.upper()}_"
    values: dict[str, str] = {}
    faults: list[Fault] = []
    for key in _KEYS:
        try:
            values[key] = _value(prefix + key, environ)
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(faults)
    return Secrets(
        webhook_secrets=tuple(filter(None, re.split(r"\s*,\s*", values["WEBHOOK_SECRETS"]))),
        token=values["TOKEN"],
        email=values["EMAIL"],
        app_id=values["APP_ID"],
        installation_id=values["INSTALLATION_ID"],
        private_key=values["PRIVATE_KEY"].replace("\\n", "\n"),
    )


def secret_faults(config: Config, environ: Mapping[str, str] = os.environ) -> Iterator[Fault]:
    """What the environment lacks for serving, tracker by tracker."""
    for name, tracker in config.trackers.items():
        try:
            yield from _faults(f"INTEGRATOR_{name.upper()}_", tracker, secrets_of(name, environ))
        except ConfigError as error:
            yield from error.faults


def _faults(prefix: str, tracker: GitHubConfig | JiraConfig, secrets: Secrets) -> Iterator[Fault]:
    if not secrets.webhook_secrets:
        yield _unset(f"{prefix}WEBHOOK_SECRETS", "is missing; deliveries are signed with it")
    if isinstance(tracker, GitHubConfig):
        yield from _github_faults(prefix, secrets)
        return
    if not secrets.token:
        yield _unset(f"{prefix}TOKEN", "is missing")
    if tracker.product == "cloud" and not secrets.email:
        yield _unset(f"{prefix}EMAIL", "is missing; Jira Cloud wants it with the token")


def _github_faults(prefix: str, secrets: Secrets) -> Iterator[Fault]:
    app = {"APP_ID": secrets.app_id, "INSTALLATION_ID": secrets.installation_id, "PRIVATE_KEY": secrets.private_key}
    if not secrets.token and not any(app.values()):
        yield _unset(f"{prefix}TOKEN", f"is missing (or, for a GitHub App, {', '.join(prefix + key for key in app)})")
    elif any(app.values()):
        yield from (_unset(prefix + key, "is missing; a GitHub App needs it") for key in app if not app[key])
    for key in ("APP_ID", "INSTALLATION_ID"):
        if app[key] and not app[key].isdecimal():
            yield _unset(prefix + key, "is not a number")


def _unset(variable: str, says: str) -> Fault:
    return Fault("environment", None, variable, says)


def _value(variable: str, environ: Mapping[str, str]) -> str:
    given, file = environ.get(variable, "").strip(), environ.get(f"{variable}_FILE", "").strip()
    if given or not file:
        return given
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        why = f"{file} cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        why = f"{file} is not UTF-8 text"
    raise ConfigError([_unset(f"{variable}_FILE", why)])
