"""Diagnoses as they are shown."""

from datetime import timedelta

import pytest

from bot.domain.evidence import Change, LogLine
from bot.domain.health import Reading, Status
from bot.domain.trends import Trend
from bot.render import (
    ChoiceView,
    DiagnosisView,
    PartView,
    StepView,
    details_pages,
    diagnosis_message,
    diagnosis_summary,
    step_message,
)
from bot.render.diagnosis import legible

from .checks import shown, taken
from .samples import NOW

BAD = Reading("PM2", Status.CRITICAL, "signal-worker errored", "all online", "pm2 logs", number=7)
GOOD = Reading("Redis", Status.OK, "PONG", "answers PONG")
ABSENT = Reading("Helm", Status.UNKNOWN, "not installed", "deployed", absent=True)
STATUS = StepView(
    "pm2.status", "Check PM2 status", "ok", "this host", 0.3, (PartView("pm2 status", "online", 0, 0.3),)
)
DOWN = StepView(
    "loki.ready", "Check Loki status", "failed", "this host", 5.0,
    (PartView("GET http://localhost:3100/ready", error="refused: nothing listens"),),
)  # fmt: skip
VIEW = DiagnosisView(
    name="PM2 High Restart Rate",
    took=1.2,
    readings=(GOOD, ABSENT, BAD),
    trends={"PM2": (Trend("24 h", 0, 7, 7, "▁▁▁█", ""),)},
    steps=(STATUS, DOWN),
    changes=(Change(NOW - timedelta(minutes=12), "commit a1: <!channel> more memory", "deploy"),),
    log_lines=(LogLine("Error: heap out of memory", 12),),
    cautions=("never run pm2 restart all",),
)


def test_cautions_first_then_what_stands_out_worst_first() -> None:
    """Readings outside their normal range, failed steps, log lines, changes; what is well is one line."""
    text = shown(taken(diagnosis_message(VIEW, now=NOW)))
    order = [
        "Caution",
        "What stands out",
        "signal-worker errored",
        "Check Loki status",
        "heap out of memory",
        "more memory",
        "1 other reading",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "24 h: 0–7, now 7 ▁▁▁█" in text
    assert "×12" in text
    assert "Helm" not in text
    assert "<!channel>" not in text


def test_one_line_says_what_stands_out() -> None:
    """For notifications and the timeline; nothing odd is said to be so."""
    assert diagnosis_summary(VIEW) == (
        "Diagnosis of PM2 High Restart Rate: PM2 critical: signal-worker errored; “Check Loki status” failed"
    )
    calm = DiagnosisView(name="Redis", took=1.0, readings=(GOOD,))
    assert "nothing stands out; 1 reading normal" in diagnosis_summary(calm)
    assert "Nothing." in shown(taken(diagnosis_message(calm, now=NOW)))


def test_what_is_waited_for_is_named() -> None:
    """An incomplete diagnosis says so, and does not say that all is well."""
    text = shown(taken(diagnosis_message(DiagnosisView(name="X", took=1.0, waiting=("Loki",)), now=NOW)))
    assert "Still waiting for:* Loki" in text
    assert "Nothing." not in text


def test_details_tell_command_place_time_exit_and_output() -> None:
    """For each step; a failure in words."""
    text = shown(taken(details_pages(VIEW)[0]))
    for part in ("`pm2 status`", "this host", "exit 0 · 0.3 s", "online", "refused: nothing listens"):
        assert part in text, part


def test_a_table_is_a_table_and_a_message_has_one() -> None:
    """Rows of SQL as Slack's table; a second one in the same message as text in columns."""
    rows = PartView("SELECT", columns=("state", "count"), rows=(("active", "7"), ("idle", "93")))
    steps = tuple(StepView(f"s{i}", f"Step {i}", "ok", "this host", 0.1, (rows,)) for i in range(2))
    page = taken(details_pages(DiagnosisView(name="DB", took=1.0, steps=steps))[0])
    assert [b["type"] for b in page.blocks].count("table") == 1
    assert "state   count" in shown(page)


@pytest.mark.parametrize(
    ("columns", "rows", "output", "expected"),
    [
        (("pid", "state"), (), "no rows", "pid  state\n(no rows)"),
        (("count",), (("45",),), "1 row", "count\n45\n(1 row)"),
    ],
)
def test_a_select_keeps_its_columns_without_rows_and_its_rows_with_one_column(
    columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], output: str, expected: str
) -> None:
    """What Slack's table cannot show is text: the columns' names, the rows, and how many there are."""
    part = PartView("SELECT", output, 0, columns=columns, rows=rows)
    step = StepView("s", "Sessions", "ok", "this host", 0.1, (part,))
    page = taken(details_pages(DiagnosisView(name="DB", took=1.0, steps=(step,)))[0])
    assert expected in shown(page)


