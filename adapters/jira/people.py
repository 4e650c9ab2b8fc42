"""Who is who: Jira's user objects as people with a standing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mapping.issue import Person, Standing

User = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Me:
    """The integrator's own account: every id it goes by, and the time zone in which Jira reads its JQL dates."""

    ids: frozenset[str]
    name: str
    time_zone: str
    account_type: str


@dataclass(frozen=True, slots=True)
class People:
    """Makes a person of a user object, as one project sees it."""

    ours: frozenset[str]
    is_team: Callable[[User], bool]

    def person(self, user: Any) -> Person | None:
        """The person, or None where the account is gone or was never known.

        Cloud: `id` is the accountId, `name` the display name; a mention is `[~accountid:ID]`. Data Center: `id` is the
        user key, which changelogs use too, `name` the user name; a mention is `[~NAME]`.
        """
        if not isinstance(user, Mapping) or not ids_of(user):
            return None
        return Person(id_of(user), name_of(user), self._standing(user))

    def is_ours(self, user: Any) -> bool:
        """Whether this is the integrator's own account, or one it had formerly."""
        return isinstance(user, Mapping) and not self.ours.isdisjoint(ids_of(user))

    def _standing(self, user: User) -> Standing:
        if self.is_ours(user):
            return Standing.SELF
        kind = user.get("accountType")
        if kind == "app":
            return Standing.BOT
        return Standing.TEAM if kind != "customer" and self.is_team(user) else Standing.OUTSIDER


def ids_of(user: User) -> frozenset[str]:
    """Everything that names a user for certain: the accountId on Cloud, key and name on Data Center."""
    return frozenset(str(user[key]) for key in ("accountId", "key", "name") if user.get(key))


def id_of(user: User) -> str:
    """The id that changelogs use for the same user."""
    return str(user.get("accountId") or user.get("key") or user.get("name") or "")


def name_of(user: User) -> str:
    """What a person is called: the user name on Data Center (mentions need it), the display name on Cloud."""
    return str((None if user.get("accountId") else user.get("name")) or user.get("displayName") or id_of(user))
