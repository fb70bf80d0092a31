"""Markdown runbooks as programs: parsed, typed, risk-classed, matched and searched.

Pure: nothing here opens a connection, starts a process or reads a file other than this package's own data.
"""

from runbook.checks import Check, CheckError, parse_checks
from runbook.compiler import compile_text
from runbook.durations import parse_bound, parse_duration
from runbook.filling import FillError, check_parameter, fill
from runbook.locking import Change, changes, lockable, step_digest, write_lock
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
from runbook.plan_json import from_json, to_data, to_json
from runbook.reloading import Reload, reload, where
from runbook.search import prepare, search
from runbook.shipped import shipped_lock, shipped_path, shipped_text

__all__ = [
    "BaselineRow",
    "Bound",
    "Change",
    "Check",
    "CheckError",
    "Command",
    "Contact",
    "Diagnostic",
    "Entry",
    "FillError",
    "Hit",
    "Kind",
    "Match",
    "Plan",
    "Reload",
    "Resource",
    "Risk",
    "Signals",
    "Step",
    "changes",
    "check_parameter",
    "compile_text",
    "fill",
    "from_json",
    "lockable",
    "match",
    "parse_bound",
    "parse_checks",
    "parse_duration",
    "prepare",
    "reload",
    "search",
    "shipped_lock",
    "shipped_path",
    "shipped_text",
    "step_digest",
    "to_data",
    "to_json",
    "where",
    "write_lock",
]
