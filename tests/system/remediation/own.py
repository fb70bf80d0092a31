"""The shipped runbook with a few steps more that take long, hang, fail or count how often they ran."""

from datetime import date
from functools import cache
from pathlib import Path

from runbook import compile_text, shipped_text
from runbook.locking import write_lock
from tests.rig import Rig

STEPS = """
## Own Steps

```bash
# Take its time
#: id=own.slow risk=mutating role=responder timeout=60s
#: verify="exec 'ls slow.done'"
./scripts/backup-postgres.sh

# Never end
#: id=own.hang risk=mutating role=responder timeout=1s
#: verify="exec 'ls hang.done'"
./scripts/backup-redis.sh

# Fail half-way
#: id=own.fail risk=mutating role=responder timeout=20s
#: verify="exec 'ls fail.done'"
docker restart fail

# Do it with a second person
#: id=own.danger risk=destructive role=responder approvals=1 ttl=10m timeout=20s
#: guard="exec 'ls allowed'"
#: verify="exec 'ls danger.log'"
docker restart danger

# Need two other people
#: id=own.two risk=destructive role=responder approvals=2 ttl=10m timeout=20s
#: verify="exec 'ls danger.log'"
docker restart danger

# Write a word down
#: id=own.word risk=mutating role=responder timeout=20s param.WORD="text"
#: verify="exec 'ls word.log' within 1s"
docker restart [WORD]

# Do it after a look that takes a while
#: id=own.looked risk=destructive role=responder approvals=1 ttl=10m timeout=20s before=pm2.status
#: guard="exec 'ls allowed'"
#: verify="exec 'ls danger.log'"
docker restart danger

# Be looked at for long
#: id=own.patient risk=mutating role=responder timeout=20s
#: verify="exec 'ls patient.log' within 60s"
docker restart patient

# Stop trading, looked at briefly
#: id=own.stop risk=protective role=responder timeout=10s
#: verify="http GET http://localhost:8000/api/trading/state .emergency_stop == true within 1s"
curl -sSf --max-time 10 -H "Authorization: Bearer $TRADING_API_TOKEN" -X POST http://localhost:8000/api/trading/emergency-stop

# Nobody has looked at this one
ls /tmp
```
"""

SLOW = """echo $$ > slow.pid
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
  echo "part $i of 12"
  [ -e go ] && break
  sleep 1
done
touch slow.done
"""
HANG = "echo $$ > hang.pid; sleep 600 & wait; touch hang.done\n"
DOCKER = """case "$2" in
  fail) echo begun; echo the disk is full >&2; exit 3 ;;
  danger) echo ran >> danger.log; echo done ;;
  *) printf "%s\\n" "$2" >> word.log ;;
esac
"""


def write(folder: Path) -> Path:
    """The runbook and its lock file; its path."""
    text = shipped_text() + STEPS
    path = folder / "own.md"
    path.write_text(text, "utf-8")
    (folder / "own.md.lock").write_text(_locked(text), "utf-8")
    return path


@cache
def _locked(text: str) -> str:
    return write_lock(compile_text(text), None, reviewer="test", today=date(2026, 11, 27))


def host(rig: Rig) -> Path:
    """The working directory on the platform's host."""
    programs = rig.sandbox.platform._programs
    assert programs is not None
    return programs.host


def install(rig: Rig) -> Path:
    """Put other programs in the place of three that the compiler knows, and allow the dangerous step."""
    place = host(rig)
    tools = place.parent / "bin"
    for path, body in (
        (place / "scripts" / "backup-postgres.sh", SLOW),
        (place / "scripts" / "backup-redis.sh", HANG),
        (tools / "docker", DOCKER),
    ):
        path.write_text(f"#!/bin/sh\n{body}", "utf-8")
    (place / "allowed").write_text("")
    return place


def ran(rig: Rig) -> int:
    """How often the dangerous step has really run."""
    log = host(rig) / "danger.log"
    return len(log.read_text().splitlines()) if log.exists() else 0
