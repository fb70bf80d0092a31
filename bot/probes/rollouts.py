"""Kubernetes: how far the deployments' rollouts have come, and what it warns of. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.health import Status
from bot.probes import answers
from bot.probes.judging import Finding, plural, span

_HINT = (
    "`kubectl rollout status deployment/NAME` waits for it; `/ats diag helm` has the revisions to go back to."
)
_HINT_EVENT = "`kubectl describe` of what the event names says the rest."
_SHOWN = 2  # events; the rest is counted
_LONGEST = 110  # characters of what an event says


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment, and how many of its pods are of the newest template, and serve."""

    name: str
    wanted: int
    updated: int
    available: int
    seen: bool = True  # the controller has taken the newest change up
    failed: str = ""  # why the rollout does not go on: "ProgressDeadlineExceeded"
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One of Kubernetes' warnings."""

    about: str  # "Pod ats-api-6c9f7b5d4-8xk2p"
    reason: str
    said: str
    count: int
    at: datetime | None  # the last time


def deployment(item: dict[str, Any]) -> Deployment:
    """From an item of `kubectl get deployments -o json`."""
    spec, status, metadata = (item.get(part) or {} for part in ("spec", "status", "metadata"))
    stopped = [
        str(c.get("reason") or "no reason given")
        for c in answers.tables(status.get("conditions"))
        if c.get("type") == "Progressing" and c.get("status") == "False"
    ]
    return Deployment(
        name=str(metadata.get("name", "?")),
        wanted=int(spec.get("replicas", 1)),
        updated=int(status.get("updatedReplicas") or 0),
        available=int(status.get("availableReplicas") or 0),
        seen=int(status.get("observedGeneration") or 0) >= int(metadata.get("generation") or 0),
        failed=stopped[0] if stopped else "",
        paused=bool(spec.get("paused")),
    )


def event(item: dict[str, Any]) -> Event:
    """From an item of `kubectl get events -o json`, of the old kind or the new one."""
    about, series = item.get("involvedObject") or item.get("regarding") or {}, item.get("series") or {}
    stamps = (
        series.get("lastObservedTime"),
        item.get("lastTimestamp"),
        item.get("eventTime"),
        (item.get("metadata") or {}).get("creationTimestamp"),
    )
    return Event(
        about=f"{about.get('kind', '')} {about.get('name', '?')}".strip(),
        reason=str(item.get("reason", "?"))[:60],
        said=" ".join(str(item.get("message") or item.get("note") or "").split()),
        count=int(series.get("count") or item.get("count") or 1),
        at=next((at for stamp in stamps if (at := _time(stamp))), None),
    )


def _time(stamp: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(stamp))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def rollouts(found: Sequence[Deployment]) -> list[Finding]:
    """Those that have failed, are under way or lack pods; then how many are through."""
    ill = [judged for d in found if (judged := _judge(d)) is not None]
    if not found:
        return []
    well = f"{len(found) - len(ill)} of {plural(len(found), 'deployment')} rolled out"
    return [*ill, Finding(Status.OK, well)]


def _judge(one: Deployment) -> Finding | None:
    how_far = f"{one.updated} of {one.wanted} updated"
    if one.failed:
        return Finding(
            Status.CRITICAL, f"the rollout of {one.name} has failed ({one.failed}): {how_far}", _HINT
        )
    if one.paused:
        return Finding(Status.WARNING, f"the rollout of {one.name} is paused: {how_far}", _HINT)
    if not one.seen or one.updated < one.wanted:
        return Finding(Status.WARNING, f"the rollout of {one.name} is under way: {how_far}", _HINT)
    if one.available < one.wanted:
        return Finding(Status.WARNING, f"{one.name}: {one.available} of {one.wanted} available", _HINT)
    return None


def warnings(found: Sequence[Event], now: datetime, minutes: float) -> list[Finding]:
    """The newest of the last minutes; one without a time counts as new."""
    recent = [e for e in found if e.at is None or now - e.at <= timedelta(minutes=minutes)]
    ordered = sorted(recent, key=lambda e: e.at or now, reverse=True)
    findings = [Finding(Status.WARNING, _wording(e, now), _HINT_EVENT) for e in ordered[:_SHOWN]]
    if len(ordered) > _SHOWN:
        more = plural(len(ordered) - _SHOWN, "more warning event", "more warning events")
        findings.append(Finding(Status.WARNING, f"{more} in {minutes:g} min", _HINT_EVENT))
    return findings


def _wording(one: Event, now: datetime) -> str:
    times = f" × {one.count}" if one.count > 1 else ""
    ago = f", {span(max(0.0, (now - one.at).total_seconds()))} ago" if one.at else ""
    said = one.said if len(one.said) <= _LONGEST else one.said[: _LONGEST - 1] + "…"
    return f"event {one.reason}{times} ({one.about}{ago}): {said}"
