from typing import Any

import pytest

from sandbox.slack.elements import NotThereError, action, chosen, find, initial_state
from sandbox.slack.submission import REQUIRED, missing_input
from sandbox.slack.workspace import View

Json = dict[str, Any]
PLAIN: Json = {"type": "plain_text", "text": "x"}
ONE: Json = {"text": PLAIN, "value": "1"}
TWO: Json = {"text": PLAIN, "value": "2"}


def button(action_id: str, value: str) -> Json:
    return {"type": "button", "action_id": action_id, "value": value, "text": PLAIN, "style": "danger"}


def actions(block_id: str, *elements: Json) -> Json:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def labelled(block_id: str, element: Json, **fields: Any) -> Json:
    return {"type": "input", "block_id": block_id, "label": PLAIN, "element": element, **fields}


def test_find_tells_equal_action_ids_apart_by_block_and_value() -> None:
    """An action_id that stands in several blocks is found by its block or by its value."""
    blocks = [actions("a", button("go", "1")), actions("b", button("go", "2"))]
    assert find(blocks, "go")[0] == "a"
    assert find(blocks, "go", block_id="b")[0] == "b"
    assert find(blocks, "go", value="2")[0] == "b"


@pytest.mark.parametrize(
    "wanted", [{"action_id": "no"}, {"action_id": "go", "value": "3"}, {"action_id": "go", "block_id": "z"}]
)
def test_what_is_not_shown_cannot_be_pressed(wanted: Json) -> None:
    """A button that is not there, or has another value, is not found."""
    with pytest.raises(NotThereError, match="go"):
        find([actions("a", button("go", "1"))], **wanted)


def test_button_action_has_the_buttons_own_value() -> None:
    """The payload of a press carries the value, text and style of the button itself."""
    done = action(button("go", "1"), "a", value=None, selected=None, action_ts="1.2")
    assert done == {
        "type": "button",
        "action_id": "go",
        "block_id": "a",
        "action_ts": "1.2",
        "value": "1",
        "text": PLAIN,
        "style": "danger",
    }


def test_overflow_action_carries_the_whole_option() -> None:
    """Choosing by value sends the option object, and an option that is not offered is refused."""
    overflow = {"type": "overflow", "action_id": "more", "options": [ONE, TWO]}
    assert action(overflow, "a", value=None, selected="2", action_ts="1.2")["selected_option"] == TWO
    with pytest.raises(NotThereError):
        action(overflow, "a", value=None, selected="3", action_ts="1.2")


def test_initial_state_has_initial_values_and_empty_ones() -> None:
    """State lists every input: its initial value, or null, or an empty list."""
    blocks = [
        labelled("t", {"type": "plain_text_input", "action_id": "a", "initial_value": "hello"}),
        labelled("s", {"type": "static_select", "action_id": "a", "options": [ONE]}),
        labelled("c", {"type": "checkboxes", "action_id": "a", "options": [ONE]}),
        actions("b", button("go", "1"), {"type": "users_select", "action_id": "who", "initial_user": "U1"}),
    ]
    assert initial_state(blocks) == {
        "t": {"a": {"type": "plain_text_input", "value": "hello"}},
        "s": {"a": {"type": "static_select", "selected_option": None}},
        "c": {"a": {"type": "checkboxes", "selected_options": []}},
        "b": {"who": {"type": "users_select", "selected_user": "U1"}},
    }


@pytest.mark.parametrize(
    ("element", "given", "state"),
    [
        ({"type": "plain_text_input"}, "hi", {"value": "hi"}),
        ({"type": "plain_text_input"}, {"type": "plain_text_input", "value": "hi"}, {"value": "hi"}),
        ({"type": "plain_text_input"}, "", {"value": None}),
        ({"type": "static_select", "options": [ONE, TWO]}, "2", {"selected_option": TWO}),
        ({"type": "static_select", "options": [ONE, TWO]}, {"selected_option": TWO}, {"selected_option": TWO}),
        ({"type": "static_select", "option_groups": [{"options": [TWO]}]}, TWO, {"selected_option": TWO}),
        ({"type": "external_select"}, ONE, {"selected_option": ONE}),
        ({"type": "checkboxes", "options": [ONE, TWO]}, ["1", "2"], {"selected_options": [ONE, TWO]}),
        ({"type": "multi_users_select"}, "U1", {"selected_users": ["U1"]}),
        ({"type": "datepicker"}, "2026-11-22", {"selected_date": "2026-11-22"}),
    ],
)  # fmt: skip
def test_chosen(element: Json, given: Any, state: Json) -> None:
    """What a person enters becomes the state that Slack would send."""
    assert chosen(element, given) == state


def text_view(value: str | None, *, optional: bool = False, **limits: int) -> View:
    element = {"type": "plain_text_input", "action_id": "a", **limits}
    state = {"b": {"a": {"type": "plain_text_input", "value": value}}}
    return View("U1", {"id": "V1", "blocks": [labelled("b", element, optional=optional)]}, state)


def test_client_refuses_what_is_missing_or_of_the_wrong_length() -> None:
    """A required input left empty, too short or too long never reaches the app."""
    assert missing_input(text_view(None)) == {"b": REQUIRED}
    assert missing_input(text_view(None, optional=True)) == {}
    assert missing_input(text_view("x", min_length=2)) == {"b": "Please enter at least 2 characters."}
    assert missing_input(text_view("xxx", max_length=2)) == {"b": "Please enter no more than 2 characters."}
    assert missing_input(text_view("xx", min_length=2, max_length=2)) == {}


@pytest.mark.parametrize(
    ("entered", "fine"), [("15", True), ("4", False), ("31", False), ("x", False), ("1.5", False)]
)
def test_client_checks_numbers(entered: str, fine: bool) -> None:
    """A number input takes whole numbers within its bounds."""
    element = {
        "type": "number_input",
        "action_id": "a",
        "is_decimal_allowed": False,
        "min_value": "5",
        "max_value": "30",
    }
    state = {"b": {"a": {"type": "number_input", "value": entered}}}
    view = View("U1", {"id": "V1", "blocks": [labelled("b", element)]}, state)
    assert (missing_input(view) == {}) is fine
