"""The command line: what it says, and how it ends."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import app
from bot.operations import timeline
from bot.store import embedded
from bot.store.migrate import HEAD
from bot.store.session import Store
from bot.store.tables import Incident
from tests.chaos.oracle import settled
from tests.chaos.process import ROOT, environment
from tests.chaos.stage import Stage
from tests.rig import eventually

AWAY = "postgresql://nobody@127.0.0.1:1/none"


def ats(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`ats-bot …` as a process of its own, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments], cwd=ROOT, env=environment(settings), check=False,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def here(*arguments: str, **settings: str) -> Result:
    """The same command in this process, which is quicker; blocks."""
    cleared = {name: None for name in os.environ if name.startswith(("ATS_", "SLACK_", "PAGERDUTY_"))}
    return CliRunner().invoke(app, arguments, env={**cleared, "ATS_CONFIG": os.devnull, **settings})


# run


def test_run_without_settings_names_each_that_is_missing() -> None:
    """Exit 1, one sentence for each setting with where to get it, and no traceback."""
    done = ats("run")
    assert done.returncode == 1
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "PAGERDUTY_API_TOKEN"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_wrong_setting_is_named() -> None:
    """A port that is no number is an error of ours in words, not pydantic's traceback."""
    done = ats("run", ATS_PORT="eighty")
    assert done.returncode == 1
    assert "port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A sandbox and a migrated database."""
    async with Stage.set_up(database_url, tmp_path) as stage:
        yield stage


