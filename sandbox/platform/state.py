"""The truth about the sandbox's trading platform: everything else only shows or changes it."""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sandbox.clock import SandboxClock
from sandbox.platform import healthy
from sandbox.platform.faults import Fault, Faults
from sandbox.platform.model import App, Call, Container, Machine, Provider, RedisHealth, Trading
from sandbox.platform.track import Track, constant, steady

RESTARTING_SECONDS = 4.0  # how long Loki is not ready after its container has been started again


class PlatformState:
    """Apps, containers, providers, trading, models, backups and measured values, healthy at the beginning.

    Args:
        clock: the sandbox's clock; all ages and histories are told by it.
    """

    def __init__(self, clock: SandboxClock) -> None:
        self.clock = clock
        now = clock.now()
        self.began = now - timedelta(days=9, hours=4)
        self.faults = Faults()
        self.faults.watch(self._follow)
        self.apps = healthy.apps(self.began)
        self.containers = healthy.containers(self.began)
        self.providers = healthy.providers(self.began)
        self.trading = Trading(changed_at=self.began)
        self.models = healthy.models(now)
        self.revisions = healthy.revisions(now)
        self.pods = healthy.pods(self.began)
        self.backups = healthy.backups(now)
        self.sharpe = Track(steady(1.42, 0.08), start=self.began)
        self.drawdown = Track(steady(1.9, 0.3), start=self.began)  # percent
        self.latency_p95 = Track(steady(0.182, 0.02), start=self.began)  # seconds
        self.loki_lag = Track(steady(1.2, 0.5), start=self.began)  # seconds
        self.loki_ready_at = self.began
        self.pool_active = Track(steady(31, 4), start=self.began)
        self.pool_max = 100
        self.sockets = Track(steady(42, 5), start=self.began)
        self.host = healthy.host(self.began)
        self.grafana_default_password = False
        self.training_failed = False  # the newest run in MLflow
        self.gateway_failing = 0  # percent of nginx's answers that are 502
        self.cluster_warnings: list[tuple[str, str, str]] = []  # of what ("Pod x"), reason, message
        self.rollout_stuck = ""  # name of a deployment
        self.machine = Machine()
        self.redis = RedisHealth()
        self.pm2_of_another_user = False  # the daemon that is asked is another one, and empty
        self.aws_credentials = True
        self.market_silent = False  # the stream takes connections and sends nothing
        self.unmeasured: set[str] = set()  # metrics that Prometheus does not have
        self.clock_skew = 0.0  # seconds by which the HTTP systems' clocks are ahead
        self.up = {
            name: Track(constant(1), start=self.began)
            for name in ("api", "rate-gate", "loki", "mlflow", "redis")
        }
        self.log: deque[str] = deque(healthy.application_log(now), maxlen=2000)
        self.journal: deque[Call] = deque(maxlen=1000)
        self.on_log: Callable[[], None] = lambda: None  # set by whoever keeps the log files
        self.on_pool: Callable[[bool], None] = lambda _exhausted: None  # set by whoever holds real sessions

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def app(self, name: str) -> App | None:
        return next((a for a in self.apps if name in {a.name, str(a.pm_id)}), None)

    def container(self, name: str) -> Container | None:
        return next((c for c in self.containers if c.name == name), None)

    def provider(self, name: str) -> Provider | None:
        return next((p for p in self.providers if p.name == name), None)

    @property
    def pool_exhausted(self) -> bool:
        return self.pool_active.at(self.now) >= self.pool_max

    def backoff_per_minute(self, providers: Iterable[Provider] | None = None) -> int:
        """How often the rate gate backed off within the last minute."""
        now = self.now
        minute_ago = now - timedelta(minutes=1)
        chosen = self.providers if providers is None else providers
        return round(sum(p.backoff.at(now) - p.backoff.at(minute_ago) for p in chosen))

    def record(self, system: str, what: tuple[str, ...], *, exit_code: int = 0, **more: object) -> None:
        """Keep what somebody did, for the demo page and for tests."""
        self.journal.append(Call(self.now, system, what, exit_code, **more))  # type: ignore[arg-type]

    def write_log(self, level: str, app: str, text: str) -> None:
        self.log.append(healthy.log_line(self.now, level, app, text))
        self.on_log()

    def _follow(self, system: str, fault: Fault) -> None:
        """Processes, containers and `up` tell the same story as the listeners."""
        now = self.now
        if system in self.up:
            self.up[system].set(now, constant(0 if fault.down else 1))
        for app in (a for a in self.apps if a.system == system):
            if fault.down:
                app.status, app.exit_code = "errored", 1
            elif app.status != "online":
                app.status, app.exit_code, app.started = "online", 0, now
        for container in (c for c in self.containers if c.system == system):
            if fault.down:
                container.state, container.exit_code = "exited", 137
            elif container.state != "running":
                container.state, container.exit_code, container.started = "running", 0, now
