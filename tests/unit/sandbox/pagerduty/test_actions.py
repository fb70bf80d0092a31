"""Whatever happens to an incident, its status, log, stamps and webhooks tell the same story."""

import copy
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sandbox.clock import SandboxClock
from sandbox.pagerduty.actions import Actions
from sandbox.pagerduty.errors import ApiError
from sandbox.pagerduty.events import Envelopes
from sandbox.pagerduty.incident_shapes import IncidentShapes
from sandbox.pagerduty.seed import default_world
from sandbox.pagerduty.shapes import Shapes
from sandbox.pagerduty.world import Agent

USERS = [Agent("user", user_id) for user_id in default_world().users]
# What a log entry says about the status. Who is newly assigned has not acknowledged yet.
MEANS = {
    "trigger": "triggered",
    "assign": "triggered",
    "acknowledge": "acknowledged",
    "unacknowledge": "triggered",
    "escalate": "triggered",
    "delegate": "triggered",
    "resolve": "resolved",
}


class IncidentLife(RuleBasedStateMachine):
    """Random people do random things to one incident."""

    @initialize()
    def trigger(self) -> None:
        self.world = default_world()
        self.sent: list[dict[str, Any]] = []
        envelopes = Envelopes(IncidentShapes(Shapes(self.world, "http://pd.example")))
        self.actions = Actions(
            self.world, envelopes, SandboxClock(), lambda body, _: self.sent.append(body["event"])
        )
        self.incident = self.actions.trigger("Slow API", next(iter(self.world.services.values())))
        self.expected = "triggered"

    def attempt(self, allowed: bool, result: str, name: str, *args: Any) -> None:
        """Do it; if it is not allowed nothing may have changed."""
        before, sent = copy.deepcopy(self.incident), len(self.sent)
        if allowed:
            getattr(self.actions, name)(self.incident, *args)
            self.expected = result
        else:
            with pytest.raises(ApiError):
                getattr(self.actions, name)(self.incident, *args)
            assert self.incident == before
            assert len(self.sent) == sent

    @rule(who=st.sampled_from(USERS))
    def acknowledge(self, who: Agent) -> None:
        mine = any(stamp.user_id == who.id for stamp in self.incident.acknowledgements)
        self.attempt(self.incident.is_open and not mine, "acknowledged", "acknowledge", who)

    @rule()
    def unacknowledge(self) -> None:
        self.attempt(self.incident.status == "acknowledged", "triggered", "unacknowledge")

    @rule(who=st.sampled_from(USERS))
    def resolve(self, who: Agent) -> None:
        self.attempt(self.incident.is_open, "resolved", "resolve", who)

    @rule(who=st.sampled_from(USERS))
    def reopen(self, who: Agent) -> None:
        self.attempt(not self.incident.is_open, "triggered", "reopen", who)

    @rule(level=st.integers(min_value=0, max_value=5))
    def escalate(self, level: int) -> None:
        levels = len(self.world.policies[self.incident.policy_id].rules)
        self.attempt(self.incident.is_open and 1 <= level <= levels, "triggered", "escalate", level)

    @rule(who=st.sampled_from(USERS), to=st.sampled_from(USERS))
    def reassign(self, who: Agent, to: Agent) -> None:
        self.attempt(self.incident.is_open, "triggered", "reassign", [to.id], who)

    @rule(who=st.sampled_from(USERS), policy=st.integers(min_value=0, max_value=1))
    def delegate(self, who: Agent, policy: int) -> None:
        self.attempt(self.incident.is_open, "triggered", "delegate", list(self.world.policies)[policy], who)

    @rule(who=st.sampled_from(USERS))
    def annotate(self, who: Agent) -> None:
        self.actions.annotate(self.incident, "A note", who.id)

    @invariant()
    def status_is_what_was_done(self) -> None:
        assert self.incident.status == self.expected

    @invariant()
    def the_log_tells_the_status(self) -> None:
        kinds = [entry.type.removesuffix("_log_entry") for entry in self.incident.log]
        assert [MEANS[kind] for kind in kinds if kind in MEANS][-1] == self.expected

    @invariant()
    def stamps_fit_the_status(self) -> None:
        incident = self.incident
        assert (incident.resolved_at is not None) == (incident.status == "resolved")
        assert bool(incident.acknowledgements) == (incident.status == "acknowledged")
        assert bool(incident.assignments) == incident.is_open

    @invariant()
    def webhooks_tell_the_same(self) -> None:
        about = [event["data"] for event in self.sent if event["data"]["type"] == "incident"]
        assert about[-1]["status"] == self.incident.status
        assert [each["id"] for each in about[-1]["assignees"]] == [
            stamp.user_id for stamp in self.incident.assignments
        ]
        assert len({event["id"] for event in self.sent}) == len(self.sent)


IncidentLife.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestIncidentLife = IncidentLife.TestCase
