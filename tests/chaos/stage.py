"""The sandbox in this process, for bots that run in processes of their own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bot.operations import clock
from bot.store import embedded
from bot.store.migrate import migrate
from bot.store.session import Store
from sandbox.pagerduty.world import Incident
from sandbox.server import Sandbox
from sandbox.serving import Server
from tests.chaos.nursery import Nursery
from tests.chaos.process import BotProcess, free_port
from tests.rig import OPS, SECRET, _Late, eventually

Json = dict[str, Any]


@dataclass
class Stage:
    """A running sandbox, the bot's database, and one way to both."""

    sandbox: Sandbox
    store: Store
    database_url: str
    folder: Path
    port: int  # where webhooks go: the bot's

    @classmethod
    @asynccontextmanager
    async def set_up(
        cls,
        database_url: str,
        folder: Path,
        *,
        waits: Callable[[int], float] = lambda _attempt: 0.1,
        rate_limits: bool = False,
    ) -> AsyncIterator["Stage"]:
        """Start the sandbox; `waits` are the seconds before PagerDuty's next attempt at a webhook."""
        late, port = _Late(), free_port()
        server = Server(late, port=0)
        sandbox = Sandbox.build(
            base_url=server.url,
            webhook_url=f"http://127.0.0.1:{port}/pagerduty/webhooks",
            webhook_secret=SECRET,
            state_dir=folder / "platform",
        )
        sandbox.pagerduty.webhooks.waits = waits
        sandbox.slack.enforce_rate_limits = rate_limits
        late.app = sandbox.app
        await server.start()
        store = Store(database_url)
        try:
            await sandbox.start()
            await store.jobs.open_async()
            yield cls(sandbox, store, database_url, folder, port)
        finally:
            await store.jobs.close_async()
            await store.close()
            await sandbox.close()
            await server.stop()

    @classmethod
    @asynccontextmanager
    async def alone(
        cls, postgres: embedded.EmbeddedPostgres, name: str, folder: Path
    ) -> AsyncIterator["Stage"]:
        """A sandbox, and a database of that name that nobody else uses."""
        url = embedded.create_database(postgres, name)
        await asyncio.to_thread(migrate, url)
        async with cls.set_up(url, folder) as stage:
            yield stage

    def settings(self, port: int | None = None, **more: str) -> dict[str, str]:
        """A bot's settings; `port` is where it listens if not where the webhooks go."""
        return (
            self.sandbox.bot_environment()
            | {
                "ATS_DATABASE_URL": self.database_url,
                "ATS_PORT": str(port or self.port),
                "ATS_LOG_FORMAT": "json",
                "ATS_DATA_DIR": str(self.folder / "data"),
                "ATS_LOOKS__AUTOMATIC": "false",  # a test of diagnoses says otherwise
                "ATS_LOOKS__SAMPLE_EVERY": "0",
                "ATS_ESCALATION__CARDS_OF_A_KIND": "1000",  # each incident has its card; storms have tests of their own
                **more,
            }
        )

    def bot(self, *, port: int | None = None, role: str = "all", name: str = "bot", **more: str) -> BotProcess:
        """Start `ats-bot run` on this stage."""
        return BotProcess.start(self.settings(port, **more), self.folder / f"{name}.log", "run", "--role", role)

    def forked(
        self, nursery: Nursery, *, port: int | None = None, role: str = "all", name: str = "bot", **more: str
    ) -> BotProcess:
        """The same, forked."""
        settings, log = self.settings(port, **more), self.folder / f"{name}.log"
        pid = nursery.start(settings, log, ["run", "--role", role])
        return BotProcess(psutil.Process(pid), f"http://127.0.0.1:{settings['ATS_PORT']}", log)

    @property
    def slack(self) -> Any:
        return self.sandbox.slack

    @property
    def pagerduty(self) -> Any:
        return self.sandbox.pagerduty

    def cards(self) -> list[Json]:
        """All cards that Slack shows, doubled ones too."""
        return [m for m in self.slack.messages(OPS) if first_block(m).startswith("c-") and not in_thread(m)]

    def card_of(self, incident: Incident) -> Json | None:
        """An incident's first card."""
        return next(iter(self.cards_of(incident)), None)

    def cards_of(self, incident: Incident) -> list[Json]:
        """All cards of an incident, by its title, which is no other's."""
        return [card for card in self.cards() if f"{incident.title} ·" in card["text"]]

    def thread(self, card: Json) -> list[Json]:
        """The replies under a card."""
        return [m for m in self.slack.messages(OPS, thread_ts=card["ts"]) if m["ts"] != card["ts"]]

    def everywhere(self) -> list[Json]:
        """All messages of the operations channel, those in threads too."""
        return [message.data for message in self.slack.workspace.channels[OPS].messages]

    def direct(self, user: str) -> list[Json]:
        """What the bot wrote to a person directly."""
        return list(self.slack.messages(self.slack.workspace.im_with(user).id))

    async def asks(self, user: str, step_id: str) -> None:
        """Somebody asks for a step of the runbook and confirms it."""
        assert (await self.slack.command(user, OPS, f"run {step_id}")).ok

        def confirmation() -> Json | None:
            stack = self.slack.workspace.stacks.get(user) or []
            view = dict(self.slack.workspace.views[stack[-1]].data) | {"id": stack[-1]} if stack else None
            return view if view and view.get("submit") else None

        view = await eventually(confirmation, within=60)
        assert (await self.slack.submit(user, view["id"], {})).ok

    async def advance(self, by: timedelta) -> None:
        """Move the sandbox's clock and the bot's, whether a bot runs or not."""
        self.sandbox.clock.advance(by)
        async with self.store.transaction() as tx:
            await clock.advance(tx, by)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the bot's database, read on a connection of our own."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()


def first_block(message: Json) -> str:
    """The block_id of a message's first block, where the bot keeps its marker."""
    return str((message.get("blocks") or [{}])[0].get("block_id", ""))


def in_thread(message: Json) -> bool:
    return message.get("thread_ts") not in (None, message["ts"])


def words(value: Any) -> str:
    """All text of blocks, as JSON without escapes."""
    return json.dumps(value, ensure_ascii=False)
