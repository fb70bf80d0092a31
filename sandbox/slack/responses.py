"""What arrives at a `response_url`, and the bytes that arrive at an upload URL."""

import asyncio
import json

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from sandbox.slack.api import spoiled
from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Faults
from sandbox.slack.posting import bot_fields, change, checked_content, post, remove, thread_root
from sandbox.slack.responseurls import ResponseUrl
from sandbox.slack.workspace import Channel, Json, Message

_BAD_REQUEST, _NOT_FOUND = 400, 404


class Responses:
    """The addresses that Slack hands out for one purpose each."""

    def __init__(self, core: Core, faults: Faults) -> None:
        self._core = core
        self._faults = faults

    async def respond(self, request: Request) -> Response:
        """Five uses within thirty minutes; 404 after."""
        fault = self._faults.take("response_url")
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.spoils_answer and not fault.after:
            return await spoiled(None, fault, self._faults, request)
        answer = await self._respond(request)
        if fault is not None and fault.spoils_answer:
            return await spoiled(None, fault, self._faults, request)
        return answer

    async def _respond(self, request: Request) -> Response:
        channel_id = request.path_params["channel"]
        channel = self._core.workspace.channels.get(channel_id)
        target = self._core.response_urls.find(channel_id, request.path_params["token"])
        if target is None or channel is None:
            return JSONResponse({"ok": False, "error": "used_url"}, _NOT_FOUND)
        try:
            source = json.loads(await request.body())
        except ValueError:
            return JSONResponse({"ok": False, "error": "invalid_payload"}, _BAD_REQUEST)
        target.uses += 1
        try:
            self._deliver(channel, target, source)
        except SlackError as refusal:
            return JSONResponse(refusal.body(), 200 if refusal.code == "no_text" else _BAD_REQUEST)
        return PlainTextResponse("ok")

    def _deliver(self, channel: Channel, target: ResponseUrl, source: Json) -> None:
        core = self._core
        original = channel.find(target.message_ts) if target.message_ts else None
        if source.get("delete_original"):
            remove(core, channel, _present(original))
            return
        content = checked_content(source)
        if source.get("replace_original") and target.message_ts:
            change(core, channel, _present(original), content, core.workspace.bot_user)
            return
        public = source.get("response_type") == "in_channel"
        thread_ts = source.get("thread_ts")
        threading = {"thread_ts": thread_root(channel, str(thread_ts)).ts} if thread_ts else {}
        data = {**bot_fields(core), **content, **threading}
        post(core, channel, data, ephemeral_to=None if public else target.user)

    async def upload(self, request: Request) -> Response:
        """The bytes of a file whose upload URL was asked for; the length must be the one announced."""
        file_id = self._core.uploads.get(request.path_params["token"])
        file = self._core.workspace.files.get(file_id or "")
        if file is None:
            return PlainTextResponse("not found", _NOT_FOUND)
        content = await _uploaded_bytes(request)
        if len(content) != file.size:
            return PlainTextResponse("length mismatch", _BAD_REQUEST)
        file.content = content
        return PlainTextResponse(f"OK - {len(content)}")


def _present(message: Message | None) -> Message:
    if message is None:
        raise SlackError("message_not_found")
    return message


async def _uploaded_bytes(request: Request) -> bytes:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    form = await request.form()
    for value in form.values():
        if isinstance(value, UploadFile):
            return await value.read()
    return b""
