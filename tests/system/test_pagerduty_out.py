"""What people do from Slack arrives in PagerDuty in their name, is said in the thread, and does not echo."""

from typing import Any

import pytest

from tests.integration.sandbox_pagerduty.judge import judge
from tests.rig import CHRIS, DANA, OLLI, OPS, SAM, Rig, eventually

PM2, LOKI = "PM2 High Restart Rate", "Loki Ingestion Lag"
DANA_MAIL, SAM_MAIL, CHRIS_MAIL = "dana.oncall@ats.example", "sam.sre@ats.example", "chris.cto@ats.example"


async def an_incident(rig: Rig, title: str = PM2) -> tuple[dict[str, Any], dict[str, Any]]:
    made = await rig.pagerduty.trigger(title)
    return made, await rig.card(title, "asked")


async def said(rig: Rig, card: dict[str, Any], *words: str) -> list[dict[str, Any]]:
    """The replies with all these words, once there is one."""

    async def found() -> list[dict[str, Any]]:
        return [r for r in await rig.thread(card) if all(word in str(r.get("blocks")) for word in words)]

    return list(await eventually(found))


async def once(rig: Rig, card: dict[str, Any], *words: str) -> None:
    """Said, and still said once when PagerDuty's own news of it is here."""
    await said(rig, card, *words)
    await rig.pagerduty.settle()
    await rig.slack.command(OLLI, OPS, "incidents")
    assert len(await said(rig, card, *words)) == 1


async def stands(rig: Rig, number: int, status: str) -> None:
    """The incident is in that state."""

    async def so() -> bool:
        return (await rig.incident(number)).status == status

    await eventually(so)


def writes(rig: Rig) -> list[Any]:
    """The changes that PagerDuty was asked for, each as its own description wants it."""
    calls = [c for c in rig.pagerduty.calls if c.method in {"PUT", "POST"}]
    for call in calls:
        judge(call)
    return calls


async def by_modal(rig: Rig, user: str, card: dict[str, Any], number: int, what: str, **values: Any) -> None:
    """Card → … → More… → the choice → its form."""
    assert (await rig.slack.press(user, OPS, card["ts"], "incident_more", selected=f"more:{number}")).ok
    chosen = await rig.modal(user)
    assert (await rig.slack.submit(user, chosen["id"], {"wanted": {"value": what}})).ok
    form = await rig.modal(user)
    assert form["callback_id"] in {"act_submit", "resolve_submit"}, form
    given = {block: {"text" if block == "note" else "value": value} for block, value in values.items()}
    outcome = await rig.slack.submit(user, form["id"], given)
    assert outcome.ok, outcome
    assert not outcome.errors, outcome


async def test_snoozing_from_the_modal(rig: Rig) -> None:
    """Acknowledged by the person, for the time chosen; said with the moment of its end."""
    made, card = await an_incident(rig)
    await by_modal(rig, SAM, card, made["incident_number"], "snooze", choice="1800")
    await once(rig, card, "Snoozed until", "Sam")
    await rig.card("Acknowledged", "Sam")
    (call,) = writes(rig)
    assert (call.path, call.body, call.from_email) == (
        f"/incidents/{made['id']}/snooze",
        {"duration": 1800},
        SAM_MAIL,
    )
    assert await rig.timeline(made["incident_number"], "snoozed") == 1


async def test_reassigning_from_the_modal_and_by_command(rig: Rig) -> None:
    """To a Slack user, then to whoever is on call for a role."""
    made, card = await an_incident(rig)
    number = made["incident_number"]
    await by_modal(rig, DANA, card, number, "reassign", who=[SAM])
    await once(rig, card, "Reassigned to Sam Reyes", "Dana", "in Slack")
    await rig.card("assigned to Sam Reyes")
    await rig.slack.command(SAM, OPS, f"reassign {number} management")
    await once(rig, card, "Reassigned to Chris Tan", "Sam")
    assert [c.from_email for c in writes(rig)] == [DANA_MAIL, SAM_MAIL]
    assert await rig.timeline(number, "reassigned") == 2


async def test_escalating_goes_to_the_level_after_the_one_that_has_it(rig: Rig) -> None:
    """Level by level; after the last there is none, and that is said to who asked."""
    made, card = await an_incident(rig)
    number = made["incident_number"]
    await rig.slack.command(DANA, OPS, f"escalate {number}")
    await once(rig, card, "Escalated to Sam Reyes")
    await rig.slack.command(DANA, OPS, f"escalate {number}")
    await once(rig, card, "Escalated to Chris Tan")
    await rig.slack.command(DANA, OPS, f"escalate {number}")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "last level" in str(m)])
    assert [c.body["incident"]["escalation_level"] for c in writes(rig)] == [2, 3]


async def test_asking_people_for_help(rig: Rig) -> None:
    """PagerDuty calls them; the request names the person who asked, and carries no From."""
    made, card = await an_incident(rig)
    number = made["incident_number"]
    await rig.slack.command(DANA, OPS, f"responders {number} {CHRIS_MAIL} the disk is full")
    await once(rig, card, "Chris Tan asked to help", "the disk is full", "Dana")
    (call,) = writes(rig)
    assert (call.body["requester_id"], call.from_email) == (rig.pagerduty.agent(DANA_MAIL).id, "")
    assert await rig.timeline(number, "responder.added") == 1


