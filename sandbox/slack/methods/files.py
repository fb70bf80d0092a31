"""files.*: the three-step upload, and files.info."""

import mimetypes
import secrets

from sandbox.slack.errors import InvalidArgumentsError, SlackError
from sandbox.slack.ids import new_id, seconds
from sandbox.slack.methods.call import Call
from sandbox.slack.posting import bot_fields, checked_content, post, thread_root
from sandbox.slack.workspace import Channel, Json, StoredFile

MOST_ALT = 1000  # characters of the description of a picture
MOST_BYTES = 1_073_741_824


def shown_file(call: Call, file: StoredFile) -> Json:
    extension = file.name.rpartition(".")[2].lower() if "." in file.name else "binary"
    url = f"{call.core.public_url}/client/files/{file.id}"
    mimetype = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    described = {"alt_txt": file.alt} if file.alt else {}
    return {
        **described,
        "mimetype": mimetype,
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title or file.name,
        "filetype": extension,
        "user": file.user,
        "user_team": call.workspace.team_id,
        "size": file.size,
        "mode": "hosted",
        "is_external": False,
        "is_public": bool(file.shares.get("public")),
        "url_private": url,
        "url_private_download": url,
        "permalink": url,
        "channels": [each for each in file.channels if each.startswith("C")],
        "groups": [],
        "ims": [each for each in file.channels if each.startswith("D")],
        "shares": file.shares,
    }


def get_upload_url(call: Call) -> Json:
    call.require_scope()
    name = call.args.required("filename")
    try:
        size = int(call.args.required("length"))
    except ValueError:
        raise InvalidArgumentsError("must be an integer [json-pointer:/length]") from None
    if size <= 0:
        raise InvalidArgumentsError("must be greater than 0 [json-pointer:/length]")
    if size > MOST_BYTES:
        raise SlackError("file_upload_size_restricted")
    file = StoredFile(new_id("F"), name, size, call.bot, seconds(call.core.now()))
    file.alt = call.args.text("alt_txt")
    if len(file.alt) > MOST_ALT:
        raise SlackError("alt_txt_too_large")
    token = secrets.token_urlsafe(24)
    call.workspace.files[file.id] = file
    call.core.uploads[token] = file.id
    return {"upload_url": f"{call.core.public_url}/upload/{token}", "file_id": file.id}


def complete_upload(call: Call) -> Json:
    call.require_scope()
    listed = call.args.structure("files")
    if not isinstance(listed, list) or not listed:
        raise InvalidArgumentsError("missing required field: files")
    files = [_uploaded(call, each) for each in listed]
    targets = call.args.names("channels") or call.args.names("channel_id")
    channels = [_shareable(call, target) for target in targets]
    thread_ts = call.args.text("thread_ts")
    for channel in channels:
        if thread_ts:
            thread_root(channel, thread_ts)
    for file, wanted in zip(files, listed, strict=True):
        file.title = str(wanted.get("title") or file.name)
    for channel in channels:
        _share(call, channel, files, thread_ts)
    return {"files": [shown_file(call, file) for file in files]}


def _uploaded(call: Call, listed: object) -> StoredFile:
    file = call.workspace.files.get(str(listed.get("id"))) if isinstance(listed, dict) else None
    if file is None or file.content is None:
        raise SlackError("file_not_found")
    return file


def _shareable(call: Call, target: str) -> Channel:
    channel = call.workspace.channels.get(target)
    if channel is None or not call.workspace.sees(call.bot, channel):
        raise SlackError("channel_not_found")
    if call.bot not in channel.members:
        raise SlackError("not_in_channel")
    if channel.archived:
        raise SlackError("posting_to_channel_denied")
    return channel


def _share(call: Call, channel: Channel, files: list[StoredFile], thread_ts: str) -> None:
    comment = call.args.text("initial_comment")
    blocks = call.args.structure("blocks", wrong="invalid_blocks")
    content = (
        checked_content({"text": comment or None, "blocks": blocks}) if comment or blocks else {"text": ""}
    )
    threading = {"thread_ts": thread_ts} if thread_ts else {}
    kind = "public" if channel.kind == "public" else "private"
    for file in files:
        file.channels.append(channel.id)
    data = {**bot_fields(call.core), **content, **threading, "upload": True, "files": []}
    data["files"] = [shown_file(call, file) for file in files]
    message = post(call.core, channel, data)
    for file in files:
        share = {"ts": message.ts, "channel_name": channel.name, "team_id": call.workspace.team_id}
        file.shares.setdefault(kind, {}).setdefault(channel.id, []).append(share | threading)
        call.core.hub.to_channel("file", channel, file=shown_file(call, file))


def info(call: Call) -> Json:
    call.require_scope()
    file = call.workspace.files.get(call.args.required("file"))
    if file is None or file.content is None:
        raise SlackError("file_not_found")
    return {"file": shown_file(call, file), "comments": [], "response_metadata": {"next_cursor": ""}}
