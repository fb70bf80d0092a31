"""Real executables for the platform's host, and its log files."""

import asyncio
import base64
import json
import os
import secrets
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.platform import cluster, docker, garbage, host, pm2, storage
from sandbox.platform.faults import PROGRAMS
from sandbox.platform.shell import Program, Result
from sandbox.platform.state import PlatformState

_PROGRAMS: dict[str, Program] = {
    "pm2": pm2.run,
    "docker": docker.run,
    "helm": cluster.helm,
    "kubectl": cluster.kubectl,
    "aws": storage.aws,
    "nginx": host.nginx,
    "systemctl": host.systemctl,
    "nginx-logs": host.nginx_logs,
    "git": host.noted,
    "cp": host.noted,
    "backup-postgres.sh": storage.backup_postgres,
    "backup-redis.sh": storage.backup_redis,
}


class Programs:
    """The directory of executables, and the port through which they ask.

    Args:
        state: what they show and change.
        folder: gets `bin/` (for PATH), `host/` (the working directory) and `var-log/`.
    """

    def __init__(self, state: PlatformState, folder: Path) -> None:
        self._state = state
        self._secret = secrets.token_hex(16)
        self.bin = folder / "bin"
        self.host = folder / "host"
        self.var_log = folder / "var-log"
        self.pm2_home = folder / "pm2"
        self.app = Starlette(routes=[Route("/", self._run, methods=["POST"])])

    def write(self, port: int) -> None:
        """Write every program and file; `port` is where `app` is served."""
        for folder in (self.bin, self.host / "scripts", self.host / "logs", self.var_log):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(__file__).with_name("client.py"), self.bin / ".client.py")
        (self.bin / ".platform.json").write_text(
            json.dumps({"port": port, "secret": self._secret}), encoding="utf-8"
        )
        (self.bin / ".platform.json").chmod(0o600)
        for name, program in _PROGRAMS.items():
            folder = self.host / "scripts" if name.endswith(".sh") else self.bin
            _executable(folder / name, self._noted(name) if program is host.noted else self._call(name))
        _executable(self.bin / "sudo", _SUDO)
        nginx = self._call("nginx-logs").strip()
        _executable(self.bin / "tail", _TAIL.format(logs=shlex.quote(str(self.var_log)), nginx=nginx))
        self._state.on_log = self.write_logs
        self._pm2_home()
        self.write_logs()

    def _pm2_home(self) -> None:
        """As if a daemon of ours ran: whoever looks for its process finds the sandbox."""
        self.pm2_home.mkdir(parents=True, exist_ok=True)
        (self.pm2_home / "pm2.pid").write_text(f"{os.getpid()}\n", encoding="utf-8")

    def write_logs(self) -> None:
        """Bring the log files up to the state of things."""
        _write_lines(self.host / "logs" / "combined.log", self._state.log)
        for backup in self._state.backups:
            _write_lines(self.var_log / f"{backup.store}-backup.log", backup.log)

    def _noted(self, name: str) -> str:
        """A real program on real files: the sandbox only keeps what was done."""
        python, client = shlex.quote(sys.executable), shlex.quote(str(self.bin / ".client.py"))
        real = shlex.quote(shutil.which(name) or f"/usr/bin/{name}")
        return f'{python} -S -E {client} {name} "$@" || exit\nexec {real} "$@"\n'

    def _call(self, name: str) -> str:
        python, client = shlex.quote(sys.executable), shlex.quote(str(self.bin / ".client.py"))
        return f'exec {python} -S -E {client} {name} "$@"\n'

    async def _run(self, request: Request) -> Response:
        asked = await request.json()
        if not secrets.compare_digest(str(asked.get("secret", "")), self._secret):
            return JSONResponse(_body(Result(err="Wrong secret.\n", code=77)), status_code=403)
        result = await self._answer(asked)
        return JSONResponse(_body(result))

    async def _answer(self, asked: dict[str, Any]) -> Result:
        name, arguments = asked["program"], asked["arguments"]
        system = name if name in PROGRAMS else "backup" if name.startswith("backup-") else "host"
        if system in PROGRAMS:
            fault = self._state.faults.of(system)
            await asyncio.sleep(fault.delay)
            if fault.hanging:
                return Result(follow=True)
            if fault.garble:
                return Result(raw=garbage.data(fault.garble), pause=garbage.pause(fault.garble))
        result = _PROGRAMS[name](self._state, arguments)
        environment = tuple(asked["environment"])
        self._state.record(
            system,
            (name, *arguments),
            exit_code=result.code,
            directory=asked["directory"],
            environment=environment,
        )
        return result


_SUDO = """# As on a host where the bot's user may do exactly this much as root.
case "$1" in
  nginx|systemctl) exec "$@" ;;
esac
echo "sudo: a password is required" >&2
exit 1
"""
_TAIL = """# The runbook reads /var/log/…-backup.log of the platform's host, which is this directory's business.
logs={logs}
case "$*" in */var/log/nginx/*) {nginx} ;; esac
for argument in "$@"; do
  shift
  case "$argument" in
    /var/log/postgres-backup.log|/var/log/redis-backup.log) argument="$logs/${{argument##*/}}" ;;
  esac
  set -- "$@" "$argument"
done
for real in /usr/bin/tail /bin/tail; do
  [ -x "$real" ] && exec "$real" "$@"
done
echo "tail: not found on this machine" >&2
exit 127
"""


def _body(result: Result) -> dict[str, Any]:
    return {
        "out": result.out,
        "err": result.err,
        "code": result.code,
        "follow": result.follow,
        "pause": result.pause,
        "next": list(result.next),
        "raw": base64.b64encode(result.raw).decode(),
    }


def _executable(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}", encoding="utf-8")
    path.chmod(0o755)


def _write_lines(path: Path, lines: object) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")  # type: ignore[attr-defined]
