"""What the PagerDuty client makes of answers that are failures, or nonsense."""

import time
from typing import Any

import pytest

from bot.clients.pagerduty import PagerDuty
from bot.errors import (
    AtsError,
    RateLimitedError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)
from sandbox.pagerduty.server import PagerDutyServer
from tests.integration.clients.conftest import SAM, TOKEN

# A fault, its error, words of its message, and how often a GET is tried.
FAULTS: list[tuple[dict[str, Any], type[AtsError], str, int]] = [
    ({"status": 401}, UnauthorizedError, "PAGERDUTY_API_TOKEN", 1),
    ({"status": 403}, UnauthorizedError, "full access", 1),
    ({"status": 400}, RejectedError, "Internal Server Error", 1),
    ({"status": 402}, RejectedError, "plan does not include", 1),
    ({"status": 404}, RejectedError, "404", 1),
    ({"status": 409}, RejectedError, "409", 1),
    ({"status": 302}, RejectedError, "PAGERDUTY_API_URL", 1),
    ({"status": 500}, ServerError, "failed by itself", 3),
    ({"status": 503}, ServerError, "failed by itself", 3),
    ({"status": 200, "body": "<html>"}, ServerError, "PAGERDUTY_API_URL", 3),
    ({"status": 200, "body": []}, ServerError, "PAGERDUTY_API_URL", 3),
    ({"status": 200, "body": {"incident": None}}, ServerError, "PAGERDUTY_API_URL", 1),
    ({"retry_after": 9}, RateLimitedError, "wait 9 s", 1),
    ({"drop": True}, UnreachableError, "broke off", 3),
]


@pytest.mark.parametrize(("fault", "error", "words", "attempts"), FAULTS)
async def test_each_fault_of_a_read_has_its_error(
    client: PagerDuty,
    far: PagerDutyServer,
    fault: dict[str, Any],
    error: type[AtsError],
    words: str,
    attempts: int,
) -> None:
    """Status, shape and silence become one error each, in a sentence that helps and never shows the token."""
    far.faults.fail("GET /incidents/*", times=-1, **fault)
    with pytest.raises(error, match=words) as raised:
        await client.incident("P1")
    assert type(raised.value) is error
    assert TOKEN not in str(raised.value)
    assert len(far.calls) == attempts


@pytest.mark.parametrize(("fault", "error", "words", "attempts"), FAULTS)
async def test_each_fault_of_a_write_has_its_error_at_once(
    client: PagerDuty,
    far: PagerDutyServer,
    fault: dict[str, Any],
    error: type[AtsError],
    words: str,
    attempts: int,
) -> None:
    """The same for a write, which is never repeated by itself."""
    far.faults.fail("PUT *", times=-1, **fault)
    with pytest.raises(error, match=words):
        await client.acknowledge("P1", from_email=SAM)
    assert len(far.calls) == 1


async def test_the_far_side_s_code_is_kept(client: PagerDuty, far: PagerDutyServer) -> None:
    """PagerDuty's own code and words come with the refusal."""
    with pytest.raises(RejectedError) as missing:
        await client.incident("PNOTHERE")
    assert (missing.value.code, "Not Found" in str(missing.value)) == ("2100", True)
    made = await far.trigger("Slow API")
    with pytest.raises(RejectedError, match="no user with the e-mail") as nobody:
        await client.acknowledge(made["id"], from_email="olli.sales@ats.example")
    assert nobody.value.code == "1008"


async def test_a_token_that_is_repeated_to_us_is_not_repeated(client: PagerDuty, far: PagerDutyServer) -> None:
    """A proxy that quotes our request in its error does not bring the token into a message."""
    body = {"error": {"message": f"bad header Token token={TOKEN}", "code": 1}}
    far.faults.fail("*", status=400, body=body)
    with pytest.raises(RejectedError, match=r"\[token\]") as raised:
        await client.abilities()
    assert TOKEN not in str(raised.value)
    assert TOKEN not in repr(raised.value)


async def test_a_read_survives_two_failures(client: PagerDuty, far: PagerDutyServer) -> None:
    """The third attempt of a GET is still made; its answer counts."""
    far.faults.fail("*", status=502)
    far.faults.fail("*", drop=True)
    assert await client.abilities()
    assert len(far.calls) == 3


async def test_a_short_wait_is_waited(
    client: PagerDuty, far: PagerDutyServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A 429 whose wait fits the deadline is waited for as long as it says, then asked again; nothing is logged."""
    far.faults.fail("*", retry_after=0.5)
    began = time.monotonic()
    assert await client.abilities()
    assert time.monotonic() - began >= 0.5
    assert not caplog.records


async def test_a_lost_answer_says_that_the_effect_is_unknown(client: PagerDuty, far: PagerDutyServer) -> None:
    """The acknowledgement was carried out and its answer lost: the message does not claim that it failed."""
    made = await far.trigger("Slow API")
    far.faults.fail("PUT *", drop=True, after=True)
    with pytest.raises(UnreachableError, match="not known"):
        await client.acknowledge(made["id"], from_email=SAM)
    assert far.incident(made["id"]).status == "acknowledged"
    assert (await client.acknowledge(made["id"], from_email=SAM))["status"] == "acknowledged"


ONCALL = {"user": {"id": "P1", "type": "user_reference", "summary": "Dana"}, "escalation_level": 1}


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (ONCALL, ("Dana", "", None)),
        (ONCALL | {"schedule": None, "escalation_policy": None, "end": None}, ("Dana", "", None)),
        (ONCALL | {"end": "2026-01-05T09:00:00-05:00"}, ("Dana", "", "2026-01-05T09:00:00-05:00")),
        # One hour of a night in New York comes twice: the offset says which of them it is.
        (ONCALL | {"end": "2026-11-01T01:30:00-04:00"}, ("Dana", "", "2026-11-01T01:30:00-04:00")),
        (ONCALL | {"end": "2026-11-01T01:30:00-05:00"}, ("Dana", "", "2026-11-01T01:30:00-05:00")),
        (ONCALL | {"end": "2026-01-05T09:00:00"}, ("Dana", "", "2026-01-05T09:00:00+00:00")),
        (ONCALL | {"escalation_level": None}, ("Dana", "", None)),
        ({"user": None, "escalation_level": 1}, None),
    ],
)
async def test_sparse_on_calls_are_understood(
    client: PagerDuty, far: PagerDutyServer, entry: dict[str, Any], shown: tuple[str, str, str | None] | None
) -> None:
    """Missing schedule, policy, e-mail, end or person: what is there is shown, and nothing breaks."""
    far.faults.fail("GET /oncalls", status=200, body={"oncalls": [entry], "more": False})
    found = await client.oncalls()
    told = [(each.user.name, each.user.email, each.until and each.until.isoformat()) for each in found]
    assert told == ([shown] if shown else [])


@pytest.mark.parametrize("entry", [ONCALL | {"end": "tomorrow"}, ONCALL | {"user": "Dana"}, "Dana", None])
async def test_nonsense_on_calls_are_an_error_in_words(
    client: PagerDuty, far: PagerDutyServer, entry: Any
) -> None:
    """An answer of another shape is the far side's failure, said so."""
    far.faults.fail("GET /oncalls", times=-1, status=200, body={"oncalls": [entry], "more": False})
    with pytest.raises(ServerError, match="not what PagerDuty"):
        await client.oncalls()
