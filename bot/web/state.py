"""Figures of this process, for /metrics and /readyz."""

from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter


@dataclass
class Figures:
    """Counters, and how to tell whether the parts are well."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    slack_problem: str = "not connected yet"
    channel_problem: str = ""
    worker_alive: Callable[[], bool] | None = None  # None: this process is no worker

    def __post_init__(self) -> None:
        self._webhooks = Counter(
            "ats_pagerduty_webhooks", "PagerDuty webhooks by outcome", ["outcome"], registry=self.registry
        )

    def webhook(self, outcome: str) -> None:
        self._webhooks.labels(outcome).inc()
