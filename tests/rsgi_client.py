"""A client of an RSGI application: what Granian does between a socket and the application, without the socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from werkzeug.test import TestResponse, create_environ, run_wsgi_app
from werkzeug.wrappers import Response

from webhooks.rsgi import Door

PIECE = 2**20


@dataclass
class Headers:
    """As Granian has them: names in small letters."""

    those: dict[str, str]

    def get(self, name: str) -> str | None:
        return self.those.get(name)

    def items(self) -> list[tuple[str, str]]:
        return list(self.those.items())


@dataclass
class Scope:
    method: str
    path: str
    headers: Headers
    query_string: str = ""


@dataclass
class Exchange:
    """A body, which ends with an error when there is one, and what was answered."""

    body: bytes
    error: Exception | None = None
    taken: int = 0
    answers: list[tuple[int, list[tuple[str, str]], bytes]] = field(default_factory=list)

    async def __call__(self) -> bytes:
        if self.error is not None:
            raise self.error
        self.taken += len(self.body)
        return self.body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self.body), PIECE):
            self.taken += PIECE
            yield self.body[at : at + PIECE]
        if self.error is not None:
            raise self.error

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answers.append((status, headers, body))


class RsgiClient:
    """Asks one thing at a time, as `flask.testing.FlaskClient` does."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def exchange(self, method: str, path: str, exchange: Exchange, headers: Mapping[str, str]) -> TestResponse:
        """Ask with a body of one's own, and be answered once."""
        scope = Scope(method.upper(), unquote(path), Headers({name.lower(): value for name, value in headers.items()}))
        asyncio.run(self._door.__rsgi__(scope, exchange))
        ((status, said, content),) = exchange.answers
        app = Response(content, status, said)
        return TestResponse(*run_wsgi_app(app, create_environ()), request=None)  # type: ignore[arg-type]

    def open(self, path: str, method: str = "GET", data: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        """Ask with a body of a declared length."""
        length = {"Content-Length": str(len(data))} if data or method == "post" else {}
        return self.exchange(method, path, Exchange(data), {**length, **(headers or {})})

    def post(self, path: str, data: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        return self.open(path, "post", data, headers)

    def get(self, path: str) -> Any:
        return self.open(path, "get")

    def head(self, path: str) -> Any:
        return self.open(path, "head")

    def put(self, path: str) -> Any:
        return self.open(path, "put")

    def delete(self, path: str) -> Any:
        return self.open(path, "delete")

    def patch(self, path: str) -> Any:
        return self.open(path, "patch")
