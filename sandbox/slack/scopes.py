"""Which bot scope each method needs, its rate tier, and whether it reads a JSON body.

Figures are Slack's published ones; a test compares them with Slack's own method documents.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sandbox.slack.errors import SlackError


@dataclass(frozen=True, slots=True)
class Method:
    """What Slack asks of the callers of one Web API method.

    Attributes:
        scope: the scope needed; `{}` stands for the kind of conversation (channels, groups, im, mpim).
        instead: the scope per kind of conversation where it is not regular.
        tier: 1 to 4 as published; 5 is "special" (posting and the like).
        json: a JSON body is read; otherwise only form fields and the query string are.
        token: "bot", "app" (the app-level token) or "none".
    """

    scope: str = ""
    tier: int = 3
    json: bool = True
    token: str = "bot"
    instead: tuple[tuple[str, str], ...] = ()

    def scope_for(self, family: str) -> str:
        return dict(self.instead).get(family) or self.scope.format(family)


_MANAGE = (("channels", "channels:manage"),)
_READ = "{}:read"
_HISTORY = "{}:history"
_WRITE = "{}:write"

METHODS: dict[str, Method] = {
    "api.test": Method(tier=4, token="none"),
    "apps.connections.open": Method(tier=3, token="app"),
    "auth.test": Method(tier=5),
    "bookmarks.add": Method("bookmarks:write", 2),
    "bookmarks.list": Method("bookmarks:read", 3),
    "chat.delete": Method("chat:write", 3),
    "chat.getPermalink": Method(tier=5, json=False),
    "chat.postEphemeral": Method("chat:write", 4),
    "chat.postMessage": Method("chat:write", 5),
    "chat.update": Method("chat:write", 3),
    "conversations.archive": Method(_WRITE, 2, instead=_MANAGE),
    "conversations.create": Method(_WRITE, 2, instead=_MANAGE),
    "conversations.history": Method(_HISTORY, 3),
    "conversations.info": Method(_READ, 3, json=False),
    "conversations.invite": Method(_WRITE, 3, instead=_MANAGE),
    "conversations.join": Method("channels:join", 3),
    "conversations.list": Method(_READ, 2, json=False),
    "conversations.members": Method(_READ, 4, json=False),
    "conversations.open": Method(_WRITE, 3, instead=_MANAGE),
    "conversations.rename": Method(_WRITE, 2, instead=_MANAGE),
    "conversations.replies": Method(_HISTORY, 3, json=False),
    "conversations.setPurpose": Method(_WRITE, 2, instead=_MANAGE),
    "conversations.setTopic": Method(_WRITE, 2, instead=_MANAGE),
    "files.completeUploadExternal": Method("files:write", 4),
    "files.getUploadURLExternal": Method("files:write", 4, json=False),
    "files.info": Method("files:read", 4, json=False),
    "pins.add": Method("pins:write", 2),
    "pins.list": Method("pins:read", 2, json=False),
    "pins.remove": Method("pins:write", 2),
    "reactions.add": Method("reactions:write", 3),
    "reactions.get": Method("reactions:read", 3, json=False),
    "reactions.remove": Method("reactions:write", 2),
    "team.info": Method("team:read", 3, json=False),
    "usergroups.list": Method("usergroups:read", 2, json=False),
    "usergroups.users.list": Method("usergroups:read", 2, json=False),
    "users.conversations": Method(_READ, 3, json=False),
    "users.info": Method("users:read", 4, json=False),
    "users.list": Method("users:read", 2, json=False),
    "users.lookupByEmail": Method("users:read.email", 3, json=False),
    "views.open": Method(tier=4),
    "views.publish": Method(tier=4),
    "views.push": Method(tier=4),
    "views.update": Method(tier=4),
}

# What the demo's app is granted, and the events it is sent, when nobody says otherwise: those of manifest.yml
# (a test holds the two together). Whoever wants more passes `scopes` and `events`.
DEMO_SCOPES = frozenset(
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
DEMO_EVENTS = frozenset({"app_home_opened", "app_mention"})

# Event name in a manifest -> the scope without which Slack does not send it.
EVENT_SCOPES: dict[str, str] = {
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "member_joined_channel": "channels:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
}


ALL_SCOPES = frozenset(
    {
        "chat:write.customize",
        "commands",
        *(scope for scope in EVENT_SCOPES.values() if scope),
        *(
            method.scope_for(family)
            for method in METHODS.values()
            for family in ("channels", "groups", "im", "mpim")
            if method.scope
        ),
    }
)


def require(granted: Collection[str], needed: str) -> None:
    """Raise Slack's `missing_scope` unless the scope is granted."""
    if needed and needed not in granted:
        raise SlackError("missing_scope", needed=needed, provided=",".join(sorted(granted)))
