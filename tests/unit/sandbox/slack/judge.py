"""Slack's own method documents and payload samples, as a judge of the local server."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]
JUDGES = Path(os.environ.get("ATS_JUDGES") or ROOT.parent / "shared" / "judges") / "slack"


def official(relative: str) -> dict[str, Any]:
    """One of Slack's documents; skips the test where the folder is missing."""
    path = JUDGES / relative
    if not path.is_file():
        pytest.skip(f"Slack's own document is missing: {path} (set ATS_JUDGES)")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
