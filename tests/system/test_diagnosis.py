"""Diagnoses as people see them: by command, by button, by themselves; whatever fails on the way."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig import DANA, OPS, SAM, Rig, eventually

PM2 = "[FIRING:1] PM2 High Restart Rate (signal-worker)"


@pytest.fixture
async def rig(database_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """As in production: a new P0 or P1 is diagnosed by itself."""
    async with Rig.running(database_url, tmp_path, ATS_LOOKS__AUTOMATIC="true") as rig:
        yield rig


async def replies(rig: Rig, ts: str) -> list[dict[str, Any]]:
    return [m for m in rig.messages(thread_ts=ts) if m["ts"] != ts]


def text(message: dict[str, Any]) -> str:
    return str(message.get("blocks") or message.get("text"))


async def summaries(rig: Rig, ts: str = "") -> list[dict[str, Any]]:
    """The diagnoses in a thread, or in the channel."""
    found = await replies(rig, ts) if ts else rig.messages()
    return [m for m in found if "🔎 Diagnosis" in text(m)]


async def finished(rig: Rig, ts: str = "") -> dict[str, Any]:
    """The one diagnosis there, once nothing is waited for."""

    async def done() -> list[dict[str, Any]]:
        return [m for m in await summaries(rig, ts) if "Still waiting" not in text(m)]

    found: list[dict[str, Any]] = await eventually(done, within=40)
    assert len(await summaries(rig, ts)) == 1
    return found[0]


async def written(rig: Rig, number: int, count: int = 1) -> None:
    """The timeline has so many diagnoses of an incident."""

    async def enough() -> bool:
        return await rig.timeline(number, "diagnosis") >= count

    await eventually(enough, within=40)
    assert await rig.timeline(number, "diagnosis") == count


async def test_a_new_p0_is_diagnosed_by_itself_once(rig: Rig) -> None:
    """Cautions, what stands out, what was read and its output in the card's thread; delivered again, nothing more."""
    made = await rig.sandbox.control.raise_alert("pm2-restarts")
    card = await rig.card("PM2 High Restart Rate")
    summary = await finished(rig, card["ts"])
    shown = text(summary)
    for part in ("Caution", "What stands out", "PM2", "Check PM2 status", "by the bot by itself"):
        assert part in shown, part
    await written(rig, made["incident_number"])
    details = [m for m in await replies(rig, card["ts"]) if m["text"].startswith("What was read")]
    assert len(details) == 1
    assert "signal-worker" in text(details[0])
    await rig.pagerduty.settle()
    assert len(await replies(rig, card["ts"])) <= 6


async def test_the_timeline_links_to_what_was_read(rig: Rig) -> None:
    """By the bot, with the steps, their commands and the address of their output."""
    made = await rig.pagerduty.trigger("Rate Gate API Exhaustion")
    await rig.card("Rate Gate")
    await written(rig, made["incident_number"])
    entry = (await rig.rows(made["incident_number"], "diagnosis"))[0]
    assert entry.source == "bot"
    assert "rate-gate.status (ok)" in entry.text
    assert "/archives/C0OPS/p" in entry.data["link"]
    assert "localhost:3001/status" in str(entry.data["read"])
    await rig.slack.command(DANA, OPS, f"timeline {made['incident_number']}")
    await eventually(lambda: "|output>" in str([m for m in rig.messages(user=DANA) if m.get("is_ephemeral")]))


async def test_a_p2_is_not_diagnosed_by_itself(rig: Rig) -> None:
    """It wakes nobody and asks nothing; Diagnose on its card does it, in the presser's name."""
    made = await rig.pagerduty.trigger("Backup Failure", urgency="low")
    card = await rig.card("Backup Failure")
    await rig.slack.command(DANA, OPS, "health redis")
    await eventually(lambda: [m for m in rig.messages() if "Checked" in text(m)], within=20)
    assert await summaries(rig, card["ts"]) == []
    assert (await rig.slack.press(SAM, OPS, card["ts"], "incident_diagnose")).ok
    assert "Asked by" in text(await finished(rig, card["ts"]))
    await written(rig, made["incident_number"])
    assert (await rig.rows(made["incident_number"], "diagnosis"))[0].actor["slack_id"] == SAM


async def test_a_command_answers_with_a_summary_and_its_thread(rig: Rig) -> None:
    """`/ats diag loki ingestion lag` in the channel: what stands out, and below it what was read."""
    await rig.slack.command(DANA, OPS, "diag loki ingestion lag")
    summary = await finished(rig)
    assert "Loki Ingestion Lag" in text(summary)
    details = await eventually(lambda: replies(rig, summary["ts"]), within=20)
    assert "/ready" in text(details[0])


