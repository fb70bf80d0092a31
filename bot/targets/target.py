"""The one door through which steps and probes reach the systems under care."""

from collections.abc import Mapping, Sequence

from bot.targets import certificates, redis, sql, websocket
from bot.targets.answers import KEPT, ExecAnswer, Greeting, HttpAnswer, PipeAnswer, SqlAnswer, Stage
from bot.targets.http import Http
from bot.targets.kept import Progress
from bot.targets.process import LocalRunner, Runner
from bot.targets.redact import redact
from bot.targets.settings import TargetSettings
from bot.targets.sql import Session


class Target:
    """HTTP, SQL, Redis and programs, each call with its own deadline in seconds.

    Every call raises an AtsError whose text begins with the cause: UnreachableError ("refused: …", "timed out
    after 5 s", "DNS: …"), UnauthorizedError ("401: …", "NOAUTH: …", "no permission: …"), ServerError,
    RejectedError ("not installed: …" with code `trouble.NOT_INSTALLED`), ConfigError ("not configured: …").
    Its `begun` says whether what was asked may have happened all the same.
    """

    def __init__(
        self, settings: TargetSettings, *, max_processes: int = 8, runner: Runner | None = None
    ) -> None:
        self.settings = settings
        self._http = Http(settings)
        self._runner = runner or LocalRunner(settings, max_processes)

    @property
    def local(self) -> bool:
        """Whether programs run on the host that the bot runs on."""
        return isinstance(self._runner, LocalRunner)

    @property
    def where(self) -> str:
        """Where things run, for people."""
        return "this host"

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

    async def websocket(
        self, url: str, *, deadline: float = 10.0, headers: Mapping[str, str] | None = None
    ) -> Greeting:
        """Connect to a WebSocket and wait for its first message; rewrites apply to its address."""
        return await websocket.look(self.settings.rewrite(url), deadline=deadline, headers=headers or {})

    async def certificate(self, url: str, *, deadline: float = 10.0) -> certificates.Certificate:
        """Read the certificate of an https address; rewrites apply to it, and whether it is trusted does not matter."""
        return await certificates.look(self.settings.rewrite(url), deadline=deadline)

    async def sql(self, query: str, *, deadline: float = 10.0, rows: int = 100) -> SqlAnswer:
        """Run one reading statement in a read-only transaction and return its first rows."""
        return await sql.query(self.settings, query, deadline=deadline, rows=rows)

    async def session(self, session: Session) -> None:
        """Run SQL statements on one connection; their answers are in `session.answers`, as far as it got."""
        await sql.run(self.settings, session)

    async def redis(self, *command: str, deadline: float = 10.0, url: str = "") -> object:
        """Send one Redis command, to the target's own Redis unless `url` names another."""
        return await redis.command(self.settings, command, deadline=deadline, url=url)

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

    async def close(self) -> None:
        """Close idle connections; nothing else is kept between calls."""
        await self._http.close()
        await self._runner.close()
