"""What many a GitHub app is: gidgethub and aiohttp, here with each delivery committed to SQLite before the answer.

`python -m bench.gidgethub_aiohttp PORT FILE`
"""

import sqlite3
import sys

from aiohttp import web
from gidgethub import ValidationFailure
from gidgethub.sansio import Event

from bench.load import SECRET

TABLE = "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, delivery TEXT UNIQUE, event TEXT, subject TEXT)"


def application(file: str) -> web.Application:
    """The app; `file` is a new SQLite database."""
    database = sqlite3.connect(file, isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", TABLE):
        database.execute(statement)

    async def webhook(request: web.Request) -> web.Response:
        content = await request.read()
        try:
            event = Event.from_http(request.headers, content, secret=SECRET)
        except ValidationFailure:
            return web.json_response({"error": "unauthorized"}, status=401)
        subject = f"{event.data['repository']['full_name']}#{event.data['issue']['number']}"
        row = (event.delivery_id, event.event, subject)
        database.execute("INSERT OR IGNORE INTO deliveries (delivery, event, subject) VALUES (?, ?, ?)", row)
        return web.json_response({"answer": "stored"}, status=202)

    app = web.Application(client_max_size=25 * 1024 * 1024)
    app.router.add_post("/webhooks/github", webhook)
    return app


if __name__ == "__main__":
    web.run_app(application(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
