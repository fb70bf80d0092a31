import asyncio
import contextlib
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest

from bot.domain.health import Reading, Status
from bot.probes import PROBES, Context, Probe, ProbeSettings, cpu, examine, examine_each
from bot.probes.examine import examine_all
from bot.probes.probe import Options
from bot.store import embedded
from bot.targets import Target, TargetSettings
from runbook.model import BaselineRow, Bound
from tests.integration.probes.conftest import (
    Serve,
    TargetOf,
    gone,
    http_answer,
    only,
    programs_left,
    resp,
    silent,
    until,
)

Write = Callable[[str, str], Path]
BASELINE = (
    BaselineRow("CPU Usage", Bound("<", 70, "%"), Bound(">", 85, "%"), 1),
    BaselineRow("Memory Usage", Bound("<", 85, "%"), Bound(">", 90, "%"), 1),
    BaselineRow("Disk Usage", Bound("<", 85, "%"), Bound(">", 90, "%"), 1),
    BaselineRow("API Response Time (p95)", Bound("<", 60, "s"), Bound(">", 90, "s"), 1),
    BaselineRow("Database Connections", Bound("<", 80, "%", "max"), Bound(">", 90, "%", "max"), 1),
)
APPS = [{"name": "api", "pm2_env": {"status": "online", "restart_time": 0, "SECRET": "geheim"}}]
CONTEXT = Context(BASELINE)
EIGHT = ("api", "database", "redis", "pm2", "docker", "disk", "memory", "cpu")
SERVICES = [{"Service": "db", "State": "running", "ExitCode": 0, "Health": "healthy"}]


@pytest.fixture
def pm2_home(tmp_path: Path) -> Path:
    """As if a daemon ran there."""
    home = tmp_path / "pm2"
    home.mkdir()
    (home / "pm2.pid").write_text(str(os.getpid()))
    return home


def by_system(readings: Sequence[Reading]) -> dict[str, Reading]:
    return {r.system: r for r in readings}


def cat(text: str) -> str:
    return f"cat <<'END'\n{text}\nEND"


async def test_everything_is_well(
    target: TargetOf,
    serve: Serve,
    postgres: embedded.EmbeddedPostgres,
    programs: Write,
    path: str,
    pm2_home: Path,
) -> None:
    """With every system up, every system has a line that says how it is and what would be normal."""
    programs("pm2", f'[ "$*" = "jlist --silent" ] || exit 9\n{cat(json.dumps(APPS))}')
    programs("docker", f'[ "$*" = "compose ps -a --format json" ] || exit 9\n{cat(json.dumps(SERVICES[0]))}')
    api = await serve(http_answer("200 OK", b'{"status":"healthy"}'))
    reached = target(
        api_url=f"http://127.0.0.1:{api}",
        redis_url=f"redis://127.0.0.1:{await serve(resp())}",
        database_url=postgres.url,
        path=path,
        env={"PM2_HOME": str(pm2_home)},
    )
    report = await examine(reached, CONTEXT, only=EIGHT, deadline=30)
    found = by_system(report.readings)
    assert set(found) == {
        "Trading API", "PostgreSQL", "PostgreSQL sessions", "Redis", "PM2", "Docker services",
        "Disk /", "Disk /var", "Disk /tmp", "Memory", "CPU",
    }  # fmt: skip
    asked = [found[s] for s in ("Trading API", "PostgreSQL", "Redis", "PM2", "Docker services")]
    assert [r.status for r in asked] == [Status.OK] * 5
    assert found["PM2"].value == "1 of 1 online, 0 restarts in all"
    assert found["Docker services"].value == "1 of 1 well"
    assert all(r.normal and r.took > 0 for r in report.readings)
    assert "geheim" not in repr(report)


async def test_everything_is_down(target: TargetOf, closed_port: int, tmp_path: Path) -> None:
    """With nothing there, every line says so in its own words, and what is not installed is no alarm."""
    at = f"127.0.0.1:{closed_port}"
    reached = target(
        api_url=f"http://{at}",
        redis_url=f"redis://{at}",
        database_url=f"postgresql://u:geheim@{at}/x",
        path=str(tmp_path),
    )
    (tmp_path / "sh").symlink_to("/bin/sh")
    report = await examine(reached, CONTEXT, only=EIGHT, deadline=30)
    found = by_system(report.readings)
    for system in ("Trading API", "PostgreSQL", "Redis"):
        assert (found[system].status, found[system].value) == (
            Status.CRITICAL,
            f"refused: nothing listens on {at}",
        )
        assert found[system].hint
    assert (found["PM2"].status, found["PM2"].value) == (
        Status.UNKNOWN,
        "not installed: no program `pm2` on PATH",
    )
    assert found["Docker services"].status is Status.UNKNOWN
    assert found["Docker services"].value == "not installed: no program `docker` on PATH"
    assert [found[s].absent for s in ("PM2", "Docker services", "Redis")] == [True, True, False]
    assert report.worst is Status.CRITICAL
    order = list(Status)
    assert [order.index(r.status) for r in report.readings] == sorted(
        order.index(r.status) for r in report.readings
    )


