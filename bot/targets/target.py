"""The one door through which steps and probes reach the systems under care."""

from collections.abc import Mapping, Sequence

from bot.targets import redis, sql
from bot.targets.answers import KEPT, ExecAnswer, HttpAnswer, SqlAnswer
from bot.targets.http import Http
from bot.targets.process import LocalRunner, Runner
from bot.targets.redact import redact
from bot.targets.settings import TargetSettings


class Target:
    """HTTP, SQL, Redis and programs, each call with its own deadline in seconds.

    Every call raises an AtsError whose text begins with the cause: UnreachableError ("refused: …", "timed out
    after 5 s", "DNS: …"), UnauthorizedError ("401: …", "NOAUTH: …", "no permission: …"), ServerError,
    RejectedError ("not installed: …" with code `trouble.NOT_INSTALLED`), ConfigError ("not configured: …").
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

    async def http(
        self,
        method: str,
        url: str,
        *,
        deadline: float = 10.0,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> HttpAnswer:
        """Send a request; rewrites apply to its address, and any answer but 2xx is raised."""
        return await self._http.request(method, url, deadline=deadline, headers=headers or {}, content=content)

    async def sql(self, query: str, *, deadline: float = 10.0, rows: int = 100) -> SqlAnswer:
        """Run one reading statement in a read-only transaction and return its first rows."""
        return await sql.query(self.settings, query, deadline=deadline, rows=rows)

    async def redis(self, *command: str, deadline: float = 10.0) -> object:
        """Send one Redis command."""
        return await redis.command(self.settings, command, deadline=deadline)

    async def run(self, argv: Sequence[str], *, deadline: float = 10.0, keep: int = KEPT) -> ExecAnswer:
        """Run a program; its status is in the answer, and at most `keep` bytes of each output."""
        return await self._runner.run(argv, deadline=deadline, keep=keep)

    def redact(self, text: str) -> str:
        """The text without this target's secrets: for whatever is shown to people."""
        return redact(text, self.settings.known_secrets())

    async def close(self) -> None:
        """Close idle connections; nothing else is kept between calls."""
        await self._http.close()
