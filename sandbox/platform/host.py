"""`nginx`, `systemctl`, and the real programs of the platform's host whose use is only noted."""

from collections.abc import Sequence
from datetime import timedelta

from sandbox.platform.shell import Result, split, usage
from sandbox.platform.state import PlatformState

_CONF = "/etc/nginx/nginx.conf"
_DENIED = (
    'nginx: [alert] could not open error log file: open() "/var/log/nginx/error.log" failed (13: Permission denied)\n'
    '2026/11/27 03:20:00 [emerg] 4711#4711: open() "/run/nginx.pid" failed (13: Permission denied)\n'
)
_NOT_BOOTED = (
    "System has not been booted with systemd as init system (PID 1). Can't operate.\n"
    "Failed to connect to bus: Host is down\n"
)


def nginx(state: PlatformState, arguments: Sequence[str]) -> Result:
    words, flags = split(arguments)
    if words or set(flags) - {"-t", "-q"} or "-t" not in flags:
        return usage("nginx", "-t [-q]", arguments)
    host = state.machine
    if host.nginx_error:
        said = (
            f"nginx: [emerg] {host.nginx_error} in {_CONF}:17\nnginx: configuration file {_CONF} test failed\n"
        )
        return Result(err=said, code=1)
    if host.nginx_denied:
        return Result(err=_DENIED, code=1)
    said = f"nginx: the configuration file {_CONF} syntax is ok\nnginx: configuration file {_CONF} test is successful\n"
    return Result(err="" if "-q" in flags else said)


def systemctl(state: PlatformState, arguments: Sequence[str]) -> Result:
    if state.faults.of("systemctl").down:
        return Result(err=_NOT_BOOTED, code=1)
    words, flags = split(arguments, valued=("-p", "--property"))
    match words:
        case ["show", *names] if names and "-p" in flags:
            return Result("\n".join(_show(state, name) for name in names))
        case ["status", name]:
            return _status(state, name)
        case [("restart" | "stop" | "start") as verb, name]:
            return _change(state, verb, name)
        case _:
            return usage("systemctl", "show UNIT … -p PROPERTIES | status|restart|stop|start UNIT", arguments)


def _show(state: PlatformState, name: str) -> str:
    unit = state.machine.unit(name)
    if unit is None:
        return f"Id={name}.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n"
    return (
        f"Id={unit.name}.service\nLoadState=loaded\nActiveState={unit.active}\nSubState={unit.sub}\n"
        f"Result={unit.result}\nNRestarts={unit.restarts}\nUnitFileState={unit.enabled}\n"
    )


def _status(state: PlatformState, name: str) -> Result:
    unit = state.machine.unit(name)
    if unit is None:
        return Result(err=f"Unit {name}.service could not be found.\n", code=4)
    dot = {"active": "●", "failed": "×"}.get(unit.active, "○")
    out = (
        f"{dot} {unit.name}.service\n     Loaded: loaded (/lib/systemd/system/{unit.name}.service; {unit.enabled})\n"
        f"     Active: {unit.active} ({unit.sub})\n"
    )
    return Result(out, code=0 if unit.active == "active" else 3)


def _change(state: PlatformState, verb: str, name: str) -> Result:
    unit = state.machine.unit(name)
    if unit is None:
        return Result(err=f"Failed to {verb} {name}.service: Unit {name}.service not found.\n", code=5)
    if not state.faults.of("systemctl").deaf:
        unit.active, unit.sub = ("inactive", "dead") if verb == "stop" else ("active", "running")
        unit.result = "success"
        if unit.name == "redis":
            (state.faults.down if verb == "stop" else state.faults.up)("redis")
    return Result()


def nginx_logs(state: PlatformState, arguments: Sequence[str]) -> Result:
    """`tail` of nginx's own logs: five minutes of requests, some of them answered with 502."""
    access, errors = (f"/var/log/nginx/{name}.log" for name in ("access", "error"))
    now, said = state.now, []
    for n in range(100):
        at = now - timedelta(seconds=2 * (100 - n))
        code, size = (502, 157) if n % 100 < state.gateway_failing else (200, 1240 + n)
        stamp = at.strftime("%d/%b/%Y:%H:%M:%S +0000")
        said.append(
            f'127.0.0.1 - - [{stamp}] "GET /api/trades?limit=20 HTTP/1.1" {code} {size} "-" "terminal/2.1"'
        )
    complaint = (
        f"{now:%Y/%m/%d %H:%M:%S} [error] 812#812: *51 connect() failed (111: Connection refused) while connecting to "
        'upstream, client: 127.0.0.1, server: _, request: "GET /api/trades HTTP/1.1", '
        'upstream: "http://127.0.0.1:8000/api/trades"'
    )
    texts = {access: said, errors: [complaint] if state.gateway_failing else []}
    asked = [name for name in arguments if name in texts]
    return Result("\n".join(f"==> {name} <==\n" + "".join(f"{row}\n" for row in texts[name]) for name in asked))


def noted(_state: PlatformState, _arguments: Sequence[str]) -> Result:
    """The real program runs after this."""
    return Result()
