"""`serve` and `work`: the long-running commands."""

import os
import signal
import socket
import threading
from pathlib import Path

import click

from integrator.config import load
from integrator.connect import tracker_factory
from integrator.errors import Failed
from integrator.logs import set_up_logs
from integrator.service import THREADS, Service, build, open_store, ready_to_work, wsgi


def serve(config_file: Path, bind: str, work: bool, server: str) -> None:
    """Listen on `bind` until told to stop."""
    ready_to_work(load(config_file))
    host, port = _address(bind)
    _must_be_free(host, port)
    os.environ["INTEGRATOR_CONFIG"] = str(config_file)
    os.environ["INTEGRATOR_THREADS"] = str(THREADS if work else 0)
    open_store().close()
    if server == "waitress":
        _waitress(host, port)
    else:
        _granian(host, port)


def work(config_file: Path, threads: int) -> None:
    """Work until told to stop."""
    set_up_logs()
    config = load(config_file)
    ready_to_work(config)
    store = open_store()
    service = build(config, store, tracker_factory(config, store.now), threads)
    stop, told = threading.Event(), list[int]()

    def end(number: int, _: object) -> None:
        told.append(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    service.start()
    click.echo(f"working with {threads} threads; stop with Ctrl-C", err=True)
    _watch(service, stop)
    if signal.SIGINT in told:
        raise KeyboardInterrupt


def _watch(service: Service, stop: threading.Event) -> None:
    """Wait for the end; leave with an error when another process runs a newer policy."""
    pool = service.pool
    while pool is not None and pool.is_alive and not stop.wait(1):
        continue
    service.stop()
    if pool is not None and pool.superseded:
        raise Failed


def _granian(host: str, port: int) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    server = Granian(
        target="integrator.service:wsgi",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=4,
        respawn_failed_workers=True,
        log_access=False,
    )
    server.serve()


def _waitress(host: str, port: int) -> None:
    import waitress

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    waitress.serve(
        wsgi(),
        host=host,
        port=port,
        threads=16,
        connection_limit=1000,
        channel_timeout=30,
        max_request_body_size=2**30,
    )


def _must_be_free(host: str, port: int) -> None:
    """Say so plainly when nobody can listen there; the servers themselves print pages."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise click.ClickException(f"cannot listen on {host}:{port} ({why}); choose another --bind") from None


def _address(bind: str) -> tuple[str, int]:
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{bind!r} is not HOST:PORT; write for example 127.0.0.1:8080")
    return host.strip("[]"), int(port)
