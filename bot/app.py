"""The composition root: settings in, a running bot out. Everything live is made here and nowhere else."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import structlog
import uvicorn
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from starlette.applications import Starlette

import runbook
from bot import log as logs
from bot import probes
from bot.clients.directory import Directory, RoleIds
from bot.clients.heartbeat import Beats
from bot.clients.links import Links
from bot.clients.pagerduty import PagerDuty
from bot.clients.pagerduty_events import Events
from bot.clients.remembered import Remembered
from bot.clients.slack import Identity, Slack
from bot.compile_child import compile_here
from bot.config import EscalationConfig, Settings
from bot.domain.escalation import Timing
from bot.domain.looks import LookSettings
from bot.domain.policy import Role
from bot.domain.step_policy import Rule, too_loose
from bot.ending import end
from bot.errors import AtsError, ConfigError
from bot.heartbeat import Heartbeat
from bot.jobs import worker as jobs
from bot.jobs.reconcile import Reconciler
from bot.jobs.work import Work
from bot.joining import join
from bot.operations import links
from bot.operations.rules import Rules
from bot.plots.child import Plotter
from bot.probes import ProbeSettings
from bot.runbook_watch import RunbookWatch
from bot.services import BotServices
from bot.setting_names import secret_values
from bot.sockets import Sockets
from bot.store import embedded, keeper
from bot.store.migrate import migrate
from bot.store.session import Store
from bot.targets import Target, TargetSettings
from bot.targets.settings import passwords_in
from bot.web.health import parts_of
from bot.web.server import web_app
from bot.web.state import Figures, Source
from handlers import register_all
from runbook.model import Plan

log = structlog.get_logger(__name__)


def runbook_path(settings: Settings) -> Path:
    """The team's runbook, or the one that is shipped."""
    return settings.runbook or runbook.shipped_path()


def load_rules(settings: Settings, plan: Plan | None = None) -> Rules:
    """The runbook in force; raises ConfigError if it cannot be read or has no entries.

    One with errors is taken all the same, for a bot that does not start helps nobody at night: what the compiler
    did not understand is locked, and `ats-bot doctor` and the log say so.
    """
    path = runbook_path(settings)
    plan = plan or compile_here(path)
    if not plan.entries:
        raise ConfigError(f"The runbook {path} has no entries: is it the right file?")
    for problem in plan.errors:
        log.error("the runbook has an error; the step is locked", where=runbook.where(plan.path, problem))
    return Rules(
        plan,
        settings.channel,
        settings.runbook_url.rstrip("/"),
        timing(settings.escalation),
        _policies(settings, plan),
        LookSettings(**settings.looks.model_dump()),
    )


def timing(wanted: EscalationConfig) -> Timing:
    """`[escalation]` as the operations take it."""
    updates = {"P0": wanted.update_minutes_p0, "P1": wanted.update_minutes_p1}
    return Timing(
        again=timedelta(minutes=wanted.again_minutes),
        updates={severity: timedelta(minutes=m) for severity, m in updates.items() if m},
        postmortem=tuple(timedelta(days=d) for d in sorted(wanted.postmortem_days)),
        responders=wanted.responders,
        cards_of_a_kind=wanted.cards_of_a_kind,
    )


def _policies(settings: Settings, plan: Plan) -> tuple[Rule, ...]:
    """The settings' policies; raises ConfigError for one that is looser than the runbook, or does nothing."""
    policies = tuple(policy.rule() for policy in settings.policies)
    problems = too_loose(policies, plan)
    if problems:
        raise ConfigError(
            "These policies are wrong; a policy can only be stricter:\n  " + "\n  ".join(problems)
        )
    return policies


def target_settings(settings: Settings) -> TargetSettings:
    """`[target]` as the targets take it."""
    return settings.target.plain(tuple(all_secrets(settings)))


def make_target(settings: Settings) -> Target:
    """The systems under care, as the settings say."""
    return Target(target_settings(settings), max_processes=settings.target.max_processes)


def probe_settings(settings: Settings) -> ProbeSettings:
    """`[probes]`; raises ConfigError for a name that does not exist."""
    return probes.configured(settings.probes.leave_out, settings.probes.model_extra or {})


def all_secrets(settings: Settings) -> list[str]:
    """Every secret value of the settings, and the passwords in those that are addresses, for redaction."""
    values = secret_values(settings)
    inside = [password for value in values for password in passwords_in(value)]
    return [*values, *inside, *settings.webhook_secrets, *settings.target.plain(()).known_secrets()]


