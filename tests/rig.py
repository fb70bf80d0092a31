"""The bot and the sandbox together, for system tests: signed requests in, what Slack and PagerDuty got out."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bot import tls
from bot.app import Bot, runbook_path, running
from bot.compile_child import read
from bot.config import Settings
from bot.jobs.worker import Worker
from bot.operations import clock, incidents, timeline
from bot.store.tables import Incident
from runbook import compile_text
from runbook.model import Plan
from sandbox.platform import worktree
from sandbox.server import Sandbox
from sandbox.serving import Server
from tests.chaos.process import free_port
from tests.integration.sandbox_pagerduty.judge import judge_requests

DANA, SAM, CHRIS, SIA, OLLI = "U0ONCALL", "U0SRE", "U0CTO", "U0SEC", "U0OUT"
OPS = "C0OPS"
SECRET = "sandbox-webhook-secret"


async def eventually(check: Callable[[], Any], *, within: float = 10.0) -> Any:
    """The first truthy value of `check`; fails with what it last was."""
    end = time.monotonic() + within
    while True:
        began = time.monotonic()
        value = check()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not so within {within} s: {value!r}")
        # A look at the database takes milliseconds that what is waited for could use.
        await asyncio.sleep(max(0.01, 3 * (time.monotonic() - began)))


def settings_from(environment: Mapping[str, str], **more: str) -> Settings:
    """Settings as `ats-bot run` would read them from this environment and nothing else."""
    import os

    kept = dict(os.environ)
    try:
        for name in [n for n in os.environ if n.startswith(("ATS_", "SLACK_", "PAGERDUTY_"))]:
            del os.environ[name]
        os.environ.update({**environment, **more})
        return Settings.load()
    finally:
        os.environ.clear()
        os.environ.update(kept)


@dataclass
class Rig:
    """Everything running."""

    sandbox: Sandbox
    bot: Bot
    url: str  # the bot's base address
    http: httpx.AsyncClient
    secrets: list[str]  # what the running bot takes webhooks by
    environment: Mapping[str, str]  # its settings, for another bot beside or after it

    @classmethod
    @asynccontextmanager
    async def running(
        cls, database_url: str, folder: Path, *, http_mode: bool = False, **settings: str
    ) -> AsyncIterator["Rig"]:
        """Start the sandbox, then the bot, and wait until it is in its channel."""
        bot_port = free_port()
        bot_url = f"http://127.0.0.1:{bot_port}"
        late = _Late()
        holder = Server(late, port=0)
        sandbox = Sandbox.build(
            base_url=holder.url,
            request_url=f"{bot_url}/slack/events" if http_mode else None,
            webhook_url=f"{bot_url}/pagerduty/webhooks",
            webhook_secret=SECRET,
            state_dir=folder / "platform",
        )
        late.app = sandbox.app
        await holder.start()
        await _put_worktree(sandbox, folder)
        await sandbox.start()
        environment = sandbox.bot_environment() | {
            "ATS_DATABASE_URL": database_url,
            "ATS_PORT": str(bot_port),
            "ATS_LOG_LEVEL": "WARNING",
            "ATS_LOOKS__AUTOMATIC": "false",  # nothing in a thread but what the test is about
            "ATS_LOOKS__SAMPLE_EVERY": "0",
            "ATS_DATA_DIR": str(folder.parent / "ats"),  # of the session: the fonts are looked for once
        }
        loaded = settings_from(environment, **settings)
        try:
            async with (
                running(loaded, plan=partial(_plan, loaded)) as (bot, url),
                httpx.AsyncClient(base_url=url, verify=tls.context()) as client,
            ):
                await eventually(lambda: bot.figures.slack_problem == "")
                yield cls(sandbox, bot, url, client, bot.webhook_secrets, {**environment, **settings})
                judge_requests(list(sandbox.pagerduty.calls))  # whatever the test was about
        finally:
            await sandbox.close()
            await holder.stop()

    # Shorthands

    @property
    def slack(self) -> Any:
        return self.sandbox.slack

    @property
    def pagerduty(self) -> Any:
        return self.sandbox.pagerduty

    def messages(self, **more: Any) -> list[dict[str, Any]]:
        """What is visible in the operations channel."""
        return list(self.slack.messages(OPS, **more))

    def cards(self) -> list[dict[str, Any]]:
        """Top-level messages of the bot with a card's buttons or a resolved card's overflow."""
        return [
            m for m in self.messages() if str(m.get("blocks", [{}])[0].get("block_id", "")).startswith("c-")
        ]

    async def card(self, *containing: str, within: float = 10.0) -> dict[str, Any]:
        """The one card, once its text contains all of these."""

        def found() -> dict[str, Any] | None:
            cards = [c for c in self.cards() if all(text in str(c["blocks"]) for text in containing)]
            return cards[0] if cards else None

        card: dict[str, Any] = await eventually(found, within=within)
        return card

    async def modal(self, user: str) -> dict[str, Any]:
        """The modal that is open for a person."""

        def top() -> dict[str, Any] | None:
            stack = self.slack.workspace.stacks.get(user) or []
            return dict(self.slack.workspace.views[stack[-1]].data) | {"id": stack[-1]} if stack else None

        view: dict[str, Any] = await eventually(top)
        return view

    def calls(self, method: str) -> list[Any]:
        """The Web API calls of that method."""
        return [c for c in self.slack.calls if c.method == method]

    async def advance(self, **by: float) -> None:
        """Move everybody's clock forward."""
        delta = timedelta(**by)
        self.sandbox.clock.advance(delta)
        async with self.bot.store.transaction() as tx:
            await clock.advance(tx, delta)

    async def slack_call(self, method: str, **args: Any) -> dict[str, Any]:
        """A Web API call with the bot's token, as from elsewhere."""
        return await self.bot.slack.call(method, **args)

    async def asked_anew(self) -> None:
        """The bot has just asked who is on call."""
        async with self.bot.work.duty.asking:
            await self.bot.remembered._cache.clear()
        await self.bot.work.duty.refresh()

    async def without_worker(self, **advance: float) -> None:
        """The worker stops, time goes on without it, and a new one starts."""
        await self.bot.worker.stop()
        await self.advance(**advance)
        self.bot.worker = Worker(self.bot.work)
        self.bot.worker.start()

    def reminders(self, card: dict[str, Any]) -> list[dict[str, Any]]:
        """The replies under a card that ask for an acknowledgement."""
        replies = self.messages(thread_ts=card["ts"])[1:]
        return [m for m in replies if str(m["blocks"][0].get("text", {}).get("text")).startswith("🔔 *")]

    def direct(self, user: str) -> list[dict[str, Any]]:
        """What the bot wrote to a person."""
        return list(self.slack.messages(self.slack.workspace.im_with(user).id))

    async def entries(self, number: int, kind: str) -> list[str]:
        """The texts of an incident's timeline entries of a kind."""
        incident = await self.incident(number)
        async with self.bot.store.transaction() as tx:
            return [r.text for r in await timeline.rows(tx, incident.id or 0) if r.kind == kind]

    async def paused(self) -> bool:
        """Whether a channel rests."""
        from sqlalchemy import text

        async with self.bot.store.transaction() as tx:
            query = text("select count(*) from lane where paused_until is not null")
            return bool((await tx.session.execute(query)).scalar_one())

    async def pause(self, channel: str) -> None:
        """Make a channel rest until `unpause`, as a long 429 would."""
        from sqlalchemy import text

        async with self.bot.store.transaction() as tx:
            await tx.session.execute(
                text(
                    "insert into lane (channel, paused_until, failures, reason)"
                    " values (:c, now() + interval '1 hour', 0, 'a test')"
                    " on conflict (channel) do update set paused_until = excluded.paused_until"
                ),
                {"c": channel},
            )

    async def unpause(self) -> None:
        """End every channel's rest, as waiting would."""
        from sqlalchemy import text

        async with self.bot.store.transaction() as tx:
            await tx.session.execute(text("update lane set paused_until = null"))

    def use_webhook_secrets(self, *secrets: str) -> None:
        """As after a restart with other secrets."""
        self.secrets[:] = secrets

    async def incident(self, number: int) -> Incident:
        """The row of an incident."""
        async with self.bot.store.transaction() as tx:
            found = await incidents.by_number(tx, number)
        assert found is not None
        return found

    async def timeline(self, number: int, kind: str) -> int:
        """How many entries of a kind the incident's timeline has."""
        incident = await self.incident(number)
        async with self.bot.store.transaction() as tx:
            return len([r for r in await timeline.rows(tx, incident.id or 0) if r.kind == kind])

    async def rows(self, number: int, kind: str) -> list[Any]:
        """The entries of a kind in the incident's timeline, whole."""
        incident = await self.incident(number)
        async with self.bot.store.transaction() as tx:
            return [r for r in await timeline.rows(tx, incident.id or 0) if r.kind == kind]

    async def break_database(self) -> None:
        """Refuse new connections to the bot's database and cut those that stand."""
        await asyncio.to_thread(self._database, "false")

    async def mend_database(self) -> None:
        await asyncio.to_thread(self._database, "true")

    def _database(self, allowed: str) -> None:
        url = self.bot.store.url
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"alter database {name} allow_connections {allowed}")
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
            )

    async def thread(self, card: dict[str, Any]) -> list[dict[str, Any]]:
        """The replies under a card."""
        return [m for m in self.messages(thread_ts=card["ts"]) if m["ts"] != card["ts"]]


def _plan(settings: Settings) -> Plan:
    """The runbook as the start's own child hands it over, compiled once for each text."""
    path = runbook_path(settings)
    return replace(_compiled(*read(path)), path=str(path))


@cache
def _compiled(text: str, lock: str | None) -> Plan:
    return compile_text(text, lock=lock)


async def _put_worktree(sandbox: Sandbox, folder: Path) -> None:
    """The platform's working directory as it would write it itself; copied, for Git takes 30 ms."""
    first = folder.parent / "worktree"
    if not first.exists():
        await worktree.write(sandbox.platform.state, first)
    shutil.copytree(first, folder / "platform" / "host", dirs_exist_ok=True)


class _Late:
    """An ASGI app that is known only after its address is."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)
