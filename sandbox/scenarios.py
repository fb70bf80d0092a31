"""The seven alerts of the runbook, and one that it does not know: each breaks the platform and pages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Literal, Protocol

from sandbox.platform import Platform, troubles
from sandbox.platform.state import PlatformState

SERVICE = "AI Trading System"
Urgency = Literal["high", "low"]
_ALERT_SEVERITY = {"P0": "critical", "P1": "error", "P2": "warning"}  # Events API v2's words


class PagerDuty(Protocol):
    """What a scenario needs of the sandbox's PagerDuty."""

    async def trigger(
        self,
        title: str,
        *,
        service: str = ...,
        urgency: Urgency = ...,
        details: dict[str, Any] | None = ...,
        priority: str | None = ...,
        severity: str = ...,
    ) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Metric:
    """The measurement that fired."""

    name: str
    value: Callable[[PlatformState], float]
    threshold: str  # as the runbook writes the trigger
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One alert that can be raised and cleared.

    Attributes:
        id: fixed; the demo page and drills name it.
        title: of the PagerDuty incident, as Alertmanager words it.
        severity: "P0", "P1", "P2".
        summary: one line for the demo page.
    """

    id: str
    title: str
    severity: str
    summary: str
    metric: Metric
    trouble: Callable[[PlatformState], None]
    seconds: int  # how long it had been going on when it fired

    @property
    def urgency(self) -> Urgency:
        """P0 and P1 page; P2 only posts."""
        return "low" if self.severity == "P2" else "high"

    async def raise_(self, pagerduty: PagerDuty, platform: Platform) -> dict[str, Any]:
        """Make the platform show the fault, then page for it as monitoring would.

        Returns:
            The PagerDuty incident.
        """
        self.trouble(platform.state)
        await platform.settled()
        details = self.details(platform.state)
        return await pagerduty.trigger(
            self.title,
            service=SERVICE,
            urgency=self.urgency,
            details=details,
            priority=None,
            severity=_ALERT_SEVERITY[self.severity],
        )

    def clear(self, platform: Platform) -> None:
        """Make the whole platform well again; the incident is left to the people."""
        troubles.heal(platform.state)

    def details(self, state: PlatformState) -> dict[str, Any]:
        """The body of the alert, as an Alertmanager template sends it."""
        began = state.now - timedelta(seconds=self.seconds)
        return {
            "alertname": self.id,
            "severity": self.severity,
            "metric": self.metric.name,
            "value": f"{self.metric.value(state):.4g}",
            "threshold": self.metric.threshold,
            "labels": {"job": "trading", **self.metric.labels},
            "starts_at": began.isoformat(timespec="seconds"),
            "num_firing": "1",
            "source": "prometheus",
        }


def _restarts(state: PlatformState) -> float:
    """Within the last five minutes, of the process that restarts most."""
    now = state.now
    return max(a.restarts.at(now) - a.restarts.at(now - timedelta(minutes=5)) for a in state.apps)


def _nothing(_state: PlatformState) -> None:
    """The platform itself is well: what fired is outside of it."""


_ALL = (
    Scenario(
        "pm2-restarts",
        "[FIRING:1] PM2 High Restart Rate (signal-worker)",
        "P0",
        "signal-worker runs out of heap and PM2 restarts it every 40 seconds",
        Metric(
            "pm2_process_restarts",
            _restarts,
            "pm2_process_restarts > 3 in 5 minutes",
            {"app": "signal-worker"},
        ),
        troubles.crash_loop,
        300,
    ),
    Scenario(
        "db-pool",
        "[FIRING:1] Database Connection Pool Exhausted (trading_db)",
        "P0",
        "Every connection of the application's pool is held; the API answers 503",
        Metric(
            "database_connections_active",
            lambda state: round(state.pool_active.at(state.now)),
            "database_connections_active >= database_connections_max",
            {"database": "trading_db", "database_connections_max": "100"},
        ),
        troubles.exhaust_pool,
        120,
    ),
    Scenario(
        "rate-gate",
        "[FIRING:1] Rate Gate API Exhaustion (alphavantage)",
        "P0",
        "alphavantage refuses calls; the rate gate backs off 18 times a minute",
        Metric(
            "rate_gate_backoff_count",
            lambda state: state.backoff_per_minute(),
            "rate_gate_backoff_count > 10 per minute",
            {"provider": "alphavantage"},
        ),
        troubles.exhaust_rate_gate,
        120,
    ),
    Scenario(
        "loki-lag",
        "[FIRING:1] Loki Ingestion Lag (loki)",
        "P0",
        "Loki falls behind by two seconds every five; logs are not real-time any more",
        Metric(
            "loki_ingestion_lag",
            lambda state: state.loki_lag.at(state.now),
            "loki_ingestion_lag > 30 seconds",
            {"container": "loki"},
        ),
        troubles.lag_loki,
        60,
    ),
    Scenario(
        "sharpe",
        "[FIRING:1] Negative Sharpe Ratio with Drawdown (momentum-lstm)",
        "P1",
        "The strategy has lost for twenty minutes: Sharpe ratio below zero, drawdown above 5 %",
        Metric(
            "trading_sharpe_ratio",
            lambda state: state.sharpe.at(state.now),
            "trading_sharpe_ratio < 0 for 15 minutes AND equity_curve_drawdown > 5%",
            {"strategy": "momentum-lstm"},
        ),
        troubles.lose_money,
        900,
    ),
    Scenario(
        "api-latency",
        "[FIRING:1] High API Latency (trading-api)",
        "P1",
        "The API's 95th percentile is above two seconds, and its host's CPU above 85 %",
        Metric(
            "http_request_duration_p95",
            lambda state: state.latency_p95.at(state.now),
            "http_request_duration_p95 > 2s",
            {"app": "trading-api"},
        ),
        troubles.slow_down,
        180,
    ),
    Scenario(
        "backup",
        "[FIRING:1] Backup Failure (postgres)",
        "P2",
        "Last night's PostgreSQL backup ended with exit code 1; its upload broke off",
        Metric(
            "backup_last_exit_code",
            lambda state: troubles.backup_of(state, "postgres").last_exit_code.at(state.now),
            "backup script exit code != 0",
            {"store": "postgres", "script": "backup-postgres.sh"},
        ),
        troubles.fail_backup,
        60,
    ),
    Scenario(
        "unmatched",
        "[FIRING:1] Certificate expires soon (vault.trading.internal)",
        "P1",
        "Something that no entry of the runbook fits: a certificate with six days left",
        Metric(
            "probe_ssl_earliest_cert_expiry_days",
            lambda _state: 6.0,
            "probe_ssl_earliest_cert_expiry_days < 7",
            {"instance": "vault.trading.internal:8200"},
        ),
        _nothing,
        60,
    ),
)

SCENARIOS: Mapping[str, Scenario] = MappingProxyType({scenario.id: scenario for scenario in _ALL})
