"""`ats-bot runbook check | compile | search | lock`, as a person runs them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli_runbook import app, lock_path

GOOD = """# R

## P1 Queue stuck

- **Trigger:** `queue_depth > 5`
- **Query:** `queue_depth > 5`

```bash
# Look
uptime
```
"""
STEP = "\n```bash\n# Restart\n#: id=api.restart risk=mutating role=responder\npm2 restart api\n```\n"


def _run(*arguments: str, answer: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), input=answer)
    return result.exit_code, result.output


@pytest.fixture
def runbook(tmp_path: Path) -> Path:
    path = tmp_path / "ops.md"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_check_passes_a_good_runbook(runbook: Path) -> None:
    """A runbook without findings exits with 0 and says so."""
    assert _run("check", str(runbook)) == (0, "0 errors, 0 warnings.\n")


def test_check_says_all_errors_at_once_with_their_places(runbook: Path) -> None:
    """Errors come with file, line and column, all of them, and the exit code is 1."""
    runbook.write_text(GOOD + STEP.replace("role=", "rolle=").replace("mutating", "mild"), encoding="utf-8")
    code, output = _run("check", str(runbook))
    assert code == 1
    assert f"{runbook}:15:20: error: risk=mild" not in output
    assert output.count(f"{runbook}:15:") == 2
    assert "annotation-key" in output
    assert "annotation-value" in output


def test_check_goes_through_a_folder(runbook: Path) -> None:
    """A folder is checked file by file; one bad file fails it."""
    (runbook.parent / "sub").mkdir()
    (runbook.parent / "sub" / "b.md").write_text(STEP.replace("role=responder", ""), encoding="utf-8")
    code, output = _run("check", str(runbook.parent))
    assert code == 1
    assert "b.md:5:" in output or "b.md:3:" in output or "b.md:4:" in output


def test_warnings_alone_pass_unless_strict(runbook: Path) -> None:
    """Warnings do not fail a check, except with --strict."""
    runbook.write_text(GOOD + STEP, encoding="utf-8")
    assert _run("check", str(runbook))[0] == 0
    assert _run("check", "--strict", str(runbook))[0] == 1


def test_compile_prints_the_plan_as_json(runbook: Path) -> None:
    """`compile --json` gives sections and steps with the fixed fields; a folder gives a list."""
    code, output = _run("compile", "--json", str(runbook))
    step = json.loads(output)["sections"][0]["steps"][0]
    assert code == 0
    fields = {
        "id",
        "title",
        "line_start",
        "line_end",
        "kind",
        "risk",
        "reason",
        "argv",
        "request",
        "sql",
        "params",
    }
    fields |= {"cautions", "guard", "verify"}
    assert fields <= set(step)
    assert (step["kind"], step["risk"], step["argv"]) == ("exec", "read", [["uptime"]])
    assert len(json.loads(_run("compile", "--json", str(runbook.parent))[1])) == 1


def test_search_finds_and_says_when_not(runbook: Path) -> None:
    """Search prints title and place; nothing found is said and exits with 1."""
    code, output = _run("search", "quee", "stuk", "--file", str(runbook))
    assert code == 0
    assert f"{runbook}:3:" in output
    assert _run("search", "zzzz", "--file", str(runbook))[0] == 1


def test_lock_shows_asks_and_writes(runbook: Path) -> None:
    """`lock` shows each step and the difference, writes only after a yes, and is then current."""
    runbook.write_text(GOOD + STEP, encoding="utf-8")
    code, output = _run("lock", str(runbook), "--reviewer", "ana", answer="n\n")
    assert code == 1
    assert "pm2 restart api" in output
    assert not lock_path(runbook).exists()
    assert _run("lock", str(runbook), "--reviewer", "ana", answer="y\n")[0] == 0
    assert 'reviewer = "ana"' in lock_path(runbook).read_text(encoding="utf-8")
    assert "is current" in _run("lock", str(runbook))[1]
    assert json.loads(_run("compile", "--json", str(runbook))[1])["sections"][0]["steps"][1]["unlocked"] is True


def test_lock_refuses_a_runbook_with_errors(runbook: Path) -> None:
    """Nothing is locked while the runbook has errors, even with --yes."""
    runbook.write_text(GOOD + STEP.replace("role=", "rolle="), encoding="utf-8")
    assert _run("lock", "--yes", str(runbook))[0] == 1
    assert not lock_path(runbook).exists()


def test_the_shipped_runbook_is_the_default() -> None:
    """Without a file, the shipped runbook is meant, and it is clean."""
    code, output = _run("check")
    assert code == 0
    assert "0 errors" in output


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is said in a sentence."""
    result = CliRunner().invoke(app, ["check", str(tmp_path / "no.md")])
    assert result.exit_code == 1
    assert "There is no file" in str(result.exception)


def test_wrong_bytes_are_no_crash(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are read as far as they go."""
    path = tmp_path / "b.md"
    path.write_bytes(b"## P\n\n```bash\nuptime \xff\xfe\n```\n")
    assert _run("check", str(path))[0] == 0
