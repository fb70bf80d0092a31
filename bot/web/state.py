"""Figures of this process, for /metrics and /readyz."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter


@dataclass
class Figures:
    """Counters, and how to tell whether the parts are well."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    slack_problem: str = "not connected yet"
    channel_problem: str = ""
    worker_alive: Callable[[], bool] | None = None  # None: this process is no worker
    bad_signatures: int = 0  # webhooks that no secret fits, not alarmed yet

    def __post_init__(self) -> None:
        self._webhooks = Counter(
            "ats_pagerduty_webhooks", "PagerDuty webhooks by outcome", ["outcome"], registry=self.registry
        )

    def webhook(self, outcome: str) -> None:
        self._webhooks.labels(outcome).inc()
        self.bad_signatures += outcome == "bad_signature"


@dataclass(frozen=True)
class Source:
    """How the parts are looked at."""

    transaction: Callable[[], AbstractAsyncContextManager[Any]]
    sockets_open: Callable[[], bool]
