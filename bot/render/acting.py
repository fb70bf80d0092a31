"""“More…”: one modal with what else can be done in PagerDuty, then the form of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.policy import Action
from bot.domain.severity import KNOWN
from bot.render.blocks import Block, input_block, option, section, static_select, text_input
from bot.render.message import View, modal
from bot.render.text import code, md, one_line

_OPEN: Final = (
    (Action.SNOOZE, "Snooze", "Quiet for a while, then it comes again"),
    (Action.REASSIGN, "Reassign", "To somebody else"),
    (Action.ESCALATE, "Escalate", "To the next level, now"),
    (Action.RESPONDERS, "Ask people for help", "PagerDuty calls them"),
    (Action.PRIORITY, "Change the priority", "Severity and reminders follow"),
    (Action.STATUS_UPDATE, "Publish a status update", "To its subscribers and here"),
    (Action.MERGE, "Merge into another", "This one is then resolved"),
    (Action.RESOLVE, "Resolve with a note", "What it was, and what helped"),
    (Action.CHOOSE_ENTRY, "Choose another runbook entry", "The bot chose a wrong one"),
)
_CLOSED: Final = (
    (Action.REOPEN, "Reopen", "It pages again"),
    (Action.PRIORITY, "Change the priority", "Of the record"),
    (Action.STATUS_UPDATE, "Publish a status update", "To its subscribers and here"),
)
_SNOOZES: Final = (
    ("15 minutes", 900), ("30 minutes", 1800), ("1 hour", 3600), ("2 hours", 7200), ("4 hours", 14_400),
    ("8 hours", 28_800), ("24 hours", 86_400),
)  # fmt: skip
_ONLY_CONFIRMED: Final = {Action.ESCALATE, Action.REOPEN}
# Title of the form, and what its button says.
_FORMS: Final = {
    Action.SNOOZE: ("Snooze", "Snooze"),
    Action.REASSIGN: ("Reassign", "Reassign"),
    Action.ESCALATE: ("Escalate", "Escalate"),
    Action.RESPONDERS: ("Ask for help", "Ask"),
    Action.PRIORITY: ("Priority", "Change"),
    Action.STATUS_UPDATE: ("Status update", "Publish"),
    Action.MERGE: ("Merge", "Merge"),
    Action.REOPEN: ("Reopen", "Reopen"),
}


@dataclass(frozen=True, slots=True)
class Priorities:
    """What the account has, as (id, name, description), the highest first; None: it does not say."""

    known: tuple[tuple[str, str, str], ...] | None = None


def more_modal(number: int, title: str, *, resolved: bool = False) -> View:
    """What can be done with an incident that its card has no button for.

    Its form takes its place, and Slack keeps what was entered in a block that both have: so they share none.
    """
    choices = [
        option(label, action, description=why) for action, label, why in (_CLOSED if resolved else _OPEN)
    ]
    radio: Block = {"type": "radio_buttons", "action_id": "value", "options": [c for c in choices if c]}
    return modal(
        "More",
        [_about(number, title), input_block("wanted", "What do you want to do?", radio)],
        submit="Next",
        close="Cancel",
        callback_id="more_submit",
        private_metadata=f"more:{number}",
    )


def act_modal(
    action: str,
    number: int,
    title: str,
    *,
    others: Sequence[tuple[int, str]] = (),
    priorities: Priorities = Priorities(),
) -> View | None:
    """The form of one of them; None for an action that has none."""
    names = _FORMS.get(Action(action)) if action in list(Action) else None
    if names is None:
        return None
    fields = _fields(Action(action), number, others, priorities)
    # Without a choice there is nothing to send: a form of words only, but for those that need none.
    complete = action in _ONLY_CONFIRMED or any(field["type"] == "input" for field in fields)
    return modal(
        names[0],
        [_about(number, title), *fields],
        submit=names[1] if complete else "",
        close="Cancel" if complete else "Close",
        callback_id="act_submit",
        private_metadata=f"{action}:{number}",
    )


def _about(number: int, title: str) -> Block:
    return section(md("*{}*", f"#{number} {one_line(title, 150)}"))


def _fields(
    action: Action, number: int, others: Sequence[tuple[int, str]], priorities: Priorities
) -> list[Block]:
    made: dict[Action, list[Block]] = {
        Action.SNOOZE: [_snoozes()],
        Action.REASSIGN: [_people("To whom?", "PagerDuty pages them; nobody has acknowledged then.")],
        Action.RESPONDERS: [
            _people("Whom?", "PagerDuty calls them. It stays yours."),
            text_input("text", "value", "What do you need?", maximum=1000, optional=True),
        ],
        Action.PRIORITY: _priorities(number, priorities),
        Action.STATUS_UPDATE: [
            text_input(
                "text", "value", "How does it stand?", maximum=2000, hint="To PagerDuty, here, the timeline."
            )
        ],
        Action.MERGE: [_targets(number, others)],
        Action.ESCALATE: [section("The next level of its policy is paged now. Nobody has acknowledged then.")],
        Action.REOPEN: [section("It is triggered again: PagerDuty pages, and reminders start anew.")],
    }
    return made[action]


def _snoozes() -> Block:
    options = [option(label, str(seconds)) for label, seconds in _SNOOZES]
    return _menu("For how long?", options, hint="It counts as acknowledged meanwhile, by you.")


def _priorities(number: int, priorities: Priorities) -> list[Block]:
    """Those of the account; of an account that does not say, the runbook's."""
    if priorities.known is None:
        words = md(
            "PagerDuty does not say which priorities the account has. These are the runbook's; for another, "
            "type {}.", code(f"/ats priority {number} its name"),
        )  # fmt: skip
        menu = _menu("Which?", [option(name, name) for name in KNOWN], hint="P0 and P1 page, P2 does not.")
        return [section(words), menu]
    options = [option(name, pd_id, description=why) for pd_id, name, why in priorities.known]
    if not any(options):
        return [
            section(
                "This PagerDuty account has no priorities: they are switched off. An administrator switches them on "
                "under Account Settings → Incident Priorities."
            )
        ]
    return [_menu("Which?", options, hint="P0 and P1 page, P2 does not; others go by the runbook's entry.")]


def _targets(number: int, others: Sequence[tuple[int, str]]) -> Block:
    options = [option(one_line(f"#{other} {title}", 70), str(other)) for other, title in others]
    if not any(options):
        return section("There is no other open incident to merge into.")
    return _menu("Into which?", options, hint=f"#{number} is resolved, and its alerts go there.")


def _menu(label: str, options: Sequence[Block | None], *, hint: str) -> Block:
    action_id = "value"
    menu = static_select(action_id, "Choose", options) or {}
    return input_block("choice", label, menu, hint=hint)


def _people(label: str, hint: str) -> Block:
    element = {"type": "multi_users_select", "action_id": "value", "max_selected_items": 10}
    return input_block("who", label, element, hint=hint)
