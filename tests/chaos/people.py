"""People, alerts and the clock, at random: what a bot lives through between two kills, and the record of it."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sandbox.pagerduty.world import Incident
from tests.chaos.stage import Stage
from tests.rig import DANA, OPS, SAM, eventually

TITLES: Final = (  # all of them P0 or P1: the ladder reminds of them
    "PM2 High Restart Rate", "High API Latency", "Database Connection Pool Exhausted", "Rate Gate API Exhaustion",
    "Loki Ingestion Lag",
)  # fmt: skip
EMAILS: Final = {DANA: "dana.oncall@ats.example", SAM: "sam.sre@ats.example"}
CHRIS_MAIL: Final = "chris.cto@ats.example"
JUMPS: Final = (timedelta(minutes=15), timedelta(minutes=46))
FATES: Final = ("open", "ack_click", "ack_pd", "resolve_click", "resolve_pd", "ack_then_resolve")
NEXT: Final = {  # what an incident's fate asks for in a state
    ("ack_click", "triggered"): "acknowledge",
    ("ack_then_resolve", "triggered"): "acknowledge",
    ("ack_then_resolve", "acknowledged"): "resolve",
    ("resolve_click", "triggered"): "resolve",
    ("ack_pd", "triggered"): "ack_pd",
    ("resolve_pd", "triggered"): "resolve_pd",
}


@dataclass
class Press:
    """A click or command, and whether Slack's client was told that the app had it."""

    incident: Incident
    what: str  # "acknowledge" | "resolve" | "note"
    user: str
    text: str
    task: "asyncio.Task[Any]"

    @property
    def acked(self) -> bool:
        return self.task.done() and bool(self.task.result().ok)


@dataclass
class Case:
    """An incident, what is to become of it, and how far that is."""

    incident: Incident
    fate: str
    by: str  # the person who clicks
    pd_notes: list[str] = field(default_factory=list)

    @property
    def number(self) -> int:
        return self.incident.number

    @property
    def status(self) -> str:
        return self.incident.status


class People:
    """Acts at random, as the seed says; what was done is kept for the oracle."""

    def __init__(
        self, stage: Stage, dice: random.Random, *, most_incidents: int = 24, most_jumps: int = 6
    ) -> None:
        self.stage, self.dice = stage, dice
        self.cases: list[Case] = []
        self.presses: list[Press] = []
        self.jumps_left, self.incidents_left = most_jumps, most_incidents
        self._texts = 0

    async def act(self) -> str:
        """One act of one of them; its name."""
        acts: list[tuple[Callable[[], Awaitable[bool]], int]] = [
            (self.alert, 4), (self.further_a_fate, 7), (self.write_note, 3), (self.note_in_pagerduty, 2),
            (self.move_clock, 1),
        ]  # fmt: skip
        names, weights = zip(*acts, strict=True)
        for _ in range(10):
            chosen = self.dice.choices(names, weights)[0]
            if await chosen():
                return str(chosen.__name__)
        return "nothing"

    async def alert(self) -> bool:
        if self.incidents_left <= 0:
            return False
        self.incidents_left -= 1
        shape = await self.stage.pagerduty.trigger(f"{self.dice.choice(TITLES)} ({len(self.cases)})")
        incident = self.stage.pagerduty.incident(shape["id"])
        self.cases.append(Case(incident, self.dice.choice(FATES), self.dice.choice((DANA, SAM))))
        return True

    async def move_clock(self) -> bool:
        if self.jumps_left <= 0 or not self.cases:
            return False
        self.jumps_left -= 1
        await self.stage.advance(self.dice.choice(JUMPS))
        return True

    async def further_a_fate(self) -> bool:
        """Do the next thing that an incident's fate asks for; people press again what was not acknowledged."""
        cases = [case for case in self.cases if self._next_of(case)]
        if not cases:
            return False
        case = self.dice.choice(cases)
        step = self._next_of(case)
        if step == "ack_pd":
            await self.stage.pagerduty.acknowledge(case.incident.id, user=CHRIS_MAIL)
        elif step == "resolve_pd":
            await self.stage.pagerduty.resolve(case.incident.id, user=CHRIS_MAIL)
        else:
            return self.press(case, step)
        return True

    def _next_of(self, case: Case) -> str:
        under_way = [p for p in self.presses if p.incident is case.incident and p.what != "note"]
        if any(not p.task.done() for p in under_way):
            return ""
        step = NEXT.get((case.fate, case.status), "")
        return "" if any(p.acked and p.what == step for p in under_way) else step

    def press(self, case: Case, what: str) -> bool:
        """Press a button of the card, by hand or with the command; the answer is awaited by nobody."""
        card = self.stage.card_of(case.incident)
        if card is None or not self.stage.slack.sockets.connections:
            return False
        action = {"acknowledge": "incident_ack", "resolve": "incident_resolve"}[what]
        if self.dice.random() < 0.7:
            work = self.stage.slack.press(case.by, OPS, card["ts"], action)
        else:
            word = {"acknowledge": "ack", "resolve": "resolve"}[what]
            work = self.stage.slack.command(case.by, OPS, f"{word} {case.number}")
        self.presses.append(Press(case.incident, what, case.by, "", asyncio.ensure_future(work)))
        return True

    async def write_note(self) -> bool:
        """With the command: a note of its own text, so that each can be told from the others."""
        known = [case for case in self.cases if self.stage.card_of(case.incident)]
        if not known or not self.stage.slack.sockets.connections:
            return False
        case, text = self.dice.choice(known), self._text("slack")
        work = self.stage.slack.command(case.by, OPS, f"note {case.number} {text}")
        self.presses.append(Press(case.incident, "note", case.by, text, asyncio.ensure_future(work)))
        return True

    async def note_in_pagerduty(self) -> bool:
        if not self.cases:
            return False
        case, text = self.dice.choice(self.cases), self._text("pagerduty")
        case.pd_notes.append(text)
        await self.stage.pagerduty.annotate(case.incident.id, text, user=EMAILS[case.by])
        return True

    def _text(self, where: str) -> str:
        self._texts += 1
        return f"note-{self._texts}-from-{where}."

    def trouble(self) -> None:
        """Sometimes an answer is slow, so that a kill falls between an effect and its record, or is lost."""
        slack, pagerduty = self.stage.slack.faults, self.stage.pagerduty.faults
        roll = self.dice.random()
        if roll < 0.35:
            slack.fail("chat.postMessage", times=self.dice.randint(1, 3), delay=self.dice.uniform(0.05, 0.4))
        elif roll < 0.5:
            slack.fail("chat.postMessage", after=True, drop=True)
        elif roll < 0.6:
            slack.fail("chat.update", delay=self.dice.uniform(0.05, 0.4))
        elif roll < 0.75:
            pagerduty.fail("PUT /incidents*", delay=self.dice.uniform(0.05, 0.4))
        elif roll < 0.9:
            pagerduty.fail("POST /incidents/*/notes", delay=self.dice.uniform(0.05, 0.4))

    async def every_card(self, *, within: float) -> None:
        """Wait a while for the cards of all incidents."""
        with contextlib.suppress(AssertionError):
            await eventually(lambda: all(self.stage.card_of(c.incident) for c in self.cases), within=within)

    async def finish(self) -> None:
        """Wait until Slack's client has an answer, or none, to every click."""
        await asyncio.gather(*(press.task for press in self.presses))
