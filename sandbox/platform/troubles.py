"""What goes wrong on the platform, one function per trouble, and how each is over again.

A trouble began before anybody is paged for it, so that its history agrees with the trigger that fired.
"""

from dataclasses import replace
from datetime import timedelta

from sandbox.platform import healthy
from sandbox.platform.model import MEGABYTE, App, Backup, Machine, RedisHealth, Revision
from sandbox.platform.state import RESTARTING_SECONDS, PlatformState
from sandbox.platform.track import Track, constant, counting, growing, ramp, steady

POOL_ERROR = "FATAL:  remaining connection slots are reserved for non-replication superuser connections"
HEAP_ERROR = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"
UPLOAD_ERROR = "upload failed: Connection was closed before we received a valid response from the S3 endpoint"
SLOW_REQUEST_SECONDS = 0.6  # what an ordinary request takes while the 95th percentile is above 2 s


def crash_loop(state: PlatformState, name: str = "signal-worker") -> None:
    """The process runs out of heap every 40 s; PM2 starts it again each time."""
    app = _app(state, name)
    began = state.now - timedelta(minutes=6)
    app.restarts.set(began, counting(app.restarts.at(began), 40))
    app.memory.set(began, ramp(270 * MEGABYTE, 498 * MEGABYTE, 300, 9 * MEGABYTE))
    app.status, app.exit_code, app.unstable_restarts, app.loop_p95 = "waiting restart", 134, 4, 311.0
    for minute in range(6, 0, -1):
        at = state.now - timedelta(minutes=minute)
        app.err.append(healthy.log_line(at, "error", name, HEAP_ERROR))
        app.err.append(
            healthy.log_line(at, "error", name, "at SignalBuffer.append (dist/workers/signal.js:214:17)")
        )
    state.write_log("error", name, HEAP_ERROR)


def restart_app(state: PlatformState, app: App) -> None:
    """One restart by hand: counted, and the process begins with an empty heap."""
    now = state.now
    app.restarts.set(now, constant(app.restarts.at(now) + 1))
    app.memory.set(now, ramp(80 * MEGABYTE, 230 * MEGABYTE, 600, 4 * MEGABYTE))
    app.status, app.exit_code, app.unstable_restarts, app.loop_p95 = "online", 0, 0, 4.2
    app.started, app.pid = now, app.pid + 101
    app.out.append(healthy.log_line(now, "info", app.name, "started"))
    if app.system:
        state.faults.up(app.system)
    if app.name == "trading-api":
        free_pool(state)


def exhaust_pool(state: PlatformState) -> None:
    """Sessions idle in transaction hold every connection of the application's pool."""
    began = state.now - timedelta(minutes=4)
    state.pool_active.set(began, ramp(state.pool_active.at(began), state.pool_max, 120))
    state.write_log("error", "trading-api", POOL_ERROR)
    state.on_pool(True)
    _app(state, "trading-api").err.append(healthy.log_line(state.now, "error", "trading-api", POOL_ERROR))


def free_pool(state: PlatformState) -> None:
    state.pool_active.set(state.now, steady(31, 4))
    state.on_pool(False)


def exhaust_rate_gate(state: PlatformState, name: str = "alphavantage") -> None:
    """The provider refuses us, and the gate backs off 18 times a minute."""
    provider = state.provider(name)
    if provider is None:
        raise ValueError(f'The rate gate has no provider "{name}".')
    began = state.now - timedelta(minutes=3)
    provider.backoff.set(began, growing(provider.backoff.at(began), 0.3))
    provider.blocked, provider.waiting, provider.used = True, 23, provider.limit
    state.write_log("error", "rate-gate", f"{name}: 429 from provider, request failed, backing off")


def reset_provider(state: PlatformState, name: str) -> bool:
    """Reset one quota; answers whether it helped.

    Helps only while the provider itself blocks. Otherwise the gate merely forgets what was used: the calls
    that it then lets through bring the real block on (the leak that the runbook warns of).
    """
    provider = state.provider(name)
    if provider is None:
        raise ValueError(f'The rate gate has no provider "{name}".')
    now = state.now
    helped = provider.blocked
    provider.used = 0
    if helped:
        provider.blocked, provider.waiting, provider.leaked = False, 0, False
        provider.backoff.set(now, growing(provider.backoff.at(now), 0.01))
    else:
        provider.leaked, provider.waiting = True, provider.waiting + 4
        provider.backoff.set(now, growing(provider.backoff.at(now), 0.12))
    return helped


def lag_loki(state: PlatformState) -> None:
    """Loki falls behind by 2 s each 5 s, up to ten minutes."""
    began = state.now - timedelta(minutes=2)
    state.loki_lag.set(began, growing(state.loki_lag.at(began), 0.4, most=600))


def restart_container(state: PlatformState, name: str) -> bool:
    """`docker restart`; answers whether there is such a container."""
    container = state.container(name)
    if container is None:
        return False
    now = state.now
    container.started, container.state, container.exit_code, container.oom_killed = now, "running", 0, False
    if container.system:
        state.faults.up(container.system)
    if container.system == "loki":
        state.loki_ready_at = now + timedelta(seconds=RESTARTING_SECONDS)
        state.loki_lag.set(now, ramp(state.loki_lag.at(now), 1.2, 20, 0.5))
    return True


