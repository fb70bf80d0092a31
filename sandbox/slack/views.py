"""Views: modals in their stacks of up to three, home tabs, and what people have entered in them."""

import secrets
import time
from typing import Any

from sandbox.slack import blockkit
from sandbox.slack.core import Core
from sandbox.slack.elements import initial_state, inputs_of
from sandbox.slack.errors import InvalidBlocksError, SlackError
from sandbox.slack.ids import new_id
from sandbox.slack.payloads import shown_view
from sandbox.slack.workspace import Json, View

MOST_STACKED = 3
MOST_BYTES = 250_000


def checked_view(core: Core, view: Any, kind: str, *, replacing: View | None = None) -> Json:
    """The view with what Slack adds; raises invalid_arguments, duplicate_external_id or view_too_large."""
    problems = blockkit.view_problems(view, kind)
    if problems:
        raise InvalidBlocksError(problems, code="invalid_arguments")
    if len(str(view)) > MOST_BYTES:
        raise SlackError("view_too_large")
    external_id = view.get("external_id") or ""
    for other in core.workspace.views.values():
        if external_id and other is not replacing and other.data["external_id"] == external_id:
            raise SlackError("duplicate_external_id")
    return _with_defaults(core, view)


def _with_defaults(core: Core, view: Json) -> Json:
    workspace = core.workspace
    defaults: Json = {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "close": None,
        "submit": None,
        "clear_on_close": False,
        "notify_on_close": False,
        "submit_disabled": False,
        "previous_view_id": None,
        "title": {"type": "plain_text", "text": "View Title", "emoji": True},
        "team_id": workspace.team_id,
        "app_id": workspace.app_id,
        "app_installed_team_id": workspace.team_id,
        "bot_id": workspace.bot_id,
    }
    given = {key: value for key, value in view.items() if value is not None}
    return defaults | given | {"blocks": blockkit.completed(view["blocks"]), "hash": new_hash()}


def new_hash() -> str:
    return f"{time.time():.0f}.{secrets.token_urlsafe(6)}"


def open_modal(core: Core, user: str, data: Json, *, above: View | None = None) -> View:
    """Show a modal to a person, as the only one or on top of another; raises push_limit_reached."""
    stack = core.workspace.stacks.setdefault(user, [])
    if above is None:
        _forget(core, user)
    elif len(stack) >= MOST_STACKED:
        raise SlackError("push_limit_reached")
    data["id"] = new_id("V", 11)
    data["root_view_id"] = above.data["root_view_id"] if above else data["id"]
    data["previous_view_id"] = above.id if above else None
    view = View(user, data, initial_state(data["blocks"]))
    core.workspace.views[view.id] = view
    core.workspace.stacks.setdefault(user, []).append(view.id)
    core.hub.to_user("view_opened", user, view=shown_view(view))
    return view


def replace(core: Core, view: View, data: Json) -> None:
    """Put new content into an open modal; what was entered in inputs that stay is kept."""
    kept = ("id", "root_view_id", "previous_view_id")
    view.data = data | {key: view.data[key] for key in kept}
    view.values = _surviving(data, view.values)
    core.hub.to_user("view_updated", view.user, view=shown_view(view))


def _surviving(data: Json, before: Json) -> Json:
    values = initial_state(data["blocks"])
    for block_id, element in inputs_of(data["blocks"]):
        action_id = element["action_id"]
        old = before.get(block_id, {}).get(action_id)
        if old is not None and old.get("type") == element["type"]:
            values.setdefault(block_id, {})[action_id] = old
    return values


def top(core: Core, user: str) -> View | None:
    """The modal that the person sees."""
    stack = core.workspace.stacks.get(user)
    return core.workspace.views[stack[-1]] if stack else None


def close(core: Core, view: View, *, everything: bool = False) -> list[View]:
    """Close a modal (and those above it, or all of them); returns the ones closed, topmost first."""
    stack = core.workspace.stacks.get(view.user, [])
    keep = 0 if everything else stack.index(view.id)
    closed = [core.workspace.views.pop(each) for each in reversed(stack[keep:])]
    del stack[keep:]
    for each in closed:
        core.hub.to_user("view_closed", view.user, view_id=each.id)
    below = top(core, view.user)
    if below is not None:
        core.hub.to_user("view_updated", view.user, view=shown_view(below))
    return closed


def _forget(core: Core, user: str) -> None:
    for view_id in core.workspace.stacks.pop(user, []):
        core.workspace.views.pop(view_id, None)
        core.hub.to_user("view_closed", user, view_id=view_id)
    core.workspace.stacks[user] = []


def publish(core: Core, user: str, data: Json) -> View:
    """Set a person's home tab."""
    before = core.workspace.homes.get(user)
    data["id"] = before.id if before else new_id("V", 11)
    data["root_view_id"] = data["id"]
    view = View(user, data, initial_state(data["blocks"]))
    core.workspace.homes[user] = view
    core.hub.to_user("home", user, view=shown_view(view))
    return view
