"""`/ats health` as people see it: one message, completed in place, kept current on request."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from bot.operations import history
from bot.store.tables import TimelineEntry
from tests.rig import DANA, OPS, SAM, Rig, eventually


def reports(rig: Rig) -> list[dict[str, Any]]:
    """The reports in the channel."""
    return [
        m for m in rig.messages() if any(w in str(m["blocks"]) for w in ("Checked ", "Asked ", "Kept current"))
    ]


def told(rig: Rig, user: str) -> list[str]:
    return [str(m["blocks"]) for m in rig.messages(user=user) if m.get("is_ephemeral")]


async def complete(rig: Rig, *containing: str) -> dict[str, Any]:
    """The one report, once nothing is waited for and it contains these words."""

    def found() -> list[dict[str, Any]]:
        done = [m for m in reports(rig) if "Still waiting" not in str(m["blocks"])]
        return [m for m in done if all(word in str(m["blocks"]) for word in containing)]

    shown: list[dict[str, Any]] = await eventually(found, within=30)
    assert len(reports(rig)) == 1
    return shown[0]


async def test_a_slow_system_completes_the_same_message(rig: Rig) -> None:
    """What has answered is shown, the slow one named as waited for; then the same message has it too."""
    rig.sandbox.platform.faults.slow("api", 3)
    assert (await rig.slack.command(DANA, OPS, "health")).ok
    first = await eventually(lambda: [m for m in reports(rig) if "Still waiting for" in str(m["blocks"])])
    assert "Trading API" in str(first[0]["blocks"])
    assert "Redis" in str(first[0]["blocks"])
    done = await complete(rig, "Trading API")
    assert done["ts"] == first[0]["ts"]
    posted = [c for c in rig.calls("chat.postMessage") if "Still waiting" in str(c.args.get("blocks"))]
    assert len(posted) == 1


@pytest.mark.slow
async def test_a_system_that_hangs_is_told_in_words_and_hides_no_other(rig: Rig) -> None:
    """It accepts and never answers: “timed out”, critical and first; every other line is there."""
    rig.sandbox.platform.faults.hang("api")
    await rig.slack.command(DANA, OPS, "health")
    text = str((await complete(rig, "timed out"))["blocks"])
    assert text.index("Trading API") < text.index("Redis")
    for system in ("PM2", "Docker", "Disk", "Memory"):
        assert system in text


async def test_who_looked_is_in_the_timeline(rig: Rig) -> None:
    """By whom, how it was, and the address of the report."""
    await rig.slack.command(DANA, OPS, "health redis")
    await complete(rig, "Redis")

    async def written() -> list[Any]:
        async with rig.bot.store.transaction() as tx:
            query = select(TimelineEntry).where(col(TimelineEntry.kind) == "diagnosis")
            return list((await tx.session.execute(query)).scalars())

    (entry,) = await eventually(written)
    assert entry.actor["slack_id"] == DANA
    assert entry.text == "Health of Redis: all is well (3 checks)."
    assert "/archives/C0OPS/p" in entry.data["link"]
    assert {"system": "Redis", "status": "ok"} in entry.data["read"]


async def test_one_system_alone(rig: Rig) -> None:
    """`/ats health redis` asks that one only; a name that is not known gets the nearest."""
    await rig.slack.command(DANA, OPS, "health redis")
    text = str((await complete(rig, "Redis"))["blocks"])
    assert "PM2" not in text
    await rig.slack.command(DANA, OPS, "health rediss")
    await eventually(lambda: [t for t in told(rig, DANA) if "Did you mean “redis”" in t])


async def test_the_same_question_at_the_same_moment_is_one_report(rig: Rig) -> None:
    """Two people ask at once: one message answers both."""
    await rig.slack.command(DANA, OPS, "health")
    await rig.slack.command(SAM, OPS, "health")
    await complete(rig)


async def test_figures_are_kept_and_shown_as_a_trend(rig: Rig) -> None:
    """What was measured yesterday stands beside what is measured now, in words and as bars."""
    await rig.slack.command(DANA, OPS, "health memory")
    await complete(rig)

    async def kept() -> object:
        async with rig.bot.store.transaction() as tx:
            return (await history.recent(tx)).get("Memory")

    await eventually(kept)
    async with rig.bot.store.transaction() as tx:
        for hour in range(23):
            await history.keep(tx, {"Memory": 1.0 + hour}, at=tx.now - timedelta(hours=23 - hour))
    await rig.advance(seconds=10)
    await rig.slack.command(DANA, OPS, "health memory")
    await eventually(lambda: [m for m in reports(rig) if "24 h: 1–" in str(m["blocks"])])
    assert "▁" in str(reports(rig)[-1]["blocks"])


async def test_old_figures_are_forgotten(rig: Rig) -> None:
    """After seven days a figure is gone, a younger one stays."""
    async with rig.bot.store.transaction() as tx:
        await history.keep(tx, {"Old": 1.0}, at=tx.now - timedelta(days=7, minutes=1))
        await history.keep(tx, {"Young": 1.0}, at=tx.now - timedelta(days=6))
        await history.purge(tx, days=7)
        assert set(await history.older(tx, days=7)) == {"Young"}


async def test_a_periodic_work_is_one_replicas(rig: Rig) -> None:
    """Of two that ask at the same time one gets it; after the pause it is due again."""
    async with rig.bot.store.transaction() as tx:
        assert await history.claim(tx, "sample", timedelta(minutes=1))
    async with rig.bot.store.transaction() as tx:
        assert not await history.claim(tx, "sample", timedelta(minutes=1))
    await rig.advance(minutes=1)
    async with rig.bot.store.transaction() as tx:
        assert await history.claim(tx, "sample", timedelta(minutes=1))


async def watching(rig: Rig) -> dict[str, Any]:
    found = await eventually(
        lambda: [m for m in reports(rig) if "Kept current until" in str(m["blocks"])], within=30
    )
    return dict(found[-1])


async def test_a_watch_keeps_one_message_current_and_ends(rig: Rig) -> None:
    """Each quarter of a minute the same message is written again; when the time is up it says so."""
    await rig.slack.command(DANA, OPS, "health --watch 1m")
    first = await watching(rig)
    rig.sandbox.platform.faults.down("api")
    await rig.advance(seconds=15)
    await eventually(lambda: "refused" in str(reports(rig)[-1]["blocks"]), within=20)
    await rig.advance(minutes=1)
    ended = await eventually(
        lambda: [m for m in rig.messages() if "Not kept current any longer" in str(m["blocks"])], within=20
    )
    assert ended[0]["ts"] == first["ts"]
    assert "the time is up" in str(ended[0]["blocks"])
    assert "health_watch_stop" not in str(ended[0]["blocks"])


async def test_stop_ends_a_watch_and_a_second_one_replaces_the_first(rig: Rig) -> None:
    """One watch in a channel; its button ends it, by name."""
    await rig.slack.command(DANA, OPS, "health --watch 10m")
    first = await watching(rig)
    await rig.slack.command(SAM, OPS, "health redis --watch 10m")
    await eventually(lambda: "replaced by another one" in str(rig.messages()))
    second = (
        await eventually(
            lambda: [
                m for m in reports(rig) if m["ts"] != first["ts"] and "health_watch_stop" in str(m["blocks"])
            ],
            within=20,
        )
    )[0]
    assert (await rig.slack.press(SAM, OPS, second["ts"], "health_watch_stop")).ok
    await eventually(lambda: "stopped by" in str(rig.messages()))
    assert "health_watch_stop" not in str([m["blocks"] for m in rig.messages()])
