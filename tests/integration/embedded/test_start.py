from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text

from bot.errors import ConfigError
from bot.store import embedded
from tests.integration.embedded.conftest import answer, postmaster, query, starter

pytestmark = pytest.mark.slow  # so many that they would make the fast tests slow


def test_fresh_start_makes_the_database(data_dir: Path) -> None:
    """A first start makes cluster and database, a second finds them running, a stop ends the server."""
    first = embedded.start(data_dir, durable=False)
    second = embedded.start(data_dir, durable=False)
    assert (first.started_by_us, second.started_by_us) == (True, False)
    assert first.url == second.url
    assert query(first.url, "SELECT current_database()") == "ats"
    assert embedded.stop(data_dir)
    assert not embedded.stop(data_dir)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first.url)


def test_data_survive_a_stop(data_dir: Path) -> None:
    """What was committed before a stop is there after the next start."""
    server = embedded.start(data_dir, durable=False)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    embedded.stop(data_dir)
    assert query(embedded.start(data_dir, durable=False).url, "SELECT n FROM kept") == "42"


def test_status_tells_running_from_stopped(data_dir: Path) -> None:
    """Status names pid and URL of a running server, and neither of one that is absent or stopped."""
    assert not embedded.status(data_dir).running
    embedded.start(data_dir, durable=False)
    found = embedded.status(data_dir)
    assert found.running
    assert query(found.url, "SELECT current_database()") == "postgres"
    embedded.stop(data_dir)
    assert embedded.status(data_dir) == embedded.ServerStatus(False, None, "", found.cluster, found.log)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("with a space", id="space"),
        pytest.param("long" * 40, id="long"),
        pytest.param("quote'\" $HOME", id="quotes", marks=pytest.mark.slow),
        pytest.param("a,b;c\\d", id="comma", marks=pytest.mark.slow),
        pytest.param("é%20?&=", id="url", marks=pytest.mark.slow),
    ],
)
def test_any_path_works_for_psycopg_and_sqlalchemy(data_dir: Path, name: str) -> None:
    """A path with spaces, quotes, commas, URL characters, or too long for a socket works all the way."""
    server = embedded.start(data_dir / name, durable=False)
    assert query(server.url, "SELECT 1") == "1"
    engine = create_engine(server.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert connection.execute(text("SHOW data_directory")).scalar_one() == str(server.data_dir / "cluster")
    engine.dispose()
    embedded.stop(data_dir / name)


def test_nothing_listens_on_an_address(data_dir: Path) -> None:
    """The server has a socket in a directory of its own user, and no TCP port."""
    server = embedded.start(data_dir, durable=False)
    assert postmaster(data_dir).net_connections("inet") == []
    socket_dir = Path(query(server.url, "SHOW unix_socket_directories").strip('"'))
    assert socket_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("durable", "fsync"), [(True, "on"), (False, "off")])
def test_only_tests_give_up_durability(data_dir: Path, durable: bool, fsync: str) -> None:
    """By default fsync is on; `durable=False` switches it off."""
    server = embedded.start(data_dir, durable=durable)
    assert query(server.url, "SHOW fsync") == fsync
    assert query(server.url, "SHOW full_page_writes") == fsync
    assert query(server.url, "SHOW max_connections") == "100"


def test_further_databases_and_copies(data_dir: Path) -> None:
    """A database can be made under any name, twice without harm, and as a copy of another."""
    server = embedded.start(data_dir, durable=False)
    template = embedded.create_database(server, "template of tests/1")
    assert embedded.create_database(server, "template of tests/1") == template
    with psycopg.connect(template) as connection:
        connection.execute("CREATE TABLE copied AS SELECT 'yes' AS word")
    copy = embedded.create_database(server, "copy", template="template of tests/1")
    assert query(copy, "SELECT word FROM copied") == "yes"


def test_six_starters_race(data_dir: Path) -> None:
    """Of six processes that start at once on an empty directory, one starts and all get the same server."""
    answers = [answer(process) for process in [starter(data_dir) for _ in range(6)]]
    assert sum(a.started_by_us for a in answers) == 1
    assert len({a.url for a in answers}) == 1
    assert query(answers[0].url, "SELECT 1") == "1"
    masters = [
        p for p in psutil.process_iter(["cmdline"]) if str(data_dir / "cluster") in (p.info["cmdline"] or [])
    ]
    assert len(masters) == 1


def test_a_file_in_the_way_is_said_plainly(data_dir: Path) -> None:
    """A data directory that cannot be made is a ConfigError that names it and says what to set."""
    (data_dir / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot use .*file/pg: Not a directory\. Set ATS_DATA_DIR"):
        embedded.start(data_dir / "file" / "pg")


def test_a_kernel_file_system_is_said_plainly() -> None:
    """A place where nobody can write, not even root, is a ConfigError."""
    with pytest.raises(ConfigError, match="cannot use /proc/ats"):
        embedded.start(Path("/proc/ats"))


def test_no_programs_is_said_plainly(data_dir: Path) -> None:
    """A configured directory without PostgreSQL in it is a ConfigError, and starts nothing."""
    with pytest.raises(ConfigError, match="There is no PostgreSQL in /nowhere"):
        embedded.start(data_dir, bin_dir=Path("/nowhere"))
    assert not (data_dir / "cluster").exists()


def test_data_of_another_version_is_said_plainly(data_dir: Path) -> None:
    """A cluster of a version that is not installed is refused by name and left as it was."""
    embedded.start(data_dir, durable=False)
    embedded.stop(data_dir)
    (data_dir / "cluster" / "PG_VERSION").write_text("9.1\n")
    with pytest.raises(ConfigError, match=r"made by PostgreSQL 9\.1"):
        embedded.start(data_dir, durable=False)


def test_a_server_that_cannot_start_shows_its_log(data_dir: Path) -> None:
    """When PostgreSQL itself refuses, the error carries its words and the log's path."""
    embedded.start(data_dir, durable=False)
    embedded.stop(data_dir)
    with (data_dir / "cluster" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(ConfigError, match=r"no_such_setting.*postgres\.log"):
        embedded.start(data_dir, durable=False)
