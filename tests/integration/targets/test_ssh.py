"""The target over SSH. The same tests run against a real OpenSSH in tests/systems/test_ssh.py."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bot.errors import (
    AtsError,
    ConfigError,
    RejectedError,
    UnauthorizedError,
    UnreachableError,
)
from bot.store import embedded
from bot.targets import Target, TargetSettings
from bot.targets.steps import Outcome, run_step
from tests.integration.probes.conftest import Serve, gone, http_answer, only, resp, silent, until, written
from tests.integration.targets.far import Host, Served
from tests.unit.runbook.support import steps_of

Write = Callable[[str, str], Path]
FarOf = Callable[..., Target]


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """A host with an SSH server."""
    folder = tmp_path / "ssh"
    folder.mkdir()
    served = Served(folder)
    yield await served.start()
    await served.close()


@pytest.fixture
async def far(host: Host) -> AsyncIterator[FarOf]:
    """Make a target on that host; it is closed afterwards."""
    made: list[Target] = []

    def make(*, max_processes: int = 8, ssh: dict[str, object] | None = None, **settings: object) -> Target:
        reached = replace(host.settings, **(ssh or {}))  # type: ignore[arg-type]
        made.append(Target(TargetSettings(ssh=reached, **settings), max_processes=max_processes))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def test_status_and_both_outputs(far: FarOf, programs: Write, path: str) -> None:
    """Arguments arrive as they are, whatever stands in them; status, output and errors come back."""
    programs("probe-me", 'for a in "$@"; do printf "<%s>" "$a"; done; echo err >&2; exit 3')
    words = ["a b; rm -rf * $HOME `id`", "'quoted' \"twice\"", "new\nline\\", "", "é…\t*", "%s\\0101", "-n"]
    answer = await far(path=path).run(["probe-me", *words], deadline=30)
    assert (answer.exit, answer.stderr) == (3, "err\n")
    assert answer.stdout == "".join(f"<{w}>" for w in words)
    assert not answer.truncated


async def test_environment_directory_and_input(far: FarOf, tmp_path: Path) -> None:
    """Programs get a scrubbed environment with what is configured, the working directory, and closed input."""
    reached = far(env={"DATABASE_URL": "postgres://x:geheim1@y/z", "TWO": "a b\n'c'"}, cwd=tmp_path)
    env = dict(
        line.split("=", 1)
        for line in (await reached.run(["env"], deadline=30)).stdout.splitlines()
        if "=" in line
    )
    assert env["DATABASE_URL"] == "postgres://x:geheim1@y/z"
    assert env["TWO"] == "a b"
    assert set(env) <= {
        "HOME",
        "PATH",
        "USER",
        "LOGNAME",
        "LANG",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "DATABASE_URL",
        "TWO",
    }
    assert (await reached.run(["pwd", "-P"], deadline=30)).stdout.strip() == str(tmp_path)
    assert (await reached.run(["cat"], deadline=30)).stdout == ""


async def test_secrets_are_in_no_process_list(far: FarOf, programs: Write, path: str, host: Host) -> None:
    """What the far side's `ps` shows while a program runs holds none of its variables."""
    programs("show", "ps -eww -o args")
    reached = far(path=path, env={"API_TOKEN": "tok-geheim-123"})
    shown = (await reached.run(["show"], deadline=30, keep=1024 * 1024)).stdout
    assert "ats-bot" in shown, "the supervisor itself is seen"
    assert "tok-geheim-123" not in shown
    assert "tok-geheim-123" not in repr(host.asked)


async def test_pipes_and_redirects(far: FarOf, tmp_path: Path) -> None:
    """A pipe is one on the far side; grep without a match, a cut-off producer and 2>/dev/null mean the same there."""
    (tmp_path / "app.log").write_text("all quiet\n" * 100_000)
    reached = far(cwd=tmp_path)

    async def output(commands: str) -> tuple[Outcome, str]:
        (step,) = steps_of(commands)
        result = await run_step(reached, step, deadline=30)
        return result.outcome, result.parts[-1].output

    assert await output("cat app.log | head -n 1") == (Outcome.OK, "all quiet\n")
    assert await output("grep -i error app.log | tail -n 100") == (Outcome.OK, "no match")
    assert await output("cat nothing.log 2>/dev/null | wc -l") == (Outcome.FAILED, "0\n")
    assert (await output("grep x nothing.log | tail -n 1"))[0] is Outcome.FAILED
    assert await output("cat nothing.log 2>/dev/null || pwd") == (Outcome.OK, f"{tmp_path}\n")