async def test_a_system_is_diagnosed_by_the_steps_that_look_at_it(rig: Rig) -> None:
    """`/ats diag redis`: its probe and the runbook's `redis-cli ping`; what is not known gets the nearest."""
    await rig.slack.command(DANA, OPS, "diag redis")
    summary = await finished(rig)
    assert "Redis" in text(summary)
    details = await eventually(lambda: replies(rig, summary["ts"]), within=20)
    assert "ping" in text(details[0]).lower()
    await rig.slack.command(DANA, OPS, "diag rediss")
    await eventually(lambda: "Did you mean “redis”" in str(rig.messages(user=DANA)))


async def test_the_same_question_at_the_same_moment_is_one_run(rig: Rig) -> None:
    """Twenty ask at once: one summary, one run of each step."""
    for user in (DANA, SAM) * 10:
        assert (await rig.slack.command(user, OPS, "diag rate gate api exhaustion")).ok
    await finished(rig)
    from sqlalchemy import text as sql

    async with rig.bot.store.transaction() as tx:
        looks = (
            await tx.session.execute(sql("select count(*) from look where kind = 'diagnosis'"))
        ).scalar_one()
    assert looks == 1


@pytest.mark.slow
async def test_a_system_that_hangs_is_waited_for_and_hides_nothing(rig: Rig) -> None:
    """What has answered is there; what hangs is named, then told in words in the same message."""
    rig.sandbox.platform.faults.hang("loki")
    await rig.slack.command(DANA, OPS, "diag loki ingestion lag")
    waiting = await eventually(lambda: summaries(rig), within=20)
    assert "Still waiting for" in text(waiting[0])
    done = await finished(rig)
    assert done["ts"] == waiting[0]["ts"]
    assert "timed out" in text(done)


async def test_a_value_from_the_live_system_is_chosen_in_a_menu(rig: Rig) -> None:
    """The menu has PM2's names; choosing one runs the step with it, in the thread, written down by whom."""
    made = await rig.pagerduty.trigger(PM2)
    card = await rig.card("PM2")
    summary = await finished(rig, card["ts"])
    menus = [e for b in summary["blocks"] if b["type"] == "actions" for e in b["elements"]]
    values = [o["value"] for o in menus[0]["options"]]
    assert any("signal-worker" in value for value in values)
    chosen = next(value for value in values if "signal-worker" in value)
    await written(rig, made["incident_number"])
    assert (await rig.slack.press(SAM, OPS, summary["ts"], "step_choose", value=chosen)).ok

    async def described() -> list[dict[str, Any]]:
        return [m for m in await replies(rig, card["ts"]) if "pm2 describe signal-worker" in text(m)]

    await eventually(described, within=20)
    await written(rig, made["incident_number"], 2)


@pytest.mark.slow
async def test_a_flapping_alert_is_diagnosed_three_times_at_most(rig: Rig) -> None:
    """The fourth incident of the same alert within half an hour is not looked into by itself."""
    from sqlalchemy import text as sql

    numbers = []
    for _ in range(5):
        numbers.append((await rig.pagerduty.trigger("Loki Ingestion Lag"))["incident_number"])
        await eventually(lambda: len(rig.cards()) == len(numbers))
        await rig.advance(seconds=30)
    async with rig.bot.store.transaction() as tx:
        looks = (await tx.session.execute(sql("select count(*) from look where automatic"))).scalar_one()
    assert looks == 3


@pytest.mark.slow
async def test_slack_in_trouble_neither_loses_nor_doubles_a_diagnosis(rig: Rig) -> None:
    """A 429, a lost answer and a failing upload in the middle: one summary, one set of details, one file message."""
    rig.slack.faults.fail("chat.postMessage", drop=True, after=True)
    rig.slack.faults.fail("chat.update", retry_after=1)
    rig.slack.faults.fail("files.getUploadURLExternal", status=500)
    await rig.slack.command(DANA, OPS, "diag pm2 high restart rate")
    summary = await finished(rig)

    async def whole() -> bool:
        found = await replies(rig, summary["ts"])
        pictures = [m for m in found if any(f["mimetype"] == "image/png" for f in m.get("files") or [])]
        return len(pictures) == 1 and any(m["text"].startswith("What was read") for m in found)

    await eventually(whole, within=60)
    assert len(await summaries(rig)) == 1


async def test_where_the_bot_is_not_the_answer_comes_once_and_whole(rig: Rig) -> None:
    """Typed in a channel that the bot is not in: one answer there, with everything that could be read."""
    general = next(c.id for c in rig.slack.workspace.channels.values() if c.name == "general")
    assert (await rig.slack.command(DANA, general, "diag redis")).ok
    found = await eventually(
        lambda: [m for m in rig.slack.messages(general) if "🔎 Diagnosis" in text(m)], within=40
    )
    assert len(found) == 1
    assert "Still waiting" not in text(found[0])
