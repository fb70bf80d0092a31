"""Search in the runbook."""

import pytest

from runbook import compile_text, search, shipped_text

PLAN = compile_text(shipped_text())


@pytest.mark.parametrize(
    ("words", "entry"),
    [
        ("loki", "loki-ingestion-lag"),
        ("rollbak helm", "application-rollback-helm"),
        ("terminat idle", "database-connection-pool-exhausted"),
        ("pg_stat_statements_reset", "slow-database-queries"),
        ("redis recovry", "redis-recovery"),
        ("rate_gate_backoff_count", "rate-gate-api-exhaustion"),
        ("first tuesday", "quarterly-game-day-exercise"),
        ("websoket", "websocket-connection-issues"),
        ("HIGH MEMORY", "high-memory-usage"),
    ],
)
def test_finds_by_title_trigger_command_and_text(words: str, entry: str) -> None:
    """Words of titles, triggers, commands and prose find their entry first, typing errors forgiven."""
    assert search(PLAN, words)[0].entry.id == entry


def test_hits_point_at_a_line() -> None:
    """Each hit shows the line that says it, with its number in the document."""
    lines = shipped_text().split("\n")
    for hit in search(PLAN, "loki", limit=10):
        assert hit.excerpt[:40] in lines[hit.line - 1]


@pytest.mark.parametrize("words", ["", "   ", "?!", "zzzzqqqq", "\0"])
def test_nothing_found_is_an_empty_list(words: str) -> None:
    """Nothing asked, or nothing found, gives no hits."""
    assert search(PLAN, words) == []


def test_the_limit_holds() -> None:
    """No more hits than asked for, best first."""
    hits = search(PLAN, "restart the application", limit=3)
    assert len(hits) == 3
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
