"""The team's own document, as they wrote it, works as the bot's runbook."""

import os
from pathlib import Path

import pytest

from tests.rig import Rig

FOLDER = Path(os.environ.get("ATS_SEED", Path(__file__).parents[3] / "shared" / "seed"))
SEED = sorted(FOLDER.glob("*.txt"))


async def test_the_teams_document_loads_and_its_entry_is_on_the_card(database_url: str, tmp_path: Path) -> None:
    """ATS_RUNBOOK names the seed file: its alerts match, its emoji are repaired, its ladder runs."""
    if not SEED:
        pytest.skip(
            f"the team's document is not at {FOLDER}: it is shared material and not part of this repository"
        )
    async with Rig.running(database_url, tmp_path, ATS_RUNBOOK=str(SEED[0])) as rig:
        await rig.pagerduty.trigger("PM2 High Restart Rate")
        card = await rig.card("PM2 High Restart Rate", "pm2 status", "asked")
        shown = str(card["blocks"])
        assert "P0" in shown
        assert "ü" not in shown
        assert "‚ö" not in shown
        assert [rung.schedule for rung in rig.bot.rules.ladder] == [
            "PD-TRADING-PRIMARY", "PD-TRADING-SECONDARY", "PD-EXECUTIVE",
        ]  # fmt: skip