def test_json_on_one_line_is_opened_and_other_text_is_left() -> None:
    """A line for each member, and for those of objects; what is no JSON, or has lines of its own, is as it came."""
    body = '{"status":"blocked","providers":{"a":{"used":75,"ok":true},"b":{}},"trades":[{"id":1},{"id":[2]}],"ä":"é"}'
    assert legible(body).splitlines() == [
        "status: blocked", "providers:", "  a: used 75, ok true", "  b: {}", "trades:", "  - id 1", '  - {"id": [2]}',
        "ä: é",
    ]  # fmt: skip
    for other in ("{bad", "[ERROR] x", "{\n  1\n}\n", "", "online"):
        assert legible(other) == other


def test_a_hint_is_said_once() -> None:
    """Two readings with the same advice: it stands below the first."""
    two = tuple(Reading(f"Gate {i}", Status.CRITICAL, "blocked", "open", "Reset it.") for i in range(2))
    made = shown(taken(diagnosis_message(DiagnosisView(name="X", took=1.0, readings=two), now=NOW)))
    assert made.count("Reset it.") == 1


def test_a_file_of_rows_has_their_cells_whole() -> None:
    """In a message a cell is cut to 40 characters; long ones are in the file besides, whole."""
    query = "SELECT " + "a, " * 1000
    part = PartView("SELECT", "1 row", 0, columns=("query", "calls"), rows=((query, "7"),))
    assert query.strip() not in part.text
    assert part.long
    assert query.strip() in part.whole


def test_long_outputs_are_excerpts_and_pages_are_few() -> None:
    """Beginning and end of a long output; ten steps of ten thousand lines stay within four messages."""
    long = PartView("pm2 logs", "\n".join(f"line {i} " + "x" * 300 for i in range(10_000)), 0)
    assert long.long
    steps = tuple(StepView(f"s{i}", f"Step {i}", "ok", "this host", 0.1, (long,)) for i in range(10))
    pages = details_pages(DiagnosisView(name="X", took=1.0, steps=steps))
    assert 1 <= len(pages) <= 4
    for page in pages:
        taken(page)
    assert "line 0 " in shown(pages[0])
    assert "line 9999 " in shown(pages[0])


def test_values_from_the_live_system_are_a_menu() -> None:
    """Named by the parameter; when there is none to offer, why."""
    choice = ChoiceView("pm2.describe", "Look at the failing process", "process_name", ("signal-worker", "api"))
    broken = ChoiceView("ats.rollback", "Look at a revision", "REVISION", problem="Helm is not installed")
    made = taken(
        diagnosis_message(DiagnosisView(name="X", took=1.0, choices=(choice, broken), look=7), now=NOW)
    )
    menu = next(b for b in made.blocks if b["type"] == "actions")
    assert menu["block_id"] == "choose-7-0"
    assert [o["value"] for o in menu["elements"][0]["options"]] == [
        "pm2.describe|process_name|signal-worker", "pm2.describe|process_name|api",
    ]  # fmt: skip
    assert "Helm is not installed" in shown(made)


def test_hostile_outputs_stay_text() -> None:
    """Mentions, fences and a hundred readings in the output of a program harm no message."""
    evil = PartView("echo", "``` <!channel> <@U1> & < >\n" * 5, 0)
    readings = tuple(Reading(f"S{i}", Status.CRITICAL, "<!here>" * 60, "n" * 90, "h" * 300) for i in range(100))
    step = StepView("x", "<!channel>", "ok", "this host", 0.1, (evil,))
    view = DiagnosisView(name="<!channel>", took=1.0, readings=readings, steps=(step,))
    for made in (diagnosis_message(view, now=NOW), *details_pages(view), step_message(step, "<!here>")):
        text = shown(taken(made))
        assert "<!" not in text.replace("<!date^", "")
        assert "<@" not in text
