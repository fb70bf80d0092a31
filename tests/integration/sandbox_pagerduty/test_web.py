"""The pages that a link to PagerDuty leads to in the demo."""

import httpx

from sandbox.pagerduty.server import PagerDutyServer
from tests.integration.sandbox_pagerduty.conftest import SAM, Hook


async def test_an_incident_s_link_shows_it(pagerduty: PagerDutyServer, hook: Hook) -> None:
    """html_url opens without a token: title, status, people, what happened; text is shown, never run as HTML."""
    made = await pagerduty.trigger("<b>Slow</b> API", details={"p95": "3 s"})
    await pagerduty.annotate(made["id"], "Scaling <i>out</i>", user=SAM)
    path = made["html_url"].removeprefix("http://pd.example")
    pagerduty.faults.down()
    async with httpx.AsyncClient(base_url=hook.url.removesuffix("/hook"), trust_env=False) as browser:
        page = await browser.get(path)
        account = await browser.get("/pagerduty/web/")
        missing = await browser.get("/pagerduty/web/incidents/PNONE")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for words in ("#1 &lt;b&gt;Slow&lt;/b&gt; API", "Dana Ortiz", "Scaling &lt;i&gt;out&lt;/i&gt;", "p95"):
        assert words in page.text
    assert made["html_url"] in account.text
    assert "PD-EXECUTIVE" not in missing.text
    assert missing.status_code == 404
    assert not pagerduty.calls