def lose_money(state: PlatformState) -> None:
    """The strategy has lost for twenty minutes: Sharpe ratio below zero, drawdown above 5 %."""
    began = state.now - timedelta(minutes=20)
    state.sharpe.set(began, ramp(-0.1, -0.87, 900, 0.05))
    state.drawdown.set(began, ramp(4.1, 7.4, 600, 0.2))
    model = state.models[0]
    model.accuracy, model.drift = 0.438, 0.31
    state.write_log(
        "warn", "signal-worker", "momentum-lstm: drift 0.31 above 0.20, prediction failed its check"
    )


def slow_down(state: PlatformState) -> None:
    """The API's 95th percentile is at 2.6 s, because its host swaps."""
    began = state.now - timedelta(minutes=5)
    state.latency_p95.set(began, ramp(0.2, 2.61, 90, 0.12))
    state.host["cpu"].set(began, ramp(40, 91, 60, 3))
    state.faults.slow("api", SLOW_REQUEST_SECONDS)
    state.write_log("warn", "trading-api", "GET /api/trades took 2704 ms")


def fail_backup(state: PlatformState, store: str = "postgres") -> None:
    """Last night's upload broke off: exit code 1, and no object of that night."""
    backup = backup_of(state, store)
    newest = max(backup.objects, key=lambda o: o.modified)
    backup.objects.remove(newest)
    backup.last_exit_code.set(newest.modified, constant(1))
    backup.broken = UPLOAD_ERROR
    stamp = f"{newest.modified:%Y-%m-%d %H:%M:%S}"
    backup.log.pop()
    backup.log.pop()
    backup.log.append(f"[{stamp}] ERROR {UPLOAD_ERROR}: s3://ai-trading-backups/{newest.key}")
    backup.log.append(f"[{stamp}] Backup failed, exit code 1")
    state.write_log("error", "backup", f"backup-{store}.sh failed: {UPLOAD_ERROR}")


def run_backup(state: PlatformState, store: str) -> str:
    """Run it by hand, which works: the network trouble of the night has passed. Returns the object's key."""
    backup = backup_of(state, store)
    stem = "trading_db" if store == "postgres" else "redis"
    size = max((o.size for o in backup.objects), default=1_000_000) * 1003 // 1000
    made = healthy.add_backup(backup, stem, state.now - timedelta(minutes=4), size)
    backup.last_exit_code.set(state.now, constant(0))
    backup.broken = ""
    state.write_log("info", "backup", f"backup-{store}.sh: uploaded {made.key}")
    return made.key


def backup_of(state: PlatformState, store: str) -> Backup:
    return next(b for b in state.backups if b.store == store)


def reset_counters(state: PlatformState) -> None:
    """`pm2 update`, or a daemon started anew: every counter begins at zero."""
    for app in state.apps:
        app.restarts.set(state.now, constant(0))


def fail_release(state: PlatformState, description: str = 'Upgrade "ats" failed: timed out') -> None:
    """An upgrade that failed, and the pod that it left in a crash loop."""
    number = state.revisions[-1].number + 1
    state.revisions.append(Revision(number, state.now, "failed", "ats-1.6.0", "1.6.0", description))
    pod = state.pods[0]
    pod.ready, pod.waiting, pod.restarts, pod.last_exit_code = False, "CrashLoopBackOff", 3, 3


def kill_for_memory(state: PlatformState, name: str = "loki") -> None:
    """The kernel ended a container that wanted more than its limit."""
    container = state.container(name)
    if container is None:
        raise ValueError(f'Docker has no container "{name}".')
    container.state, container.exit_code, container.oom_killed = "exited", 137, True


def shrink_backup(state: PlatformState, store: str = "postgres") -> None:
    """Last night's backup is there, with a third of the size."""
    backup = backup_of(state, store)
    newest = max(backup.objects, key=lambda o: o.modified)
    backup.objects[backup.objects.index(newest)] = replace(newest, size=newest.size // 3)


def heal(state: PlatformState) -> None:
    """Everything is well again; restart counters and what people did (trading state, backups) stay."""
    now = state.now
    state.faults.clear()
    for app in state.apps:
        app.restarts.set(now, constant(app.restarts.at(now)))
        app.status, app.exit_code, app.unstable_restarts, app.loop_p95 = "online", 0, 0, 4.2
    free_pool(state)
    for provider in state.providers:
        provider.blocked, provider.waiting, provider.leaked = False, 0, False
        provider.backoff.set(now, growing(provider.backoff.at(now), 0.01))
    for pod in state.pods:
        pod.ready, pod.waiting = True, ""
    for container in state.containers:
        container.state, container.exit_code, container.oom_killed = "running", 0, False
    state.machine, state.redis = Machine(), RedisHealth(rejected=state.redis.rejected)
    state.pm2_of_another_user, state.aws_credentials, state.market_silent = False, True, False
    state.unmeasured, state.clock_skew, state.grafana_default_password = set(), 0.0, False
    _calm(state)


def _calm(state: PlatformState) -> None:
    now = state.now
    calm: list[tuple[Track, float, float]] = [
        (state.loki_lag, 1.2, 0.5),
        (state.sharpe, 1.42, 0.08),
        (state.drawdown, 1.9, 0.3),
        (state.latency_p95, 0.182, 0.02),
        (state.host["cpu"], 34, 6),
    ]
    for track, level, wobble in calm:
        track.set(now, steady(level, wobble))
    state.models[0].accuracy, state.models[0].drift = 0.613, 0.04


def _app(state: PlatformState, name: str) -> App:
    app = state.app(name)
    if app is None:
        raise ValueError(f'PM2 has no process "{name}".')
    return app
