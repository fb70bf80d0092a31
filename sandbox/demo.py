"""`ats-bot demo`: the sandbox, the embedded PostgreSQL and the real bot in one process, for a person with a browser.

The databases of a demo are made anew at every start, since the local Slack and PagerDuty begin empty too. A
kill -9 leaves at most a running PostgreSQL behind, which the next start finds and uses.
"""

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from importlib import resources
from pathlib import Path
from zlib import crc32

import httpx
import psycopg
import typer
from psycopg import sql

from bot import tls
from bot.app import Bot, running, set_up_logging
from bot.config import Settings
from bot.errors import ConfigError
from bot.operations import clock
from bot.store import embedded, keeper
from bot.store.migrate import HEAD, migrate
from handlers.grammar import usage
from sandbox.platform.database import seed_database
from sandbox.server import Sandbox
from sandbox.serving import LOOPBACK, Server

FOLDER = Path(".ats") / "demo"
WEBHOOK = "/pagerduty/webhooks"


def main(port: int) -> None:
    """Run until Ctrl-C."""
    started = time.monotonic()
    folder = Path(os.environ.get("ATS_DATA_DIR") or FOLDER.parent).absolute() / "demo"
    _forget_settings()
    _check_free(port)
    server = embedded.start(folder / "postgres")
    try:
        asyncio.run(_serve(server, folder, port, started))
    finally:
        if not _others(server, port):
            embedded.stop(folder / "postgres")


def _check_free(port: int) -> None:
    """Before anything of a demo that runs already is touched."""
    for wanted in (port, port + 1):
        try:
            socket.create_server((LOOPBACK, wanted)).close()
        except OSError as error:
            raise ConfigError(
                f"Port {wanted} cannot be used ({error.strerror}). If a demo runs already, open "
                f"http://{LOOPBACK}:{port}; else choose another: ats-bot demo --port 8125"
            ) from None


def _names(port: int) -> list[str]:
    """The databases of the demo on this port: the bot's and the trading platform's."""
    return [f"demo_{port}", f"trading_{port}"]


def _others(server: embedded.EmbeddedPostgres, port: int) -> bool:
    """Whether another demo works with the same PostgreSQL; what is still open to our own databases is ours."""
    query = (
        "select count(*) from pg_stat_activity where backend_type = 'client backend'"
        " and pid <> pg_backend_pid() and datname <> all(%s)"
    )
    try:
        with psycopg.connect(server.url, connect_timeout=5) as connection:
            row = connection.execute(query, [_names(port)]).fetchone()
    except psycopg.OperationalError:
        return False  # gone already
    return bool(row and row[0])


def _forget_settings() -> None:
    """The demo never touches a real Slack, PagerDuty or database, whatever the environment says."""
    for name in list(os.environ):
        if name.startswith(("ATS_", "SLACK_", "PAGERDUTY_")):
            del os.environ[name]
    os.environ["ATS_CONFIG"] = os.devnull


def _databases(server: embedded.EmbeddedPostgres, port: int) -> tuple[str, str]:
    """Fresh databases for the bot and the trading platform; the bot's is cloned from a migrated template."""
    versions = sorted(
        (resources.files("bot.store") / "migrations" / "versions").iterdir(), key=lambda f: f.name
    )
    schema = "".join(f.read_text("utf-8") for f in versions if f.name.endswith(".py"))
    template = f"template_{HEAD}_{crc32(schema.encode()):08x}"
    migrate(embedded.create_database(server, template))
    names = _names(port)
    with psycopg.connect(server.url, autocommit=True) as connection:
        for name in names:
            drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            connection.execute(drop)
    return embedded.create_database(server, names[0], template=template), embedded.create_database(
        server, names[1]
    )


async def _serve(server: embedded.EmbeddedPostgres, folder: Path, port: int, started: float) -> None:
    bot_url, trading_url = await asyncio.to_thread(_databases, server, port)
    await seed_database(trading_url)
    bot_address = f"http://{LOOPBACK}:{port + 1}"
    sandbox = Sandbox.build(
        base_url=f"http://{LOOPBACK}:{port}",
        webhook_url=bot_address + WEBHOOK,
        state_dir=folder / "platform",
        slack_options={
            "command_help": {"/ats": {"description": "Incidents and health", "usage_hint": usage()}}
        },
    )
    sandbox.platform.database_url = trading_url
    page = Server(sandbox.app, port=port)
    keeping = asyncio.create_task(keeper.keep(folder / "postgres"))
    try:
        await page.start()
        await sandbox.start()
        settings = _settings(sandbox, bot_url, trading_url, port + 1)
        set_up_logging(settings)
        async with running(settings) as (bot, _):
            _join_up(sandbox, bot, bot_address)
            typer.echo(_welcome(sandbox.base_url, time.monotonic() - started))
            sys.stdout.flush()
            from bot.__main__ import until_stopped

            await until_stopped()
            typer.echo("Stopping …")
    finally:
        keeping.cancel()
        await sandbox.close()
        await page.stop()


def _settings(sandbox: Sandbox, bot_url: str, trading_url: str, port: int) -> Settings:
    os.environ.update(sandbox.bot_environment())
    os.environ.update(
        ATS_RUNBOOK_URL=f"http://{LOOPBACK}:{port}/runbook",
        ATS_DATABASE_URL=bot_url,
        ATS_TARGET__DATABASE_URL=trading_url,
        ATS_PORT=str(port),
        ATS_LOG_LEVEL="WARNING",
    )
    return Settings.load()


def _join_up(sandbox: Sandbox, bot: Bot, address: str) -> None:
    """Give the page's controls the bot's clock and readiness."""

    async def advance(by: timedelta) -> None:
        async with bot.store.transaction() as tx:
            await clock.advance(tx, by)

    async def ready() -> Mapping[str, object]:
        try:
            async with httpx.AsyncClient(timeout=2.0, trust_env=False, verify=tls.context()) as client:
                answer = await client.get(f"{address}/readyz")
            return dict(json.loads(answer.text))
        except (httpx.HTTPError, ValueError) as error:
            return {"ready": False, "parts": {"bot": str(error)}}

    sandbox.control.advance_bot = advance
    sandbox.control.ready = ready


def _welcome(address: str, seconds: float) -> str:
    return (
        f"\n  ats-bot is ready to be tried ({seconds:.1f} s):  {address}\n\n"
        "  Type /ats health, raise an alert, press its buttons, move the clock. Ctrl-C stops everything.\n"
    )
