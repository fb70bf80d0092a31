"""What holds for any text at all."""

import re
import string
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import FrameType

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runbook import Kind, Plan, Risk, compile_text, from_json, shipped_text, to_json
from runbook.compiler import _normal
from runbook.risk import rank, worst
from runbook.sql import classify
from runbook.tables_of_programs import programs
from tests.unit.runbook.support import CASES, only_reads, steps_of, verdicts

COMMANDS = [
    line
    for name in ("commands-that-read.txt", "commands-that-change.txt")
    for line in (CASES / name).read_text(encoding="utf-8").split("\n")
    if line.strip() and "\\" not in line and "#" not in line and "<<" not in line
]
RUNNABLE = [c for c in COMMANDS if verdicts(c) and c.count("'") % 2 == c.count('"') % 2 == 0]
PIECE_LIST = [
    *(
        "# ",
        "## P0 ",
        "```bash\n",
        "```\n",
        "- **Trigger:** ",
        "| a | b |\n|--|--|\n",
        "1. ",
        "1. # ",
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
PIECES = st.sampled_from(PIECE_LIST)
TEXTS = st.one_of(st.text(max_size=400), st.lists(PIECES, max_size=60).map("".join))
SHAPES = [
    "```bash\n{}\n```",
    "1. Do this\n\n   ```bash\n   {}\n   ```",
    "- a\n  - b\n\n    ```sh\n    {}\n    ```",
    "> ```\n> {}\n> ```",
    "```console\n$ {}\n```",
    "```bash\n# CAUTION: only if\n#: id=a\n{}\n```",
]
JOINTS = ["\n", "; ", "\n\n", " && ", "\n# c\n"]
WRAPPERS = [
    *("sudo", "sudo -u app", "timeout 5", "nice", "nice -n 5", "ionice -c 3", "time", "env LANG=C", "env -i"),
    *("nohup", "watch", "watch -n 2", "xargs", "xargs -n1", "ssh h", "stdbuf -oL", "command", "LANG=C", "doas"),
    *("setsid", "frobnicate", "kubectl exec x --", "docker exec x", "docker compose exec -T x"),
]
quick = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


PER_TEXT, PER_CHARACTER = 4_000, 60  # calls; measured: 1,700 for a short text, then 6 to 27 for each character


def _work(text: str) -> int:
    """How many functions are called to compile a text: the same on every machine, however loaded it is."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    classify.cache_clear()  # what was remembered would make the second text cheaper
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        compile_text(text, lock=text)
    finally:
        sys.setprofile(before)
    return calls


@quick
@given(TEXTS)
def test_any_text_compiles_with_bounded_work(text: str) -> None:
    """No text raises, and the work that it takes is bounded by its length."""
    assert _work(text) <= PER_TEXT + PER_CHARACTER * len(text)


@quick
@given(st.sampled_from(PIECE_LIST), st.integers(1, 9))
def test_work_grows_with_the_length_and_no_faster(piece: str, size: int) -> None:
    """Twice as much of the same takes at most a little more than twice the work."""
    block = f"## P\n\n```bash\n{piece * 20 * size}\n```\n"
    once, twice = _work(block), _work(block.replace(piece * 20 * size, piece * 40 * size))
    assert twice <= 2.2 * once + PER_TEXT


def _pointing(plan: Plan, text: str) -> None:
    lines = _normal(text).split("\n")
    for entry in plan.entries:
        assert 1 <= entry.line_start <= entry.line_end <= len(lines)
        for step in entry.steps:
            assert entry.line_start <= step.line_start <= step.line_end <= entry.line_end
            for command in step.commands:
                assert step.line_start <= command.line <= command.line_end <= step.line_end
                here = lines[command.line - 1][command.column - 1 :]
                assert here.startswith(command.text.split("\n")[0])
    for problem in plan.diagnostics:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        rest = lines[problem.line - 1][problem.column - 1 :]
        assert not rest or not rest[0].isspace() or not lines[problem.line - 1].strip()


@quick
@given(TEXTS)
@example("0. #\n   0")
@example("1. x\n   # a\n   y\n\n   # b\n   z\n2. q\n\n# t\n- # u\n\n  1. v\n\n     ```\n     df\n     ```\n")
def test_lines_and_columns_point_at_the_text(text: str) -> None:
    """Each command stands where the plan says, character by character, and each finding points at something."""
    _pointing(compile_text(text, lock=text), text)


@quick
@given(
    st.lists(st.sampled_from(RUNNABLE), min_size=1, max_size=6),
    st.sampled_from(SHAPES),
    st.sampled_from(JOINTS),
)
def test_lines_and_columns_point_at_real_commands(commands: list[str], shape: str, joint: str) -> None:
    """Commands in lists, quotes and sessions, several on a line, stand where the plan says."""
    indent = re.match(r"[ >]*", shape.split("{}", maxsplit=1)[0].rpartition("\n")[2])
    inside = joint.join(commands).replace("\n", "\n" + (indent[0] if indent else ""))
    text = f"# T\n\n{shape.format(inside)}\n"
    plan = compile_text(text)
    assert any(s.commands for e in plan.entries for s in e.steps)
    _pointing(plan, text)


@quick
@given(TEXTS)
def test_a_plan_survives_its_json(text: str) -> None:
    """A plan read back from its JSON is the same plan, in every field."""
    plan = compile_text(text)
    again = from_json(to_json(plan))
    assert to_json(again) == to_json(plan)
    assert _as_lists(again) == _as_lists(plan)


@quick
@given(st.lists(st.sampled_from(RUNNABLE), min_size=1, max_size=5))
def test_a_plan_of_real_commands_survives_its_json(commands: list[str]) -> None:
    """Programs, requests, SQL and parameters come back from JSON as they were."""
    plan = compile_text("## P0 A\n\n- **Trigger:** `x > 1`\n\n```bash\n" + "\n\n".join(commands) + "\n```\n")
    assert _as_lists(from_json(to_json(plan))) == _as_lists(plan)


def test_the_shipped_plan_survives_its_json() -> None:
    """The shipped runbook, with its contacts, tables and waiting times, comes back the same."""
    plan = compile_text(shipped_text())
    assert _as_lists(from_json(to_json(plan))) == _as_lists(plan)


def _as_lists(value: object) -> object:
    """A value to compare: JSON knows no difference between a tuple and a list, Python does."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _as_lists(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _as_lists(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_as_lists(v) for v in value]
    return value


NAMES = sorted(name for name in programs() if not name.startswith("script:"))
ALPHABET = string.ascii_letters + string.digits + "-_.:@+%"
FLAGS = st.one_of(
    st.text(ALPHABET, min_size=3, max_size=14).map(lambda x: f"--zz{x}"),
    st.text(ALPHABET, min_size=1, max_size=8).map(lambda x: f"--zz{x}=1"),
    st.sampled_from(["-@", "--frobnicate", "-%", "-@x"]),
)


@quick
@given(st.sampled_from(RUNNABLE), FLAGS, st.integers(0, 400))
def test_an_unknown_flag_never_lowers_the_risk(command: str, flag: str, place: int) -> None:
    """A flag that nobody knows, anywhere between two words, never makes a command less risky."""
    spots = [
        at
        for at in (*(m.start() for m in re.finditer(" ", command)), len(command))
        if command[:at].count('"') % 2 == 0 and command[:at].count("'") % 2 == 0
    ]
    at = spots[place % len(spots)]
    before, after = verdicts(command), verdicts(f"{command[:at]} {flag}{command[at:]}")
    assert rank(worst(v.risk for v in after)) >= rank(worst(v.risk for v in before))


@quick
@given(
    st.sampled_from(NAMES),
    st.lists(st.one_of(FLAGS, st.text(ALPHABET, min_size=1, max_size=10)), min_size=1, max_size=5),
    st.lists(st.sampled_from(WRAPPERS), max_size=3),
)
def test_a_program_with_an_unknown_flag_is_never_a_read(
    name: str, words: list[str], wrappers: list[str]
) -> None:
    """Whatever the program, its words and what it is wrapped in: with a flag that no table knows it is no read."""
    command = " ".join([*wrappers, name, *words, "--zz-frobnicate"])
    assert not only_reads(command)


@quick
@given(st.sampled_from(RUNNABLE), st.lists(st.sampled_from(WRAPPERS), max_size=4))
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
