"""`ats-bot doctor`: what is missing or wrong, in plain words, and how to mend it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from bot import tls
from bot.app import database_url, load_rules
from bot.clients.pagerduty import PagerDuty
from bot.clients.slack import Slack
from bot.config import Settings, missing_settings
from bot.errors import AtsError, RejectedError
from bot.operations.rules import Rules
from bot.store.migrate import HEAD, current_version

SCOPES: Final = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:write",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)
SKEW: Final = 30.0  # seconds; Slack refuses signatures older than 300


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    level: str  # "ok" | "warning" | "error"
    what: str
    mend: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; one broken part never hides the others."""
    findings = [Finding("error", line) for line in missing_settings(settings) if "ten minutes" not in line]
    if not settings.webhook_secrets:
        findings.append(_no_webhook_secret())
    rules = _runbook(settings, findings)
    parts: list[Callable[[], Awaitable[list[Finding]]]] = [
        lambda: _database(settings),
        lambda: _slack(settings),
        lambda: _pagerduty(settings, rules),
        lambda: _clock(settings),
        lambda: _target(settings, rules),
    ]
    results = await asyncio.gather(*(_guarded(part) for part in parts))
    return findings + [finding for result in results for finding in result]


async def _guarded(part: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    try:
        return await part()
    except AtsError as error:
        return [Finding("error", str(error))]


def _no_webhook_secret() -> Finding:
    return Finding(
        "ok",
        "PAGERDUTY_WEBHOOK_SECRET is not set: the bot asks PagerDuty every 10 s instead of being told, which needs "
        "no inbound address and shows a change up to 15 s late.",
    )


def _runbook(settings: Settings, findings: list[Finding]) -> Rules | None:
    try:
        rules = load_rules(settings)
    except AtsError as error:
        findings.append(Finding("error", str(error)))
        return None
    errors = [d for d in rules.plan.diagnostics if d.severity == "error"]
    if errors:
        where = f"{rules.plan.path}:{errors[0].line}: {errors[0].message}"
        findings.append(
            Finding(
                "error",
                f"The runbook has {len(errors)} errors, the first: {where}",
                "`ats-bot runbook check` shows them all.",
            )
        )
    else:
        findings.append(Finding("ok", f"Runbook: {rules.name}, {len(rules.plan.entries)} entries"))
    if not settings.runbook_url:
        findings.append(
            Finding(
                "warning",
                "ATS_RUNBOOK_URL is not set: cards have no link to the runbook (its text is under the button)",
                "Set it to the address where your team reads the runbook in a browser.",
            )
        )
    if not rules.ladder:
        findings.append(
            Finding(
                "error",
                "The runbook has no escalation table: nobody would be reminded.",
                "Give it a table with the columns Role, Contact, Escalation Time, PagerDuty Schedule.",
            )
        )
    return rules


async def _database(settings: Settings) -> list[Finding]:
    url = await asyncio.to_thread(database_url, settings)
    version = await asyncio.to_thread(current_version, url)
    kind = "" if settings.database_url.get_secret_value() else " (embedded)"
    if version == HEAD:
        return [Finding("ok", f"Database{kind}: answers, schema {HEAD}")]
    return [
        Finding(
            "warning",
            f"Database{kind}: answers, schema {version or 'none yet'} instead of {HEAD}",
            "`ats-bot migrate`, or just start the bot.",
        )
    ]


async def _slack(settings: Settings) -> list[Finding]:
    token = settings.slack_bot_token.get_secret_value()
    if not token:
        return []
    slack = Slack(token=token, api_url=settings.slack_api_url)
    try:
        who = await slack.identity()
        findings = [Finding("ok", f"Slack: the bot is {who.user_id} in {who.team or who.team_id}")]
        missing = sorted(SCOPES - who.scopes) if who.scopes else []
        if missing:
            findings.append(
                Finding(
                    "error",
                    f"Slack: the token lacks {', '.join(missing)}",
                    "Update the app from manifest.yml and install it again (Install App → Reinstall).",
                )
            )
        findings.append(await _channel(slack, settings.channel))
        findings += await _app_token(settings)
    finally:
        await slack.close()
    return findings


async def _channel(slack: Slack, channel: str) -> Finding:
    try:
        await slack.join(channel)
    except RejectedError as error:
        return Finding(
            "error",
            f"Slack: the bot is not in {channel}: {error}",
            f"Create the channel, or type /invite @ats-bot in {channel}.",
        )
    return Finding("ok", f"Slack: the bot is in {channel}")


async def _app_token(settings: Settings) -> list[Finding]:
    token = settings.slack_app_token.get_secret_value()
    if not token:
        return []
    slack = Slack(token=token, api_url=settings.slack_api_url)
    try:
        await slack.call("apps.connections.open")
    except AtsError as error:
        return [
            Finding(
                "error",
                f"Slack: SLACK_APP_TOKEN does not open a socket: {error}",
                "Make an app-level token with the scope connections:write, and switch Socket Mode on.",
            )
        ]
    finally:
        await slack.close()
    return [Finding("ok", "Slack: Socket Mode opens")]


async def _pagerduty(settings: Settings, rules: Rules | None) -> list[Finding]:
    token = settings.pagerduty_api_token.get_secret_value()
    if not token:
        return []
    client = PagerDuty(token=token, api_url=settings.pagerduty_api_url)
    try:
        await client.ping()
        findings = [Finding("ok", "PagerDuty: answers and accepts the token")]
        names = {str(s.get("name") or s.get("summary")) for s in await client.schedules()}
        findings += _schedules(rules, names)
        findings += await _on_call(client, rules)
        if settings.webhook_secrets:
            findings += _subscriptions(await client.webhook_subscriptions())
    finally:
        await client.close()
    return findings


def _schedules(rules: Rules | None, names: set[str]) -> list[Finding]:
    return [
        Finding(
            "error",
            f"PagerDuty: there is no schedule {c.schedule}, which the runbook names for {c.role}",
            "Create it, or correct the name in the runbook's escalation table.",
        )
        for c in (rules.plan.contacts if rules else ())
        if c.schedule not in names
    ]


async def _on_call(client: PagerDuty, rules: Rules | None) -> list[Finding]:
    duties = await client.oncalls()
    covered = {duty.schedule for duty in duties}
    schedules = [c.schedule for c in rules.plan.contacts] if rules else []
    gaps = [
        Finding(
            "warning", f"PagerDuty: nobody is on call for {name} right now", "Fill the gap in the schedule."
        )
        for name in schedules
        if name not in covered
    ]
    sender = next((duty.user.email for duty in duties if duty.user.email), "")
    if sender and not await client.may_write(from_email=sender):
        gaps.append(
            Finding(
                "error",
                "PagerDuty: the token may only read: nobody could acknowledge from Slack",
                "Make a full-access API key (Integrations → API Access Keys), without “Read-only”.",
            )
        )
    return gaps


def _subscriptions(found: Sequence[Mapping[str, Any]]) -> list[Finding]:
    ours = [s for s in found if "/pagerduty/webhooks" in str((s.get("delivery_method") or {}).get("url"))]
    if not ours:
        return [
            Finding(
                "warning",
                "PagerDuty: no webhook subscription ends in /pagerduty/webhooks",
                "Create one (Integrations → Generic Webhooks v3), or unset PAGERDUTY_WEBHOOK_SECRET to poll instead.",
            )
        ]
    off = [
        s
        for s in ours
        if not s.get("active", True) or (s.get("delivery_method") or {}).get("temporarily_disabled")
    ]
    if off:
        return [
            Finding(
                "error",
                "PagerDuty: the webhook subscription is disabled, for it was answered with errors",
                "Check PAGERDUTY_WEBHOOK_SECRET, then enable it again in PagerDuty.",
            )
        ]
    return [Finding("ok", "PagerDuty: the webhook subscription is active")]


async def _clock(settings: Settings) -> list[Finding]:
    """Our clock against Slack's: a signature older than 5 minutes is refused on either side."""
    try:
        async with httpx.AsyncClient(timeout=5.0, verify=tls.context()) as client:
            sent = time.time()
            answer = await client.post(f"{settings.slack_api_url}api.test")
            there = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (httpx.HTTPError, KeyError, ValueError):
        return [Finding("warning", "Clock: Slack does not say what time it is, so the skew is not known")]
    skew = abs(there - (sent + time.time()) / 2)
    if skew > SKEW:
        return [
            Finding(
                "error",
                f"Clock: {skew:.0f} s away from Slack's",
                "Switch time synchronisation on (timedatectl set-ntp true).",
            )
        ]
    return [Finding("ok", "Clock: within a few seconds of Slack's")]


async def _target(settings: Settings, rules: Rules | None) -> list[Finding]:
    from bot import doctor_target

    return await doctor_target.examine(settings, rules)


def shown(findings: Sequence[Finding]) -> list[str]:
    """The report's lines, worst first."""
    order = {"error": 0, "warning": 1, "ok": 2}
    signs = {"error": "✗", "warning": "!", "ok": "✓"}
    lines = []
    for finding in sorted(findings, key=lambda f: order[f.level]):
        lines.append(f"{signs[finding.level]} {finding.what}")
        if finding.mend:
            lines.append(f"    → {finding.mend}")
    counts = {level: sum(f.level == level for f in findings) for level in order}
    lines.append(f"{counts['error']} to mend, {counts['warning']} to look at, {counts['ok']} fine.")
    return lines
