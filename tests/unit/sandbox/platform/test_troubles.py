"""Each trouble crosses the threshold that the runbook names, and is over when it is healed."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from sandbox.clock import SandboxClock
from sandbox.platform import figures, promql, troubles
from sandbox.platform.state import PlatformState


def fires(state: PlatformState, query: str) -> bool:
    return bool(promql.parse(query).at(state.now.timestamp(), figures.series(state)))


TRIGGERS: list[tuple[Callable[[PlatformState], None], list[str]]] = [
    (troubles.crash_loop, ["increase(pm2_process_restarts[5m]) > 3"]),
    (troubles.exhaust_pool, ["database_connections_active >= 100"]),
    (troubles.exhaust_rate_gate, ["increase(rate_gate_backoff_count[1m]) > 10"]),
    (troubles.lag_loki, ["loki_ingestion_lag > 30"]),
    (troubles.lose_money, ["max_over_time(trading_sharpe_ratio[15m]) < 0", "equity_curve_drawdown > 5"]),
    (troubles.slow_down, ["http_request_duration_p95 > 2"]),
    (troubles.fail_backup, ["backup_last_exit_code != 0"]),
]


@pytest.mark.parametrize(("trouble", "queries"), TRIGGERS, ids=[t.__name__ for t, _ in TRIGGERS])
def test_trouble_crosses_the_runbooks_threshold(
    state: PlatformState, trouble: Callable[[PlatformState], None], queries: list[str]
) -> None:
    """No trigger fires on a good day; each fires the moment its trouble is raised, over its whole window."""
    assert not any(fires(state, query) for query in queries)
    trouble(state)
    assert all(fires(state, query) for query in queries)


@pytest.mark.parametrize(("trouble", "queries"), TRIGGERS[:-1], ids=[t.__name__ for t, _ in TRIGGERS[:-1]])
def test_healing_ends_the_trouble(
    state: PlatformState, clock: SandboxClock, trouble: Callable[[PlatformState], None], queries: list[str]
) -> None:
    """After healing, no trigger fires once its window has passed."""
    trouble(state)
    troubles.heal(state)
    clock.advance(timedelta(minutes=16))
    assert not any(fires(state, query) for query in queries)


def test_restarting_loki_ends_its_lag_and_is_not_ready_at_once(
    state: PlatformState, clock: SandboxClock
) -> None:
    """Readiness comes back some seconds after the restart, the lag drains."""
    troubles.lag_loki(state)
    assert troubles.restart_container(state, "loki")
    assert state.now < state.loki_ready_at
    clock.advance(timedelta(seconds=30))
    assert state.now > state.loki_ready_at
    assert not fires(state, "loki_ingestion_lag > 30")


def test_resetting_a_blocked_provider_helps(state: PlatformState) -> None:
    """The reset that the runbook allows: the exchange is already blocking."""
    troubles.exhaust_rate_gate(state)
    assert troubles.reset_provider(state, "alphavantage")
    provider = state.provider("alphavantage")
    assert provider is not None
    assert (provider.blocked, provider.waiting, provider.leaked) == (False, 0, False)


def test_resetting_a_provider_too_early_makes_it_worse(state: PlatformState, clock: SandboxClock) -> None:
    """The reset that the runbook warns of: a quota leak is masked, and back-offs rise."""
    assert not troubles.reset_provider(state, "binance")
    provider = state.provider("binance")
    assert provider is not None
    assert provider.leaked
    clock.advance(timedelta(minutes=2))
    assert state.backoff_per_minute([provider]) > 5


def test_restarting_the_api_frees_the_pool(state: PlatformState) -> None:
    """The sessions belong to the process that is restarted."""
    troubles.exhaust_pool(state)
    assert state.pool_exhausted
    api = state.app("trading-api")
    assert api is not None
    troubles.restart_app(state, api)
    assert not state.pool_exhausted


def test_healing_keeps_what_people_did(state: PlatformState) -> None:
    """Clearing a scenario is not an undo: trading stays stopped, restarts stay counted."""
    state.trading.enabled = False
    troubles.crash_loop(state)
    worker = state.app("signal-worker")
    assert worker is not None
    counted = worker.restarts.at(state.now)
    troubles.heal(state)
    assert not state.trading.enabled
    assert worker.restarts.at(state.now) >= counted
