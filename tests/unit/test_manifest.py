"""manifest.yml against Slack's own schemas, and against what the code really calls and registers."""

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from handlers.grammar import help_rows

ROOT = Path(__file__).parents[2]
JUDGES = Path(os.environ.get("ATS_JUDGES") or ROOT.parent / "shared" / "judges") / "slack"

# Which kinds of conversation a method is used for; without an entry a method's scopes have no alternatives.
# A public channel, a private one, and the direct conversations in which people are reminded.
KINDS: dict[str, frozenset[str]] = {
    "conversations.list": frozenset({"channels:read", "groups:read"}),
    "conversations.info": frozenset({"channels:read", "groups:read"}),
    "conversations.members": frozenset({"channels:read", "groups:read"}),
    "conversations.history": frozenset({"channels:history", "groups:history", "im:history"}),
    "conversations.replies": frozenset({"channels:history", "groups:history", "im:history"}),
    "conversations.open": frozenset({"im:write"}),
}
# Slack grants an e-mail address only together with the person it belongs to.
TOGETHER = {"users:read.email": frozenset({"users:read"})}
# The scope that each event demands (docs.slack.dev/reference/events).
EVENT_SCOPES: dict[str, frozenset[str]] = {
    "app_mention": frozenset({"app_mentions:read"}),
    "app_home_opened": frozenset(),
    "message": frozenset({"channels:history"}),
    "reaction_added": frozenset({"reactions:read"}),
    "member_joined_channel": frozenset({"channels:read"}),
}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
    return loaded


def judge(relative: str) -> Path:
    path = JUDGES / relative
    if not path.exists():
        pytest.skip(f"Slack's own description is missing: {path} (set ATS_JUDGES)")
    return path


