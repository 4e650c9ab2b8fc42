"""The show: starts the service, plays the day over HTTP, and tells what happened."""

import logging
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import click
import requests
from rich.console import Console
from rich.table import Table
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from adapters.tracker import Unreachable
from integrator.commands.looking import told
from integrator.config import Config, GitHubConfig, JiraConfig
from integrator.demo.payloads import github, jira
from integrator.lanes import Lane
from integrator.logs import set_up_logs
from integrator.scenario import Clock, Event, Scenario, Stage
from integrator.service import Service, build
from integrator.simulate import lines_after, policy_for
from integrator.store import Store
from integrator.yaml_file import validated
from mapping.issue import Column, Issue, IssueRef

PATIENCE = 30.0


def run(keep: bool) -> None:
    """Play the day; with `keep` the service stays up afterwards."""
    set_up_logs(logging.CRITICAL)
    scenario = validated(Scenario, files("integrator.demo").joinpath("day.yaml").read_text("utf-8"), "day.yaml")
    with tempfile.TemporaryDirectory() as folder, _service(scenario, Path(folder)) as show:
        show.play()
        show.sum_up()
        if keep:
            show.stay()


class Show:
    """The running service, the trackers behind it, and the clock that the day goes by."""

    def __init__(self, scenario: Scenario, stage: Stage, service: Service, address: str, secret: str) -> None:
        self._scenario = scenario
        self._stage = stage
        self._service = service
        self._address = address
        self._secret = secret
        self._told = 0
        self._down_until = scenario.start
        self._deliveries = 0

    def play(self) -> None:
        """From the first backfill to the end of the day."""
        click.echo(f"The service runs on {self._address}, with SQLite and two trackers in memory.")
        click.echo("A day of emergencies, on a fast clock (everything below was decided by the service):\n")
        self._service.agenda.touch(list(self._stage.refs()), Lane.SWEEP)
        self._settle()
        for event in self._scenario.events:
            self._until(self._scenario.start + event.at)
            self._happen(event)
        self._until(self._scenario.start + self._scenario.until)

    def sum_up(self) -> None:
        """The board, one status comment, and where to go from here."""
        issues = [issue for tracker in self._stage.trackers.values() for issue in tracker.issues()]
        click.echo("\nThe board at the end of the day:\n")
        Console().print(_board(issues))
        ref = IssueRef.parse("jira:OPS-7")
        comment = next(c for c in self._stage.trackers["jira"].issue(ref).comments if c.marker)
        click.echo(f"\nThe status comment on {ref}, as Jira gets it:\n")
        click.echo("\n".join(f"    {line}" for line in comment.body.splitlines()))
        again = requests.get(f"{self._address}/readyz", timeout=10).json()["status"]
        click.echo(f"\n{self._deliveries} signed deliveries taken, {self._told} changes made; the service is {again}.")
        click.echo("Next: README.md, “Connect GitHub” and “Connect Jira”.")

    def stay(self) -> None:
        """Leave the service running until Ctrl-C."""
        click.echo(f"\nStill running: {self._address}/metrics, {self._address}/readyz. Stop it with Ctrl-C.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo("stopped")

    def _until(self, at: datetime) -> None:
        """Let the clock run to `at`, stopping whenever something is due."""
        while (due := self._service.agenda.next_due()) is not None and max(due, self._down_until) < at:
            self._stage.clock.at = max(self._stage.clock(), due, self._down_until)
            self._settle()
        self._stage.clock.at = at
        self._settle()

    def _happen(self, event: Event) -> None:
        at = self._stage.clock().strftime("%H:%M")
        if event.outage is not None:
            self._down_until = self._scenario.start + event.at + event.outage
            self._service.agenda.hold("github", Unreachable("the demo pulls the plug", self._down_until))
            self._service.agenda.hold("jira", Unreachable("the demo pulls the plug", self._down_until))
            click.secho(f"{at}  the trackers cannot be reached until {self._down_until:%H:%M}", fg="cyan")
            return
        click.secho(f"{at}  {event.by}: {event.verb} {event.ref} {_gist(event)}", fg="cyan")
        issue = self._stage.trackers[event.ref.tracker].issue(self._stage.play(event))
        self._deliver(event, issue)
        self._settle()

    def _deliver(self, event: Event, issue: Issue) -> None:
        """Post the signed delivery, and the same once more: it must make no difference."""
        post = (github if "#" in issue.ref.key else jira)(event, issue, self._secret)
        for _ in range(2):
            answer = requests.post(
                f"{self._address}/webhooks/{issue.ref.tracker}", data=post.body, headers=post.headers, timeout=10
            )
            answer.raise_for_status()
        self._deliveries += 1

    def _settle(self) -> None:
        """Wait until nothing is due at this moment of the clock, then tell what was done."""
        patient_until = time.monotonic() + PATIENCE
        if self._stage.clock() < self._down_until:
            return
        while self._service.agenda.is_busy():
            if self._service.pool is not None:
                self._service.pool.wake()
            if time.monotonic() > patient_until:
                raise RuntimeError("the workers did not finish in time")
            time.sleep(0.005)
        for number, line in lines_after(self._service.store, self._told):
            self._told = number
            click.echo("   " + told(line))


@contextmanager
def _service(scenario: Scenario, folder: Path) -> Iterator[Show]:
    clock = Clock()
    stage = Stage.set_up(scenario, clock)
    store = Store(f"sqlite:///{folder / 'demo.db'}", clock)
    store.migrate()
    secret = secrets.token_hex(16)
    config = policy_for(scenario, _config())
    environ = {f"INTEGRATOR_{name.upper()}_WEBHOOK_SECRETS": secret for name in config.trackers}
    service = build(config, store, lambda: stage.trackers, environ=environ, look_at_boards=None)
    door = socket.create_server(("127.0.0.1", 0))
    server = create_server(service.app, sockets=[door], threads=4)
    listening = threading.Thread(target=_listen, args=(server,), name="listener", daemon=True)
    service.start()
    listening.start()
    try:
        yield Show(scenario, stage, service, f"http://127.0.0.1:{door.getsockname()[1]}", secret)
    finally:
        server.task_dispatcher.shutdown()
        server.close()
        service.stop()


def _listen(server: BaseWSGIServer | MultiSocketServer) -> None:
    """Take requests until the socket is closed, which ends a wait for the next one with an error."""
    with suppress(OSError):
        server.run()


def _config() -> Config:
    return Config(
        trackers={
            "github": GitHubConfig(kind="github", repositories=("acme/shop",)),
            "jira": JiraConfig(kind="jira", url="https://acme.example", projects=("OPS",)),
        }
    )


def _gist(event: Event) -> str:
    words = event.title or event.body or " ".join([*(f"+{x}" for x in event.add), *(f"-{x}" for x in event.remove)])
    first = " ".join(words.split())
    return f"“{first[:60]}”" if first else (f"to {', '.join(event.to)}" if event.to else "")


def _board(issues: list[Issue]) -> Table:
    table = Table(*(column.value for column in Column))
    stacks = {column: [_card(i) for i in issues if i.card and i.card.column is column] for column in Column}
    for row in range(max(map(len, stacks.values()), default=0)):
        table.add_row(*(stacks[column][row] if row < len(stacks[column]) else "" for column in Column))
    return table


def _card(issue: Issue) -> str:
    severity = next((label for label in sorted(issue.labels) if label in {"P0", "P1", "P2", "P3"}), "Planned")
    owners = " ".join(f"@{person.name}" for person in issue.assignees)
    return f"{severity}: {issue.title}\n{issue.ref.key} {owners}".replace("[", "\\[")
