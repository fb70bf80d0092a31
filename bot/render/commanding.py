"""What the commander of an incident is asked and told: status updates, hand-overs, the postmortem."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.people import Who
from bot.render.blocks import (
    Block,
    actions,
    button,
    context,
    input_block,
    plain,
    section,
    text_input,
    url_button,
)
from bot.render.message import Message, View, message, modal
from bot.render.text import Md, bold, date, duration, joined, lines, link, md, one_line, prose, utc
from bot.render.views import TimelineRow
from bot.render.words import STATUS, name, person, severity

UPDATE: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class StateView:
    """How an incident stands, for somebody who was not there."""

    number: int
    title: str
    severity: str
    status: str
    triggered_at: datetime
    service: str = ""
    acked_at: datetime | None = None
    commander: Who | None = None
    last_word: str = ""  # the newest note or status update
    last_word_at: datetime | None = None
    happened: tuple[TimelineRow, ...] = ()  # the newest entries, oldest first
    link: str = ""
    url: str = ""


def update_request(view: StateView, *, late: timedelta | None, now: datetime, marker: str = "") -> Message:
    """Asks the commander how it stands; stands alone, for it is sent to the person too."""
    who = person(view.commander) if view.commander else Md("Whoever works on it")
    silent = duration(utc(now) - utc(view.last_word_at or view.acked_at or view.triggered_at))
    text = lines(
        joined(" · ", (severity(view.severity), bold(f"#{view.number} {one_line(view.title, 150)}"))),
        md("📣 {}, *how does it stand?* Nothing was said for {}.", who, silent),
        md("⏱ This question comes {} late.", duration(late)) if late else "",
        _last_word(view),
        link(view.link, "Go to the incident in Slack") if view.link else "",
    )
    number = str(view.number)
    return message(
        md("{} #{} {}: {}, how does it stand?", view.severity, view.number, one_line(view.title), who),
        [
            section(text),
            actions(
                button("Give an update", "update_open", number, style="primary"),
                button("Ask in 30 min", "update_snooze", number),
                button("Hand over", "handover_open", number),
                url_button("Open in PagerDuty", view.url),
            ),
        ],
        marker=marker,
    )


def _last_word(view: StateView) -> Md:
    if not view.last_word:
        return Md("")
    return md("Last word: _{}_", one_line(view.last_word, 300))


def handover_note(
    view: StateView, before: Who | None, by: Who | None, *, now: datetime, marker: str = ""
) -> Message:
    """Command has changed hands: who has it now, and how it stands."""
    after = person(view.commander) if view.commander else Md("nobody")
    took = bool(by and view.commander and by.slack_id == view.commander.slack_id)
    said = (
        md("🤝 {} *takes command* of #{}.", after, view.number)
        if took
        else md("🤝 {}, *you have command* of #{} now.", after, view.number)
    )
    came = md("It was {}’s.", name(before)) if before and not took else Md("")
    given = md("Handed over by {}.", name(by)) if by and not took and by != before else Md("")
    head = joined(" ", (said, came, given))
    return message(
        head, [section(lines(head, _state(view, now))), *_so_far(view, now), _buttons(view)], marker=marker
    )


def shift_note(view: StateView, changes: tuple[Md, ...], *, now: datetime, marker: str = "") -> Message:
    """The on-call changed while the incident is open: who came, who went, and how it stands."""
    head = lines(Md("🔁 *The shift has changed while this is open.*"), *changes)
    return message(
        head, [section(lines(head, _state(view, now))), *_so_far(view, now), _buttons(view)], marker=marker
    )


def shift_line(role: str, before: tuple[Who, ...], after: tuple[Who, ...]) -> Md:
    """“Primary On-Call: Dana → @Kim”; only who comes is mentioned."""
    went = joined(", ", (name(who) for who in before)) or Md("nobody")
    came = joined(", ", (person(who) for who in after)) or Md("*nobody*")
    return md("{}: {} → {}", one_line(role, 60), went, came)


def _state(view: StateView, now: datetime) -> Md:
    """The state so far, in two lines."""
    taken = md(", taken at {}", date(view.acked_at, now)) if view.acked_at else Md("")
    status = STATUS.get(view.status, one_line(view.status, 40))
    return lines(
        md(
            "*State:* {} {}, open since {}{}.",
            severity(view.severity),
            status,
            date(view.triggered_at, now),
            taken,
        ),
        md("*Command:* {}", name(view.commander)) if view.commander else Md("*Command:* nobody"),
        _last_word(view),
    )


def _so_far(view: StateView, now: datetime) -> list[Block | None]:
    rows = [md("• {} {}", date(row.at, now), prose(one_line(row.text, 160))) for row in view.happened]
    return [context(lines(Md("So far:"), *rows))] if rows else []


def _buttons(view: StateView) -> Block | None:
    number = str(view.number)
    return actions(
        button("Acknowledge", "incident_ack", number, style="primary") if view.status == "triggered" else None,
        button("Give an update", "update_open", number) if view.status == "acknowledged" else None,
        button("Hand over", "handover_open", number) if view.status == "acknowledged" else None,
        url_button("Open in PagerDuty", view.url),
    )


def snoozed_note(number: int, until: datetime, by: Who | None, *, now: datetime, marker: str = "") -> Message:
    """The next question comes later."""
    text = md("💤 {}: I ask for an update of #{} at {} again.", name(by, "Somebody"), number, date(until, now))
    return message(text, [section(text)], marker=marker)


def postmortem_request(view: StateView, *, last: bool, marker: str = "") -> Message:
    """A resolved incident has no postmortem yet."""
    who = person(view.commander) if view.commander else Md("Whoever worked on it")
    over = Md(" I will not ask again.") if last else Md("")
    text = lines(
        joined(" · ", (severity(view.severity), bold(f"#{view.number} {one_line(view.title, 150)}"))),
        md("📝 {}, this is resolved and *has no postmortem yet*.{}", who, over),
        md("`/ats postmortem {}` makes a draft of what is recorded: times, people, every step.", view.number),
        link(view.link, "Go to the incident in Slack") if view.link else "",
    )
    number = str(view.number)
    row = actions(
        button("Make the draft", "postmortem_make", number, style="primary"),
        button("None needed", "postmortem_dismiss", number),
    )
    return message(md("#{} has no postmortem yet.", view.number), [section(text), row], marker=marker)


def postmortem_dismissed_note(number: int, by: Who | None, why: str = "", *, marker: str = "") -> Message:
    """Somebody decided that none is needed."""
    text = md(
        "📝 {}: #{} needs no postmortem.{}",
        name(by, "Somebody"),
        number,
        f" {one_line(why, 300)}" if why else "",
    )
    return message(text, [section(text)], marker=marker)


def update_modal(number: int, title: str = "", last: str = "") -> View:
    """How it stands, for everybody who waits."""
    about = [section(md("*{}*", f"#{number} {one_line(title, 150)}"))] if title else []
    before = [context(md("Last word: {}", one_line(last, 500)))] if last else []
    field = text_input(
        "update", "text", "How does it stand?", maximum=UPDATE,
        placeholder="What is broken for whom, what is being done, when you know more",
        hint="It goes to PagerDuty, the incident's thread and its timeline.",
    )  # fmt: skip
    return modal(
        "Status update", [*about, *before, field], submit="Send", close="Cancel", callback_id="update_submit",
        private_metadata=str(number),
    )  # fmt: skip


def handover_modal(number: int, title: str = "") -> View:
    """Who takes over."""
    about = [section(md("*{}*", f"#{number} {one_line(title, 150)}"))] if title else []
    menu: Block = {"type": "users_select", "action_id": "user", "placeholder": plain("Choose a person", 75)}
    field = text_input(
        "note", "text", "What should they know?", maximum=UPDATE, optional=True,
        placeholder="What was tried, what is open", hint="It is shown in the thread, with the state so far.",
    )  # fmt: skip
    return modal(
        "Hand over", [*about, input_block("who", "Who takes command?", menu), field], submit="Hand over",
        close="Cancel", callback_id="handover_submit", private_metadata=str(number),
    )  # fmt: skip
