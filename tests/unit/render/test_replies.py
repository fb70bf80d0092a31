"""Answers to commands."""

from datetime import timedelta

from bot.render import (
    IncidentRow,
    PolicyLevel,
    PolicyView,
    RoleView,
    TimelineRow,
    Who,
    WhoamiView,
    error_message,
    help_message,
    incidents_message,
    oncall_message,
    plain_message,
    refusal_message,
    suggestion_message,
    timeline_message,
    whoami_message,
)

from .checks import quiet, shown, taken
from .samples import DANA, NOW, ONCALL, SAM, START

ROW = IncidentRow(
    42, "PM2 high restart rate", "acknowledged", START, "P0", "api", DANA, "https://acme.example/i/1"
)


def test_help_lists_every_command() -> None:
    """Each usage stands as code above its summary."""
    made = taken(help_message([("/ats ack N", "Take incident N"), ("/ats health", "How the systems are")]))
    assert "`/ats ack N`\nTake incident N\n`/ats health`\nHow the systems are" in shown(made)
    assert made.text == "What you can type: /ats ack N, /ats health"


def test_the_incident_list() -> None:
    """Each incident says how bad it is, who has it, how old it is and where."""
    made = taken(incidents_message([ROW, IncidentRow(43, "Backup failure", "triggered", START, "P2")], now=NOW))
    text = shown(made)
    assert "*2 open incidents*" in text
    assert (
        "*#42* <https://acme.example/i/1|PM2 high restart rate>\n🛑 P0 · 👀 Acknowledged by Dana · open 16 min"
        in text
    )
    assert "*#43* Backup failure\n🔹 P2 · 🔔 Not acknowledged · open 16 min" in text


def test_no_open_incidents() -> None:
    """An empty list is good news and says so."""
    assert shown(incidents_message([], now=NOW)) == "✅ *No open incidents.*"


def test_a_long_list_says_how_many_are_missing() -> None:
    """Forty incidents: thirty are shown, ten announced."""
    assert "… and 10 more." in shown(taken(incidents_message([ROW] * 40, now=NOW)))


def test_the_timeline() -> None:
    """Each row says when, who, what and where."""
    rows = [
        TimelineRow(START, "triggered", "Raised by Prometheus", None, "pagerduty"),
        TimelineRow(NOW, "acknowledged", "Acknowledged", DANA, "slack"),
        TimelineRow(NOW, "reminder", "", None, "bot"),
    ]
    text = shown(taken(timeline_message(42, "PM2", rows, now=NOW)))
    assert "|03:00 UTC>  Raised by Prometheus _(in PagerDuty)_" in text
    assert "|03:16 UTC>  Dana: Acknowledged _(in Slack)_" in text
    assert "|03:16 UTC>  reminder _(by the bot)_" in text
    assert "3 lines, oldest first." in text


def test_a_long_timeline_keeps_the_newest() -> None:
    """When not everything fits, the newest rows are shown and the message says so."""
    rows = [TimelineRow(START, "note", f"row {i} " + "x" * 90, DANA, "slack") for i in range(500)]
    text = shown(taken(timeline_message(42, "PM2", rows, now=NOW)))
    assert "row 499 " in text
    assert "row 0 " not in text
    assert "500 lines; only the newest fit here." in text


def test_an_empty_timeline() -> None:
    """Nothing recorded is said."""
    assert "Nothing is recorded yet." in shown(taken(timeline_message(42, "PM2", [], now=NOW)))


def test_whoami_says_why_and_what_is_missing() -> None:
    """Roles with their reasons, the linked account, and what to do about what is missing."""
    roles = (
        RoleView("responder", True, "on call in PD-TRADING-PRIMARY"),
        RoleView("approver", False, "@sre-team has it"),
    )
    made = taken(
        whoami_message(WhoamiView(DANA, "dana@acme.example", "Dana S", roles, ("Ask to join @sre-team.",)))
    )
    text = shown(made)
    assert "✅ *responder*: on call in PD-TRADING-PRIMARY" in text
    assert "▫️ *approver* – not yours: @sre-team has it" in text
    assert "• Ask to join @sre-team." in text
    assert made.text == "Your roles: responder"


def test_whoami_of_a_stranger() -> None:
    """Without e-mail, PagerDuty user and roles, each is said, with what still works."""
    text = shown(taken(whoami_message(WhoamiView(Who()))))
    assert "E-mail: not visible to the bot" in text
    assert "PagerDuty: no user with your e-mail address" in text
    assert "none. You can read, not change." in text


def test_oncall_mentions_nobody() -> None:
    """Asking who is on call must not wake them."""
    policy = PolicyView(
        "PD-TRADING-PRIMARY",
        (PolicyLevel(timedelta(0), ("Sam",)), PolicyLevel(timedelta(minutes=15), ("Kim", "Lee"))),
        "https://acme.example/p/1",
        2,
    )
    text = shown(taken(oncall_message(ONCALL, policy, now=NOW)))
    assert "<@" not in text
    assert "Primary On-Call: Sam until <!date^1772528400^{time}|09:00 UTC> · PD-TRADING-PRIMARY" in text
    assert "⚠️ Management: *nobody is on call* (PD-EXECUTIVE)" in text
    assert "1. at once: Sam\n2. after 15 min: Kim, Lee\nThen again from the top, 2 times." in text


def test_oncall_without_schedules() -> None:
    """An empty table is explained, not shown as nothing."""
    assert "No schedule is known." in shown(
        taken(oncall_message([], now=NOW, note="PagerDuty does not answer."))
    )


def test_a_refusal_names_the_role_and_who_has_it() -> None:
    """A polite no: what is needed, who can, and how to find out more; nobody is mentioned."""
    made = taken(refusal_message("Acknowledging", "responder", [SAM], reason="You are not on call."))
    text = shown(made)
    assert "Acknowledging needs the role *responder*, which you do not have." in text
    assert "Who has it now: Sam." in text
    assert "/ats whoami" in text
    quiet(made.payload())


def test_a_refusal_when_nobody_has_the_role() -> None:
    """Without a holder the reader is sent to the on-call list."""
    assert "`/ats oncall`" in shown(taken(refusal_message("Resolving", "responder")))


def test_a_typo_gets_the_nearest_command() -> None:
    """The nearest command is offered, and that nothing was done."""
    made = taken(suggestion_message("helth", "health"))
    assert shown(made) == (
        "There is no `/ats helth`.\nDid you mean `/ats health`?\n"
        "`/ats help` lists everything. Nothing was done."
    )
    assert "Did you mean" not in shown(suggestion_message("zzz"))


def test_an_error_says_what_to_do() -> None:
    """What happened, what it means, what to do; the fallback has the first two."""
    made = taken(error_message("PagerDuty does not answer.", "Your click is kept.", "Use the phone app."))
    assert (
        shown(made) == "⚠️ *PagerDuty does not answer.*\nYour click is kept.\n*What to do:* Use the phone app."
    )
    assert made.text == "PagerDuty does not answer. Your click is kept."


def test_a_plain_answer_is_escaped() -> None:
    """A short answer is outside text too."""
    assert shown(taken(plain_message("<!channel> done"))) == "&lt;!channel&gt; done"
