from datetime import timedelta

import httpx

from sandbox.clock import SandboxClock
from sandbox.platform import Platform, troubles
from sandbox.platform.services import GRAFANA_PASSWORD


async def test_rate_gate_tells_who_blocks(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """Status and metrics name the provider; a good day has nothing blocked."""
    assert (await http.get(url[3001] + "/status")).json()["blocked"] is False
    troubles.exhaust_rate_gate(platform.state)
    status = (await http.get(url[3001] + "/status")).json()
    assert status["blocked"] is True
    assert status["backoff"] == status["providers"]["alphavantage"]["backoff"] == 23
    assert status["backoff_per_minute"] > 10
    assert 'rate_gate_blocked{provider="alphavantage"} 1' in (await http.get(url[3001] + "/metrics")).text


async def test_rate_gate_reset_of_one_provider(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """The blocking provider is unblocked; the others are not touched."""
    troubles.exhaust_rate_gate(platform.state)
    answer = await http.post(url[3001] + "/reset/alphavantage")
    assert answer.json()["unblocked"] == ["alphavantage"]
    status = (await http.get(url[3001] + "/status")).json()
    assert (status["blocked"], status["backoff"]) == (False, 0)
    assert status["providers"]["binance"]["used"] == 411


async def test_rate_gate_reset_of_all_harms_those_that_did_not_block(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """`POST /reset` without need masks quota leaks, and shows it."""
    await http.post(url[3001] + "/reset")
    status = (await http.get(url[3001] + "/status")).json()
    assert all(p["quota_leak"] for p in status["providers"].values())
    assert status["backoff"] > 0


async def test_rate_gate_refuses_what_it_does_not_know(url: dict[int, str], http: httpx.AsyncClient) -> None:
    """An unknown provider is 404, and a GET never resets."""
    assert (await http.post(url[3001] + "/reset/nobody")).status_code == 404
    assert (await http.get(url[3001] + "/reset")).status_code == 405


async def test_loki_after_a_restart(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient, clock: SandboxClock
) -> None:
    """Not ready for some seconds after its container was restarted, then ready, without its lag."""
    troubles.lag_loki(platform.state)
    assert _lag((await http.get(url[3100] + "/metrics")).text) > 30
    troubles.restart_container(platform.state, "loki")
    assert (await http.get(url[3100] + "/ready")).status_code == 503
    clock.advance(timedelta(seconds=25))
    assert (await http.get(url[3100] + "/ready")).text == "ready\n"
    assert _lag((await http.get(url[3100] + "/metrics")).text) < 3


def _lag(metrics: str) -> float:
    return next(
        float(line.split()[1]) for line in metrics.splitlines() if line.startswith("loki_ingestion_lag ")
    )


async def test_prometheus_range_shows_the_trouble_begin(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """A range query over half an hour has the good values first and the bad ones last."""
    troubles.lose_money(platform.state)
    now = platform.state.now.timestamp()
    query: dict[str, str | float] = {
        "query": "trading_sharpe_ratio",
        "start": now - 2400,
        "end": now,
        "step": "60s",
    }
    answer = (await http.get(url[9090] + "/api/v1/query_range", params=query)).json()
    assert answer["data"]["resultType"] == "matrix"
    values = [float(value) for _, value in answer["data"]["result"][0]["values"]]
    assert len(values) == 41
    assert values[0] > 1
    assert all(value < 0 for value in values[21:])


async def test_prometheus_answers_posted_queries_too(url: dict[int, str], http: httpx.AsyncClient) -> None:
    """Grafana and others send the query as a form."""
    answer = (await http.post(url[9090] + "/api/v1/query", data={"query": 'up{job="api"}'})).json()
    assert answer["data"]["result"][0]["value"][1] == "1"


async def test_prometheus_refuses_as_prometheus_does(url: dict[int, str], http: httpx.AsyncClient) -> None:
    """400 and `bad_data` for what cannot be parsed; too fine a step is refused."""
    bad: list[tuple[str, dict[str, str | int]]] = [
        ("query", {"query": "pm2_process_restarts > 3 in 5 minutes"}),
        ("query", {"query": "up", "time": "yesterday"}),
        ("query_range", {"query": "up", "start": 0, "end": 10, "step": 0}),
        ("query_range", {"query": "up", "start": 0, "end": 1, "step": "0.0001s"}),
        ("query_range", {"query": "up", "start": 10, "end": 0, "step": 1}),
        ("query_range", {"query": "up", "start": 0, "end": 100_000, "step": 1}),
    ]
    for path, params in bad:
        answer = await http.get(f"{url[9090]}/api/v1/{path}", params=params)
        assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")


async def test_prometheus_sees_what_is_down(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """`up` and the targets follow the faults."""
    platform.faults.down("loki")
    down = (await http.get(url[9090] + "/api/v1/query", params={"query": "up == 0"})).json()
    assert [r["metric"]["job"] for r in down["data"]["result"]] == ["loki"]
    targets = (await http.get(url[9090] + "/api/v1/targets")).json()["data"]["activeTargets"]
    assert [t["lastError"] for t in targets if t["health"] == "down"] == ["connect: connection refused"]
    assert (await http.get(url[9090] + "/-/ready")).status_code == 200
    assert (await http.get(url[9090] + "/-/healthy")).status_code == 200


async def test_grafana_accepts_the_default_password_only_when_it_was_left(
    platform: Platform, url: dict[int, str]
) -> None:
    """admin/admin works on an installation that nobody secured, and nowhere else."""
    async with httpx.AsyncClient(base_url=url[3000], trust_env=False) as client:
        assert (await client.get("/api/health")).json()["database"] == "ok"
        assert (await client.get("/api/user")).status_code == 401
        assert (await client.get("/api/user", auth=("admin", "admin"))).status_code == 401
        assert (await client.get("/api/user", auth=("admin", GRAFANA_PASSWORD))).status_code == 200
        platform.state.grafana_default_password = True
        assert (await client.get("/api/user", auth=("admin", "admin"))).status_code == 200


async def test_mlflow_lists_its_models(url: dict[int, str], http: httpx.AsyncClient) -> None:
    """Health, version and registered models without a login."""
    assert (await http.get(url[5000] + "/health")).text == "OK"
    assert (await http.get(url[5000] + "/version")).text.count(".") == 2
    listed = (await http.get(url[5000] + "/api/2.0/mlflow/registered-models/search")).json()
    assert {m["name"] for m in listed["registered_models"]} >= {"momentum-lstm", "mean-reversion-xgb"}
