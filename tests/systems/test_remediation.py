"""Remediation from Slack on the real systems: asked for, approved by another person, run once, verified (issue 5)."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select
from sqlmodel import col

from bot.store.tables import TimelineEntry
from tests.rig import DANA, SAM, Rig, eventually
from tests.system.remediation.acting import ask, confirm, message, press, reaches, request
from tests.systems.daemon import PROGRAMS, until
from tests.systems.servers.docker import Docker
from tests.systems.servers.pm2 import Pm2
from tests.systems.servers.postgres import Postgres
from tests.systems.servers.s3 import BUCKET, S3
from tests.systems.test_pm2_steps import deployed

OURS = "xoxb-the-bots-own-token-0123456789"
RigOf = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture
def rig_of(database_url: str, tmp_path: Path) -> RigOf:
    """The bot, with some of its target's settings leading to real systems; the rest is the sandbox's."""

    @asynccontextmanager
    async def running(
        *, env: dict[str, str] | None = None, cwd: Path | None = None, **more: str
    ) -> AsyncIterator[Rig]:
        settings: dict[str, Any] = {
            "ATS_TARGET__ENV": json.dumps(env or {}),
            "ATS_TARGET__PATH": PROGRAMS,
        } | more
        if cwd is not None:
            settings["ATS_TARGET__CWD"] = str(cwd)
        async with Rig.running(database_url, tmp_path, **settings) as rig:
            yield rig

    return running


def on_postgres(rig_of: RigOf, trading: Postgres) -> AbstractAsyncContextManager[Rig]:
    return rig_of(ATS_TARGET__DATABASE_URL=trading.owner_url)


async def approved(rig: Rig, step_id: str, *states: str) -> None:
    """Dana asks, Sam approves, and the run ends in one of these states."""
    asked = await request(rig, DANA, step_id)
    assert (await press(rig, SAM, asked, "run_approve")).ok
    await reaches(rig, step_id, *states, within=60)


async def test_pm2_is_restarted_once_without_our_secrets(
    rig_of: RigOf, pm2: Pm2, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard 14: confirmed in Slack, the real application restarts once and gets nothing of the bot's own."""
    monkeypatch.setenv("SLACK_APP_TOKEN", OURS)
    pm2.app("trading-api")
    pm2.ecosystem({"name": "trading-api"})
    pm2.run("start", "ecosystem.config.cjs")
    async with rig_of(env=pm2.own, cwd=pm2.folder) as rig:
        await request(rig, DANA, "pm2.restart")
        await reaches(rig, "pm2.restart", "succeeded", within=90)
        listed = pm2.run("jlist", "--silent").stdout
        assert pm2.one("trading-api")["pm2_env"]["restart_time"] == 1
        for secret in (OURS, rig.slack.core.bot_token, rig.slack.core.app_token):
            assert secret not in listed


async def test_the_configuration_is_restored_reloaded_and_brought_back(rig_of: RigOf, pm2: Pm2) -> None:
    """Hazard 16 from Slack: copy, restore with an approval, reload; then Undo, with another, and reload again."""
    deployed(pm2, args="--mistake")
    file = pm2.folder / "ecosystem.config.cjs"
    broken = file.read_text()
    async with rig_of(env=pm2.own, cwd=pm2.folder) as rig:
        await request(rig, DANA, "pm2.config-backup")
        await reaches(rig, "pm2.config-backup", "succeeded", within=60)
        await approved(rig, "pm2.config-restore", "succeeded")
        assert "--mistake" not in file.read_text()
        await request(rig, DANA, "pm2.reload")
        await reaches(rig, "pm2.reload", "succeeded", within=90)
        until(lambda: pm2.one("trading-api")["pm2_env"].get("args") == ["--good"], "what was restored runs")
        done = await message(rig, "Done and verified", "pm2.config-restore", "Undo")
        await press(rig, DANA, done, "run_open")
        await confirm(rig, DANA, await decided(rig))
        await press(rig, SAM, await message(rig, "Approval needed", "pm2.config-undo"), "run_approve")
        await reaches(rig, "pm2.config-undo", "succeeded", within=60)
        assert file.read_text() == broken


async def test_forgotten_transactions_are_ended_and_nothing_else(rig_of: RigOf, trading: Postgres) -> None:
    """Hazard 20: after the approval one session is gone; a backup, another database and a busy session stay."""
    sessions = {
        name: psycopg.connect(trading.url(database=database), application_name=name)
        for name, database in (("forgotten", "trading"), ("pg_dump", "trading"), ("elsewhere", "other"))
    }
    for session in sessions.values():
        session.execute("select 1")
    trading.later(minutes=7)
    try:
        async with on_postgres(rig_of, trading) as rig:
            await approved(rig, "postgres.terminate-idle", "succeeded")
        assert _names(trading) == {"pg_dump", "elsewhere"}
    finally:
        for session in sessions.values():
            session.close()


def _names(trading: Postgres) -> set[str]:
    with trading.owner() as owner:
        query = "select application_name from pg_stat_activity where usename = 'ats'"
        return {str(row[0]) for row in owner.execute(query).fetchall()}


