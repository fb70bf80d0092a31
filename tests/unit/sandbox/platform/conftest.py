import pytest

from sandbox.clock import SandboxClock
from sandbox.platform.state import PlatformState


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock()


@pytest.fixture
def state(clock: SandboxClock) -> PlatformState:
    """A healthy platform, without any port open."""
    return PlatformState(clock)
