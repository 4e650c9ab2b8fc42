"""Who is asking: tokens, an app's signed assertion, and what each may do."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.standins.github.records import Account, Project, Repository
from tests.standins.github.world import World

TOKEN_LIFE = timedelta(hours=1)
LEEWAY = 5  # seconds
LONGEST_ASSERTION = 600  # seconds
# What a GitHub App of this kind is given when it is installed.
APP_PERMISSIONS = {
    "metadata": "read",
    "issues": "write",
    "contents": "write",
    "organization_projects": "write",
    "repository_hooks": "write",
    "organization_hooks": "write",
}


class Refused(Exception):
    """The answer is no: an HTTP status, GitHub's sentence, and the type that GraphQL gives it."""

    def __init__(self, status: int, message: str, kind: str = "FORBIDDEN") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind


@cache
def key_pair() -> tuple[str, str]:
    """A private and a public key in PEM, made once a process: making one takes a tenth of a second."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@dataclass(frozen=True)
class App:
    """A GitHub App, installed on one account; `private_key` is for the client that plays it."""

    app_id: int
    slug: str
    installation_id: int
    account: str
    permissions: Mapping[str, str]
    public_key: str
    private_key: str
    created_at: datetime
    events: tuple[str, ...] = ("issues", "issue_comment", "projects_v2_item")

    @property
    def login(self) -> str:
        return f"{self.slug}[bot]"


@dataclass(frozen=True)
class Caller:
    """Who a request is from; `app` when it came with an installation token, `until` is when that ends."""

    account: Account
    app: App | None = None
    until: datetime | None = None

    @property
    def login(self) -> str:
        return self.account.login


class Access:
    """Knows every token, and says what its bearer may do.

    `strict`: an app's assertion must be timely by this GitHub's clock; else by the real one, which a test's own client
    signs by, will do too.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.strict = False
        self.apps: dict[int, App] = {}
        self._callers: dict[str, Caller] = {}
        self._serial = itertools.count(1)

    def token(self, login: str) -> str:
        """A personal access token of this account."""
        return self._issue("ghp", Caller(self.world.account(login)))

    def install(self, slug: str, account: str, permissions: Mapping[str, str] | None) -> App:
        private, public = key_pair()
        app_id, installation_id = next(self._serial) + 900_000, next(self._serial) + 50_000_000
        app = App(app_id, slug, installation_id, account, dict(permissions or APP_PERMISSIONS), public, private,
                  self.world.now())  # fmt: skip
        self.world.account(app.login, "Bot")
        self.apps[app_id] = app
        return app

    def installation_token(self, app: App) -> tuple[str, datetime]:
        until = self.world.now() + TOKEN_LIFE
        return self._issue("ghs", Caller(self.world.account(app.login), app, until)), until

    def revoke(self, token: str) -> None:
        del self._callers[token]

    def caller(self, authorization: str | None) -> Caller:
        """Refused(401) unless the header carries a living token."""
        scheme, _, token = (authorization or "").partition(" ")
        caller = self._callers.get(token.strip()) if scheme.lower() in {"token", "bearer"} else None
        if not token:
            raise Refused(401, "Requires authentication", "UNAUTHENTICATED")
        if caller is None or (caller.until is not None and caller.until <= self.world.instant()):
            raise Refused(401, "Bad credentials", "UNAUTHENTICATED")
        return caller

    def app(self, authorization: str | None) -> App:
        """The app whose RS256 assertion this is."""
        scheme, _, assertion = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or assertion.count(".") != 2:
            raise Refused(401, "A JSON web token could not be decoded")
        try:
            claimed = str(jwt.decode(assertion, options={"verify_signature": False}).get("iss", ""))
            app = self.apps[int(claimed)]
            claims = jwt.decode(
                assertion, app.public_key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
            )
        except (jwt.PyJWTError, KeyError, ValueError):
            raise Refused(401, "A JSON web token could not be decoded") from None
        clocks = [self.world.clock().timestamp(), *([] if self.strict else [time.time()])]
        if not any(_is_timely(claims, now) for now in clocks):
            raise Refused(401, "'Expiration time' claim ('exp') or 'Issued at' claim ('iat') is not of this time")
        return app

    def sees(self, caller: Caller, repo: Repository) -> bool:
        if caller.app is not None:
            return caller.app.account.lower() == repo.owner.lower()
        return self.world.may(repo, caller.login, "read")

    def require(self, caller: Caller, repo: Repository, role: str, app_permission: str, level: str = "write") -> None:
        """A person needs the role, an app the permission; Refused(403) otherwise."""
        if caller.app is not None:
            self.require_app(caller.app, app_permission, level)
        elif not self.world.may(repo, caller.login, role):
            raise Refused(403, "Must have push access to repository" if role == "write" else "Must have admin rights")

    def require_app(self, app: App, permission: str, level: str) -> None:
        held = app.permissions.get(permission, "")
        if held not in {"write", "admin"} and not (level == "read" and held == "read"):
            raise Refused(403, "Resource not accessible by integration")

    def sees_project(self, caller: Caller, project: Project) -> bool:
        """An app never reaches a user's own project."""
        owner = self.world.account(project.owner)
        if caller.app is not None:
            return owner.kind == "Organization" and "organization_projects" in caller.app.permissions
        return project.public or self._writes_projects(caller, project)

    def require_project(self, caller: Caller, project: Project) -> None:
        if caller.app is not None:
            self.require_app(caller.app, "organization_projects", "write")
        elif not self._writes_projects(caller, project):
            raise Refused(403, f"{caller.login} does not have the correct permissions to execute this mutation")

    def _writes_projects(self, caller: Caller, project: Project) -> bool:
        login = caller.login.lower()
        default = self.world.defaults.get(login, "none")
        return login == project.owner.lower() or default in {"write", "maintain", "admin"}

    def _issue(self, prefix: str, caller: Caller) -> str:
        token = f"{prefix}_{next(self._serial):036d}"
        self._callers[token] = caller
        return token


def _is_timely(claims: Mapping[str, int], now: float) -> bool:
    """Issued before now, and not over; for ten minutes at the most."""
    return claims["iat"] <= now + LEEWAY and now - LEEWAY <= claims["exp"] <= now + LONGEST_ASSERTION + LEEWAY
