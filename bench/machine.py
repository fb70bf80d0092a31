"""What the machine was doing while a figure was taken."""

import os
import platform
from collections.abc import Mapping
from typing import Any


def conditions(clock: str, **more: Any) -> Mapping[str, Any]:
    """The conditions of a line: what the clock measures, how busy the machine is, and what else matters."""
    return {
        "clock": clock,
        **more,
        "loadavg_1m": round(os.getloadavg()[0], 2),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        **({} if _ordinary() else {"priority": "real time (chrt): ahead of whatever else the machine does"}),
        "python": platform.python_version(),
    }


def _ordinary() -> bool:
    return not hasattr(os, "sched_getscheduler") or os.sched_getscheduler(0) == os.SCHED_OTHER
