"""Sessions that are idle in transaction: a list first, this database only, never a backup."""

import asyncio
from datetime import date
from pathlib import Path

import psycopg

from runbook import compile_text, shipped_text
from runbook.locking import write_lock
from tests.rig import DANA, SAM, Rig, eventually
from tests.system.remediation.acting import ask, confirm, message, press, reaches


def impatient(folder: Path) -> Path:
    """The shipped runbook with one second in the place of five minutes."""
    text = shipped_text().replace("5 minutes''", "1 second''").replace("5 minutes'", "1 second'")
    path = folder / "impatient.md"
    path.write_text(text, "utf-8")
    lock = write_lock(compile_text(text), None, reviewer="test", today=date(2026, 11, 27))
    (folder / "impatient.md.lock").write_text(lock, "utf-8")
    return path


def alive(session: psycopg.Connection) -> bool:
    try:
        session.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


async def test_idle_sessions_are_listed_first_and_a_backup_is_spared(
    database_url: str, trading_url: str, tmp_path: Path
) -> None:
    """The window lists them, the timeline keeps the list, an approval ends them; a dump goes on."""
    async with Rig.running(
        database_url, tmp_path, ATS_TARGET__DATABASE_URL=trading_url, ATS_RUNBOOK=str(impatient(tmp_path))
    ) as rig:
        with (
            psycopg.connect(trading_url, application_name="signal-worker") as idle,
            psycopg.connect(trading_url, application_name="pg_dump") as backup,
        ):
            for session in (idle, backup):
                session.execute("SELECT 1")
            await asyncio.sleep(1.2)  # the database's own clock says how long they have been idle
            view = await ask(rig, DANA, "postgres.terminate-idle")
            assert "signal-worker" in str(view["blocks"])
            assert (await confirm(rig, DANA, view)).ok
            asked = await message(rig, "Approval needed", "postgres.terminate-idle")
            await press(rig, SAM, asked, "run_approve")
            await reaches(rig, "postgres.terminate-idle", "succeeded")
            await eventually(lambda: not alive(idle))
            assert alive(backup)
        with psycopg.connect(rig.bot.store.url) as connection:
            kept = connection.execute(
                "SELECT data->>'evidence' FROM timeline WHERE kind = 'run_evidence'"
            ).fetchall()
        assert "signal-worker" in str(kept)
