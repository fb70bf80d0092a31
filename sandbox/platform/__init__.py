"""The sandbox's trading platform: servers and programs with the documented interfaces and real state."""

import json
import os
import shutil
import tempfile
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from sandbox.clock import SandboxClock
from sandbox.platform import api, prometheus, rate_gate, services, troubles, worktree
from sandbox.platform.faults import HTTP_SYSTEMS, Fault, Faults
from sandbox.platform.gate import Gate
from sandbox.platform.listeners import LOOPBACK, Listener, http_listener, stream_listener
from sandbox.platform.model import Call
from sandbox.platform.programs import Programs
from sandbox.platform.redis import PASSWORD as REDIS_PASSWORD
from sandbox.platform.redis import RedisServer
from sandbox.platform.sessions import HeldSessions
from sandbox.platform.state import PlatformState

__all__ = ["API_TOKEN", "REDIS_PASSWORD", "Fault", "Faults", "Platform", "PlatformState"]

API_TOKEN = api.API_TOKEN
PORTS = {"api": 8000, "rate-gate": 3001, "loki": 3100, "prometheus": 9090, "grafana": 3000, "mlflow": 5000}


class Platform:
    """The whole platform.

    Every HTTP system is served twice: under `app`, for people who look at it through the sandbox's one address,
    and after `start` on a port of its own, for the bot, so that a system that is down really refuses.

    Args:
        clock: the sandbox's clock.
        public_url: where `app` will be mounted.
        state_dir: for the programs and log files; a temporary directory when None, removed by `close`.
        database_url: the trading platform's own database (see `seed_database`); with it, an exhausted pool
            shows real sessions that are idle in transaction.
    """

    def __init__(
        self,
        *,
        clock: SandboxClock,
        public_url: str = "http://127.0.0.1:8025/platform",
        state_dir: Path | None = None,
        database_url: str | None = None,
    ) -> None:
        self.public_url = public_url
        self.state = PlatformState(clock)
        self.faults = self.state.faults
        self.faults.watch(self._follow)
        self._systems = self._build()
        self.app = Starlette(routes=[Mount(f"/{n}-{PORTS[n]}", a) for n, a in self._systems.items()])
        self._listeners: dict[str, Listener] = {}
        self._state_dir = state_dir
        self._temporary: Path | None = None
        self._programs: Programs | None = None
        self._sessions: HeldSessions | None = None
        self.database_url = database_url

    def _build(self) -> dict[str, ASGIApp]:
        systems = {
            "api": api.app(self.state),
            "rate-gate": rate_gate.app(self.state),
            "loki": services.loki(self.state),
            "prometheus": prometheus.app(self.state),
            "grafana": services.grafana(self.state),
            "mlflow": services.mlflow(self.state),
        }
        return {name: Gate(systems[name], self.state, name) for name in HTTP_SYSTEMS}

    async def start(self) -> None:
        """Open the ports (HTTP systems, Redis, and the programs' own) and write the programs."""
        folder = self._folder()
        self._programs = Programs(self.state, folder)
        self._listeners = {name: http_listener(app) for name, app in self._systems.items()}
        self._listeners["redis"] = stream_listener(RedisServer(self.state).serve)
        self._listeners["programs"] = http_listener(self._programs.app)
        for name, listener in self._listeners.items():
            if name == "programs" or not self.faults.of(name).down:
                listener.open()
                await listener.ready()
        self._programs.write(self._listeners["programs"].port)
        await worktree.write(self.state, self._programs.host)
        if self.database_url is not None:
            self._sessions = HeldSessions(self.database_url, self._pool_freed)
            self.state.on_pool = self._sessions.want

    async def close(self) -> None:
        """Close every port; may be called twice."""
        if self._sessions is not None:
            self.state.on_pool = lambda _exhausted: None
            await self._sessions.close()
        for listener in self._listeners.values():
            listener.close()
        self._listeners = {}
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    async def settled(self) -> None:
        """Return when the database's sessions agree with the state of the pool."""
        if self._sessions is not None:
            await self._sessions.settled()

    def _pool_freed(self) -> None:
        troubles.free_pool(self.state)

    def environment(self) -> dict[str, str]:
        """The bot's `[target]` settings for this platform; call it after `start`.

        Raises:
            RuntimeError: the platform has not been started.
        """
        if self._programs is None or not self._listeners:
            raise RuntimeError("The sandbox's platform has not been started.")
        path = os.environ.get("PATH", os.defpath)
        return {
            "ATS_TARGET__REDIS_URL": self.redis_url,
            "ATS_TARGET__API_TOKEN": API_TOKEN,
            "ATS_TARGET__PATH": f"{self._programs.bin}{os.pathsep}{path}",
            "ATS_TARGET__REWRITES": json.dumps(self.rewrites()),
            "ATS_TARGET__CWD": str(self._programs.host),
            "ATS_TARGET__ENV": json.dumps({"PM2_HOME": str(self._programs.pm2_home)}),
        }

    @property
    def calls(self) -> list[Call]:
        """What has been done to the platform: each program that ran, each request that was to change something."""
        return list(self.state.journal)

    @property
    def redis_url(self) -> str:
        return f"redis://{LOOPBACK}:{self._listeners['redis'].port}/0"

    def rewrites(self) -> dict[str, str]:
        """Where the runbook's addresses are really found; before `start`: below `public_url`."""
        rewrites = {f"http://localhost:{port}": self._address(name) for name, port in PORTS.items()}
        rewrites["ws://localhost:8000"] = self._address("api").replace("http", "ws", 1)
        return rewrites

    def _address(self, name: str) -> str:
        listener = self._listeners.get(name)
        return f"http://{LOOPBACK}:{listener.port}" if listener else f"{self.public_url}/{name}-{PORTS[name]}"

    def _folder(self) -> Path:
        if self._state_dir is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="ats-platform-"))
        folder = self._state_dir or self._temporary or Path()
        folder.mkdir(parents=True, exist_ok=True)
        return folder.resolve()

    def _follow(self, system: str, fault: Fault) -> None:
        listener = self._listeners.get(system)
        if listener is not None and fault.down:
            listener.shut()
        elif listener is not None:
            listener.open()
