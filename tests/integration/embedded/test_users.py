import os
import shutil
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.store import embedded
from bot.store.embedded_place import Home
from bot.store.embedded_programs import find_programs
from tests.integration.embedded.conftest import answer, postmaster, query, starter

pytestmark = pytest.mark.slow  # so many that they would make the fast tests slow

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@as_root
def test_root_drops_to_an_unprivileged_user(data_dir: Path) -> None:
    """Started by root, the server runs as somebody else, who owns its data and nothing above it."""
    embedded.start(data_dir, durable=False)
    assert 0 not in postmaster(data_dir).uids()
    assert (data_dir / "cluster").stat().st_uid == postmaster(data_dir).uids().real
    assert data_dir.stat().st_uid == 0


@as_root
def test_root_in_a_private_directory(data_dir: Path) -> None:
    """Below a directory that only root may enter, the cluster is elsewhere, behind a link that finds it."""
    private = data_dir / "root's home"
    private.mkdir(mode=0o700)
    first = embedded.start(private / "pg", durable=False)
    assert (private / "pg" / "cluster").readlink().parent == first.data_dir
    assert not first.data_dir.is_relative_to(private)
    assert embedded.start(private / "pg", durable=False).url == first.url
    assert query(first.url, "SELECT 1") == "1"
    assert embedded.stop(private / "pg")
    assert embedded.start(private / "pg", durable=False).data_dir == first.data_dir


@pytest.mark.slow
@as_root
def test_data_of_deleted_temporary_directories(data_dir: Path) -> None:
    """When a temporary directory is deleted with a server's link in it, the data go too, at a later start."""
    private = data_dir / "private"
    private.mkdir(mode=0o700)
    gone = embedded.start(private / "gone", durable=False)
    kept = embedded.start(private / "kept", durable=False)
    shutil.rmtree(private / "gone")
    embedded.start(private / "running beside it", durable=False)
    assert gone.data_dir.exists(), "it still runs"
    embedded.stop(gone.data_dir)
    embedded.stop(kept.data_dir)
    embedded.start(private / "third", durable=False)
    assert not gone.data_dir.exists()
    assert kept.data_dir.exists()


@pytest.mark.slow
@as_root
def test_root_with_programs_in_a_private_directory(data_dir: Path) -> None:
    """A checkout below root's home: programs that the unprivileged user cannot reach are copied, once."""
    private = data_dir / "private"
    private.mkdir(mode=0o700)
    wheel = find_programs(Home(data_dir, None), None).parents[1]
    for source in (wheel, *wheel.parent.glob(f"{wheel.name}.libs")):
        shutil.copytree(
            source, private / source.name, ignore=shutil.ignore_patterns("pginstall", "include", "*.a")
        )
    bin_dir = private / wheel.name / "pginstall18" / "bin"
    (data_dir / "pg" / "pgsql.new-unfinished").mkdir(parents=True)
    server = embedded.start(data_dir / "pg", bin_dir=bin_dir, durable=False)
    assert query(server.url, "SELECT 1") == "1"
    embedded.stop(data_dir / "pg")
    embedded.start(data_dir / "pg", bin_dir=bin_dir, durable=False)
    assert len(list((data_dir / "pg").glob("pgsql*"))) == 1


@as_root
def test_an_ordinary_user(data_dir: Path) -> None:
    """An ordinary user's server is that user's own process and data."""
    home = data_dir / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    server = answer(starter(home / "pg", str(NOBODY)))
    assert server.data_dir == home / "pg"
    assert postmaster(home / "pg").uids().real == NOBODY
    found = embedded.start(home / "pg", durable=False)  # root comes later, and finds it
    assert (found.url, found.started_by_us) == (server.url, False)


@as_root
def test_an_ordinary_user_who_may_not_write(data_dir: Path) -> None:
    """A directory of somebody else is refused in a sentence, not with a traceback of ours."""
    data_dir.chmod(0o755)
    process = starter(data_dir / "pg", str(NOBODY))
    _, err = process.communicate(timeout=60)
    assert "ConfigError: The embedded PostgreSQL cannot use" in err
    assert "Permission denied" in err


@pytest.mark.slow
@as_root
def test_a_cluster_that_its_user_cannot_reach_any_more(data_dir: Path) -> None:
    """When a directory above an existing cluster is closed, that is said, and no empty cluster replaces it."""
    embedded.start(data_dir / "a" / "pg", durable=False)
    embedded.stop(data_dir / "a" / "pg")
    (data_dir / "a").chmod(0o700)
    with pytest.raises(ConfigError, match="who can no longer enter"):
        embedded.start(data_dir / "a" / "pg", durable=False)
