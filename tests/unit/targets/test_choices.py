"""Values for a parameter out of what the live system lists."""

import pytest

from bot.errors import ServerError
from bot.targets.choices import docker_names, from_lines, helm_revisions, pm2_names, pod_names


def test_pm2_names_whatever_precedes_the_list() -> None:
    """A banner is no list; the environment is not looked at."""
    text = '[PM2] Spawning daemon\n[{"name": "api", "pm2_env": {"SECRET": "x"}}, {"name": "worker"}]'
    assert pm2_names(text) == ["api", "worker"]


def test_helm_revisions_newest_first() -> None:
    """The revision that one most likely wants stands at the top."""
    assert helm_revisions('[{"revision": 1}, {"revision": 2}, {"revision": 3}]') == ["3", "2", "1"]


def test_containers_and_pods() -> None:
    """By name."""
    assert docker_names("loki\nats-worker-1\n\n") == ["loki", "ats-worker-1"]
    assert pod_names('{"items": [{"metadata": {"name": "ats-1"}}]}') == ["ats-1"]


def test_any_other_output_gives_its_last_column_newest_first() -> None:
    """`aws s3 ls`: the object's key; SQL: the first column."""
    listing = "2026-11-26 02:00:11  1024 a.dump\n2026-11-27 02:00:09  1025 b.dump\n"
    assert from_lines(listing) == ["b.dump", "a.dump"]
    assert from_lines("", [("x", "1"), ("y", "2")]) == ["x", "y"]


@pytest.mark.parametrize("text", ["", "no list", '{"a": 1}'])
def test_what_is_no_list_is_an_error(text: str) -> None:
    """Nothing is offered instead."""
    with pytest.raises(ServerError):
        pm2_names(text)
