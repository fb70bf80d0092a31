"""The runbook changes while the bot runs; people correct what it matched."""

from pathlib import Path

from bot.domain.people import Who
from bot.operations.incidents import choose_entry
from runbook import shipped_lock, shipped_text
from tests.rig import DANA, OPS, Rig, eventually


def own_copy(folder: Path) -> Path:
    """The shipped runbook with its lock, to be edited."""
    path = folder / "ours.md"
    path.write_text(shipped_text(), "utf-8")
    (folder / "ours.md.lock").write_text(shipped_lock(), "utf-8")
    return path


async def test_a_changed_step_is_locked_again_at_once_and_the_channel_is_told(
    database_url: str, tmp_path: Path
) -> None:
    """Write access to the document is not remote execution: the edit locks the step until it is reviewed."""
    path = own_copy(tmp_path)
    async with Rig.running(database_url, tmp_path, ATS_RUNBOOK=str(path)) as rig:
        unlocked = [
            s for e in rig.bot.rules.plan.entries for s in e.steps if s.unlocked and "pm2 restart" in s.source
        ]
        assert unlocked
        path.write_text(
            shipped_text().replace("pm2 restart ecosystem.config.cjs", "pm2 restart other.config.cjs"), "utf-8"
        )
        await eventually(lambda: any("is locked again" in str(m["blocks"]) for m in rig.messages()))
        step = rig.bot.rules.plan.step(unlocked[0].id)
        assert step is not None
        assert not step.unlocked


async def test_a_broken_edit_keeps_the_last_good_version_and_says_what_is_wrong(
    database_url: str, tmp_path: Path
) -> None:
    """An annotation that cannot be understood changes nothing but a message."""
    path = own_copy(tmp_path)
    async with Rig.running(database_url, tmp_path, ATS_RUNBOOK=str(path)) as rig:
        before = rig.bot.rules.plan
        path.write_text(shipped_text().replace("#: id=", "#: idd=", 1), "utf-8")
        await eventually(lambda: any("last good version" in str(m["blocks"]) for m in rig.messages()))
        assert rig.bot.rules.plan == before


async def test_a_correction_is_remembered_for_the_next_incident_of_that_title(rig: Rig) -> None:
    """Choosing an entry for an unmatched incident matches the next one by itself."""
    await rig.pagerduty.trigger("Quarterly zebra migration stuck", urgency="low")
    card = await rig.card("No runbook entry matches")
    menu = next(
        e
        for b in card["blocks"]
        if b["type"] == "actions"
        for e in b["elements"]
        if e["action_id"] == "entry_choose"
    )
    loki = next(o for o in menu["options"] if "Loki" in o["text"]["text"])
    await rig.slack.press(DANA, OPS, card["ts"], "entry_choose", selected=loki)
    await rig.card("First steps", "Loki")
    again = await rig.pagerduty.trigger("Quarterly zebra migration stuck", urgency="low")
    await eventually(lambda: len(rig.cards()) == 2)
    assert (await rig.incident(again["incident_number"])).entry_id == "loki-ingestion-lag"


async def test_a_correction_wins_over_a_metric_the_next_time(rig: Rig) -> None:
    """An entry that a metric has chosen wrongly, corrected by a person, stays corrected for that title."""
    details = {"expr": "rate_gate_backoff_count > 10"}
    wrong = await rig.pagerduty.trigger("Zebra gate is red", urgency="low", details=details)
    await rig.card("Zebra gate", "First steps")  # the metric comes with the alert's details, a little later
    assert (await rig.incident(wrong["incident_number"])).entry_id == "rate-gate-api-exhaustion"
    async with rig.bot.store.transaction() as tx:
        number = wrong["incident_number"]
        assert await choose_entry(tx, rig.bot.rules, number, "loki-ingestion-lag", by=Who(DANA))
    again = await rig.pagerduty.trigger("Zebra gate is red", urgency="low", details=details)
    await eventually(lambda: sum("Loki" in str(card) for card in rig.cards()) == 2)
    incident = await rig.incident(again["incident_number"])
    assert incident.entry_id == "loki-ingestion-lag"
    assert "a person has assigned" in incident.entry_reason
