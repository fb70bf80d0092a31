"""This host: no systemd, its own disk, memory and processor (S29, S33)."""

from pathlib import Path

from bot.domain.health import Status
from tests.systems.conftest import TargetOf
from tests.systems.health import look


def booted_with_systemd() -> bool:
    return Path("/run/systemd/system").exists()


async def test_a_host_without_systemd_is_said_plainly_and_is_no_alarm(target: TargetOf) -> None:
    """“not been booted with systemd” is nothing to wake anybody for."""
    assert not booted_with_systemd(), "this machine runs systemd; the tier is made for a container without it"
    (found,) = await look(target(), "systemd")
    assert found.absent or found.status is Status.UNKNOWN, found
    assert "not run systemd" in found.value or "not installed" in found.value


async def test_disk_memory_and_processor_are_measured_against_the_baseline(target: TargetOf) -> None:
    """Every line has a figure and the runbook's bound."""
    found = await look(target(), "disk", "memory", "cpu")
    assert {r.system for r in found} >= {"Disk /", "Memory", "CPU"}
    assert all(r.number is not None and r.threshold for r in found), found
