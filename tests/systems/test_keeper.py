"""The tier cleans up after itself, even when it is killed."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.systems import keeper
from tests.systems.daemon import Place, program, until

_STARTS_AND_HANGS = """
import sys, time
from pathlib import Path
from tests.systems.daemon import Place
from tests.systems.keeper import Keeper
from tests.systems.servers import pm2, redis
place = Place(Path(sys.argv[1]), Keeper(Path(sys.argv[1])))
server = redis.start(place)
mine = pm2.make(place)
mine.start("steady")
print(server.daemon.pid, mine.daemon_pid, mine.one("steady")["pid"], flush=True)
time.sleep(600)
"""


def test_a_kill_of_the_tests_leaves_nothing_running() -> None:
    """After kill -9 of the tests a server, a detached daemon, its application and the folder are gone."""
    folder = Path(tempfile.mkdtemp(prefix="ats-systems-"))
    folder.chmod(0o755)
    tests = subprocess.Popen(
        [sys.executable, "-c", _STARTS_AND_HANGS, str(folder)],
        cwd=keeper.ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert tests.stdout is not None
    pids = [int(word) for word in tests.stdout.readline().split()]
    assert len(pids) == 3
    assert all(map(psutil.pid_exists, pids))
    os.kill(tests.pid, signal.SIGKILL)
    tests.wait()
    tests.stdout.close()
    until(lambda: not any(map(psutil.pid_exists, pids)), "all three are gone")
    until(lambda: not folder.exists(), "the folder is gone")


def test_a_server_that_does_not_start_shows_its_log(place: Place) -> None:
    """A wrong setting is read in the error, not in a file that is gone by then."""
    with pytest.raises(RuntimeError, match="no-such-setting"):
        place.start(["redis-server", "--no-such-setting", "1"], name="redis", ready=lambda: False, within=20)


def test_a_missing_system_is_an_error_that_says_how_to_install_it() -> None:
    """No test of this tier passes by skipping what it exists for."""
    with pytest.raises(RuntimeError, match="make test-systems"):
        program("no-such-system")
