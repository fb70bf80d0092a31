"""The target over a real OpenSSH: what the fast tests hold, held by the real thing; and what only it can do."""

import signal
from pathlib import Path

import psutil
import pytest

from bot.errors import RejectedError, ServerError, UnauthorizedError, UnreachableError
from bot.targets.settings import SshSettings
from tests.integration.probes.conftest import closed_port, gone, path, postgres, programs, serve
from tests.integration.targets.far import Host
from tests.integration.targets.test_ssh import *  # noqa: F403 - the same tests, on this host
from tests.integration.targets.test_ssh import FarOf, Write, _begun, _pids, far
from tests.systems.daemon import Place, free_port, listens, program
from tests.systems.servers.ssh import Ssh, keygen

__all__ = ["closed_port", "far", "path", "postgres", "programs", "serve"]


def _children(server: Ssh) -> list[psutil.Process]:
    return server.daemon.process.children(recursive=False)


@pytest.fixture  # type: ignore[no-redef]  # this one is real
def host(ssh: Ssh) -> Host:
    """The real server; it loses a connection when the process that holds it is killed."""

    async def cut() -> None:
        for child in _children(ssh):
            for one in [*child.children(recursive=False), child]:
                if "sshd" in one.name():
                    one.kill()

    known = ssh.known_hosts
    return Host(
        SshSettings(host="127.0.0.1", user=ssh.user, known_hosts=known, port=ssh.port, key=ssh.key), cut
    )


async def test_the_host_has_no_sshd_process_left(far: FarOf, ssh: Ssh) -> None:
    """Closing the target ends its connection on the far side."""
    target = far()
    await target.run(["true"], deadline=30)
    pids = [child.pid for child in _children(ssh)]
    assert pids
    await target.close()
    await gone(*pids)


async def test_a_frozen_far_side(far: FarOf, ssh: Ssh, programs: Write, path: str, tmp_path: Path) -> None:
    """The far sshd hangs in mid-command: the deadline holds, and the program there is ended by its own time limit."""
    programs("hang", _pids(tmp_path))
    target = far(path=path)
    await target.run(["true"], deadline=30)
    frozen = [
        one
        for child in _children(ssh)
        for one in [child, *child.children(recursive=False)]
        if "sshd" in one.name()
    ]
    import asyncio

    task = asyncio.create_task(target.run(["hang"], deadline=4))
    pids = await _begun(tmp_path)
    for one in frozen:
        one.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(
            UnreachableError, match=r"^timed out after 4 s; whether process \d+ there has ended is not known"
        ):
            await task
        await gone(*pids)
    finally:
        for one in frozen:
            if one.is_running():
                one.send_signal(signal.SIGCONT)


async def test_a_changed_host_key(far: FarOf, ssh: Ssh, tmp_path: Path) -> None:
    """A host that shows another key than the known one is not talked to."""
    keygen(tmp_path / "other")
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{ssh.port} {(tmp_path / 'other.pub').read_text()}")
    with pytest.raises(RejectedError, match=r"^SSH: 127\.0\.0\.1:\d+ shows a key that"):
        await far(ssh={"known_hosts": known}).run(["true"], deadline=30)


@pytest.fixture
def strict(place: Place, ssh: Ssh) -> SshSettings:
    """An sshd that forwards nothing and opens one session at a time."""
    home, port = place.make("strict"), free_port()
    config = (ssh.home / "sshd_config").read_text()
    lines = [line for line in config.splitlines() if not line.startswith(("Port", "PidFile", "MaxSessions"))]
    more = [
        f"Port {port}",
        f"PidFile {home}/sshd.pid",
        "MaxSessions 1",
        "AllowTcpForwarding no",
        "AllowStreamLocalForwarding no",
    ]
    (home / "sshd_config").write_text("\n".join([*lines, *more]) + "\n")
    place.start(
        [program("sshd"), "-D", "-e", "-f", str(home / "sshd_config")],
        name="strict",
        ready=lambda: listens(port),
    )
    known = home / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {(ssh.home / 'host_key.pub').read_text()}")
    return SshSettings(host="127.0.0.1", user=ssh.user, known_hosts=known, port=port, key=ssh.key)


async def test_what_sshd_does_not_allow(
    strict: SshSettings, host: Host, programs: Write, path: str, tmp_path: Path
) -> None:
    """Forwarding that is switched off, and one session too many, are told with the setting of sshd that decides."""
    import asyncio

    from bot.targets import Target, TargetSettings

    target = Target(TargetSettings(ssh=strict, path=path))
    with pytest.raises(UnauthorizedError, match=r"allows no forwarded connections\. Set AllowTcpForwarding"):
        await target.http("GET", "http://localhost:1/", deadline=30)
    programs("hang", _pids(tmp_path))
    task = asyncio.create_task(target.run(["hang"], deadline=60))
    pids = await _begun(tmp_path)
    with pytest.raises(ServerError, match="opens no more channels"):
        await target.run(["true"], deadline=30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await gone(*pids)
    await target.close()
