"""The things that the sandbox's trading platform is made of."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.platform.track import Track

MEGABYTE = 1024 * 1024


@dataclass(slots=True)
class App:
    """A process under PM2."""

    pm_id: int
    name: str
    script: str
    pid: int
    started: datetime
    restarts: Track
    memory: Track  # bytes
    system: str = ""  # the HTTP system that this process serves, if any
    status: str = "online"  # "online" | "stopped" | "errored" | "waiting restart"
    unstable_restarts: int = 0
    exit_code: int = 0
    cpu: float = 1.4  # percent
    loop_p95: float = 4.2  # milliseconds
    out: deque[str] = field(default_factory=lambda: deque(maxlen=400))
    err: deque[str] = field(default_factory=lambda: deque(maxlen=400))


@dataclass(slots=True)
class Container:
    """A container of the Compose project `ats`."""

    service: str
    name: str
    image: str
    started: datetime
    ports: str = ""
    system: str = ""  # the system that it serves, if any
    state: str = "running"  # "running" | "exited"
    exit_code: int = 0
    health: str = "healthy"  # "" when the image has no health check
    restarts: int = 0
    oom_killed: bool = False


@dataclass(slots=True)
class Provider:
    """An exchange or data provider behind the rate gate."""

    name: str
    limit: int  # calls per minute
    used: int
    backoff: Track  # how often it had to back off, since the gate started
    blocked: bool = False  # the provider itself refuses us
    waiting: int = 0  # calls that wait for their back-off to end
    leaked: bool = False  # quotas were reset although the provider was not blocking


@dataclass(slots=True)
class Trading:
    """Whether money moves."""

    enabled: bool = True
    emergency_stop: bool = False
    changed_at: datetime | None = None
    changed_by: str = "deployment"
    open_orders: int = 14
    open_positions: int = 6


@dataclass(slots=True)
class Model:
    """A model that trades."""

    name: str
    version: int
    stage: str
    accuracy: float
    drift: float
    trained: datetime
    last_prediction_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of the Helm release `ats`."""

    number: int
    updated: datetime
    status: str  # "deployed" | "superseded" | "failed"
    chart: str
    app_version: str
    description: str


@dataclass(slots=True)
class Pod:
    """A pod in the namespace `trading`."""

    name: str
    app: str
    started: datetime
    ready: bool = True
    restarts: int = 0
    waiting: str = ""  # "CrashLoopBackOff" …
    last_exit_code: int = 0


@dataclass(frozen=True, slots=True)
class BackupObject:
    """A backup in the bucket."""

    key: str
    size: int
    modified: datetime


@dataclass(slots=True)
class Backup:
    """The nightly backup of one store."""

    store: str  # "postgres" | "redis"
    last_exit_code: Track
    objects: list[BackupObject]
    broken: str = ""  # why the next nightly run fails; empty when it works
    log: deque[str] = field(default_factory=lambda: deque(maxlen=400))


@dataclass(frozen=True, slots=True)
class Call:
    """What somebody did to the platform: a program that ran, or a request that changed something."""

    at: datetime
    system: str
    what: tuple[str, ...]  # the program's arguments, or ("POST", "/api/trading/disable")
    exit_code: int = 0  # or the HTTP status
    directory: str = ""
    environment: tuple[str, ...] = ()  # names only: which variables the program was handed


@dataclass(slots=True)
class Unit:
    """A systemd unit."""

    name: str
    active: str = "active"
    sub: str = "running"
    result: str = "success"
    restarts: int = 0
    enabled: str = "enabled"


@dataclass(slots=True)
class Machine:
    """The platform's host, beyond its processes."""

    units: list[Unit] = field(default_factory=lambda: [Unit("redis"), Unit("nginx")])
    nginx_error: str = ""  # what is wrong with the configuration
    nginx_denied: bool = False  # the test is run by an ordinary user

    def unit(self, name: str) -> Unit | None:
        return next((u for u in self.units if u.name == name.removesuffix(".service")), None)


@dataclass(slots=True)
class RedisHealth:
    """What the platform's Redis says of itself."""

    used: int = 412_876_800  # bytes
    most: int = 2 * 1024**3  # maxmemory
    saving: bool = True  # whether it can write its snapshot
    rejected: int = 0  # connections, since it started
