"""Trends: the bars and the words say the same."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.health import Sample
from bot.domain.trends import BARS, WIDTH, figure, sparkline, trend

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def samples(*values: float, over: timedelta = timedelta(hours=24)) -> list[Sample]:
    step = over / len(values)
    return [Sample(NOW - over + step * i, v) for i, v in enumerate(values)]


def test_a_day_in_words_and_bars() -> None:
    """Lowest, highest and now, with the unit once; as many bars as fit a phone, the last one for now."""
    made = trend(samples(41, 50, 60, 88, 70), 91, "%", now=NOW)
    assert made is not None
    assert made.words == "24 h: 41–91 %, now 91 %"
    assert len(made.line) == WIDTH
    assert made.line[0] == BARS[0]
    assert made.line[-1] == BARS[-1]


def test_a_short_history_says_how_short_it_is() -> None:
    """What was kept for three hours is no day."""
    made = trend(samples(1, 2, 3, 4, over=timedelta(hours=3)), 2, "%", now=NOW)
    assert made is not None
    assert made.words.startswith("3 h: 1–4 %")


def test_too_little_is_no_trend() -> None:
    """Three figures tell nothing, and neither do older ones."""
    assert trend(samples(1, 2, 3), 2, "%", now=NOW) is None
    assert trend(samples(1, 2, 3, 4, 5, over=timedelta(hours=48))[:2], 2, "%", now=NOW) is None


def test_what_does_not_change_is_flat_and_said_so() -> None:
    """The same figure all day is no mountain range; nor is a change of a hundredth."""
    made = trend(samples(5, 5, 5, 5), 5, "", now=NOW)
    assert made is not None
    assert made.words == "24 h: always 5"
    assert set(sparkline([100.0, 100.4, 100.0])) <= set(BARS[:3])
    assert sparkline([]) == ""


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (91.0, "%", "91 %"),
        (0.35, "s", "350 ms"),
        (2.5, "s", "2.5 s"),
        (1.2 * 1024**3, "bytes", "1.2 GB"),
        (3.0, "", "3"),
    ],
)  # fmt: skip
def test_figures_are_short(value: float, unit: str, said: str) -> None:
    """No more digits than a person needs, in the unit that fits."""
    assert figure(value, unit) == said
