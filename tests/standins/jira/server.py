"""A Jira Cloud or Jira Data Center in one process, for tests: a real HTTP server, its people, and its webhooks.

It is strict: what it doesn't know is an error answer and a line in `unexpected`. `acme()` builds a site ready to use.
"""

import base64
import importlib
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from types import TracebackType
from typing import Any, Literal, Self

from tests.contracts import Exchange as Judged
from tests.contracts import Recorder
from tests.standins.jira.faults import Fault, FaultKind, Faults, Match
from tests.standins.jira.hooks import Delivery
from tests.standins.jira.people import People
from tests.standins.jira.routing import ROUTES, Answer, Call, Refused, Route, Unknown
from tests.standins.jira.state import Person, Product
from tests.standins.jira.transport import Exchange, Server, Unreadable

for module in ("create", "issue", "comment", "search", "agile", "columns", "site", "fields", "bulk"):
    importlib.import_module(f"tests.standins.jira.rest_{module}")

NEWEST: dict[Product, tuple[int, int, int]] = {"cloud": (1001, 0, 0), "data-center": (10, 3, 24)}


class JiraStandIn(People):
    """A Jira site. Every act of a person happens at its clock and is told to webhooks at once.

    `lag` seconds (and for searches `search_lag` more) pass by that clock until reads show a change. `page_sizes` says
    how much one answer holds. `zone` is the zone that the site writes times in. Failed deliveries are retried after
    `retry_pause` seconds, on Cloud only.
    """

    def __init__(
        self,
        product: Product = "cloud",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        zone: tzinfo = UTC,
        version: tuple[int, int, int] | None = None,
        retry_pause: float = 0.2,
    ) -> None:
        super().__init__(product, clock, zone, version or NEWEST[product], retry_pause)
        self.faults = Faults()
        self._server: Server | None = None
        self._requests: list[Exchange] = []
        self._recorder: Recorder | None = None

    # running

    def start(self, port: int = 0) -> Self:
        """Listen on 127.0.0.1; `url` is the site's address from now on. A stopped site can be started again."""
        if self._server is not None:
            raise RuntimeError("it is running already")
        self._server = Server(port, self._work, self.world.now, self.faults)
        self._server.requests = self._requests
        self._server.watch = self._judge
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        serve = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="jira", daemon=True)
        serve.start()
        return self

    def stop(self) -> None:
        """Close the port, every connection and the posting of webhooks."""
        self.postman.stop()
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        return self if self._server else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def judged_by(self, recorder: Recorder) -> Self:
        """Show every exchange to the contract recorder: for clients in other processes, which it can't see itself."""
        self._recorder = recorder
        return self

    def _judge(self, exchange: Exchange, answer: bytes) -> None:
        """A fault's answer is no answer of Jira's; only its request is judged."""
        if self._recorder is None:
            return
        kind: Literal["jira-cloud", "jira-dc"] = "jira-cloud" if self.cloud else "jira-dc"
        asked = (kind, exchange.method, self.url + exchange.target, exchange.media, exchange.raw)
        known = exchange.done if exchange.fault in (None, "delay") else None
        self._recorder.judge(Judged(*asked, known, "application/json", answer))

    # looking

    @property
    def requests(self) -> list[Exchange]:
        """Every request so far, in the order in which they were answered."""
        return self._requests

    @property
    def deliveries(self) -> list[Delivery]:
        """Every webhook delivery so far, posted or not."""
        return self.postman.deliveries

    def credentials(self, name: str) -> tuple[str, str]:
        """E-mail address and token: Cloud wants both, Data Center the token alone."""
        person = self.world.people[name]
        return person.email, person.token

    # webhooks and faults

    def connect(self, url: str, secret: str | None) -> None:
        """Post every later delivery there, signed with the secret (None: unsigned)."""
        self.postman.connect(url, secret)

    def redeliver(self, delivery_id: str) -> None:
        """Post a delivery once more."""
        self.postman.redeliver(delivery_id)

    def settle(self, timeout: float = 5) -> None:
        """Wait until every delivery was posted; TimeoutError when that takes too long."""
        deadline = time.monotonic() + timeout
        while not self.postman.settled:
            if time.monotonic() > deadline:
                raise TimeoutError("deliveries are still waiting to be posted")
            time.sleep(0.005)

    def fault(self, match: Match, kind: FaultKind, times: int = 1, **how: Any) -> Fault:
        """Let the next `times` matching requests fail; `how`: seconds, retry_after, reason (see Fault)."""
        return self.faults.add(Fault(match, kind, times, **how))

    # answering

    def _work(self, exchange: Exchange) -> Answer:
        """Do what the request asks. What nobody foresaw is answered loudly."""
        try:
            with self.world.lock:
                return self._dispatch(exchange)
        except Refused as refused:
            return Answer(refused.status, refused.body)
        except Unknown as unknown:
            self.unexpected.append(f"{exchange.method} {exchange.path}: {unknown}")
            return Answer(400, {"errorMessages": [f"The stand-in doesn't know this: {unknown}"], "errors": {}})
        except Exception:
            self.unexpected.append(f"{exchange.method} {exchange.path}: {traceback.format_exc()}")
            return Answer(500, {"errorMessages": ["The stand-in failed; see unexpected."], "errors": {}})

    def _dispatch(self, exchange: Exchange) -> Answer:
        person = self._authenticated(exchange.authorization)
        if person is None:
            raise Refused(401, "Client must be authenticated to access this resource.")
        exchange.by = person.name
        route, args = self._route(exchange)
        version: Literal["2", "3"] = "3" if args.pop("version", "2") == "3" else "2"
        if strange := exchange.query.keys() - route.query:
            raise Unknown(f"query {sorted(strange)}")
        if isinstance(exchange.body, Unreadable):
            raise Refused(400, f"Unparseable JSON: {exchange.body}")
        if exchange.body is not None and not route.takes_body:
            raise Unknown("a body where none is taken")
        call = Call(exchange.method, exchange.path, exchange.query, exchange.body, person, version, args)
        return route.do(self, call)

    def _route(self, exchange: Exchange) -> tuple[Route, dict[str, str]]:
        """The first route that fits; one that this product lacks is a plain 404, one that nobody knows Unknown."""
        known = False
        for route in ROUTES:
            match = route.path.fullmatch(exchange.path)
            if match is None or route.method != exchange.method:
                continue
            known = True
            if self.world.product in route.on and (self.cloud or match.groupdict().get("version") != "3"):
                return route, match.groupdict()
        if not known:
            raise Unknown("no such method and path")
        raise Refused(404, f"null for uri: {self.url}{exchange.path}")

    def _authenticated(self, authorization: str) -> Person | None:
        """Cloud knows Basic with e-mail and token, Data Center Bearer with a token."""
        scheme, _, proof = authorization.partition(" ")
        for person in self.world.people.values():
            basic = base64.b64encode(f"{person.email}:{person.token}".encode()).decode()
            if (scheme, proof) == (("Basic", basic) if self.cloud else ("Bearer", person.token)) and person.active:
                return person
        return None
