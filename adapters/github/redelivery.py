"""Deliveries that never arrived: found in the lists that GitHub keeps of each hook, and asked for again.

GitHub sends nothing again by itself, keeps a delivery for three days (Enterprise Server: seven), and lists every
attempt of it under the same `guid` (https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any, Self

from adapters.github.client import Client, Refused
from adapters.github.hooks import Hook, is_ours
from adapters.github.settings import App, Settings
from adapters.github.shared import Places, Shared
from adapters.tracker import AccessDenied, Deliveries, Undelivered

APP_HOOK = "/app/hook"
FOR_GOOD = {400, 413, 415}  # our own answers that another attempt would get, too

_NEEDS = "listing webhook deliveries (Webhooks: read)"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a delivery: when, what came back, and where it is asked for again."""

    guid: str
    at: datetime
    status: int
    again: str

    @classmethod
    def of(cls, raw: Mapping[str, Any], path: str) -> Self:
        """From a row of the list at `path`."""
        at = datetime.fromisoformat(str(raw["delivered_at"]))
        return cls(str(raw["guid"]), at, int(raw["status_code"]), f"{path}/{raw['id']}/attempts")

    @property
    def is_settled(self) -> bool:
        """Whether no other attempt is needed, or another one would be answered the same."""
        return 200 <= self.status < 300 or self.status in FOR_GOOD


class Redelivery:
    """Looks after the hooks of one connection."""

    def __init__(self, settings: Settings, client: Client, shared: Shared, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._client = client
        self._shared = shared
        self._clock = clock

    def look(self, since: datetime) -> Deliveries:
        """What became of everything sent since then: one request a hook, a second one if something failed."""
        places = self._places()
        failed: list[Attempt] = []
        sent: set[str] = set()
        refused = [places.refused] if places.refused else []
        for path in places.paths:
            try:
                failures = list(self._attempts(path, "failure", since))
                failed += failures
                if failures:
                    sent |= {row.guid for row in self._attempts(path, "success", failures[-1].at)}
            except (AccessDenied, Refused) as refusal:
                self._shared.hooks.drop(self._settings.name)
                refused.append(str(refusal))
        return Deliveries(never_arrived(failed, sent), "; ".join(refused))

    def ask(self, missed: Undelivered) -> str:
        """Ask for one delivery to be sent again; why GitHub refuses just this one, or empty."""
        try:
            self._client.post(missed.again, {}, as_app=missed.again.startswith(APP_HOOK))
        except Refused as refusal:
            return str(refusal)
        return ""

    def _attempts(self, path: str, outcome: str, since: datetime) -> Iterator[Attempt]:
        """A hook's attempts, newest first; no page is asked for beyond the first attempt that is older."""
        rows = self._client.pages(path, {"status": outcome}, _NEEDS, as_app=path.startswith(APP_HOOK))
        return takewhile(lambda attempt: attempt.at >= since, (Attempt.of(row, path) for row in rows))

    def _places(self) -> Places:
        """Where deliveries to us are listed; looked for once an hour."""
        known = self._shared.hooks.get(self._settings.name, self._clock())
        if known is None:
            known = self._find()
            self._shared.hooks.put(self._settings.name, known, self._clock())
        return known

    def _find(self) -> Places:
        """An App's own hook, if it has one; else the hooks of repositories and organisations that deliver to us."""
        if isinstance(self._settings.auth, App) and self._has_app_hook():
            return Places((f"{APP_HOOK}/deliveries",))
        paths: list[str] = []
        unseen: list[str] = []
        for owner in dict.fromkeys(repository.partition("/")[0] for repository in self._settings.repositories):
            mine = [name for name in self._settings.repositories if name.partition("/")[0] == owner]
            every, whole = [f"/repos/{name}/hooks" for name in mine], f"/orgs/{owner}/hooks"
            found = {place: self._ours(place) for place in (*every, whole)}
            paths += [path for place in found.values() if not isinstance(place, str) for path in place]
            if not found[whole] or isinstance(found[whole], str):
                unseen += [place for place in (found[one] for one in every) if isinstance(place, str)]
        return Places(tuple(paths), "; ".join(unseen))

    def _has_app_hook(self) -> bool:
        url = str(self._client.get(f"{APP_HOOK}/config", as_app=True).get("url") or "")
        return bool(url) and not url.endswith(f"{APP_HOOK}/config")  # PyGithub puts an answer's own address there

    def _ours(self, place: str) -> Sequence[str] | str:
        """Where the deliveries of this place's hooks to us are listed; a text says why its hooks can't be seen."""
        try:
            rows = self._client.get(f"{place}?per_page=100")
        except (AccessDenied, Refused) as refusal:
            return f"{place} can't be looked at: {refusal}"
        return [f"{place}/{row['id']}/deliveries" for row in rows if is_ours(Hook.of(row), self._settings)]


def never_arrived(failed: Sequence[Attempt], arrived: Collection[str]) -> tuple[Undelivered, ...]:
    """The deliveries of which no attempt arrived and none was refused for good, the oldest first.

    `failed` are newest first; asked for again is the last attempt of each. All hooks tell of an event by one guid.
    """
    settled = {*arrived, *(attempt.guid for attempt in failed if attempt.is_settled)}
    last = {attempt.guid: attempt for attempt in sorted(failed, key=lambda attempt: attempt.at)}
    return tuple(Undelivered(guid, attempt.again) for guid, attempt in last.items() if guid not in settled)
