"""Modals and the App Home."""

from dataclasses import replace

from bot.render import (
    HomeView,
    IncidentRow,
    RoleView,
    TimelineRow,
    entries_message,
    entry_message,
    entry_modal,
    home_view,
    no_entry_modal,
    note_modal,
    resolve_modal,
    runbook_modal,
    search_message,
    timeline_modal,
)
from runbook.model import Hit, Kind, Risk

from .checks import shown, taken, taken_view
from .samples import DANA, NOW, ONCALL, PM2, START, step


def test_the_runbook_modal_has_cautions_before_steps() -> None:
    """Trigger, impact, cautions, then every step with what it does and its whole code."""
    view = taken_view(runbook_modal(PM2, number=42, reason="named in the title", url="https://git.example/r"))
    text = shown(view)
    assert "*When:* `pm2_process_restarts &gt; 3 in 5 minutes`" in text
    assert text.index("*Caution:*") < text.index("*1. Check PM2 status*")
    assert "*4. Restart it*\n_changes the system_\n```\npm2 restart api --update-env\npm2 status\n```" in text
    assert "<https://git.example/r|Open in the runbook>" in text
    assert view["private_metadata"] == "42"


def test_a_long_entry_fits_into_a_modal() -> None:
    """Sixty steps of long code: a hundred blocks at most, the first steps whole."""
    steps = tuple(step(f"Step {i}", "echo x\n" * 300) for i in range(60))
    text = shown(taken_view(runbook_modal(replace(PM2, steps=steps))))
    assert "*1. Step 0*" in text


def test_conditions_of_a_step_are_shown() -> None:
    """Guard, check and what was changed against the text are visible before anything runs."""
    guarded = replace(
        step("Reset", "curl -X POST x", Risk.DESTRUCTIVE),
        guard="GET /status .blocked == true",
        verify="GET /status .backoff == 0",
        rewrites=("`-f` was added",),
    )
    text = shown(taken_view(runbook_modal(replace(PM2, steps=(guarded,)))))
    assert "can do damage: needs a second person" in text
    assert "Only if: `GET /status .blocked == true`" in text
    assert "Then check: `GET /status .backoff == 0`" in text
    assert "Changed against the text: `-f` was added" in text


def test_a_checklist_is_ticked_off() -> None:
    """A checklist item and a manual command read differently."""
    item = replace(step("Call them", "", Risk.MANUAL), kind=Kind.CHECKLIST)
    by_hand = step("Drop it", "dropdb x", Risk.MANUAL)
    text = shown(taken_view(runbook_modal(replace(PM2, steps=(item, by_hand)))))
    assert "_to tick off_" in text
    assert "_by hand, not by the bot_" in text


def test_an_entry_of_text_shows_its_text() -> None:
    """Without steps the document's own words are shown; without both, that it is empty."""
    prose = replace(PM2, steps=(), text="Call the vendor.")
    assert "Call the vendor." in shown(taken_view(runbook_modal(prose)))
    assert "This entry is empty." in shown(taken_view(runbook_modal(replace(prose, text=""))))


def test_the_note_modal() -> None:
    """The ids that the handlers register, the number, and at most 2,000 characters."""
    view = taken_view(note_modal(42, "PM2"))
    field = next(block for block in view["blocks"] if block["type"] == "input")
    assert (view["callback_id"], view["private_metadata"]) == ("note_submit", "42")
    assert (field["block_id"], field["element"]["action_id"]) == ("note", "text")
    assert field["element"]["multiline"] is True
    assert field["element"]["max_length"] == 2000
    assert field["optional"] is False


def test_the_resolve_modal() -> None:
    """Resolving asks for a word, which may stay empty."""
    view = taken_view(resolve_modal(42, "PM2"))
    field = next(block for block in view["blocks"] if block["type"] == "input")
    assert (view["callback_id"], view["private_metadata"]) == ("resolve_submit", "42")
    assert (field["block_id"], field["element"]["action_id"], field["optional"]) == ("note", "text", True)


