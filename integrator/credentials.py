"""Secrets: from the environment or from files that it names, never from app.yaml, never into a log."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from integrator.config import Config, ConfigError, Fault, GitHubConfig, JiraConfig


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
    """A tracker's secrets from INTEGRATOR_NAME_…, or from the file that INTEGRATOR_NAME_…_FILE names."""
    prefix = f"INTEGRATOR_{name.upper()}_"
    return Secrets(
        webhook_secrets=tuple(filter(None, re.split(r"\s*,\s*", _value(f"{prefix}WEBHOOK_SECRETS", environ)))),
        token=_value(f"{prefix}TOKEN", environ),
        email=_value(f"{prefix}EMAIL", environ),
        app_id=_value(f"{prefix}APP_ID", environ),
        installation_id=_value(f"{prefix}INSTALLATION_ID", environ),
        private_key=_value(f"{prefix}PRIVATE_KEY", environ).replace("\\n", "\n"),
    )


def secret_faults(config: Config, environ: Mapping[str, str] = os.environ) -> Iterator[Fault]:
    """What the environment lacks for serving, tracker by tracker."""
    for name, tracker in config.trackers.items():
        secrets = secrets_of(name, environ)
        prefix = f"INTEGRATOR_{name.upper()}_"
        if not secrets.webhook_secrets:
            yield _unset(f"{prefix}WEBHOOK_SECRETS", "is missing; deliveries are signed with it")
        if isinstance(tracker, GitHubConfig):
            yield from _github_faults(prefix, secrets)
        if isinstance(tracker, JiraConfig) and not secrets.token:
            yield _unset(f"{prefix}TOKEN", "is missing")
        if isinstance(tracker, JiraConfig) and tracker.product == "cloud" and not secrets.email:
            yield _unset(f"{prefix}EMAIL", "is missing; Jira Cloud wants it with the token")


def _github_faults(prefix: str, secrets: Secrets) -> Iterator[Fault]:
    app = {"APP_ID": secrets.app_id, "INSTALLATION_ID": secrets.installation_id, "PRIVATE_KEY": secrets.private_key}
    if not secrets.token and not any(app.values()):
        yield _unset(f"{prefix}TOKEN", f"is missing (or, for a GitHub App, {', '.join(prefix + key for key in app)})")
    elif any(app.values()):
        yield from (_unset(prefix + key, "is missing; a GitHub App needs it") for key in app if not app[key])
    for key in ("APP_ID", "INSTALLATION_ID"):
        if app[key] and not app[key].isdecimal():
            yield _unset(prefix + key, f"{app[key]!r} is not a number")


def _unset(variable: str, says: str) -> Fault:
    return Fault("environment", None, variable, says)


def _value(variable: str, environ: Mapping[str, str]) -> str:
    if variable in environ:
        return environ[variable].strip()
    if f"{variable}_FILE" not in environ:
        return ""
    path = Path(environ[f"{variable}_FILE"])
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            [Fault("environment", None, f"{variable}_FILE", f"{path} cannot be read: {error}")]
        ) from error
