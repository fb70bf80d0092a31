"""The demo's page: static files only. What it shows comes from /slack/client and /control, in the browser."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
# A new version of the bot brings new files under the same names; the browser asks each time (a 304 is cheap).
REVALIDATE = {"Cache-Control": "no-cache"}


class _RevalidatedFiles(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(REVALIDATE)
        return response


async def _index(_: Request) -> Response:
    return FileResponse(STATIC / "index.html", media_type="text/html", headers=REVALIDATE)


async def _favicon(_: Request) -> Response:
    return FileResponse(STATIC / "favicon.svg", media_type="image/svg+xml", headers=REVALIDATE)


def page_routes() -> list[BaseRoute]:
    """The page at `/` and its files below `/static`."""
    return [
        Route("/", _index),
        Route("/favicon.ico", _favicon),
        Mount("/static", _RevalidatedFiles(directory=STATIC)),
    ]
