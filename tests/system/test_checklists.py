"""Guided checklists, as people work through them in the thread."""

from typing import Any

from bot.operations import checklists
from tests.rig import DANA, OLLI, OPS, SAM, Rig, eventually
from tests.system.remediation.acting import confirm, reaches, window
from tests.system.test_commands import told


async def live(rig: Rig, *containing: str) -> dict[str, Any]:
    """The checklist's message, once it contains all of these."""

    def found() -> dict[str, Any] | None:
        shown = [m for m in rig.messages() + _replies(rig) if "📋" in str(m.get("blocks"))]
        fits = [m for m in shown if all(text in str(m["blocks"]) for text in containing)]
        return fits[0] if fits else None

    message: dict[str, Any] = await eventually(found)
    return message


def _replies(rig: Rig) -> list[dict[str, Any]]:
    return [reply for m in rig.messages() for reply in rig.messages(thread_ts=m["ts"])]


async def start(rig: Rig, text: str, user: str = SAM) -> None:
    assert (await rig.slack.command(user, OPS, f"checklist {text}")).ok


async def test_a_procedure_is_ticked_off_by_named_people(rig: Rig) -> None:
    """Each item says who did it; the message stays one; the timeline has every tick."""
    made = await rig.pagerduty.trigger("PM2 High Restart Rate")
    card = await rig.card("PM2")
    number = made["incident_number"]
    await start(rig, f"redis recovery for {number}")
    shown = await live(rig, "0 of 3 done", "Stop Redis", "systemctl stop redis")
    assert shown["thread_ts"] == card["ts"]
    await rig.slack.press(SAM, OPS, shown["ts"], "checklist_done")
    await live(rig, "1 of 3 done", "Sam Reyes", "append-only")
    await rig.slack.press(DANA, OPS, shown["ts"], "checklist_done")
    await live(rig, "2 of 3 done", "Dana Ortiz")
    await rig.slack.press(DANA, OPS, shown["ts"], "checklist_done")
    after = await live(rig, "Finished", "3 of 3 done")
    assert after["ts"] == shown["ts"]
    assert await rig.timeline(number, "checklist") == 5


async def test_skipping_needs_a_reason_and_an_outsider_gets_none(rig: Rig) -> None:
    """An empty reason is refused in the modal; somebody without a role changes nothing."""
    await start(rig, "redis recovery")
    shown = await live(rig, "0 of 3 done")
    await rig.slack.press(OLLI, OPS, shown["ts"], "checklist_done")
    await eventually(lambda: "responder" in str(told(rig, OLLI)))
    await rig.slack.press(SAM, OPS, shown["ts"], "checklist_skip")
    view = await rig.modal(SAM)
    refused = await rig.slack.submit(SAM, view["id"], {"why": {"text": "  "}})
    assert not refused.ok
    assert (await rig.slack.submit(SAM, view["id"], {"why": {"text": "it is stopped already"}})).ok
    await live(rig, "0 of 3 done, 1 skipped", "it is stopped already")


async def test_two_people_tick_the_same_item_once(rig: Rig) -> None:
    """The second is told who was first."""
    await start(rig, "redis recovery")
    shown = await live(rig, "0 of 3 done")
    place = next(b for b in shown["blocks"] if b["type"] == "actions")["elements"][0]["value"]
    number, item = (int(part) for part in place.split(":"))
    async with rig.bot.store.transaction() as tx:
        for person in (SAM, DANA):
            press = checklists.Press("done", person, checklist=number, item=item, channel=OPS)
            await checklists.keep(tx, press)
    await live(rig, "1 of 3 done")
    await eventually(lambda: "Item 1 is done already, by" in str(told(rig, SAM) + told(rig, DANA)))


async def test_the_watch_of_the_swap_is_a_durable_timer(rig: Rig) -> None:
    """It cannot be ticked before its 15 minutes; then the thread says so to whoever started it."""
    await start(rig, "blue/green")
    for done in range(4):
        shown = await live(rig, f"{done} of 5 done")
        await rig.slack.press(SAM, OPS, shown["ts"], "checklist_done")
    shown = await live(rig, "4 of 5 done", "Start 15 min", "reverse the DNS")
    await rig.slack.press(SAM, OPS, shown["ts"], "checklist_wait")
    shown = await live(rig, "The time runs until")
    assert "checklist_done" not in str(shown["blocks"])
    await rig.advance(minutes=15, seconds=1)
    await eventually(
        lambda: [m for m in rig.messages(thread_ts=shown["ts"]) if SAM in m["text"] and "over" in m["text"]]
    )
    shown = await live(rig, "The time is over")
    await rig.slack.press(SAM, OPS, shown["ts"], "checklist_done")
    await live(rig, "Finished", "5 of 5 done")