async def test_a_request_into_a_far_program(far: FarOf, serve: Serve) -> None:
    """`curl … | grep` filters on the target what came from there, more than a pipe holds at once."""
    body = b"loki_other 1\n" * 20_000 + b"loki_ingester_lag 7\n"
    port = await serve(http_answer("200 OK", body))
    (step,) = steps_of(f"curl -sSf http://localhost:{port}/metrics | grep loki_ingester")
    result = await run_step(
        far(rewrites={f"http://localhost:{port}": f"http://127.0.0.1:{port}"}), step, deadline=30
    )
    assert result.parts[0].output == "loki_ingester_lag 7\n"


async def test_what_cannot_be_run(far: FarOf, programs: Write, path: str, tmp_path: Path) -> None:
    """Missing, not executable, no directory, an empty command, a NUL: refused in words before anything runs."""
    programs("plain", "true").chmod(0o644)
    reached = far(path=path)
    with pytest.raises(RejectedError, match=r"^not installed: no program `pm2` on PATH$"):
        await reached.run(["pm2", "jlist"], deadline=30)
    with pytest.raises(UnauthorizedError, match=r"^no permission: `.*/plain` may not be executed"):
        await reached.run([str(tmp_path / "bin" / "plain")], deadline=30)
    with pytest.raises(ConfigError, match=r"^not configured: the target's working directory"):
        await far(cwd=tmp_path / "nowhere").run(["true"], deadline=30)
    with pytest.raises(RejectedError, match="NUL"):
        await reached.run(["echo", "a\x00b"], deadline=30)
    with pytest.raises(RejectedError, match="the command is empty"):
        await reached.run([], deadline=30)


async def test_output_is_capped(far: FarOf, programs: Write, path: str) -> None:
    """Of 10 MB the head and the tail are kept; binary, ANSI and invalid UTF-8 come through as text."""
    programs("much", "echo begin; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo end")
    answer = await far(path=path).run(["much"], deadline=60)
    assert answer.truncated
    assert answer.stdout.startswith("begin\n")
    assert answer.stdout.endswith("end\n")
    assert len(answer.stdout) < 66_000
    programs("odd", "printf '\\033[31mred\\033[0m \\377\\n'")
    assert (await far(path=path).run(["odd"], deadline=30)).stdout == "red �\n"


def _pids(folder: Path) -> str:
    return f"echo $$ >>'{folder}/pids'; sleep 300 & echo $! >>'{folder}/pids'; echo begun; wait"


async def _begun(folder: Path) -> list[int]:
    async def both() -> bool:
        return (folder / "pids").exists() and len((folder / "pids").read_text().split()) >= 2

    await until(both)
    return [int(pid) for pid in (folder / "pids").read_text().split()]


async def test_a_timeout_kills_the_far_group(far: FarOf, programs: Write, path: str, tmp_path: Path) -> None:
    """HAZARDS 43: at the deadline the program and its children on the far side are gone, TERM ignored or not."""
    programs("hang", f"trap '' TERM HUP INT; {_pids(tmp_path)}")
    reached = far(path=path)
    await reached.run(["true"], deadline=30)
    with pytest.raises(UnreachableError, match=r"^timed out after 2 s$") as raised:
        await reached.run(["hang"], deadline=2)
    assert raised.value.begun
    await gone(*await _begun(tmp_path))


