"""What nginx's logs say: the share of answers with 5xx, and its last complaint about who is behind it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.health import Status
from bot.probes import answers
from bot.probes.judging import Finding, above, plural

LINES = "2000"  # of each log
_ANSWERED = re.compile(r'\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "(?:[^"\\]|\\.)*" (\d{3}) ')
_FILE = re.compile(r"^==> (.*) <==$", re.MULTILINE)
_UPSTREAM = re.compile(r"\] \d+#\d+: (?:\*\d+ )?([^\n]*upstream[^\n]*)")
_FEW = 20  # requests: of fewer a share says little
_HINT = "The API behind it refuses or hangs: look at the trading API's line, then at nginx's error log."
_LONGEST = 140  # characters of the complaint


@dataclass(frozen=True, slots=True)
class Logs:
    """The ends of nginx's logs."""

    answered: tuple[tuple[datetime, int], ...] = ()  # when, and the status
    complaint: str = ""  # the last one about an upstream
    untold: str = ""  # why the access log could not be read


def logs(printed: str, said: str, access: str) -> Logs:
    """What `tail -n 2000 ACCESS ERROR` printed: each file below a line with its name."""
    parts = _FILE.split(printed)
    texts = dict(zip(parts[1::2], parts[2::2], strict=False))
    if access not in texts:
        return Logs(untold=_why(said, access))
    answered = tuple(
        (at, int(code)) for stamp, code in _ANSWERED.findall(texts[access]) if (at := _time(stamp))
    )
    complaints = [c for name, text in texts.items() if name != access for c in _UPSTREAM.findall(text)]
    return Logs(answered, complaints[-1].split(", client:")[0] if complaints else "")


def _why(said: str, access: str) -> str:
    if "ermission denied" in said:
        return f"no permission to read {access}"
    return f"there is no {access}" if "No such file" in said else answers.last_line(said)


def _time(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        return None


def judge(
    found: Logs, now: datetime, minutes: float, bounds: tuple[float, float]
) -> tuple[Finding, float | None]:
    """The share of the last minutes, and the number of it in percent."""
    if found.untold:
        return Finding(Status.OK, f"its share of 5xx is not known: {found.untold}"), None
    codes = [code for at, code in found.answered if now - at <= timedelta(minutes=minutes)]
    if not codes:
        return Finding(Status.OK, f"no requests in {minutes:g} min"), None
    return _share(codes, found.complaint, minutes, bounds)


def _share(
    codes: Sequence[int], complaint: str, minutes: float, bounds: tuple[float, float]
) -> tuple[Finding, float]:
    bad = [code for code in codes if code >= 500]  # noqa: PLR2004
    share = 100.0 * len(bad) / len(codes)
    status = above(share, *bounds) if len(codes) >= _FEW else Status.WARNING if bad else Status.OK
    said = f"{share:.1f} % of {plural(len(codes), 'request')} in {minutes:g} min answered 5xx"
    if status is Status.OK:
        return Finding(status, said), share
    kinds = ", ".join(f"{code} × {bad.count(code)}" for code in sorted(set(bad)))
    cause = f"; its error log: {complaint[:_LONGEST]}" if complaint else ""
    return Finding(status, f"{said} ({kinds}){cause}", _HINT), share
