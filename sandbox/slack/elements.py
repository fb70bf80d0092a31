"""Interactive elements in use: finding them in blocks, what a person chose, what state that leaves."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.slack.blockkit import INTERACTIVE
from sandbox.slack.workspace import Json

_INITIAL = {
    "value": "initial_value",
    "rich_text_value": "initial_value",
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_user": "initial_user",
    "selected_users": "initial_users",
    "selected_conversation": "initial_conversation",
    "selected_conversations": "initial_conversations",
    "selected_channel": "initial_channel",
    "selected_channels": "initial_channels",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
    "selected_date_time": "initial_date_time",
    "files": "initial_files",
}
# Element type -> the key that holds what was entered or chosen.
STATE_KEYS = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "rich_text_input": "rich_text_value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "multi_users_select": "selected_users",
    "conversations_select": "selected_conversation",
    "multi_conversations_select": "selected_conversations",
    "channels_select": "selected_channel",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "file_input": "files",
}
_LISTS = frozenset({key for key in STATE_KEYS.values() if key.endswith("s")})


class NotThereError(LookupError):
    """The element or option that somebody wants to use is not there."""


def elements_of(blocks: list[Json]) -> Iterator[tuple[str, Json]]:
    """Every interactive element with the id of its block."""
    for block in blocks:
        candidates = [block.get("accessory"), block.get("element"), *_listed(block)]
        for element in candidates:
            if isinstance(element, dict) and element.get("type") in INTERACTIVE:
                yield str(block["block_id"]), element


def _listed(block: Json) -> list[Any]:
    return block.get("elements", []) if block["type"] == "actions" else []


def inputs_of(blocks: list[Json]) -> Iterator[tuple[str, Json]]:
    """The elements that keep state: everything interactive but buttons and overflow menus."""
    return ((block_id, each) for block_id, each in elements_of(blocks) if each["type"] in STATE_KEYS)


def initial_state(blocks: list[Json]) -> Json:
    """`state.values` before anybody has touched anything."""
    values: Json = {}
    for block_id, element in inputs_of(blocks):
        key = STATE_KEYS[element["type"]]
        empty: Any = [] if key in _LISTS else None
        initial = copy.deepcopy(element.get(_INITIAL[key], empty))
        values.setdefault(block_id, {})[element["action_id"]] = {"type": element["type"], key: initial}
    return values


def find(
    blocks: list[Json], action_id: str, *, block_id: str | None = None, value: Any = None
) -> tuple[str, Json]:
    """The element of that action_id; with several, the one of that block or with that value.

    Raises:
        NotThereError: there is none.
    """
    found = [
        (owner, element)
        for owner, element in elements_of(blocks)
        if element.get("action_id") == action_id and block_id in (None, owner)
    ]
    if value is not None:
        exact = [(owner, each) for owner, each in found if each.get("value") == value]
        buttons = any(each["type"] == "button" for _, each in found)
        found = exact if buttons else found
    if not found:
        there = sorted({str(each.get("action_id")) for _, each in elements_of(blocks)})
        raise NotThereError(
            f"There is no {action_id!r} (value {value!r}); there are: {', '.join(there) or 'none'}."
        )
    return found[0]


def option_of(element: Json, wanted: Any) -> Json:
    """The option that a value, or an option object, stands for; raises NotThereError."""
    value = wanted.get("value") if isinstance(wanted, Mapping) else wanted
    grouped = [each for group in element.get("option_groups") or [] for each in group["options"]]
    for option in [*element.get("options", []), *grouped]:
        if option["value"] == value:
            return dict(option)
    if element["type"].endswith("external_select") and isinstance(wanted, Mapping):
        return dict(wanted)
    raise NotThereError(f"{element.get('action_id')!r} has no option {value!r}.")


def chosen(element: Json, given: Any) -> Json:
    """The fields that say what a person chose or entered, checked against the element's own options."""
    key = STATE_KEYS[element["type"]]
    if isinstance(given, Mapping) and key in given:
        given = given[key]
    if given is None or given == "":
        return {key: [] if key in _LISTS else None}
    if key == "selected_option":
        return {key: option_of(element, given)}
    if key == "selected_options":
        several = given if isinstance(given, list | tuple) else [given]
        return {key: [option_of(element, each) for each in several]}
    if key in _LISTS:
        return {key: list(given) if isinstance(given, list | tuple) else [given]}
    return {key: given}


def action(element: Json, block_id: str, *, value: Any, selected: Any, action_ts: str) -> Json:
    """The `actions[0]` of a block_actions payload."""
    done: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block_id,
        "action_ts": action_ts,
    }
    for name in ("text", "style", "url", "placeholder", "confirm", "initial_option", "initial_date"):
        if name in element and not (name == "text" and element["type"] != "button"):
            done[name] = element[name]
    kind = element["type"]
    if kind == "button":
        return done | ({"value": element["value"]} if "value" in element else {})
    given = selected if selected is not None else value
    if kind == "overflow":
        return done | {"selected_option": option_of(element, given)}
    return done | chosen(element, given)