async def test_an_account_without_responder_requests_says_so(rig: Rig) -> None:
    """402: a limit of the plan, told to who asked, and kept."""
    made, _ = await an_incident(rig)
    rig.pagerduty.world.abilities.remove("coordinated_responding")
    await rig.slack.command(DANA, OPS, f"responders {made['incident_number']} @sam help")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "plan does not include" in str(m)])
    assert await rig.timeline(made["incident_number"], "failed") == 1


async def test_the_priority_changes_severity_and_reminders(rig: Rig) -> None:
    """By command; one that the account does not have is refused with those that it has."""
    made, card = await an_incident(rig)
    number = made["incident_number"]
    await rig.slack.command(DANA, OPS, f"priority {number} p2")
    await once(rig, card, "Priority changed to P2", "Dana")
    await rig.card("P2 ·")
    await rig.slack.command(DANA, OPS, f"priority {number} urgent")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "It has P0, P1, P2, P3" in str(m)])


async def test_the_priority_is_chosen_from_those_of_the_account(rig: Rig) -> None:
    """Also one that the runbook does not know; asked for once, however often the form is opened."""
    made, card = await an_incident(rig)
    number = made["incident_number"]
    ids = {priority.name: priority.id for priority in rig.pagerduty.world.priorities.values()}
    await by_modal(rig, DANA, card, number, "priority", choice=ids["P3"])
    await once(rig, card, "Priority changed to P3", "Dana")
    await by_modal(rig, SAM, card, number, "priority", choice=ids["P0"])
    await once(rig, card, "Priority changed to P0", "Sam")
    assert [c.from_email for c in writes(rig)] == [DANA_MAIL, SAM_MAIL]
    form = [c for c in rig.pagerduty.calls if c.path == "/priorities"]
    assert len(form) == 3  # one for two forms, one for each change


@pytest.mark.parametrize("how", ["hangs", "fails"])
async def test_an_account_that_does_not_tell_its_priorities_is_offered_the_runbooks(rig: Rig, how: str) -> None:
    """The form is there in time all the same, says so, and what is chosen is carried out."""
    made, card = await an_incident(rig)
    if how == "hangs":
        rig.pagerduty.faults.hang("GET /priorities")
    else:
        rig.pagerduty.faults.fail("GET /priorities", times=-1, status=500)
    assert (
        await rig.slack.press(
            DANA, OPS, card["ts"], "incident_more", selected=f"more:{made['incident_number']}"
        )
    ).ok
    chosen = await rig.modal(DANA)
    assert (await rig.slack.submit(DANA, chosen["id"], {"wanted": {"value": "priority"}})).ok
    form = await rig.modal(DANA)
    assert "does not say which priorities" in str(form)
    rig.pagerduty.faults.clear()
    assert (await rig.slack.submit(DANA, form["id"], {"choice": {"value": "P2"}})).ok
    await once(rig, card, "Priority changed to P2", "Dana")


async def test_a_status_update_and_a_note_written_in_the_thread(rig: Rig) -> None:
    """Slash commands do not work in threads: a mention of the bot does. PagerDuty has both, the thread once."""
    made, card = await an_incident(rig)
    assert rig.bot.identity is not None
    bot = rig.bot.identity.user_id
    await rig.slack.say(SAM, OPS, f"<@{bot}> update We are on it", thread_ts=card["ts"])
    await once(rig, card, "Status update", "We are on it", "Sam")
    await rig.slack.say(SAM, OPS, f"<@{bot}> note heap dump taken", thread_ts=card["ts"])
    await once(rig, card, "Note", "heap dump taken", "Sam")
    record = rig.pagerduty.incident(made["id"])
    assert [u.message for u in record.status_updates] == ["We are on it"]
    assert [n.content for n in record.notes] == ["heap dump taken"]
    assert {c.from_email for c in writes(rig)} == {SAM_MAIL}


async def test_merging_and_reopening(rig: Rig) -> None:
    """Into an open one, chosen from a list; reopened by command, it pages again."""
    first, gone = await an_incident(rig, LOKI)
    second, target = await an_incident(rig, PM2)
    one, two = first["incident_number"], second["incident_number"]
    await by_modal(rig, SAM, gone, one, "merge", choice=str(two))
    await once(rig, gone, f"Merged into *#{two}", "Sam")
    await once(rig, target, f"#{one} {LOKI}", "was merged")
    assert rig.pagerduty.rest(first["id"])["resolve_reason"]["incident"]["id"] == second["id"]
    await rig.slack.command(DANA, OPS, f"resolve {two}")
    await stands(rig, two, "resolved")
    await rig.slack.command(DANA, OPS, f"reopen {two}")
    await stands(rig, two, "triggered")
    await rig.card(PM2, "Not acknowledged", "incident_ack")
    await rig.pagerduty.settle()
    assert await rig.timeline(two, "reopened") == 1
    assert (await rig.incident(two)).due_at is not None
    writes(rig)


