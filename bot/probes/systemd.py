"""systemd: the units that the runbook names."""

from dataclasses import dataclass

from bot.domain.health import Reading, Status
from bot.errors import RejectedError, ServerError
from bot.probes import answers
from bot.probes.judging import Bounds, Finding, line, plural
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target
from bot.targets.trouble import NOT_INSTALLED

SYSTEM = "systemd units"
_BOUNDS = Bounds("every unit active", "a unit has failed", "systemd's own word")
_SHOWN = "Id,LoadState,ActiveState,SubState,Result,NRestarts,UnitFileState"
_HINT = "`systemctl status UNIT` and `journalctl -u UNIT -n 50` say why."
_NOT_BOOTED = ("not been booted with systemd", "failed to connect to bus", "offline")


@dataclass(frozen=True, slots=True)
class Unit:
    name: str  # as asked for
    loaded: str  # loaded, not-found, masked, error
    active: str  # active, inactive, failed, activating, deactivating, reloading
    sub: str  # running, dead, exited, auto-restart
    result: str = "success"
    restarts: int = 0
    enabled: str = ""


async def measure(target: Target, deadline: float, options: Options) -> tuple[Unit, ...]:
    units: tuple[str, ...] = options["units"]
    answer = await target.run(["systemctl", "show", *units, "-p", _SHOWN, "--no-pager"], deadline=deadline)
    said = target.redact(answer.stderr or answer.stdout)
    if any(words in said.casefold() for words in _NOT_BOOTED):
        raise RejectedError("not installed: this host does not run systemd", code=NOT_INSTALLED)
    if answer.exit:
        raise ServerError(f"`systemctl show` ended with {answer.exit}: {answers.last_line(said)}")
    return parse(answer.stdout, units)


def parse(text: str, units: tuple[str, ...]) -> tuple[Unit, ...]:
    """A block for each unit, in the order asked."""
    blocks = [
        dict(row.split("=", 1) for row in block.splitlines() if "=" in row)
        for block in text.strip().split("\n\n")
    ]
    if len(blocks) != len(units) or not all("ActiveState" in block for block in blocks):
        raise ServerError("`systemctl show` did not print what was asked for. Run it by hand.")
    return tuple(_unit(name, block) for name, block in zip(units, blocks, strict=True))


def _unit(name: str, block: dict[str, str]) -> Unit:
    restarts = block.get("NRestarts", "0")
    return Unit(name, block.get("LoadState", ""), block["ActiveState"], block.get("SubState", ""),
                block.get("Result", "success"), int(restarts) if restarts.isdigit() else 0,
                block.get("UnitFileState", ""))  # fmt: skip


def read(units: tuple[Unit, ...], _context: Context) -> tuple[Reading, ...]:
    """One line: a unit that does not exist here is not worth one."""
    there = [u for u in units if u.loaded != "not-found"]
    gone = [u.name for u in units if u.loaded == "not-found"]
    if not there:
        said = f"no such unit here: {', '.join(gone)}"
        return (Reading(SYSTEM, Status.UNKNOWN, said, _BOUNDS.normal, source=_BOUNDS.source, absent=True),)
    findings = [_judge(unit) for unit in there]
    if gone:
        findings.append(Finding(Status.OK, f"not here: {', '.join(gone)}"))
    return (line(SYSTEM, findings, _BOUNDS, number=float(sum(u.restarts for u in there))),)


def _judge(unit: Unit) -> Finding:
    restarts = f", {plural(unit.restarts, 'restart')}" if unit.restarts else ""
    says = f"{unit.name} {unit.active} ({unit.sub}{restarts})"
    if unit.active == "failed" or unit.result not in {"success", ""}:
        return Finding(Status.CRITICAL, f"{says}: {unit.result}", _HINT)
    if unit.active == "inactive" and not unit.enabled.startswith("enabled"):
        return Finding(Status.OK, f"{says}, not enabled")
    return Finding(Status.OK if unit.active in {"active", "reloading"} else Status.WARNING, says, _HINT)


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`systemctl show` of each unit: state, result, restarts",
    normal=_BOUNDS.normal,
    warning="an enabled unit is not active",
    critical="a unit has failed",
    source=_BOUNDS.source,
    hint="Run `systemctl status` by hand as the bot's user.",
    programs=True,
    failing=Status.UNKNOWN,
    options={"units": ("redis", "nginx")},
)
