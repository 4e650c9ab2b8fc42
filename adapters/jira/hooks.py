"""Jira's admin webhooks: the only ones that an API token may register and that are signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.jira.client import PLATFORM, found
from adapters.jira.errors import Refused
from adapters.jira.search import in_projects
from adapters.jira.site import Site

EVENTS = (
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
)
CLASSIC = "webhooks/1.0/webhook"
MODERN = "jira-webhook/1.0/webhooks"  # Data Center 10 moved them, and the secret into `configuration`
MODERN_SINCE = 10


@dataclass(frozen=True, slots=True)
class Hook:
    """A registered webhook. `signed` is None where Jira doesn't say."""

    url: str
    enabled: bool
    signed: bool | None
    events: frozenset[str]

    @property
    def missing(self) -> list[str]:
        """The events it should send and doesn't."""
        return [event for event in EVENTS if event not in self.events]


class Hooks:
    """The webhooks of a site; reading and registering them takes the permission Administer Jira."""

    def __init__(self, tracker: str, site: Site, projects: Sequence[str]) -> None:
        self._secrets = f"INTEGRATOR_{tracker.upper()}_WEBHOOK_SECRETS"
        self._site = site
        self._projects = projects

    def to(self, url: str) -> list[Hook]:
        """The webhooks that deliver to this address; Refused without the permission."""
        answer = self._site.client.call("GET", MODERN if self._is_modern() else CLASSIC)
        raw = answer.get("values", []) if isinstance(answer, dict) else answer or []
        return [hook for hook in map(_hook, raw) if hook.url.rstrip("/") == url.rstrip("/")]

    def register(self, name: str, url: str, secret: str) -> None:
        """Register a signed webhook for the connected projects; Refused without the permission."""
        about: dict[str, Any] = {"name": name, "url": url, "events": list(EVENTS)}
        if self._is_modern():
            self._site.client.call("POST", MODERN, {**about, "active": True, "configuration": {"SECRET": secret}})
            return
        filters = {"issue-related-events-section": in_projects(self._projects)}
        self._site.client.call("POST", CLASSIC, {**about, "filters": filters, "excludeBody": False, "secret": secret})

    def by_hand(self, url: str) -> str:
        """How a person registers it."""
        where = (
            "Settings (cog) > System > WebHooks" if self._site.is_cloud else "Administration (cog) > System > WebHooks"
        )
        return (
            f"{where} > Create a WebHook. URL: {url}. Secret: the first of {self._secrets}."
            f" Issue related events, JQL: {in_projects(self._projects)}."
            " Tick: Issue created, updated, deleted; Comment created, updated, deleted."
        )

    def _is_modern(self) -> bool:
        if self._site.is_cloud:
            return False
        numbers = found(self._site.client.call("GET", f"{PLATFORM}/serverInfo")).get("versionNumbers") or [0]
        return int(numbers[0]) >= MODERN_SINCE


def _hook(raw: Mapping[str, Any]) -> Hook:
    enabled = raw.get("enabled", raw.get("active", True))
    return Hook(str(raw.get("url", "")), bool(enabled), raw.get("isSigned"), frozenset(raw.get("events") or ()))


def why_not(refusal: Refused) -> str:
    """Why webhooks can't be read or registered."""
    if refusal.status in {401, 403, 404}:
        return "the integrator's account lacks the permission Administer Jira"
    return refusal.reason
