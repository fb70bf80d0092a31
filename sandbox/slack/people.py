"""What people do in the client: commands, clicks, modals, messages. Each act tells what they would see."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.slack import blockkit, payloads, views
from sandbox.slack.core import Core
from sandbox.slack.delivery import Ack
from sandbox.slack.elements import STATE_KEYS, NotThereError, action, chosen, find, inputs_of
from sandbox.slack.errors import SlackError
from sandbox.slack.methods.marks import put_reaction
from sandbox.slack.posting import bot_fields, checked_content, message_events, post, thread_root
from sandbox.slack.submission import missing_input
from sandbox.slack.workspace import Channel, Json, Message, View

TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an act.

    Attributes:
        ok: the app acknowledged (for a message: Slack took it).
        error: Slack's word for what went wrong, or `element_not_found` and the like.
        text: what the client would show the person.
        payload: the body of the acknowledgement.
        ack_seconds: from sending to the acknowledgement; None when there was none.
        errors: messages under the fields of a modal, by block_id.
        ts: of a message that was said.
    """

    ok: bool
    error: str | None = None
    text: str = ""
    payload: Any = None
    ack_seconds: float | None = None
    errors: Mapping[str, str] | None = None
    ts: str | None = None


class People:
    """Acts of people; every act is checked as the client would check it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def command(self, user: str, channel: str, text: str, name: str) -> Outcome:
        core = self._core
        place = self._place(user, channel)
        if place is None:
            return Outcome(False, "channel_not_found", "You cannot see that channel.")
        if name not in core.command_names or "commands" not in core.scopes:
            return Outcome(False, "unknown_command", f"{name} is not a valid command.")
        ack = await core.deliveries.send("slash_commands", payloads.command(core, user, place, name, text))
        if not ack.ok:
            return _failed(ack, f'{name} failed with the error "{ack.error}"')
        try:
            self._answer_command(place, user, ack.payload)
        except SlackError as refusal:
            shown = f'{name} failed with the error "{refusal.code}"'
            return Outcome(False, refusal.code, shown, ack.payload, ack.seconds)
        return _done(ack)

    def _answer_command(self, channel: Channel, user: str, body: Any) -> None:
        """Post the text or message that came with the acknowledgement."""
        if not body:
            return
        answer = body if isinstance(body, dict) else {"text": str(body)}
        if not ({"text", "blocks", "attachments"} & set(answer)):
            return
        content = checked_content(answer)
        public = answer.get("response_type") == "in_channel"
        post(self._core, channel, {**bot_fields(self._core), **content}, ephemeral_to=None if public else user)

    async def press(self, user: str, channel: str, ts: str, action_id: str, chosen_as: "Choice") -> Outcome:
        place = self._place(user, channel)
        message = place.find(ts) if place is not None else None
        if place is None or message is None or message.ephemeral_to not in (None, user):
            return Outcome(False, "message_not_found", "That message is not there.")
        origin = payloads.Origin(user, place, message)
        return await self._act(origin, _blocks(message), message.values, action_id, chosen_as)

    async def press_in_view(self, user: str, view_id: str, action_id: str, chosen_as: "Choice") -> Outcome:
        view = self._open_view(user, view_id)
        if view is None:
            return _no_view()
        return await self._act(
            payloads.Origin(user, view=view), view.data["blocks"], view.values, action_id, chosen_as
        )

    async def press_at_home(self, user: str, action_id: str, chosen_as: "Choice") -> Outcome:
        view = self._core.workspace.homes.get(user)
        if view is None:
            return _no_view()
        return await self._act(
            payloads.Origin(user, view=view), view.data["blocks"], view.values, action_id, chosen_as
        )

    async def _act(
        self, origin: payloads.Origin, blocks: list[Json], state: Json, action_id: str, chosen_as: "Choice"
    ) -> Outcome:
        core = self._core
        try:
            block_id, element = find(blocks, action_id, block_id=chosen_as.block_id, value=chosen_as.value)
            done = action(
                element,
                block_id,
                value=chosen_as.value,
                selected=chosen_as.selected,
                action_ts=core.workspace.timestamps.next(core.now()),
            )
        except NotThereError as missing:
            return Outcome(False, "element_not_found", str(missing))
        if element["type"] in STATE_KEYS:
            key = STATE_KEYS[element["type"]]
            state.setdefault(block_id, {})[action_id] = {"type": element["type"], key: done[key]}
        ack = await core.deliveries.send("interactive", payloads.block_actions(core, origin, done, state))
        return _done(ack) if ack.ok else _failed(ack, "This app did not respond. Try again?")

    async def options(self, origin: payloads.Origin, action_id: str, text: str) -> list[Json]:
        """Ask the app for the options of an external select; raises NotThereError, SlackError."""
        blocks = origin.view.data["blocks"] if origin.view else _blocks(origin.message)
        block_id, element = find(blocks, action_id)
        if not element["type"].endswith("external_select"):
            raise NotThereError(f"{action_id!r} is not an external select.")
        payload = payloads.block_suggestion(self._core, origin, element, block_id, text)
        ack = await self._core.deliveries.send("interactive", payload)
        body = ack.payload if isinstance(ack.payload, dict) else {}
        groups = body.get("option_groups") or []
        found = [*body.get("options", []), *(each for group in groups for each in group.get("options", []))]
        if not ack.ok or blockkit.option_problems(found):
            raise SlackError(ack.error or "invalid_options")
        return found

    async def submit(self, user: str, view_id: str, values: Mapping[str, Mapping[str, Any]]) -> Outcome:
        core = self._core
        view = self._open_view(user, view_id)
        if view is None:
            return _no_view()
        try:
            self._enter(view, values)
        except NotThereError as missing:
            return Outcome(False, "element_not_found", str(missing))
        errors = missing_input(view)
        if errors:
            return Outcome(False, "invalid_input", "; ".join(errors.values()), errors=errors)
        ack = await core.deliveries.send("interactive", payloads.view_submission(core, view))
        if not ack.ok:
            return _failed(ack, TROUBLE)
        return self._after_submission(view, ack)

    def _enter(self, view: View, values: Mapping[str, Mapping[str, Any]]) -> None:
        there = {(block_id, each["action_id"]): each for block_id, each in inputs_of(view.data["blocks"])}
        for block_id, entered in values.items():
            for action_id, given in entered.items():
                element = there.get((block_id, action_id))
                if element is None:
                    raise NotThereError(
                        f"There is no input {action_id!r} in block {block_id!r}; there are: {sorted(there)}."
                    )
                state = {"type": element["type"], **chosen(element, given)}
                view.values.setdefault(block_id, {})[action_id] = state

    def _after_submission(self, view: View, ack: Ack) -> Outcome:
        body = ack.payload if isinstance(ack.payload, dict) else {}
        response = body.get("response_action")
        if response == "errors":
            errors = {str(key): str(value) for key, value in (body.get("errors") or {}).items()}
            known = {block["block_id"] for block in view.data["blocks"] if block["type"] == "input"}
            if not errors or not set(errors) <= known:
                return Outcome(False, "invalid_errors", TROUBLE, ack.payload, ack.seconds)
            return Outcome(False, "errors", "; ".join(errors.values()), ack.payload, ack.seconds, errors)
        if view.id not in self._core.workspace.views:
            return _done(ack)
        try:
            self._follow(view, response, body.get("view"))
        except SlackError as refusal:
            return Outcome(False, refusal.code, TROUBLE, ack.payload, ack.seconds)
        return _done(ack)

    def _follow(self, view: View, response: Any, data: Any) -> None:
        core = self._core
        if response is None:
            views.close(core, view)
        elif response == "clear":
            views.close(core, view, everything=True)
        elif response == "update":
            views.replace(core, view, views.checked_view(core, data, "modal", replacing=view))
        elif response == "push":
            views.open_modal(core, view.user, views.checked_view(core, data, "modal"), above=view)
        else:
            raise SlackError("invalid_response_action")

    async def close_view(self, user: str, view_id: str) -> Outcome:
        core = self._core
        view = self._open_view(user, view_id)
        if view is None:
            return _no_view()
        cleared = bool(view.data.get("clear_on_close"))
        closed = views.close(core, view, everything=cleared)
        told = [each for each in closed if each.data.get("notify_on_close")]
        acks = [
            await core.deliveries.send("interactive", payloads.view_closed(core, each, cleared=cleared))
            for each in told
        ]
        failed = next((ack for ack in acks if not ack.ok), None)
        # The person sees nothing of it: the modal is closed either way.
        return Outcome(failed is None, failed.error if failed else None)

    async def say(self, user: str, channel: str, text: str, thread_ts: str | None) -> Outcome:
        core = self._core
        place = self._place(user, channel)
        if place is None:
            return Outcome(False, "channel_not_found", "You cannot see that channel.")
        if place.archived:
            return Outcome(False, "is_archived", "This channel is archived.")
        data: Json = {"type": "message", "user": user, "text": text, "team": core.workspace.team_id}
        data["client_msg_id"] = payloads.client_message_id()
        try:
            if thread_ts:
                data |= {"thread_ts": thread_root(place, thread_ts).ts}
            message, first = self._post(place, data)
        except SlackError as refusal:
            return Outcome(False, refusal.code, refusal.code)
        acks = await asyncio.gather(*first)
        took = max((ack.seconds or 0.0 for ack in acks if ack.ok), default=None)
        return Outcome(True, ack_seconds=took, ts=message.ts)

    def _post(self, channel: Channel, data: Json) -> "tuple[Message, list[asyncio.Future[Ack]]]":
        core = self._core
        message = post(core, channel, data, emit=False)
        events = message_events(core, channel, message)
        return message, [core.deliveries.send_event(payloads.event_callback(core, each)) for each in events]

    async def open_home(self, user: str) -> None:
        core = self._core
        if not core.subscribed("app_home_opened"):
            return
        home = core.workspace.homes.get(user)
        event: Json = {
            "type": "app_home_opened",
            "user": user,
            "channel": core.workspace.im_with(user).id,
            "tab": "home",
            "event_ts": core.workspace.timestamps.next(core.now()),
        }
        if home is not None:
            event["view"] = payloads.shown_view(home)
        await core.deliveries.send_event(payloads.event_callback(core, event))

    async def react(self, user: str, channel: str, ts: str, name: str) -> Outcome:
        place = self._place(user, channel)
        message = place.find(ts) if place is not None else None
        if place is None or message is None:
            return Outcome(False, "message_not_found", "That message is not there.")
        try:
            put_reaction(self._core, place, message, user, name.strip(":"))
        except SlackError as refusal:
            return Outcome(False, refusal.code, "You have already reacted with that.")
        return Outcome(True)

    def _place(self, user: str, channel: str) -> Channel | None:
        """The channel, if that person exists and sees it; channels go by id or name."""
        workspace = self._core.workspace
        if user not in workspace.users:
            raise LookupError(f"There is no user {user!r} in the workspace.")
        place = workspace.channels.get(channel) or workspace.channel_named(channel)
        return place if place is not None and workspace.sees(user, place) else None

    def _open_view(self, user: str, view_id: str) -> View | None:
        view = self._core.workspace.views.get(view_id)
        return view if view is not None and view.user == user else None


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen: the value of a button, or what was selected in a menu; `block_id` when ids repeat."""

    value: Any = None
    selected: Any = None
    block_id: str | None = None


def _blocks(message: Message | None) -> list[Json]:
    if message is None:
        return []
    attached = [block for each in message.data.get("attachments") or [] for block in each.get("blocks") or []]
    return [*(message.data.get("blocks") or []), *attached]


def _done(ack: Ack) -> Outcome:
    return Outcome(True, payload=ack.payload, ack_seconds=ack.seconds)


def _failed(ack: Ack, shown: str) -> Outcome:
    return Outcome(False, ack.error, shown, ack.payload, ack.seconds)


def _no_view() -> Outcome:
    return Outcome(False, "view_not_found", "That view is not open.")
