"""Annotations, the lock file and reloading: what a person reviewed is what may run, and nothing else."""

from datetime import date

import pytest

from runbook import Plan, Risk, changes, compile_text, reload, write_lock
from runbook.locking import read_lock
from tests.unit.runbook.support import plan_of

STEP = """# Restart
#: id=api.restart risk=mutating role=responder timeout=60s
pm2 restart api --update-env"""
TODAY = date(2030, 1, 1)


def _text(shell: str) -> str:
    return f"## P\n\n```bash\n{shell}\n```\n"


def _locked(shell: str) -> str:
    return write_lock(plan_of(shell), None, reviewer="ana", today=TODAY)


def _only(plan: Plan) -> tuple[bool, str]:
    step = plan.step("api.restart")
    assert step is not None
    return step.unlocked, step.locked


def test_a_reviewed_step_is_unlocked() -> None:
    """After `runbook lock` the step is unlocked; before, it says what is missing."""
    assert _only(plan_of(STEP)) == (False, "nobody has reviewed it yet; run `ats-bot runbook lock`")
    assert _only(plan_of(STEP, lock=_locked(STEP))) == (True, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pm2 restart api", "pm2 restart web"),
        ("role=responder", "role=security"),
        ("timeout=60s", "timeout=90s"),
        ("risk=mutating", "risk=destructive"),
        ("# Restart\n", "# Restart\n# CAUTION: only if idle\n"),
        ("timeout=60s", "timeout=60s guard=\"exec 'pg_isready'\""),
    ],
)
def test_any_change_locks_the_step_again(old: str, new: str) -> None:
    """A changed command, annotation or caution is no longer what was reviewed."""
    unlocked, why = _only(plan_of(STEP.replace(old, new), lock=_locked(STEP)))
    assert not unlocked
    assert "it has changed since ana reviewed it on 2030-01-01" in why


def test_words_around_it_may_change() -> None:
    """A new title, or text around it, does not lock a step."""
    assert _only(plan_of(STEP.replace("# Restart\n", "# Restart the API\n"), lock=_locked(STEP))) == (True, "")


@pytest.mark.parametrize(
    "lock", ["not toml [", "version = 2\n", "version = 1\nstep = 3\n", '[step."x"]\ndigest = 1\n']
)
def test_a_damaged_lock_file_unlocks_nothing(lock: str) -> None:
    """A lock file that cannot be read is an error, and every step stays locked."""
    plan = plan_of(STEP, lock=lock)
    assert plan.errors[0].code.startswith("lock-")
    assert not _only(plan)[0]


def test_an_annotation_with_a_mistake_unlocks_nothing() -> None:
    """A step whose annotation holds a mistake stays locked, even when the lock file knows its digest."""
    wrong = STEP.replace("timeout=60s", "timeout=60s gaurd=x")
    plan = plan_of(wrong, lock=_locked(STEP))
    assert plan.errors
    assert not _only(plan)[0]


def test_the_lock_file_keeps_who_reviewed_what() -> None:
    """A second review leaves unchanged steps with their first reviewer."""
    more = STEP + "\n\n#: id=web.restart risk=mutating role=responder\npm2 restart web"
    lock = write_lock(plan_of(more), _locked(STEP), reviewer="ben", today=date(2031, 2, 3))
    rows, problems = read_lock(lock)
    assert not problems
    assert [(r.step, r.reviewer, r.on) for r in rows.values()] == [
        ("api.restart", "ana", "2030-01-01"),
        ("web.restart", "ben", "2031-02-03"),
    ]
    assert [(c.step, c.what) for c in changes(plan_of(more), _locked(STEP))] == [("web.restart", "new")]
    assert [(c.step, c.what) for c in changes(plan_of("uptime"), lock)] == [
        ("api.restart", "gone"),
        ("web.restart", "gone"),
    ]


def test_a_good_edit_is_swapped_in() -> None:
    """A changed text without errors replaces the plan, and the channel hears of it."""
    old = plan_of(STEP)
    result = reload(old, _text(STEP + "\n\n# Load\nuptime"))
    assert result.swapped
    assert len(result.plan.entries[0].steps) == 2
    assert "is in use now" in result.messages[0]


def test_a_broken_edit_keeps_the_last_good_plan() -> None:
    """A text with errors changes nothing, and each error is said with its line."""
    old = plan_of(STEP, lock=_locked(STEP))
    result = reload(old, _text(STEP.replace("role=", "rolle=")), lock=_locked(STEP), path="r.md")
    assert (result.plan, result.swapped) == (old, False)
    assert "the last good version stays in use" in result.messages[0]
    assert any(m.startswith("r.md:5:") and "rolle" in m for m in result.messages[1:])


def test_an_edited_step_is_locked_at_once_and_says_so() -> None:
    """An edit of an unlocked step while the bot runs locks it, and the channel is told."""
    old = plan_of(STEP, lock=_locked(STEP))
    result = reload(old, _text(STEP.replace("restart api", "restart web")), lock=_locked(STEP))
    assert result.swapped
    assert not _only(result.plan)[0]
    assert any("api.restart is locked again" in m for m in result.messages)


def test_the_same_text_is_no_news() -> None:
    """An unchanged file swaps nothing and says nothing."""
    old = compile_text(_text(STEP), path="r.md")
    assert reload(old, _text(STEP)).messages == ()


def test_a_raised_risk_brings_an_approver() -> None:
    """A risk raised to destructive asks for one approver when nothing else is said."""
    step = plan_of(STEP.replace("mutating", "destructive")).step("api.restart")
    assert step is not None
    assert (step.risk, step.approvals) == (Risk.DESTRUCTIVE, 1)