async def test_cancelling_kills_the_far_group(far: FarOf, programs: Write, path: str, tmp_path: Path) -> None:
    """A caller that gives up leaves nothing on the far side."""
    programs("hang", _pids(tmp_path))
    task = asyncio.create_task(far(path=path).run(["hang"], deadline=60))
    pids = await _begun(tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(*pids)


async def test_a_pipe_that_is_fed_is_killed_too(far: FarOf, programs: Write, path: str, tmp_path: Path) -> None:
    """Where standard input is the program's, the kill goes over a second channel."""
    programs("hang", _pids(tmp_path))
    from bot.targets.answers import Stage

    task = asyncio.create_task(far(path=path).pipe([Stage(("hang",))], given=b"x", deadline=60))
    pids = await _begun(tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(*pids)


async def test_a_lost_connection_kills_what_ran(
    far: FarOf, host: Host, programs: Write, path: str, tmp_path: Path
) -> None:
    """SSH down in mid-command: the outcome is unknown, said so, and the far processes are gone by themselves."""
    programs("pm2", _pids(tmp_path))
    reached = far(path=path)
    (step,) = steps_of("pm2 restart api")
    task = asyncio.create_task(run_step(reached, step, deadline=60))
    pids = await _begun(tmp_path)
    await host.cut()
    result = await task
    assert result.outcome is Outcome.UNKNOWN
    assert result.parts[0].error.startswith("SSH: broken off: ")
    assert result.where == f"{host.settings.user}@127.0.0.1 over SSH"
    await gone(*pids)
    assert (await reached.run(["echo", "again"], deadline=30)).stdout == "again\n", "connected anew"


async def test_a_child_that_outlives_its_parent(far: FarOf, programs: Write, path: str, tmp_path: Path) -> None:
    """A child left behind with the output open delays the answer for a moment only, and is gone; a daemon stays."""
    programs("leave", f"sleep 300 & echo $! >'{tmp_path / 'pid'}'; echo done")
    answer = await far(path=path).run(["leave"], deadline=60)
    assert (answer.exit, answer.stdout) == (0, "done\n")
    assert answer.took < 30
    await gone(int((tmp_path / "pid").read_text()))
    programs(
        "daemon",
        f"setsid sh -c 'echo $$ >{tmp_path / 'daemon'}; exec sleep 300' >/dev/null 2>&1 </dev/null & sleep 0.2",
    )
    await far(path=path).run(["daemon"], deadline=60)
    pid = int(await written(tmp_path / "daemon"))
    assert psutil.pid_exists(pid), "PM2's own daemon must survive `pm2 restart`"
    os.kill(pid, signal.SIGKILL)


async def test_nothing_is_left_over_there(far: FarOf, programs: Write, path: str, tmp_path: Path) -> None:
    """After many quick programs no supervisor, watcher or timer is left on the far side."""
    programs("quick", f"echo $PPID >>'{tmp_path / 'parents'}'")
    reached = far(path=path)
    await asyncio.gather(*(reached.run(["quick"], deadline=4321) for _ in range(24)))

    async def alone() -> bool:
        lines = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
        return not any("sleep 4324" in line for line in lines)

    await until(alone)


async def test_no_more_than_so_many_at_once(far: FarOf, programs: Write, path: str, tmp_path: Path) -> None:
    """Remote programs count as local ones do; a pipe counts each of its own."""
    programs(
        "count", f"touch '{tmp_path}'/run-$1; ls '{tmp_path}' | grep -c run-; sleep 0.1; rm '{tmp_path}'/run-$1"
    )
    reached = far(path=path, max_processes=3)
    answers = await asyncio.gather(*(reached.run(["count", str(n)], deadline=60) for n in range(12)))
    assert max(int(a.stdout) for a in answers) <= 3
    (step,) = steps_of("cat a | head | head | wc -l")
    result = await run_step(reached, step)
    assert result.parts[0].error.startswith("too many programs: the pipe has 4")


async def test_localhost_means_the_target(
    far: FarOf, serve: Serve, postgres: embedded.EmbeddedPostgres, closed_port: int
) -> None:
    """HTTP, Redis and PostgreSQL go through forwarded connections, and refusals keep their words."""
    web, redis = await serve(http_answer("200 OK", b"hello")), await serve(resp(password="geheim1"))
    reached = far(
        api_url=f"http://localhost:{web}",
        redis_url=f"redis://:geheim1@localhost:{redis}/0",
        database_url=postgres.url,
    )
    assert (await reached.http("GET", f"http://localhost:{web}/x", deadline=30)).text == "hello"
    assert await reached.redis("PING", deadline=30) in {True, "PONG"}
    assert (await reached.sql("SELECT 40 + 2", deadline=30)).rows == ((42,),)
    down = far(
        redis_url=f"redis://localhost:{closed_port}",
        database_url=f"postgresql://u:geheim@localhost:{closed_port}/x",
    )
    refused = rf"^refused: nothing listens on localhost:{closed_port} there$"
    with pytest.raises(UnreachableError, match=refused):
        await down.http("GET", f"http://localhost:{closed_port}/", deadline=30)
    with pytest.raises(UnreachableError, match=refused):
        await down.redis("PING", deadline=30)
    with pytest.raises(UnreachableError, match=refused):
        await down.sql("SELECT 1", deadline=30)
    with pytest.raises(UnreachableError, match=refused):
        await down.websocket(f"ws://localhost:{closed_port}/ws", deadline=30)
    with pytest.raises(UnreachableError, match=r"^DNS: no\.such\.host\.invalid:80 is not known there$"):
        await down.http("GET", "http://no.such.host.invalid/", deadline=30)


async def test_hanging_systems_behind_ssh(far: FarOf, serve: Serve) -> None:
    """What accepts and never answers is timed out, and leaves no task behind."""
    port = await serve(silent)
    reached = far(
        redis_url=f"redis://localhost:{port}", database_url=f"postgresql://u:geheim@localhost:{port}/x"
    )
    await reached.run(["true"], deadline=30)
    before = asyncio.all_tasks()
    for asked in (
        reached.http("GET", f"http://localhost:{port}/", deadline=0.5),
        reached.redis("PING", deadline=0.5),
        reached.sql("SELECT 1", deadline=0.5),
        reached.websocket(f"ws://localhost:{port}/", deadline=0.5),
    ):
        with pytest.raises(UnreachableError, match=r"^timed out after 0\.\d s$"):
            await asked
    await only(*before)


async def test_forwarded_connections_come_back(far: FarOf, host: Host, serve: Serve) -> None:
    """After the SSH connection has died, the next request makes a new one."""
    port = await serve(http_answer("200 OK", b"hello"))
    reached = far()
    for _ in range(3):
        assert (await reached.http("GET", f"http://localhost:{port}/", deadline=30)).text == "hello"
        await host.cut()


async def test_a_websocket_through_ssh(far: FarOf, serve: Serve) -> None:
    """The look at a WebSocket goes through a forwarded connection, and reports the first message."""
    from websockets.asyncio.server import ServerConnection
    from websockets.asyncio.server import serve as websocket

    async def greet(connection: ServerConnection) -> None:
        await connection.send("tick 1")
        await connection.wait_closed()

    async with websocket(greet, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        (step,) = steps_of(f"wscat -c ws://localhost:{port}/ws/market")
        result = await run_step(far(rewrites={"ws://localhost": "ws://localhost"}), step, deadline=30)
    assert result.ok, result
    assert result.parts[0].output.endswith("tick 1")


async def test_the_host_key_is_checked(far: FarOf, host: Host, tmp_path: Path) -> None:
    """An unknown or changed key, and a missing known hosts file, stop everything before anything is sent."""
    asked = len(host.asked)
    empty = tmp_path / "empty"
    empty.write_text("")
    with pytest.raises(
        RejectedError, match=r"^SSH: 127\.0\.0\.1:\d+ shows a key that .*/empty does not have"
    ) as raised:
        await far(ssh={"known_hosts": empty}).run(["true"], deadline=30)
    assert raised.value.code == "host-key"
    with pytest.raises(ConfigError, match=r"known hosts file .* does not exist"):
        await far(ssh={"known_hosts": tmp_path / "none"}).run(["true"], deadline=30)
    assert len(host.asked) == asked


@pytest.mark.slow
async def test_how_ssh_fails_in_words(
    far: FarOf, host: Host, tmp_path: Path, closed_port: int, serve: Serve
) -> None:
    """Refused, unknown name, hanging, no SSH, a wrong or unreadable key: each in its class and words."""
    import asyncssh

    other = tmp_path / "other"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(other)
    garbage = tmp_path / "garbage"
    garbage.write_text("not a key")
    locked = tmp_path / "locked"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(locked, "pkcs8-pem", passphrase="right")
    known = tmp_path / "known"
    line = host.settings.known_hosts.read_text().split(" ", 1)[1]
    known.write_text(f"* {line}")
    hanging, web = await serve(silent), await serve(http_answer("200 OK", b""))
    cases: list[tuple[dict[str, object], type[AtsError], str]] = [
        ({"key": other}, UnauthorizedError, "SSH: no permission: "),
        ({"key": garbage}, ConfigError, "not configured: the SSH key "),
        (
            {"key": locked},
            ConfigError,
            f"not configured: the SSH key {locked} is locked by a passphrase. Give it to an",
        ),
        (
            {"key": locked, "passphrase": "wrong"},
            ConfigError,
            "not configured: the passphrase does not open the SSH",
        ),
        ({"key": locked, "passphrase": "right"}, UnauthorizedError, "SSH: no permission: "),
        (
            {"key": None, "agent": str(tmp_path / "no")},
            ConfigError,
            f"not configured: the SSH agent {tmp_path / 'no'} does not answer (there is no such socket). Start it",
        ),
        ({"key": tmp_path / "none"}, ConfigError, "not configured: the SSH key "),
        ({"key": None}, ConfigError, "not configured: neither a key nor an agent"),
        ({"jump": "a:b:c"}, ConfigError, "not configured: [target.ssh] jump"),
        ({"port": closed_port}, UnreachableError, f"SSH: refused: nothing listens on 127.0.0.1:{closed_port}"),
        (
            {"host": "no.such.host.invalid"},
            UnreachableError,
            "SSH: DNS: the name no.such.host.invalid is not known",
        ),
        ({"port": hanging, "connect_seconds": 0.5}, UnreachableError, "SSH: timed out: "),
        ({"port": web}, UnreachableError, "SSH: "),
    ]
    for changed, kind, words in cases:
        with pytest.raises(kind) as raised:
            await far(ssh={"known_hosts": known, **changed}).run(["true"], deadline=30)
        assert str(raised.value).startswith(words), raised.value
        assert not raised.value.begun


async def test_through_a_jump_host(far: FarOf, host: Host) -> None:
    """The host is reached through another one, whose key is checked as well."""
    jump = f"{host.settings.user}@127.0.0.1:{host.settings.port}"
    answer = await far(ssh={"jump": jump}).run(["echo", "hello"], deadline=30)
    assert answer.stdout == "hello\n"
    with pytest.raises(UnreachableError, match="SSH: refused"):
        await far(ssh={"jump": "ats@127.0.0.1:1"}).run(["true"], deadline=30)
