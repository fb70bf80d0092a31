"""Guards and verifications in words."""

import pytest

from bot.render.conditions import condition_lines

CASES = [
    (
        "http GET http://localhost:1/ready within 90s",
        "`GET http://localhost:1/ready` answers (tried for 90 s)",
    ),
    (
        "http GET http://localhost:1/status .x.blocked == false",
        "`GET http://localhost:1/status`: `.x.blocked` is `false`",
    ),
    (
        "http GET http://localhost:1/status .who != 'a<b'",
        "`GET http://localhost:1/status`: `.who` is not `a&lt;b`",
    ),
    ("exec 'pm2 describe api' contains online", "`pm2 describe api`: its answer contains `online`"),
    ("exec 'ls done'", "`ls done` succeeds"),
    ("exec 'cat when' age < 15m", "`cat when`: the time that it says is younger than 15 min"),
    ("sql 'SELECT 1' >= 3 within 5s", "`SELECT 1`: its answer is at least `3` (tried for 5 s)"),
    ("not a condition <!channel>", "`not a condition &lt;!channel&gt;`"),
]


@pytest.mark.parametrize(("condition", "said"), CASES)
def test_one_condition_is_one_sentence(condition: str, said: str) -> None:
    """What is asked, what the answer must be, for how long; never markup of others."""
    assert condition_lines(condition) == said


def test_several_are_a_list() -> None:
    """One line each, in the order in which they are looked at."""
    said = condition_lines("http GET http://localhost:1/status .a == 1 && exec 'ls done' within 1m")
    assert said.split("\n") == [
        "• `GET http://localhost:1/status`: `.a` is `1`",
        "• `ls done` succeeds (tried for 60 s)",
    ]
