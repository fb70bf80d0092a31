"""Durations, bounds, encodings, conditions, SQL and scripts."""

from datetime import timedelta

import pytest

from runbook import CheckError, Risk, parse_bound, parse_checks, parse_duration
from runbook.checks import compare
from runbook.scripts import awk_filters, holds_secrets, sed_filters
from runbook.sql import classify
from runbook.text import clean_title, repair, slug


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Immediate", 0),
        ("immediately (page)", 0),
        ("15 minutes", 900),
        ("1 hour", 3600),
        ("an hour", 3600),
        ("1h30m", 5400),
        ("90s", 90),
        ("500ms", 0.5),
        ("2 days", 172800),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    """Waits are read as people write them."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "+3 months", "minutes", "9" * 500])
def test_no_durations(text: str) -> None:
    """What is no duration is None, never a guess."""
    assert parse_duration(text) is None


def test_bounds() -> None:
    """A table's bound has operator, value, unit and what it is of; it tells whether a value holds."""
    bound = parse_bound("< 80% of max", default=">")
    assert bound is not None
    assert (bound.op, bound.value, bound.unit, bound.of) == ("<", 80.0, "%", "max")
    assert bound.holds(79.9)
    assert not bound.holds(80)
    assert parse_bound("none", default="<") is None


@pytest.mark.parametrize(
    ("broken", "whole"),
    [("\uf8ffüö® Now", "🚨 Now"), ("üö®", "🚨"), ("‚ö†Ô∏è", "⚠️"), ("ðŸš¨ Now", "🚨 Now"), ("cafÃ©", "café")],
)
def test_double_encoding_is_repaired(broken: str, whole: str) -> None:
    """UTF-8 read as Mac Roman or Windows-1252 becomes itself again."""
    assert repair(broken) == whole


@pytest.mark.parametrize("text", ["grüßen für Übung", "“Éclair” — naïve…", "日本語 🚨", "x² ¬ y", "Ölüberlauf"])
def test_whole_text_is_left_alone(text: str) -> None:
    """Text that is whole is not touched."""
    assert repair(text) == text


def test_titles_and_slugs() -> None:
    """A title loses markup and emoji; its slug is stable ASCII."""
    assert clean_title("🔴 **PM2** `High` [Restart](x) Rate:") == "PM2 High Restart Rate"
    assert slug("Größe & Füße: `_x`") == "groe-fue-x"


@pytest.mark.parametrize(
    "text",
    [
        "http GET http://h/status .blocked == true",
        "http GET http://h/ready within 90s",
        "sql 'SELECT count(*) FROM t WHERE s = ''a''' < 3",
        "exec 'git diff --quiet HEAD~1 -- x.cjs'",
        "exec 'pg_isready' && http HEAD https://h/ && sql 'SELECT 1' == 1",
    ],
)
def test_conditions_that_are_understood(text: str) -> None:
    """Guards read a JSON field, a status, a query or an exit code."""
    assert parse_checks(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http",
        "http POST http://h/reset",
        "http GET http://h/reset",
        "http GET ftp://h/x",
        "http GET http://h/x;rm .a == 1",
        "http GET http://h/x .a",
        "http GET http://h/x .a = 1",
        "http GET http://h/x .a == 1 2",
        "http GET http://h/x within soon",
        "sql 'DELETE FROM t' == 0",
        "sql 'SELECT 1'",
        "exec 'rm -rf /'",
        "exec 'pm2 restart api'",
        "exec 'ls; ls'",
        "exec 'ls > x'",
        "exec 'unclosed",
        "shell 'ls'",
    ],
)
def test_conditions_that_are_refused(text: str) -> None:
    """A condition that changes something, or is not understood, is refused with a reason."""
    with pytest.raises(CheckError):
        parse_checks(text)


@pytest.mark.parametrize(
    ("answer", "op", "value", "holds"),
    [
        (True, "==", True, True),
        (1, "==", True, False),
        ("true", "==", True, False),
        ("5", ">", 3, True),
        ("x", ">", 3, False),
        (None, "==", 0, False),
        (3, "!=", 3, False),
        ("ok", "!=", "unhealthy", True),
        ("all ok", "contains", "ok", True),
        ({}, "<", 3, False),
        (2.0, "==", 2, True),
    ],
)
def test_comparisons(answer: object, op: str, value: object, holds: bool) -> None:
    """Answers are compared without coercion between kinds; what cannot be compared does not hold."""
    assert compare(answer, op, value) is holds


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "SHOW max_connections",
        "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM t",
        "SELECT a::int, b->>'c' FROM t WHERE d = ANY(ARRAY[1]) ORDER BY 1 LIMIT 5",
        "SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t",
        "select pid from pg_stat_activity where state = 'DROP TABLE x; delete'",
    ],
)
def test_sql_that_reads(sql: str) -> None:
    """Plain queries are reads, whatever words stand in their strings."""
    assert classify(sql).risk is Risk.READ


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * INTO b FROM a",
        "SELECT nextval('s')",
        'SELECT "f"(1)',
        "SELECT public.count(1)",
        "SELECT 1 -- x\n; DROP TABLE x",
        "SELECT 1 /* x */",
        "SELECT $$x$$",
        "SELECT E'\\n'",
        "SELECT :name",
        "SELECT query_to_xml('DELETE FROM x', true, false, '')",
        "SELECT 1 FOR NO KEY UPDATE",
        "TABLE x; TRUNCATE x",
        "MERGE INTO x USING y ON true WHEN MATCHED THEN DELETE",
        "EXPLAIN ANALYZE INSERT INTO x VALUES (1)",
        "SELECT rolpassword FROM pg_authid",
        "SELECT ''' ; DROP TABLE x",
        "SELECT (" * 80 + "1" + ")" * 80,
        "SELECT " + "x," * 6000 + "1",
        "",
        "-- only a comment",
    ],
)
def test_sql_that_is_not_proved(sql: str) -> None:
    """What changes, calls the unknown, shows secrets or cannot be typed is no read."""
    assert classify(sql).risk is not Risk.READ


def test_the_worst_statement_decides() -> None:
    """Of several statements the worst gives the class."""
    assert classify("SELECT 1; SELECT pg_reload_conf(); SELECT 2").risk is Risk.MUTATING
    assert classify("SELECT pg_reload_conf(); DROP TABLE x").risk is Risk.DESTRUCTIVE


def test_sed_and_awk() -> None:
    """Scripts that only filter are told from those that write or run."""
    assert sed_filters("s/a|b/c/g")
    assert sed_filters("10,20p")
    assert not sed_filters("1w x")
    assert not sed_filters("s/a/b/e")
    assert not sed_filters("")
    assert awk_filters("$3 > 80 {print $1}")
    assert not awk_filters('{print > "x"}')
    assert not awk_filters('{print | "sh"}')
    assert not awk_filters("BEGIN{system(x)}")


def test_files_that_hold_secrets() -> None:
    """Files whose names say that they hold secrets are refused, everyday files are not."""
    assert all(
        holds_secrets(p) for p in (".env", "/a/.env.prod", "id_rsa", "x.pem", "/etc/shadow", "/proc/1/environ")
    )
    assert not any(
        holds_secrets(p) for p in ("/var/log/app.log", "/etc/passwd", "environment.md", "/etc/hosts")
    )
