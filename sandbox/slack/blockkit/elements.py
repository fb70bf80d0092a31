"""Interactive elements, their options and confirmation dialogs."""

from typing import Any

from sandbox.slack.blockkit.rules import (
    Check,
    Rule,
    Shape,
    anything,
    clock_time,
    date,
    flag,
    ident,
    one_of,
    plain,
    several,
    string,
    text_object,
    whole_number,
)

MOST_OPTIONS = 100
MOST_OPTION_TEXT = 75
MOST_OPTION_VALUE = 150

_style = one_of("primary", "danger")
confirm: Rule = Shape(
    {"title": plain(100), "text": text_object(300), "confirm": plain(30), "deny": plain(30)},
    {"style": _style},
).check


def _option(*text_kinds: str, url: bool = False) -> Rule:
    optional: dict[str, Rule] = {"description": text_object(MOST_OPTION_TEXT, *text_kinds)}
    if url:
        optional["url"] = string(3000)
    required = {"text": text_object(MOST_OPTION_TEXT, *text_kinds), "value": string(MOST_OPTION_VALUE)}
    return Shape(required, optional).check


def _options(most: int, *text_kinds: str, url: bool = False) -> Rule:
    listed = several(_option(*text_kinds, url=url), most=most)

    def rule(check: Check, value: Any, pointer: str) -> None:
        listed(check, value, pointer)
        values = (
            [each.get("value") for each in value if isinstance(each, dict)] if isinstance(value, list) else []
        )
        if len(set(map(str, values))) != len(values):
            check.wrong("option values must be unique", pointer)

    return rule


option = _option("plain_text")
_option_groups = several(
    Shape({"label": plain(MOST_OPTION_TEXT), "options": _options(MOST_OPTIONS, "plain_text")}).check,
    most=MOST_OPTIONS,
)
_filter: Rule = Shape(
    {},
    {
        "include": several(one_of("im", "mpim", "private", "public"), most=4),
        "exclude_external_shared_channels": flag,
        "exclude_bot_users": flag,
    },
).check
_dispatch: Rule = Shape(
    {},
    {"trigger_actions_on": several(one_of("on_enter_pressed", "on_character_entered"), most=2)},
).check
_common: dict[str, Rule] = {"action_id": ident, "confirm": confirm, "focus_on_load": flag}
_menu: dict[str, Rule] = {**_common, "placeholder": plain(150)}
_text_input: dict[str, Rule] = {
    "action_id": ident,
    "placeholder": plain(150),
    "focus_on_load": flag,
    "dispatch_action_config": _dispatch,
}
_many: dict[str, Rule] = {"max_selected_items": whole_number(1)}


def _options_or_groups(check: Check, value: Any, pointer: str) -> None:
    if ("options" in value) == ("option_groups" in value):
        check.wrong("exactly one of `options` and `option_groups` must be given", pointer)


def _initial_among_options(check: Check, value: Any, pointer: str) -> None:
    groups = value.get("option_groups")
    lists = [group.get("options") for group in groups or [] if isinstance(group, dict)]
    options = [each for listed in [*lists, value.get("options")] if isinstance(listed, list) for each in listed]
    values = {each.get("value") for each in options if isinstance(each, dict)}
    initial = [value["initial_option"]] if "initial_option" in value else value.get("initial_options") or []
    for each in initial if isinstance(initial, list) else []:
        if isinstance(each, dict) and each.get("value") not in values:
            check.wrong("initial option must be one of the options", pointer)


def _static_menu(check: Check, value: Any, pointer: str) -> None:
    _options_or_groups(check, value, pointer)
    _initial_among_options(check, value, pointer)


def _image_source(check: Check, value: Any, pointer: str) -> None:
    if ("image_url" in value) == ("slack_file" in value):
        check.wrong("exactly one of `image_url` and `slack_file` must be given", pointer)


_static: dict[str, Rule] = {"options": _options(MOST_OPTIONS, "plain_text"), "option_groups": _option_groups}
_choices = _options(10)

image = Shape({"alt_text": string(2000)}, {"image_url": string(3000), "slack_file": anything}, _image_source)

