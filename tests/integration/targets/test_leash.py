"""Programs of a bot that was killed do not go on without it."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bot.targets.answers import Stage
from bot.targets.leash import Leash
from bot.targets.process import LocalRunner
from bot.targets.settings import TargetSettings
from tests.rig import eventually

ROOT = Path(__file__).parents[3]
BOT = """
import asyncio, sys
from pathlib import Path
from bot.targets.answers import Stage
from bot.targets.process import LocalRunner
from bot.targets.settings import TargetSettings

def begun(_line):
    Path(sys.argv[1], "begun").write_text("")

async def main():
    runner = LocalRunner(TargetSettings(cwd=Path(sys.argv[1])), 4)
    await runner.pipe([Stage(("true",))], deadline=5, keep=100)
    await runner.pipe([Stage(("./slow.sh",)), Stage(("cat",))], deadline=60, keep=100, progress=begun)

asyncio.run(main())
"""
SLOW = "#!/bin/sh\nsleep 600 &\necho $! > child\necho $$ > parent\necho begun\nwait\n"


def alive(file: Path) -> bool:
    """Whether the process whose number is in the file runs."""
    try:
        return psutil.Process(int(file.read_text())).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def sleeper() -> "subprocess.Popen[bytes]":
    """A program in a group of its own."""
    return subprocess.Popen(["sleep", "600"], start_new_session=True)


def a_bot(folder: Path) -> "subprocess.Popen[bytes]":
    """A process that runs the script as the bot does."""
    return subprocess.Popen([sys.executable, "-c", BOT, str(folder)], cwd=ROOT)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_what_a_killed_bot_has_begun_is_killed_with_it(tmp_path: Path, how: signal.Signals) -> None:
    """The script, what it has started in turn, and the programs that it was piped into."""
    script = tmp_path / "slow.sh"
    script.write_text(SLOW)
    script.chmod(0o755)
    bot = a_bot(tmp_path)
    try:
        parent, child = tmp_path / "parent", tmp_path / "child"
        await eventually((tmp_path / "begun").exists, within=60)
        assert alive(parent)
        assert alive(child)
    finally:
        bot.send_signal(how)
        await asyncio.to_thread(bot.wait)
    await eventually(lambda: not alive(parent) and not alive(child))


def a_bot_that_dies(folder: Path, *, at: int, held: bool) -> "subprocess.Popen[bytes]":
    """The same, killed when its program number `at` has been started; `held`: and is on the leash."""
    die = f"""
import os
from bot.targets.leash import Leash
hold = Leash.hold

def die(self, group):
    with open("pids", "a") as file:
        file.write(f"{{group}}\\n")
    last = len(open("pids").readlines()) == {at}
    if not last or {held}:
        hold(self, group)
    if last:
        os.kill(os.getpid(), 9)

Leash.hold = die
"""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", die + BOT, str(folder)], cwd=folder, env=env)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("at", [2, 3])
async def test_a_bot_that_is_killed_before_a_program_is_on_the_leash_has_begun_nothing(
    tmp_path: Path, at: int, held: bool
) -> None:
    """The gate: however narrow the moment between a start and the leash, nothing of the script runs in it."""
    script = tmp_path / "slow.sh"
    script.write_text(SLOW)
    script.chmod(0o755)
    bot = a_bot_that_dies(
        tmp_path, at=at, held=held
    )  # the script is the second, what it is piped into the third
    await asyncio.to_thread(bot.wait)
    numbers = (tmp_path / "pids").read_text().split()
    assert len(numbers) == at
    for number in numbers:
        file = tmp_path / f"pid-{number}"
        file.write_text(number)
        await eventually(lambda: not alive(file))  # noqa: B023 - awaited here
    assert not [name for name in ("begun", "parent", "child") if (tmp_path / name).exists()]


async def test_what_stands_behind_the_gate_sees_nothing_of_it(tmp_path: Path) -> None:
    """Its name, its environment, its input and its end are as without a gate."""
    (tmp_path / "who").write_text('#!/bin/sh\necho "$0"; env | sort; cat; exit 7\n')
    (tmp_path / "who").chmod(0o755)
    runner = LocalRunner(TargetSettings(cwd=tmp_path, path="/usr/bin:/bin"), 2)
    try:
        env = {"ONLY": "this"}
        answer = await runner.pipe([Stage(("./who",), env)], deadline=5, keep=2000, given=b"one\ntwo\n")
        assert answer.exits == (7,)
        assert answer.stdout.startswith("./who\n")
        assert answer.stdout.endswith("one\ntwo\n")
        assert "ONLY=this\n" in answer.stdout
        assert "OLDPWD=" not in answer.stdout
        silent = await runner.pipe([Stage(("cat",))], deadline=5, keep=100)
        assert (silent.exits, silent.stdout) == ((0,), "")
        piped = await runner.pipe([Stage(("printf", "a\\nb\\n")), Stage(("cat",))], deadline=5, keep=100)
        assert (piped.exits, piped.stdout) == ((0, 0), "a\nb\n")
    finally:
        await runner.close()


async def test_what_has_ended_is_let_go(tmp_path: Path) -> None:
    """A number that is another process's by then is never killed: the shell holds nothing that has ended."""
    leash = Leash()
    stranger = sleeper()
    kept = sleeper()
    try:
        for group in (stranger.pid, kept.pid):
            leash.hold(group)
        leash.let_go(stranger.pid)
        assert leash._shell is not None
        assert leash._shell.stdin is not None
        leash._shell.stdin.close()  # as when the bot is gone
        assert await asyncio.to_thread(kept.wait) == -signal.SIGKILL
        assert await asyncio.to_thread(leash._shell.wait) == 0
        assert stranger.poll() is None
    finally:
        for each in (stranger, kept):
            each.kill()
            each.wait()


async def test_a_leash_that_somebody_has_cut_is_made_anew(tmp_path: Path) -> None:
    """The shell was killed: the next program gets another, and the first is on it too."""
    leash = Leash()
    one, two = (sleeper() for _ in range(2))
    try:
        leash.hold(one.pid)
        assert leash._shell is not None
        os.kill(leash._shell.pid, signal.SIGKILL)
        await asyncio.to_thread(leash._shell.wait)
        leash.hold(two.pid)
        assert leash._shell.stdin is not None
        leash._shell.stdin.close()
        for each in (one, two):
            assert await asyncio.to_thread(each.wait) == -signal.SIGKILL
        await asyncio.to_thread(leash._shell.wait)
    finally:
        for each in (one, two):
            each.kill()
            each.wait()


async def test_a_runner_that_is_closed_leaves_no_shell(tmp_path: Path) -> None:
    """The leash goes with whoever holds it."""
    runner = LocalRunner(TargetSettings(cwd=tmp_path), 2)
    await runner.pipe([Stage(("true",))], deadline=5, keep=100)
    shell = runner._leash._shell
    assert shell is not None
    await runner.close()
    assert shell.poll() is not None
