"""The runbook that comes with the product: complete, without errors, reviewed and unlocked."""

import pytest

from runbook import (
    Kind,
    Plan,
    Risk,
    changes,
    compile_text,
    parse_checks,
    shipped_lock,
    shipped_path,
    shipped_text,
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return compile_text(shipped_text(), lock=shipped_lock())


def test_no_error_and_the_lock_is_current(plan: Plan) -> None:
    """It compiles without an error, and its lock file is what `runbook lock` would write."""
    assert plan.errors == ()
    assert changes(plan, shipped_lock()) == ()
    assert shipped_path().is_file()


def test_every_action_is_unlocked(plan: Plan) -> None:
    """Each step that changes something and is not for people alone is unlocked, with role and approvals."""
    actions = [s for e in plan.entries for s in e.steps if s.risk not in {Risk.READ, Risk.MANUAL}]
    assert len(actions) >= 20
    assert [s.id for s in actions if not s.unlocked] == []
    assert [s.id for s in actions if s.risk is Risk.DESTRUCTIVE and s.approvals < 1] == []
    assert {s.role for s in actions} == {"responder"}


def test_only_what_people_must_do_is_manual(plan: Plan) -> None:
    """Restores, the firewall and the clean deployment stay with people; nothing of them could be run."""
    manual = [s for e in plan.entries for s in e.steps if s.kind is Kind.MANUAL]
    assert manual
    assert all(s.program is None and not s.argv and s.request is None and not s.sql for s in manual)


def test_guards_and_verifications_are_understood(plan: Plan) -> None:
    """Every guard and verification parses, and each destructive step has at least one of the two or a caution."""
    for entry in plan.entries:
        for step in entry.steps:
            for text in (step.guard, step.verify):
                if text:
                    assert parse_checks(text)
            if step.risk is Risk.DESTRUCTIVE:
                assert step.guard or step.verify or step.cautions


def test_the_resets_are_guarded(plan: Plan) -> None:
    """ "Only reset quotas if the exchanges are already blocking" is a guard that reads the rate gate."""
    for step_id in ("rate-gate.reset", "rate-gate.reset-alphavantage"):
        step = plan.step(step_id)
        assert step is not None
        assert ".blocked == true" in step.guard


def test_alerts_triggers_and_queries(plan: Plan) -> None:
    """The seven alerts have their triggers, and each has a query."""
    alerts = {e.title: e for e in plan.entries if e.kind == "alert"}
    assert len(alerts) == 7
    assert alerts["PM2 High Restart Rate"].trigger == "pm2_process_restarts > 3 in 5 minutes"
    assert all(e.queries for e in alerts.values())


def test_tables(plan: Plan) -> None:
    """Contacts, baseline and services are those of the team's document."""
    assert [c.schedule for c in plan.contacts] == [
        "PD-TRADING-PRIMARY",
        "PD-TRADING-SECONDARY",
        "PD-EXECUTIVE",
        "PD-SECURITY",
    ]
    assert [(b.normal.value, b.alert.value) for b in plan.baseline] == [
        (70, 85),
        (85, 90),
        (85, 90),
        (500, 2),
        (80, 90),
    ]
    assert [r.service for r in plan.resources] == ["Grafana", "MLflow", "Prometheus", "Trading API"]


@pytest.mark.parametrize(
    "fact",
    [
        "#trading-ops-alerts",
        "PD-TRADING-PRIMARY",
        "ecosystem.config.backup.cjs",
        "max_connections = 200",
        "log_min_duration_statement = 1000",
        "pg_stat_statements_reset",
        "schema_migrations",
        "timescaledb_information.hypertables",
        "hypertable_size",
        "/reset/alphavantage",
        "loki_ingester",
        "/api/metrics/performance",
        "/api/metrics/memory",
        "/api/metrics/websockets",
        "/api/trades?limit=20",
        "/api/models/status",
        "/api/trading/disable",
        "/api/trading/emergency-stop",
        "/ws/market",
        "localhost:5000",
        "REDIS_PORT:-6379",
        "/var/backups/redis/redis_latest.rdb.gz",
        "backup-redis.sh",
        "s3://ai-trading-backups/postgres/",
        "trading_db_recovery",
        "deployment-verification.sh",
        "helm test ats",
        "sudo nginx -t",
        "ufw deny out 443",
        "logs/combined.log",
        "AI-Trading-Production",
        "AI-Trading-Grafana",
        "first Tuesday",
        "30 minutes",
        "15 minutes before blue",
        "under 30 seconds",
        "admin/admin",
        "Rotate weekly",
        "after each deployment",
        "development team",
    ],
)
def test_no_fact_is_lost(fact: str) -> None:
    """What the team's document states is in the shipped one too."""
    assert fact in shipped_text()
