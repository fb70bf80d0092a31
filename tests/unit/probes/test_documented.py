"""The documentation of the probes is held to the probes."""

import re
import tomllib
from pathlib import Path

from bot.probes import PROBES, configured
from bot.probes.table import markdown

PAGE = Path(__file__).parents[3] / "docs" / "diagnostics.md"


def test_the_table_is_that_of_the_code() -> None:
    """docs/diagnostics.md holds the table that the probes themselves make; `python -m bot.probes.table` prints it."""
    assert markdown(PROBES) in PAGE.read_text(encoding="utf-8")


def test_the_example_settings_are_valid() -> None:
    """The settings that the page shows are taken as they stand."""
    text = PAGE.read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    given = tomllib.loads(example[1])["probes"]
    leave_out = given.pop("leave_out")
    settings = configured(leave_out, given)
    assert settings.leave_out == {"mlflow", "helm"}
    assert settings.options["disk"] == {"paths": ("/", "/var", "/data")}
