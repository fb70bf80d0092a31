"""What wakes people: the reminder in the incident's thread, and the one to each person.

Order: who is asked and for how long nobody has answered, what is wrong, who was asked before, what the runbook
says first. It must be understood from a phone's lock screen.
"""

from datetime import datetime, timedelta

from bot.domain.people import Who
from bot.render.blocks import Block, actions, button, context, section, sections, url_button
from bot.render.message import Message, message
from bot.render.text import Md, bold, code, count, date, duration, joined, lines, link, md, one_line, prose, utc
from bot.render.views import AskedView, ReminderView
from bot.render.words import cautions, first_command, person, severity

MINUTE = timedelta(minutes=1)


def reminder_message(view: ReminderView, *, now: datetime, marker: str = "") -> Message:
    """The reminder in the incident's thread. It mentions people: it is meant to wake them."""
    asked = lines(*(_asked(each) for each in view.asked)) if not view.again else _everybody(view)
    text = lines(
        _headline(view, now), asked, *(_late(each) for each in view.asked), _others(view), _before(view),
        _first(view),
    )  # fmt: skip
    summary = md(
        "{} #{} {}: waiting for {}.", view.severity, view.number, one_line(view.title), _waited(view, now)
    )
    return message(joined(" ", (asked, summary)), _blocks(view, text, now), marker=marker)


def reminder_dm(view: ReminderView, *, now: datetime, marker: str = "") -> Message:
    """The reminder sent to a person: it stands alone, away from the incident's thread."""
    roles = joined(", ", (md("*{}*", one_line(each.role, 60)) for each in view.asked)) or Md("*on call*")
    still = "Still nobody" if view.again else "Nobody"
    text = lines(
        joined(" · ", (severity(view.severity), bold(f"#{view.number} {one_line(view.title, 150)}"))),
        md("{} has acknowledged for {}. You are asked as {}.", still, _waited(view, now), roles),
        *(_late(each) for each in view.asked),
        _others(view),
        md("Service: {}", one_line(view.service, 100)) if view.service else "",
        _before(view),
        _first(view),
        link(view.link, "Go to the incident in Slack") if view.link else "",
    )
    summary = (
        f"{view.severity} #{view.number} {one_line(view.title)}: "
        f"{still.lower()} has acknowledged for {_waited(view, now)}."
    )
    return message(summary.strip(), _blocks(view, text, now), marker=marker)


def _blocks(view: ReminderView, text: Md, now: datetime) -> list[Block | None]:
    return [section(text), *sections(cautions(view.cautions)), _buttons(view), _then(view, now)]


def _waited(view: ReminderView, now: datetime) -> str:
    return duration(utc(now) - utc(view.rearmed_at or view.triggered_at))


def _headline(view: ReminderView, now: datetime) -> Md:
    if view.again:
        return md("🔔 *Still nobody has acknowledged, for {}.*", _waited(view, now))
    if utc(now) - utc(view.rearmed_at or view.triggered_at) < MINUTE:
        return Md("🔔 *This needs somebody now.*")
    return md("🔔 *Nobody has acknowledged for {}.*", _waited(view, now))


def _asked(asked: AskedView) -> Md:
    role = one_line(asked.role, 60)
    schedule = one_line(asked.schedule, 80) or "the schedule"
    note = one_line(asked.note, 300) or f"nobody is on call in {schedule}"
    if asked.empty:
        whom = _people(asked.people) or Md("Somebody here")
        return md("⚠️ {}: *{}.* {}, please take it.", role or "On call", note, whom)
    said = md("\n⚠️ {}.", note) if asked.note else Md("")
    return md("{}{}, please acknowledge.{}", _people(asked.people), md(" ({})", role) if role else "", said)


def _people(people: tuple[Who, ...]) -> Md:
    return joined(", ", (person(who) for who in people[:10]))


def _everybody(view: ReminderView) -> Md:
    everybody = dict.fromkeys(who for each in view.asked for who in each.people)
    if not everybody:
        return Md("⚠️ *Nobody is on call in any schedule of the ladder.* Somebody here please take it.")
    return md("{}: please acknowledge, one of you. Everybody on the ladder was asked.", _people((*everybody,)))


def _late(asked: AskedView) -> Md:
    if asked.late is None:
        return Md("")
    return md(
        "⏱ The reminder to {} comes {} late: I was not running, or could not work, when it was due.",
        one_line(asked.role, 60) or "the on-call", duration(asked.late),
    )  # fmt: skip


def _others(view: ReminderView) -> Md:
    if not view.others:
        return Md("")
    return md("It is the same for {}: see the list in the thread.", count(view.others, "more incident"))


def _before(view: ReminderView) -> Md:
    asked = ", ".join(one_line(text, 80) for text in view.asked_before)
    return md("Asked before: {}", one_line(asked, 400)) if asked else Md("")


def _first(view: ReminderView) -> Md:
    if not view.first_step:
        return Md("")
    first = first_command(view.first_command)
    command = code(first, 80) if first else ""
    return joined(" ", (md("*First step:* {}", prose(one_line(view.first_step, 150))), command))


def _buttons(view: ReminderView) -> Block | None:
    number = str(view.number)
    return actions(
        button("Acknowledge all", "storm_ack", str(view.storm), style="primary")
        if view.storm
        else button("Acknowledge", "incident_ack", number, style="primary"),
        button("Runbook", "incident_runbook", number) if view.first_step else None,
        url_button("Open in PagerDuty", view.url),
    )


def _then(view: ReminderView, now: datetime) -> Block | None:
    if not view.next_reminder:
        return None
    at, role = view.next_reminder
    return context(
        md("Next: {} is reminded at {} unless someone acknowledges.", one_line(role, 60), date(at, now))
    )
