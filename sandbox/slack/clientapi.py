"""`/client/…`: what the demo's page shows and does in the name of a person. Loopback only, no password."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.slack import views
from sandbox.slack.core import Core
from sandbox.slack.elements import NotThereError
from sandbox.slack.errors import SlackError
from sandbox.slack.payloads import Origin, shown_view
from sandbox.slack.people import Choice, Outcome, People
from sandbox.slack.workspace import Channel, Json, Message, User, plain

_NOT_FOUND, _BAD_REQUEST = 404, 400
Act = Callable[[Json], Awaitable[Outcome]]

_PNG = b"\x89PNG\r\n\x1a\n"


class ClientApi:
    """The browser's side; every route answers JSON but the event stream and the files."""

    def __init__(self, core: Core, people: People) -> None:
        self._core = core
        self._people = people

    def routes(self) -> list[Route]:
        acts: dict[str, Act] = {
            "command": self._command,
            "message": self._message,
            "action": self._action,
            "submit": self._submit,
            "close": self._close,
            "open_home": self._open_home,
            "react": self._react,
        }
        return [
            Route("/client/boot", self.boot),
            Route("/client/messages", self.messages),
            Route("/client/events", self.events),
            Route("/client/options", self.options, methods=["POST"]),
            Route("/client/files/{id}", self.file),
            *(Route(f"/client/{name}", _answering(act), methods=["POST"]) for name, act in acts.items()),
        ]

    async def boot(self, request: Request) -> Response:
        workspace = self._core.workspace
        user = request.query_params.get("user", "")
        if user not in workspace.users:
            return _refused("user_not_found")
        workspace.im_with(user)
        modal, home = views.top(self._core, user), workspace.homes.get(user)
        seen = [each for each in workspace.channels.values() if workspace.sees(user, each)]
        return JSONResponse(
            {
                "ok": True,
                "team": {"id": workspace.team_id, "name": workspace.name, "domain": workspace.domain},
                "me": _person(workspace.users[user]),
                "users": [_person(each) for each in workspace.users.values()],
                "channels": [_channel(each, user) for each in seen],
                "usergroups": [
                    {"id": each.id, "handle": each.handle, "name": each.name, "users": each.users}
                    for each in workspace.usergroups.values()
                ],
                "commands": [
                    {
                        "command": name,
                        **self._core.command_help.get(name, {"description": "", "usage_hint": ""}),
                    }
                    for name in self._core.command_names
                ],
                "view": shown_view(modal) if modal else None,
                "home": shown_view(home) if home else None,
            }
        )

    async def messages(self, request: Request) -> Response:
        query = request.query_params
        user = query.get("user", "")
        channel = self._core.workspace.channels.get(query.get("channel", ""))
        if channel is None or not self._core.workspace.sees(user, channel):
            return _refused("channel_not_found")
        thread = query.get("thread_ts")
        shown = [plain(each) for each in visible(channel, user=user, thread_ts=thread)]
        return JSONResponse({"ok": True, "messages": shown})

    async def events(self, request: Request) -> Response:
        user = request.query_params.get("user", "")
        if user not in self._core.workspace.users:
            return _refused("user_not_found")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._core.hub.stream(user), media_type="text/event-stream", headers=headers)

    async def options(self, request: Request) -> Response:
        body = await _body(request)
        try:
            found = await self._people.options(
                self._origin(body), str(body["action_id"]), str(body.get("text", ""))
            )
        except (NotThereError, SlackError, LookupError) as problem:
            return JSONResponse({"ok": False, "error": str(problem), "text": str(problem), "options": []})
        return JSONResponse({"ok": True, "error": None, "text": "", "options": found})

    def _origin(self, body: Json) -> Origin:
        workspace, user = self._core.workspace, str(body["user"])
        if body.get("view_id"):
            return Origin(user, view=workspace.views[str(body["view_id"])])
        if body.get("home"):
            return Origin(user, view=workspace.homes[user])
        channel = workspace.channels[str(body["channel"])]
        return Origin(user, channel, channel.find(str(body["ts"])))

    async def file(self, request: Request) -> Response:
        file = self._core.workspace.files.get(request.path_params["id"])
        if file is None or file.content is None:
            return _refused("file_not_found")
        if file.content.startswith(_PNG):  # a picture cannot run anything, and people want to see it
            return Response(file.content, media_type="image/png", headers={"X-Content-Type-Options": "nosniff"})
        # As a download and as plain bytes: nothing that was uploaded is ever run in the page.
        headers = {
            "Content-Disposition": f'attachment; filename="{_safe_name(file.name)}"',
            "X-Content-Type-Options": "nosniff",
        }
        return Response(file.content, media_type="application/octet-stream", headers=headers)

    async def _command(self, body: Json) -> Outcome:
        name, _, text = str(body["text"]).strip().partition(" ")
        return await self._people.command(str(body["user"]), str(body["channel"]), text.strip(), name)

    async def _message(self, body: Json) -> Outcome:
        return await self._people.say(
            str(body["user"]), str(body["channel"]), str(body["text"]), body.get("thread_ts")
        )

    async def _action(self, body: Json) -> Outcome:
        user, action_id = str(body["user"]), str(body["action_id"])
        choice = Choice(body.get("value"), body.get("selected"), body.get("block_id"))
        if body.get("view_id"):
            return await self._people.press_in_view(user, str(body["view_id"]), action_id, choice)
        if body.get("home"):
            return await self._people.press_at_home(user, action_id, choice)
        return await self._people.press(user, str(body["channel"]), str(body["ts"]), action_id, choice)

    async def _submit(self, body: Json) -> Outcome:
        return await self._people.submit(str(body["user"]), str(body["view_id"]), body.get("values") or {})

    async def _close(self, body: Json) -> Outcome:
        return await self._people.close_view(str(body["user"]), str(body["view_id"]))

    async def _open_home(self, body: Json) -> Outcome:
        await self._people.open_home(str(body["user"]))
        return Outcome(True)

    async def _react(self, body: Json) -> Outcome:
        return await self._people.react(
            str(body["user"]), str(body["channel"]), str(body["ts"]), str(body["name"])
        )