def nodes(*folders: str, leave_out: str = "") -> Iterator[ast.AST]:
    """Every node of every source file below these folders."""
    for folder in folders:
        for file in sorted(f for f in (ROOT / folder).rglob("*.py") if f.name != leave_out):
            yield from ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def literal(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def called_methods() -> set[str]:
    """The Web API methods that the bot calls: `client.views_open(…)`, or the method's name as a string."""
    names = {path.stem for path in judge("methods").glob("*.json")}
    spelled = {name.replace(".", "_"): name for name in names}
    called: set[str] = set()
    for node in nodes("bot", "handlers"):
        if isinstance(node, ast.Attribute) and node.attr in spelled:
            called.add(spelled[node.attr])
        if isinstance(node, ast.Constant) and node.value in names:
            called.add(str(node.value))
    return called


def registered(kind: str) -> set[str]:
    """What the handlers register with Bolt: the literals of `app.command("/ats")` and its like."""
    found: set[str] = set()
    for node in nodes("handlers"):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == kind:
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "app":
                found.add(literal(node.args[0]) if node.args else "*")
    return found - {""}  # a pattern, `re.compile(…)`, is for links: they open by themselves


def shown_actions() -> set[str]:
    """The action_ids of the buttons and menus in messages and on the home tab (a modal's arrive with the modal)."""
    at = {"button": 1, "overflow": 0, "static_select": 0}
    shown: set[str] = set()
    for node in nodes("bot/render", leave_out="modals.py"):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        if name in at and len(node.args) > at[name]:
            shown.add(literal(node.args[at[name]]))
    return shown - {""}


def shown_views() -> set[str]:
    return {
        literal(keyword.value)
        for node in nodes("bot/render")
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "callback_id"
    } - {""}


def least_scopes(method: str) -> frozenset[str]:
    """The scopes that one method demands of a bot token, for the conversations that it is used on."""
    described = json.loads(judge(f"methods/{method}.json").read_text(encoding="utf-8"))
    possible = frozenset(described.get("scope", {}).get("bot", []))
    chosen = KINDS.get(method, possible)
    assert chosen <= possible, f"{method} knows no scope {chosen - possible}"
    assert method in KINDS or len(possible) <= 1, f"{method}: say in KINDS which of {possible} it is used for"
    return chosen.union(*(TOGETHER.get(scope, frozenset()) for scope in chosen))


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_valid_against_slacks_schema(manifest: dict[str, Any], version: str) -> None:
    """Slack accepts the manifest as it is, under both versions of its schema."""
    schema = json.loads(judge(f"manifest.schema.{version}.json").read_text(encoding="utf-8"))
    errors = [f"{list(e.absolute_path)}: {e.message}" for e in Draft7Validator(schema).iter_errors(manifest)]
    assert errors == []


def test_the_code_calls_methods_that_are_found() -> None:
    """The search below works: it sees the calls of both ways of writing."""
    called = called_methods()
    assert {"auth.test", "chat.postMessage", "chat.update", "views.open", "users.lookupByEmail"} <= called


def test_scopes_are_exactly_those_that_are_needed(manifest: dict[str, Any]) -> None:
    """Neither a scope too few nor one too many: methods, the slash command and the events decide."""
    needed = {"commands"} if manifest["features"]["slash_commands"] else set()
    for method in called_methods():
        needed |= least_scopes(method)
    for event in manifest["settings"]["event_subscriptions"]["bot_events"]:
        needed |= EVENT_SCOPES[event]
    asked = manifest["oauth_config"]["scopes"]["bot"]
    assert sorted(asked) == sorted(needed)
    assert "user" not in manifest["oauth_config"]["scopes"]


def test_doctor_checks_the_same_scopes(manifest: dict[str, Any]) -> None:
    """What `ats-bot doctor` misses is what the manifest asks for."""
    from bot.doctor import SCOPES

    assert sorted(SCOPES) == sorted(manifest["oauth_config"]["scopes"]["bot"])


def test_commands_match_what_is_registered(manifest: dict[str, Any]) -> None:
    """Each slash command has a handler, and each handler its command."""
    declared = {command["command"] for command in manifest["features"]["slash_commands"]}
    assert declared == registered("command") == {"/ats"}


def test_events_match_what_is_registered(manifest: dict[str, Any]) -> None:
    """An event without a handler would be delivered for nothing; one without a subscription never comes."""
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == registered("event")
    assert not registered("message"), "message events are not subscribed to"


def test_shortcuts_and_options_match_what_is_registered(manifest: dict[str, Any]) -> None:
    """Neither is declared as long as neither is registered."""
    declared = {shortcut["callback_id"] for shortcut in manifest["features"].get("shortcuts", [])}
    assert declared == registered("shortcut")
    assert not registered("options"), "menus that ask for their options need a manifest entry in HTTP mode"


def test_actions_and_views_match_what_is_registered(manifest: dict[str, Any]) -> None:
    """Every button, menu and modal that is shown has its handler; no handler waits for what nobody shows."""
    assert manifest["settings"]["interactivity"]["is_enabled"] is True
    assert "incident_ack" in shown_actions()
    assert shown_actions() == registered("action")
    assert shown_views() == registered("view")


def test_usage_hint_names_every_subcommand(manifest: dict[str, Any]) -> None:
    """What Slack shows while somebody types is what the grammar knows."""
    hint = manifest["features"]["slash_commands"][0]["usage_hint"]
    hinted = {part.split()[0] for part in hint.split(" | ")}
    known = {row[0].split()[1] for row in help_rows() if len(row[0].split()) > 1}
    assert hinted == known


def test_the_app_is_as_the_docs_say(manifest: dict[str, Any]) -> None:
    """Socket Mode on, Home and Messages on, no token rotation, no org-wide deployment."""
    settings, home = manifest["settings"], manifest["features"]["app_home"]
    assert (
        manifest["display_information"]["name"] == manifest["features"]["bot_user"]["display_name"] == "ats-bot"
    )
    assert (settings["socket_mode_enabled"], settings["interactivity"]["is_enabled"]) == (True, True)
    assert (settings["token_rotation_enabled"], settings["org_deploy_enabled"]) == (False, False)
    assert (home["home_tab_enabled"], home["messages_tab_enabled"]) == (True, True)
