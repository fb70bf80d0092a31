"""Markdown runbooks as programs: parsed, typed, risk-classed, matched and searched.

Pure: nothing here opens a connection, starts a process or reads a file other than this package's own data.
"""

from runbook.compiler import compile_text
from runbook.durations import parse_bound, parse_duration
from runbook.matching import Signals, match
from runbook.model import (
    BaselineRow,
    Bound,
    Command,
    Contact,
    Diagnostic,
    Entry,
    Hit,
    Kind,
    Match,
    Plan,
    Resource,
    Risk,
    Step,
)
from runbook.search import search
from runbook.shipped import shipped_lock, shipped_path, shipped_text

__all__ = [
    "BaselineRow",
    "Bound",
    "Command",
    "Contact",
    "Diagnostic",
    "Entry",
    "Hit",
    "Kind",
    "Match",
    "Plan",
    "Resource",
    "Risk",
    "Signals",
    "Step",
    "compile_text",
    "match",
    "parse_bound",
    "parse_duration",
    "search",
    "shipped_lock",
    "shipped_path",
    "shipped_text",
]
