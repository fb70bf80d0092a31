"""The whole sandbox on one port."""

from typing import Any

import httpx
import pytest

from sandbox.clock import SandboxClock
from sandbox.server import Sandbox

Served = tuple[Sandbox, httpx.AsyncClient]


async def test_everything_is_on_one_port(served: Served) -> None:
    """The page, its files, Slack, PagerDuty, the platform and the controls answer at one address."""
    _, client = served
    for path in ("/", "/static/js/main.js", "/static/css/base.css", "/favicon.ico", "/control/state"):
        assert (await client.get(path)).status_code == 200, path
    assert (await client.get("/slack/client/boot", params={"user": "U0CTO"})).json()["me"]["id"] == "U0CTO"
    assert (await client.get("/pagerduty/users")).status_code == 401
    assert (await client.get("/platform/rate-gate-3001/status")).status_code == 200


async def test_the_page_forbids_what_it_does_not_need(served: Served) -> None:
    """Its policy allows its own files alone, and nobody may frame it."""
    _, client = served
    headers = (await client.get("/")).headers
    assert headers["content-security-policy"].startswith("default-src 'self'; object-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "require-trusted-types-for 'script'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-cache"


async def test_the_page_needs_nothing_from_elsewhere(served: Served) -> None:
    """No inline script or style, no foreign address, in the page or its files."""
    _, client = served
    page = (await client.get("/")).text
    assert "<style" not in page
    assert "style=" not in page
    assert "onclick" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert page.count("<script") == page.count('<script type="module" src="/static/')


@pytest.mark.parametrize("path", ["/", "/control/state", "/slack/client/boot?user=U0CTO", "/pagerduty/users"])
async def test_a_foreign_host_is_refused_everywhere(served: Served, path: str) -> None:
    """A name that somebody else resolves to this machine gets nothing."""
    _, client = served
    answer = await client.get(path, headers={"host": "rebound.example:8025"})
    assert (answer.status_code, answer.json()) == (403, {"ok": False, "error": "foreign_host"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/control/clock", {"minutes": 15}),
        ("/slack/client/message", {"user": "U0CTO", "channel": "C0OPS", "text": "x"}),
        ("/slack/api/chat.postMessage", {"channel": "C0OPS", "text": "x"}),
    ],
)
async def test_another_site_changes_nothing(served: Served, path: str, body: dict[str, Any]) -> None:
    """A POST with a foreign Origin is refused before it does anything."""
    sandbox, client = served
    answer = await client.post(path, json=body, headers={"origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["error"]) == (403, "foreign_origin")
    assert sandbox.clock.offset == SandboxClock().offset
    assert sandbox.slack.messages("C0OPS") == []


def test_the_bots_settings_name_this_sandbox() -> None:
    """Socket Mode by default, HTTP mode with a request URL; the addresses are those that are mounted."""
    socket = Sandbox.build(base_url="http://127.0.0.1:1234/")
    assert socket.base_url == "http://127.0.0.1:1234"
    http = Sandbox.build(request_url="http://127.0.0.1:8000/slack/events")
    for sandbox, way, other in (
        (socket, "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"),
        (http, "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"),
    ):
        settings = sandbox.slack_environment()
        assert way in settings
        assert other not in settings
        assert settings["SLACK_API_URL"] == f"{sandbox.base_url}/slack/api/"


async def test_all_settings_of_the_bot(served: Served) -> None:
    """Slack's, PagerDuty's and the platform's, all at once, after the start."""
    sandbox, client = served
    settings = sandbox.bot_environment()
    assert settings["ATS_CHANNEL"] == "#trading-ops-alerts"
    users = await client.get(
        f"{settings['PAGERDUTY_API_URL']}/users",
        headers={"authorization": f"Token token={settings['PAGERDUTY_API_TOKEN']}"},
    )
    assert users.status_code == 200
    slack = await client.post(
        f"{settings['SLACK_API_URL']}auth.test", data={"token": settings["SLACK_BOT_TOKEN"]}
    )
    assert slack.json()["ok"] is True
    assert settings["ATS_TARGET__API_TOKEN"]


async def test_webhooks_go_to_the_bot() -> None:
    """A webhook address is subscribed with the secret that the bot is told of."""
    sandbox = Sandbox.build(webhook_url="http://127.0.0.1:9/pagerduty/webhooks", webhook_secret="s3cret")
    [subscription] = sandbox.pagerduty.world.subscriptions.values()
    assert (subscription.url, subscription.secrets) == ("http://127.0.0.1:9/pagerduty/webhooks", ["s3cret"])
    await sandbox.close()
