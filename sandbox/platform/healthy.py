"""The platform on a good day: what every part of the sandbox starts with."""

from datetime import datetime, timedelta

from sandbox.platform.model import (
    MEGABYTE,
    App,
    Backup,
    BackupObject,
    Container,
    Model,
    Pod,
    Provider,
    Revision,
)
from sandbox.platform.track import Track, constant, growing, steady

_APPS = (  # name, script, memory in MB, the system it serves
    ("trading-api", "dist/api/server.js", 312, "api"),
    ("signal-worker", "dist/workers/signal.js", 268, ""),
    ("market-data", "dist/workers/market-data.js", 221, ""),
    ("order-executor", "dist/workers/orders.js", 187, ""),
    ("rate-gate", "dist/rate-gate/index.js", 96, "rate-gate"),
)
_CONTAINERS = (  # service, name, image, ports, system, has a health check
    ("postgres", "ats-postgres-1", "timescale/timescaledb:2.17-pg15", "127.0.0.1:5432->5432/tcp", "", True),
    ("redis", "ats-redis-1", "redis:7-alpine", "127.0.0.1:6379->6379/tcp", "redis", True),
    ("loki", "loki", "grafana/loki:3.2.1", "127.0.0.1:3100->3100/tcp", "loki", False),
    (
        "prometheus",
        "ats-prometheus-1",
        "prom/prometheus:v2.55.1",
        "127.0.0.1:9090->9090/tcp",
        "prometheus",
        False,
    ),
    ("grafana", "ats-grafana-1", "grafana/grafana:11.3.0", "127.0.0.1:3000->3000/tcp", "grafana", False),
    ("mlflow", "ats-mlflow-1", "ghcr.io/mlflow/mlflow:v3.1.0", "127.0.0.1:5000->5000/tcp", "mlflow", True),
)
_PROVIDERS = (("alphavantage", 75, 38), ("binance", 1200, 411), ("finnhub", 60, 22), ("polygon", 300, 97))


def apps(began: datetime) -> list[App]:
    """Five processes, with a restart or two from the last deployment."""
    return [
        App(
            pm_id=number,
            name=name,
            script=script,
            pid=20311 + 17 * number,
            started=began,
            restarts=Track(constant(1 if number in {1, 3} else 0), start=began),
            memory=Track(steady(memory * MEGABYTE, 4 * MEGABYTE), start=began),
            system=system,
        )
        for number, (name, script, memory, system) in enumerate(_APPS)
    ]


def containers(began: datetime) -> list[Container]:
    return [
        Container(service, name, image, began, ports, system, health="healthy" if checked else "")
        for service, name, image, ports, system, checked in _CONTAINERS
    ]


def providers(began: datetime) -> list[Provider]:
    return [
        Provider(name, limit, used, Track(growing(120, 0.01), start=began)) for name, limit, used in _PROVIDERS
    ]


def models(now: datetime) -> list[Model]:
    return [
        Model("momentum-lstm", 14, "Production", 0.613, 0.04, now - timedelta(days=3)),
        Model("mean-reversion-xgb", 9, "Production", 0.587, 0.06, now - timedelta(days=6)),
        Model("regime-hmm", 4, "Staging", 0.552, 0.03, now - timedelta(days=1)),
    ]


def revisions(now: datetime) -> list[Revision]:
    """Three revisions, the middle one failed."""
    return [
        Revision(1, now - timedelta(days=30), "superseded", "ats-1.4.0", "1.4.0", "Install complete"),
        Revision(
            2, now - timedelta(days=12), "failed", "ats-1.5.0", "1.5.0", 'Upgrade "ats" failed: timed out'
        ),
        Revision(3, now - timedelta(days=9, hours=4), "deployed", "ats-1.5.1", "1.5.1", "Upgrade complete"),
    ]


def pods(began: datetime) -> list[Pod]:
    return [
        Pod("ats-api-6c9f7b5d4-8xk2p", "api", began),
        Pod("ats-api-6c9f7b5d4-qv7rn", "api", began),
        Pod("ats-worker-7d8b9c6f5-l4m9z", "worker", began),
        Pod("ats-rate-gate-5b6d7f8c9-t2hwd", "rate-gate", began),
    ]


def backups(now: datetime) -> list[Backup]:
    return [_backup("postgres", now, 1_873_204_224, "trading_db"), _backup("redis", now, 48_211_968, "redis")]


def _backup(store: str, now: datetime, size: int, stem: str) -> Backup:
    backup = Backup(store, Track(constant(0), start=now - timedelta(days=9)), [])
    night = now.replace(hour=2, minute=0, second=0, microsecond=0)
    newest = night if night + timedelta(minutes=10) <= now else night - timedelta(days=1)
    for days in range(7, -1, -1):
        at = newest - timedelta(days=days)
        add_backup(backup, stem, at, size - days * size // 250)
    return backup


def add_backup(backup: Backup, stem: str, at: datetime, size: int) -> BackupObject:
    """A run that worked: its log lines and its object."""
    suffix = "dump" if backup.store == "postgres" else "rdb.gz"
    modified = (at + timedelta(minutes=4)).replace(microsecond=0)
    made = BackupObject(f"{backup.store}/{stem}_{at:%Y-%m-%d}.{suffix}", size, modified)
    backup.objects = [o for o in backup.objects if o.key != made.key] + [made]
    stamp = f"{at:%Y-%m-%d %H:%M:%S}"
    backup.log.append(f"[{stamp}] Starting {backup.store} backup")
    backup.log.append(f"[{stamp}] Wrote {made.key.rpartition('/')[2]} ({size} bytes)")
    backup.log.append(f"[{stamp}] Uploaded to s3://ai-trading-backups/{made.key}")
    backup.log.append(f"[{stamp}] Backup finished, exit code 0")
    return made


def host(began: datetime) -> dict[str, Track]:
    """Percentages of the platform's own host, for Prometheus."""
    levels = {"cpu": (34, 6), "memory": (61, 2), "disk": (58, 0.2)}
    return {name: Track(steady(level, wobble), start=began) for name, (level, wobble) in levels.items()}


def log_line(at: datetime, level: str, app: str, text: str) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.000Z} [{level.upper()}] [{app}] {text}"


def application_log(now: datetime) -> list[str]:
    """An ordinary hour, with the two unimportant failures that every hour has."""
    lines = [
        log_line(now - timedelta(minutes=60 - n), "info", "market-data", f"Stored {1180 + 7 * n} ticks")
        for n in range(0, 60, 2)
    ]
    lines.insert(
        9, log_line(now - timedelta(minutes=41), "warn", "rate-gate", "finnhub: request failed, retrying")
    )
    lines.insert(
        22, log_line(now - timedelta(minutes=16), "error", "trading-api", "Unauthorized: token expired")
    )
    return lines
