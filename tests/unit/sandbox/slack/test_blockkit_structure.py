"""The structure that Block Kit asks for, and what Slack fills in by itself."""

from typing import Any

import pytest

from sandbox.slack import blockkit

Json = dict[str, Any]
PLAIN: Json = {"type": "plain_text", "text": "x"}
MRKDWN: Json = {"type": "mrkdwn", "text": "x"}
BUTTON: Json = {"type": "button", "action_id": "go", "text": PLAIN}
OPTION: Json = {"text": PLAIN, "value": "1"}
SELECT: Json = {"type": "static_select", "action_id": "s", "options": [OPTION]}
TEXT_INPUT: Json = {"type": "plain_text_input", "action_id": "a"}
INPUT: Json = {"type": "input", "label": PLAIN, "element": TEXT_INPUT}
CONFIRM: Json = {"title": PLAIN, "text": MRKDWN, "confirm": PLAIN, "deny": PLAIN}
RICH: Json = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


GOOD: list[Json] = [
    {"type": "section", "text": MRKDWN, "accessory": BUTTON},
    {"type": "section", "text": MRKDWN, "accessory": {**SELECT, "type": "multi_static_select"}},
    {"type": "section", "fields": [PLAIN, MRKDWN], "expand": True},
    {"type": "header", "text": {**PLAIN, "emoji": True}},
    {"type": "divider"},
    {"type": "context", "elements": [MRKDWN, {"type": "image", "image_url": "https://x", "alt_text": "x"}]},
    {"type": "image", "image_url": "https://x", "alt_text": "x", "title": PLAIN},
    actions({**BUTTON, "style": "danger", "confirm": CONFIRM}, {"type": "overflow", "options": [OPTION]}),
    actions({"type": "datepicker", "initial_date": "2026-11-22"}, {"type": "users_select"}),
    INPUT,
    {"type": "markdown", "text": "**x**"},
    {
        "type": "table",
        "rows": [[{"type": "raw_text", "text": "x"}, RICH]],
        "column_settings": [None, {"align": "right"}],
    },
    RICH,
]


@pytest.mark.parametrize("block", GOOD, ids=lambda block: block["type"])
def test_good_block(block: Json) -> None:
    """What Slack's reference shows is taken in a message."""
    assert blockkit.message_problems([block]) == []


BAD: list[tuple[str, Any, str]] = [
    ("not an object", "text", "must provide an object [json-pointer:/blocks/0]"),
    ("no type", {"text": MRKDWN}, "missing required field: type [json-pointer:/blocks/0]"),
    (
        "unknown block",
        {"type": "carousel_of_doom"},
        "unsupported type: carousel_of_doom [json-pointer:/blocks/0/type]",
    ),
    (
        "unknown field",
        {"type": "divider", "colour": "red"},
        "invalid additional property: colour [json-pointer:/blocks/0]",
    ),
    ("empty section", {"type": "section"}, "missing required field: text [json-pointer:/blocks/0]"),
    (
        "empty text",
        {"type": "section", "text": {**MRKDWN, "text": ""}},
        "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
    ),
    (
        "text as string",
        {"type": "section", "text": "x"},
        "must provide an object [json-pointer:/blocks/0/text]",
    ),
    (
        "mrkdwn header",
        {"type": "header", "text": MRKDWN},
        "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
    ),
    (
        "mrkdwn with emoji",
        {"type": "section", "text": {**MRKDWN, "emoji": True}},
        "invalid additional property: emoji [json-pointer:/blocks/0/text]",
    ),
    (
        "mrkdwn button",
        actions({**BUTTON, "text": MRKDWN}),
        "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/text/type]",
    ),
    ("no elements", actions(), "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
    (
        "unknown element",
        actions({"type": "slider"}),
        "unsupported type: slider [json-pointer:/blocks/0/elements/0/type]",
    ),
    (
        "text input in actions",
        actions(TEXT_INPUT),
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    (
        "button style",
        actions({**BUTTON, "style": "warning"}),
        "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]",
    ),
    (
        "empty action_id",
        actions({**BUTTON, "action_id": ""}),
        "must be more than 0 characters [json-pointer:/blocks/0/elements/0/action_id]",
    ),
    (
        "overflow of none",
        actions({"type": "overflow", "options": []}),
        "no fewer than 1 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    (
        "select without options",
        actions({"type": "static_select"}),
        "exactly one of `options` and `option_groups` must be given [json-pointer:/blocks/0/elements/0]",
    ),
    (
        "initial option elsewhere",
        actions({**SELECT, "initial_option": {"text": PLAIN, "value": "2"}}),
        "initial option must be one of the options [json-pointer:/blocks/0/elements/0]",
    ),
    (
        "same option twice",
        actions({**SELECT, "options": [OPTION, OPTION]}),
        "option values must be unique [json-pointer:/blocks/0/elements/0/options]",
    ),
    (
        "half a confirmation",
        actions({**BUTTON, "confirm": {**CONFIRM, "deny": None}}),
        "missing required field: deny [json-pointer:/blocks/0/elements/0/confirm]",
    ),
    (
        "image without alt text",
        {"type": "image", "image_url": "https://x"},
        "missing required field: alt_text [json-pointer:/blocks/0]",
    ),
    (
        "image without source",
        {"type": "image", "alt_text": "x"},
        "exactly one of `image_url` and `slack_file` must be given [json-pointer:/blocks/0]",
    ),
    (
        "button in context",
        {"type": "context", "elements": [BUTTON]},
        "unsupported type: button [json-pointer:/blocks/0/elements/0/type]",
    ),
    (
        "button in input",
        {**INPUT, "element": BUTTON},
        "unsupported type: button [json-pointer:/blocks/0/element/type]",
    ),
    (
        "file input in a message",
        {**INPUT, "element": {"type": "file_input"}},
        "unsupported type: file_input [json-pointer:/blocks/0/element/type]",
    ),
    (
        "bad date",
        actions({"type": "datepicker", "initial_date": "2026-13-01"}),
        "must be a valid date [json-pointer:/blocks/0/elements/0/initial_date]",
    ),
    ("flag as text", {**INPUT, "optional": "yes"}, "must be a boolean [json-pointer:/blocks/0/optional]"),
    (
        "plain cell",
        {"type": "table", "rows": [["x"]]},
        "unsupported type: None [json-pointer:/blocks/0/rows/0/0/type]",
    ),
    (
        "ragged table",
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}], [RICH, RICH]]},
        "all rows must have the same number of cells [json-pointer:/blocks/0/rows]",
    ),
    (
        "unknown rich text",
        {"type": "rich_text", "elements": [{"type": "h1"}]},
        "unsupported type: h1 [json-pointer:/blocks/0/elements/0/type]",
    ),
]


