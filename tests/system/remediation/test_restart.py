"""The bot is restarted while a request waits for an approval: nothing of it is lost, and nothing of it is void."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.store import embedded
from tests.chaos.stage import Stage
from tests.rig import DANA, OPS, SAM, eventually
from tests.system.remediation.own import DOCKER, write

pytestmark = pytest.mark.slow


@pytest.fixture
async def stage(
    postgres: embedded.EmbeddedPostgres, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    """A sandbox with our own Docker, and a database that nobody else uses."""
    name = f"remediation_restart_{request.node.callspec.id}"
    async with Stage.alone(postgres, name, tmp_path) as stage:
        (tmp_path / "platform" / "bin" / "docker").write_text(f"#!/bin/sh\n{DOCKER}", "utf-8")
        (tmp_path / "platform" / "host" / "allowed").write_text("")
        yield stage


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_a_request_outlives_a_restart_of_the_bot(stage: Stage, tmp_path: Path, how: str) -> None:
    """Asked of one process, approved in the next: the same message, the same digest, one execution."""
    book = str(write(tmp_path))
    first = stage.bot(name="first", ATS_RUNBOOK=book, PYTHONHASHSEED="1")
    try:
        await first.ready(within=90)
        await stage.asks(DANA, "own.danger")
        asked = await eventually(lambda: _shown(stage, "Approval needed"), within=30)
        await (first.kill() if how == "killed" else first.close())
        second = stage.bot(name="second", ATS_RUNBOOK=book, PYTHONHASHSEED="2")
        try:
            await second.ready(within=90)
            assert _shown(stage, "Approval needed")["ts"] == asked["ts"]
            assert (await stage.slack.press(SAM, OPS, asked["ts"], "run_approve")).ok
            done = await eventually(lambda: _shown(stage, "Done and verified"), within=60)
            assert done["ts"] == asked["ts"], [
                (m["ts"], m["text"], m["user"]) for m in stage.slack.messages(OPS)
            ]
        finally:
            await second.close()
    finally:
        await first.close()
    assert stage.rows("select state, reason from run") == [("succeeded", "")]
    log = tmp_path / "platform" / "host" / "danger.log"
    assert await asyncio.to_thread(log.read_text) == "ran\n"


def _shown(stage: Stage, *containing: str) -> dict[str, Any]:
    found = [
        m for m in stage.slack.messages(OPS) if all(t in str(m["blocks"]) for t in ("own.danger", *containing))
    ]
    return dict(found[-1]) if found else {}
