"""The incident card in each of its states."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.render import CardView, Who, incident_card
from bot.render.words import first_command
from runbook.model import Risk

from .checks import elements, shown, taken
from .samples import CARD, DANA, NOW, ONCALL, PM2, START, step

ACKED = replace(CARD, status="acknowledged", acked_at=START + timedelta(minutes=3), acked_by=DANA)
RESOLVED = replace(ACKED, status="resolved", resolved_at=START + timedelta(minutes=73), resolved_by=DANA)
UNMATCHED = replace(CARD, entry=None, entry_reason="Nearest: Backup Failure, 31 %")


def card(view: CardView) -> str:
    return shown(taken(incident_card(view, now=NOW, marker="card-42"), "card-42"))


def pressed(view: CardView) -> dict[str, dict[str, object]]:
    return elements(incident_card(view, now=NOW).blocks)


def test_a_new_incident_says_what_matters() -> None:
    """Severity, title, state, service, impact, who is on call and since when are on the card."""
    text = card(CARD)
    for part in (
        "🛑 P0 · PM2 high restart rate on api-1",
        "Not acknowledged",
        "Open since <!date^1772506800^{time}|03:00 UTC>",
        "*Impact:* System instability, potential data loss",
        "*Service:* ai-trading-api · #42 (PagerDuty #1234)",
        "Primary On-Call: <@U0SAM0001> until <!date^",
        "Secondary: Kim until",
        "⚠️ Management: *nobody is on call* (PD-EXECUTIVE)",
        "<https://git.example/runbook.md#L33|Runbook entry>",
        "the title is 92 % like “PM2 High Restart Rate”",
        "• Asked Sam (Primary On-Call)",
    ):
        assert part in text


def test_what_happens_next_names_the_person_and_the_time() -> None:
    """The card says who is reminded, when, and what stops it."""
    text = card(CARD)
    assert "*Next:* Kim (Secondary) is reminded at <!date^1772507700^{time}|03:15 UTC>" in text
    assert "unless someone acknowledges." in text


def test_only_the_first_on_call_is_mentioned() -> None:
    """A card must wake the primary, not management: a mention notifies."""
    text = card(replace(CARD, oncall=(ONCALL[0], ONCALL[1])))
    assert "<@U0SAM0001>" in text
    assert "<@U0KIM0001>" not in text


@pytest.mark.parametrize("view", [replace(CARD, pages=False, severity="P2"), ACKED, RESOLVED])
def test_nobody_on_call_is_mentioned_when_nothing_is_asked(view: CardView) -> None:
    """A P2, and a card that somebody has taken, mention nobody who is on call."""
    assert "<@U0SAM" not in card(view)


def test_a_p2_says_that_it_pages_nobody() -> None:
    """A reader knows that nothing else will happen."""
    text = card(replace(CARD, pages=False, severity="P2", next_reminder=None))
    assert "A P2 is posted here and pages nobody." in text


def test_no_reminder_left_is_said() -> None:
    """At the end of the ladder the card does not promise anything."""
    assert "no further reminder is planned" in card(replace(CARD, next_reminder=None))


def test_unknown_on_call_is_said() -> None:
    """When PagerDuty did not tell who is on call, the card says so."""
    assert "*On call:* not known" in card(replace(CARD, oncall=()))


def test_first_steps_and_how_many_more() -> None:
    """With five steps three are shown with their commands, and that two more are under Runbook."""
    text = card(CARD)
    assert "1. Check PM2 status `pm2 status`" in text
    assert "3. Identify the failing process `pm2 describe [process_name]`" in text
    assert "2 more under Runbook" in text
    assert "Restart it" not in text


def test_four_steps_are_all_shown_with_what_they_do() -> None:
    """Four steps fit; one that changes something says so."""
    text = card(replace(CARD, entry=replace(PM2, steps=PM2.steps[:4])))
    assert "4. Restart it `pm2 restart api --update-env …` – _changes the system_" in text
    assert "more under Runbook" not in text


def test_cautions_are_in_full_and_before_the_buttons() -> None:
    """Every caution, those of hidden steps too, is shown whole, once, above what can be pressed."""
    long = "Do not do this. " * 300
    entry = replace(PM2, cautions=(*PM2.cautions, PM2.cautions[0], long))
    blocks = taken(incident_card(replace(CARD, entry=entry), now=NOW)).blocks
    row = next(i for i, block in enumerate(blocks) if block["type"] == "actions")
    above = "".join(block["text"]["text"] for block in blocks[:row])
    assert above.count("*Caution:* Never run `pm2 restart all`") == 1
    assert "*Caution:* Keep the app's name." in above
    assert above.count("Do not do this.") == 300


def test_buttons_of_a_new_incident() -> None:
    """Acknowledge is the primary one of four buttons; each carries our number."""
    made = pressed(CARD)
    assert list(made) == [
        "incident_ack",
        "incident_resolve",
        "incident_runbook",
        "incident_diagnose",
        "incident_more",
    ]
    assert made["incident_ack"]["style"] == "primary"
    assert {made[name]["value"] for name in list(made)[:4]} == {"42"}
    assert "confirm" in made["incident_resolve"]


def test_the_menu() -> None:
    """The overflow menu offers note, timeline, actions, more and PagerDuty."""
    menu = pressed(CARD)["incident_more"]["options"]
    assert isinstance(menu, list)
    assert [option["value"] for option in menu] == [
        "note:42",
        "timeline:42",
        "actions:42",
        "more:42",
        "open:42",
    ]
    assert menu[4]["url"] == CARD.url


def test_an_acknowledged_incident_names_who_has_it() -> None:
    """Acknowledged: who, when, no Acknowledge button and no reminder."""
    text = card(ACKED)
    assert "*👀 Acknowledged* by Dana at <!date^1772506980^{time}|03:03 UTC>" in text
    assert "Next:" not in text
    assert "incident_ack" not in pressed(ACKED)


def test_a_click_in_progress_is_shown() -> None:
    """While PagerDuty is being asked the card says for whom, and the button does not shout."""
    view = replace(CARD, pending="Acknowledging for Dana…")
    assert "⏳ *Acknowledging for Dana…*" in card(view)
    assert "style" not in pressed(view)["incident_ack"]


def test_a_resolved_incident_is_short() -> None:
    """Resolved: how long it took, no buttons, at most three blocks."""
    made = taken(incident_card(RESOLVED, now=NOW))
    text = shown(made)
    assert "✅ *Resolved* – *P0 PM2 high restart rate on api-1*" in text
    assert "Acknowledged after 3 min by Dana · resolved after 1 h 13 min · #42" in text
    assert len(made.blocks) <= 3
    assert list(elements(made.blocks)) == ["incident_more"]


def test_resolved_without_anybody_is_honest() -> None:
    """Resolved by itself and never acknowledged is said as it was."""
    text = card(replace(RESOLVED, acked_at=None, acked_by=None, resolved_by=None))
    assert "By PagerDuty" in text
    assert "Never acknowledged" in text


def test_a_merged_incident_points_to_the_other() -> None:
    """Merged away: where to go on."""
    assert "Merged into #40. Go on there." in card(replace(RESOLVED, merged_into="#40"))


def test_an_unmatched_incident_offers_the_entries() -> None:
    """Without an entry the card says so and lets the reader choose one; there is no Runbook button."""
    text = card(UNMATCHED)
    assert "No runbook entry matches this incident." in text
    assert "Nearest: Backup Failure, 31 %" in text
    made = pressed(UNMATCHED)
    assert "incident_runbook" not in made
    options = made["entry_choose"]["options"]
    assert isinstance(options, list)
    assert [option["value"] for option in options] == ["pm2-high-restart-rate:42", "backup-failure:42"]


def test_an_unmatched_incident_without_choices_names_the_search() -> None:
    """An empty menu would be refused; the card tells how to search instead."""
    assert "Search with `/ats runbook`" in card(replace(UNMATCHED, choices=()))


def test_an_entry_without_steps() -> None:
    """An entry of text alone does not pretend to have steps."""
    assert "text only" in card(replace(CARD, entry=replace(PM2, steps=())))


def test_a_repeated_incident_says_how_often() -> None:
    """Deduplicated alerts are counted."""
    assert "raised 3 times" in card(replace(CARD, occurrences=3))


def test_the_fallback_text_stands_alone() -> None:
    """Notifications and screen readers get severity, title, state and service, and mention nobody."""
    assert incident_card(CARD, now=NOW).text == (
        "P0 #42 · PM2 high restart rate on api-1 · not acknowledged · service ai-trading-api · since 03:00 UTC"
    )
    assert "acknowledged by Dana" in incident_card(ACKED, now=NOW).text


def test_the_card_does_not_age() -> None:
    """A card without news is the same a minute later, so that nothing is sent."""
    assert incident_card(CARD, now=NOW) == incident_card(CARD, now=NOW + timedelta(minutes=1))


def test_the_largest_card_still_has_its_buttons() -> None:
    """With far too many cautions the buttons and the state stay."""
    entry = replace(PM2, cautions=tuple(f"{i} " + "careful " * 300 for i in range(20)))
    made = taken(incident_card(replace(CARD, entry=entry), now=NOW))
    assert "incident_ack" in elements(made.blocks)
    assert "Not acknowledged" in shown(made)


@pytest.mark.parametrize(
    ("source", "shown_code"),
    [
        ("pm2 status", "pm2 status"),
        ("# look\npm2 status\n", "pm2 status"),
        ("a\nb", "a …"),
        ("x" * 100, "x" * 59 + "…"),
        ("", ""),
        ("# only a comment", ""),
    ],
)
def test_first_command(source: str, shown_code: str) -> None:
    """The card shows the first command, cut, and that there is more."""
    assert first_command(source) == shown_code


def test_people_without_a_slack_id_are_named() -> None:
    """A PagerDuty user who is not in Slack is shown by name."""
    view = replace(CARD, oncall=(replace(ONCALL[0], who=Who(name="Sam")),))
    assert "Primary On-Call: Sam until" in card(view)


def test_manual_steps_are_not_noise() -> None:
    """On the card only what changes something is marked; what people do by hand anyway is not."""
    steps = (step("Look", "a", Risk.MANUAL), step("Stop trading", "b", Risk.PROTECTIVE))
    text = card(replace(CARD, entry=replace(PM2, steps=steps)))
    assert "1. Look `a`\n2. Stop trading `b` – _protects" in text


def test_a_caution_is_announced_once() -> None:
    """The document's own "WARNING:" does not follow our "Caution:"."""
    text = card(replace(CARD, entry=replace(PM2, cautions=("⚠️ WARNING: never", "Caution!"))))
    assert "*Caution:* never" in text
    assert "*Caution:* Caution!" in text
