"""The embedded PostgreSQL: a server of our own in one directory, for a laptop, a demo and the tests.

    data_dir/
        lock            one starter or stopper at a time (flock; released by the kernel if we die)
        cluster/        PostgreSQL's data; appears by rename, so it is whole or absent
        run/            the socket's directory, 0700 (elsewhere if the path is too long for a socket)
        postgres.log

PostgreSQL refuses to run as root. Started by root, the server runs as an unprivileged user; if that user
cannot reach `data_dir` (below /root, say), the cluster lives below /var/lib/ats-bot, and `data_dir/cluster`
is a link to it. There is no password: the socket's directory is what protects the server, and it listens
on no address.
"""

import contextlib
import os
import shlex
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from bot.errors import ConfigError
from bot.store.embedded_place import (
    PORT,
    Home,
    find_home,
    locked,
    make_home,
    make_socket_dir,
    plainly,
    prepare_log,
    socket_dir,
    sync_directory,
)
from bot.store.embedded_programs import call, cluster_version, find_programs, tail

_SUPERUSER = "postgres"
_STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_PATIENCE = 10.0  # seconds for a running server to answer when it does not say what it is doing

_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "100",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}  # survives kill -9 of the server, not a power cut


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running server; `url` is for psycopg, and for SQLAlchemy with its scheme changed."""

    data_dir: Path
    url: str  # postgresql://postgres@/ats?host=%2Fsocket%2Fdirectory&port=5432
    started_by_us: bool


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of a server without touching it."""

    running: bool
    pid: int | None
    url: str  # of the database "postgres"; empty when not running
    cluster: Path
    log: Path


@dataclass(frozen=True, slots=True)
class _Postmaster:
    process: psutil.Process
    socket_dir: str
    port: str

    def url(self, database: str) -> str:
        host = quote(self.socket_dir, safe="")
        return f"postgresql://{_SUPERUSER}@/{quote(database, safe='')}?host={host}&port={self.port}"


def start(
    data_dir: Path,
    *,
    bin_dir: Path | None = None,
    database: str = "ats",
    timeout: float = 300,
    durable: bool = True,
) -> EmbeddedPostgres:
    """Start the server in `data_dir`, or find it running, and make sure that `database` exists.

    Blocks; call it in a thread. Any number of processes and threads may call it at once.

    Args:
        data_dir: A directory for this server alone; made if missing.
        bin_dir: Where `postgres`, `initdb` and `pg_ctl` are; None: those of the wheel.
        database: The database that the answer's URL names.
        timeout: Seconds for all of it.
        durable: False switches fsync off, for tests; a server already running keeps its own.

    Raises:
        ConfigError: The directory or the programs cannot be used, or the server does not come up.
    """
    deadline = time.monotonic() + timeout
    with plainly(data_dir):
        home = make_home(data_dir.expanduser().absolute())
        with locked(home, deadline):
            started = _ensure_running(home, bin_dir, deadline, durable=durable)
            url = _ensure_database(home, database, deadline)
    return EmbeddedPostgres(home.root, url, started)


def stop(data_dir: Path, *, mode: str = "fast", timeout: float = 60) -> bool:
    """Stop the server in `data_dir`; returns whether one was running.

    Args:
        data_dir: As given to `start`.
        mode: "smart" waits for clients, "fast" disconnects them, "immediate" does not write a checkpoint.
        timeout: Seconds to wait until it is gone.

    Raises:
        ConfigError: It does not stop in time, or it is not ours to stop.
    """
    deadline = time.monotonic() + timeout
    with plainly(data_dir):
        home = find_home(data_dir.expanduser().absolute())
        if home is None or _postmaster(home) is None:
            return False
        with locked(home, deadline):
            return _stop(home, _STOP_SIGNALS[mode], deadline)


def status(data_dir: Path) -> ServerStatus:
    """Look at the server in `data_dir` without starting, stopping or connecting to anything."""
    root = data_dir.expanduser().absolute()
    with plainly(data_dir):
        home = find_home(root) or Home(root, None)
        found = _postmaster(home)
    if found is None:
        return ServerStatus(running=False, pid=None, url="", cluster=home.cluster, log=home.log)
    return ServerStatus(True, found.process.pid, found.url("postgres"), home.cluster, home.log)


def create_database(server: EmbeddedPostgres, name: str, *, template: str | None = None) -> str:
    """Create a database, a copy of `template` if one is named, and return its URL; existing is fine."""
    url = server.url.replace("@/" + server.url.split("@/", 1)[1].split("?")[0], "@/" + quote(name, safe=""), 1)
    _create_database(server.url, name, template)
    return url


# ── Starting and stopping ─────────────────────────────────────────────────────────────────────────────────


def _ensure_running(home: Home, configured: Path | None, deadline: float, *, durable: bool) -> bool:
    if _postmaster(home) is not None:
        return False
    programs = find_programs(home, configured)
    if cluster_version(home) is None:
        _initdb(home, programs, deadline, durable=durable)
    _clear_leftovers(home)
    _pg_ctl_start(home, programs, deadline, durable=durable)
    return True