async def test_everything_hangs(
    target: TargetOf, serve: Serve, programs: Write, path: str, tmp_path: Path, pm2_home: Path
) -> None:
    """Hanging systems cost one deadline together, not one each; what can be measured is; nothing is left running."""
    at = f"127.0.0.1:{await serve(silent)}"
    pids = tmp_path / "pids"
    for name in ("pm2", "docker"):
        programs(name, f"sleep 300 & echo $! >>'{pids}'; echo $$ >>'{pids}'; wait")
    reached = target(
        api_url=f"http://{at}", redis_url=f"redis://{at}", database_url=f"postgresql://u@{at}/x", path=path,
        env={"PM2_HOME": str(pm2_home)},
    )  # fmt: skip
    before = asyncio.all_tasks()
    began = time.perf_counter()
    report = await examine(reached, CONTEXT, only=EIGHT, deadline=2)
    assert time.perf_counter() - began < 4 * 2, "one after another"
    await only(*before)
    found = by_system(report.readings)
    for system in ("Trading API", "PostgreSQL", "Redis", "PM2"):
        assert (found[system].status, found[system].value) == (Status.CRITICAL, "timed out after 2 s")
    assert (found["Docker services"].status, found["Docker services"].value) == (
        Status.UNKNOWN,
        "timed out after 2 s",
    )
    assert {found[s].status for s in ("Disk /", "Memory")} <= {Status.OK, Status.WARNING, Status.CRITICAL}
    await gone(*map(int, pids.read_text().split()))
    assert programs_left() == []


@pytest.mark.parametrize(
    ("status", "body", "shown", "value"),
    [
        ("401 No", b"", Status.CRITICAL, "401: the token is missing or wrong"),
        ("500 Oops", b"boom", Status.CRITICAL, "500: the far side failed: “boom”"),
        (
            "503 No",
            b'{"status":"unhealthy"}',
            Status.CRITICAL,
            '503: the far side failed: “{"status":"unhealthy"}”',
        ),
        ("200 OK", b"<html>", Status.WARNING, "answers 200, but not JSON: “<html>” in "),
        ("200 OK", b'{"status":"degraded"}', Status.WARNING, "degraded in "),
        ("200 OK", b"y" * 10_000_000, Status.WARNING, "answers 200, but not JSON (cut): “yyyy"),
    ],
    ids=["401", "500", "503", "garbage", "degraded", "10 MB"],
)
async def test_faults_of_the_api(
    target: TargetOf, serve: Serve, status: str, body: bytes, shown: Status, value: str
) -> None:
    """Each state of the API is told apart in the report's words."""
    port = await serve(http_answer(status, body))
    report = await examine(target(api_url=f"http://127.0.0.1:{port}/"), CONTEXT, only=["api"], deadline=30)
    (reading,) = report.readings
    assert reading.status is shown
    assert reading.value.startswith(value)
    assert reading.hint


async def test_noauth_is_no_health(target: TargetOf, serve: Serve) -> None:
    """A Redis that asks for a password is critical, although it is up."""
    port = await serve(resp(password="hunter22"))
    report = await examine(target(redis_url=f"redis://127.0.0.1:{port}"), CONTEXT, only=["redis"], deadline=30)
    (reading,) = report.readings
    assert (reading.status, reading.value) == (
        Status.CRITICAL,
        "NOAUTH: Redis asks for a password, and none is configured",
    )


