"""A plan as JSON and back, without a loss."""

import dataclasses
import json
import types
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from runbook.model import Plan

_NAMES = {"entries": "sections"}  # what the JSON calls a field of the plan


def to_json(plan: Plan, *, indent: int | None = 2) -> str:
    """The whole plan as JSON text; times are seconds, and the entries are called sections."""
    return json.dumps(to_data(plan), indent=indent, ensure_ascii=False)


def to_data(value: Any) -> Any:
    """A plan, or a part of it, as plain data."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {_NAMES.get(f.name, f.name): to_data(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): to_data(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_data(v) for v in value]
    return value


def from_json(text: str) -> Plan:
    """A plan from its JSON.

    Raises:
        ValueError: the text is no plan.
    """
    try:
        plan = _build(Plan, json.loads(text))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"This is no plan: {error}") from error
    if not isinstance(plan, Plan):
        raise ValueError("This is no plan.")  # noqa: TRY004 the caller gave wrong text, not a wrong type
    return plan


def _build(wanted: Any, data: Any) -> Any:
    origin = get_origin(wanted)
    if origin in {Union, types.UnionType}:
        inner = [a for a in get_args(wanted) if a is not type(None)]
        return None if data is None else _build(inner[0], data)
    if origin is tuple:
        return tuple(_build(get_args(wanted)[0], item) for item in data)
    if origin is not None:
        return data
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        hints = get_type_hints(wanted)
        return wanted(
            **{
                f.name: _build(hints[f.name], data[_NAMES.get(f.name, f.name)])
                for f in dataclasses.fields(wanted)
            }
        )
    return _plain(wanted, data)


def _plain(wanted: Any, data: Any) -> Any:
    if wanted is timedelta:
        return timedelta(seconds=data)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return wanted(data)
    return data
