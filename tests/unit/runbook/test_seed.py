"""The team's own document: counted as SEED.md counts it, classed as HAZARDS.md classes it."""

import pytest

from runbook import Command, Kind, Plan, Risk, Step, compile_text
from tests.unit.runbook.support import seed_text

READ = [
    33,
    34,
    37,
    51,
    70,
    77,
    86,
    89,
    103,
    106,
    109,
    121,
    122,
    123,
    126,
    129,
    132,
    143,
    144,
    151,
    161,
    170,
    171,
    180,
]
READ += [210, 214, 218, 222, 226, 230, 234, 255, 258, 271, 274, 283, 286, 289, 290, 296, 299, 323, 336, 346]
MUTATING = [40, 58, 61, 92, 147, 148, 167, 189, 193, 260 + 1, 267, 268, 333, 349]
PROTECTIVE = [112, 318]
DESTRUCTIVE = [54, 57, 74, 164, 192, 277, 302]
MANUAL = [177, 313, 352, 353, 354, 360, 364, 365, 368, 374, 375, 378, 382]
CHECKLISTS = [183, 326, 331, 392, 397, 404, 410]
WHOLE_STEP_MANUAL = [363, 379]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return compile_text(seed_text())


def _step(plan: Plan, line: int) -> Step:
    return next(s for e in plan.entries for s in e.steps if s.line_start <= line <= s.line_end)


def _command(plan: Plan, line: int) -> Command:
    return next(c for c in _step(plan, line).commands if c.line <= line <= c.line_end)


def test_counts(plan: Plan) -> None:
    """24 blocks, 92 runnable items, 3 tables, 3 placeholders, no error."""
    assert (plan.blocks, plan.items, plan.tables) == (24, 92, 3)
    assert plan.placeholders == ("process_name", "REVISION", "ADD DATE")
    assert plan.errors == ()


CLASSES = {
    Risk.READ: READ,
    Risk.MUTATING: MUTATING,
    Risk.PROTECTIVE: PROTECTIVE,
    Risk.DESTRUCTIVE: DESTRUCTIVE,
    Risk.MANUAL: MANUAL,
}


@pytest.mark.parametrize(("risk", "line"), [(risk, line) for risk, lines in CLASSES.items() for line in lines])
def test_every_command_has_the_class_that_hazards_gives_it(plan: Plan, risk: Risk, line: int) -> None:
    """Each command of the document has the class of HAZARDS.md, with a reason."""
    command = _command(plan, line)
    assert command.risk is risk
    assert command.reason


@pytest.mark.parametrize("line", WHOLE_STEP_MANUAL)
def test_a_command_in_a_manual_step_stays_with_people(plan: Plan, line: int) -> None:
    """A lesser command beside one that only people run is manual with its step."""
    assert _step(plan, line).risk is Risk.MANUAL
    assert _step(plan, line).program is None


@pytest.mark.parametrize("line", CHECKLISTS)
def test_instructions_are_checklists(plan: Plan, line: int) -> None:
    """Instructions in words are shown and ticked off."""
    assert _step(plan, line).kind is Kind.CHECKLIST


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (34, "--nostream"),
        (126, "--nostream"),
        (121, "top -b -n1"),
        (286, "ends after the first message"),
        (180, "psql -c"),
        (274, "hypertable_schema"),
        (112, "401 or 500"),
        (106, "quoted"),
    ],
)
def test_rewrites_are_shown(plan: Plan, line: int, said: str) -> None:
    """What is run differently from the text is said."""
    assert any(said in rewrite for rewrite in _step(plan, line).rewrites)


@pytest.mark.parametrize("line", [33, 122, 171, 289, 290, 346])
def test_what_is_run_as_written_has_no_rewrite(plan: Plan, line: int) -> None:
    """A command that is run as it stands shows no rewrite."""
    assert _command(plan, line).rewrite == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (40, "pm2 restart all"),
        (74, "Only reset quotas"),
        (74, "masks quota leaks"),
        (183, "irreversible"),
        (302, "emergency only"),
    ],
)
def test_cautions_belong_to_their_steps(plan: Plan, line: int, said: str) -> None:
    """A caution is attached to its step, whether it stands above or below."""
    assert any(said in caution for caution in _step(plan, line).cautions)


def test_the_alerts(plan: Plan) -> None:
    """Seven alerts, four P0, two P1, one P2, each with trigger, impact and steps."""
    alerts = [e for e in plan.entries if e.kind == "alert"]
    assert [e.severity for e in alerts] == ["P0", "P0", "P0", "P0", "P1", "P1", "P2"]
    assert all(e.trigger and e.impact and e.steps for e in alerts)
    assert alerts[0].title == "PM2 High Restart Rate"
    assert alerts[0].escalation == "If restarts persist after manual intervention"


def test_the_ladder_and_security(plan: Plan) -> None:
    """The ladder is 0, 15 minutes, 1 hour; security stands beside it and is paged at once."""
    assert [c.wait.total_seconds() for c in plan.ladder if c.wait is not None] == [0, 900, 3600]
    assert plan.security is not None
    assert plan.security.schedule == "PD-SECURITY"
    assert plan.security.wait is None
    assert plan.security.stated_wait is not None


def test_facts_are_shown_and_never_run(plan: Plan) -> None:
    """Shell placeholders of the header stay text."""
    assert (plan.version, plan.owner, plan.channel) == (
        "1.1.0",
        "Trading Operations Team",
        "#trading-ops-alerts",
    )
    assert plan.facts["Commit SHA"] == "$(git rev-parse HEAD)"


def test_emoji_are_repaired(plan: Plan) -> None:
    """Double-encoded emoji are whole again, and no title holds one."""
    text = "".join(e.text for e in plan.entries)
    assert "🔴" in text
    assert "\uf8ff" not in text
    assert all(e.title.isascii() for e in plan.entries)


@pytest.mark.parametrize(
    "code",
    [
        "curl-without-fail",
        "endless-command",
        "temporary-without-revert",
        "down-volumes",
        "firewall",
        "placeholder-without-parameter",
        "review-without-date",
        "trigger-without-query",
    ],
)
def test_its_hazards_are_named(plan: Plan, code: str) -> None:
    """The compiler warns of what is dangerous in the document."""
    assert any(d.code == code for d in plan.diagnostics)


def test_lines_point_at_the_commands(plan: Plan) -> None:
    """Each command stands on the line that the plan names, at the column that it names."""
    lines = seed_text().split("\n")
    for entry in plan.entries:
        for step in entry.steps:
            for command in step.commands:
                first = command.text.split("\n")[0]
                if first.isascii():
                    assert lines[command.line - 1][command.column - 1 :].startswith(first)
