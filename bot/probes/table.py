"""The table of docs/diagnostics.md, made of the probes themselves: `python -m bot.probes.table` prints it."""

from collections.abc import Mapping
from typing import Any

from bot.probes.probe import Probe

_HEAD = ("probe", "asks", "normal", "warning", "critical", "by whose word", "options")


def markdown(probes: Mapping[str, Probe[Any]]) -> str:
    """A row for each probe."""
    rows = [_HEAD, tuple("---" for _ in _HEAD), *(_row(name, probe) for name, probe in probes.items())]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _row(name: str, probe: Probe[Any]) -> tuple[str, ...]:
    options = ", ".join(f"`{option}` {_value(value)}" for option, value in probe.options.items())
    cells = (f"`{name}`", probe.asks, probe.normal, probe.warning, probe.critical, probe.source, options)
    return tuple(cell.replace("|", "\\|") for cell in cells)


def _value(value: object) -> str:
    """A default as ats-bot.toml would write it; long lists are shortened."""
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return "[" + ", ".join(f'"{v}"' for v in value[:2]) + (", …" if len(value) > 2 else "") + "]"  # noqa: PLR2004
        case str():
            return f'"{value}"'
        case _:
            return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    from bot.probes import PROBES

    print(markdown(PROBES), end="")  # noqa: T201
