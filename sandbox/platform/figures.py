"""The platform's time series under their Prometheus names: the seven triggers, the baseline, and `up`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sandbox.platform.state import PlatformState


@dataclass(frozen=True, slots=True)
class Series:
    """One time series: a name, labels, and its value at any time (seconds since 1970)."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    at: Callable[[float], float] = lambda _unix: 0.0

    @property
    def identity(self) -> dict[str, str]:
        return {"__name__": self.name, **self.labels}


def series(state: PlatformState) -> Iterator[Series]:
    """Every series that the platform's Prometheus has."""
    return (one for one in _scraped(state) if one.name not in state.unmeasured)


def _scraped(state: PlatformState) -> Iterator[Series]:
    for app in state.apps:
        labels = {"app": app.name, "job": "pm2"}
        yield Series("pm2_process_restarts", labels, app.restarts.at)
        yield Series("pm2_process_memory_bytes", labels, app.memory.at)
    for provider in state.providers:
        labels = {"provider": provider.name, "job": "rate-gate"}
        yield Series("rate_gate_backoff_count", labels, provider.backoff.at)
    for backup in state.backups:
        yield Series(
            "backup_last_exit_code", {"store": backup.store, "job": "backup"}, backup.last_exit_code.at
        )
    for name, track in state.up.items():
        yield Series("up", {"job": name}, track.at)
    for name, track in state.host.items():
        yield Series(f"host_{name}_usage_percent", {"job": "node"}, track.at)
    yield from _single(state)


def _single(state: PlatformState) -> Iterator[Series]:
    api = {"job": "api"}
    yield Series("database_connections_active", api, lambda unix: float(round(state.pool_active.at(unix))))
    yield Series("database_connections_max", api, lambda _unix: float(state.pool_max))
    yield Series("loki_ingestion_lag", {"job": "loki"}, state.loki_lag.at)
    yield Series("trading_sharpe_ratio", api, state.sharpe.at)
    yield Series("equity_curve_drawdown", api, state.drawdown.at)
    yield Series("http_request_duration_p95", api, state.latency_p95.at)
    yield Series("trading_enabled", api, lambda _unix: float(state.trading.enabled))


def exposition(state: PlatformState) -> str:
    """What the API's own `/metrics` shows, in Prometheus's text format."""
    unix = state.now.timestamp()
    return "".join(f"{one.name} {one.at(unix):g}\n" for one in _single(state))
