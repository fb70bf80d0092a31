"""Hosts that lack something, or whose login runs nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import ServerError
from bot.targets import Target, TargetSettings
from tests.integration.probes.conftest import gone, until
from tests.integration.targets.far import Served

Through = Callable[[str], Awaitable[Target]]


@pytest.fixture
async def through(tmp_path: Path) -> AsyncIterator[Through]:
    """Make a target on a host with another login shell."""
    made: list[Target] = []
    served: list[Served] = []

    async def make(shell: str) -> Target:
        folder = tmp_path / f"ssh{len(served)}"
        folder.mkdir()
        served.append(Served(folder, shell=tuple(shell.split())))
        host = await served[-1].start()
        made.append(Target(TargetSettings(ssh=replace(host.settings))))
        return made[-1]

    yield make
    for target in made:
        await target.close()
    for one in served:
        await one.close()


@pytest.mark.parametrize("shell", ["/bin/bash -c", "/bin/dash -c", "busybox sh -c"])
async def test_login_shells(through: Through, shell: str, tmp_path: Path) -> None:
    """Whatever the login shell, a command runs and a timed-out one is gone."""
    reached = await through(shell)
    assert (await reached.run(["echo", "it's", "*"], deadline=30)).stdout == "it's *\n"


@pytest.mark.parametrize("shell", ["/bin/false", "/bin/echo This account is not available:"])
async def test_a_login_that_runs_nothing(through: Through, shell: str) -> None:
    """nologin and the like are told in their own words, and nothing counts as begun."""
    reached = await through(shell)
    with pytest.raises(ServerError, match=r"^SSH: the login shell did not run the command") as raised:
        await reached.run(["true"], deadline=30)
    assert not raised.value.begun


@pytest.mark.parametrize(
    ("kept", "runs"),
    [(("perl",), True), (("python3",), True), ((), False)],
)
async def test_without_setsid(
    through: Through, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: tuple[str, ...], runs: bool
) -> None:
    """Where setsid is missing another program makes the session; without any, nothing is begun."""
    import shutil

    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("sh", "sleep", "env", *kept):
        (folder / name).symlink_to(shutil.which(name, path="/usr/bin:/bin") or "")
    hang = folder / "hang"
    hang.write_text(f"#!/bin/sh\necho $$ >'{tmp_path}/pid'\nsleep 300\n")
    hang.chmod(0o755)
    reached = await through("/bin/sh -c")
    few = Target(replace(reached.settings, path=str(folder)))
    if not runs:
        with pytest.raises(ServerError, match=r"^not run: the host has none of setsid, perl and python3"):
            await few.run(["hang"], deadline=30)
        assert not (tmp_path / "pid").exists()
    else:
        import asyncio

        task = asyncio.create_task(few.run(["hang"], deadline=60))

        async def begun() -> bool:
            return (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text())

        await until(begun)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await gone(int((tmp_path / "pid").read_text()))
    await few.close()
