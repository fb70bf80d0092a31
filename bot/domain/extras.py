"""What an incident has besides its status: responders, bridge, fields, roles. The newest word on each counts."""

from collections.abc import Mapping
from typing import Any

from bot.domain import happenings
from bot.domain.pagerduty import PdEvent, text


def with_event(known: Mapping[str, Any], event: PdEvent) -> dict[str, Any]:
    """`known` after the event; the same whatever order events come in."""
    kept = dict(known)
    for group, name, value in _told(event):
        of_group = dict(kept.get(group) or {})
        new = {"at": event.at.isoformat(), "id": event.id, **value}
        old = of_group.get(name) or {}
        if _age(new) >= _age(old):
            of_group[name] = new
        kept[group] = of_group
    return kept


def _age(value: Mapping[str, Any]) -> tuple[str, str]:
    return str(value.get("at") or ""), str(value.get("id") or "")


def _told(event: PdEvent) -> list[tuple[str, str, dict[str, Any]]]:
    data = event.data
    match event.type:
        case "incident.responder.added" | "incident.responder.replied":
            state = "asked" if event.type.endswith("added") else text(data.get("state"))
            return [("responders", p.pd_id or p.name, {"name": p.name, "state": state}) for p in event.people]
        case "incident.conference_bridge.updated":
            return [("bridge", "bridge", {"text": happenings.bridge(data)})]
        case "incident.custom_field_values.updated":
            return [
                ("fields", name, {"value": value}) for name, value in happenings.changed_fields(data).items()
            ]
        case "incident.role.assigned":
            role = happenings.role(data)
            return [("roles", role, {"name": p.name, "pd_id": p.pd_id}) for p in event.people] if role else []
        case _:
            return []


def bridge(extra: Mapping[str, Any]) -> str:
    """Address and numbers of the conference bridge."""
    return str(((extra.get("bridge") or {}).get("bridge") or {}).get("text") or "")
