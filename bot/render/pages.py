"""The runbook in a message: search results and one entry."""

from collections.abc import Sequence
from typing import Final

from bot.render.blocks import Block, context, section, sections
from bot.render.message import Message, message
from bot.render.text import Md, bold, code, code_block, count, joined, lines, link, md, one_line, prose
from bot.render.words import RISK, cautions, commands, entry_cautions, sentence, severity
from runbook.model import Entry, Hit, Kind, Risk, Step

HITS: Final = 8


def search_message(query: str, hits: Sequence[Hit], *, marker: str = "") -> Message:
    """What the runbook says about some words, best first."""
    words = one_line(query, 100)
    if not hits:
        text = md("The runbook has nothing on “{}”.\nTry one word, or `/ats runbook` for all entries.", words)
        return message(text, [section(text)], marker=marker)
    shown = [_hit(hit) for hit in hits[:HITS]]
    left = len(hits) - len(shown)
    heading = f"{count(len(hits), 'place')} in the runbook"
    blocks: list[Block | None] = [
        section(md("📖 *{}* for “{}”", heading, words) if words else md("📖 *The runbook*")),
        *sections(joined("\n\n", shown)),
        context(f"… and {left} more. Add a word to narrow it down.") if left else None,
    ]
    titles = ", ".join(hit.entry.title for hit in hits[:3])
    return message(f"{heading} for “{words}”: {titles}", blocks, marker=marker)


def _hit(hit: Hit) -> Md:
    grade = severity(hit.entry.severity) if hit.entry.severity else ""
    return lines(
        joined(" · ", (bold(hit.entry.title), grade)),
        prose(one_line(hit.excerpt, 240)),
        joined(" · ", (code(f"/ats runbook {hit.entry.id}", 120), f"line {hit.line}" if hit.line else "")),
    )


def entries_message(entries: Sequence[Entry], *, title: str = "", marker: str = "") -> Message:
    """All entries of the runbook, alerts first: the answer to `/ats runbook` without words."""
    alerts = [entry for entry in entries if entry.kind == "alert"]
    others = [entry for entry in entries if entry.kind != "alert"]
    blocks = [
        section(md("📖 *{}*", one_line(title, 150) or "The runbook")),
        *sections(_listed("Alerts", alerts)),
        *sections(_listed("Procedures", others)),
        context(Md("`/ats runbook some words` searches it.")),
    ]
    return message(f"The runbook: {count(len(entries), 'entry', 'entries')}", blocks, marker=marker)


def _listed(heading: str, entries: Sequence[Entry]) -> Md:
    told = [
        joined(" ", ("•", severity(e.severity) if e.severity else "", one_line(e.title, 120))) for e in entries
    ]
    return lines(md("*{}*", heading), *told) if told else Md("")


def entry_message(entry: Entry, *, url: str = "", marker: str = "") -> Message:
    """One entry of the runbook: cautions first, then every step with its commands."""
    blocks: list[Block | None] = [
        *entry_blocks(entry),
        context(link(url, "Read it in the runbook")) if url else None,
    ]
    summary = joined(" · ", ("Runbook", one_line(entry.title), count(len(entry.steps), "step")))
    return message(summary, blocks, marker=marker)


def entry_blocks(entry: Entry) -> list[Block]:
    """An entry: what it is about, cautions, steps."""
    grade = f" · {severity(entry.severity)}" if entry.severity else ""
    about = lines(
        md("📖 *{}*{}", one_line(entry.title, 150), grade),
        md("*When:* {}", code(entry.trigger, 300)) if entry.trigger else "",
        md("*Impact:* {}", sentence(entry.impact)) if entry.impact else "",
        md("*Escalate:* {}", sentence(entry.escalation)) if entry.escalation else "",
    )
    blocks = [section(about), *sections(cautions(entry_cautions(entry)))]
    for number, step in enumerate(entry.steps, 1):
        blocks += sections(step_text(number, step))
    return blocks if entry.steps else [*blocks, *sections(_prose(entry))]


def step_text(number: int, step: Step) -> Md:
    """A step with its title, what it does to the system, its commands and its conditions."""
    return lines(
        md("*{}. {}*", number, one_line(step.title, 200)),
        md("_{}_", RISK[step.risk] if step.risk is not Risk.MANUAL else _by_hand(step)),
        code_block(commands(step)) if commands(step).strip() else "",
        md("Only if: {}", code(step.guard, 300)) if step.guard else "",
        md("Then check: {}", code(step.verify, 300)) if step.verify else "",
        *(md("Changed against the text: {}", prose(one_line(text, 200))) for text in step.rewrites),
    )


def _by_hand(step: Step) -> str:
    return "to tick off" if step.kind is Kind.CHECKLIST else RISK[Risk.MANUAL]


def _prose(entry: Entry) -> Md:
    """The text of an entry that has no steps, as it stands in the document."""
    return code_block(entry.text, 6000) if entry.text.strip() else Md("This entry is empty.")
