"""`ats-bot runbook …`: check, compile, search and lock Markdown runbooks."""

import difflib
import getpass
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.errors import ConfigError, InputError, NotFoundError
from runbook import Change, Plan, changes, compile_text, search, shipped_path, to_data, where, write_lock

app = typer.Typer(no_args_is_help=True, help="The runbook: check, compile, search, lock.")

_LARGEST = 16_000_000  # bytes; a larger file is refused unread

Source = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE|DIR", help="A Markdown file, or a folder of them; the shipped runbook when left out."
    ),
]


def _files(source: Path | None) -> list[Path]:
    path = source or shipped_path()
    if path.is_dir():
        found = sorted(p for p in path.rglob("*.md") if p.is_file())
        if not found:
            raise NotFoundError(f"There is no Markdown file in {path}. Name a file, or another folder.")
        return found
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}. Name a Markdown file, or a folder of them.")
    return [path]


def lock_path(path: Path) -> Path:
    """Where the lock file of a runbook is."""
    return path.with_name(path.name + ".lock")


def read_source(path: Path) -> tuple[str, str | None]:
    """A runbook and its lock file, if there is one; wrong bytes are shown as �, never a reason to stop.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path} has more than {_LARGEST:,} bytes. Split the runbook into several files.")
        lock = lock_path(path)
        return (
            path.read_text(encoding="utf-8", errors="replace"),
            lock.read_text(encoding="utf-8", errors="replace") if lock.is_file() else None,
        )
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}. Check its path and its rights."
        raise ConfigError(message) from error


def load(path: Path) -> Plan:
    """Compile a file with the lock file beside it."""
    text, lock = read_source(path)
    return compile_text(text, path=str(path), lock=lock, today=datetime.now(UTC).date())


@app.command()
def check(
    source: Source = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
) -> None:
    """Say everything that is wrong, with line and column; fail when there are errors."""
    errors = warnings = 0
    for path in _files(source):
        plan = load(path)
        for problem in plan.diagnostics:
            typer.echo(where(plan.path, problem))
        errors += len(plan.errors)
        warnings += len(plan.diagnostics) - len(plan.errors)
    typer.echo(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}.")
    if errors or (strict and warnings):
        raise typer.Exit(1)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@app.command("compile")
def compile_(
    source: Source = None,
    json_: Annotated[bool, typer.Option("--json", help="The whole plan as JSON.")] = False,
) -> None:
    """Show the plan: entries, steps, and what each of them may do."""
    paths = _files(source)
    plans = [load(path) for path in paths]
    if json_:
        import json

        data = [to_data(plan) for plan in plans]
        one = source is None or not source.is_dir()
        typer.echo(json.dumps(data[0] if one else data, indent=2, ensure_ascii=False))
        return
    for plan in plans:
        for line in _table(plan):
            typer.echo(line)


def _table(plan: Plan) -> Iterator[str]:
    yield f"{plan.title}  ({plan.path}, {len(plan.entries)} entries)"
    for entry in plan.entries:
        yield f"\n{entry.severity or '  '} {entry.title}"
        for step in entry.steps:
            state = "unlocked" if step.unlocked else "locked" if step.role else ""
            yield f"   {step.line_start:>5}  {step.kind:<9} {step.risk:<11} {state:<8} {step.id}: {step.title}"


@app.command("search")
def search_(
    words: Annotated[list[str], typer.Argument(help="What to look for; typing errors are forgiven.")],
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Another runbook than the shipped one.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=50)] = 5,
) -> None:
    """Find entries by words."""
    found = False
    for path in _files(file):
        for hit in search(load(path), " ".join(words), limit=limit):
            found = True
            typer.echo(f"{hit.entry.title}  [{hit.entry.id}]\n    {path}:{hit.line}: {hit.excerpt}")
    if not found:
        typer.echo("Nothing in the runbook says any of these words.")
        raise typer.Exit(1)


@app.command()
def lock(
    source: Source = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reviewer: Annotated[
        str, typer.Option(help="Who has reviewed the steps; your login name when left out.")
    ] = "",
) -> None:
    """Show what would be unlocked, ask, and write the lock file beside the runbook."""
    failed = False
    for path in _files(source):
        failed = not _lock_one(path, yes=yes, reviewer=reviewer) or failed
    if failed:
        raise typer.Exit(1)


def _lock_one(path: Path, *, yes: bool, reviewer: str) -> bool:
    text, before = read_source(path)
    today = datetime.now(UTC).date()
    plan = compile_text(text, path=str(path), lock=before, today=today)
    if plan.errors:
        for problem in plan.errors:
            typer.echo(where(plan.path, problem))
        typer.echo(f"{path} has errors, so nothing was locked. Mend them first.")
        return False
    found = changes(plan, before)
    if not found:
        typer.echo(f"{path}: the lock file is current.")
        return True
    for change in found:
        _show(change)
    after = write_lock(plan, before, reviewer=reviewer or getpass.getuser(), today=today)
    _show_difference(before or "", after, lock_path(path))
    asked = f"Have you read {_count(len(found), 'step')}, and may what is new or changed be run?"
    if not yes and not typer.confirm(asked):
        typer.echo("Nothing was written.")
        return False
    lock_path(path).write_text(after, encoding="utf-8")
    typer.echo(f"{lock_path(path)} was written.")
    return True


def _show(change: Change) -> None:
    step = change.now
    if step is None:
        typer.echo(f"- {change.step}: no longer in the runbook")
        return
    typer.echo(f"{'+' if change.what == 'new' else '~'} {step.id}  ({change.what}, line {step.line_start})")
    typer.echo(
        f"    {step.title}: {step.risk}, {step.role}, {_count(step.approvals, 'approval')}; {step.reason}"
    )
    for line in step.source.split("\n"):
        typer.echo(f"      {line}")
    for name, value in (("caution", "; ".join(step.cautions)), ("guard", step.guard), ("verify", step.verify)):
        if value:
            typer.echo(f"    {name}: {value}")


def _show_difference(before: str, after: str, path: Path) -> None:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), str(path), str(path), lineterm="")
    for line in lines:
        typer.echo(line)
