"""Webhooks as GitHub keeps them: which of them is ours, and what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.github.settings import Settings

EVENTS = ("issues", "issue_comment")  # of a repository; `projects_v2_item` is told to organisations only
BOARD_EVENT = "projects_v2_item"


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook's settings; GitHub shows a secret only as stars."""

    url: str
    active: bool
    events: frozenset[str]
    config: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Hook":
        """From the JSON of a repository's or organisation's hook."""
        config = raw.get("config") or {}
        return cls(str(config.get("url", "")), bool(raw.get("active")), frozenset(raw.get("events") or ()), config)

    def tells(self, event: str) -> bool:
        """Whether this event is sent."""
        return event in self.events or "*" in self.events

    def faults(self) -> Iterator[str]:
        """What keeps us from hearing or believing its deliveries."""
        if not self.active:
            yield "it is switched off"
        if not self.config.get("secret"):
            yield "it has no secret, so its deliveries are refused"
        if str(self.config.get("insecure_ssl", "0")) == "1":
            yield "it doesn't check our certificate"
        missing = [event for event in EVENTS if not self.tells(event)]
        if missing:
            yield f"it doesn't send {', '.join(missing)}"
        if self.config.get("content_type") not in {"json", "form"}:
            yield f"its content type is {self.config.get('content_type')!r}; use application/json"


def ours(hooks: Sequence[Hook], settings: Settings) -> Hook | None:
    """The first hook that is meant for us."""
    return next((hook for hook in hooks if is_ours(hook, settings)), None)


def is_ours(hook: Hook, settings: Settings) -> bool:
    """Whether a hook is meant for us: by its exact URL if that is known, else by the path of this connection."""
    if settings.webhook is not None:
        return hook.url == settings.webhook.url
    return hook.url.rstrip("/").endswith(f"/webhooks/{settings.name}")
