"""The one door through which steps and probes reach the systems under care."""

import asyncio
import hmac
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module

from bot.targets import certificates, sql, trouble, websocket
from bot.targets.answers import KEPT, ExecAnswer, Greeting, HttpAnswer, PipeAnswer, SqlAnswer, Stage
from bot.targets.http import Http
from bot.targets.kept import Progress
from bot.targets.line import Line
from bot.targets.process import LocalRunner, Runner
from bot.targets.redact import redact
from bot.targets.settings import TargetSettings
from bot.targets.sql import Session


@dataclass
class _Glance:
    """A request under way, and how many wait for it."""

    task: "asyncio.Task[HttpAnswer] | None" = None
    waiting: int = 0


def _looked_at(task: "asyncio.Task[HttpAnswer]") -> None:
    """Its failure is told by those who wait; when all have gone it must not be called forgotten."""
    if not task.cancelled():
        task.exception()


class Target:
    """HTTP, SQL, Redis and programs, each call with its own deadline in seconds.

    Every call raises an AtsError whose text begins with the cause: UnreachableError ("refused: …", "timed out
    after 5 s", "DNS: …"), UnauthorizedError ("401: …", "NOAUTH: …", "no permission: …"), ServerError,
    RejectedError ("not installed: …" with code `trouble.NOT_INSTALLED`), ConfigError ("not configured: …").
    Its `begun` says whether what was asked may have happened all the same.
    """

    def __init__(
        self,
        settings: TargetSettings,
        *,
        max_processes: int = 8,
        runner: Runner | None = None,
        line: Line | None = None,
    ) -> None:
        self.settings = settings
        self._line = line
        self._runner = runner or self._make_runner(max_processes)
        self._http = Http(settings, self._line)
        self._glances: dict[str, _Glance] = {}

    def _make_runner(self, max_processes: int) -> Runner:
        if self.settings.ssh is None:
            return LocalRunner(self.settings, max_processes)
        from bot.targets.far import FarRunner  # a third of a second, which a bot without SSH does not spend
        from bot.targets.ssh import Ssh

        self._line = ssh = Ssh(self.settings.ssh)
        return FarRunner(self.settings, ssh, max_processes)

    @property
    def local(self) -> bool:
        """Whether programs run on the host that the bot runs on."""
        return isinstance(self._runner, LocalRunner)

    @property
    def line(self) -> Line | None:
        """The forwarded connections, for another target behind the same host; None: it is this host."""
        return self._line

    @property
    def where(self) -> str:
        """Where things run, for people."""
        ssh = self.settings.ssh
        return "this host" if ssh is None else f"{ssh.user}@{ssh.host} over SSH"

    async def http(
        self,
        method: str,
        url: str,
        *,
        deadline: float = 10.0,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        redirects: bool = False,
        insecure: bool = False,
        keep: int = KEPT,
    ) -> HttpAnswer:
        """Send a request; rewrites apply to its address, and any answer but 2xx is raised."""
        return await self._http.request(
            method,
            url,
            deadline=deadline,
            headers=headers or {},
            content=content,
            redirects=redirects,
            insecure=insecure,
            keep=keep,
        )

    async def glance(self, url: str, *, deadline: float) -> HttpAnswer:
        """GET an address; whoever asks the same meanwhile gets the same answer. For probes, never for a verification.

        Probes look side by side, and a few of them at the same address: a platform in trouble is asked once.
        """
        look = self._glances.setdefault(url, _Glance())
        if look.task is None:
            look.task = asyncio.create_task(self.http("GET", url, deadline=deadline))
            look.task.add_done_callback(_looked_at)
        look.waiting += 1
        try:
            async with asyncio.timeout(deadline):
                return await asyncio.shield(look.task)
        except TimeoutError:
            raise trouble.timed_out(deadline) from None
        finally:
            look.waiting -= 1
            if look.task.done() or not look.waiting:
                self._glances.pop(url, None)
                look.task.cancel()

    async def websocket(
        self, url: str, *, deadline: float = 10.0, headers: Mapping[str, str] | None = None
    ) -> Greeting:
        """Connect to a WebSocket and wait for its first message; rewrites apply to its address."""
        where = self.settings.rewrite(url)
        return await websocket.look(where, deadline=deadline, headers=headers or {}, line=self._line)

    async def certificate(self, url: str, *, deadline: float = 10.0) -> certificates.Certificate:
        """Read the certificate of an https address; rewrites apply to it, and whether it is trusted does not matter."""
        return await certificates.look(self.settings.rewrite(url), deadline=deadline, line=self._line)

    async def sql(self, query: str, *, deadline: float = 10.0, rows: int = 100) -> SqlAnswer:
        """Run one reading statement in a read-only transaction and return its first rows."""
        return await sql.query(self.settings, query, deadline=deadline, rows=rows, line=self._line)

    async def session(self, session: Session) -> None:
        """Run SQL statements on one connection; their answers are in `session.answers`, as far as it got."""
        session.line = self._line
        await sql.run(self.settings, session)

    async def redis(self, *command: str, deadline: float = 10.0, url: str = "") -> object:
        """Send one Redis command, to the target's own Redis unless `url` names another."""
        # Redis's driver takes 16 MB and a quarter of a second to load: only where it is asked, and beside the loop.
        if "bot.targets.redis" not in sys.modules:
            await asyncio.to_thread(import_module, "bot.targets.redis")
        from bot.targets import redis

        return await redis.command(self.settings, command, deadline=deadline, url=url, line=self._line)

    async def run(self, argv: Sequence[str], *, deadline: float = 10.0, keep: int = KEPT) -> ExecAnswer:
        """Run a program; its status is in the answer, and at most `keep` bytes of each output."""
        ran = await self.pipe([Stage(tuple(argv))], deadline=deadline, keep=keep)
        return ExecAnswer(ran.exits[-1], ran.stdout, ran.stderr, ran.took, ran.truncated)

    async def pipe(
        self,
        stages: Sequence[Stage],
        *,
        deadline: float = 10.0,
        keep: int = KEPT,
        given: bytes | None = None,
        progress: Progress | None = None,
    ) -> PipeAnswer:
        """Run programs, each one's output into the next; the first gets `given` as its input, or none."""
        return await self._runner.pipe(stages, deadline=deadline, keep=keep, given=given, progress=progress)

    def redact(self, text: str) -> str:
        """The text without this target's secrets: for whatever is shown to people."""
        return redact(text, self.settings.known_secrets())

    def seal(self, text: str) -> str:
        """A value that tells nothing of a text but whether it is the same, secrets and all; alike in all replicas.

        Keyed by the target's secrets: whoever sees the value cannot try out what a secret may be.
        """
        key = sha256("\0".join(sorted(self.settings.own_secrets())).encode("utf-8", "surrogatepass")).digest()
        return hmac.new(key, text.encode("utf-8", "surrogatepass"), sha256).hexdigest()

    async def close(self) -> None:
        """Close idle connections, and the line to the target; nothing else is kept between calls."""
        await self._http.close()
        await self._runner.close()
