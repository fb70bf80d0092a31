"""The backups' bucket on a real S3 server, with the real `aws` command (S21; hazard 37)."""

from bot.domain.health import Status
from bot.targets import Target
from bot.targets.checks import Verdict, evaluate
from bot.targets.steps import Outcome
from tests.systems.conftest import TargetOf
from tests.systems.health import line, look
from tests.systems.servers.s3 import S3, SECRET
from tests.systems.steps import output, run, step, verified


def reached(target: TargetOf, s3: S3, **env: str) -> Target:
    return target(env=s3.environment | env)


async def test_the_uploads_are_listed_with_date_and_size(s3: S3, target: TargetOf) -> None:
    """Both kinds, newest and older."""
    s3.put("postgres/trading-2026-11-26.dump", 4096, hours_ago=24)
    s3.put("postgres/trading-2026-11-27.dump", 5000)
    s3.put("redis/redis-2026-11-27.rdb.gz", 100)
    result = await run(reached(target, s3), "backup.uploads")
    assert result.ok, result
    assert "5000 trading-2026-11-27.dump" in output(result)
    assert "redis-2026-11-27.rdb.gz" in output(result)


async def test_a_backup_is_verified_by_todays_object_and_not_by_a_list(s3: S3, target: TargetOf) -> None:
    """Hazard 37: yesterday's upload lists without an error, and verifies nothing."""
    s3.put("postgres/trading-2026-11-26.dump", 4096, hours_ago=24)
    assert (await run(reached(target, s3), "recovery.list")).ok
    verdict = await short(reached(target, s3))
    assert not verdict.holds, verdict
    s3.put("postgres/trading-2026-11-27.dump", 5000)
    assert (await verified(reached(target, s3), "backup.postgres")).holds


async def short(target: Target) -> Verdict:
    """One look of the verification, without its minute of patience."""
    return await evaluate(target, step("backup.postgres").verify, deadline=20)


async def test_a_wrong_key_fails_with_the_servers_word_and_shows_no_key(s3: S3, target: TargetOf) -> None:
    """No permission is told from an empty bucket."""
    result = await run(reached(target, s3, AWS_SECRET_ACCESS_KEY="wrong-s3cret-0123456789"), "recovery.list")
    assert result.outcome is Outcome.FAILED
    assert "SignatureDoesNotMatch" in output(result)
    assert SECRET not in repr(result)
    assert "wrong-s3cret" not in repr(result)


async def test_an_s3_that_is_gone_fails_in_time(s3: S3, target: TargetOf) -> None:
    """Nothing listens: the step says that it could not connect, within its deadline."""
    s3.daemon.kill()
    result = await run(reached(target, s3, AWS_MAX_ATTEMPTS="1"), "recovery.list", deadline=30)
    assert result.outcome is Outcome.FAILED
    assert "Could not connect" in output(result)


async def test_a_bucket_that_is_not_there_is_named(s3: S3, target: TargetOf) -> None:
    """Without the bucket the step fails, and does not call it “no backups”."""
    for each in sorted(s3.folder.rglob("*"), reverse=True):
        each.rmdir()
    result = await run(reached(target, s3), "recovery.list")
    assert result.outcome is Outcome.FAILED
    assert "NoSuchBucket" in output(result)


async def test_fresh_backups_of_both_kinds_are_ok(s3: S3, target: TargetOf) -> None:
    """Newest object, its age and size, for each kind."""
    for kind in ("postgres", "redis"):
        s3.put(f"{kind}/old", 1000, hours_ago=25)
        s3.put(f"{kind}/new", 1010, hours_ago=1)
    found = {r.system: r for r in await look(reached(target, s3), "backups", deadline=60)}
    assert {r.status for r in found.values()} == {Status.OK}, found
    assert "new" in found["Backup postgres"].value


async def test_an_old_a_shrunken_and_a_missing_backup_are_told_apart(s3: S3, target: TargetOf) -> None:
    """Too old, a tenth of the size before, and none at all: three different findings."""
    s3.put("postgres/old", 10_000, hours_ago=80)
    s3.put("postgres/older", 1000, hours_ago=90)
    found = {r.system: r for r in await look(reached(target, s3), "backups", deadline=60)}
    assert found["Backup postgres"].status is Status.CRITICAL, found
    assert found["Backup redis"].status is Status.CRITICAL, found
    assert "none" in found["Backup redis"].value
    s3.put("postgres/new", 1000, hours_ago=1)
    again = {r.system: r for r in await look(reached(target, s3), "backups", deadline=60)}
    assert "10 % of the size" in again["Backup postgres"].value, again
    assert again["Backup postgres"].status is Status.CRITICAL


async def test_refused_credentials_are_unknown_not_a_missing_backup(s3: S3, target: TargetOf) -> None:
    """Who may not look knows nothing, and says so."""
    s3.put("postgres/new", 1000)
    refused = reached(target, s3, AWS_SECRET_ACCESS_KEY="wrong-s3cret-0123456789")
    found = await line(refused, "backups", deadline=60)
    assert found.status is Status.UNKNOWN, found
    assert "credentials are refused" in found.value
