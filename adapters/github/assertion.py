"""The assertion with which an App asks for its installation tokens, dated by GitHub's clock
(https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app).
"""

from collections.abc import Callable
from datetime import datetime

from github import Auth

from adapters.github.settings import App

_SLACK = 60  # seconds that GitHub advises to date it back
_LASTS = 300  # seconds


class Assertion(Auth.AppAuth):
    """PyGithub's, which would go by this machine's clock alone: minutes off, every token would be refused."""

    def __init__(self, auth: App, now: Callable[[], datetime]) -> None:
        super().__init__(auth.app_id, auth.private_key)
        self._now = now
        self._sign = Auth.AppAuth.create_jwt_sign(auth.private_key, "RS256")

    def create_jwt(self, expiration: int | None = None) -> str:
        """A new one, good for five minutes."""
        now = int(self._now().timestamp())
        signed = self._sign({"iat": now - _SLACK, "exp": now + (expiration or _LASTS), "iss": str(self.app_id)})
        return signed if isinstance(signed, str) else signed.decode()
