"""The health report: worst first, each line with what is normal, completed in place as the systems answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final

from bot.domain.health import HealthReport, Reading, Status
from bot.domain.trends import Trend
from bot.render.blocks import Block, actions, button, context, header, sections
from bot.render.message import Message, message
from bot.render.text import Md, bold, clip, count, date, esc, joined, lines, md, one_line, prose, utc
from bot.render.words import HEALTH

HEADLINE = {
    Status.CRITICAL: "🛑 Health: something is critical",
    Status.WARNING: "⚠️ Health: something needs a look",
    Status.UNKNOWN: "❔ Health: not everything could be checked",
    Status.OK: "✅ Health: all is well",
}
NOTHING: Final = "❔ Health: nothing was checked"
WAITING: Final = "⏳ Health: asking the systems"
STOP: Final = "health_watch_stop"


@dataclass(frozen=True, slots=True)
class WatchView:
    """A report that is kept current."""

    id: int
    until: datetime
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthView:
    """A health report, perhaps not complete yet."""

    report: HealthReport
    waiting: tuple[str, ...] = ()  # systems that have not answered yet
    about: str = ""  # the system that was asked for; empty: all of them
    trends: Mapping[str, tuple[Trend, ...]] = field(default_factory=dict)  # by Reading.system
    watch: WatchView | None = None


def health_message(view: HealthView | HealthReport, *, now: datetime, marker: str = "") -> Message:
    """The report of one `/ats health`."""
    view = view if isinstance(view, HealthView) else HealthView(report=view)
    there = worst_first(reading for reading in view.report.readings if not reading.absent)
    blocks: list[Block | None] = [header(_headline(view, there))]
    for status, group in groupby(there, key=lambda reading: reading.status):
        blocks += sections(_group(status, list(group), view))
    if view.waiting:
        blocks += sections(md("⏳ *Still waiting for:* {}", ", ".join(view.waiting)))
    blocks += [context(*_small(view, now)), _stop(view)]
    return message(_summary(view, there), blocks, marker=marker)


def worst_first(readings: Iterable[Reading]) -> list[Reading]:
    """Critical, warning, unknown, ok; within each as given."""
    order = list(Status)
    return sorted(readings, key=lambda reading: order.index(reading.status))


def _headline(view: HealthView, there: Sequence[Reading]) -> str:
    said = HEADLINE[view.report.worst] if there else WAITING if view.waiting else NOTHING
    if view.waiting and view.report.worst is Status.OK and there:
        said = "⏳ Health: well so far"
    return said.replace("Health", view.about[:1].upper() + view.about[1:], 1) if view.about else said


def _group(status: Status, readings: Sequence[Reading], view: HealthView) -> Md:
    """What is well takes one line each under one heading, what is not as many as it needs."""
    if status is Status.OK:
        return lines(md("*{}*", HEALTH[status]), *(_line(r, view) for r in readings))
    return joined("\n\n", (_paragraph(r, view) for r in readings))


def _line(reading: Reading, view: HealthView) -> Md:
    line = md("• {}: {} _(normal: {})_", bold(reading.system), one_line(reading.value, 110), _normal(reading))
    return lines(line, *(_trend(t) for t in view.trends.get(reading.system, ())) if view.about else ())


def _paragraph(reading: Reading, view: HealthView) -> Md:
    word = HEALTH[reading.status]
    return lines(
        md("*{}* · {}: {}", word, bold(reading.system), one_line(reading.value, 400)),
        md("Normal: {}{}", _normal(reading), _source(reading)),
        *(_trend(trend) for trend in view.trends.get(reading.system, ())),
        md("→ {}", prose(one_line(reading.hint, 400))) if reading.hint else "",
    )


def _trend(trend: Trend) -> Md:
    """The words first: a screen reader reads them, and the bars add nothing to them."""
    return md("{} {}", trend.words, trend.line)


def _normal(reading: Reading) -> Md:
    return esc(one_line(reading.normal, 120) or "not stated in the runbook")


def _source(reading: Reading) -> Md:
    serious = md(", serious: {}", one_line(reading.threshold, 60)) if reading.threshold else ""
    return md("{}{}", serious, md(" ({})", one_line(reading.source, 60)) if reading.source else "")


def _small(view: HealthView, now: datetime) -> list[Md]:
    """What is good to know and not urgent: what is not there, how long it took, until when it is watched."""
    absent = [reading.system for reading in view.report.readings if reading.absent]
    took = f"{view.report.took:.1f}"
    parts = [md("Not here: {}.", ", ".join(absent))] if absent else []
    if view.watch:
        by = md(" for {}", one_line(view.watch.by, 60)) if view.watch.by else ""
        parts.append(
            md("🔁 Kept current until {}{}; last look {}.", date(view.watch.until, now), by, second(now))
        )
    elif not view.waiting:
        parts.append(md("Checked {} in {} s, all at the same time.", date(now, now), took))
    else:
        parts.append(md("Asked {}, {} s ago.", date(now, now), took))
    return parts


def second(at: datetime) -> Md:
    """A moment to the second, in the reader's own time zone."""
    return Md(f"<!date^{int(utc(at).timestamp())}^{{time_secs}}|{utc(at):%H:%M:%S} UTC>")


def _stop(view: HealthView) -> Block | None:
    return actions(button("Stop", "health_watch_stop", str(view.watch.id))) if view.watch else None


def closing(shown: Message, why: str, *, now: datetime) -> Message:
    """A report that is not kept current any longer: nothing to press, and a last line that says so."""
    kept = [block for block in shown.blocks if block["type"] != "actions"]
    last = context(md("⏹ Not kept current any longer: {} ({}).", one_line(why, 200), date(now, now)))
    return message(shown.text, [*kept[:49], last], marker=str(kept[0].get("block_id") or "") if kept else "")


def _summary(view: HealthView, there: Sequence[Reading]) -> str:
    """The report in one line: what is wrong, or that nothing is."""
    bad = [reading for reading in there if reading.status is not Status.OK]
    what = f"Health of {view.about}" if view.about else "Health"
    waiting = f" Still waiting for {', '.join(view.waiting)}." if view.waiting else ""
    if not bad:
        well = (
            f"{what}: all is well ({count(len(there), 'check')})." if there else f"{what}: nothing was checked."
        )
        return clip((well if not waiting else f"{what}: asking the systems.") + waiting, 600)
    told = "; ".join(f"{reading.system}: {one_line(reading.value, 80)}" for reading in bad)
    well = f"{len(there) - len(bad)} of {len(there)} checks are OK."
    return clip(f"{what} is {view.report.worst.value}. {told}. {well}{waiting}", 600)