def database_url(settings: Settings) -> str:
    """The bot's database: the one that is set, or the embedded one, started if it is not running. Blocking."""
    url = settings.database_url.get_secret_value()
    if url:
        return url
    return embedded.start(settings.data_dir / "postgres", bin_dir=settings.postgres_bin).url


class Bot:
    """A bot, put together but not started."""

    def __init__(self, settings: Settings, store: Store, plan: Plan | None = None) -> None:
        self.settings, self.store = settings, store
        self.rules = load_rules(settings, plan)
        self.figures = Figures()
        self.webhook_secrets = list(settings.webhook_secrets)
        self.identity: Identity | None = None
        self.slack = Slack(token=settings.slack_bot_token.get_secret_value(), api_url=settings.slack_api_url)
        self.pagerduty = PagerDuty(
            token=settings.pagerduty_api_token.get_secret_value(),
            api_url=settings.pagerduty_api_url,
            events_url=settings.pagerduty_events_url,
        )
        self.remembered = Remembered(settings.redis_url.get_secret_value() or "mem://")
        self.directory = Directory(
            slack=self.slack,
            pagerduty=self.pagerduty,
            contacts=lambda: self.rules.plan.contacts,
            channel=settings.channel,
            role_ids=RoleIds({Role(name): ids for name, ids in settings.roles.model_dump().items() if ids}),
            remembered=self.remembered,
            links=Links(self._link_of_slack, self._link_of_pd),
        )
        self.target = make_target(settings)
        self.work = Work(
            store=store,
            slack=self.slack,
            pagerduty=self.pagerduty,
            directory=self.directory,
            target=self.target,
            current_rules=lambda: self.rules,
            from_email=settings.pagerduty_from_email,
            events=Events(
                settings.pagerduty_events_url,
                {
                    "trading": settings.pagerduty_routing_key.get_secret_value(),
                    "security": settings.pagerduty_security_routing_key.get_secret_value(),
                },
            ),
            services={"trading": settings.pagerduty_service, "security": settings.pagerduty_security_service},
            plotter=Plotter(settings.data_dir / "matplotlib"),
            probe_settings=probe_settings(settings),
        )
        self.worker = jobs.Worker(self.work)
        self.beats = Beats(
            url=settings.heartbeat.url.get_secret_value(),
            events_url=settings.pagerduty_events_url,
            routing_key=settings.heartbeat.routing_key.get_secret_value(),
        )
        self.heartbeat = Heartbeat(
            self.beats,
            self._parts,
            store=store,
            rules=lambda: self.rules,
            figures=self.figures,
            every=settings.heartbeat.every_seconds,
        )
        self.watch = RunbookWatch(runbook_path(settings), store, lambda: self.rules, self._swap)
        self.bolt = self._bolt()
        register_all(self.bolt, BotServices(self))
        self.sockets = Sockets(self.bolt, settings.slack_app_token.get_secret_value())

    async def _link_of_slack(self, slack_id: str) -> links.Linked | None:
        async with self.store.transaction() as tx:
            return await links.of_slack(tx, slack_id)

    async def _link_of_pd(self, pd_id: str) -> links.Linked | None:
        async with self.store.transaction() as tx:
            return await links.of_pd(tx, pd_id)

    def sockets_open(self) -> bool:
        """Whether Slack's events reach us, as far as that can be told."""
        return self.sockets.connected if "socket" in self.settings.slack_modes else True

    async def _parts(self) -> Mapping[str, str]:
        return await parts_of(self.figures, Source(self.store.transaction, self.sockets_open))

    def _swap(self, rules: Rules) -> None:
        self.rules = rules

    def _bolt(self) -> AsyncApp:
        async def authorize(**_: Any) -> AuthorizeResult:
            # Known since the start: asking Slack at every click would cost more than the whole acknowledgement.
            return AuthorizeResult(
                enterprise_id=None,
                team_id=self.identity.team_id if self.identity else None,
                bot_user_id=self.identity.user_id if self.identity else None,
                bot_id=self.identity.bot_id if self.identity else None,
                bot_token=self.settings.slack_bot_token.get_secret_value(),
            )

        http = "http" in self.settings.slack_modes
        bolt_log = logging.getLogger("slack_bolt")
        level, bolt_log.level = (
            bolt_log.level,
            logging.ERROR,
        )  # it warns that authorize replaces the token: meant
        app = AsyncApp(
            name="ats-bot",  # or it looks for its maker's file on the whole stack, for 50 ms
            client=self.slack.plain_web(),
            authorize=authorize,
            signing_secret=self.settings.slack_signing_secret.get_secret_value() or None,
            request_verification_enabled=http,
            process_before_response=True,  # Bolt's default polls for the ack every 10 ms
            logger=bolt_log,
        )
        bolt_log.setLevel(level)
        return app

    async def connect_slack(self) -> None:
        """Learn who we are, join the channel, open the sockets. Tries for ever: Slack may come up later."""
        delay = 0.5
        while True:
            try:
                await self._connect()
            except (AtsError, SlackApiError, OSError, aiohttp.ClientError) as error:
                self.figures.slack_problem = str(error)
                log.error("slack not connected; trying again", error=str(error), seconds=delay)
                await asyncio.sleep(delay)
                delay = min(30.0, delay * 2)
            else:
                self.figures.slack_problem = ""
                return

    async def _connect(self) -> None:
        self.identity = await self.slack.identity()
        await join(self.slack, self.store, self.settings.channel, self.figures)
        if "socket" in self.settings.slack_modes:
            await self.sockets.open()

    async def close(self) -> None:
        await self.sockets.close()
        await self.worker.stop()
        await self.slack.close()
        await self.pagerduty.close()
        await self.target.close()
        await self.remembered.close()
        await self.beats.close()
        with contextlib.suppress(Exception):
            await self.store.jobs.close_async()
        await self.store.close()


