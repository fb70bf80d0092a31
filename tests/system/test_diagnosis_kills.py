"""kill -9 in the middle of a diagnosis: it is there once, whole, and written down once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.store import embedded
from tests.chaos.oracle import settled
from tests.chaos.process import BotProcess
from tests.chaos.stage import Stage
from tests.rig import eventually

pytestmark = pytest.mark.slow

# Which alert, and how many seconds after its card the bot is killed: before anything is shown, while the summary is
# incomplete, while files and plots are on their way, and when all is there.
KILLS = (
    ("PM2 High Restart Rate", 0.05),
    ("Loki Ingestion Lag", 0.6),
    ("Rate Gate API Exhaustion", 1.5),
    ("High API Latency", 3.0),
)
DIAGNOSES = """
select count(*) from timeline t join incident i on i.id = t.incident_id where t.kind = 'diagnosis' and i.title = %s
"""


@pytest.fixture
async def stage(postgres: embedded.EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Stage]:
    """A sandbox, and a database that nobody else uses."""
    async with Stage.alone(postgres, "diagnosis_kills", tmp_path) as stage:
        yield stage


def start(stage: Stage) -> BotProcess:
    return stage.bot(ATS_LOOKS__AUTOMATIC="true")


def summaries(thread: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [m for m in thread if "🔎 Diagnosis" in str(m.get("blocks"))]


async def test_a_kill_neither_loses_nor_doubles_a_diagnosis(stage: Stage) -> None:
    """After each kill the diagnosis is there once, complete, with its details and pictures once, and one entry."""
    stage.sandbox.platform.faults.slow("api", 1.0)
    for title, after in KILLS:
        bot = start(stage)
        try:
            await bot.ready(within=60)
            incident = await stage.pagerduty.trigger(title)
            await eventually(lambda title=title: [c for c in stage.cards() if title in c["text"]], within=30)  # type: ignore[misc]
            await asyncio.sleep(after)
            assert incident
        finally:
            await bot.kill()
    bot = start(stage)
    try:
        await bot.ready(within=60)
        await settled(stage, within=120)
    finally:
        await bot.kill()
    for title, _ in KILLS:
        cards = [c for c in stage.cards() if title in c["text"]]
        assert len(cards) == 1, title
        thread = stage.thread(cards[0])
        shown = summaries(thread)
        assert len(shown) == 1, (title, len(shown))
        assert "Still waiting" not in str(shown[0]["blocks"]), title
        assert len([m for m in thread if str(m.get("text", "")).startswith("What was read")]) <= 4
        pictures = [m for m in thread if any(f["mimetype"] == "image/png" for f in m.get("files") or [])]
        assert len(pictures) <= 1, title
        assert stage.rows(DIAGNOSES, title) == [(1,)], title
