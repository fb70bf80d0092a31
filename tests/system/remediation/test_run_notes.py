"""What protects is told on the PagerDuty incident: once for each thing that there is to tell."""

import asyncio
from typing import Any

import pytest

from bot.jobs import runs
from tests.rig import DANA, OPS, Rig, eventually
from tests.system.remediation.acting import reaches


async def _switched_off(rig: Rig) -> tuple[dict[str, Any], int]:
    """An incident from whose actions trading was switched off; the run's id."""
    incident = await rig.pagerduty.trigger("Negative Sharpe Ratio with Drawdown")
    card = await rig.card("Negative Sharpe")
    number = incident["incident_number"]
    await rig.slack.press(DANA, OPS, card["ts"], "incident_more", selected=f"actions:{number}")
    view = await eventually(lambda: _filled(rig), within=30)
    buttons = [b["accessory"] for b in view["blocks"] if b.get("accessory")]
    button = next(b for b in buttons if str(b.get("value")).startswith("trading.disable"))
    assert (await rig.slack.press_in_view(DANA, view["id"], button["action_id"])).ok
    run = await reaches(rig, "trading.disable", "succeeded")
    return incident, run.id or 0


async def _filled(rig: Rig) -> dict[str, Any] | None:
    view = await rig.modal(DANA)
    return view if any("accessory" in b for b in view["blocks"]) else None


def notes(rig: Rig, incident: dict[str, Any]) -> list[str]:
    return [note.content for note in rig.pagerduty.incident(incident["id"]).notes]


async def test_two_jobs_that_tell_the_same_write_one_note(rig: Rig) -> None:
    """The job of the beginning comes late and finds it done, like the one of the end: one note says so."""
    incident, run_id = await _switched_off(rig)
    await asyncio.gather(*(runs.note(rig.bot.work, run_id) for _ in range(4)))
    await eventually(lambda: [words for words in notes(rig, incident) if "Done and verified" in words])
    assert len(notes(rig, incident)) == len(set(notes(rig, incident)))


@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_answer_to_a_note_writes_no_second_one(rig: Rig, after: bool) -> None:
    """Whether it got there is looked at before it is written again; written down here once for each."""
    rig.pagerduty.faults.fail("POST /incidents/*/notes", drop=True, after=after)
    incident, _ = await _switched_off(rig)
    looks = "/incidents/" + incident["id"] + "/notes"
    await eventually(
        lambda: [c for c in rig.pagerduty.calls if (c.method, c.path) == ("GET", looks)], within=30
    )
    await eventually(
        lambda: [words for words in notes(rig, incident) if "Done and verified" in words], within=30
    )

    async def written() -> bool:
        return await rig.timeline(incident["incident_number"], "note") == len(notes(rig, incident))

    await eventually(written)
    assert len(notes(rig, incident)) == len(set(notes(rig, incident)))


async def test_a_note_that_is_refused_for_good_is_told_in_the_thread(rig: Rig) -> None:
    """Whoever reads only PagerDuty does not know of it: the thread says so, once for each note, and why."""
    rig.pagerduty.faults.fail("POST /incidents/*/notes", times=-1, status=403)
    incident, run_id = await _switched_off(rig)
    card = await rig.card("Negative Sharpe")

    async def told() -> list[str]:
        return [m["text"] for m in await rig.thread(card) if "did not take the note" in m["text"]]

    said = await eventually(told)
    assert f"(run {run_id})" in said[0]
    assert notes(rig, incident) == []
