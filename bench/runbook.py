"""How fast the runbook compiler is: one JSON line for each figure, with its n and target.

    python -m bench.runbook

The functions are pure, so what is measured is the processor time of this process.
"""

import gc
import json
import sys
import time
from collections.abc import Callable

from runbook import Plan, Signals, compile_text, match, search
from runbook.search import prepare

_STEPS = (
    "# Check the status of service {n}\nkubectl get pods -n team-{n} -l app=svc{n}\nkubectl top pods -n team-{n}",
    "# Look at the API of service {n}\ncurl -sSf http://svc{n}.internal:80{m:02}/api/v1/health?shard={n}",
    '# Slow queries of service {n}\npsql "$DATABASE_URL" -c "SELECT query, calls FROM pg_stat_statements WHERE userid = {n} LIMIT 10;"',  # noqa: E501
    "# Restart service {n}\n# CAUTION: only if the error rate is above {m} %\nkubectl rollout restart deploy/svc{n} -n team-{n}",  # noqa: E501
    "# Newest errors of service {n}\ntail -n 200 /var/log/svc{n}/error.log | grep -i fatal | head -n {m}",
)
_WORDS = [
    "latency",
    "memory",
    "disk",
    "queue",
    "replica",
    "certificate",
    "backup",
    "quota",
    "deadlock",
    "throttling",
    "cache",
    "pool",
    "index",
]
_PROSE = "Service {n} feeds the {a} of the {b} team; when its {a} grows, the {b} falls behind and people notice within minutes. "  # noqa: E501


def runbook(entries: int, size: int) -> str:
    """A runbook of so many entries and, by its prose, so many bytes."""
    parts = ["# Bench runbook v1.0\n"]
    each = size // entries
    for n in range(entries):
        a, b = _WORDS[n % len(_WORDS)], _WORDS[(n // len(_WORDS)) % len(_WORDS)]
        step = _STEPS[n % len(_STEPS)].format(n=n, m=n % 50 + 1)
        head = (
            f"\n## P{n % 3} High {a} of {b} in service {n}\n\n- **Trigger:** `svc{n}_{a}_total > {n}`\n"
            f"- **Impact:** the {b} of service {n} suffers\n\n```bash\n{step}\n```\n\n"
        )
        prose = _PROSE.format(n=n, a=a, b=b)
        parts.append(head + (prose * (each // len(prose) + 1))[: max(each - len(head), 0)] + "\n")
    return "".join(parts)


def _say(name: str, n: int, value: float, unit: str, target: float) -> None:
    line = {"name": name, "n": n, "value": round(value, 3), "unit": unit, "target": target}
    sys.stdout.write(json.dumps(line) + "\n")


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def _p99(work: Callable[[int], object], times: int) -> float:
    """The 99th percentile of so many runs, in milliseconds."""
    taken = sorted(_seconds_of(work, i) for i in range(times))
    return 1000 * taken[int(len(taken) * 0.99) - 1]


def _seconds_of(work: Callable[[int], object], index: int) -> float:
    start = time.process_time()
    work(index)
    return time.process_time() - start


def _compiling() -> Plan:
    compile_text(runbook(5, 5_000))  # the libraries are loaded and the tables read
    one, two = runbook(1000, 1_000_000), runbook(2000, 2_000_000)
    first = min(_seconds(lambda: compile_text(one)) for _ in range(3))
    second = min(_seconds(lambda: compile_text(two)) for _ in range(3))
    _say("compile 1 MB, 1,000 entries", 3, first, "s", 1.5)
    _say("compile 2 MB against 1 MB", 3, second / first, "times", 2.2)
    return compile_text(one)


def main() -> None:
    """Print every figure."""
    plan = _compiling()
    prepare(plan)
    queries = [f"hgih {_WORDS[i % len(_WORDS)]} servce {i}" for i in range(500)]
    _say("search p99", 500, _p99(lambda i: search(plan, queries[i]), 500), "ms", 10.0)
    titles = [f"[FIRING:1] High {_WORDS[i % len(_WORDS)]} in service {i} (prod eu-west-1)" for i in range(500)]
    signals = [Signals(t, {"alertname": "x", "labels": {"pod": f"svc{i}-0"}}) for i, t in enumerate(titles)]
    _say("match p99", 500, _p99(lambda i: match(plan, signals[i]), 500), "ms", 5.0)


if __name__ == "__main__":
    main()