async def test_database_filling_up(target: TargetOf, postgres: embedded.EmbeddedPostgres) -> None:
    """Real connections count, those of other users too and seen by an ordinary user; the last ones are critical."""
    ordinary = postgres.url.replace("postgres@", "reader@")
    with psycopg.connect(postgres.url, autocommit=True) as connection, contextlib.suppress(psycopg.Error):
        connection.execute("CREATE ROLE reader LOGIN")
    with contextlib.ExitStack() as stack:

        async def fill(to: int, url: str) -> Reading:
            with psycopg.connect(postgres.url, autocommit=True) as observer:
                row = observer.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                    "AND application_name <> 'ats-bot'"  # the one of the reading before may still be closing
                )
                have = int((row.fetchone() or (0,))[0]) - 1
            for _ in range(to - have):
                stack.enter_context(contextlib.closing(psycopg.connect(url)))
            report = await examine(target(database_url=ordinary), CONTEXT, only=["database"], deadline=30)
            return report.readings[0]

        readings = [await fill(n, postgres.url) for n in (10, 82, 90)]
        assert [r.status for r in readings] == [Status.OK, Status.WARNING, Status.CRITICAL]
        # One that was closed a moment ago may still count.
        assert re.match(r"8\d % of connections used \(8\d of 97, 3 more are reserved\)", readings[1].value)
        assert readings[1].normal == "< 80 % of max"
        full = await fill(100, postgres.url)
    assert full.status is Status.CRITICAL
    assert full.value.startswith("connections exhausted: the local socket has none left (")
    assert full.hint.startswith("Set reserved_database_url under [target]")


async def test_a_full_database_is_looked_into_over_the_reserve(
    target: TargetOf, postgres: embedded.EmbeddedPostgres
) -> None:
    """With every ordinary connection taken, the reserved one shows who holds them: here, who is idle in transaction."""
    ordinary = postgres.url.replace("postgres@", "reader@")
    with psycopg.connect(postgres.url, autocommit=True) as connection, contextlib.suppress(psycopg.Error):
        connection.execute("CREATE ROLE reader LOGIN")
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held = stack.enter_context(contextlib.closing(psycopg.connect(ordinary)))
                held.execute("SELECT 1")
        reached = target(database_url=ordinary, reserved_database_url=postgres.url)
        report = await examine(reached, CONTEXT, only=["database"], deadline=30)
    found = by_system(report.readings)
    assert found["PostgreSQL"].status is Status.CRITICAL
    assert "connections exhausted: seen over a reserved connection" in found["PostgreSQL"].value
    states = re.search(r"(\d+) idle in transaction", found["PostgreSQL sessions"].value)
    assert states is not None
    assert int(states[1]) > 80


async def test_programs_that_fail(target: TargetOf, programs: Write, path: str, pm2_home: Path) -> None:
    """A program that ends with an error or prints something else is reported in its words, without secrets."""
    programs("pm2", "echo 'connect EACCES with PASSWORD=geheim' >&2; exit 1")
    programs("docker", "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' >&2; exit 1")
    reached = target(path=path, env={"PM2_HOME": str(pm2_home)})
    report = await examine(reached, CONTEXT, only={"pm2", "docker"}, deadline=30)
    found = by_system(report.readings)
    assert found["PM2"].status is Status.CRITICAL
    assert found["PM2"].value == "`pm2 jlist` ended with 1: connect EACCES with PASSWORD=[redacted]"
    assert (found["Docker services"].status, found["Docker services"].value) == (
        Status.UNKNOWN,
        "refused: the Docker daemon does not run",
    )


async def test_looking_at_pm2_starts_no_daemon(
    target: TargetOf, programs: Write, path: str, tmp_path: Path
) -> None:
    """Without its daemon `pm2 jlist` would start one, for the wrong user at that: it is not even called."""
    programs("pm2", f"touch '{tmp_path}/called'")
    for pid in ("", "99999999"):
        (tmp_path / "pm2.pid").write_text(pid)
        report = await examine(
            target(path=path, env={"PM2_HOME": str(tmp_path)}), CONTEXT, only=["pm2"], deadline=30
        )
        (reading,) = report.readings
        said = f"no PM2 daemon runs in {tmp_path}"
        assert (reading.status, reading.value) == (Status.WARNING, said)
        assert reading.hint.startswith("The daemon belongs to a user and a PM2_HOME")
    assert not (tmp_path / "called").exists()


class Elsewhere:
    """A runner on another host: programs of this machine, which it does not admit to be."""

    def __init__(self, target: Target) -> None:
        self.pipe, self.close = target.pipe, target.close


