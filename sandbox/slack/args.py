"""The arguments of a Web API call: query string, form or JSON, and what they should have been."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from sandbox.slack.errors import InvalidArgumentsError, SlackError
from sandbox.slack.workspace import Json

_TRUE = frozenset({"1", "true", "True", "yes"})


class Args:
    """Arguments by name, each read as what the method expects."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, dict | list):
            raise InvalidArgumentsError(f"must be a string [json-pointer:/{name}]")
        return str(value)

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise InvalidArgumentsError(f"missing required field: {name}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None:
            return default
        return value if isinstance(value, bool) else str(value) in _TRUE

    def number(self, name: str, default: int, *, most: int) -> int:
        """A whole number from 1 to `most`; raises invalid_limit (larger values are refused, as Slack does)."""
        value = self.text(name)
        if not value:
            return default
        try:
            number = int(value)
        except ValueError:
            raise SlackError("invalid_limit") from None
        if number == 0:
            return default
        if not 0 < number <= most:
            raise SlackError("invalid_limit")
        return number

    def names(self, name: str) -> list[str]:
        """A comma-separated list, or a JSON list."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(each) for each in value]
        return [each.strip() for each in self.text(name).split(",") if each.strip()]

    def structure(self, name: str, *, wrong: str = "invalid_arguments") -> Any:
        """An object or list, given as JSON or as a string of JSON; None when absent or empty."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(wrong) from None


async def read_arguments(request: Request, *, json_body: bool) -> Json:
    """Everything that the caller sent; a JSON body counts only where the method reads JSON.

    Raises:
        SlackError: invalid_json, json_not_object or invalid_form_data.
    """
    values: Json = dict(request.query_params)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or not content_type:
        return values
    if content_type == "application/json":
        if json_body:
            values.update(_parse_json(await request.body()))
    elif content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.form()
        values.update({key: value for key, value in form.items() if not isinstance(value, UploadFile)})
    else:
        raise SlackError("invalid_post_type")
    return values


def _parse_json(body: bytes) -> Json:
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(value, dict):
        raise SlackError("json_not_object")
    return value
