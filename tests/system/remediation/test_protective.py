"""Who may stop trading at one click: by the roles that are known, at once; looked into afterwards."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from bot.clients.directory import GROUP
from bot.clients.remembered import JUST_NOW
from bot.domain.policy import Role
from tests.rig import DANA, OLLI, OPS, SAM, Rig, eventually
from tests.system.remediation.acting import every, message, reaches, told
from tests.system.remediation.own import install, write
from tests.system.remediation.test_approvals import passes_by


@pytest.fixture
async def grouped(database_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """Responders are who is in a user group, besides who is on duty."""
    roles, book = json.dumps({"responder": ["S0ATS"]}), str(write(tmp_path))
    async with Rig.running(database_url, tmp_path, ATS_RUNBOOK=book, ATS_ROLES=roles) as rig:
        install(rig)
        rig.slack.workspace.add_usergroup("S0ATS", "ats", [OLLI], name="Operators")
        yield rig


async def stop(rig: Rig, user: str) -> None:
    """Stop trading at one click, typed."""
    assert (await rig.slack.command(user, OPS, "run own.stop")).ok


async def test_a_role_that_was_just_taken_away_still_stops_trading_and_everybody_is_told(grouped: Rig) -> None:
    """Delay is the greater danger: the stop is done by the role that is remembered, then the doubt is said once."""
    assert Role.RESPONDER in (await grouped.bot.directory.access(OLLI)).roles  # remembered from now on
    grouped.slack.workspace.usergroups["S0ATS"].users.clear()
    passes_by(grouped, JUST_NOW)
    await stop(grouped, OLLI)
    await reaches(grouped, "own.stop", "succeeded")
    doubt = await message(grouped, "Please look at this", "may not any more")
    assert SAM in str(doubt["blocks"])  # who approves is asked to look
    assert doubt["ts"] in {m["ts"] for m in grouped.messages()}  # in the channel
    with psycopg.connect(grouped.bot.store.url) as connection:
        found = connection.execute("SELECT text FROM timeline WHERE kind = 'run_doubt'").fetchall()
    assert len(found) == 1


async def test_once_it_is_known_that_a_role_is_gone_it_stops_nothing(grouped: Rig) -> None:
    """What is remembered grows old: five minutes after the group was left there is no stop by it any more."""
    assert Role.RESPONDER in (await grouped.bot.directory.access(OLLI)).roles
    grouped.slack.workspace.usergroups["S0ATS"].users.clear()
    passes_by(grouped, GROUP[0])
    await stop(grouped, OLLI)
    refused = str((await told(grouped, OLLI, "Not run", "role responder is needed"))["blocks"])
    assert "Dana Ortiz" in refused  # whom to ask instead
    assert "Sia" not in refused  # on duty for security, and no responder


async def test_whose_duty_has_just_begun_is_not_refused_by_what_is_remembered(grouped: Rig) -> None:
    """A no is asked anew: they may, and nothing is in doubt."""
    grouped.slack.workspace.usergroups["S0ATS"].users.clear()
    assert Role.RESPONDER not in (await grouped.bot.directory.access(OLLI)).roles
    grouped.slack.workspace.usergroups["S0ATS"].users.append(OLLI)
    passes_by(grouped, JUST_NOW)
    await stop(grouped, OLLI)
    await reaches(grouped, "own.stop", "succeeded")
    await eventually(lambda: grouped.bot.work.soon.idle)
    assert not [m for m in every(grouped) if "Please look at this" in str(m["blocks"])]


@pytest.mark.parametrize("how", ["down", "slow"])
async def test_trading_is_stopped_also_when_pagerduty_does_not_say_who_is_on_call(own: Rig, how: str) -> None:
    """By the last known answer, however slow PagerDuty is, and its age is said."""
    assert Role.RESPONDER in (await own.bot.directory.access(DANA)).roles
    if how == "down":
        own.pagerduty.faults.down()
    else:
        own.pagerduty.faults.fail("*", times=-1, delay=60.0)
    passes_by(own, 120)
    await stop(own, DANA)
    await reaches(own, "own.stop", "succeeded", within=8)
    await message(own, "own.stop", "Decided by what was known", "as of 1")
    own.pagerduty.faults.up()
    own.pagerduty.faults.clear()
