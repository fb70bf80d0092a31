"""`[probes]` of the settings: which probes run, and their options. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """What the settings say; names and types have been checked by `checked`."""

    leave_out: frozenset[str] = frozenset()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by probe's name


def checked(
    known: Mapping[str, Mapping[str, Any]], leave_out: list[str], given: Mapping[str, object]
) -> ProbeSettings:
    """Settings that fit the probes there are; raises ConfigError with the name that does not.

    Args:
        known: each probe's options with their defaults.
        leave_out: names of probes.
        given: by probe's name, a table of options.
    """
    for name in (*leave_out, *given):
        if name not in known:
            raise ConfigError(
                f"[probes] names {name!r}, and there is no such probe. There are: {', '.join(known)}."
            )
    return ProbeSettings(
        frozenset(leave_out), {name: _table(name, known[name], table) for name, table in given.items()}
    )


def _table(probe: str, defaults: Mapping[str, Any], table: object) -> dict[str, Any]:
    if not isinstance(table, Mapping):
        raise ConfigError(f"[probes] {probe} is not a table. Write [probes.{probe}] and its options below.")
    return {
        str(option): _value(f"[probes.{probe}] {option}", defaults, str(option), v)
        for option, v in table.items()
    }


def _value(where: str, defaults: Mapping[str, Any], option: str, value: Any) -> Any:
    if option not in defaults:
        raise ConfigError(f"{where}: there is no such option. There are: {', '.join(defaults) or 'none'}.")
    match defaults[option], value:
        case bool(), bool():
            return value
        case float() | int(), float() | int() if not isinstance(defaults[option], bool) and not isinstance(
            value, bool
        ):
            return value
        case str(), str():
            return value
        case tuple(), list() | tuple() if all(isinstance(item, str) for item in value):
            return tuple(value)
        case default, _:
            kind = {str: "a text", tuple: "a list of texts", bool: "true or false"}.get(
                type(default), "a number"
            )
            raise ConfigError(f"{where} must be {kind}.")
