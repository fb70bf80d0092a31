import pytest
import yaml

from sandbox.slack.errors import SlackError
from sandbox.slack.methods import HANDLERS
from sandbox.slack.scopes import ALL_SCOPES, DEMO_EVENTS, DEMO_SCOPES, METHODS, require
from tests.unit.sandbox.slack.judge import ROOT, official

# Slack publishes no document of this one.
UNDOCUMENTED = {"team.info"}
FAMILIES = ("channels", "groups", "im", "mpim")


@pytest.mark.parametrize("name", sorted(METHODS.keys() - UNDOCUMENTED))
def test_scope_is_one_that_slack_documents_for_a_bot(name: str) -> None:
    """Whatever scope the local Slack asks for is among those that Slack's document names, and none goes unasked."""
    documented = set(official(f"methods/{name}.json").get("scope", {}).get("bot", []))
    method = METHODS[name]
    families = FAMILIES if "{}" in method.scope else FAMILIES[:1]
    asked = {method.scope_for(family) for family in families} - {""}
    assert asked <= documented
    assert bool(asked) == bool(documented)


@pytest.mark.parametrize("name", sorted(METHODS.keys() - UNDOCUMENTED))
def test_rate_tier_is_the_documented_one(name: str) -> None:
    """A method's tier is the one that Slack publishes (t5 stands for a limit of its own)."""
    assert f"t{METHODS[name].tier}" == official(f"methods/{name}.json")["rate_limits"]


@pytest.mark.parametrize("name", sorted(METHODS.keys() - UNDOCUMENTED))
def test_json_bodies_are_read_where_slack_reads_them(name: str) -> None:
    """A method reads a JSON body exactly when Slack's document says so."""
    assert METHODS[name].json == bool(official(f"methods/{name}.json").get("json_input_supported"))


def test_every_method_has_a_handler_and_a_scope() -> None:
    """The table of scopes and the table of handlers name the same methods."""
    assert METHODS.keys() == HANDLERS.keys()


def test_demo_grants_what_the_manifest_asks_for() -> None:
    """The default scopes and events are those of manifest.yml, so that the demo shows a missing one at once."""
    manifest = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
    assert frozenset(manifest["oauth_config"]["scopes"]["bot"]) == DEMO_SCOPES
    assert frozenset(manifest["settings"]["event_subscriptions"]["bot_events"]) == DEMO_EVENTS


def test_missing_scope_says_what_is_needed_and_what_there_is() -> None:
    """A refusal names the scope needed and those provided."""
    with pytest.raises(SlackError) as refusal:
        require({"commands", "chat:write"}, "pins:write")
    assert refusal.value.body() == {
        "ok": False,
        "error": "missing_scope",
        "needed": "pins:write",
        "provided": "chat:write,commands",
    }


def test_all_scopes_hold_no_placeholder() -> None:
    """The list of every scope has real names only."""
    assert not {scope for scope in ALL_SCOPES if "{" in scope or not scope}
