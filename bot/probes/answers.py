"""Taking figures out of answers whose shape others decide. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.errors import ServerError
from bot.targets import HttpAnswer

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(\{[^}]*\})?\s+(\S+)", re.MULTILINE)


def table(answer: HttpAnswer, whose: str) -> dict[str, Any]:
    """The JSON object of an answer; raises ServerError when it is something else."""
    body = answer.json()
    if not isinstance(body, dict):
        raise ServerError(f"{whose} answers {answer.status}, but not with a JSON object")
    return body


def figure(body: Mapping[str, Any], *names: str) -> float | None:
    """The first of these that is there and a number."""
    for name in names:
        found = body.get(name)
        if isinstance(found, int | float) and not isinstance(found, bool):
            return float(found)
        if isinstance(found, str):
            try:
                return float(found)
            except ValueError:
                continue
    return None


def tables(body: object) -> list[dict[str, Any]]:
    """The objects of a list; whatever else is in it is left out."""
    return [item for item in body if isinstance(item, dict)] if isinstance(body, list) else []


def samples(text: str) -> Iterator[tuple[str, str, float]]:
    """Name, labels and value of each line of Prometheus's text format."""
    for name, labels, value in _SAMPLE.findall(text):
        try:
            yield name, labels, float(value)
        except ValueError:
            continue


def parsed(text: str, program: str) -> Any:
    """What a program printed as JSON; raises ServerError when it did not."""
    try:
        return json.loads(text)
    except ValueError:
        begins = excerpt(text)
        raise ServerError(
            f"`{program}` did not print JSON: “{begins}”. Run it by hand as the bot's user."
        ) from None


def excerpt(text: str, most: int = 60) -> str:
    """The beginning of a text, on one line."""
    return " ".join(text[:most].split())


def last_line(text: str) -> str:
    """What a program said last, for an error's text."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "nothing on its error output"
