"""The whole way from Markdown to a plan."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256

from runbook import facts as about
from runbook.document import Section, every_fence, read
from runbook.entries import entries_of
from runbook.hazards import hazards, missing_parameters
from runbook.locking import Reviewed, read_lock
from runbook.model import Diagnostic, Plan
from runbook.places import Places
from runbook.steps import Context
from runbook.tables import Tables
from runbook.text import repair
from runbook.unlocking import Unlocker

# A larger text is refused, so that compiling stays bounded.
LONGEST = 8_000_000  # characters
MOST_LINES = 100_000


def compile_text(
    text: str,
    *,
    path: str = "runbook.md",
    lock: str | None = None,
    today: date | None = None,
) -> Plan:
    """Compile a Markdown runbook; never raises, what is wrong is in `plan.diagnostics`.

    Args:
        text: the Markdown.
        path: the file's name, for messages.
        lock: the content of the lock file beside it; None when there is none.
        today: the date that the review is due against; None leaves that check out.
    """
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    size = _too_big(text)
    if size:
        problem = Diagnostic("error", "too-long", 1, 1, size, "Split the runbook into several files.")
        return Plan(title=path, version="", owner="", path=path, digest=digest, diagnostics=(problem,))
    known, problems = read_lock(lock)
    plan, context = _compile(_normal(text), path, digest, known, problems)
    return _checked(plan, context, today)


def _too_big(text: str) -> str:
    if len(text) > LONGEST:
        return f"The file has {len(text):,} characters; at most {LONGEST:,} are compiled."
    lines = max(text.count("\n"), text.count("\r"))
    return f"The file has {lines:,} lines; at most {MOST_LINES:,} are compiled." if lines > MOST_LINES else ""


def _normal(text: str) -> str:
    r"""One kind of line end, no control characters, encoding repaired; the number of lines stays as it is."""
    clean = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").lstrip("\ufeff")
    clean = clean.encode("utf-8", "replace").decode("utf-8")
    return repair(clean)


def _compile(
    text: str, path: str, digest: str, lock: Mapping[str, Reviewed], problems: list[Diagnostic]
) -> tuple[Plan, Context]:
    sections = read(text)
    known = about.facts(sections)
    title = about.title(sections, path)
    lines = text.split("\n")
    context = Context(title, next((s.line for s in sections if s.level), 0), lines=lines)
    entries = entries_of(sections, lines, context)
    unlocker = Unlocker(context.annotations, lock, Places(lines))
    entries = unlocker.run(entries)
    context.leads = {new: context.leads.get(old, []) for old, new in unlocker.renamed.items()}
    tables = Tables(sections)
    plan = Plan(
        title=title,
        version=about.version(known, title),
        owner=about.owner(known),
        path=path,
        digest=digest,
        contacts=tuple(tables.contacts),
        baseline=tuple(tables.baseline),
        entries=tuple(entries),
        diagnostics=(
            *problems,
            *_open_fences(sections),
            *tables.problems,
            *context.problems,
            *unlocker.problems,
        ),
        channel=about.channel(known, sections),
        facts=known,
        blocks=sum(len(s.fences) for s in sections),
        tables=tables.count,
        resources=tuple(tables.resources),
        placeholders=tuple(context.placeholders),
        items=context.items,
    )
    return plan, context


def _open_fences(sections: list[Section]) -> list[Diagnostic]:
    """Blocks that nothing closes: everything behind them is taken for commands."""
    return [
        Diagnostic(
            "warning",
            "fence-not-closed",
            fence.line - 1,
            1,
            "This block of code is not closed, so everything below it is taken for its commands.",
            "Close it with the same fence, indented like the one that opens it.",
        )
        for fence in every_fence(sections)
        if not fence.closed
    ]


def _checked(plan: Plan, context: Context, today: date | None) -> Plan:
    notes = {step: "\n".join(n.text for n in lines) for step, lines in context.leads.items()}
    places = Places(context.lines)
    found = [
        *(places.pointed(problem) for problem in plan.diagnostics),
        *hazards(plan, today, notes, places),
        *missing_parameters(plan, context.placeholders, places),
        *_stale(plan, places),
    ]
    return replace(
        plan, diagnostics=tuple(sorted(dict.fromkeys(found), key=lambda d: (d.line, d.column, d.code)))
    )


def _stale(plan: Plan, places: Places) -> list[Diagnostic]:
    """A step that asks to be unlocked and is not: the lock file is not current."""
    steps = [s for e in plan.entries for s in e.steps if s.locked]
    return [
        Diagnostic(
            "warning",
            "locked",
            *places.at(s.line_start, "#:", until=s.line_end),
            f"{s.id} is locked: {s.locked}.",
            "Review it first.",
        )
        for s in steps
    ]
