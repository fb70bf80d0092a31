"""The programs as processes, the way the bot starts them."""

import asyncio
import json
from pathlib import Path

import pytest

from sandbox.clock import SandboxClock
from sandbox.platform import Platform, troubles


async def run(platform: Platform, *argv: str, **more: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    environment = platform.environment()
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=environment["ATS_TARGET__CWD"],
        env={"PATH": environment["ATS_TARGET__PATH"], **more},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode or 0, out.decode(), err.decode()


async def test_pm2_restart_from_outside(platform: Platform) -> None:
    """The restart is counted, ends the crash loop, and is in the journal with its directory."""
    troubles.crash_loop(platform.state)
    code, out, _ = await run(platform, "pm2", "jlist", "--silent")
    assert code == 0
    before = {p["name"]: p["pm2_env"]["status"] for p in json.loads(out)}
    assert before["signal-worker"] == "waiting restart"
    code, out, _ = await run(platform, "pm2", "restart", "ecosystem.config.cjs", "--update-env")
    assert (code, "signal-worker" in out) == (0, True)
    _, out, _ = await run(platform, "pm2", "jlist", "--silent")
    assert {p["pm2_env"]["status"] for p in json.loads(out)} == {"online"}
    call = platform.state.journal[-2]
    assert call.what == ("pm2", "restart", "ecosystem.config.cjs", "--update-env")
    assert call.directory == platform.environment()["ATS_TARGET__CWD"]


async def test_the_journal_names_the_environment_that_was_handed_over(platform: Platform) -> None:
    """A test can prove that a program did not get the bot's secrets; values are never sent."""
    await run(platform, "pm2", "status", SLACK_BOT_TOKEN="xoxb-secret")
    call = platform.state.journal[-1]
    assert "SLACK_BOT_TOKEN" in call.environment
    assert "xoxb-secret" not in repr(call)


async def test_every_program_answers(platform: Platform) -> None:
    """Each command of the runbook that runs on the platform's host ends with 0 on a good day."""
    commands = [
        "pm2 status --no-color",
        "pm2 logs --lines 50 --nostream",
        "pm2 describe trading-api",
        "pm2 reload ecosystem.config.cjs",
        "docker compose ps",
        "docker compose ps -a --format json",
        "docker ps -a --format {{json .}}",
        "docker restart loki",
        "helm history ats -n trading",
        "helm status ats -n trading",
        "helm test ats -n trading",
        "helm rollback ats 1 -n trading --wait --timeout 5m",
        "kubectl get pods -n trading",
        "aws s3 ls s3://ai-trading-backups/postgres/",
        "./scripts/backup-postgres.sh",
        "./scripts/backup-redis.sh",
        "tail -n 50 /var/log/postgres-backup.log",
        "tail -50 /var/log/redis-backup.log",
        "grep -iE (error|unauthorized|failed) logs/combined.log",
        "git log --oneline -n 5 -- ecosystem.config.cjs",
        "git diff --quiet HEAD -- ecosystem.config.cjs",
    ]
    for command in commands:
        argv = command.replace("{{json .}}", "{{json\0.}}").split(" ")
        code, _, err = await run(platform, *[a.replace("\0", " ") for a in argv])
        assert (command, code, err) == (command, 0, "")


async def test_failures_keep_their_exit_status(platform: Platform) -> None:
    """What the program says on its two streams, and its status, arrive unchanged."""
    assert await run(platform, "pm2", "describe", "nobody") == (1, "", "[PM2][WARN] nobody doesn't exist\n")
    code, out, err = await run(platform, "docker", "compose", "down", "-v")
    assert (code, out) == (64, "")
    assert "Usage: docker" in err


async def test_logs_without_nostream_never_end(platform: Platform) -> None:
    """The process stays until it is killed, after its first lines."""
    environment = platform.environment()
    process = await asyncio.create_subprocess_exec(
        "pm2",
        "logs",
        env={"PATH": environment["ATS_TARGET__PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert b"Tailing" in await asyncio.wait_for(process.stdout.readline(), 10)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(process.wait(), 0.3)
    process.kill()
    await process.wait()


async def test_log_files_follow_the_platform(platform: Platform) -> None:
    """A failed backup is in /var/log's file and in the application log as soon as it has happened."""
    troubles.fail_backup(platform.state)
    _, out, _ = await run(platform, "tail", "-n", "2", "/var/log/postgres-backup.log")
    assert "exit code 1" in out
    _, out, _ = await run(platform, "grep", "-c", "backup-postgres.sh failed", "logs/combined.log")
    assert out == "1\n"


async def test_configuration_rollback_in_git(platform: Platform) -> None:
    """The runbook's rollback restores the revision before, and the file says so."""
    file = Path(platform.environment()["ATS_TARGET__CWD"]) / "ecosystem.config.cjs"
    assert "512M" in file.read_text()
    code, _, err = await run(platform, "git", "checkout", "HEAD~1", "--", "ecosystem.config.cjs")
    assert (code, err) == (0, "")
    assert "384M" in file.read_text()


async def test_hanging_program_hangs(platform: Platform) -> None:
    """A daemon that hangs makes its program hang; the bot's deadline must end it."""
    platform.faults.hang("docker")
    environment = platform.environment()
    process = await asyncio.create_subprocess_exec(
        "docker", "ps", env={"PATH": environment["ATS_TARGET__PATH"]}
    )
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(process.wait(), 0.5)
    process.kill()
    await process.wait()


async def test_programs_work_from_a_path_with_a_space(clock: SandboxClock, tmp_path: Path) -> None:
    """A checkout in "My Projects" is as good as any other, and is used again by the next start."""
    folder = tmp_path / "My Projects" / "it's mine"
    for _ in range(2):
        platform = Platform(clock=clock, state_dir=folder)
        await platform.start()
        assert (await run(platform, "pm2", "status"))[0] == 0
        assert (await run(platform, "tail", "-n", "1", "/var/log/redis-backup.log"))[0] == 0
        await platform.close()
    assert folder.exists()


async def test_a_program_without_its_platform_says_so(clock: SandboxClock, tmp_path: Path) -> None:
    """After the sandbox has gone, its programs fail plainly."""
    platform = Platform(clock=clock, state_dir=tmp_path)
    await platform.start()
    await platform.close()
    process = await asyncio.create_subprocess_exec(
        tmp_path / "bin" / "pm2", "status", stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    assert process.returncode == 69
    assert b"does not answer" in err
