"""The accept path: signed deliveries of 10 KB, 64 connections, each stored durably before its answer.

All servers run at the same time and are asked in turns, so that whatever else the machine does meets them alike.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import psycopg

from bench import servers
from bench.figure import Figure
from bench.load import Load, Plan, delivered
from bench.servers import Server
from tests.postgres import database

ROUNDS = 5
SECONDS = 3.0
KILL_AFTER = 2.0
PATH = "/webhooks/github"
BARE, SQLITE, POSTGRESQL, GIDGETHUB = "nothing stored", "SQLite", "PostgreSQL", "gidgethub + aiohttp + sqlite3"
RATIOS = (
    (SQLITE, BARE, 0.45),
    (POSTGRESQL, BARE, 0.3),
    (SQLITE, GIDGETHUB, 1.7),
)

Start = Callable[[Path], AbstractContextManager[Server]]


def measure() -> Iterator[Figure]:
    """Answers a second and their ratios (medians of all rounds), waiting times, and what a kill -9 loses."""
    loads = _in_turns({
        BARE: servers.unstored,
        SQLITE: servers.integrator,
        POSTGRESQL: partial(servers.integrator, database=database()),
        GIDGETHUB: servers.gidgethub_aiohttp,
    })  # fmt: skip
    for name, rounds in loads.items():
        yield Figure(f"accepted, {name}", median(load.rate for load in rounds), "/s")
    for over, under, least in RATIOS:
        ratios = [a.rate / b.rate for a, b in zip(loads[over], loads[under], strict=True)]
        yield Figure(f"accepted, {over} to {under}", median(ratios), "x", least=least)
    for name, rounds in loads.items():
        most = 50 if name in {SQLITE, POSTGRESQL} else None
        yield Figure(f"99 of 100 answers within, {name}", median(load.p99 for load in rounds), "ms", most=most)
    everyone = [load for rounds in loads.values() for load in rounds]
    yield Figure("answers other than 202", sum(load.others + load.broken for load in everyone), most=0)
    yield Figure("the load generator's share of a core, at most", max(load.share for load in everyone))
    yield Figure("load of the machine in the last minute", os.getloadavg()[0])
    yield from _killed(SQLITE, servers.integrator, _in_sqlite)
    url = database()
    yield from _killed(POSTGRESQL, partial(servers.integrator, database=url), lambda folder: _in_postgresql(url))


@contextmanager
def _running(start: Start) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, start(Path(folder)) as server:
        yield server


def _in_turns(starts: dict[str, Start]) -> dict[str, list[Load]]:
    loads: dict[str, list[Load]] = {name: [] for name in starts}
    with ExitStack() as stack:
        all_of_them = {name: stack.enter_context(_running(start)) for name, start in starts.items()}
        for number in range(ROUNDS):
            for name, server in all_of_them.items():
                loads[name].append(delivered(Plan(server.port, PATH, number, SECONDS)))
    return loads


def _killed(name: str, start: Start, stored: Callable[[Path], Sequence[tuple[str]]]) -> Iterator[Figure]:
    """SIGKILL for every process of the server in the midst of it: what was acknowledged and is not there?"""
    with _running(start) as server, ThreadPoolExecutor(1) as beside:
        load = beside.submit(delivered, Plan(server.port, PATH, 0, 10 * KILL_AFTER))
        time.sleep(1 + KILL_AFTER)
        server.kill()
        acknowledged = load.result().acknowledged
        there = {row[0] for row in stored(server.folder)}
    yield Figure(f"acknowledged until kill -9, {name}", len(acknowledged))
    yield Figure(f"of these lost, {name}", len(set(acknowledged) - there), most=0)


def _in_sqlite(folder: Path) -> Sequence[tuple[str]]:
    with sqlite3.connect(folder / "integrator.db") as conn:
        return conn.execute("SELECT delivery FROM deliveries").fetchall()


def _in_postgresql(url: str) -> Sequence[tuple[str]]:
    with psycopg.connect(url.replace("+psycopg", "")) as conn:
        return conn.execute("SELECT delivery FROM deliveries").fetchall()