@pytest.mark.parametrize(("block", "problem"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_block(block: Any, problem: str) -> None:
    """What Slack refuses is refused, with the place named as a JSON pointer."""
    assert blockkit.message_problems([block]) == [problem]


def test_action_ids_are_unique_within_a_block_only() -> None:
    """The same action_id twice in a block is refused; in two blocks it is not."""
    assert blockkit.message_problems([actions(BUTTON), actions(BUTTON)]) == []
    assert blockkit.message_problems([actions(BUTTON, BUTTON)]) == [
        '`action_id` "go" already exists [json-pointer:/blocks/0/elements/1/action_id]'
    ]


def test_block_ids_are_unique_in_a_message() -> None:
    """The same block_id twice in a message is refused."""
    divider = {"type": "divider", "block_id": "b"}
    assert blockkit.message_problems([divider, divider]) == [
        '`block_id` "b" already exists [json-pointer:/blocks/1/block_id]'
    ]


def test_every_problem_is_named() -> None:
    """Slack lists all that is wrong, not only the first."""
    assert (
        len(blockkit.message_problems([{"type": "a"}, {"type": "b"}, actions({**BUTTON, "style": "c"})])) == 3
    )


MODAL: Json = {"type": "modal", "title": PLAIN, "submit": PLAIN, "blocks": [INPUT]}
BAD_VIEWS: list[tuple[str, Any, str | None, str]] = [
    ("no object", [], None, "must provide an object [json-pointer:/view]"),
    (
        "home as modal",
        {"type": "home", "blocks": []},
        "modal",
        "unsupported type: home [json-pointer:/view/type]",
    ),
    ("modal as home", MODAL, "home", "unsupported type: modal [json-pointer:/view/type]"),
    ("no title", {**MODAL, "title": None}, "modal", "missing required field: title [json-pointer:/view]"),
    (
        "mrkdwn title",
        {**MODAL, "title": MRKDWN},
        "modal",
        "unsupported type: mrkdwn [json-pointer:/view/title/type]",
    ),
    (
        "input without submit",
        {**MODAL, "submit": None},
        "modal",
        "missing required field: submit [json-pointer:/view]",
    ),
    (
        "markdown in a modal",
        {**MODAL, "blocks": [{"type": "markdown", "text": "x"}]},
        "modal",
        "unsupported type: markdown [json-pointer:/view/blocks/0/type]",
    ),
    (
        "table in a modal",
        {**MODAL, "blocks": [{"type": "table", "rows": [[RICH]]}]},
        "modal",
        "unsupported type: table [json-pointer:/view/blocks/0/type]",
    ),
    (
        "what views.open returned",
        {**MODAL, "hash": "1.x"},
        "modal",
        "invalid additional property: hash [json-pointer:/view]",
    ),
    (
        "home with a title",
        {"type": "home", "title": PLAIN, "blocks": []},
        "home",
        "invalid additional property: title [json-pointer:/view]",
    ),
]


@pytest.mark.parametrize(
    ("view", "kind", "problem"), [row[1:] for row in BAD_VIEWS], ids=[r[0] for r in BAD_VIEWS]
)
def test_bad_view(view: Any, kind: str | None, problem: str) -> None:
    """Modals and home tabs are held to their own shapes."""
    assert blockkit.view_problems(view, kind) == [problem]


def test_file_input_belongs_in_modals() -> None:
    """A file input is taken in a modal."""
    block = {**INPUT, "element": {"type": "file_input", "action_id": "f", "max_files": 1}}
    assert blockkit.view_problems({**MODAL, "blocks": [block]}, "modal") == []


def test_completed_fills_in_what_is_missing_and_keeps_the_rest() -> None:
    """Slack adds block_ids, action_ids, emoji and verbatim; what was given stays, and the original is untouched."""
    given = [
        {"type": "section", "text": MRKDWN, "block_id": "mine"},
        actions({"type": "button", "text": PLAIN}),
    ]
    filled = blockkit.completed(given)
    assert filled[0]["block_id"] == "mine"
    assert filled[0]["text"] == {**MRKDWN, "verbatim": False}
    assert len(filled[1]["block_id"]) == 5
    assert filled[1]["elements"][0]["action_id"]
    assert filled[1]["elements"][0]["text"] == {**PLAIN, "emoji": True}
    assert "block_id" not in given[1]