@asynccontextmanager
async def running(
    settings: Settings, *, role: str = "all", plan: Callable[[], Plan] | None = None
) -> AsyncIterator[tuple[Bot, str]]:
    """Start everything that the role needs; yields the bot and its base address; stops it all at the end.

    `plan` hands over a runbook that is being compiled elsewhere meanwhile.
    """
    url = await asyncio.to_thread(database_url, settings)
    await asyncio.to_thread(migrate, url)
    store = Store(url)
    bot = Bot(settings, store, await asyncio.to_thread(plan) if plan else None)
    server: _Server | None = None
    background = [asyncio.create_task(bot.watch.run())]
    if not settings.database_url.get_secret_value():
        background.append(
            asyncio.create_task(keeper.keep(settings.data_dir / "postgres", settings.postgres_bin))
        )
    try:
        await store.jobs.open_async()
        jobs.register(bot.work)
        if role in {"all", "web"}:
            server = await _Server.start(web_app(bot.figures, bot_endpoints(bot)), settings.host, settings.port)
            background.append(asyncio.create_task(bot.connect_slack()))
            background.append(asyncio.create_task(bot.heartbeat.run()))
        if role in {"all", "worker"}:
            bot.worker.start()
            looks = Reconciler(bot.work, webhooks=bool(settings.webhook_secrets))
            background.append(asyncio.create_task(looks.run()))
            bot.figures.worker_alive = lambda: bot.worker.alive
        yield bot, server.base_url if server else ""
    finally:
        await end(background)
        if server is not None:
            await server.stop()
        await bot.close()


def bot_endpoints(bot: Bot) -> Any:
    """What the web pages need of the bot."""
    from bot.web.server import Endpoints

    return Endpoints(
        services=BotServices(bot),
        bolt=bot.bolt if "http" in bot.settings.slack_modes else None,
        webhook_secrets=bot.webhook_secrets,
        transaction=bot.store.transaction,
        loopback=bot.settings.loopback,
        sockets_open=bot.sockets_open,
    )


class _Server:
    """uvicorn inside our loop, without its signal handlers."""

    def __init__(self, server: uvicorn.Server, task: asyncio.Task[None], base_url: str) -> None:
        self._server, self._task, self.base_url = server, task, base_url

    @classmethod
    async def start(cls, app: Starlette, host: str, port: int) -> "_Server":
        config = uvicorn.Config(
            app, host=host, port=port, log_config=None, access_log=False, lifespan="off",
            timeout_graceful_shutdown=3, server_header=False, h11_max_incomplete_event_size=64 * 1024,
        )  # fmt: skip
        server = uvicorn.Server(config)
        try:
            listener = await asyncio.to_thread(config.bind_socket)
        except SystemExit:
            raise ConfigError(
                f"Port {port} of {host} is taken (or may not be used). Set ATS_PORT to a free one, or stop the "
                "other program."
            ) from None
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.create_task(server._serve(sockets=[listener]))  # noqa: SLF001 - serve() takes the signals
        while not server.started:
            await asyncio.sleep(0.005)
            if task.done():
                task.result()
        bound = listener.getsockname()[1]
        return cls(server, task, f"http://{host}:{bound}")

    async def stop(self) -> None:
        self._server.should_exit = True
        await self._task


def set_up_logging(settings: Settings) -> None:
    logs.configure(level=settings.log_level, fmt=settings.log_format, secrets=all_secrets(settings))
