"""What the app is sent: commands, interactions and events, with the fields that Slack sends."""

import base64
import json
import time
import uuid
from dataclasses import dataclass

from sandbox.slack.core import Core
from sandbox.slack.ids import new_id
from sandbox.slack.workspace import Channel, Json, Message, View, plain

# The old "verification token"; apps check the signature instead.
VERIFICATION_TOKEN = "sandbox-verification-token"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a person pressed something: on a message, in a view, or on the home tab."""

    user: str
    channel: Channel | None = None
    message: Message | None = None
    view: View | None = None


def client_message_id() -> str:
    return str(uuid.uuid4())


def channel_name(channel: Channel) -> str:
    return {"im": "directmessage", "private": "privategroup"}.get(channel.kind, channel.name)


def response_url(core: Core, channel: Channel, user: str, message: Message | None = None) -> str:
    token = core.response_urls.issue(
        channel.id,
        user,
        message_ts=message.ts if message else None,
        thread_ts=message.thread_ts if message else None,
    )
    return f"{core.public_url}/response/{channel.id}/{token}"


def command(core: Core, user: str, channel: Channel, name: str, text: str) -> Json:
    workspace = core.workspace
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.team_id,
        "team_domain": workspace.domain,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": user,
        "user_name": workspace.users[user].name,
        "command": name,
        "text": text,
        "api_app_id": workspace.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url(core, channel, user),
        "trigger_id": core.triggers.issue(user),
    }


def block_actions(core: Core, origin: Origin, action: Json, state: Json) -> Json:
    payload = _interaction(core, "block_actions", origin.user)
    payload["trigger_id"] = core.triggers.issue(origin.user)
    payload["container"] = _container(origin)
    if origin.channel is not None and origin.message is not None:
        payload |= _on_message(core, origin.channel, origin.message, origin.user)
        payload["state"] = {"values": state}
    elif origin.view is not None:
        payload["view"] = shown_view(origin.view)
    payload["actions"] = [action]
    return payload


def block_suggestion(core: Core, origin: Origin, element: Json, block_id: str, text: str) -> Json:
    payload = _interaction(core, "block_suggestion", origin.user)
    payload["container"] = _container(origin)
    payload |= {"action_id": element["action_id"], "block_id": block_id, "value": text}
    if origin.channel is not None and origin.message is not None:
        payload["channel"] = {"id": origin.channel.id, "name": channel_name(origin.channel)}
        payload["message"] = plain(origin.message)
    elif origin.view is not None:
        payload["view"] = shown_view(origin.view)
    return payload


def view_submission(core: Core, view: View) -> Json:
    payload = _interaction(core, "view_submission", view.user)
    payload["trigger_id"] = core.triggers.issue(view.user)
    payload["view"] = shown_view(view)
    payload["response_urls"] = []
    return payload


def view_closed(core: Core, view: View, *, cleared: bool) -> Json:
    payload = _interaction(core, "view_closed", view.user)
    payload["view"] = shown_view(view)
    payload["is_cleared"] = cleared
    return payload


def shown_view(view: View) -> Json:
    """The view with its state, as the app sees it."""
    data: Json = json.loads(json.dumps(view.data))
    data["state"] = {"values": json.loads(json.dumps(view.values))}
    return data


def event_callback(core: Core, event: Json) -> Json:
    workspace = core.workspace
    event_id = new_id("Ev", 12)
    context = json.dumps({"tid": workspace.team_id, "aid": workspace.app_id, "eid": event_id})
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.team_id,
        "context_team_id": workspace.team_id,
        "context_enterprise_id": None,
        "api_app_id": workspace.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(float(event.get("event_ts", time.time()))),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team_id,
                "user_id": workspace.bot_user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": "4-" + base64.urlsafe_b64encode(context.encode()).decode().rstrip("="),
    }


def _interaction(core: Core, kind: str, user: str) -> Json:
    workspace = core.workspace
    person = workspace.users[user]
    return {
        "type": kind,
        "user": {"id": user, "username": person.name, "name": person.name, "team_id": workspace.team_id},
        "api_app_id": workspace.app_id,
        "token": VERIFICATION_TOKEN,
        "team": {"id": workspace.team_id, "domain": workspace.domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _container(origin: Origin) -> Json:
    if origin.message is not None and origin.channel is not None:
        container: Json = {
            "type": "message",
            "message_ts": origin.message.ts,
            "channel_id": origin.channel.id,
            "is_ephemeral": origin.message.ephemeral_to is not None,
        }
        if origin.message.thread_ts is not None:
            container["thread_ts"] = origin.message.thread_ts
        return container
    return {"type": "view", "view_id": origin.view.id if origin.view else ""}


def _on_message(core: Core, channel: Channel, message: Message, user: str) -> Json:
    fields: Json = {
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "response_url": response_url(core, channel, user, message),
    }
    # Of an ephemeral message Slack keeps nothing that it could send along.
    if message.ephemeral_to is None:
        fields["message"] = plain(message)
    return fields
