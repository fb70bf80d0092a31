"""Draw one plot: JSON in, PNG out. Runs as a program of its own (bot.plots.child), never in the bot's process."""

import io
import json
import resource
import sys
from datetime import UTC, datetime
from typing import Any, Final

from bot.domain.plots import Line, Plot, clock, number, quiet

MEMORY: Final = 1536 * 1024 * 1024  # bytes of address space
CPU: Final = 25  # seconds
WIDTH, HEIGHT, DPI = 10.0, 5.6, 100  # inches: 1000 × 560 pixels, wide enough for a phone held upright
INK, SOFT, GRID = "#1d1c1d", "#616061", "#e3e3e3"
ALERT: Final = "#D55E00"  # vermilion; no line has it
# Okabe and Ito's colours, which people with any kind of colour vision tell apart; and line styles besides.
COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
STYLES: Final = ("-", "-", "--", "-.", ":", "--")


def main() -> None:
    """Read a plot from the standard input, write a PNG to the standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
    sys.stdout.buffer.write(png(Plot.from_json(json.load(sys.stdin))))


def png(plot: Plot) -> bytes:
    """The picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"font.family": "DejaVu Sans", "text.parse_math": False, "font.size": 17})
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0.085, 0.12, 0.885, 0.68))
    _titles(figure, plot)
    _frame(axes, plot)
    calm = quiet(plot)
    _calm_lines(axes, [line for line in plot.lines if line.name in calm])
    for i, line in enumerate(line for line in plot.lines if line.name not in calm):
        _line(axes, line, i)
    _threshold(axes, plot)
    _start(axes, plot)
    _legend(axes, plot)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def _titles(figure: Any, plot: Plot) -> None:
    figure.text(0.03, 0.925, _cut(plot.title, 54), fontsize=23, fontweight="bold", color=INK)
    more = f"  (+{plot.left_out} not drawn)" if plot.left_out else ""
    figure.text(0.03, 0.845, _cut(plot.measured, 62 - len(more)) + more, fontsize=16, color=SOFT)
    figure.text(0.97, 0.845, "times in UTC", fontsize=16, color=SOFT, ha="right")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _frame(axes: Any, plot: Plot) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlim(_at(plot.begin), _at(plot.end))
    axes.set_ylim(*_reach(plot))
    axes.xaxis.set_major_locator(AutoDateLocator(tz=UTC, minticks=3, maxticks=6))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=UTC))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: number(value)))
    axes.grid(visible=True, axis="y", color=GRID, linewidth=1.2)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=SOFT, labelsize=17, length=0, pad=8)


def _reach(plot: Plot) -> tuple[float, float]:
    """From zero where nothing is below it, with the alert's line inside and room above for words."""
    values = [v for line in plot.lines for _, v in line.points]
    values += [plot.threshold.value] if plot.threshold else []
    low, high = min(values), max(values)
    low = min(low, 0.0)
    room = (high - low) * 0.34 or 1.0  # for the names, the incident's beginning and the figure of now
    return (low - room * 0.3 if low < 0 else 0.0), high + room


def _calm_lines(axes: Any, lines: list[Line]) -> None:
    """Thin and grey, under one name."""
    for i, line in enumerate(lines):
        times, values = [_at(t) for t, _ in line.points], [v for _, v in line.points]
        label = "_" if i else f"{len(lines)} others"
        axes.plot(times, values, color="#8d8d8d", linewidth=2.0, label=label, zorder=2)


def _line(axes: Any, line: Line, i: int) -> None:
    colour = COLOURS[i % len(COLOURS)]
    times, values = [_at(t) for t, _ in line.points], [v for _, v in line.points]
    axes.plot(times, values, color=colour, linestyle=STYLES[i % len(STYLES)], linewidth=3.2, label=line.name,
              solid_capstyle="round", zorder=3)  # fmt: skip
    axes.plot(times[-1:], values[-1:], "o", color=colour, markersize=10, zorder=4, clip_on=False)
    if i == 0:
        lately = max(values[-max(1, len(values) // 5) :])  # above the line, wherever it has just been
        if lately - values[-1] > 0.3 * (max(values) - min(values)):  # but not far from its point when it fell
            lately = values[-1]
        axes.annotate(
            f"now {number(values[-1])}", (times[-1], lately), (-4, 10), textcoords="offset points", ha="right",
            fontsize=18, fontweight="bold", color=colour, zorder=6, bbox=_halo(),
        )  # fmt: skip


def _halo() -> dict[str, Any]:
    """A pale ground, so that words stay readable over a line."""
    return {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}


def _threshold(axes: Any, plot: Plot) -> None:
    if plot.threshold is None:
        return
    value, (low, high) = plot.threshold.value, axes.get_ylim()
    axes.axhline(value, color=ALERT, linewidth=2.6, linestyle=(0, (5, 3)), zorder=2)
    if plot.threshold.op in {">", ">="}:
        axes.axhspan(value, high, color=ALERT, alpha=0.07, zorder=0, linewidth=0)
    elif plot.threshold.op in {"<", "<="}:
        axes.axhspan(low, value, color=ALERT, alpha=0.07, zorder=0, linewidth=0)
    axes.annotate(
        plot.threshold.words, (0, value), (6, 5), ("axes fraction", "data"), "offset points", ha="left", va="bottom",
        fontsize=17, color=ALERT, fontweight="bold", zorder=5, bbox=_halo(),
    )  # fmt: skip


def _start(axes: Any, plot: Plot) -> None:
    if plot.started is None or not plot.begin <= plot.started <= plot.end:
        return
    late = (plot.started - plot.begin) / (plot.end - plot.begin) > 0.6  # noqa: PLR2004 - words to the left of it
    low = -4 if len(plot.lines) == 1 else -34  # below the names
    axes.axvline(_at(plot.started), color=INK, linewidth=2.2, linestyle=":", zorder=2)
    axes.annotate(
        f"incident {clock(plot.started)}", (_at(plot.started), 1), (-8 if late else 8, low), ("data", "axes fraction"),
        "offset points", ha="right" if late else "left", va="top", fontsize=17, color=INK, zorder=5, bbox=_halo(),
    )  # fmt: skip


def _legend(axes: Any, plot: Plot) -> None:
    if len(plot.lines) > 1:
        axes.legend(
            loc="upper left", bbox_to_anchor=(-0.01, 1.02), fontsize=16, frameon=True, framealpha=0.85,
            edgecolor="none", ncols=2, handlelength=2.2, columnspacing=1.2, labelcolor=INK,
        )  # fmt: skip


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


if __name__ == "__main__":
    main()
