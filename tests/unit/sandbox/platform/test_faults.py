import pytest

from sandbox.platform.faults import SYSTEMS, Fault, Faults
from sandbox.platform.state import PlatformState


def test_nothing_is_broken_at_the_beginning() -> None:
    """Every system begins without a fault."""
    faults = Faults()
    assert {faults.of(system) for system in SYSTEMS} == {Fault()}


def test_faults_add_up_until_the_system_is_up_again() -> None:
    """Slow and unauthorized at once is possible; `up` takes all of it away."""
    faults = Faults()
    faults.slow("loki", 2.0)
    faults.unauthorized("loki")
    assert faults.of("loki") == Fault(delay=2.0, unauthorized=True)
    faults.up("loki")
    assert faults.of("loki") == Fault()


def test_an_unknown_system_is_refused_by_name() -> None:
    """A typing error in a drill is said, not ignored."""
    with pytest.raises(ValueError, match='no system "lokki"'):
        Faults().down("lokki")


def test_clear_tells_the_watchers_only_of_what_was_broken() -> None:
    """Clearing closes no port that was fine."""
    faults = Faults()
    faults.down("api")
    seen: list[tuple[str, Fault]] = []
    faults.watch(lambda system, fault: seen.append((system, fault)))
    faults.clear()
    assert seen == [("api", Fault())]


def test_process_and_container_tell_the_same_story(state: PlatformState) -> None:
    """A system that is down is an errored process, or an exited container, and `up` is 0."""
    state.faults.down("api")
    state.faults.down("loki")
    api, loki = state.app("trading-api"), state.container("loki")
    assert api is not None
    assert loki is not None
    assert (api.status, loki.state, loki.exit_code) == ("errored", "exited", 137)
    assert state.up["api"].at(state.now) == 0
    state.faults.clear()
    assert (api.status, loki.state) == ("online", "running")
    assert state.up["api"].at(state.now) == 1
