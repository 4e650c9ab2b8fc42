"""The running service: one process with the webhooks, the agenda and the workers on one database."""

import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from adapters.tracker import Tracker
from integrator import adopting
from integrator.agenda import Agenda
from integrator.app import reception, web_app
from integrator.clock import Clock, wall_clock
from integrator.config import Config, load
from integrator.connect import receivers, tracker_factory, watches
from integrator.credentials import secret_faults
from integrator.lanes import Lane
from integrator.log_stream import Behind
from integrator.logs import set_up_logs_behind
from integrator.pool import Pool
from integrator.presence import Presence
from integrator.rounds import Every, Rounds, set_out
from integrator.store import Store
from integrator.texts import Texts
from integrator.worker import Worker
from integrator.yaml_file import ConfigError, Fault
from webhooks.receiver import Reception

DATABASE = "sqlite:///integrator.db"
THREADS = 2
LOOK_AT_BOARDS = timedelta(minutes=5)  # how long a move that sent no webhook can go unseen


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that one process runs; `pool` is None where it only takes webhooks, `every` where rounds are off."""

    config: Config
    store: Store
    agenda: Agenda
    pool: Pool | None
    reception: Reception
    app: Flask
    presence: Presence | None
    every: Every | None = None

    @property
    def is_working(self) -> bool:
        """Whether there are workers and all of them are at work."""
        return self.pool is not None and self.pool.is_alive

    def stand(self) -> None:
        """Be the one process that stands at work, where the database takes one (SQLite); Taken when another does."""
        if self.pool is not None and self.presence is not None:
            self.presence.stand()

    def start(self) -> None:
        """Adopt the policy and begin to work."""
        self.store.bell.listen(self.pool.wake if self.pool is not None else None)
        if self.every is not None:
            set_out(self.store, self.config.trackers, self.every)
        if self.pool is None:
            return
        if self.presence is not None:
            self.presence.enter(if_alone=self.agenda.free_leases)
        self.agenda.adopt_policy()
        self.pool.start()

    def may_follow(self) -> bool:
        """Whether the workers stopped for a newer app.yaml that is this host's by now, with nothing missing for it."""
        if self.pool is None or not self.pool.superseded:
            return False
        try:
            return configured().policy_hash == self.store.read(adopting.current)
        except (ConfigError, SQLAlchemyError):  # asked again later
            return False

    def stop(self) -> None:
        """Finish what is at hand."""
        if self.pool is not None:
            self.pool.stop()
        self.store.close()
        if self.presence is not None:
            self.presence.leave()


def me() -> str:
    """A name for a lease holder: unique, and telling for people."""
    return f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"


def database_url(environ: Mapping[str, str] = os.environ) -> str:
    """Where the agenda is kept."""
    return environ.get("INTEGRATOR_DATABASE_URL", DATABASE)


def open_store(clock: Clock = wall_clock, environ: Mapping[str, str] = os.environ) -> Store:
    """The database of this installation, its tables up to date."""
    store = Store(database_url(environ), clock)
    store.migrate()
    return store


def build(  # noqa: PLR0913, PLR0917 - the composition root
    config: Config,
    store: Store,
    connect: Callable[[], Mapping[str, Tracker]],
    threads: int = THREADS,
    environ: Mapping[str, str] = os.environ,
    look_at_boards: timedelta | None = LOOK_AT_BOARDS,
    every: Every | None = None,
) -> Service:
    """Wire a process together. `threads` 0: webhooks only. `every`: the rounds it makes; None: it leaves them alone.

    The threads are for each tracker, so that one that doesn't answer never keeps another waiting.
    """
    clerk = Agenda(store, me(), config.policy_hash)
    texts = Texts(config.texts.given)

    def worker(name: str, lanes: Sequence[Lane]) -> Worker:
        makes_rounds = every is not None and Lane.SWEEP in lanes
        own = Agenda(store, me(), config.policy_hash, makes_rounds)
        rounds = Rounds(store, own, every) if every is not None and makes_rounds else None
        return Worker(store, own, connect(), config, texts, watches(config), look_at_boards, (name,), lanes, rounds)

    pool = Pool([worker(name, lanes) for name in config.trackers for lanes in _lanes(threads)]) if threads else None
    received = reception(receivers(config, environ))
    app = web_app(store, received, clerk.accept, config.trackers, (lambda: pool.is_alive) if pool else None)
    presence = Presence(store.file) if store.file is not None else None
    return Service(config, store, clerk, pool, received, app, presence, every)


def _lanes(threads: int) -> list[tuple[Lane, ...]]:
    """What each of a tracker's threads takes up: of several, one is free of backfills when an emergency comes."""
    ready = [(Lane.EVENT, Lane.TIMER)] if threads > 1 else []
    return ready + [tuple(Lane)] * (threads - len(ready))


def ready_to_work(config_file: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """What app.yaml says; ConfigError with everything that is missing before the service may touch a tracker."""
    config = load(config_file)
    faults = list(secret_faults(config, environ))
    if not config.trackers:
        faults.append(Fault("app.yaml", None, "trackers", "no tracker is connected yet; see the README"))
    if config.sla.enforce_from is None:
        says = "is missing, so nobody knows which reports are too old to announce; run `integrator init`"
        faults.append(Fault("app.yaml", None, "sla.enforce_from", says))
    if faults:
        raise ConfigError(faults)
    return config


def configured() -> Config:
    """The app.yaml that the environment names, as `ready_to_work` has it."""
    return ready_to_work(Path(os.environ.get("INTEGRATOR_CONFIG", "app.yaml")))


def begun() -> Service:
    """The service as a server process loads it: configured by the environment, its workers started."""
    lines = set_up_logs_behind()
    config = configured()
    store = open_store()
    threads = int(os.environ.get("INTEGRATOR_THREADS", str(THREADS)))
    service = build(config, store, tracker_factory(config, store.now), threads, every=config.catch_up.every)
    service.stand()
    service.start()
    threading.Thread(target=_stop_with_the_process, args=(service, lines), name="closer").start()
    return service


def _stop_with_the_process(service: Service, lines: Behind) -> None:
    threading.main_thread().join()
    service.stop()
    lines.close()
