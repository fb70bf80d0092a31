"""Targets on this host, and the sandbox's platform as one."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.targets import Target, TargetSettings
from sandbox.clock import SandboxClock
from sandbox.platform import Platform
from sandbox.platform.database import seed_database
from tests.integration.probes.conftest import closed_port, path, postgres, programs, serve, target

__all__ = ["closed_port", "path", "postgres", "programs", "serve", "target"]


def settings_of(platform: Platform, database_url: str) -> TargetSettings:
    """The target that the bot would make of the sandbox's platform."""
    named = platform.environment()
    return TargetSettings(
        database_url=database_url,
        redis_url=named["ATS_TARGET__REDIS_URL"],
        api_token=named["ATS_TARGET__API_TOKEN"],
        cwd=Path(named["ATS_TARGET__CWD"]),
        path=named["ATS_TARGET__PATH"],
        rewrites=json.loads(named["ATS_TARGET__REWRITES"]),
    )


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    """The sandbox's platform, started."""
    started = Platform(clock=SandboxClock(), state_dir=tmp_path / "platform")
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def trading(platform: Platform, database_url: str) -> AsyncIterator[Target]:
    """A target whose systems are the sandbox's, and whose database is a real one."""
    await seed_database(database_url)
    made = Target(settings_of(platform, database_url))
    yield made
    await made.close()
