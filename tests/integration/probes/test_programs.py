import asyncio
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bot.errors import ConfigError, RejectedError, UnauthorizedError, UnreachableError
from tests.integration.probes.conftest import TargetOf, gone, programs_left, written

Write = Callable[[str, str], Path]


async def test_status_and_both_outputs(target: TargetOf, programs: Write, path: str) -> None:
    """A program's status, output and errors come back; a status other than 0 is an answer."""
    programs("probe-me", 'echo "out $1"; echo err >&2; exit 3')
    answer = await target(path=path).run(["probe-me", "a b; rm -rf * $HOME"])
    assert (answer.exit, answer.stdout, answer.stderr) == (3, "out a b; rm -rf * $HOME\n", "err\n")
    assert not answer.truncated


async def test_the_environment_is_scrubbed(
    target: TargetOf, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs get PATH, HOME, LANG, PM2_HOME and what is configured, and none of the bot's secrets."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    monkeypatch.setenv("PM2_HOME", "/somewhere/.pm2")
    answer = await target(path=path, env={"DATABASE_URL": "postgres://x"}).run(["env"])
    names = {line.split("=", 1)[0] for line in answer.stdout.splitlines()}
    assert {"PATH", "PM2_HOME", "DATABASE_URL"} <= names <= {"PATH", "HOME", "LANG", "PM2_HOME", "DATABASE_URL"}
    assert f"PATH={path}" in answer.stdout


async def test_input_is_closed(target: TargetOf) -> None:
    """A program that reads its input gets the end of it, not the bot's terminal."""
    assert (await target().run(["cat"], deadline=5)).stdout == ""


async def test_working_directory(target: TargetOf, programs: Write, tmp_path: Path) -> None:
    """Programs run in the platform's checkout, and relative ones are found there."""
    programs("here", "pwd -P; ls")
    answer = await target(cwd=tmp_path).run(["./bin/here"])
    assert answer.stdout.splitlines()[1:] == ["bin"]
    with pytest.raises(ConfigError, match=r"working directory .*gone does not exist"):
        await target(cwd=tmp_path / "gone").run(["pwd"])


async def test_programs_that_cannot_be_run(
    target: TargetOf, programs: Write, path: str, tmp_path: Path
) -> None:
    """Missing, not executable, without its interpreter, or no program at all: each in its own words."""
    with pytest.raises(RejectedError, match=r"^not installed: no program `no-such-program` on PATH$"):
        await target(path=path).run(["no-such-program"])
    programs("locked", "true").chmod(0o600)
    with pytest.raises(UnauthorizedError, match=r"^no permission: `locked` may not be executed"):
        await target(path=path).run(["locked"])
    programs("orphan", "true").write_text("#!/no/such/interpreter\n")
    with pytest.raises(RejectedError, match=r"^not installed: `orphan` needs an interpreter"):
        await target(path=path).run(["orphan"])
    programs("text", "true").write_bytes(b"\x00\x01just text")
    with pytest.raises(RejectedError, match=r"^not a program: `text`"):
        await target(path=path).run(["text"])
    (tmp_path / "bin" / "folder").mkdir()
    with pytest.raises(RejectedError, match=r"^not installed: no program `folder`"):
        await target(path=path).run(["folder"])


async def test_ten_megabytes_of_output(target: TargetOf, path: str) -> None:
    """Of a huge output head and tail are kept, and it never is in memory as a whole."""
    script = "echo first; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo last"
    tracemalloc.start()
    answer = await target(path=path).run(["sh", "-c", script], deadline=60)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.truncated
    assert answer.stdout.startswith("first\nxxx")
    assert answer.stdout.endswith("xxx\nlast\n")
    assert "bytes left out" in answer.stdout
    assert len(answer.stdout) < 66_000
    assert peak < 3_000_000


async def test_a_hanging_family_is_killed(target: TargetOf, programs: Write, path: str, tmp_path: Path) -> None:
    """On a timeout the program, its children and theirs are gone, even those that ignore being asked."""
    pids = tmp_path / "pids"
    programs(
        "hang",
        f"trap '' TERM HUP INT\n(trap '' TERM; sleep 300 & echo $! >>'{pids}'; wait) &\n"
        f"echo $! >>'{pids}'; echo $$ >>'{pids}'; echo begun; wait; sleep 300",
    )
    with pytest.raises(UnreachableError, match=r"^timed out after 0\.7 s$"):
        await target(path=path).run(["hang"], deadline=0.7)
    await gone(*map(int, pids.read_text().split()))
    assert programs_left() == []


async def test_a_child_that_outlives_its_parent(
    target: TargetOf, programs: Write, path: str, tmp_path: Path
) -> None:
    """A child left behind with the output open delays the answer for a moment only, and is gone."""
    programs("leave", f"sleep 300 & echo $! >'{tmp_path / 'pid'}'; echo done")
    answer = await target(path=path).run(["leave"], deadline=60)
    assert (answer.exit, answer.stdout) == (0, "done\n")
    assert answer.took < 30
    await gone(int((tmp_path / "pid").read_text()))


async def test_cancelling_kills_the_program(
    target: TargetOf, programs: Write, path: str, tmp_path: Path
) -> None:
    """A caller that gives up leaves no process behind."""
    programs("hang", f"echo $$ >'{tmp_path / 'pid'}'; sleep 300")
    task = asyncio.create_task(target(path=path).run(["hang"], deadline=60))
    pid = int(await written(tmp_path / "pid"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(pid)


async def test_cancelling_at_any_moment(target: TargetOf, programs: Write, path: str, tmp_path: Path) -> None:
    """Also while a program is only being started, giving up is quick and leaves nothing behind."""
    marker = f"{1000 + os.getpid()}"
    programs("hang", f"sleep {marker} & wait")
    for n in range(20):
        task = asyncio.create_task(target(path=path).run(["hang"], deadline=60))
        await asyncio.sleep(0.001 * n)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(task), 10)
    await gone(*(p.pid for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", marker]))


async def test_odd_arguments(target: TargetOf) -> None:
    """No program at all, or a NUL in an argument, is refused in words."""
    with pytest.raises(RejectedError, match=r"^not a program: the command is empty"):
        await target().run([])
    with pytest.raises(RejectedError, match=r"^not a program: `echo` has a NUL"):
        await target().run(["echo", "a\x00b"])


async def test_no_more_than_so_many_at_once(
    target: TargetOf, programs: Write, path: str, tmp_path: Path
) -> None:
    """Twenty programs at once run eight at a time; each answer is its own."""
    programs(
        "count", f"touch '{tmp_path}'/run-$1; ls '{tmp_path}' | grep -c run-; sleep 0.1; rm '{tmp_path}'/run-$1"
    )
    reached = target(path=path)
    answers = await asyncio.gather(*(reached.run(["count", str(n)], deadline=60) for n in range(20)))
    assert max(int(a.stdout) for a in answers) <= 8