async def test_another_host(target: TargetOf, tmp_path: Path, programs: Write) -> None:
    """When the target is another host, its disk, memory and CPU are asked for there, and this host's are not shown."""
    programs("df", "echo Filesystem; echo /dev/far 1000 900 100 90% /")
    programs(
        "cat",
        """case $1 in
      /proc/meminfo) echo 'MemTotal: 1000 kB'; echo 'MemAvailable: 400 kB';;
      /proc/stat) echo 'cpu  1 0 0 9 0 0 0 0'; echo 'cpu0 1 0 0 9 0 0 0 0'; [ -n "$2" ] && echo '0.25 0 0 1/2 3';;
    esac; true""",
    )
    near = Target(TargetSettings(path=f"{tmp_path / 'bin'}:/usr/bin:/bin"))
    far = Target(TargetSettings(), runner=Elsewhere(near))
    asked = replace(CONTEXT, settings=ProbeSettings(options={"disk": {"paths": ("/",)}}))
    report = await examine(far, asked, only=["disk", "memory", "cpu"], deadline=30)
    found = {r.system: r.value for r in report.readings}
    assert found == {
        "Disk /": "90 % used (0.0 GB free)",
        "Memory": "60 % used (0.0 of 0.0 GB available)",
        "CPU": "0 % of 1 core (load 0.2)",
    }
    await far.close()


async def test_each_as_it_answers(target: TargetOf, serve: Serve) -> None:
    """What has answered is there before what hangs, which comes last and says so; leaving early leaves nothing."""
    at = f"127.0.0.1:{await serve(silent)}"
    before = asyncio.all_tasks()
    reached = target(api_url=f"http://{at}")
    found = [f async for f in examine_each(reached, CONTEXT, only=["api", "memory"], deadline=0.5)]
    assert [name for name, _ in found] == ["memory", "api"]
    assert found[1][1][0].value == "timed out after 0.5 s"
    async with aclosing(examine_each(reached, CONTEXT, only=["api", "memory"], deadline=60)) as answers:
        async for name, _ in answers:
            assert name == "memory"
            break
    await only(*before)


async def test_what_the_settings_leave_out(target: TargetOf, tmp_path: Path) -> None:
    """Probes named in the settings, and those of a deployment that is not live, run only when asked for by name."""
    reached = target(path=str(tmp_path), deployment="helm")
    asked = replace(CONTEXT, settings=ProbeSettings(leave_out=frozenset({"memory", "cpu"})))
    names = {name async for name, _ in examine_each(reached, asked, deadline=0.5)}
    assert not names & {"memory", "cpu", "pm2", "docker"}
    assert "disk" in names
    by_name = await examine(reached, asked, only=["memory", "pm2"])
    assert {r.system for r in by_name.readings} == {"Memory", "PM2"}


async def test_a_broken_or_stubborn_probe_spoils_nothing(target: TargetOf) -> None:
    """A probe with a defect, and one that refuses to end, become lines of their own; the others are reported."""

    async def broken(_target: Target, _deadline: float, _options: Options) -> int:
        raise ZeroDivisionError("oops")

    release = asyncio.Event()

    async def stubborn(_target: Target, _deadline: float, _options: Options) -> int:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()
        return 1

    def read(_measured: int, _context: Context) -> tuple[Reading, ...]:
        return (Reading("never", Status.OK, "", ""),)

    def probe(system: str, measure: Callable[[Target, float, Options], Awaitable[int]]) -> Probe[int]:
        return Probe(system, measure, read, "a", "fine", "b", "c", "d", "a hint")

    probes = {
        "broken": probe("Broken", broken),
        "stubborn": probe("Stubborn", stubborn),
        "memory": PROBES["memory"],
    }
    report = await examine_all(probes, target(), CONTEXT, deadline=0.3)
    found = by_system(report.readings)
    assert (found["Stubborn"].status, found["Stubborn"].value) == (Status.CRITICAL, "timed out after 0.3 s")
    assert (found["Broken"].status, found["Broken"].value) == (
        Status.UNKNOWN,
        "the probe failed: ZeroDivisionError: oops",
    )
    assert "Memory" in found
    release.set()
    await asyncio.sleep(0)


async def test_our_own_programs_are_no_alarm(target: TargetOf, path: str) -> None:
    """What the bot's running programs burn while the CPU is looked at is known as its own."""
    burning = asyncio.create_task(target(path=path).run(["sh", "-c", "while :; do :; done"], deadline=60))

    async def burnt() -> bool:
        children = psutil.Process().children(recursive=True)
        return sum(c.cpu_times().user for c in children) > 1

    await until(burnt)
    used = os.times()
    assert cpu._own() - (used.user + used.system + used.children_user + used.children_system) > 0.9
    burning.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await burning


async def test_only_what_was_asked_for(target: TargetOf) -> None:
    """`only` chooses probes by name; none chosen is an empty report."""
    assert [r.system for r in (await examine(target(), Context(), only=["memory"])).readings] == ["Memory"]
    assert (await examine(target(), Context(), only=[])).readings == ()