@pytest.mark.parametrize(
    "command", ["snooze {} soon", "merge {} into {}", "reassign {} @nobodyknows", "merge {} into 999"]
)
async def test_what_cannot_be_done_is_said_and_asks_nothing(rig: Rig, command: str) -> None:
    """A sentence for the person, an entry in the timeline, no request to PagerDuty."""
    made, _ = await an_incident(rig)
    number = made["incident_number"]
    await rig.slack.command(DANA, OPS, command.format(number, number))
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "did not happen" in str(m)])
    assert writes(rig) == []
    assert await rig.timeline(number, "failed") == 1


async def test_a_lost_answer_does_not_do_it_twice(rig: Rig) -> None:
    """Done, but the answer is lost: it is looked first, then neither asked nor said again."""
    made, card = await an_incident(rig)
    number = made["incident_number"]
    for path in ("responder_requests", "status_updates"):
        rig.pagerduty.faults.fail(f"POST /incidents/*/{path}", drop=True, after=True)
    await rig.slack.command(DANA, OPS, f"responders {number} @chris look please")
    await rig.slack.command(DANA, OPS, f"update {number} halfway")
    await eventually(lambda: len(rig.pagerduty.incident(made["id"]).responders) == 1)
    await eventually(lambda: rig.timeline(number, "delayed"))
    await rig.advance(seconds=30)
    await said(rig, card, "Chris Tan asked to help")
    await said(rig, card, "halfway")

    async def settled() -> bool:
        return not (await rig.incident(number)).pending

    await eventually(settled)
    record = rig.pagerduty.incident(made["id"])
    assert (len(record.responders), len(record.status_updates)) == (1, 1)
    assert await rig.timeline(number, "responder.added") == 1
    assert await rig.timeline(number, "status_update_published") == 1


async def test_the_limit_of_requests_is_waited_out(rig: Rig) -> None:
    """429: the person is told, and it is asked again once PagerDuty's own time is over, not before."""
    made, card = await an_incident(rig)
    number = made["incident_number"]
    rig.pagerduty.faults.fail("POST /incidents/*/snooze", retry_after=45)
    await rig.slack.command(DANA, OPS, f"snooze {number} 30m")
    await eventually(lambda: [m for m in rig.messages(user=DANA) if "kept and tried again" in str(m)])
    await rig.advance(seconds=30)
    await rig.slack.command(DANA, OPS, "incidents")
    assert len([c for c in rig.pagerduty.calls if c.path.endswith("snooze")]) == 1
    await rig.advance(seconds=20)
    await once(rig, card, "Snoozed until")


async def test_who_may_not_is_refused(rig: Rig) -> None:
    """Olli is not on call: nothing is asked of PagerDuty."""
    made, _ = await an_incident(rig)
    await rig.slack.command(OLLI, OPS, f"escalate {made['incident_number']}")
    await eventually(lambda: [m for m in rig.messages(user=OLLI) if "responder" in str(m)])
    assert writes(rig) == []


@pytest.mark.parametrize(
    ("what", "given", "words"),
    [
        ("escalate", {}, "Escalated to Sam Reyes"),
        ("responders", {"who": [CHRIS], "text": "the disk is full"}, "Chris Tan asked to help"),
        ("status_update", {"text": "Rolled back"}, "Rolled back"),
        ("priority", {"choice": "P1"}, "Priority changed to P1"),
    ],
)
async def test_the_other_forms_of_more(rig: Rig, what: str, given: dict[str, Any], words: str) -> None:
    """What the commands do, the forms do too: in the person's name, said once, written once."""
    made = await rig.pagerduty.trigger(PM2, priority="P0")
    card = await rig.card(PM2, "asked")
    ids = {priority.name: priority.id for priority in rig.pagerduty.world.priorities.values()}
    given = {
        block: ids.get(value, value) if isinstance(value, str) else value for block, value in given.items()
    }
    await by_modal(rig, DANA, card, made["incident_number"], what, **given)
    await once(rig, card, words, "Dana")
    (call,) = writes(rig)
    assert call.from_email == ("" if what == "responders" else DANA_MAIL)


async def test_resolving_with_a_note_and_reopening_from_the_forms(rig: Rig) -> None:
    """The note is PagerDuty's resolution, and said in the thread; what is over offers to be reopened."""
    made, card = await an_incident(rig)
    number = made["incident_number"]
    await by_modal(rig, SAM, card, number, "resolve", note="bad config")
    await once(rig, card, "resolved it", "bad config", "Sam")
    assert rig.pagerduty.incident(made["id"]).resolution == "bad config"
    closed = await rig.card(PM2, "Resolved")
    await by_modal(rig, DANA, closed, number, "reopen")
    await stands(rig, number, "triggered")
    await rig.card(PM2, "Not acknowledged", "incident_ack")
    assert [c.body["incident"]["status"] for c in writes(rig)] == ["resolved", "triggered"]
