from typing import Any

import pytest

from bot.errors import ConfigError
from bot.probes import PROBES, configured
from bot.probes.settings import ProbeSettings, checked

KNOWN: dict[str, dict[str, Any]] = {
    "disk": {"paths": ("/", "/var"), "warning": 85.0, "recursive": False, "unit": "x"},
    "cpu": {},
}


def test_names_and_options_are_taken() -> None:
    """What fits is taken, lists as tuples; nothing set is nothing left out."""
    given = {"disk": {"paths": ["/data"], "warning": 80, "recursive": True, "unit": "y"}}
    expected = {"paths": ("/data",), "warning": 80, "recursive": True, "unit": "y"}
    assert checked(KNOWN, ["cpu"], given) == ProbeSettings(frozenset({"cpu"}), {"disk": expected})
    assert configured([], {}) == ProbeSettings()


@pytest.mark.parametrize(
    ("leave_out", "given", "says"),
    [
        (["dsik"], {}, "names 'dsik', and there is no such probe. There are: disk, cpu"),
        ([], {"dsik": {}}, "names 'dsik'"),
        ([], {"disk": 3}, "disk is not a table"),
        (
            [],
            {"disk": {"path": "/"}},
            r"\[probes.disk\] path: there is no such option. There are: paths, warning",
        ),
        ([], {"cpu": {"path": "/"}}, "There are: none"),
        ([], {"disk": {"paths": "/"}}, "paths must be a list of texts"),
        ([], {"disk": {"paths": [1]}}, "paths must be a list of texts"),
        ([], {"disk": {"warning": "80"}}, "warning must be a number"),
        ([], {"disk": {"warning": True}}, "warning must be a number"),
        ([], {"disk": {"recursive": 1}}, "recursive must be true or false"),
        ([], {"disk": {"unit": 1}}, "unit must be a text"),
    ],
)
def test_what_does_not_fit_is_said(leave_out: list[str], given: dict[str, object], says: str) -> None:
    """A name that does not exist, or a value of another kind, stops the start with a sentence that names it."""
    with pytest.raises(ConfigError, match=says):
        checked(KNOWN, leave_out, given)


def test_every_probe_explains_itself() -> None:
    """Each probe says what it asks, what is normal, when it warns, when it is critical, and whose word that is."""
    for name, probe in PROBES.items():
        assert all([probe.asks, probe.normal, probe.warning, probe.critical, probe.source, probe.hint]), name
