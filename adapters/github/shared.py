"""What the workers of one GitHub connection share: the token, ids, who may write. All of it can be lost."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Generic, TypeVar

from adapters.github.limits import Budgets
from adapters.github.portion import Portion
from mapping.issue import IssueRef, Opened

K = TypeVar("K")
V = TypeVar("V")

_TEAM_KNOWN_FOR = timedelta(minutes=5)
_IDS_KNOWN_FOR = timedelta(minutes=10)
_OPENED_KNOWN_FOR = timedelta(minutes=10)
_ISSUES_KNOWN_FOR = timedelta(hours=6)
_ORGANISATION_KNOWN_FOR = timedelta(hours=1)
_MOVES_KNOWN_FOR = timedelta(days=1)
_TOKEN_RESERVE = timedelta(minutes=5)


class Kept(Generic[K, V]):
    """Values that are believed for a while; safe to use from several threads, never more than `at_most`."""

    def __init__(self, ttl: timedelta, at_most: int = 1_000) -> None:
        self._ttl = ttl
        self._at_most = at_most
        self._lock = threading.Lock()
        self._rows: OrderedDict[K, tuple[datetime, V]] = OrderedDict()

    def get(self, key: K, now: datetime) -> V | None:
        """The value, unless it is unknown or too old."""
        with self._lock:
            row = self._rows.get(key)
        return row[1] if row is not None and now < row[0] + self._ttl else None

    def put(self, key: K, value: V, now: datetime) -> None:
        """Believe this from now on; the longest unrefreshed value makes room."""
        with self._lock:
            self._rows[key] = (now, value)
            self._rows.move_to_end(key)
            while len(self._rows) > self._at_most:
                self._rows.popitem(last=False)

    def drop(self, key: K) -> None:
        """Believe nothing about this key."""
        with self._lock:
            self._rows.pop(key, None)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An installation token and the instant at which GitHub stops taking it."""

    value: str = field(repr=False)
    expires_at: datetime


class TokenKeeper:
    """One installation token for all threads: whoever finds it old fetches it while the others wait."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a refusal while fetching forgets the token, too
        self._token: AccessToken | None = None

    def current(self, now: datetime, fetch: Callable[[], AccessToken]) -> str:
        """The token; fetched when there is none or it ends within five minutes."""
        with self._lock:
            if self._token is None or self._token.expires_at - _TOKEN_RESERVE <= now:
                self._token = fetch()
            return self._token.value

    def forget(self) -> None:
        """GitHub didn't take the token: fetch another one next time."""
        with self._lock:
            self._token = None


class ClockThere:
    """How far GitHub's clock is ahead of ours: an App whose assertion is minutes off is refused."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def read(self, date: str, now: datetime) -> None:
        """Learn from the Date of a refusal."""
        with suppress(ValueError):
            self._ahead = parsedate_to_datetime(date).astimezone(UTC) - now

    def there(self, now: datetime) -> datetime:
        """The time that GitHub's clock shows."""
        return now + self._ahead


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the project or organisation: GitHub's data type, and its options' ids by name (case folded).

    `number` is set for an organisation's issue field; `shown` are the options' names as people read them.
    """

    id: str
    name: str
    kind: str
    options: Mapping[str, str] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True)
class Project:
    """The project's ids; `options` maps a Status option's name (case folded) to its id; `why`: it can't be used.

    `fields` are its fields by name (case folded), but for `twins`: names that differ only in case belong to nobody.
    """

    id: str = ""
    status: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    fields: Mapping[str, Field] = field(default_factory=dict)
    twins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """An issue's node id and creation, its card's id if it has one on the board, and its labels' by name (folded).

    `fields` is what the card's fields held when it was read, by name (folded).
    """

    id: str
    created_at: datetime
    item: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft's own id, its text with our mark in it, and the Status of its card."""

    id: str
    body: str
    status: str


@dataclass(frozen=True, slots=True)
class Stay:
    """The Status that a card was last seen with, and the one before it that was seen."""

    status: str
    left: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Where GitHub lists the deliveries of our hooks; `refused` says why there may be hooks that we can't see."""

    paths: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Team:
    """The logins (lower case) with write access to a repository; `refused` says why GitHub didn't tell."""

    logins: frozenset[str] = frozenset()
    refused: str = ""


class Openings:
    """The issues that were opened lately because of others: GitHub may show them there much later."""

    def __init__(self) -> None:
        self._kept: Kept[IssueRef, Mapping[str, Opened]] = Kept(_OPENED_KNOWN_FOR)

    def add(self, of: IssueRef, one: Opened, now: datetime) -> None:
        """Remember that `one` was opened because of the issue `of`."""
        self._kept.put(of, {**(self._kept.get(of, now) or {}), one.ref.key.casefold(): one}, now)

    def joined(self, of: IssueRef, shown: Iterable[Opened], now: datetime) -> tuple[Opened, ...]:
        """What GitHub shows on the issue `of`, and what we know besides, each once, the oldest first."""
        known = {**(self._kept.get(of, now) or {}), **{one.ref.key.casefold(): one for one in shown}}
        return tuple(sorted(known.values(), key=lambda one: (one.opened_at, one.ref)))


class Moves:
    """Where cards were seen: GitHub mostly doesn't tell where a card came from."""

    def __init__(self) -> None:
        self._stays: Kept[str, Stay] = Kept(_MOVES_KNOWN_FOR, at_most=20_000)

    def left(self, item: str, status: str, now: datetime) -> str:
        """The Status that this card was seen with before the present one; empty: nobody saw it."""
        last = self._stays.get(item, now) or Stay(status)
        stay = last if last.status == status else Stay(status, last.status)
        self._stays.put(item, stay, now)
        return stay.left


class Shared:
    """Give the same one to every tracker instance of one connection."""

    def __init__(self) -> None:
        self.token = TokenKeeper()
        self.clock = ClockThere()
        self.teams: Kept[str, Team] = Kept(_TEAM_KNOWN_FOR)
        self.labels: Kept[str, Mapping[str, str]] = Kept(_IDS_KNOWN_FOR)
        self.projects: Kept[str, Project] = Kept(_IDS_KNOWN_FOR)
        self.hooks: Kept[str, Places] = Kept(_ORGANISATION_KNOWN_FOR)
        self.listing: Kept[str, str] = Kept(_ORGANISATION_KNOWN_FOR)  # where REST lists cards; empty: nowhere
        self.issue_fields: Kept[str, Mapping[str, Field]] = Kept(_ORGANISATION_KNOWN_FOR)
        self.drafts: Kept[str, Draft] = Kept(_IDS_KNOWN_FOR)
        self.budgets = Budgets()
        self.reads = Portion(100)  # issues; GitHub counts nodes and aliases in hundreds
        self.lists = Portion(100)  # issues' names
        self.writes = Portion(20)  # aliases: of a request that runs out of time some were done
        self.moves = Moves()
        self.openings = Openings()
        self.issues: Kept[IssueRef, Known] = Kept(_ISSUES_KNOWN_FOR, at_most=20_000)
        self.tells_moves = True  # False once the host said that it doesn't know the event (older Enterprise Servers)