ELEMENTS: dict[str, Shape] = {
    "button": Shape(
        {"text": plain(75)},
        {
            "action_id": ident,
            "url": string(3000),
            "value": string(2000),
            "style": _style,
            "confirm": confirm,
            "accessibility_label": string(75),
        },
    ),
    "image": image,
    "overflow": Shape(
        {"options": _options(5, "plain_text", url=True)}, {"action_id": ident, "confirm": confirm}
    ),
    "static_select": Shape({}, {**_menu, **_static, "initial_option": option}, _static_menu),
    "external_select": Shape({}, {**_menu, "initial_option": option, "min_query_length": whole_number()}),
    "users_select": Shape({}, {**_menu, "initial_user": string(MOST_OPTION_VALUE)}),
    "conversations_select": Shape(
        {},
        {
            **_menu,
            "initial_conversation": string(MOST_OPTION_VALUE),
            "default_to_current_conversation": flag,
            "response_url_enabled": flag,
            "filter": _filter,
        },
    ),
    "channels_select": Shape(
        {}, {**_menu, "initial_channel": string(MOST_OPTION_VALUE), "response_url_enabled": flag}
    ),
    "multi_static_select": Shape(
        {}, {**_menu, **_many, **_static, "initial_options": several(option, most=MOST_OPTIONS)}, _static_menu
    ),
    "multi_external_select": Shape(
        {},
        {
            **_menu,
            **_many,
            "initial_options": several(option, most=MOST_OPTIONS),
            "min_query_length": whole_number(),
        },
    ),
    "multi_users_select": Shape(
        {}, {**_menu, **_many, "initial_users": several(ident, most=MOST_OPTIONS, least=0)}
    ),
    "multi_conversations_select": Shape(
        {},
        {
            **_menu,
            **_many,
            "initial_conversations": several(ident, most=MOST_OPTIONS, least=0),
            "default_to_current_conversation": flag,
            "filter": _filter,
        },
    ),
    "multi_channels_select": Shape(
        {}, {**_menu, **_many, "initial_channels": several(ident, most=MOST_OPTIONS, least=0)}
    ),
    "datepicker": Shape({}, {**_menu, "initial_date": date}),
    "timepicker": Shape({}, {**_menu, "initial_time": clock_time, "timezone": string(100)}),
    "datetimepicker": Shape({}, {**_common, "initial_date_time": whole_number(10**9, 10**10 - 1)}),
    "checkboxes": Shape(
        {"options": _choices}, {**_common, "initial_options": _choices}, _initial_among_options
    ),
    "radio_buttons": Shape(
        {"options": _choices}, {**_common, "initial_option": _option()}, _initial_among_options
    ),
    "plain_text_input": Shape(
        {},
        {
            **_text_input,
            "initial_value": string(3000, 0),
            "multiline": flag,
            "min_length": whole_number(0, 3000),
            "max_length": whole_number(1, 3000),
        },
    ),
    "rich_text_input": Shape({"action_id": ident}, {**_text_input, "initial_value": anything}),
    "email_text_input": Shape({}, {**_text_input, "initial_value": string(3000, 0)}),
    "url_text_input": Shape({}, {**_text_input, "initial_value": string(3000, 0)}),
    "number_input": Shape(
        {"is_decimal_allowed": flag},
        {
            **_text_input,
            "initial_value": string(100, 0),
            "min_value": string(100),
            "max_value": string(100),
        },
    ),
    "file_input": Shape(
        {}, {"action_id": ident, "filetypes": several(ident, most=100), "max_files": whole_number(1, 10)}
    ),
}

_single = frozenset(
    {"static_select", "external_select", "users_select", "conversations_select", "channels_select"}
)
_multi = frozenset(f"multi_{name}" for name in _single)
_pickers = frozenset({"datepicker", "timepicker", "checkboxes", "radio_buttons"})
IN_SECTION = _single | _multi | _pickers | {"button", "overflow", "image"}
IN_ACTIONS = _single | _pickers | {"button", "overflow", "datetimepicker"}
IN_INPUT = (
    _single
    | _multi
    | _pickers
    | {"plain_text_input", "rich_text_input", "email_text_input", "url_text_input", "number_input"}
    | {"datetimepicker", "file_input"}
)
ONLY_IN_MODALS = frozenset({"file_input"})


def element_in(allowed: frozenset[str]) -> Rule:
    """An element of one of the types that the surrounding block takes."""

    def rule(check: Check, value: Any, pointer: str) -> None:
        if not isinstance(value, dict):
            check.wrong("must provide an object", pointer)
            return
        kind = value.get("type")
        if kind is None:
            check.wrong("missing required field: type", pointer)
        elif kind not in allowed or (kind in ONLY_IN_MODALS and check.surface != "modal"):
            check.wrong(f"unsupported type: {kind}", f"{pointer}/type")
        else:
            ELEMENTS[kind].check(check, value, pointer)

    return rule
