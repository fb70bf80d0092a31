"""`aws s3 ls` on the backup bucket, and the two backup scripts."""

from collections.abc import Sequence

from sandbox.platform import troubles
from sandbox.platform.shell import Result, usage
from sandbox.platform.state import PlatformState

BUCKET = "s3://ai-trading-backups/"
_USAGE = f"s3 ls {BUCKET}postgres/"
_SEEN_LINES = 4  # what one run of a backup script writes


def aws(state: PlatformState, arguments: Sequence[str]) -> Result:
    fault = state.faults.of("aws")
    if fault.unauthorized:
        text = "An error occurred (AccessDenied) when calling the ListObjectsV2 operation: Access Denied\n"
        return Result(err=f"\n{text}", code=254)
    if fault.down:
        text = 'Could not connect to the endpoint URL: "https://ai-trading-backups.s3.amazonaws.com/"\n'
        return Result(err=text, code=255)
    match list(arguments):
        case ["s3", "ls", where] if where.startswith(BUCKET):
            return _list(state, where.removeprefix(BUCKET))
        case _:
            return usage("aws", _USAGE, arguments)


def _list(state: PlatformState, prefix: str) -> Result:
    if not prefix:
        return Result("".join(f"{'PRE':>30} {b.store}/\n" for b in state.backups))
    objects = sorted(
        (o for b in state.backups for o in b.objects if o.key.startswith(prefix)), key=lambda o: o.key
    )
    folder = prefix.rpartition("/")[0]
    shown = (
        f"{o.modified:%Y-%m-%d %H:%M:%S} {o.size:>10} {o.key.removeprefix(f'{folder}/')}\n" for o in objects
    )
    return Result("".join(shown)) if objects else Result(code=1)


def backup_postgres(state: PlatformState, arguments: Sequence[str]) -> Result:
    return _backup(state, "postgres", arguments)


def backup_redis(state: PlatformState, arguments: Sequence[str]) -> Result:
    return _backup(state, "redis", arguments)


def _backup(state: PlatformState, store: str, arguments: Sequence[str]) -> Result:
    if arguments:
        return usage(f"backup-{store}.sh", "(no arguments)", arguments)
    if state.faults.of("aws") != type(state.faults.of("aws"))():
        return Result(err=f"ERROR {troubles.UPLOAD_ERROR}\n", code=1)
    troubles.run_backup(state, store)
    lines = list(troubles.backup_of(state, store).log)[-_SEEN_LINES:]
    return Result("".join(f"{line}\n" for line in lines))
