"""Reminders, notes in the thread, the greeting."""

from dataclasses import replace
from datetime import timedelta

from bot.render import (
    AskedView,
    ReminderView,
    acknowledged_note,
    entry_chosen_note,
    happening_note,
    hello_message,
    invite_message,
    kept_note,
    reminder_dm,
    reminder_message,
    resolved_note,
    unacknowledged_note,
)

from .checks import elements, shown, taken
from .samples import DANA, KIM, NOW, START

VIEW = ReminderView(
    number=42,
    title="PM2 high restart rate",
    triggered_at=START,
    severity="P0",
    service="api",
    asked=(AskedView("Secondary", "PD-TRADING-SECONDARY", (KIM,)),),
    asked_before=("Primary On-Call: Sam",),
    first_step="Check PM2 status",
    first_command="pm2 status",
    cautions=("Never run `pm2 restart all`.",),
    link="https://acme.slack.example/archives/C1/p1",
    url="https://acme.pagerduty.example/i/1",
    next_reminder=(START + timedelta(hours=1), "Management"),
)


def test_a_reminder_wakes_the_person() -> None:
    """It mentions the one who is asked, says how long it waits, who was asked before and the first step."""
    made = taken(reminder_message(VIEW, now=NOW, marker="reminder-42-1"), "reminder-42-1")
    text = shown(made)
    assert "*Nobody has acknowledged for 16 min.*" in text
    assert "<@U0KIM0001> (Secondary), please acknowledge." in text
    assert "Asked before: Primary On-Call: Sam" in text
    assert "*First step:* Check PM2 status `pm2 status`" in text
    assert "*Caution:* Never run `pm2 restart all`." in text
    assert "Management is reminded at <!date^1772510400^{time}|04:00 UTC>" in text
    assert "<@U0KIM0001>" in made.text


def test_the_first_reminder_does_not_say_zero_seconds() -> None:
    """At once after the incident it asks for somebody now."""
    assert "This needs somebody now." in shown(taken(reminder_message(VIEW, now=START)))


NOBODY = AskedView("Secondary", "PD-TRADING-SECONDARY", empty=True)


def test_a_reminder_to_nobody_is_loud() -> None:
    """When the schedule is empty everybody in the channel reads that somebody must take it."""
    text = shown(taken(reminder_message(replace(VIEW, asked=(NOBODY,)), now=NOW)))
    assert "Secondary: *nobody is on call in PD-TRADING-SECONDARY.* Somebody here, please take it." in text


def test_after_a_rung_without_anybody_the_next_is_asked_in_the_same_message() -> None:
    """Both are told: who is missing, and who is asked instead."""
    view = replace(VIEW, asked=(NOBODY, AskedView("Management", "PD-EXECUTIVE", (DANA,))))
    text = shown(taken(reminder_message(view, now=NOW)))
    assert text.index("nobody is on call") < text.index("(Management), please acknowledge.")


def test_a_late_reminder_says_so_and_by_how_much() -> None:
    """Thread and DM: whoever reads it at 03:19 must not think that it is 03:15."""
    view = replace(VIEW, asked=(replace(VIEW.asked[0], late=timedelta(minutes=4)),))
    for made in (reminder_message(view, now=NOW), reminder_dm(view, now=NOW)):
        assert "The reminder to Secondary comes 4 min late" in shown(taken(made))


def test_after_the_ladder_everybody_is_asked_again() -> None:
    """Still nobody: all of them are mentioned, each once, and when it is asked next."""
    view = replace(VIEW, again=True, asked=(*VIEW.asked, AskedView("Management", "PD-EXECUTIVE", (KIM, DANA))))
    made = taken(reminder_message(view, now=NOW))
    text = shown(made)
    assert "*Still nobody has acknowledged, for 16 min.*" in text
    assert text.count("<@U0KIM0001>") == 1
    assert "<@U0DANA001>" in text
    assert "Still nobody has acknowledged for 16 min. You are asked as" in shown(
        taken(reminder_dm(view, now=NOW))
    )


