"""A step's program with its parameters and variables filled in: each word becomes exactly one argument."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from runbook.model import Step

_INT = re.compile(r"\d{1,12}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,252}")
_ENDING = " ending in "
_UPWARDS = re.compile(r"(?:^|/)\.\.(?:/|$)")
_LONGEST = 500
# U+FFFD stands where something that cannot be kept was cut out: what was meant is not known.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd\ud800-\udfff]")


class FillError(ValueError):
    """A parameter or variable is missing, or is not what it must be."""


def check_parameter(name: str, kind: str, value: str) -> str:
    """The value, when it is what the runbook says it must be.

    Raises:
        FillError: it is not; the text says what is expected.
    """
    wanted = kind.partition(" from ")[0] or "name"
    if wanted.startswith("one of "):
        choices = wanted.removeprefix("one of ").split("|")
        if value not in choices:
            raise FillError(f"{name} must be one of {', '.join(choices)}.")
    elif wanted == "int":
        if not value.isascii() or not _INT.fullmatch(value):
            raise FillError(f"{name} must be a whole number, such as 3.")
    elif wanted == "text":
        if not value or len(value) > _LONGEST or _UNSEEN.search(value) or value.startswith("-"):
            raise FillError(
                f"{name} must be visible text of at most {_LONGEST} characters that begins with no dash."
            )
    elif not _NAME.fullmatch(value) or _UPWARDS.search(value):
        raise FillError(
            f"{name} must be a name: letters, digits and . _ : / @ + -, a letter or digit first, no “..” in it."
        )
    _, _, ending = wanted.partition(_ENDING)
    if ending and (not value.endswith(ending) or value == ending):
        raise FillError(f"{name} must be a name that ends in {ending}.")
    return value


def fill(step: Step, parameters: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, Any]:
    """A step's program with plain strings in it, ready to run.

    Args:
        step: a step that has a program.
        parameters: what a person filled in, by placeholder; none missing, none too many.
        variables: the target's environment.

    Raises:
        FillError: a value is missing or wrong, or the step is for people only.
    """
    if step.program is None:
        raise FillError(f"{step.id} is for a person: {step.reason}.")
    unknown = sorted(set(parameters) - set(step.params))
    if unknown:
        raise FillError(f"{step.id} has no parameter called {unknown[0]}.")
    for name, kind in step.params.items():
        if name not in parameters:
            raise FillError(f"{name} is missing: {kind or 'a name'}.")
        check_parameter(name, kind, parameters[name])
    filled = _fill(step.program, parameters, variables)
    return dict(filled)


def _fill(value: Any, parameters: Mapping[str, str], variables: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        if value.get("op") == "http":  # a value must stay one part of the path: "42/cancel" is another address
            quoted = {name: quote(text, safe="") for name, text in parameters.items()}
            url = {"url": _fill(value.get("url"), quoted, variables)}
            rest = {k: v for k, v in value.items() if k != "url"}
            return {**{k: _fill(v, parameters, variables) for k, v in rest.items()}, **url}
        return {key: _fill(inner, parameters, variables) for key, inner in value.items()}
    if not isinstance(value, list | tuple):
        return value
    if value and all(isinstance(part, Mapping) and _is_part(part) for part in value):
        return "".join(_part(part, parameters, variables) for part in value)
    return [_fill(inner, parameters, variables) for inner in value]


def _is_part(part: Mapping[str, Any]) -> bool:
    return bool(part) and set(part) <= {"text", "var", "default", "param"}


def _part(part: Mapping[str, str], parameters: Mapping[str, str], variables: Mapping[str, str]) -> str:
    if "text" in part:
        return part["text"]
    if "param" in part:
        return parameters[part["param"]]
    found = variables.get(part["var"]) or part.get("default")
    if found is None:
        raise FillError(
            f"The variable {part['var']} is not set in the target's environment; set it under [target]."
        )
    return found
