"""The application's log as Loki gives it back: counts of lines, and the newest of them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.platform import healthy
from sandbox.platform.state import PlatformState

_COUNT = re.compile(r"sum by \((\w+)\) \(count_over_time\((.+) \[(\d+)m\]\)\)")
_QUERY = re.compile(r'\{app=~"\.\+"\}(?: \|~ "(.+)" != "\1")?')
_ROW = re.compile(r"(?P<at>\S+) \[\w+\] \[(?P<app>[\w-]+)\]")
_UNITS = {"s": 1, "m": 60, "h": 3600}

_Row = tuple[datetime, str, str]  # when, application, the line


def counted(state: PlatformState, query: str) -> list[dict[str, Any]]:
    """An instant vector: how many lines of each application; raises ValueError for another query."""
    found = _COUNT.fullmatch(query)
    if found is None:
        raise ValueError("only sum by (app) (count_over_time(...)) is known here")
    label, selector, minutes = found.groups()
    apps = [app for _, app, _ in _rows(state, selector, timedelta(minutes=int(minutes)))]
    now = state.now.timestamp()
    return [
        {"metric": {label: app}, "value": [now, str(apps.count(app))]} for app in dict.fromkeys(sorted(apps))
    ]


def streams(state: PlatformState, query: str, since: str, limit: str) -> list[dict[str, Any]]:
    """The newest lines, by application."""
    back = timedelta(seconds=int(since[:-1]) * _UNITS[since[-1:]])
    newest = _rows(state, query, back)[-int(limit) :]
    return [
        {
            "stream": {"app": app},
            "values": [[f"{at.timestamp():.0f}000000000", text] for at, name, text in newest if name == app],
        }
        for app in dict.fromkeys(name for _, name, _ in newest)
    ]


def _rows(state: PlatformState, query: str, back: timedelta) -> list[_Row]:
    found = _QUERY.fullmatch(query)
    if found is None:
        raise ValueError('only {app=~".+"} with one filter is known here')
    wanted = re.compile(found[1] or "")
    newest = state.now - timedelta(seconds=state.loki_lag.at(state.now))  # what came later is not there yet
    texts = [*state.log, healthy.log_line(newest, "info", "market-data", "Stored 1207 ticks")]
    rows = [row for text in texts if (row := _row(text)) is not None and wanted.search(text)]
    return sorted(row for row in rows if state.now - back <= row[0] <= newest)


def _row(text: str) -> _Row | None:
    found = _ROW.match(text)
    if found is None:
        return None
    at = datetime.fromisoformat(found["at"])
    return (at if at.tzinfo else at.replace(tzinfo=UTC)), found["app"], text