async def test_nothing_to_end_is_refused_before_anything_is_asked_of_the_server(
    rig_of: RigOf, trading: Postgres
) -> None:
    """The guard does not hold: no run, and the person is told what was read."""
    async with on_postgres(rig_of, trading) as rig:
        view = await ask(rig, DANA, "postgres.terminate-idle")
        assert not view.get("submit"), view["blocks"]


async def test_the_logging_of_slow_statements_is_undone_by_its_button(rig_of: RigOf, trading: Postgres) -> None:
    """Hazard 25: a temporary change has its way back in the message, and it really goes back."""
    async with on_postgres(rig_of, trading) as rig:
        await request(rig, DANA, "postgres.log-slow")
        await reaches(rig, "postgres.log-slow", "succeeded", within=60)
        until(lambda: _shown(trading, "log_min_duration_statement") == "1s", "it is on")
        done = await message(rig, "postgres.log-slow", "Undo")
        await press(rig, DANA, done, "run_open")
        await confirm(rig, DANA, await decided(rig))
        await reaches(rig, "postgres.log-slow-off", "succeeded", within=60)
        until(lambda: _shown(trading, "log_min_duration_statement") == "-1", "it is off")


async def decided(rig: Rig) -> dict[str, Any]:
    """The open confirmation, once it has read what it shows."""

    async def read() -> dict[str, Any] | None:
        view = await rig.modal(DANA)
        return view if view.get("submit") else None

    view: dict[str, Any] = await eventually(read, within=30)
    return view


def _shown(trading: Postgres, name: str) -> str:
    with trading.owner() as owner:
        return str((owner.execute(f"show {name}".encode()).fetchone() or ("",))[0])


async def test_the_evidence_is_kept_before_the_statistics_are_reset(rig_of: RigOf, trading: Postgres) -> None:
    """Hazard 25: what pg_stat_statements had is in the timeline afterwards, and no longer in the server."""
    with psycopg.connect(trading.url()) as app:
        app.execute("select pg_sleep(0.01) as the_evidence")
    async with on_postgres(rig_of, trading) as rig:
        await approved(rig, "postgres.statistics-reset", "succeeded")
        async with rig.bot.store.transaction() as tx:
            entries = select(TimelineEntry).where(col(TimelineEntry.kind) == "run_evidence")
            (kept,) = (await tx.session.execute(entries)).scalars().all()
        assert "the_evidence" in str(kept.data)
    with trading.owner() as owner:
        query = (
            "select count(*) from pg_stat_statements where query like '%the_evidence%' and query like '%sleep%'"
        )
        assert owner.execute(query).fetchone() == (0,)


async def test_a_raised_limit_is_shown_as_pending(rig_of: RigOf, trading: Postgres) -> None:
    """Hazard 17: done, and the message says that PostgreSQL has to be restarted for it."""
    async with on_postgres(rig_of, trading) as rig:
        await approved(rig, "postgres.max-connections", "succeeded")
        await message(rig, "postgres.max-connections", "pending_restart")


async def test_the_container_named_loki_is_restarted(rig_of: RigOf, docker: Docker) -> None:
    """S17: the real container has a new start time; /ready verifies it."""
    docker.container("loki", "sleep", "600", options=("--stop-timeout", "0"))
    before = docker.state("loki")["StartedAt"]
    async with rig_of(env=docker.environment) as rig:
        await request(rig, DANA, "loki.restart")
        await reaches(rig, "loki.restart", "succeeded", within=90)
    assert docker.state("loki")["StartedAt"] > before


async def test_a_backup_by_hand_is_verified_by_its_upload(
    rig_of: RigOf, s3: S3, trading: Postgres, tmp_path: Path
) -> None:
    """Hazard 37, S21: pg_dump of the real database, uploaded, and found by its date in the bucket."""
    s3.put("postgres/yesterday.sql.gz", 100, hours_ago=24)
    _backup_script(tmp_path, 'pg_dump "$BACKUP_URL" | gzip | aws s3 cp - "$1/new.sql.gz"')
    env = s3.environment | {"BACKUP_URL": trading.owner_url}
    async with rig_of(env=env, cwd=tmp_path) as rig:
        await request(rig, DANA, "backup.postgres")
        await reaches(rig, "backup.postgres", "succeeded", within=120)
    assert (s3.folder / BUCKET / "postgres" / "new.sql.gz").stat().st_size > 100


async def test_a_backup_that_exits_0_without_an_upload_is_not_called_done(
    rig_of: RigOf, s3: S3, tmp_path: Path
) -> None:
    """Hazard 37: exit status 0 and yesterday's object: ran, not verified."""
    s3.put("postgres/yesterday.sql.gz", 100, hours_ago=24)
    _backup_script(tmp_path, "true")
    async with rig_of(env=s3.environment, cwd=tmp_path) as rig:
        await request(rig, DANA, "backup.postgres")
        run = await reaches(rig, "backup.postgres", "ran_not_verified", "failed", "succeeded", within=150)
        assert run.state == "ran_not_verified", run


def _backup_script(folder: Path, command: str) -> None:
    script = folder / "scripts" / "backup-postgres.sh"
    script.parent.mkdir()
    script.write_text(f"#!/bin/bash\nset -euo pipefail\nset -- s3://{BUCKET}/postgres\n{command}\n")
    script.chmod(0o755)
