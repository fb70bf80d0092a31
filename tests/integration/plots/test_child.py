"""Drawing in a program of its own."""

import os
import struct
import sys
from pathlib import Path

import pytest

from bot.domain.plots import Line, Plot, Threshold
from bot.errors import ServerError
from bot.plots.child import Plotter

PLOT = Plot(
    "PM2 $x$ High", "restarts", (Line("a", ((0.0, 1.0), (60.0, 5.0))),), 0.0, 60.0, Threshold(">", 3), 30.0
)


async def test_a_picture_of_the_size_of_a_phone(tmp_path: Path) -> None:
    """A PNG of 1000 × 560 pixels, drawn elsewhere: the bot's own process never loads matplotlib."""
    picture = await Plotter(tmp_path / "fonts").draw(PLOT)
    assert struct.unpack(">II", picture[16:24]) == (1000, 560)
    assert "matplotlib" not in sys.modules


async def test_what_cannot_be_drawn_is_an_error_in_words(tmp_path: Path) -> None:
    """The child's last words, and nothing of it left running."""
    empty = Plot("Nothing", "nothing", (), 0.0, 60.0)
    with pytest.raises(ServerError, match="could not be drawn"):
        await Plotter(tmp_path / "fonts").draw(empty)


async def test_the_bots_secrets_do_not_reach_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets a path and the place of its fonts."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    made = Plotter(tmp_path)._environment()
    assert "xoxb-secret" not in str(made)
    assert set(made) <= {"PATH", "LANG", "PYTHONPATH", "MPLCONFIGDIR", "HOME", "OPENBLAS_NUM_THREADS"}
    assert os.environ["SLACK_BOT_TOKEN"] == "xoxb-secret"
