"""What `ats-bot doctor` finds out about the target: the way to it, its programs, its database."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from bot import probes
from bot.app import database_url, make_target, probe_settings
from bot.config import Settings
from bot.doctor import Finding
from bot.domain.health import Status
from bot.errors import AtsError
from bot.operations.rules import Rules
from bot.targets import Target
from bot.targets.sql import place
from runbook.model import Plan

_MISSING = 'for p in "$@"; do command -v "$p" >/dev/null || echo "$p"; done'
_MAY_USE_RESERVED = """
SELECT rolsuper OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname IN ('pg_use_reserved_connections') AND
       pg_has_role(current_user, r.oid, 'MEMBER')), current_database(), pg_postmaster_start_time()::text
FROM pg_roles WHERE rolname = current_user
"""


async def examine(settings: Settings, rules: Rules | None) -> list[Finding]:
    """The way there first: when it is barred, nothing behind it is asked."""
    target = make_target(settings)
    try:
        findings = [await _way(target)]
        if findings[0].level == "error":
            return findings
        if rules is not None:
            findings += await _programs(target, rules.plan)
        findings += await _database(settings, target)
        findings += _token(settings)
        return findings + await _systems(settings, target, rules)
    finally:
        await target.close()


async def _way(target: Target) -> Finding:
    """Whether a program runs there, in the working directory; over SSH that proves key and host key, too."""
    try:
        ran = await target.run(["pwd"])
    except AtsError as error:
        what, _, mend = str(error).partition(". ")
        return Finding("error", f"Target: {target.where}: {what}", mend)
    where = ran.stdout.strip()
    if target.settings.cwd is None:
        mend = "Set cwd under [target] to the platform's checkout: the runbook's paths are relative to it."
        return Finding("warning", f"Target: {target.where}: programs run in {where}, no directory is set", mend)
    return Finding("ok", f"Target: {target.where}: programs run in {where}")


async def _programs(target: Target, plan: Plan) -> list[Finding]:
    """Which of the programs that the runbook's steps run are missing."""
    wanted = sorted({p for e in plan.entries for s in e.steps if s.program for p in _named(s.program)})
    try:
        ran = await target.run(["sh", "-c", _MISSING, "sh", *wanted])
    except AtsError as error:
        return [Finding("error", f"Target: its programs are not known: {error}")]
    missing = ran.stdout.split()
    if not missing:
        return [Finding("ok", f"Target: all {len(wanted)} programs of the runbook's steps are there")]
    mend = "Install them, or set path under [target]: what a login shell adds to PATH is not there for a bot."
    return [Finding("warning", f"Target: no {', '.join(missing)} on PATH", mend)]


def _named(program: Mapping[str, Any]) -> Iterator[str]:
    """The programs of a step."""
    if program["op"] == "exec" and isinstance(program["argv"][0], str):
        yield program["argv"][0]
    for item in program.get("items", ()):
        yield from _named(item)


async def _database(settings: Settings, target: Target) -> list[Finding]:
    ordinary, reserved = target.settings.database_url, target.settings.reserved_database_url
    if not ordinary:
        return [
            Finding("warning", "Target: DATABASE_URL is not set, so no SQL step runs", "Set it under [target].")
        ]
    place(ordinary)  # raises when it is no address
    own = await asyncio.to_thread(database_url, settings)
    if target.settings.ssh is None and _identity(own) == _identity(ordinary):
        what = "Target: its DATABASE_URL is the bot's own database"
        return [Finding("error", what, "Set database_url under [target] to the trading platform's.")]
    if not reserved:
        what = "Target: no reserved_database_url is set: with a full pool nobody can look inside"
        mend = "Set it to a role with pg_use_reserved_connections (PostgreSQL 16), or a superuser."
        return [Finding("warning", what, mend)]
    return [await _reserved(target)]


def _identity(url: str) -> tuple[object, ...]:
    parts = conninfo_to_dict(url)
    local = {None: "localhost", "127.0.0.1": "localhost", "::1": "localhost"}
    host = parts.get("host")
    return (
        local.get(host if host is None else str(host), host),
        str(parts.get("port") or 5432),
        parts.get("dbname"),
    )


async def _reserved(target: Target) -> Finding:
    """Whether the reserved role may use reserved connections, of the same database."""
    settings = replace(target.settings, database_url=target.settings.reserved_database_url, ssh=None)
    other = Target(settings, line=target.line)
    try:
        may, *reserved = (await other.sql(_MAY_USE_RESERVED)).rows[0]
        _, *ordinary = (await target.sql(_MAY_USE_RESERVED)).rows[0]
    except AtsError as error:
        return Finding("error", f"Target: its reserved connection: {error}", "Correct reserved_database_url.")
    if reserved != ordinary:
        what = "Target: reserved_database_url is another database than database_url"
        return Finding("error", what, "Both must be the same database, as different roles.")
    if not may:
        what = "Target: the role of reserved_database_url may not use the reserved connections"
        return Finding(
            "error", what, "GRANT pg_use_reserved_connections TO it (PostgreSQL 16), or take a superuser."
        )
    return Finding("ok", "Target: the reserved connection works")


def _token(settings: Settings) -> list[Finding]:
    if settings.target.api_token.get_secret_value():
        return []
    mend = "Set api_token under [target] (or ATS_TARGET__API_TOKEN_FILE): the vault has it."
    return [Finding("warning", "Target: no api_token is set, so the trading API will say 401", mend)]


async def _systems(settings: Settings, target: Target, rules: Rules | None) -> list[Finding]:
    asked = probes.Context(rules.plan.baseline if rules else (), settings=probe_settings(settings))
    report = await probes.examine(target, asked)
    return [
        Finding(
            "ok" if r.status is Status.OK else "warning",
            f"Target: {r.system}: {r.value}",
            r.hint if r.status is not Status.OK else "",
        )
        for r in report.readings
    ]