def visible(channel: Channel, *, user: str | None, thread_ts: str | None) -> list[Message]:
    """The messages of a channel or thread, oldest first, with that person's ephemeral ones."""
    return [
        message
        for message in channel.messages
        if message.ephemeral_to in (None, user)
        and (message.in_channel if thread_ts is None else thread_ts in (message.ts, message.thread_ts))
    ]


def _answering(act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            outcome = await act(await _body(request))
        except KeyError as missing:
            return JSONResponse({"ok": False, "error": f"missing {missing}", "text": ""}, _BAD_REQUEST)
        except LookupError as missing:
            return JSONResponse({"ok": False, "error": "not_found", "text": str(missing)}, _NOT_FOUND)
        return JSONResponse(_shown_outcome(outcome))

    return endpoint


def _shown_outcome(outcome: Outcome) -> Json:
    shown: Json = {
        "ok": outcome.ok,
        "error": outcome.error,
        "text": outcome.text,
        "ack_seconds": outcome.ack_seconds,
    }
    if outcome.errors is not None:
        shown["errors"] = dict(outcome.errors)
    return shown


async def _body(request: Request) -> Json:
    try:
        body: Any = json.loads(await request.body())
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}


def _person(user: User) -> Json:
    return {
        "id": user.id,
        "name": user.name,
        "real_name": user.real_name,
        "is_bot": user.is_bot,
        "deleted": user.deleted,
    }


def _channel(channel: Channel, user: str) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_im": channel.kind == "im",
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.is_private,
        "is_archived": channel.archived,
        "is_member": user in channel.members,
        "members": channel.members,
        "topic": channel.topic,
        "purpose": channel.purpose,
    }


def _safe_name(name: str) -> str:
    return "".join(each if each.isascii() and (each.isalnum() or each in "._- ") else "_" for each in name)


def _refused(error: str) -> Response:
    return JSONResponse({"ok": False, "error": error}, _NOT_FOUND)
