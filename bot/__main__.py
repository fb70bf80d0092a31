"""The `ats-bot` command line."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.errors import AtsError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Incident ChatOps bot for an automated trading system.",
)
db = typer.Typer(no_args_is_help=True, help="The embedded PostgreSQL.")
timeline_app = typer.Typer(no_args_is_help=True, help="The record of what happened.")
app.add_typer(db, name="db")
app.add_typer(timeline_app, name="timeline")


class RunRole(StrEnum):
    """What a process does."""

    ALL = "all"
    WEB = "web"
    WORKER = "worker"


def _say(text: str) -> None:
    typer.echo(text)


@app.command()
def run(role: Annotated[RunRole, typer.Option(help="web and worker scale apart.")] = RunRole.ALL) -> None:
    """Run the bot until it is stopped (Ctrl-C or SIGTERM)."""
    gc.disable()  # a fifth of the start would go into looking at modules that stay anyway
    from bot.compile_child import Child
    from bot.config import Settings, missing_settings
    from runbook import shipped_path

    settings = Settings.load()
    missing = missing_settings(settings)
    if missing:
        raise AtsError("ats-bot cannot start:\n" + "\n".join(f"  • {line}" for line in missing))
    child = Child(settings.runbook or shipped_path())
    from bot.app import running, set_up_logging  # the second half of the start, beside the child

    set_up_logging(settings)

    async def serve() -> None:
        async with running(settings, role=role, plan=child.plan) as (_, base_url):
            _let_go()
            _say(f"ats-bot is running{f' on {base_url}' if base_url else ''}. Ctrl-C stops it.")
            await until_stopped()

    asyncio.run(serve())


def _let_go() -> None:
    """Collect what the start left over; what is still there stays, and is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.enable()


async def until_stopped() -> None:
    """Wait for SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port of the page; the bot listens on the next one.")] = 8025,
) -> None:
    """Try everything in a browser: a local Slack, PagerDuty and trading platform, and the real bot."""
    from sandbox.demo import main as run_demo

    run_demo(port)


@app.command()
def migrate() -> None:
    """Bring the database to the schema of this version (`run` does it by itself)."""
    from bot.app import database_url
    from bot.config import Settings
    from bot.store.migrate import HEAD
    from bot.store.migrate import migrate as upgrade

    done = upgrade(database_url(Settings.load()))
    _say(f"The database was brought to schema {HEAD}." if done else f"The database has schema {HEAD} already.")


@app.command()
def doctor() -> None:
    """Say in plain words what is missing or wrong, and how to mend it; exit 1 if something must be mended."""
    from bot.config import Settings
    from bot.doctor import examine, shown

    findings = asyncio.run(examine(Settings.load()))
    for line in shown(findings):
        _say(line)
    if any(f.level == "error" for f in findings):
        raise typer.Exit(1)


@db.command("stop")
def db_stop() -> None:
    """Stop the embedded PostgreSQL of ATS_DATA_DIR."""
    from bot.config import Settings
    from bot.store import embedded

    stopped = embedded.stop(Settings.load().data_dir / "postgres")
    _say("Stopped." if stopped else "It was not running.")


@timeline_app.command("verify")
def timeline_verify() -> None:
    """Check the hash chain: exit 1 if an entry was altered or removed."""
    from bot.app import database_url
    from bot.config import Settings
    from bot.operations import audit, timeline
    from bot.store.session import Store

    async def check() -> tuple[Sequence[int], Sequence[int]]:
        store = Store(database_url(Settings.load()))
        try:
            async with store.transaction() as tx:
                return await timeline.verify(tx), await audit.missing(tx)
        finally:
            await store.close()

    wrong, missing = asyncio.run(check())
    if wrong:
        _say(f"Altered, or following on a removed entry: {', '.join(map(str, wrong))}")
    if missing:
        _say(
            f"Runs whose intent is not in the timeline, so that an end was removed: {', '.join(map(str, missing))}"
        )
    if wrong or missing:
        raise typer.Exit(1)
    _say("The timeline is whole.")


@timeline_app.command("export")
def timeline_export(
    number: Annotated[int, typer.Argument(help="The incident's number.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; standard output without.")
    ] = None,
) -> None:
    """Write an incident's timeline as JSON lines."""
    from bot.app import database_url
    from bot.config import Settings
    from bot.operations import incidents, timeline
    from bot.store.session import Store

    async def read() -> list[str]:
        store = Store(database_url(Settings.load()))
        try:
            async with store.transaction() as tx:
                incident = await incidents.by_number(tx, number)
                if incident is None:
                    raise AtsError(f"There is no incident #{number}.")
                return [
                    row.model_dump_json() for row in await timeline.rows(tx, incident.id or 0, limit=1_000_000)
                ]
        finally:
            await store.close()

    text = "\n".join(asyncio.run(read())) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


@app.command()
def postmortem(
    number: Annotated[int, typer.Argument(help="The incident's number.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; standard output without.")
    ] = None,
) -> None:
    """Write the first draft of a postmortem as Markdown: the recorded facts, and questions for people."""
    from bot.app import database_url, load_rules
    from bot.config import Settings
    from bot.domain.postmortem import draft
    from bot.operations import record
    from bot.store.session import Store

    settings = Settings.load()

    async def read() -> str:
        store = Store(database_url(settings))
        try:
            async with store.transaction() as tx:
                return draft(await record.facts(tx, load_rules(settings), number))
        finally:
            await store.close()

    text = asyncio.run(read())
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def _mount_runbook() -> None:
    from bot.cli_runbook import app as runbook_app

    app.add_typer(runbook_app, name="runbook")


def main() -> None:
    """Entry point: an error of ours is a sentence on stderr and exit 1, never a traceback."""
    with contextlib.suppress(ImportError):
        _mount_runbook()
    try:
        app()
    except AtsError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
