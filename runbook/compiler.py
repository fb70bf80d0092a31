"""The whole way from Markdown to a plan."""

from datetime import date
from hashlib import sha256

from runbook import facts as about
from runbook.document import read
from runbook.entries import entries_of
from runbook.model import Diagnostic, Plan
from runbook.steps import Context
from runbook.tables import Tables
from runbook.text import repair

LONGEST = 8_000_000  # characters; a longer text is refused, so that compiling stays bounded


def compile_text(
    text: str,
    *,
    path: str = "runbook.md",
    lock: str | None = None,  # noqa: ARG001 annotations come next
    today: date | None = None,  # noqa: ARG001
) -> Plan:
    """Compile a Markdown runbook; never raises, what is wrong is in `plan.diagnostics`.

    Args:
        text: the Markdown.
        path: the file's name, for messages.
        lock: the content of the lock file beside it; None when there is none.
        today: the date that the review is due against; None leaves that check out.
    """
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if len(text) > LONGEST:
        message = f"The file has {len(text):,} characters; at most {LONGEST:,} are compiled."
        problem = Diagnostic("error", "too-long", 1, 1, message, "Split the runbook into several files.")
        return Plan(title=path, version="", owner="", path=path, digest=digest, diagnostics=(problem,))
    return _compile(_normal(text), path, digest)


def _normal(text: str) -> str:
    r"""One kind of line end, no control characters, encoding repaired; the number of lines stays as it is."""
    clean = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").lstrip("\ufeff")
    clean = clean.encode("utf-8", "replace").decode("utf-8")
    return repair(clean)


def _compile(text: str, path: str, digest: str) -> Plan:
    sections = read(text)
    known = about.facts(sections)
    title = about.title(sections, path)
    context = Context(title=title, title_line=next((s.line for s in sections if s.level), 0))
    entries = entries_of(sections, text.split("\n"), context)
    tables = Tables(sections)
    return Plan(
        title=title,
        version=about.version(known, title),
        owner=about.owner(known),
        path=path,
        digest=digest,
        contacts=tuple(tables.contacts),
        baseline=tuple(tables.baseline),
        entries=tuple(entries),
        diagnostics=tuple(tables.problems),
        channel=about.channel(known, sections),
        facts=known,
        blocks=sum(len(s.fences) for s in sections),
        tables=tables.count,
        resources=tuple(tables.resources),
    )
