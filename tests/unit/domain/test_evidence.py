"""What stands out in what was read."""

from datetime import UTC, datetime

import pytest

from bot.domain.evidence import Change, git_log, helm_history, newest, suspicious


def test_lines_that_differ_in_numbers_only_are_one() -> None:
    """The newest of each kind, with how often; the most frequent first; calm lines are none."""
    log = """
    12:00:01 GET /health 200 3 ms
    12:00:02 Error: JavaScript heap out of memory pid 4711
    12:00:09 Error: JavaScript heap out of memory pid 4712
    12:00:10 connection to 10.0.0.7 refused
    12:00:11 backup finished with 0 errors
    """
    found = suspicious([log])
    assert [(line.times, line.text[9:]) for line in found] == [
        (2, "Error: JavaScript heap out of memory pid 4712"),
        (1, "connection to 10.0.0.7 refused"),
    ]


@pytest.mark.parametrize(
    "line",
    ["no errors found", "errors=0 ok", "everything is fine", "", "/var/log/api-error.log last 50 lines:"],
)
def test_what_is_calm_is_not_suspicious(line: str) -> None:
    """A count of nothing is good news."""
    assert suspicious([line]) == ()


def test_commits_and_releases() -> None:
    """Git's and Helm's own output, newest first; lines that are neither are left out."""
    commits = git_log("1795780000\ta1b2c3\tdeploy\tAllow 512 MB before a restart\nnot a line\n")
    assert commits == (
        Change(
            datetime.fromtimestamp(1795780000, UTC), "commit a1b2c3: Allow 512 MB before a restart", "deploy"
        ),
    )
    rows = [
        {"revision": 3, "updated": "2026-11-27T09:00:00Z", "status": "deployed", "chart": "ats-1.5.0"},
        {"x": 1},
    ]
    releases = helm_history(rows)
    assert releases[0].what == "Helm revision 3: ats-1.5.0 deployed"
    assert newest([*releases, *commits], 1) == (max((*releases, *commits), key=lambda c: c.at),)
    assert helm_history({"not": "a list"}) == ()
