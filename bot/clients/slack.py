"""Slack's Web API as the bot uses it: every refusal becomes one of bot.errors, nothing is retried here.

Retrying is the outbox's business (bot.jobs.deliver): a lost answer to chat.postMessage may hide a message
that was posted, so that a blind retry would post it twice.
"""

import urllib.request
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.errors import (
    AtsError,
    RateLimitedError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)

log = structlog.get_logger(__name__)

_AUTH = {
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
    "not_allowed_token_type", "no_permission", "org_login_required", "ekm_access_denied",
}  # fmt: skip
_PASSING = {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
PAGE = 200
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
HTTP_TOO_MANY = 429
HTTP_SERVER = 500


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot token is."""

    user_id: str
    bot_id: str
    team_id: str
    team: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class SlackUser:
    """A member of the workspace."""

    id: str
    name: str
    email: str
    is_bot: bool
    deleted: bool


def error_from(error: SlackApiError, method: str) -> AtsError:
    """What Slack's refusal means, in words."""
    response = error.response
    status = getattr(response, "status_code", 0)
    data = response.data if isinstance(getattr(response, "data", None), Mapping) else {}
    code = str(data.get("error") or "") if isinstance(data, Mapping) else ""
    if status == HTTP_TOO_MANY or code in {"ratelimited", "rate_limited"}:
        retry_after = _seconds(response.headers)
        return RateLimitedError(
            f"Slack asks to call {method} again in {retry_after:g} s.", retry_after=retry_after
        )
    if status >= HTTP_SERVER or code in _PASSING or not code:
        return ServerError(f"Slack failed at {method} (HTTP {status}{', ' + code if code else ''}).")
    if code in _AUTH:
        needed = f"; the scope {data.get('needed')} is needed" if data.get("needed") else ""
        return UnauthorizedError(
            f"Slack refused {method}: {code}{needed}. `ats-bot doctor` says how to mend it."
        )
    detail = "; ".join(str(m) for m in (data.get("response_metadata") or {}).get("messages") or [])
    return RejectedError(
        f"Slack refused {method}: {code}{' (' + detail[:300] + ')' if detail else ''}.", code=code
    )


def _seconds(headers: Any) -> float:
    for name, value in dict(headers or {}).items():
        if str(name).lower() == "retry-after":
            try:
                return max(0.1, float(value[0] if isinstance(value, list) else value))
            except ValueError:
                break
    return 1.0


class Slack:
    """One workspace, by its bot token."""

    def __init__(self, *, token: str, api_url: str, deadline: float = 10.0) -> None:
        self.api_url = api_url
        self.deadline = deadline
        self._token = token
        self._session: aiohttp.ClientSession | None = None
        self._web: AsyncWebClient | None = None
        self._channels: dict[str, str] = {}
        self.former: dict[str, str] = {}  # ids of channels by the names under which they were found once
        self._closed = False

    @property
    def web(self) -> AsyncWebClient:
        """The SDK's client on a connection pool of ours; made on first use inside the running loop."""
        if self._closed:  # a late asker must not open a connection pool that nobody closes
            raise UnreachableError("The bot is stopping; Slack is not asked any more.")
        if self._web is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self.deadline), connector=aiohttp.TCPConnector(limit=32)
            )
            self._web = self.plain_web()
            self._web.session = self._session
        return self._web

    @property
    def http(self) -> aiohttp.ClientSession:
        """The connection pool, for addresses that Slack hands out."""
        assert self.web.session is not None  # noqa: S101 - for the type checker: `web` makes it
        return self.web.session

    def plain_web(self) -> AsyncWebClient:
        """A client without a connection pool, which Bolt can copy for its lazy listeners."""
        client = AsyncWebClient(
            token=self._token, base_url=self.api_url, retry_handlers=[], timeout=int(self.deadline)
        )
        host = urlsplit(self.api_url).hostname or ""
        if host in _LOOPBACK or urllib.request.proxy_bypass(host):
            client.proxy = None  # the SDK takes HTTP_PROXY and knows no NO_PROXY
        return client

    async def close(self) -> None:
        """For good: asked afterwards, it raises UnreachableError."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
        self._session = self._web = None

    async def call(self, method: str, **args: Any) -> dict[str, Any]:
        """A Web API method that writes, with JSON arguments; raises bot.errors only."""
        data, _ = await self._api(method, json={k: v for k, v in args.items() if v is not None})
        return data

    async def form(self, method: str, **args: Any) -> dict[str, Any]:
        """A method that takes form arguments only, as most do that read."""
        data, _ = await self._api(method, params={k: v for k, v in args.items() if v is not None})
        return data

    async def _api(self, method: str, **how: Any) -> tuple[dict[str, Any], Mapping[str, Any]]:
        try:
            response = await self.web.api_call(method, **how)
        except SlackApiError as error:
            raise error_from(error, method) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = str(error) or f"no answer within {self.deadline:g} s"
            raise UnreachableError(f"Slack cannot be reached for {method}: {why}") from None
        except (ValueError, TypeError, AttributeError) as error:  # an answer that is not Slack's
            raise ServerError(f"Slack answered {method} with something odd: {error}") from None
        if not isinstance(response.data, dict):
            raise ServerError(f"Slack answered {method} with something that is not JSON.")
        return response.data, {str(k).lower(): v for k, v in dict(response.headers or {}).items()}

    async def identity(self) -> Identity:
        """Who we are, and which scopes the token has."""
        data, headers = await self._api("auth.test")
        scopes = headers.get("x-oauth-scopes", "")
        return Identity(
            user_id=str(data.get("user_id", "")),
            bot_id=str(data.get("bot_id", "")),
            team_id=str(data.get("team_id", "")),
            team=str(data.get("team", "")),
            scopes=frozenset(s.strip() for s in str(scopes).split(",") if s.strip()),
        )

    # Channels

    async def channel_id(self, channel: str) -> str:
        """The id of "#name" (ids pass through); raises RejectedError channel_not_found."""
        if not channel.startswith("#"):
            return channel
        if channel not in self._channels:
            await self._look_for(channel)
        return self._channels[channel]

    async def _look_for(self, channel: str) -> None:
        async for item in self._pages("conversations.list", "channels", types="public_channel,private_channel",
                                      exclude_archived="true"):  # fmt: skip
            self._channels["#" + str(item.get("name", ""))] = str(item.get("id", ""))
            if channel in self._channels:
                return
        if channel in self.former:
            log.warning(
                "the channel has another name now, or is archived; set ATS_CHANNEL to its name", channel=channel
            )
            self._channels[channel] = self.former[channel]
            return
        raise RejectedError(
            f"There is no channel {channel} that the bot can see. Create it, or invite the bot if it is private: "
            f"/invite @ats-bot in {channel}.",
            code="channel_not_found",
        )

    async def _pages(self, method: str, key: str, **args: Any) -> AsyncIterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            data = await self.form(method, limit=PAGE, cursor=cursor, **args)
            for item in data.get(key) or []:
                yield item
            cursor = (data.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return

    async def join(self, channel: str) -> str:
        """Join; the channel's id. Already being in it is fine."""
        channel_id = await self.channel_id(channel)
        await self.call("conversations.join", channel=channel_id)
        return channel_id

    async def members(self, channel: str) -> frozenset[str]:
        channel_id = await self.channel_id(channel)
        found: set[str] = set()
        cursor: str | None = None
        while True:
            data = await self.form("conversations.members", channel=channel_id, limit=PAGE, cursor=cursor)
            found.update(str(m) for m in data.get("members") or [])
            cursor = (data.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return frozenset(found)

    async def is_member(self, channel_id: str) -> bool:
        """Whether the bot is in a channel, and so may post there; of direct conversations it is not known."""
        if channel_id[:1] not in {"C", "G"}:
            return False
        try:
            data = await self.form("conversations.info", channel=channel_id)
        except RejectedError:
            return False
        return bool((data.get("channel") or {}).get("is_member"))

    async def direct(self, user_id: str) -> str:
        """The id of the direct conversation with a person."""
        data = await self.call("conversations.open", users=user_id)
        return str((data.get("channel") or {}).get("id", ""))

    # Messages

    async def post(
        self, channel_id: str, payload: Mapping[str, Any], *, thread_ts: str | None = None
    ) -> tuple[str, str]:
        """Post; (channel id, ts)."""
        data = await self.call(
            "chat.postMessage", channel=channel_id, text=payload.get("text"), blocks=payload.get("blocks"),
            thread_ts=thread_ts, unfurl_links=False, unfurl_media=False,
        )  # fmt: skip
        return str(data.get("channel") or channel_id), str(data.get("ts", ""))

    async def update(self, channel_id: str, ts: str, payload: Mapping[str, Any]) -> None:
        await self.call(
            "chat.update", channel=channel_id, ts=ts, text=payload.get("text"), blocks=payload.get("blocks")
        )

    async def ephemeral(
        self, channel_id: str, user_id: str, payload: Mapping[str, Any], *, thread_ts: str = ""
    ) -> None:
        where = {"thread_ts": thread_ts} if thread_ts else {}
        await self.call(
            "chat.postEphemeral", channel=channel_id, user=user_id, text=payload.get("text"),
            blocks=payload.get("blocks"), **where,
        )  # fmt: skip

    async def find(
        self, channel_id: str, marker: str, *, since: float, thread_ts: str | None = None
    ) -> str | None:
        """The ts of the message whose first block is `marker`, posted after `since` (Unix seconds), if any."""
        async for message in self.recent(channel_id, since=since, thread_ts=thread_ts):
            if any(block.get("block_id") == marker for block in message.get("blocks") or []):
                return str(message.get("ts", ""))
        return None

    async def recent(
        self, channel_id: str, *, since: float, thread_ts: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """The messages of a channel, or of a thread, posted after `since` (Unix seconds)."""
        method = "conversations.replies" if thread_ts else "conversations.history"
        args: dict[str, Any] = {"channel": channel_id, "oldest": f"{since:.6f}", "ts": thread_ts}
        async for message in self._pages(method, "messages", **args):
            yield message

    async def permalink(self, channel_id: str, ts: str) -> str:
        """The address of a message."""
        data = await self.form("chat.getPermalink", channel=channel_id, message_ts=ts)
        return str(data.get("permalink") or "")

    async def respond(self, response_url: str, payload: Mapping[str, Any], *, in_channel: bool = False) -> None:
        """Answer where a command or click came from; raises RejectedError once the address has expired."""
        client = AsyncWebhookClient(
            response_url, timeout=int(self.deadline), retry_handlers=[], session=self._session
        )
        client.proxy = self.web.proxy
        body = dict(payload) | {
            "response_type": "in_channel" if in_channel else "ephemeral",
            "replace_original": False,
        }
        try:
            answer = await client.send_dict(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(f"Slack's response address cannot be reached: {error}") from None
        if answer.status_code == HTTP_TOO_MANY:
            raise RateLimitedError(retry_after=_seconds(answer.headers))
        if answer.status_code >= HTTP_SERVER:
            raise ServerError(f"Slack failed to take an answer (HTTP {answer.status_code}).")
        if answer.status_code != 200:  # noqa: PLR2004
            raise RejectedError(
                f"Slack no longer takes this answer (HTTP {answer.status_code}).", code="expired_url"
            )

    async def publish_home(self, user_id: str, view: Mapping[str, Any]) -> None:
        await self.call("views.publish", user_id=user_id, view=dict(view))

    # People

    async def user(self, user_id: str) -> SlackUser:
        data = await self.form("users.info", user=user_id)
        return _user(data.get("user") or {})

    async def user_by_email(self, email: str) -> SlackUser | None:
        try:
            data = await self.form("users.lookupByEmail", email=email)
        except RejectedError as error:
            if error.code == "users_not_found":
                return None
            raise
        return _user(data.get("user") or {})

    async def usergroups(self) -> dict[str, str]:
        """User group handle → id."""
        data = await self.form("usergroups.list")
        return {str(g.get("handle", "")): str(g.get("id", "")) for g in data.get("usergroups") or []}

    async def usergroup_members(self, group_id: str) -> frozenset[str]:
        data = await self.form("usergroups.users.list", usergroup=group_id)
        return frozenset(str(u) for u in data.get("users") or [])


def _user(raw: Mapping[str, Any]) -> SlackUser:
    profile = raw.get("profile") or {}
    name = (
        profile.get("real_name") or raw.get("real_name") or profile.get("display_name") or raw.get("name") or ""
    )
    return SlackUser(
        id=str(raw.get("id", "")),
        name=str(name),
        email=str(profile.get("email") or ""),
        is_bot=bool(raw.get("is_bot")) or raw.get("id") == "USLACKBOT",
        deleted=bool(raw.get("deleted")),
    )
