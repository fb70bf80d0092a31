"""What holds for any text at all."""

import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook import Kind, Plan, Risk, compile_text, from_json, to_json
from runbook.risk import rank, worst
from tests.unit.runbook.support import CASES, steps_of, verdicts

COMMANDS = [
    line
    for name in ("commands-that-read.txt", "commands-that-change.txt")
    for line in (CASES / name).read_text(encoding="utf-8").split("\n")
    if line.strip() and "\\" not in line and "#" not in line and "<<" not in line
]
RUNNABLE = [c for c in COMMANDS if verdicts(c)]
PIECES = st.sampled_from(
    [
        *(
            "# ",
            "## P0 ",
            "```bash\n",
            "```\n",
            "- **Trigger:** ",
            "| a | b |\n|--|--|\n",
            "1. ",
            "> ",
            "#: id=",
            "risk=",
        ),
        *(
            '"',
            "'",
            "$(",
            "`",
            "\n",
            "\n\n",
            "    ",
            "curl -X POST http://h/reset\n",
            "psql $D -c 'SELECT 1'\n",
            "pm2 status\n",
        ),
        *(
            "[NAME]",
            "<pod>",
            "🚨",
            "\0",
            "\r\n",
            "<<EOF\n",
            "&&",
            "|",
            ";",
            "CAUTION: only if ",
            "**",
            "{{x}}",
            "\ud800",
        ),
        *("\u202e", "\uf8ffüö®", "${X:-y}", "{a,b}", "*", "~", "((", "))", "\ue000", "SELECT ", "-- "),
    ]
)
TEXTS = st.one_of(st.text(max_size=400), st.lists(PIECES, max_size=60).map("".join))
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _within(plan: Plan, text: str) -> None:
    last = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    for entry in plan.entries:
        assert 1 <= entry.line_start <= entry.line_end <= last
        for step in entry.steps:
            assert entry.line_start <= step.line_start <= step.line_end <= entry.line_end
            for command in step.commands:
                assert step.line_start <= command.line <= command.line_end <= step.line_end
                assert command.column >= 1
    assert all(1 <= d.line <= last for d in plan.diagnostics)


@quick
@given(TEXTS)
def test_any_text_compiles_and_points_at_its_lines(text: str) -> None:
    """No text raises, each takes bounded time, and every line number lies within the text."""
    started = time.process_time()
    plan = compile_text(text, lock=text)
    assert time.process_time() - started < 5
    _within(plan, text)


@quick
@given(TEXTS)
def test_a_plan_survives_its_json(text: str) -> None:
    """A plan read back from its JSON is the same plan."""
    plan = compile_text(text)
    again = from_json(to_json(plan))
    assert to_json(again) == to_json(plan)
    assert again.entries == plan.entries or _comparable(again) == _comparable(plan)


def _comparable(plan: Plan) -> object:
    return [(e.id, e.title, [(s.id, s.kind, s.risk, s.digest) for s in e.steps]) for e in plan.entries]


@quick
@given(st.sampled_from(RUNNABLE), st.sampled_from(["--frobnicate", "--no-such=1", "-@", "--Xyz"]))
def test_an_unknown_flag_never_lowers_the_risk(command: str, flag: str) -> None:
    """Adding a flag that nobody knows never makes a command less risky."""
    before, after = verdicts(command), verdicts(f"{command} {flag}")
    assert rank(worst(v.risk for v in after)) >= rank(worst(v.risk for v in before))


@quick
@given(
    st.sampled_from(RUNNABLE),
    st.lists(
        st.sampled_from(
            ["sudo", "timeout 5", "nice", "time", "env LANG=C", "frobnicate", "nohup", "watch", "xargs"]
        ),
        max_size=4,
    ),
)
def test_a_wrapper_never_lowers_the_risk(command: str, wrappers: list[str]) -> None:
    """Wrapping a command, in whatever it be, never makes it less risky."""
    before, after = verdicts(command), verdicts(" ".join([*wrappers, command]))
    assert rank(worst(v.risk for v in after)) >= rank(worst(v.risk for v in before))


@quick
@given(st.lists(st.sampled_from(RUNNABLE), min_size=1, max_size=5))
def test_joining_steps_never_lowers_the_risk(commands: list[str]) -> None:
    """Several commands in one step are at least as risky as the worst of them."""
    alone = worst(s.risk for c in commands for s in steps_of(c))
    together = worst(s.risk for s in steps_of("\n".join(commands)))
    assert rank(together) >= rank(alone)


@quick
@given(st.lists(st.sampled_from(RUNNABLE), min_size=1, max_size=4))
def test_without_annotation_only_reads_may_run(commands: list[str]) -> None:
    """Nothing that changes something is unlocked by itself, and what is manual holds no program."""
    for step in steps_of("\n\n".join(commands)):
        assert not step.unlocked
        if step.risk is Risk.MANUAL:
            assert step.program is None
            assert step.kind in {Kind.MANUAL, Kind.CHECKLIST}


@quick
@given(st.text(max_size=200), st.sampled_from(["bash", "sh", "sql", "", "console"]))
def test_any_command_text_is_classed_with_a_reason(text: str, language: str) -> None:
    """Whatever stands in a block, each step says why it is classed as it is."""
    for step in steps_of(text, language=language):
        assert step.reason
