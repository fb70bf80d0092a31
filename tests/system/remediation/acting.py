"""What people do around a run, and what is seen of it: the words of the remediation tests."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from bot.store.run_tables import Run
from tests.rig import OPS, Rig, eventually


def calls(rig: Rig, system: str) -> list[Any]:
    """What was really done to a system of the sandbox's platform."""
    return [c for c in rig.sandbox.platform.state.journal if c.system == system]


async def ask(rig: Rig, user: str, text: str) -> dict[str, Any]:
    """`/ats run …`, until the window says what it found."""
    for again in (True, True, False):
        before = list(rig.slack.workspace.stacks.get(user) or [])
        outcome = await rig.slack.command(user, OPS, f"run {text}")
        assert outcome.ok, outcome
        try:
            return await window(rig, user, but=before)
        except AssertionError:
            if not again:  # on a busy machine a trigger can be over before it is used: a person types it again
                raise
    raise AssertionError("not reached")


async def window(rig: Rig, user: str, *containing: str, but: Collection[str] = ()) -> dict[str, Any]:
    """The window that is open for a person, once it has been filled in; `but`: not one of these."""

    async def found() -> dict[str, Any] | None:
        view = await rig.modal(user)
        loading = any(words in str(view["blocks"]) for words in ("Reading the guard", "Looking …"))
        filled = view["id"] not in but and not loading
        return view if filled and all(text in str(view["blocks"]) for text in containing) else None

    view: dict[str, Any] = await eventually(found, within=20)
    return view


async def confirm(rig: Rig, user: str, view: dict[str, Any], **values: Any) -> Any:
    """Press the button of the window."""
    return await rig.slack.submit(user, view["id"], values)


async def request(rig: Rig, user: str, text: str) -> dict[str, Any]:
    """Ask for a step and confirm it; the run's message."""
    view = await ask(rig, user, text)
    assert view.get("submit"), view["blocks"]
    outcome = await confirm(rig, user, view)
    assert outcome.ok, outcome
    return await message(rig, text.split(maxsplit=1)[0])


async def message(rig: Rig, *containing: str, within: float = 20) -> dict[str, Any]:
    """The newest message of the bot, in channel or thread, that has all of these words."""

    def found() -> dict[str, Any] | None:
        fitting = [m for m in every(rig) if all(text in str(m["blocks"]) for text in containing)]
        return fitting[-1] if fitting else None

    got: dict[str, Any] = await eventually(found, within=within)
    return got


def every(rig: Rig) -> list[dict[str, Any]]:
    """All messages, those of threads included."""
    top = rig.messages()
    threads = [reply for m in top if m.get("reply_count") for reply in rig.messages(thread_ts=m["ts"])[1:]]
    return [*top, *threads]


async def run_of(rig: Rig, step_id: str) -> Run:
    """The newest run of a step."""
    async with rig.bot.store.transaction() as tx:
        query = select(Run).where(col(Run.step_id) == step_id).order_by(col(Run.id).desc()).limit(1)
        found = (await tx.session.execute(query)).scalars().first()
    assert found is not None, f"no run of {step_id}"
    return found


async def reaches(rig: Rig, step_id: str, *states: str, within: float = 30) -> Run:
    """The newest run of a step, once it is in one of these states."""

    async def found() -> Run | None:
        async with rig.bot.store.transaction() as tx:
            query = select(Run).where(col(Run.step_id) == step_id).order_by(col(Run.id).desc()).limit(1)
            run = (await tx.session.execute(query)).scalars().first()
        return run if run is not None and run.state in states else None

    try:
        got: Run = await eventually(found, within=within)
    except AssertionError:
        run = await run_of(rig, step_id)
        raise AssertionError(f"{step_id} is {run.state}: {run.reason} {run.reading} {run.output}") from None
    return got


async def press(rig: Rig, user: str, where: dict[str, Any], action: str, **more: Any) -> Any:
    """Press a button of a message."""
    return await rig.slack.press(user, OPS, where["ts"], action, **more)


async def told(rig: Rig, user: str, *containing: str) -> dict[str, Any]:
    """What only this person sees."""

    def found() -> dict[str, Any] | None:
        seen = [
            m for m in rig.messages(user=user) if all(t in str(m.get("blocks")) + m["text"] for t in containing)
        ]
        return seen[-1] if seen else None

    got: dict[str, Any] = await eventually(found, within=20)
    return got
