"""What changes the platform really does, is counted, and can be confirmed without being done."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from sandbox.platform import Platform, troubles


async def run(platform: Platform, *argv: str) -> tuple[int, str]:
    """A program as the bot runs it: status and output."""
    environment = platform.environment()
    process = await asyncio.create_subprocess_exec(
        *argv,
        env={"PATH": environment["ATS_TARGET__PATH"], "HOME": os.environ["HOME"]},
        cwd=environment["ATS_TARGET__CWD"],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_a_deaf_stop_is_told_by_the_state_only(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """The stop is answered 200 and trading goes on; after the fault the same request stops it."""
    platform.faults.deaf("api")
    assert (await http.post(url[8000] + "/api/trading/emergency-stop")).status_code == 200
    state = (await http.get(url[8000] + "/api/trading/state")).json()
    assert (state["enabled"], state["emergency_stop"]) == (True, False)
    platform.faults.up("api")
    await http.post(url[8000] + "/api/trading/emergency-stop")
    state = (await http.get(url[8000] + "/api/trading/state")).json()
    assert (state["enabled"], state["emergency_stop"]) == (False, True)
    assert [call.what for call in platform.calls] == [("POST", "/api/trading/emergency-stop")] * 2


async def test_a_deaf_rate_gate_stays_blocked(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """A reset that is confirmed and did nothing leaves the provider blocked."""
    troubles.exhaust_rate_gate(platform.state)
    platform.faults.deaf("rate-gate")
    assert (await http.post(url[3001] + "/reset/alphavantage")).status_code == 200
    assert (await http.get(url[3001] + "/status")).json()["blocked"] is True


async def test_a_backup_tells_its_progress_and_uploads_at_its_end(platform: Platform) -> None:
    """Lines come one by one; the object is there when the script has ended, and not when it was killed before."""
    before = len(platform.state.backups[0].objects)
    code, out = await run(platform, "./scripts/backup-postgres.sh")
    assert code == 0
    assert [line for line in out.splitlines() if "100 %" in line]
    assert "Uploaded to s3://ai-trading-backups/postgres/" in out
    assert len(platform.state.backups[0].objects) >= before
    ran = [call.what for call in platform.calls]
    assert ran == [("backup-postgres.sh",), ("backup-postgres.sh", "--upload")]


async def test_git_and_cp_work_on_real_files_and_are_counted(platform: Platform) -> None:
    """The configuration of the commit before is really restored, the copy really made, and both are known of."""
    host = Path(platform.environment()["ATS_TARGET__CWD"])
    assert "512M" in (host / "ecosystem.config.cjs").read_text()
    code, _ = await run(platform, "cp", "--no-clobber", "ecosystem.config.cjs", "ecosystem.config.backup.cjs")
    assert code == 0
    code, _ = await run(platform, "git", "checkout", "HEAD~1", "--", "ecosystem.config.cjs")
    assert code == 0
    assert "384M" in (host / "ecosystem.config.cjs").read_text()
    assert "512M" in (host / "ecosystem.config.backup.cjs").read_text()
    assert [call.what[:2] for call in platform.calls] == [("cp", "--no-clobber"), ("git", "checkout")]


@pytest.mark.parametrize(("argv", "code"), [(("sudo", "nginx", "-t"), 0), (("sudo", "ufw", "deny"), 1)])
async def test_sudo_allows_two_programs(platform: Platform, argv: tuple[str, ...], code: int) -> None:
    """As on a host where the bot's user may do this much and no more; nothing real is run as root."""
    assert (await run(platform, *argv))[0] == code


async def test_alerts_and_names_of_prometheus(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """An alert fires with its labels; a metric that is not measured is missing from the names."""
    troubles.exhaust_pool(platform.state)
    fired = (await http.get(url[9090] + "/api/v1/alerts")).json()["data"]["alerts"]
    assert [(a["labels"]["alertname"], a["state"]) for a in fired] == [("DatabasePoolExhausted", "firing")]
    match = {"match[]": '{__name__=~"loki_ingestion_lag|up"}'}
    path = url[9090] + "/api/v1/label/__name__/values"
    assert (await http.get(path, params=match)).json()["data"] == ["loki_ingestion_lag", "up"]
    platform.state.unmeasured = {"loki_ingestion_lag"}
    assert (await http.get(path, params=match)).json()["data"] == ["up"]


async def test_every_answer_is_dated_by_the_systems_own_clock(
    platform: Platform, url: dict[int, str], http: httpx.AsyncClient
) -> None:
    """The Date header is there once, and a clock that is wrong shows in it."""
    platform.state.clock_skew = 86_400.0
    tomorrow = (await http.get(url[3100] + "/ready")).headers.get_list("date")
    platform.state.clock_skew = 0.0
    today = (await http.get(url[3100] + "/ready")).headers.get_list("date")
    assert (len(tomorrow), len(today)) == (1, 1)
    assert tomorrow[0][:3] != today[0][:3]