def _initdb(home: Home, programs: Path, deadline: float, *, durable: bool) -> None:
    for leftover in home.root.glob("cluster.new-*"):  # of a starter killed half-way
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(dir=home.root, prefix="cluster.new-"))
    if home.user:
        os.chown(unfinished, home.user.pw_uid, home.user.pw_gid)
    options = ["--auth=trust", f"--username={_SUPERUSER}", "--encoding=UTF8", "--locale=C"]
    done = call(home, [programs / "initdb", "-D", unfinished, *options, *([] if durable else ["-N"])], deadline)
    if done.returncode:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise ConfigError(
            f"initdb could not make a database in {home.root}: {tail(done.stderr or done.stdout)}"
        )
    unfinished.rename(home.cluster)
    sync_directory(home.root)


def _pg_ctl_start(home: Home, programs: Path, deadline: float, *, durable: bool) -> None:
    settings = _SETTINGS | ({} if durable else _NOT_DURABLE)
    settings["unix_socket_directories"] = '"' + str(make_socket_dir(home)).replace('"', '""') + '"'
    # pg_ctl hands -D and -l to a shell unquoted enough for a `"` or `$` to break them: they are relative to the
    # directory that `call` works in, and the full path, which identifies the process, goes in quoted by us.
    options = f"-D {shlex.quote(str(home.cluster))} "
    options += " ".join(f"-c {shlex.quote(f'{k}={v}')}" for k, v in settings.items())
    size = prepare_log(home)
    wait = str(max(1, int(deadline - time.monotonic())))
    argv = [programs / "pg_ctl", "start", "-w", "-t", wait, "-D", "cluster", "-l", home.log.name, "-o", options]
    done = call(home, argv, deadline)
    if done.returncode:
        with home.log.open("rb") as log:
            log.seek(size)
            said = log.read().decode(errors="replace") or done.stderr or done.stdout
        raise ConfigError(f"PostgreSQL did not start in {home.root}: {tail(said)} The whole log is {home.log}.")


def _stop(home: Home, how: signal.Signals, deadline: float) -> bool:
    found = _postmaster(home)
    if found is None:
        return False
    found.process.send_signal(how)
    while _postmaster(home) is not None:
        if time.monotonic() > deadline:
            raise ConfigError(
                f"PostgreSQL (process {found.process.pid}) was told to stop and has not. See {home.log}."
            )
        time.sleep(0.01)
    if socket_dir(home).parent != home.root:
        with contextlib.suppress(OSError):
            socket_dir(home).rmdir()
    return True


def _postmaster(home: Home) -> _Postmaster | None:
    """The server that runs on this cluster, by its pid file and by what that process really is."""
    try:
        lines = (home.cluster / "postmaster.pid").read_text().splitlines()
        process = psutil.Process(int(lines[0]))
        if not _is_postmaster(process, home.cluster):
            return None
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError, psutil.NoSuchProcess):
        return None
    complete = len(lines) > 4  # noqa: PLR2004 - pid, directory, start, port, socket directory; it has just begun
    return _Postmaster(
        process, lines[4] if complete else str(socket_dir(home)), lines[3] if complete else str(PORT)
    )


def _is_postmaster(process: psutil.Process, cluster: Path) -> bool:
    """Whether a process is `postgres -D cluster`; its pid alone says nothing after a crash or a reboot."""
    try:
        argv = process.cmdline()  # empty for a zombie, which no init may ever reap in a container
    except psutil.AccessDenied:
        return process.name() == "postgres"
    if not argv or Path(argv[0]).name != "postgres" or "-D" not in argv:
        return False
    with contextlib.suppress(OSError, IndexError):
        return Path(argv[len(argv) - argv[::-1].index("-D")]).samefile(cluster)
    return False


def _clear_leftovers(home: Home) -> None:
    """Remove what a killed server left: its lock files, and backends that have not noticed its death."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name() == "postgres" and Path(process.cwd()).samefile(home.cluster):
                process.kill()
                _await_end(process, time.monotonic() + 5)
    # A pid in these files may be some other program's by now, and PostgreSQL would believe it.
    (home.cluster / "postmaster.pid").unlink(missing_ok=True)
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (socket_dir(home) / name).unlink(missing_ok=True)


def _await_end(process: psutil.Process, deadline: float) -> None:
    """Wait until a process is gone; one that nobody reaps (a container without init) counts as gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.005)


def _ensure_database(home: Home, database: str, deadline: float) -> str:
    found, patience = _postmaster(home), time.monotonic() + _PATIENCE
    while found is not None:
        try:
            _create_database(found.url("postgres"), database, None)
            return found.url(database)
        except psycopg.OperationalError as error:
            recovering = "the database system is" in str(error)  # its starter was killed while waiting
            if time.monotonic() > (deadline if recovering else min(deadline, patience)):
                raise ConfigError(f"PostgreSQL in {home.root} runs but does not answer: {error}") from error
        time.sleep(0.02)
        found = _postmaster(home)
    raise ConfigError(f"PostgreSQL in {home.root} stopped while it was being started. See {home.log}.")


def _create_database(url: str, name: str, template: str | None) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return
        query = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            query += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            connection.execute(query)
