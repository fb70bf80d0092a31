"""Helm: what became of the release's last revision."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.health import Reading, Status
from bot.probes import answers
from bot.probes.judging import Bounds, Finding, line, span
from bot.probes.kubernetes import refusal
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "Helm release"
_BOUNDS = Bounds("the last revision is deployed", "the last revision failed, or is stuck", "Helm's own word")
_STUCK = timedelta(minutes=15)  # Helm's own --timeout is 5 minutes
_HINT = (
    "`helm history ats -n trading` has the revisions; “Application Rollback” in the runbook goes back to one."
)


@dataclass(frozen=True, slots=True)
class Revision:
    number: int
    status: (
        str  # deployed, superseded, failed, pending-install, pending-upgrade, pending-rollback, uninstalled …
    )
    chart: str
    description: str
    updated: datetime | None


async def measure(target: Target, deadline: float, options: Options) -> tuple[Revision, ...]:
    argv = ["helm", "history", options["release"], "-n", options["namespace"], "-o", "json", "--max", "10"]
    answer = await target.run(argv, deadline=deadline)
    if answer.exit:
        raise refusal(answer.exit, target.redact(answer.stderr), "helm history")
    return parse(answer.stdout)


def parse(text: str) -> tuple[Revision, ...]:
    """Oldest first."""
    rows = answers.tables(answers.parsed(text, "helm history"))
    return tuple(sorted(map(_revision, rows), key=lambda r: r.number))


def _revision(row: dict[str, Any]) -> Revision:
    try:
        updated = datetime.fromisoformat(str(row.get("updated", "")).strip())
    except ValueError:
        updated = None
    return Revision(
        int(row.get("revision") or 0), str(row.get("status", "")).casefold(), str(row.get("chart", "?")),
        str(row.get("description", "")), updated if updated and updated.tzinfo else None,
    )  # fmt: skip


def read(revisions: tuple[Revision, ...], context: Context) -> tuple[Reading, ...]:
    """One line: the last revision, and the one that runs if that is another."""
    if not revisions:
        return (line(SYSTEM, [Finding(Status.WARNING, "no revisions", _HINT)], _BOUNDS),)
    last = revisions[-1]
    findings = [_judge(last, context)]
    running = next((r for r in reversed(revisions) if r.status == "deployed"), None)
    if running and running != last:
        findings.append(Finding(Status.OK, f"revision {running.number} ({running.chart}) is deployed"))
    return (line(SYSTEM, findings, _BOUNDS, number=float(last.number)),)


def _judge(last: Revision, context: Context) -> Finding:
    age = context.now - last.updated if last.updated else None
    ago = f", {span(age.total_seconds())} ago" if age else ""
    says = f"revision {last.number} ({last.chart}) {last.status}{ago}"
    if last.status == "deployed":
        return Finding(Status.OK, says)
    if last.status.startswith("pending"):
        stuck = age is not None and age > _STUCK
        return Finding(Status.CRITICAL if stuck else Status.WARNING, f"{says}{': stuck' * stuck}", _HINT)
    return Finding(Status.CRITICAL, f"{says}: {last.description[:120]}".rstrip(": "), _HINT)


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`helm history ats -n trading -o json`",
    normal=_BOUNDS.normal,
    warning="the last revision is pending",
    critical="the last revision failed, or is pending for > 15 min",
    source=_BOUNDS.source,
    hint="Install Helm for the bot's user, if the platform is deployed with it.",
    programs=True,
    failing=Status.UNKNOWN,
    styles=("helm",),
    options={"release": "ats", "namespace": "trading"},
)
