"""Plots in an incident's thread."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig import DANA, OPS, Rig, eventually


@pytest.fixture
async def rig(database_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """As in production: a new P0 or P1 is diagnosed by itself."""
    async with Rig.running(database_url, tmp_path, ATS_LOOKS__AUTOMATIC="true") as rig:
        yield rig


def pictures(rig: Rig, ts: str) -> list[dict[str, Any]]:
    files = [f for m in rig.messages(thread_ts=ts) for f in m.get("files") or []]
    return [f for f in files if f["mimetype"] == "image/png"]


async def test_a_new_incident_gets_a_picture_with_words(rig: Rig) -> None:
    """The alert's metric, with its threshold and the incident's beginning, told in the text alternative too."""
    await rig.sandbox.control.raise_alert("api-latency")
    card = await rig.card("High API Latency")
    shown = (await eventually(lambda: pictures(rig, card["ts"]), within=60))[0]
    for part in ("http request duration p95", "highest", "alert above 2", "The incident began at"):
        assert part in shown["alt_txt"], part
    assert rig.slack.workspace.files[shown["id"]].content.startswith(b"\x89PNG")


async def test_a_prometheus_that_is_down_is_told_in_words(rig: Rig) -> None:
    """No picture, and why; the diagnosis itself is not harmed."""
    rig.sandbox.platform.faults.down("prometheus")
    await rig.slack.command(DANA, OPS, "diag loki ingestion lag")

    def told() -> list[dict[str, Any]]:
        roots = [m for m in rig.messages() if "🔎 Diagnosis" in str(m["blocks"])]
        return [m for root in roots for m in rig.messages(thread_ts=root["ts"]) if "No plot of" in str(m)]

    assert "refused" in str((await eventually(told, within=40))[0])


async def test_a_metric_that_is_not_there_is_told_in_words(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prometheus answers with nothing: said so, with the query."""
    from dataclasses import replace

    plan = rig.bot.rules.plan
    entries = tuple(
        replace(e, queries=("no_such_metric > 1",)) if e.id == "loki-ingestion-lag" else e for e in plan.entries
    )
    monkeypatch.setattr(rig.bot, "rules", replace(rig.bot.rules, plan=replace(plan, entries=entries)))
    await rig.slack.command(DANA, OPS, "diag loki ingestion lag")

    def told() -> list[dict[str, Any]]:
        roots = [m for m in rig.messages() if "🔎 Diagnosis" in str(m["blocks"])]
        replies = [m for root in roots for m in rig.messages(thread_ts=root["ts"])]
        return [m for m in replies if "Prometheus has nothing for" in str(m)]

    assert "no_such_metric" in str((await eventually(told, within=40))[0])
