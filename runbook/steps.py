"""Fenced blocks into steps. First version: grouped by blank lines, every command manual."""

from dataclasses import dataclass, field

from runbook.cautions import clean, is_caution, is_marked
from runbook.document import Fence
from runbook.model import Kind, Risk, Step
from runbook.text import Names, plain, slug


@dataclass(slots=True)
class Context:
    """What the steps of one document share."""

    title: str
    title_line: int
    names: Names = field(default_factory=Names)


def _groups(fence: Fence) -> list[tuple[int, list[str]]]:
    groups: list[tuple[int, list[str]]] = []
    fresh = True
    for offset, line in enumerate(fence.lines):
        if not line.strip():
            fresh = True
            continue
        if fresh:
            groups.append((fence.line + offset, []))
        groups[-1][1].append(line)
        fresh = False
    return groups


def _comment(line: str) -> str | None:
    text = line.strip()
    return text[1:].strip() if text.startswith("#") and not text.startswith(("#!", "#:")) else None


def steps_of_fence(fence: Fence, entry_id: str, lead: str, context: Context) -> list[Step]:
    """The steps of one block."""
    steps = []
    for line, lines in _groups(fence):
        comments = [c for c in map(_comment, lines) if c is not None]
        commands = [text for text in lines if _comment(text) is None]
        title = next((c for c in comments if not is_marked(c)), lead or (commands or ["step"])[0])
        title = plain(title)
        steps.append(
            Step(
                id=context.names.unique(f"{entry_id}.{slug(title)[:48] or 'step'}"),
                title=title,
                kind=Kind.MANUAL if commands else Kind.CHECKLIST,
                risk=Risk.MANUAL,
                reason="not classed yet",
                source="\n".join(commands) or "\n".join(comments),
                line_start=line,
                line_end=line + len(lines) - 1,
                cautions=tuple(clean(c) for c in comments if is_caution(c)),
            )
        )
    return steps
