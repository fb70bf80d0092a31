"""Read-only pages: /incidents, and the runbook as it is in force.

They show what a channel member sees, and know no log-in. So they are served only where nobody else can ask:
on a listener that is bound to this machine, and not to a request that a proxy has passed on.
"""

from datetime import datetime
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, select_autoescape
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.errors import AtsError
from bot.operations import incidents, timeline
from handlers.services import Services

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def _when(value: datetime | None) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S UTC") if value else ""


def _markdown(text: str) -> Markup:
    """The runbook's text as HTML; HTML in it is shown, not obeyed."""
    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))  # noqa: S704


def _environment() -> Environment:
    folder = resources.files("bot.web") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        autoescape=select_autoescape(default=True),
    )
    environment.filters["when"] = _when
    environment.filters["markdown"] = _markdown
    return environment


def routes(services: Services, *, loopback: bool) -> list[Route]:
    """The pages' routes."""
    environment = _environment()

    def page(name: str, status: int = 200, **values: Any) -> Response:
        return HTMLResponse(environment.get_template(name).render(**values), status, headers=_HEADERS)

    def closed(request: Request) -> Response | None:
        forwarded = any(h in request.headers for h in ("forwarded", "x-forwarded-for", "x-real-ip"))
        if loopback and not forwarded:
            return None
        return page("closed.html", 403)

    async def index(request: Request) -> Response:
        refused = closed(request)
        if refused is not None:
            return refused
        try:
            async with services.transaction() as tx:
                return page("incidents.html", rows=await incidents.recent(tx), channel=services.rules.channel)
        except AtsError as error:
            return page("trouble.html", 503, error=str(error))

    async def one(request: Request) -> Response:
        refused = closed(request)
        if refused is not None:
            return refused
        try:
            async with services.transaction() as tx:
                incident = await incidents.by_number(tx, request.path_params["number"])
                rows = await timeline.rows(tx, incident.id or 0) if incident else []
        except AtsError as error:
            return page("trouble.html", 503, error=str(error))
        if incident is None:
            return page("trouble.html", 404, error="There is no such incident.")
        entry = services.rules.plan.entry(incident.entry_id)
        return page("incident.html", incident=incident, rows=rows, entry=entry)

    async def whole_runbook(request: Request) -> Response:
        plan = services.rules.plan
        return closed(request) or page("runbook.html", plan=plan)

    return [
        Route("/incidents", index),
        Route("/incidents/{number:int}", one),
        Route("/runbook", whole_runbook),
    ]
