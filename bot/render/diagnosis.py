"""A diagnosis: what stands out, first; then what was read, and how to read more."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.domain.evidence import Change, LogLine
from bot.domain.health import Reading, Status
from bot.domain.trends import Trend
from bot.render.blocks import Block, actions, context, header, option, section, sections, static_select, table
from bot.render.health import worst_first
from bot.render.message import Message, message, text_size
from bot.render.run_modals import offers
from bot.render.text import Md, bold, clip, code, code_block, count, date, joined, lines, md, one_line, prose
from bot.render.words import HEALTH, cautions
from runbook.model import Step

SHORT: Final = 1100  # characters of output that are shown in the thread; more goes into a file
SHORT_LINES: Final = 18
SYMBOL: Final = {"ok": "✅", "failed": "❌", "unknown": "❔", "waiting": "⏳"}
PAGE_TEXT: Final = 11_000
PAGE_BLOCKS: Final = 44
PAGES: Final = 4  # messages of details; more than that nobody reads
METHODS: Final = frozenset({"GET", "POST", "HEAD", "PUT", "DELETE", "PATCH"})  # a command that is a request
ODD: Final = 12  # readings that are shown one by one


@dataclass(frozen=True, slots=True)
class PartView:
    """One command and what it gave."""

    command: str
    output: str = ""
    exit: int | None = None
    took: float = 0.0
    error: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    truncated: bool = False

    @property
    def text(self) -> str:
        """What it printed; of SQL the rows below their columns' names, even when there are none, and their number."""
        return self._text(widest=40)

    @property
    def whole(self) -> str:
        """The same for a file: nothing of a cell is cut off."""
        return self._text(widest=100_000)

    def _text(self, widest: int) -> str:
        if not self.columns:
            return legible(self.output)
        return as_text(self.columns, self.rows, widest) + (f"\n({self.output})" if self.output else "")

    @property
    def long(self) -> bool:
        """Whether the output belongs into a file."""
        return len(self.whole) > SHORT or self.whole.count("\n") > SHORT_LINES


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of the runbook: what it is for, and how it went."""

    id: str
    title: str
    state: str = "waiting"  # "ok" | "failed" | "unknown" | "waiting"
    where: str = ""
    took: float = 0.0
    parts: tuple[PartView, ...] = ()
    problem: str = ""  # why it could not even be tried


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """A step that needs a value first, and what may be chosen."""

    step_id: str
    title: str
    parameter: str
    values: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisView:
    """Everything that a diagnosis knows so far."""

    name: str
    took: float
    readings: tuple[Reading, ...] = ()
    trends: dict[str, tuple[Trend, ...]] = field(default_factory=dict)
    steps: tuple[StepView, ...] = ()
    choices: tuple[ChoiceView, ...] = ()
    changes: tuple[Change, ...] = ()
    log_lines: tuple[LogLine, ...] = ()
    cautions: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    by: str = ""  # who asked; empty: nobody, the bot did it by itself
    look: int = 0  # for its menus
    number: int = 0  # of the incident, for the steps that may be run about it
    offered: tuple[Step, ...] = ()  # the entry's steps that change something


def diagnosis_message(view: DiagnosisView, *, now: datetime, marker: str = "") -> Message:
    """The summary: cautions, what stands out, what was read, what can be read next."""
    blocks: list[Block | None] = [
        header(f"🔎 Diagnosis: {one_line(view.name, 120)}"),
        *(sections(cautions(view.cautions)) if view.cautions else []),
        *sections(_stands_out(view, now)),
        *(sections(_read(view)) if view.steps else []),
        *_choices(view),
        *_offers(view),
        *(sections(md("⏳ *Still waiting for:* {}", ", ".join(view.waiting))) if view.waiting else []),
        context(_small(view, now)),
    ]
    return message(diagnosis_summary(view), blocks, marker=marker)


def diagnosis_summary(view: DiagnosisView) -> str:
    """One line: for notifications, for screen readers, and for the timeline."""
    odd = [f"{r.system} {r.status.value}: {one_line(r.value, 100)}" for r in _odd(view)]
    failed = [f"“{step.title}” failed" for step in view.steps if step.state in {"failed", "unknown"}]
    said = "; ".join((odd + failed)[:8]) or _calm(view)
    return clip(f"Diagnosis of {one_line(view.name, 120)}: {said}", 900)


def _odd(view: DiagnosisView) -> list[Reading]:
    return [r for r in worst_first(view.readings) if r.status is not Status.OK and not r.absent]


def _calm(view: DiagnosisView) -> str:
    if view.waiting and not view.readings:
        return "asking the systems"
    return f"nothing stands out; {count(sum(not r.absent for r in view.readings), 'reading')} normal"


def _stands_out(view: DiagnosisView, now: datetime) -> Md:
    """Readings outside their baseline, steps that failed, suspicious lines, the newest changes."""
    odd = _odd(view)
    failed = [step for step in view.steps if step.state in {"failed", "unknown"}]
    again = [r.hint in {other.hint for other in odd[:i]} for i, r in enumerate(odd)]
    found = [
        *(_reading(r, view, hinted=not again[i]) for i, r in enumerate(odd[:ODD])),
        *(_failed(step) for step in failed),
    ]
    if len(odd) > ODD:
        found.append(md("… and {} more that are not normal", len(odd) - ODD))
    well = sum(not r.absent for r in view.readings) - len(odd)
    rest = md("✅ {} normal.", count(well, "other reading" if found else "reading")) if well else ""
    nothing = "" if found or view.log_lines or view.waiting else Md("Nothing.")
    return lines(Md("*What stands out*"), *found, nothing, _logs(view), _changes(view, now), rest)


def _reading(reading: Reading, view: DiagnosisView, *, hinted: bool) -> Md:
    """What is not normal; a hint that stands above already is not said again."""
    symbol = HEALTH[reading.status].split()[0]
    line = md("{} {}: {}", symbol, bold(reading.system), one_line(reading.value, 300))
    normal = md(" _(normal: {})_", one_line(reading.normal, 100)) if reading.normal else ""
    trends = [md("    {} {}", t.words, t.line) for t in view.trends.get(reading.system, ())[:1]]
    hint = md("    → {}", prose(one_line(reading.hint, 240))) if reading.hint and hinted else ""
    return lines(md("{}{}", line, normal), *trends, hint)


def _failed(step: StepView) -> Md:
    why = step.problem or next((p.error for p in step.parts if p.error), "") or _last_line(step)
    return md("❌ {}: {}", bold(step.title), one_line(why, 240) or "failed")


def _last_line(step: StepView) -> str:
    part = step.parts[-1] if step.parts else None
    if part is None:
        return ""
    said = [line for line in part.output.splitlines() if line.strip()]
    ended = f"ended with {part.exit}" if part.exit is not None else "failed"
    return f"{ended}: {said[-1]}" if said else ended


def _logs(view: DiagnosisView) -> Md:
    if not view.log_lines:
        return Md("")
    found = [
        joined(" ", (code(clip(line.text, 180)), f"×{line.times}" if line.times > 1 else ""))
        for line in view.log_lines
    ]
    return lines(Md("📄 *Suspicious lines:*"), *found)


def _changes(view: DiagnosisView, now: datetime) -> Md:
    if not view.changes:
        return Md("")
    found = [
        md(
            "• {} · {}{}",
            date(c.at, now),
            one_line(c.what, 140),
            md(" ({})", one_line(c.by, 40)) if c.by else "",
        )
        for c in view.changes
    ]
    return lines(Md("🕘 *Newest changes:*"), *found)


def _read(view: DiagnosisView) -> Md:
    done = [step for step in view.steps if step.state != "waiting"]
    told = [md("{} {} · {} s", SYMBOL[s.state], prose(one_line(s.title, 140)), f"{s.took:.1f}") for s in done]
    return lines(Md("*Read from the runbook* (only looks; the output is below)"), *told) if told else Md("")


def _choices(view: DiagnosisView) -> list[Block | None]:
    blocks: list[Block | None] = []
    for i, choice in enumerate(view.choices):
        options = [option(value, f"{choice.step_id}|{choice.parameter}|{value}") for value in choice.values]
        menu = actions(
            static_select("step_choose", f"Choose {choice.parameter.replace('_', ' ')}", options),
            block_id=f"choose-{view.look}-{i}",
        )
        title = md("👉 *{}*", prose(one_line(choice.title, 140)))
        if menu:
            blocks += [section(title), menu]
        elif choice.problem:
            why = one_line(choice.problem, 200)
            blocks.append(section(md("{}: {} cannot be offered: {}", title, choice.parameter, why)))
    return blocks


def _offers(view: DiagnosisView) -> list[Block | None]:
    """The steps that change something, for an incident; who may, and whether, is asked at the press."""
    row = offers(view.offered, view.number) if view.number else None
    return [section(Md("*Steps that change something* (you are asked first)")), row] if row else []


def _small(view: DiagnosisView, now: datetime) -> Md:
    by = md("Asked by {}", one_line(view.by, 60)) if view.by else Md("Done by the bot by itself, reading only")
    took = "" if view.waiting else f"{view.took:.1f} s"
    return joined(" · ", (by, date(now, now), took))


def details_pages(view: DiagnosisView) -> list[Message]:
    """What each step gave, in as few messages as Slack allows."""
    pages: list[list[Block]] = []
    for step in view.steps:
        if step.state == "waiting":
            continue
        blocks = step_blocks(step, tables=True)
        if not pages or _full(pages[-1], blocks):
            pages.append([])
        pages[-1] += blocks if not _has_table(pages[-1]) else step_blocks(step, tables=False)
    return [message(f"What was read: {view.name}", page) for page in pages[:PAGES]]


def step_message(step: StepView, by: str = "") -> Message:
    """One step that somebody asked for."""
    small = context(md("Asked by {}", one_line(by, 60))) if by else None
    return message(f"{step.title}: {step.state}", [*step_blocks(step, tables=True), small])


def _full(page: Sequence[Block], more: Sequence[Block]) -> bool:
    return len(page) + len(more) > PAGE_BLOCKS or text_size([*page, *more]) > PAGE_TEXT


def _has_table(page: Sequence[Block]) -> bool:
    return any(block["type"] == "table" for block in page)


def step_blocks(step: StepView, *, tables: bool) -> list[Block]:
    """Title, command, where, how long, exit, output; a table as a table if the message has none yet."""
    blocks = sections(
        md("{} {} · {}", SYMBOL[step.state], bold(prose(one_line(step.title, 140))), step.where or "this host")
    )
    if step.problem:
        blocks += sections(md("{}", one_line(step.problem, 400)))
    for part in step.parts:
        blocks += sections(lines(code(part.command, 600), md("_{}_", _how(part))))
        made = (
            table([part.columns, *part.rows]) if tables and _tabular(part) and not _has_table(blocks) else None
        )
        blocks += [made] if made else sections(_output(part))
    return blocks


def _tabular(part: PartView) -> bool:
    return len(part.columns) > 1 and 1 <= len(part.rows) < 40  # noqa: PLR2004 - more is a file


def _how(part: PartView) -> str:
    kind = "HTTP" if part.command.split(" ", 1)[0] in METHODS else "exit"
    word = "" if part.exit is None else f"{kind} {part.exit}"
    cut = "cut to the beginning and the end" if part.truncated else ""
    return " · ".join(filter(None, (part.error or word, f"{part.took:.1f} s", cut)))


def _output(part: PartView) -> Md:
    text = part.text
    if not text.strip():
        return Md("") if part.error else Md("_(no output)_")
    return code_block(excerpt(text), SHORT * 2)


def legible(text: str) -> str:
    """JSON that came as one line: a line for each thing in it, and for what those hold; anything else as it is."""
    if text.count("\n") > 1 or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        body = json.loads(text)
    except ValueError:
        return text
    return "\n".join(_opened(body, 2))


def _opened(body: object, levels: int) -> list[str]:
    """`name: value` for each member, those of objects below it, two spaces in."""
    if not levels or not isinstance(body, dict | list) or not body:
        return [_inline(body)]
    if isinstance(body, list):
        return [f"- {_inline(member)}" for member in body]
    made: list[str] = []
    for name, member in body.items():
        below = _opened(member, levels - 1)
        one = len(below) == 1 and not isinstance(member, list)
        made += [f"{name}: {below[0]}"] if one else [f"{name}:", *(f"  {line}" for line in below)]
    return made


def _inline(body: object) -> str:
    """A value on one line; an object of plain values without its brackets."""
    if isinstance(body, dict) and body and not any(isinstance(v, dict | list) for v in body.values()):
        return ", ".join(f"{name} {_inline(value)}" for name, value in body.items())
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def excerpt(text: str) -> str:
    """The beginning and the end of a long output."""
    if len(text) <= SHORT and text.count("\n") <= SHORT_LINES:
        return text
    kept = text.strip("\n").splitlines()
    if len(kept) > SHORT_LINES:
        left = len(kept) - SHORT_LINES
        kept = [*kept[:6], f"… {count(left, 'line')} more, in the file below …", *kept[-(SHORT_LINES - 6) :]]
    width = min(160, 2 * (SHORT - 100) // len(kept))
    return "\n".join(clip(line, width) for line in kept)


def as_text(columns: Sequence[str], rows: Sequence[Sequence[str]], widest: int = 40) -> str:
    """A table in columns of plain text, none wider than `widest`."""
    every = [[" ".join(cell.split()) for cell in row] for row in (columns, *rows)]
    if not columns:
        return ""
    widths = [
        min(widest, max(len(row[i]) if i < len(row) else 0 for row in every)) for i in range(len(columns))
    ]
    return "\n".join(
        "  ".join(clip(c, widest).ljust(w) for c, w in zip(row, widths, strict=False)).rstrip() for row in every
    )


def plots_comment(told: Sequence[tuple[str, str]]) -> Md:
    """What the pictures show, in words, under them; or why there are none."""
    return lines(
        *(md("📈 *{}*: {}", one_line(title, 100), prose(one_line(words, 500))) for title, words in told)
    )
