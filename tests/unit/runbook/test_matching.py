"""Which entry an incident belongs to."""

import pytest

from runbook import Signals, compile_text, match, shipped_text
from runbook.matching import ALIAS_THRESHOLD, TITLE_THRESHOLD

PLAN = compile_text(shipped_text())
TITLES = [e.title for e in PLAN.entries if e.kind == "alert"]


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize(
    "shape", ["{}", "[FIRING:1] {} (prod eu-1)", "P0: {}", "{} on trading-host-3", "{} - resolved?"]
)
def test_each_alert_is_found_by_its_title(title: str, shape: str) -> None:
    """An incident with an alert's title, however decorated, gets its entry, with a reason."""
    found = match(PLAN, Signals(shape.format(title)))
    assert found is not None
    assert found.entry.title == title
    assert found.score >= TITLE_THRESHOLD
    assert found.reason


@pytest.mark.parametrize(
    ("title", "entry"),
    [
        ("PM2HighRestartRate", "pm2-high-restart-rate"),
        ("datbase conection pool exhausted", "database-connection-pool-exhausted"),
        ("Loki lag", "loki-ingestion-lag"),
        ("API latency is high", "high-api-latency"),
    ],
)
def test_other_ways_to_say_it(title: str, entry: str) -> None:
    """CamelCase, typing errors, another order and fewer words still find it."""
    found = match(PLAN, Signals(title))
    assert found is not None
    assert found.entry.id == entry


@pytest.mark.parametrize(
    "title", ["", "!!!", "Coffee machine empty", "High Disk Usage", "Kafka consumer lag", "Test"]
)
def test_no_match_is_an_answer(title: str) -> None:
    """What the runbook does not know is not matched to something near it."""
    assert match(PLAN, Signals(title)) is None


def test_an_id_in_the_details_wins() -> None:
    """An explicit id or link decides, whatever the title says."""
    by_id = match(PLAN, Signals("Backup Failure", {"runbook": "loki-ingestion-lag"}))
    by_url = match(
        PLAN, Signals("Backup Failure", {"labels": {"runbook_url": "https://w/r.md#-loki-ingestion-lag"}})
    )
    direct = match(PLAN, Signals("x", runbook_url="https://wiki/ops/loki-ingestion-lag"))
    for found in (by_id, by_url, direct):
        assert found is not None
        assert (found.entry.id, found.score) == ("loki-ingestion-lag", 100.0)


def test_metric_names_of_the_trigger() -> None:
    """A metric of one trigger, named anywhere in the alert, finds its entry."""
    found = match(PLAN, Signals("Alert", {"expr": ["max(rate_gate_backoff_count) > 10"]}))
    assert found is not None
    assert found.entry.id == "rate-gate-api-exhaustion"
    assert "rate_gate_backoff_count" in found.reason


def test_two_triggers_named_alike_are_no_answer_by_metric() -> None:
    """When two entries' metrics are named equally, the metrics do not decide."""
    assert match(PLAN, Signals("Alert", {"expr": "loki_ingestion_lag and rate_gate_backoff_count"})) is None


def test_a_correction_is_remembered() -> None:
    """A person's alias finds its entry from then on, in slightly other words too."""
    aliases = {"Quant engine went quiet": "negative-sharpe-ratio-with-drawdown"}
    assert match(PLAN, Signals("Quant engine went quiet")) is None
    found = match(PLAN, Signals("quant engine went quiet!"), aliases)
    assert found is not None
    assert found.entry.id == "negative-sharpe-ratio-with-drawdown"
    assert found.score >= ALIAS_THRESHOLD


def test_a_correction_comes_before_a_metric() -> None:
    """What a person said of this very title wins over a metric that points elsewhere, and the reason says so."""
    alert = Signals("Gate is red, again", {"expr": "rate_gate_backoff_count > 10"})
    before = match(PLAN, alert)
    assert before is not None
    assert before.entry.id == "rate-gate-api-exhaustion"
    found = match(PLAN, alert, {"gate is red again": "high-api-latency"})
    assert found is not None
    assert (found.entry.id, found.score) == ("high-api-latency", 100.0)
    assert "a person has assigned" in found.reason


def test_an_explicit_id_comes_before_a_correction() -> None:
    """The entry that the alert itself names stays first."""
    alert = Signals("Gate is red", {"runbook_url": "https://w/r.md#loki-ingestion-lag"})
    found = match(PLAN, alert, {"Gate is red": "high-api-latency"})
    assert found is not None
    assert found.entry.id == "loki-ingestion-lag"


def test_a_correction_of_a_similar_title_does_not_beat_a_metric() -> None:
    """Only the very words that a person corrected come before a metric; nearly the same comes after it."""
    alert = Signals("Gate is red on host 4", {"expr": "rate_gate_backoff_count > 10"})
    found = match(PLAN, alert, {"Gate is red on host 5": "high-api-latency"})
    assert found is not None
    assert found.entry.id == "rate-gate-api-exhaustion"
    near = match(PLAN, Signals("Gate is red on host 4"), {"Gate is red on host 5": "high-api-latency"})
    assert near is not None
    assert near.entry.id == "high-api-latency"
    assert ALIAS_THRESHOLD <= near.score < 100


def test_an_alias_to_nowhere_is_ignored() -> None:
    """An alias whose entry is gone does no harm."""
    assert match(PLAN, Signals("Quant engine went quiet"), {"Quant engine went quiet": "gone"}) is None


def test_strange_details_do_no_harm() -> None:
    """Deep, large or odd details are looked through without an error."""
    deep: dict[str, object] = {"a": None}
    for _ in range(50):
        deep = {"a": deep, "b": [1, 2.5, True, object()]}
    assert match(PLAN, Signals("\0" * 100_000, deep)) is None
