"""Where an embedded PostgreSQL's files are, and which user runs it."""

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bot.errors import ConfigError

PORT = 5432  # only part of the socket's name; nothing listens on it
_SOCKET_DIR_LIMIT = 103 - len(f"/.s.PGSQL.{PORT}")  # bytes: 107 on Linux, 103 on macOS
_SYSTEM_DIR = Path("/var/lib/ats-bot")
_USERS = ("ats-bot", "postgres", "nobody", "daemon")  # whom root becomes, first that exists
_LOG_LIMIT = 10_000_000  # bytes; the log is turned over at a start


@dataclass(frozen=True, slots=True)
class Home:
    """Where a server's files are, and who runs it (None: the user that we are)."""

    root: Path
    user: pwd.struct_passwd | None

    @property
    def uid(self) -> int:
        """Who the server runs as."""
        return self.user.pw_uid if self.user else os.geteuid()

    @property
    def cluster(self) -> Path:
        return self.root / "cluster"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"


def find_home(root: Path) -> Home | None:
    """Where an earlier start put the cluster, through the link if it had to be elsewhere."""
    cluster = root / "cluster"
    if cluster.is_symlink():
        root = cluster.readlink().parent
    try:
        owner = (root / "cluster").stat().st_uid
    except OSError:
        return None
    if os.geteuid() != 0:
        return Home(root, None)
    return Home(root, _user(owner) if owner else _unprivileged_user())


def make_home(root: Path) -> Home:
    found = find_home(root)
    if found is None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = Home(root, None) if os.geteuid() else _home_for_root(root, _unprivileged_user())
    elif found.user and not can_enter(found.root, found.user):
        raise ConfigError(
            f"The embedded PostgreSQL's data in {found.root} belongs to the user {found.user.pw_name}, "
            "who can no longer enter that directory. Give the directories above it the x permission again."
        )
    return found


def _home_for_root(root: Path, user: pwd.struct_passwd) -> Home:
    """`root` itself if the unprivileged user can be let in, else a directory elsewhere and a link to it."""
    link = root / "cluster"
    if not link.is_symlink() and can_enter(root.parent, user):
        root.chmod(stat.S_IMODE(root.stat().st_mode) | 0o011)  # pass through, not look
        return Home(root, user)
    temporary = Path(tempfile.gettempdir()).resolve()
    name = "ats-bot-0-" + hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    inside = root.resolve().is_relative_to(temporary) and can_enter(temporary, user)
    base = temporary if inside else _SYSTEM_DIR
    if inside:
        _sweep(temporary)
    base.mkdir(parents=True, exist_ok=True, mode=0o755)
    elsewhere = _own_directory(base / name, 0, 0o711)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(elsewhere / "cluster")
        (elsewhere / "origin").write_text(str(root))
    return Home(link.readlink().parent, user)


def _sweep(temporary: Path) -> None:
    """Remove the data of temporary directories that are gone (tests): nothing could find them again."""
    for origin in temporary.glob("ats-bot-0-*/origin"):
        home = Home(origin.parent, None)
        with contextlib.suppress(OSError):
            ours = {origin.parent.lstat().st_uid, origin.lstat().st_uid} == {0}
            if ours and not (Path(origin.read_text()) / "cluster").is_symlink() and not _may_run(home):
                shutil.rmtree(home.root)


def _may_run(home: Home) -> bool:
    """Whether a server might run there; a reused pid only keeps the files longer."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return psutil.pid_exists(int((home.cluster / "postmaster.pid").read_text().split()[0]))
    return False


def _unprivileged_user() -> pwd.struct_passwd:
    for name in _USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:
            return entry
    raise ConfigError(
        "PostgreSQL refuses to run as root, and this machine has no other user. Create one "
        "(useradd --system ats-bot), or set ATS_DATABASE_URL to a PostgreSQL that runs elsewhere."
    )


def _user(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise ConfigError(
            f"The embedded PostgreSQL's data belongs to user id {uid}, whom this machine does not know. "
            "Give the data to a user of this machine (chown -R), or set ATS_DATABASE_URL."
        ) from None


def can_enter(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether the user may pass through (or execute) a path and everything above it, by its mode bits."""
    resolved = path.resolve()
    return all(_has_x(p.stat(), user) for p in (resolved, *resolved.parents))


def _has_x(found: os.stat_result, user: pwd.struct_passwd) -> bool:
    if found.st_uid == user.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == user.pw_gid else stat.S_IXOTH))


def _own_directory(path: Path, uid: int, mode: int) -> Path:
    """Make a directory in a place where others can write too; refuses one that somebody else has made."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=mode)
        os.chown(path, uid, -1)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {uid, os.geteuid()}:
        raise ConfigError(
            f"{path} was made by somebody else, so it is not safe to use. Remove it and try again."
        )
    os.chown(path, uid, -1)
    path.chmod(mode)
    return path


def socket_dir(home: Home) -> Path:
    """The directory of the server's socket: in the home, unless its path is too long for a socket.

    Nor may it hold a comma, which separates hosts in a connection string.
    """
    path = home.root / "run"
    if len(os.fsencode(path)) <= _SOCKET_DIR_LIMIT and "," not in str(path):
        return path
    name = hashlib.sha256(os.fsencode(home.root)).hexdigest()[:12]
    return Path("/tmp") / f"ats-bot-{home.uid}-{name}"  # noqa: S108 - checked when made; TMPDIR may be too long


def make_socket_dir(home: Home) -> Path:
    """The same, made if missing (a reboot empties /tmp), for the server's user alone."""
    return _own_directory(socket_dir(home), home.uid, 0o700)


@contextlib.contextmanager
def locked(home: Home, deadline: float) -> Iterator[None]:
    descriptor = os.open(home.root / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ConfigError(
                        f"Another process has been starting PostgreSQL in {home.root} for too long."
                    ) from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def plainly(data_dir: Path) -> Iterator[None]:
    """Say in a sentence what the operating system refused."""
    try:
        yield
    except (OSError, psutil.AccessDenied, subprocess.SubprocessError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"The embedded PostgreSQL cannot use {data_dir}: {reason}. Set ATS_DATA_DIR to a directory that "
            "this user can write to, or ATS_DATABASE_URL to a PostgreSQL that runs elsewhere."
        ) from error


def prepare_log(home: Home) -> int:
    """Make the log the server's own, turn it over when long; returns its size."""
    if home.log.exists() and home.log.stat().st_size > _LOG_LIMIT:
        home.log.replace(home.log.with_suffix(".log.1"))
    home.log.touch(mode=0o600)
    if home.user:
        os.chown(home.log, home.user.pw_uid, home.user.pw_gid)
    return home.log.stat().st_size


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
