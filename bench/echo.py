"""A bot that does nothing but acknowledge: what the wire and the local Slack cost by themselves.

`python -m bench.echo` in a process of its own, with the settings of the real bot: Socket Mode when
SLACK_APP_TOKEN is set, HTTP otherwise. It checks no signature and parses no command.
"""

import asyncio
import json
import os

import aiohttp
from aiohttp import web

from bench.process import LOOPBACK


async def _socket(token: str) -> None:
    """Open a Socket Mode connection; acknowledge every envelope."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-www-form-urlencoded"}
    async with aiohttp.ClientSession() as client:
        url = os.environ["SLACK_API_URL"] + "apps.connections.open"
        async with client.post(url, headers=headers, data={}) as answer:
            address = (await answer.json())["url"]
        async with client.ws_connect(address) as socket:
            await _serve(_healthy())  # ready only now
            async for message in socket:
                envelope_id = json.loads(message.data).get("envelope_id")
                if envelope_id:
                    await socket.send_str(json.dumps({"envelope_id": envelope_id}))


def _healthy() -> web.Application:
    async def empty(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/readyz", empty)
    app.router.add_post("/slack/events", empty)
    return app


async def _serve(app: web.Application) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, int(os.environ["ATS_PORT"])).start()


async def _main() -> None:
    token = os.environ.get("SLACK_APP_TOKEN")
    if token:
        await _socket(token)
    else:
        await _serve(_healthy())
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