async def test_an_item_is_opened_again_and_the_whole_given_up(rig: Rig) -> None:
    """A mistaken tick is taken back; giving up says why; both are in the timeline."""
    await start(rig, "api key")
    shown = await live(rig, "0 of 5 done", "Page PD-SECURITY")
    await rig.slack.press(SAM, OPS, shown["ts"], "checklist_done")
    shown = await live(rig, "1 of 5 done")
    await rig.slack.press(SAM, OPS, shown["ts"], "checklist_back")
    shown = await live(rig, "0 of 5 done")
    await rig.slack.press(SAM, OPS, shown["ts"], "checklist_give_up")
    view = await rig.modal(SAM)
    await rig.slack.submit(SAM, view["id"], {"why": {"text": "false alarm"}})
    shown = await live(rig, "Given up", "false alarm")
    assert "checklist_done" not in str(shown["blocks"])


async def test_a_restore_asks_for_the_name_of_its_target(rig: Rig) -> None:
    """A database that is not called …_recovery is refused in the modal, and nothing is ticked."""
    await start(rig, "database recovery")
    shown = await live(rig, "0 of 3 done")
    for done in range(2):
        await rig.slack.press(SAM, OPS, shown["ts"], "checklist_done")
        shown = await live(rig, f"{done + 1} of 3 done")
    await rig.slack.press(SAM, OPS, shown["ts"], "checklist_fill")
    view = await rig.modal(SAM)
    wrong = {"target_database": {"text": "trading_db"}, "backup_file": {"text": "trading_db_2026-11-26.dump"}}
    refused = await rig.slack.submit(SAM, view["id"], wrong)
    assert not refused.ok
    assert "_recovery" in str(refused)
    right = wrong | {"target_database": {"text": "trading_db_recovery"}}
    assert (await rig.slack.submit(SAM, view["id"], right)).ok
    await live(rig, "Finished", "target_database = trading_db_recovery")


async def test_the_list_shows_what_is_under_way(rig: Rig) -> None:
    """`/ats checklist` alone lists those under way and offers the procedures."""
    await start(rig, "redis recovery")
    await live(rig, "0 of 3 done")
    await start(rig, "", DANA)
    await eventually(lambda: "Redis Recovery" in str(told(rig, DANA)))
    assert "checklist_start" in str(told(rig, DANA)[-1]["blocks"])


async def test_a_forged_press_does_nothing(rig: Rig) -> None:
    """A value that names no checklist, or an item out of turn, changes nothing and is answered."""
    await start(rig, "redis recovery")
    await live(rig, "0 of 3 done")
    async with rig.bot.store.transaction() as tx:
        for number, item in ((999, 0), (1, 2), (1, 99), (0, 0)):
            press = checklists.Press("done", SAM, checklist=number, item=item, channel=OPS)
            await checklists.keep(tx, press)
    await eventually(lambda: len([m for m in told(rig, SAM) if "checklist" in str(m["blocks"])]) >= 4)
    await live(rig, "0 of 3 done")


async def test_what_the_bot_can_run_of_a_procedure_has_a_button_and_a_person_ticks_it(rig: Rig) -> None:
    """The button opens the confirmation; what ran is not done until somebody has looked and ticked it."""
    await start(rig, "database recovery")
    shown = await live(rig, "0 of 3 done", "/ats run recovery.list")
    assert (await rig.slack.press(SAM, OPS, shown["ts"], "checklist_done")).ok
    shown = await live(rig, "1 of 3 done", "/ats run recovery.download")
    assert (await rig.slack.press(SAM, OPS, shown["ts"], "run_open_recovery.download")).ok
    view = await window(rig, SAM, "aws s3 cp")
    newest = view["blocks"][-1]["element"]["options"][0]["value"]
    assert (await confirm(rig, SAM, view, param_backup_file={"value": newest})).ok
    view = await window(rig, SAM, newest, "Risk")
    assert view["submit"]["text"] == "Run it now"
    assert (await confirm(rig, SAM, view)).ok
    await reaches(rig, "recovery.download", "succeeded", "ran_not_verified")
    shown = await live(rig, "1 of 3 done", "/ats run recovery.download")
    assert (await rig.slack.press(SAM, OPS, shown["ts"], "checklist_done")).ok
    await live(rig, "2 of 3 done")


async def test_trading_is_stopped_at_one_click_whoevers_turn_it_is(rig: Rig) -> None:
    """In the flow for a suspected breach the stop is the second item; nobody has to tick the first to press it."""
    await start(rig, "suspected breach")
    shown = await live(rig, "0 of 4 done", "At any moment, at one click")
    assert (await rig.slack.press(DANA, OPS, shown["ts"], "run_now_trading.emergency-stop")).ok
    await reaches(rig, "trading.emergency-stop", "succeeded")
    shown = await live(rig, "0 of 4 done")  # a person ticks it, in its turn
    assert (await rig.slack.press(DANA, OPS, shown["ts"], "checklist_done")).ok
    shown = await live(rig, "1 of 4 done", "/ats run trading.emergency-stop")
    assert "At any moment" not in str(shown["blocks"])
    again = [e for b in shown["blocks"] if (e := b.get("accessory")) and e["action_id"].startswith("run_now_")]
    assert len(again) == 1