def test_since_when_counts_from_the_moment_that_nobody_has_it() -> None:
    """Taken back after an hour, it has not been waiting for an hour."""
    view = replace(VIEW, rearmed_at=NOW - timedelta(minutes=2))
    assert "Nobody has acknowledged for 2 min." in shown(taken(reminder_message(view, now=NOW)))


def test_a_reminder_can_be_acknowledged_where_it_is_read() -> None:
    """Thread and DM carry the same Acknowledge button as the card."""
    for made in (reminder_message(VIEW, now=NOW), reminder_dm(VIEW, now=NOW)):
        pressed = elements(taken(made).blocks)
        assert pressed["incident_ack"]["value"] == "42"
        assert pressed["open_url"]["url"] == VIEW.url


def test_no_runbook_button_without_an_entry() -> None:
    """Without a first step there is no entry to open."""
    assert "incident_runbook" not in elements(reminder_message(replace(VIEW, first_step=""), now=NOW).blocks)


def test_the_dm_stands_alone() -> None:
    """Away from the thread it says which incident, how bad, as what one is asked, and where to go."""
    text = shown(taken(reminder_dm(VIEW, now=NOW)))
    assert "🛑 P0 · *#42 PM2 high restart rate*" in text
    assert "You are asked as *Secondary*." in text
    assert "<https://acme.slack.example/archives/C1/p1|Go to the incident in Slack>" in text


def test_who_acknowledged_where() -> None:
    """The thread says who acknowledged and where, and that reminders stop."""
    assert (
        shown(taken(acknowledged_note(DANA, "pagerduty")))
        == "👀 Dana acknowledged in PagerDuty. Reminders stop."
    )
    assert shown(taken(acknowledged_note(None, "bot"))) == "👀 Somebody acknowledged. Reminders stop."


def test_open_again() -> None:
    """Un-acknowledged: nobody has it, reminders start again."""
    assert "Nobody has it now; reminders start again." in shown(taken(unacknowledged_note()))


def test_resolved_with_a_note() -> None:
    """A resolution carries the person's words, line by line, escaped."""
    assert shown(taken(resolved_note(DANA, "slack", "bad config\n<!here> `x`"))) == (
        "✅ Dana resolved it in Slack.\n> bad config\n> &lt;!here&gt; `x`"
    )


def test_a_note_is_echoed() -> None:
    """A note is shown where people read, whole."""
    text = shown(taken(happening_note("note", "Note", DANA, "slack", "y" * 2000, now=NOW)))
    assert text.startswith("📝 *Note* by Dana in Slack\n> yyy")
    assert text.count("y") >= 2000


def test_a_chosen_entry() -> None:
    """Who chose which entry."""
    assert shown(taken(entry_chosen_note(DANA, "PM2"))) == "📖 Dana chose the runbook entry *PM2*."


def test_a_kept_click_says_what_to_do_meanwhile() -> None:
    """PagerDuty down: the click is kept until when, paging goes on, and the phone app is named."""
    text = shown(taken(kept_note("acknowledgement", NOW, now=NOW)))
    assert "Your acknowledgement is not there yet. It is kept and tried again until <!date^" in text
    assert "PagerDuty may go on paging" in text
    assert "PagerDuty's phone app" in text
    assert "tried again." in shown(taken(kept_note("note", None, now=NOW, url="https://acme.example")))


def test_greeting_and_invitation() -> None:
    """The greeting says what to type; a bot that may not join says how to invite it."""
    assert "`/ats help`" in shown(taken(hello_message("C0PROD001", runbook="Runbook 1.1.0")))
    assert "demo" not in shown(hello_message("C0PROD001"))
    text = shown(taken(invite_message("#trading-ops-alerts", reason="not_in_channel")))
    assert "type `/invite @ats`" in text
    assert "Slack says: not_in_channel" in text


def test_the_first_command_is_without_comments() -> None:
    """A step's whole source may be given: annotations and comments are left out."""
    view = replace(VIEW, first_command="# look\n#: id=pm2.status\npm2 status\npm2 list")
    assert "`pm2 status …`" in shown(taken(reminder_message(view, now=NOW)))
