"""`aws s3 ls` and `aws s3 cp` on the backup bucket, and the two backup scripts."""

import json
from collections.abc import Sequence

from sandbox.platform import troubles
from sandbox.platform.faults import Fault
from sandbox.platform.shell import Result, option, usage
from sandbox.platform.state import PlatformState

_BUCKET_NAME = "ai-trading-backups"
BUCKET = f"s3://{_BUCKET_NAME}/"
_NEWEST = "max_by(Contents,&LastModified).LastModified"  # the one query that the runbook asks
_LATEST = "sort_by(Contents||`[]`,&LastModified)[-3:].{Key:Key,LastModified:LastModified,Size:Size}"
_USAGE = (
    f"s3 ls {BUCKET}[PREFIX] | s3 cp {BUCKET}KEY PLACE | s3api list-objects-v2 --bucket {_BUCKET_NAME} [--prefix P] "
    f"[--query '{_NEWEST}' --output text]"
)
_SEEN_LINES = 4  # what one run of a backup script writes
_UPLOAD = "--upload"  # how a backup script goes on by itself after the dump
_PAUSE = 0.05  # seconds between its lines


def aws(state: PlatformState, arguments: Sequence[str]) -> Result:
    return _refused(state) or _asked(state, arguments)


def _refused(state: PlatformState) -> Result | None:
    fault = state.faults.of("aws")
    if fault.unauthorized:
        text = "An error occurred (AccessDenied) when calling the ListObjectsV2 operation: Access Denied\n"
        return Result(err=f"\n{text}", code=254)
    if not state.aws_credentials:
        text = 'Unable to locate credentials. You can configure credentials by running "aws configure".\n'
        return Result(err=f"\n{text}", code=255)
    if fault.down:
        text = 'Could not connect to the endpoint URL: "https://ai-trading-backups.s3.amazonaws.com/"\n'
        return Result(err=text, code=255)
    return None


def _asked(state: PlatformState, arguments: Sequence[str]) -> Result:
    match list(arguments):
        case ["s3", "ls", where] if where.startswith(BUCKET):
            return _list(state, where.removeprefix(BUCKET))
        case ["s3", "cp", where, place] if where.startswith(BUCKET) and ":" not in place:
            return _download(state, where, place)
        case ["s3api", "list-objects-v2", *options] if option(options, "--bucket") == _BUCKET_NAME:
            return _list_api(state, options)
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


def _download(state: PlatformState, where: str, place: str) -> Result:
    """What it prints; there are no bytes behind these objects, so no file is made."""
    key = where.removeprefix(BUCKET)
    if all(o.key != key for b in state.backups for o in b.objects):
        error = "An error occurred (404) when calling the HeadObject operation: Key"
        return Result(err=f'fatal error: {error} "{key}" does not exist\n', code=1)
    name = key.rpartition("/")[2] if place.endswith("/") else ""
    return Result(f"download: {where} to {place}{name}\n")


def _list_api(state: PlatformState, options: Sequence[str]) -> Result:
    prefix, query = option(options, "--prefix") or "", option(options, "--query")
    objects = [o for b in state.backups for o in b.objects if o.key.startswith(prefix)]
    if query is None:
        rows = [{"Key": o.key, "LastModified": o.modified.isoformat(), "Size": o.size} for o in objects]
        return Result(json.dumps({"Contents": rows} if rows else {}, indent=4) + "\n")
    if query.replace(" ", "") == _LATEST:
        latest = sorted(objects, key=lambda o: o.modified)[-3:]
        rows = [{"Key": o.key, "LastModified": o.modified.isoformat(), "Size": o.size} for o in latest]
        return Result(json.dumps(rows, indent=4) + "\n")
    if query.replace(" ", "") != _NEWEST:
        return usage("aws", _USAGE, ["s3api", "list-objects-v2", *options])
    if not objects:
        error = (
            "In function max_by(), invalid type for value: None, expected one of: ['array'], received: \"null\""
        )
        return Result(err=f"\n{error}\n", code=255)
    newest = max(o.modified for o in objects).isoformat()
    return Result(f"{newest}\n" if option(options, "--output") == "text" else f'"{newest}"\n')


def backup_postgres(state: PlatformState, arguments: Sequence[str]) -> Result:
    return _backup(state, "postgres", arguments)


def backup_redis(state: PlatformState, arguments: Sequence[str]) -> Result:
    return _backup(state, "redis", arguments)


def _backup(state: PlatformState, store: str, arguments: Sequence[str]) -> Result:
    if list(arguments) == [_UPLOAD]:
        return _upload(state, store)
    if arguments:
        return usage(f"backup-{store}.sh", "(no arguments)", arguments)
    size = max((o.size for o in troubles.backup_of(state, store).objects), default=1_000_000)
    lines = [f"Dumping {store}: {percent} % of {size:,} bytes\n" for percent in (10, 40, 70, 100)]
    return Result("".join(lines), pause=_PAUSE, next=(_UPLOAD,))


def _upload(state: PlatformState, store: str) -> Result:
    """The second half: whoever is killed before it has uploaded nothing."""
    fault = state.faults.of("aws")
    if fault.deaf:
        return Result(f"Uploaded to {BUCKET}{store}/\n")
    if fault != Fault() or not state.aws_credentials:
        return Result(err=f"ERROR {troubles.UPLOAD_ERROR}\n", code=1)
    troubles.run_backup(state, store)
    lines = list(troubles.backup_of(state, store).log)[-_SEEN_LINES:]
    return Result("".join(f"{line}\n" for line in lines))