@pytest.mark.slow
async def test_a_port_that_is_taken_is_said_in_a_sentence(stage: Stage) -> None:
    """`run` ends with 1 and says which port, and which setting changes it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = await asyncio.to_thread(lambda: ats("run", **stage.settings(port)))
    assert done.returncode == 1
    assert f"Port {port}" in done.stderr
    assert "ATS_PORT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_run_within_five_seconds(stage: Stage, how: signal.Signals) -> None:
    """SIGTERM, as a container gets it, and Ctrl-C end it with status 0."""
    bot = stage.bot()
    try:
        await bot.ready(within=60)
        await stage.pagerduty.trigger("PM2 High Restart Rate")
        assert await bot.stop(how, within=5.0) == 0
        assert "Traceback" not in bot.said()
    finally:
        await bot.close()


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
async def test_a_slack_that_hangs_does_not_keep_run_from_stopping(stage: Stage, killed: bool) -> None:
    """A message under way, by a job or by the sweep, is given a moment and no more; the next start sends it."""
    stage.slack.faults.hang("chat.postMessage", times=-1)
    await stage.pagerduty.trigger("PM2 High Restart Rate")
    await stop_while_posting(stage, killed=killed)
    if killed:  # its job is taken for running still, so that the next one's sweep does the work
        stage.slack.calls.clear()
        stage.slack.faults.clear()
        stage.slack.faults.hang("conversations.history", times=-1)
        await stop_while_posting(stage, method="conversations.history")
    stage.slack.faults.clear()
    again = stage.bot()
    try:
        await eventually(stage.cards, within=60)
        await settled(stage, within=60)
        assert len(stage.cards()) == 1
    finally:
        await again.close()


async def stop_while_posting(stage: Stage, *, method: str = "chat.postMessage", killed: bool = False) -> None:
    """Start a bot, wait for its call of that method, and stop it in time."""
    bot = stage.bot()
    try:
        await eventually(lambda: [c for c in stage.slack.calls if c.method == method], within=60)
        if killed:
            await bot.kill()
        else:
            assert await bot.stop(within=5.0) == 0
    finally:
        await bot.close()


# doctor


async def doctor(stage: Stage, **settings: str) -> Result:
    return await asyncio.to_thread(lambda: here("doctor", **(stage.settings() | settings)))


async def test_doctor_finds_nothing_to_mend(stage: Stage) -> None:
    """Against a whole account it ends with 0 and says what is fine."""
    result = await doctor(stage)
    assert result.exit_code == 0, result.output
    for part in ("schema " + HEAD, "bot is in #trading-ops-alerts", "Socket Mode opens", "accepts the token",
                 "subscription is active", "Clock: within", "0 to mend"):  # fmt: skip
        assert part in result.output


def _scope(stage: Stage) -> None:
    stage.slack.core.scopes = frozenset(stage.slack.core.scopes) - {"users:read.email"}


def _schedule(stage: Stage) -> None:
    stage.pagerduty.world.schedule_named("PD-EXECUTIVE").name = "PD-BOARD"


def _disabled(stage: Stage) -> None:
    for subscription in stage.pagerduty.world.subscriptions.values():
        subscription.disabled_until = datetime.now(UTC) + timedelta(hours=24)


def _nothing(_stage: Stage) -> None:
    return


BROKEN: list[tuple[str, Callable[[Stage], None], dict[str, str], tuple[str, ...]]] = [
    ("slack-token", _nothing, {"SLACK_BOT_TOKEN": "xoxb-wrong"}, ("invalid_auth", "accepts the token")),
    ("app-token", _nothing, {"SLACK_APP_TOKEN": "xapp-wrong"}, ("SLACK_APP_TOKEN", "connections:write")),
    ("scope", _scope, {}, ("lacks users:read.email", "manifest.yml")),
    ("channel", _nothing, {"ATS_CHANNEL": "#nowhere"}, ("no channel #nowhere", "/invite @ats-bot")),
    ("schedule", _schedule, {}, ("no schedule PD-EXECUTIVE", "Management")),
    ("subscription", _disabled, {}, ("subscription is disabled", "PAGERDUTY_WEBHOOK_SECRET")),
    ("pagerduty-token", _nothing, {"PAGERDUTY_API_TOKEN": "wrong"}, ("PagerDuty", "bot is in")),
    ("database", _nothing, {"ATS_DATABASE_URL": AWAY}, ("database does not answer", "bot is in")),
]


@pytest.mark.parametrize(
    ("spoil", "settings", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
async def test_doctor_names_what_is_broken(
    stage: Stage, spoil: Callable[[Stage], None], settings: dict[str, str], said: tuple[str, ...]
) -> None:
    """One broken thing: exit 1, exactly that is to be mended, and the other parts are still looked at."""
    spoil(stage)
    result = await doctor(stage, **settings)
    assert result.exit_code == 1, result.output
    for part in said:
        assert part in result.output
    assert "\n1 to mend" in result.output
    assert not result.exception or isinstance(result.exception, SystemExit)


async def test_doctor_is_content_without_an_inbound_address(stage: Stage) -> None:
    """No webhook secret is a way to run: what it costs is said, nothing is to be mended."""
    result = await doctor(stage, PAGERDUTY_WEBHOOK_SECRET="")
    assert result.exit_code == 0, result.output
    assert "every 10 s" in result.output
    assert "\n0 to mend" in result.output


# migrate and timeline


def test_migrate_twice_does_it_once(postgres: embedded.EmbeddedPostgres) -> None:
    """The first brings the schema, the second says that it is there already."""
    url = embedded.create_database(postgres, "cli_migrate")
    first, second = here("migrate", ATS_DATABASE_URL=url), here("migrate", ATS_DATABASE_URL=url)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert f"brought to schema {HEAD}" in first.output
    assert f"has schema {HEAD} already" in second.output


def test_migrate_without_a_database_says_so() -> None:
    """Exit 1 and a sentence."""
    done = ats("migrate", ATS_DATABASE_URL=AWAY)
    assert done.returncode == 1
    assert "database does not answer" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
async def written(store: Store, database_url: str) -> str:
    """A database with incident 7 and three entries about it."""
    async with store.transaction() as tx:
        incident = Incident(
            pd_id="Q7",
            number=7,
            title="Ω",
            status_at=tx.now,
            triggered_at=tx.now,
            seen_at=tx.now,
            created_at=tx.now,
        )
        tx.session.add(incident)
        await tx.session.flush()
        for text in ("first", "second", "third"):
            await timeline.append(tx, incident.id, "note", text)
    return database_url


async def test_timeline_verify_finds_an_altered_entry(written: str) -> None:
    """Whole: exit 0. Altered behind the trigger's back: exit 1 and the entry's id."""
    verify = lambda: here("timeline", "verify", ATS_DATABASE_URL=written)  # noqa: E731
    whole = await asyncio.to_thread(verify)
    assert (whole.exit_code, whole.output) == (0, "The timeline is whole.\n")
    with psycopg.connect(written, autocommit=True) as connection:
        with pytest.raises(psycopg.DatabaseError):
            connection.execute("update timeline set text = 'other' where text = 'second'")
        connection.execute("set session_replication_role = replica")
        changed = connection.execute("update timeline set text = 'other' where text = 'second' returning id")
        (altered,) = changed.fetchone() or (0,)
    found = await asyncio.to_thread(verify)
    assert found.exit_code == 1
    assert str(altered) in found.output


async def test_timeline_verify_finds_a_removed_entry(written: str) -> None:
    """An entry taken out of the middle breaks the chain at the next."""
    with psycopg.connect(written, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("delete from timeline where text = 'second'")
    found = await asyncio.to_thread(lambda: here("timeline", "verify", ATS_DATABASE_URL=written))
    assert found.exit_code == 1


async def test_timeline_export_writes_json_lines(written: str, tmp_path: Path) -> None:
    """One line for each entry, to standard output or a file; an unknown number is said."""
    out = await asyncio.to_thread(lambda: here("timeline", "export", "7", ATS_DATABASE_URL=written))
    assert out.exit_code == 0
    assert [json.loads(line)["text"] for line in out.output.splitlines()] == ["first", "second", "third"]
    file = tmp_path / "t.jsonl"
    await asyncio.to_thread(lambda: here("timeline", "export", "7", "-o", str(file), ATS_DATABASE_URL=written))
    assert file.read_text("utf-8") == out.output
    unknown = await asyncio.to_thread(lambda: here("timeline", "export", "8", ATS_DATABASE_URL=written))
    assert unknown.exit_code == 1
    assert "no incident #8" in str(unknown.exception)