def test_the_entry_modal_groups_alerts_first() -> None:
    """Entries are grouped by severity, then procedures; the present one is chosen already."""
    procedure = replace(PM2, id="restore", title="Restore", kind="procedure", severity="", path=("Recovery",))
    second = replace(PM2, id="api", title="High API Latency", severity="P1")
    view = taken_view(entry_modal(42, [procedure, second, PM2], current="api"))
    menu = view["blocks"][0]["element"]
    assert [group["label"]["text"] for group in menu["option_groups"]] == ["P0 alerts", "P1 alerts", "Recovery"]
    assert menu["initial_option"]["value"] == "api"
    assert (view["callback_id"], view["blocks"][0]["block_id"], menu["action_id"]) == (
        "entry_submit",
        "entry",
        "choice",
    )


def test_the_entry_modal_of_an_empty_runbook() -> None:
    """Nothing to choose is said; there is no submit button."""
    assert "no entries" in shown(taken_view(entry_modal(42, [])))
    assert "No runbook entry is chosen for #42." in shown(taken_view(no_entry_modal(42)))


def test_the_timeline_modal() -> None:
    """Up to two hundred rows, the newest, and how many are left out."""
    rows = [TimelineRow(START, "note", f"row {i}.", DANA, "slack") for i in range(250)]
    text = shown(taken_view(timeline_modal(42, "PM2", rows, now=NOW)))
    assert "row 249." in text
    assert "50 older lines left out here" in text
    assert "Nothing is recorded yet." in shown(taken_view(timeline_modal(42, "PM2", [], now=NOW)))


def test_search_results() -> None:
    """Each hit has its title, an excerpt and the command that opens it."""
    text = shown(taken(search_message("restart", [Hit(PM2, 90.0, "run `pm2 restart`", 40)])))
    assert "*1 place in the runbook* for “restart”" in text
    assert "*PM2 High Restart Rate* · 🛑 P0\nrun `pm2 restart`" in text
    assert "`/ats runbook pm2-high-restart-rate` · line 40" in text


def test_more_results_than_fit() -> None:
    """Eight hits are shown, the rest counted; no hit says what else to try."""
    assert "… and 4 more." in shown(taken(search_message("x", [Hit(PM2, 1.0, "e", 1)] * 12)))
    assert "has nothing on “qqq”" in shown(taken(search_message("qqq", [])))


def test_an_entry_and_the_list_of_entries() -> None:
    """An entry as a message, and all entries with alerts first."""
    assert "*1. Check PM2 status*" in shown(taken(entry_message(PM2, url="https://git.example/r")))
    other = replace(PM2, title="Restore", kind="procedure", severity="")
    text = shown(taken(entries_message([other, PM2], title="AI Trading")))
    assert text.index("• 🛑 P0 PM2 High Restart Rate") < text.index("• Restore")


def test_the_home() -> None:
    """What is open, who is on call, what you may do, how to begin; nobody is mentioned."""
    rows = (IncidentRow(42, "PM2", "triggered", START, "P0"),)
    view = HomeView(DANA, ONCALL, rows, (RoleView("responder", True, "on call"),), "C0PROD001", "12 min old")
    text = shown(taken_view(home_view(view, now=NOW)))
    for part in (
        "1 open incident",
        "*#42* PM2",
        "Primary On-Call: Sam",
        "✅ *responder*",
        "/ats health",
        "12 min old",
    ):
        assert part in text
    assert "<@" not in text


def test_an_empty_home() -> None:
    """Nothing open and nothing known is said."""
    text = shown(taken_view(home_view(HomeView(DANA), now=NOW)))
    assert "✅ No open incidents" in text
    assert "Not known now. Look in PagerDuty." in text


def test_annotations_are_shown_in_words() -> None:
    """The compiler's "#:" lines are left out of the code; what they say stands beside it."""
    noted = step("Look", "#: id=pm2.status risk=read\n# how it is\npm2 status")
    text = shown(taken_view(runbook_modal(replace(PM2, steps=(noted,)))))
    assert "```\n# how it is\npm2 status\n```" in text
    assert "#:" not in text
