"""`work`: workers without webhooks."""

import threading
from pathlib import Path

import click
from waitress.server import create_server

from integrator.app import reception, web_app
from integrator.connect import tracker_factory
from integrator.ending import Ending, end_when_told
from integrator.errors import Failed
from integrator.logs import set_up_logs
from integrator.service import Service, build, open_store, ready_to_work
from integrator.serving import address, must_be_free

LOOK_UP = 1.0  # seconds between two looks at whether the workers live


def work(config_file: Path, threads: int, metrics: str | None) -> None:
    """Work until told to stop."""
    set_up_logs()
    end_when_told()
    config = ready_to_work(config_file)
    page = address(metrics) if metrics else None
    if page is not None:
        must_be_free(*page)
    store = open_store()
    service = build(config, store, tracker_factory(config, store.now), threads, every=config.catch_up.every)
    service.stand()
    ending = Ending()
    ending.catch()
    service.start()
    if page is not None:
        _show(service, *page)
    count = "1 thread" if threads == 1 else f"{threads} threads"
    click.echo(f"{count} for each tracker at work; stop with Ctrl-C", err=True)
    _watch(service, ending)
    ending.leave()


def _watch(service: Service, ending: Ending) -> None:
    """Wait for the end; leave with an error when another process runs a newer policy."""
    while service.is_working and not ending.wait(LOOK_UP):
        continue
    service.stop()
    if service.pool is not None and service.pool.superseded:
        raise Failed


def _show(service: Service, host: str, port: int) -> None:
    """Health checks and metrics on an address of their own, for as long as the process lives; no webhooks."""
    config = service.config
    app = web_app(service.store, reception({}), service.agenda.accept, config.trackers, lambda: service.is_working)
    server = create_server(app, host=host, port=port, threads=2)
    threading.Thread(target=server.run, name="metrics", daemon=True).start()
