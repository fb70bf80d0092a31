"""What the client itself refuses in a modal before anything is sent."""

from typing import Any

from sandbox.slack.elements import STATE_KEYS
from sandbox.slack.workspace import Json, View

REQUIRED = "Please complete this required field."


def missing_input(view: View) -> dict[str, str]:
    """Messages by block_id, for required inputs left empty and texts of the wrong length."""
    errors: dict[str, str] = {}
    for block in view.data["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        state = view.values.get(block["block_id"], {}).get(element["action_id"], {})
        problem = _problem(
            element, state.get(STATE_KEYS[element["type"]]), optional=bool(block.get("optional"))
        )
        if problem:
            errors[block["block_id"]] = problem
    return errors


def _problem(element: Json, value: Any, *, optional: bool) -> str | None:
    if value in (None, "", []):
        return None if optional else REQUIRED
    if element["type"] == "number_input":
        return _number_problem(element, str(value))
    if isinstance(value, str):
        least, most = element.get("min_length", 0), element.get("max_length", 3000)
        if len(value) < least:
            return f"Please enter at least {least} characters."
        if len(value) > most:
            return f"Please enter no more than {most} characters."
    return None


def _number_problem(element: Json, value: str) -> str | None:
    try:
        number = float(value) if element.get("is_decimal_allowed") else int(value)
    except ValueError:
        return "Please enter a valid number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"Please enter a number of at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Please enter a number of at most {element['max_value']}."
    return None
