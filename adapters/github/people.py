"""Whose word is worth what: ourselves, other robots, people with write access, everybody else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mapping.issue import Person, Standing

_ROBOT = "[bot]"
_PROJECT_ROBOT = "github-project-automation"


@dataclass(frozen=True, slots=True)
class Identities:
    """Our own accounts, now and before; a robot named like a person is somebody else."""

    ours: frozenset[str]

    @classmethod
    def of(cls, viewer: str, is_app: bool, former: frozenset[str]) -> "Identities":
        """`viewer` is the login that GitHub calls us by, for an App with or without `[bot]`."""
        login = viewer.lower()
        if is_app and not login.endswith(_ROBOT):
            login += _ROBOT
        return cls(frozenset({login, *(name.lower() for name in former)}))

    def person(self, actor: Mapping[str, Any] | None, team: frozenset[str]) -> Person | None:
        """An actor as a person; None for a deleted account. `team` holds logins in lower case."""
        login = login_of(actor)
        if actor is None or login is None:
            return None
        return Person(login, str(actor["login"]), self._standing(login, team))

    def _standing(self, login: str, team: frozenset[str]) -> Standing:
        if login in self.ours:
            return Standing.SELF
        if login.endswith(_ROBOT):
            return Standing.BOT
        return Standing.TEAM if login in team else Standing.OUTSIDER


def login_of(actor: Mapping[str, Any] | None) -> str | None:
    """The login in lower case, a robot's always with `[bot]`: GraphQL leaves that out, REST and webhooks don't."""
    if not actor or not actor.get("login"):
        return None
    login = str(actor["login"]).lower()
    robot = actor.get("__typename") == "Bot" or login == _PROJECT_ROBOT
    return login + _ROBOT if robot and not login.endswith(_ROBOT) else login
