"""The health report: worst first, each line with what is normal."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from bot.domain.health import HealthReport, Reading, Status
from bot.render.blocks import Block, context, header, sections
from bot.render.message import Message, message
from bot.render.text import Md, bold, clip, count, date, esc, joined, lines, md, one_line, prose
from bot.render.words import HEALTH

HEADLINE = {
    Status.CRITICAL: "🛑 Health: something is critical",
    Status.WARNING: "⚠️ Health: something needs a look",
    Status.UNKNOWN: "❔ Health: not everything could be checked",
    Status.OK: "✅ Health: all is well",
}


def health_message(report: HealthReport, *, now: datetime, marker: str = "") -> Message:
    """The report of one `/ats health`."""
    ordered = worst_first(report.readings)
    blocks: list[Block] = [header(HEADLINE[report.worst] if ordered else "❔ Health: nothing was checked")]
    for status, group in groupby(ordered, key=lambda reading: reading.status):
        blocks += sections(_group(status, list(group)))
    blocks.append(
        context(md("Checked {} in {} s, all at the same time.", date(now, now), f"{report.took:.1f}"))
    )
    return message(_summary(report, ordered), blocks, marker=marker)


def worst_first(readings: Iterable[Reading]) -> list[Reading]:
    """Critical, warning, unknown, ok; within each as given."""
    order = list(Status)
    return sorted(readings, key=lambda reading: order.index(reading.status))


def _group(status: Status, readings: Sequence[Reading]) -> Md:
    """What is well takes one line each under one heading, what is not as many as it needs."""
    if status is Status.OK:
        return lines(md("*{}*", HEALTH[status]), *map(_line, readings))
    return joined("\n\n", map(_paragraph, readings))


def _line(reading: Reading) -> Md:
    return md("• {}: {} _(normal: {})_", bold(reading.system), one_line(reading.value, 200), _normal(reading))


def _paragraph(reading: Reading) -> Md:
    word = HEALTH[reading.status]
    return lines(
        md("*{}* · {}: {}", word, bold(reading.system), one_line(reading.value, 400)),
        md("Normal: {}", _normal(reading)),
        md("→ {}", prose(one_line(reading.hint, 400))) if reading.hint else "",
    )


def _normal(reading: Reading) -> Md:
    return esc(one_line(reading.normal, 120) or "not stated in the runbook")


def _summary(report: HealthReport, ordered: Sequence[Reading]) -> str:
    """The report in one line: what is wrong, or that nothing is."""
    bad = [reading for reading in ordered if reading.status is not Status.OK]
    if not bad:
        return (
            f"Health: all is well ({count(len(ordered), 'check')})."
            if ordered
            else "Health: nothing was checked."
        )
    told = "; ".join(f"{reading.system}: {one_line(reading.value, 80)}" for reading in bad)
    well = len(ordered) - len(bad)
    return clip(f"Health is {report.worst.value}. {told}. {well} of {len(ordered)} checks are OK.", 600)
