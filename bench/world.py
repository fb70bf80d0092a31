"""The whole scene: embedded PostgreSQL and the bot as they run in production, the sandbox in our own process."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.process import LOOPBACK, Program, free_port
from bench.stopwatch import Stopwatch
from bench.wire import Wire, WiredTransport
from bot.store import embedded
from bot.store.migrate import migrate
from sandbox.platform.database import seed_database
from sandbox.server import SIGNING_SECRET, Sandbox
from sandbox.serving import Server

SETTINGS = (
    "embedded PostgreSQL, its default (durable) settings, an existing database; "
    "bot and bench in separate processes"
)


@dataclass
class World:
    """Everything running."""

    sandbox: Sandbox
    stopwatch: Stopwatch
    bot: Program
    bot_url: str
    settings: dict[str, str]
    database_url: str = ""  # the bot's


@contextmanager
def postgres() -> Iterator[tuple[Path, embedded.EmbeddedPostgres]]:
    """An ATS_DATA_DIR and its server with default settings and our schema; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="ats-bench-"))
    folder.chmod(0o755)  # the server of root runs as somebody else, who must get in
    try:
        server = embedded.start(folder / "postgres")
        migrate(server.url)
        yield folder, server
    finally:
        embedded.stop(folder / "postgres", mode="immediate")
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def sandbox(
    folder: Path, bot_url: str, *, http_mode: bool = False, trading_url: str | None = None
) -> AsyncIterator[tuple[Sandbox, Stopwatch]]:
    """The sandbox on a free port, without webhooks (the bench delivers them) and without rate limits."""
    stopwatch = Stopwatch()
    server = Server(stopwatch)
    built = Sandbox.build(
        base_url=server.url,
        request_url=f"{bot_url}/slack/events" if http_mode else None,
        state_dir=folder / "platform",
    )
    built.platform.database_url = trading_url
    built.slack.enforce_rate_limits = False
    if http_mode:
        wire = Wire(f"{bot_url}/slack/events")
        built.slack.core.deliveries.transport = WiredTransport("", SIGNING_SECRET, wire)
    stopwatch.app = built.app
    await server.start()
    await built.start()
    try:
        yield built, stopwatch
    finally:
        await built.close()
        await server.stop()


@asynccontextmanager
async def world(*, http_mode: bool = False) -> AsyncIterator[World]:
    """PostgreSQL, the sandbox, and `ats-bot run`, ready."""
    with postgres() as (folder, server):
        trading_url = embedded.create_database(server, "trading")
        await seed_database(trading_url)
        port = free_port()
        bot_url = f"http://{LOOPBACK}:{port}"
        async with sandbox(folder, bot_url, http_mode=http_mode, trading_url=trading_url) as (built, stopwatch):
            settings = built.bot_environment() | {
                "ATS_DATA_DIR": str(folder),
                "ATS_TARGET__DATABASE_URL": trading_url,
                "ATS_PORT": str(port),
                "ATS_LOG_LEVEL": "WARNING",
            }
            async with Program("bot", "run", settings=settings, log=folder / "bot.log") as bot:
                await bot.answers(f"{bot_url}/readyz")
                await stopwatch.quiet(0.5)
                yield World(built, stopwatch, bot, bot_url, settings, server.url)
