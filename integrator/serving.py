"""`serve`: webhooks, health checks and workers until told to stop."""

import os
import signal
import socket
from pathlib import Path
from types import FrameType

import click

from integrator.ending import SIGNALS, Ending, end_when_told, held_back
from integrator.presence import Presence
from integrator.service import THREADS, begun, open_store, ready_to_work
from webhooks.receiver import LARGEST


def serve(config_file: Path, bind: str, work: bool, server: str) -> None:
    """Listen on `bind` until told to stop."""
    end_when_told()
    ready_to_work(config_file)
    host, port = address(bind)
    os.environ["INTEGRATOR_CONFIG"] = str(config_file)
    os.environ["INTEGRATOR_THREADS"] = str(THREADS if work else 0)
    _look_around(host, port, work)
    if server == "waitress":
        _waitress(host, port)
    else:
        from integrator.granian_server import serve as granian

        granian(host, port)


def _look_around(host: str, port: int, work: bool) -> None:
    """Everything that would keep the server from starting, said before the servers themselves print pages."""
    must_be_free(host, port)
    store = open_store()
    if work and store.file is not None:
        presence = Presence(store.file)
        try:
            presence.stand()
        finally:
            presence.leave()
    store.close()


def _waitress(host: str, port: int) -> None:
    import waitress

    ending = Ending()

    def end(number: int, frame: FrameType | None) -> None:
        ending.signalled(number, frame)
        raise KeyboardInterrupt  # what waitress ends on

    for number in SIGNALS:
        signal.signal(number, end)
    with held_back():  # a service that is told to end in the midst of its start would not give back what it took up
        service = begun()
    waitress.serve(
        service.app,
        host=host,
        port=port,
        threads=16,
        connection_limit=1000,
        channel_timeout=30,
        max_request_body_size=LARGEST + 1,  # it keeps bodies on the disk before anybody has looked at them
    )
    ending.leave()


def must_be_free(host: str, port: int) -> None:
    """Say so plainly when nobody can listen there."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise click.ClickException(f"cannot listen on {host}:{port} ({why}); choose another address") from None


def address(bind: str) -> tuple[str, int]:
    """HOST:PORT as a person wrote it."""
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{bind!r} is not HOST:PORT; write for example 127.0.0.1:8080")
    return host.strip("[]"), int(port)
