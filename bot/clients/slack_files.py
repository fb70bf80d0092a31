"""Files for Slack: the bytes go up first, unseen; then all files of a message are shared in one call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.clients.slack import HTTP_SERVER, HTTP_TOO_MANY, Slack
from bot.errors import RateLimitedError, RejectedError, ServerError, UnreachableError

OK = 200


@dataclass(frozen=True, slots=True)
class Shared:
    """A file as it was shared."""

    file_id: str
    permalink: str
    ts: str  # of the message that shows it, if Slack says


async def upload(slack: Slack, name: str, content: bytes, *, alt: str = "") -> str:
    """Bring the bytes to Slack; the file's id. Nobody sees it before it is shared; raises bot.errors."""
    data = await slack.form(
        "files.getUploadURLExternal", filename=name, length=len(content), alt_txt=alt or None
    )
    await _send(slack, str(data.get("upload_url") or ""), content)
    return str(data.get("file_id") or "")


async def _send(slack: Slack, url: str, content: bytes) -> None:
    try:
        async with slack.http.post(url, data=content) as answer:
            status = answer.status
            wait = answer.headers.get("Retry-After", "1")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise UnreachableError(f"Slack's upload address cannot be reached: {error}") from None
    if status == HTTP_TOO_MANY:
        raise RateLimitedError(retry_after=float(wait) if wait.isdigit() else 1.0)
    if status >= HTTP_SERVER:
        raise ServerError(f"Slack failed to take a file (HTTP {status}).")
    if status != OK:
        raise RejectedError(f"Slack does not take the file (HTTP {status}).", code="upload_refused")


async def share(
    slack: Slack, channel_id: str, files: Sequence[Mapping[str, Any]], *, comment: str, thread_ts: str | None
) -> tuple[Shared, ...]:
    """Show uploaded files ({"id","title"} each) in one message."""
    data = await slack.call(
        "files.completeUploadExternal",
        files=[{"id": f["id"], "title": f["title"]} for f in files],
        channel_id=channel_id,
        thread_ts=thread_ts,
        initial_comment=comment or None,
    )
    return tuple(_shared(raw, channel_id) for raw in data.get("files") or [])


def _shared(raw: Mapping[str, Any], channel_id: str) -> Shared:
    places = [place for kind in (raw.get("shares") or {}).values() for place in kind.get(channel_id) or []]
    return Shared(
        str(raw.get("id", "")),
        str(raw.get("permalink") or ""),
        str(places[0].get("ts") or "") if places else "",
    )


async def find(
    slack: Slack, channel_id: str, file_id: str, *, since: float, thread_ts: str | None
) -> tuple[Shared, ...]:
    """The files of the message in which an earlier try has shared this one; none if it has not."""
    async for message in slack.recent(channel_id, since=since, thread_ts=thread_ts):
        files = message.get("files") or []
        if any(raw.get("id") == file_id for raw in files):
            ts = str(message.get("ts", ""))
            return tuple(Shared(str(raw.get("id", "")), str(raw.get("permalink") or ""), ts) for raw in files)
    return ()
