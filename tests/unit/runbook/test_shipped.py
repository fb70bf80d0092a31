"""The runbook that comes with the product: complete, without errors, reviewed and unlocked."""

import pytest

from runbook import (
    Kind,
    Plan,
    Risk,
    Step,
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
    """Every guard and verification parses, and each destructive step has both of them."""
    for step in _steps(plan):
        for text in (step.guard, step.verify):
            if text:
                assert parse_checks(text)
        if step.risk is Risk.DESTRUCTIVE:
            assert step.guard, step.id
            assert step.verify, step.id
            assert step.ttl, step.id


def _steps(plan: Plan) -> list[Step]:
    return [s for e in plan.entries for s in e.steps]


def test_what_has_no_verification_of_its_own_ends_with_a_status_that_says_it_all(plan: Plan) -> None:
    """`helm test` and a download prove themselves; everything else that changes something is verified."""
    bare = {s.id for s in _steps(plan) if s.unlocked and not s.verify}
    assert bare == {"ats.test", "recovery.download"}


def test_a_restart_needs_the_daemon_that_knows_the_application(plan: Plan) -> None:
    """Under the wrong user PM2 shows an empty list, and a restart would start everything a second time."""
    restarts = [s for s in _steps(plan) if s.source.startswith(("pm2 restart", "pm2 reload"))]
    assert len(restarts) >= 5
    for step in restarts:
        assert step.guard == "exec 'pm2 describe trading-api'", step.id
        assert "online" in step.verify


def test_termination_keeps_to_this_database_and_spares_backups(plan: Plan) -> None:
    """Guard, statement and verification speak of the same sessions: this database's, no dump, no backup."""
    step = plan.step("postgres.terminate-idle")
    assert step is not None
    for part in ("datname = current_database()", "!~* 'dump|backup'", "'idle in transaction'", "'5 minutes'"):
        for text in (step.sql, step.guard.replace("''", "'"), step.verify.replace("''", "'")):
            assert part in text


def test_alter_system_stands_alone(plan: Plan) -> None:
    """ALTER SYSTEM cannot share a statement with another, and each one has a step that takes it back."""
    altering = [s for s in _steps(plan) if "ALTER SYSTEM" in s.sql]
    assert len(altering) == 4
    for step in altering:
        assert all(c.text.count(";") == 1 for c in step.commands)
        assert step.revert or step.id.endswith("-off")


def test_the_evidence_is_shown_before_it_is_destroyed(plan: Plan) -> None:
    """The step that resets the statistics shows them first, so that they stay in the timeline."""
    step = plan.step("postgres.statistics-reset")
    assert step is not None
    assert [c.risk for c in step.commands] == [Risk.READ, Risk.DESTRUCTIVE]


def test_a_stop_is_confirmed_by_the_apis_own_state(plan: Plan) -> None:
    """Stopping trading counts as done only when the API says that trading is off."""
    for step_id in ("trading.disable", "trading.emergency-stop", "data-corruption.stop"):
        step = plan.step(step_id)
        assert step is not None
        assert "/api/trading/state .enabled == false" in step.verify


def test_a_copy_of_the_configuration_is_never_lost(plan: Plan) -> None:
    """The copy keeps older copies, and the restore is refused until the copy is what is there now."""
    copy, restore = plan.step("pm2.config-backup"), plan.step("pm2.config-restore")
    assert copy is not None
    assert restore is not None
    assert "--backup=numbered" in copy.source
    assert copy.verify == restore.guard == "exec 'cmp ecosystem.config.cjs ecosystem.config.backup.cjs'"
    assert restore.revert == "pm2.config-undo"


def test_the_resets_are_guarded(plan: Plan) -> None:
    """ "Only reset quotas if the exchanges are already blocking" is a guard that reads the rate gate."""
    for step_id in ("rate-gate.reset", "rate-gate.reset-alphavantage", "limits.reset-alphavantage"):
        step = plan.step(step_id)
        assert step is not None
        assert ".blocked == true" in step.guard
    alert = plan.entry("rate-gate-api-exhaustion")
    assert alert is not None
    ids = [s.id for s in alert.steps]
    assert ids.index("rate-gate.reset-alphavantage") < ids.index("rate-gate.reset")


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
