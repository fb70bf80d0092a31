"""Who may run what: the whole table of classes and roles, the settings' policies, and what nobody may."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from itertools import chain, combinations

import pytest

from bot.domain.policy import Access, Role
from bot.domain.step_policy import (
    Allowed,
    Denied,
    NeedsApproval,
    Person,
    Rule,
    Ruling,
    Window,
    decide,
    forbidden,
    may_approve,
    step_role,
    too_loose,
)
from runbook.model import Entry, Plan, Risk
from tests.unit.domain.steps import person, step

V, R, A, S, X = Role.VIEWER, Role.RESPONDER, Role.APPROVER, Role.SECURITY, Role.ADMIN
NOW = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)  # a Wednesday, 10:00 in New York
EVERY = [frozenset(c) for c in chain.from_iterable(combinations(Role, n) for n in range(len(Role) + 1))]
MARKET = Window(frozenset(range(5)), time(9, 30), time(16), "America/New_York")
RISKS = [Risk.READ, Risk.MUTATING, Risk.PROTECTIVE, Risk.DESTRUCTIVE, Risk.MANUAL]


def expected(risk: Risk, roles: frozenset[Role]) -> type[Ruling]:
    """DESIGN.md, "Who may do what", as a table."""
    if risk is Risk.READ:
        return Allowed if V in roles else Denied
    if risk is Risk.MANUAL or R not in roles:
        return Denied
    return NeedsApproval if risk is Risk.DESTRUCTIVE else Allowed


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("roles", EVERY, ids=lambda roles: "+".join(sorted(roles)) or "nobody")
def test_every_class_for_every_set_of_roles(risk: Risk, roles: frozenset[Role]) -> None:
    """Read: viewers. Mutating, protective: responders. Destructive: with a second person. Manual: nobody."""
    ruling = decide(person(*roles), step(risk=risk), now=NOW)
    assert type(ruling) is expected(risk, roles)
    if isinstance(ruling, Allowed):
        assert ruling.confirm == (risk is Risk.MUTATING) or risk is Risk.READ
    if isinstance(ruling, NeedsApproval):
        assert (ruling.count, ruling.role) == (1, A)


@pytest.mark.parametrize("risk", RISKS)
def test_bots_may_nothing(risk: Risk) -> None:
    """However many roles a bot was given."""
    assert isinstance(decide(person(*Role, is_bot=True), step(risk=risk), now=NOW), Denied)


@pytest.mark.parametrize("risk", [Risk.MUTATING, Risk.PROTECTIVE, Risk.DESTRUCTIVE])
def test_a_locked_step_is_run_by_nobody(risk: Risk) -> None:
    """Not even by an admin who breaks the glass: only what was reviewed is ever run."""
    ruling = decide(person(*Role), step(risk=risk, unlocked=False), now=NOW, broken_glass=True)
    assert isinstance(ruling, Denied)
    assert not ruling.breakable


def test_a_step_that_is_not_in_the_plan_is_run_by_nobody() -> None:
    """Whatever id was typed or forged."""
    ruling = decide(person(*Role), None, now=NOW, broken_glass=True)
    assert isinstance(ruling, Denied)
    assert not ruling.breakable


@pytest.mark.parametrize(
    "argv",
    [
        ("pm2", "restart", "all"), ("pm2", "restart", "--update-env", "all"), ("/usr/bin/pm2", "reload", "all"),
        ("sudo", "pm2", "stop", "all"), ("docker", "compose", "down", "-v"), ("docker-compose", "down", "--volumes"),
        ("docker", "compose", "-f", "x.yml", "down", "-v"), ("docker", "compose", "down", "-tv"),
        ("sudo", "ufw", "deny", "out", "443"), ("iptables", "-A", "OUTPUT"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("risk", [Risk.READ, Risk.MUTATING, Risk.PROTECTIVE, Risk.DESTRUCTIVE])
def test_some_commands_are_run_by_no_role(argv: tuple[str, ...], risk: Risk) -> None:
    """Even if a mistake in the compiler or the lock file unlocked them, and with the glass broken."""
    ruling = decide(person(*Role), step(risk=risk, argv=(argv,)), now=NOW, broken_glass=True)
    assert isinstance(ruling, Denied)
    assert not ruling.breakable


def test_what_is_not_known_counts_as_no_and_is_said() -> None:
    """PagerDuty does not answer: no role, and the refusal says why."""
    ruling = decide(person(V, problems=("PagerDuty does not say who is on call",)), step(), now=NOW)
    assert isinstance(ruling, Denied)
    assert "does not say who is on call" in ruling.because
    assert ruling.needed is R


def test_nothing_is_run_for_a_resolved_incident() -> None:
    """What it was meant for is over."""
    assert isinstance(decide(person(R), step(), now=NOW, incident="resolved"), Denied)
    assert isinstance(decide(person(R), step(), now=NOW, incident="acknowledged"), Allowed)


@pytest.mark.parametrize("role", [S, A, X])
def test_the_author_of_the_runbook_may_ask_for_a_higher_role(role: Role) -> None:
    """`role=security` means that being on call is not enough."""
    assert isinstance(decide(person(R), step(role=role), now=NOW), Denied)
    assert isinstance(decide(person(role), step(role=role), now=NOW), Allowed)


def test_the_authors_approvals_count_for_every_class() -> None:
    """`approvals=2` on a step that changes little is two approvals all the same."""
    ruling = decide(person(R), step(approvals=2), now=NOW)
    assert isinstance(ruling, NeedsApproval)
    assert ruling.count == 2


@pytest.mark.parametrize(
    ("now", "needs"),
    [
        (datetime(2026, 11, 25, 14, 29, tzinfo=UTC), False),  # 09:29 in New York
        (datetime(2026, 11, 25, 14, 30, tzinfo=UTC), True),
        (datetime(2026, 11, 25, 20, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 25, 21, 0, tzinfo=UTC), False),  # 16:00
        (datetime(2026, 11, 28, 15, 0, tzinfo=UTC), False),  # Saturday
        (datetime(2026, 7, 1, 13, 30, tzinfo=UTC), True),  # summer time: 09:30 is an hour earlier
        (datetime(2026, 7, 1, 20, 0, tzinfo=UTC), False),
    ],
)
def test_no_restart_of_the_engine_in_market_hours_without_a_second_person(now: datetime, needs: bool) -> None:
    """A policy for a time of the week, in its own time zone."""
    rule = Rule("market hours", steps=("pm2.*",), window=MARKET, approvals=1)
    ruling = decide(person(R), step("pm2.restart"), now=now, rules=[rule])
    assert isinstance(ruling, NeedsApproval) == needs
    assert isinstance(decide(person(R), step("loki.restart"), now=now, rules=[rule]), Allowed)


@pytest.mark.parametrize(
    ("now", "inside"),
    [
        (datetime(2026, 11, 27, 23, 0, tzinfo=UTC), True),  # Friday night
        (datetime(2026, 11, 28, 5, 59, tzinfo=UTC), True),  # its other half
        (datetime(2026, 11, 28, 6, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 28, 23, 0, tzinfo=UTC), False),  # Saturday night is not named
        (datetime(2026, 11, 27, 5, 0, tzinfo=UTC), False),  # the night before Friday
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_began_on(now: datetime, inside: bool) -> None:
    """22:00 to 06:00 on Friday ends on Saturday morning."""
    assert Window(frozenset({4}), time(22), time(6), "UTC").contains(now) == inside


def test_policies_can_deny_raise_the_role_and_choose_the_approver() -> None:
    """Each makes it stricter; the strictest of several counts."""
    rules = [
        Rule("a second pair of eyes", steps=("s",), approvals=2),
        Rule("security looks at it", steps=("s",), approver=S),
    ]
    assert decide(person(R), step(), now=NOW, rules=rules) == NeedsApproval(
        2, S, "a second pair of eyes; security looks at it"
    )
    assert isinstance(decide(person(R), step(), now=NOW, rules=[Rule("frozen", deny=True)]), Denied)
    assert isinstance(decide(person(R), step(), now=NOW, rules=[Rule("admins", role=X)]), Denied)
    assert isinstance(decide(person(R, X), step(), now=NOW, rules=[Rule("admins", role=X)]), Allowed)


def test_a_policy_for_a_role_counts_for_who_has_it_among_others() -> None:
    """A person in two roles: the stricter side counts."""
    rule = Rule("no restarts by responders", who=frozenset({R}), deny=True)
    assert isinstance(decide(person(R, A), step(), now=NOW, rules=[rule]), Denied)
    assert isinstance(decide(person(V, S), step(role="security"), now=NOW, rules=[rule]), Allowed)


def test_a_policy_for_all_steps_does_not_slow_down_an_emergency_stop() -> None:
    """Delay is the greater danger there: only a policy that names the step applies."""
    stop = step("trading.emergency-stop", Risk.PROTECTIVE)
    assert decide(person(R), stop, now=NOW, rules=[Rule("freeze", deny=True)]) == Allowed(confirm=False)
    named = Rule("two people", steps=("trading.emergency-stop",), approvals=1)
    assert isinstance(decide(person(R), stop, now=NOW, rules=[named]), NeedsApproval)


def test_breaking_the_glass_goes_past_a_denial_but_not_past_the_second_person() -> None:
    """Admins only, on unlocked steps only; a destructive step still needs its approver."""
    frozen = [Rule("frozen", deny=True)]
    denied = decide(person(V, X), step(), now=NOW, rules=frozen)
    assert isinstance(denied, Denied)
    assert denied.breakable
    assert decide(person(V, X), step(), now=NOW, rules=frozen, broken_glass=True) == Allowed(confirm=True)
    dangerous = decide(person(X), step(risk=Risk.DESTRUCTIVE), now=NOW, broken_glass=True)
    assert isinstance(dangerous, NeedsApproval)
    for roles in ((), (V,), (A, S)):
        assert isinstance(decide(person(*roles), step(), now=NOW, rules=frozen, broken_glass=True), Denied)


@pytest.mark.parametrize(
    ("who", "roles", "bot", "already", "counts"),
    [
        ("U2", (A,), False, (), True),
        ("U2", (R, A), False, (), True),  # in two roles
        ("U1", (R, A), False, (), False),  # the requester, who is an approver too
        ("U2", (R,), False, (), False),
        ("U2", (X, S), False, (), False),
        ("U2", (A,), True, (), False),
        ("U2", (A,), False, ("U2",), False),  # one person counts once
        ("U2", (A,), False, ("U3",), True),
        ("U2", (), False, (), False),
    ],
)
def test_who_may_approve(
    who: str, roles: tuple[Role, ...], bot: bool, already: tuple[str, ...], counts: bool
) -> None:
    """Another person, no bot, with the role, once."""
    refused = may_approve(
        person(*roles, slack_id=who, is_bot=bot), requester=Person("U1"), role=A, already=map(Person, already)
    )
    assert (refused is None) == counts


@pytest.mark.parametrize(
    ("second", "counts"),
    [
        ({"pd_id": "P1"}, False),  # linked to the same PagerDuty user
        ({"email": "Dana@ATS.example"}, False),  # a guest account with the same address
        ({"pd_id": "P2", "email": "sam@ats.example"}, True),
        ({}, True),  # nothing more is known of either
    ],
)
def test_two_accounts_of_one_human_are_one_person(second: dict[str, str], counts: bool) -> None:
    """Neither does a second account approve what the first asked for, nor count beside the first's approval."""
    other = person(A, slack_id="U2", **second)
    dana = Person("U1", "P1", "dana@ats.example")
    for requester, already in ((dana, []), (Person("U9"), [dana])):
        refused = may_approve(other, requester=requester, role=A, already=already)
        assert (refused is None) == counts


STEPS = (step("a"), step("b", Risk.DESTRUCTIVE, approvals=2), step("c", role="security"), step("r", Risk.READ))
PLAN = Plan("t", "1", "o", "p", "d", entries=(Entry("e", "E", "alert", steps=STEPS),))


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (Rule("x", steps=("a",), approvals=1), ""),
        (Rule("x", steps=("a",), deny=True), ""),
        (Rule("x", steps=("b",), approver=S), ""),
        (Rule("x", steps=("b",), approvals=1), "asks for 1 approvals of b, which needs 2"),
        (Rule("x", steps=("c",), role=R), "lets a responder run c"),
        (Rule("x", steps=("a",), role=V), "lets a viewer run a"),
        (Rule("x", steps=("b",), approver=R), "lets a responder approve b"),
        (Rule("x", steps=("nothing.*",), deny=True), "is no step"),
        (Rule("x", steps=("r",), deny=True), "is no step that changes"),
        (Rule("x", steps=("a",)), "asks for nothing"),
    ],
)  # fmt: skip
def test_a_policy_that_is_looser_than_the_runbook_is_found(rule: Rule, problem: str) -> None:
    """So is one that would silently do nothing."""
    found = too_loose([rule], PLAN)
    assert (problem in "; ".join(found)) if problem else not found


@pytest.mark.parametrize(
    ("ruling", "said"),
    [
        (lambda: decide(person(*Role, is_bot=True), step(), now=NOW), Denied("bots may not act")),
        (lambda: decide(person(*Role), None, now=NOW), Denied("the runbook in force has no such step")),
        (
            lambda: decide(person(*Role), step(risk=Risk.MANUAL), now=NOW),
            Denied("it is for a person, by hand: because"),
        ),
        (
            lambda: decide(person(*Role), step(never=True), now=NOW),
            Denied("it is for a person, by hand: because"),
        ),
        (
            lambda: decide(person(*Role), step(program=None), now=NOW),
            Denied("it is for a person, by hand: because"),
        ),
        (
            lambda: decide(person(*Role), step(argv=(("pm2", "stop", "all"),)), now=NOW),
            Denied("this command is never run from Slack, by nobody"),
        ),
        (
            lambda: decide(person(*Role), step(unlocked=False, locked="it was edited"), now=NOW),
            Denied("it was edited"),
        ),
        (
            lambda: decide(person(*Role), step(unlocked=False), now=NOW),
            Denied("it is locked: nobody has reviewed it for running from Slack"),
        ),
        (
            lambda: decide(person(*Role), step(), now=NOW, incident="resolved"),
            Denied("the incident is resolved"),
        ),
        (lambda: decide(person(), step(risk=Risk.READ), now=NOW), Denied("the role viewer is needed", V)),
        (lambda: decide(person(V), step(), now=NOW), Denied("the role responder is needed", R, breakable=True)),
        (
            lambda: decide(person(V), step(role="security"), now=NOW, rules=[Rule("x", role=X)]),
            Denied("the role admin is needed", X, breakable=True),
        ),
        (
            lambda: decide(person(V, problems=("a", "b")), step(), now=NOW),
            Denied("the role responder is needed (what is not known counts as no: a; b)", R, breakable=True),
        ),
        (
            lambda: decide(person(R), step(), now=NOW, rules=[Rule("no"), Rule("frozen", deny=True)]),
            Denied("frozen", breakable=True),
        ),
        (
            lambda: decide(person(R), step(risk=Risk.DESTRUCTIVE), now=NOW),
            NeedsApproval(1, A, "a step that is destructive needs a second person"),
        ),
        (
            lambda: decide(person(R), step(approvals=2), now=NOW, rules=[Rule("one", approvals=1)]),
            NeedsApproval(2, A, "one"),
        ),
        (
            lambda: decide(person(R), step(), now=NOW, rules=[Rule("a", approver=A), Rule("s", approver=X)]),
            NeedsApproval(1, X, "a; s"),
        ),
        (
            lambda: decide(person(R), step(), now=NOW, rules=[Rule("a", approvals=1), Rule("b", approvals=3)]),
            NeedsApproval(3, A, "a; b"),
        ),
        (lambda: decide(person(R), step(), now=NOW, rules=[Rule("asks for nothing")]), Allowed(confirm=True)),
        (lambda: decide(person(R), step(risk=Risk.PROTECTIVE), now=NOW), Allowed(confirm=False)),
        (lambda: decide(person(V), step(risk=Risk.READ), now=NOW, incident="resolved"), Allowed(confirm=False)),
    ],
)
def test_every_ruling_says_what_it_is_about(ruling: Callable[[], Ruling], said: Ruling) -> None:
    """The whole ruling: its words, the role that is missing, how many and whose approvals, and whether glass breaks."""
    assert ruling() == said


ACCOUNT = ", and this is another account of the same person"


@pytest.mark.parametrize(
    ("who", "already", "said"),
    [
        (person(A, slack_id="U2", is_bot=True), (), "bots may not approve"),
        (person(A, slack_id="U1"), (), "whoever asks cannot approve: it takes a second person"),
        (
            person(A, slack_id="U2", pd_id="P1"),
            (),
            "whoever asks cannot approve: it takes a second person" + ACCOUNT,
        ),
        (
            person(A, slack_id="U2", email="ANA@X.ORG"),
            (),
            "whoever asks cannot approve: it takes a second person" + ACCOUNT,
        ),
        (
            person(A, slack_id="U2"),
            (Person("U3"), Person("U2")),
            "you have approved already; one person counts once",
        ),
        (
            person(A, slack_id="U2", pd_id="P9"),
            (Person("U3", "P9"),),
            "you have approved already; one person counts once",
        ),
        (person(R, slack_id="U2"), (), "the role approver is needed"),
        (person(A, slack_id="U2", pd_id="P2", email="bo@x.org"), (Person("U3", "P3"),), ""),
    ],
)
def test_why_an_approval_does_not_count(who: Access, already: tuple[Person, ...], said: str) -> None:
    """A bot, the requester under any account, the same person twice, or the wrong role; each in its own words."""
    refused = may_approve(who, requester=Person("U1", "P1", "ana@x.org"), role=A, already=already)
    assert (refused.because if refused else "") == said
    assert refused is None or refused.needed == (A if "role" in said else None)


@pytest.mark.parametrize(
    ("argv", "never"),
    [
        (("pm2", "restart", "api"), False),
        (("pm2", "restart", "api", "all"), False),
        (("pm2", "delete", "all"), True),
        (("command", "pm2", "stop", "all"), True),
        (("nohup", "pm2", "reload", "all"), True),
        (("timeout", "5", "pm2", "restart", "all"), True),
        (("timeout", "-k", "5s", "10m", "pm2", "restart", "all"), True),
        (("env", "PM2_HOME=/x", "sudo", "pm2", "restart", "all"), True),
        (("sudo", "-u", "app", "pm2", "restart", "all"), True),
        (("sudo", "-g", "app", "pm2", "stop", "all"), True),
        (("timeout", "-s", "KILL", "5", "pm2", "stop", "all"), True),
        (("pm2", "restart", "all", "api"), True),
        (("sudo",), False),
        ((), False),
        (("-v",), False),
        (("docker", "compose", "down"), False),
        (("docker", "compose", "down", "--remove-orphans"), False),
        (("docker", "compose", "up", "-v"), False),
        (("docker", "down", "-v"), False),
        (("docker", "--context", "x", "compose", "down", "-v"), True),
        (("docker-compose", "-p", "x", "down", "-v"), True),
        (("/usr/local/bin/docker-compose", "down", "--volumes"), True),
        (("docker", "compose", "exec", "x", "down", "-v"), True),
        (("systemctl", "status", "ufw"), False),
        (("/usr/sbin/ip6tables", "-F"), True),
        (("nft", "flush", "ruleset"), True),
        (("firewall-cmd", "--reload"), True),
    ],
)
def test_the_second_look_at_a_command(argv: tuple[str, ...], never: bool) -> None:
    """Behind wrappers and folders, too; a harmless sister is left alone."""
    assert forbidden(step(argv=(("uptime",), argv))) == never


def test_a_window_says_itself_in_words() -> None:
    """As the settings write it."""
    assert str(MARKET) == "09:30-16:00 America/New_York"
    assert str(Window(frozenset({6}), time(22, 5), time(6, 1), "UTC")) == "22:05-06:01 UTC"


@pytest.mark.parametrize(
    ("window", "now", "inside"),
    [
        (Window(frozenset({2}), time(0), time(0), "UTC"), NOW, True),  # all of Wednesday
        (Window(frozenset({3}), time(0), time(0), "UTC"), NOW, False),
        (Window(frozenset({2}), time(15), time(16), "UTC"), NOW, True),  # from its first moment
        (Window(frozenset({2}), time(14), time(15), "UTC"), NOW, False),  # to before its last
        (Window(frozenset({2}), time(15), time(3), "UTC"), NOW, True),
        (Window(frozenset({6}), time(22), time(6), "UTC"), datetime(2026, 11, 23, 5, tzinfo=UTC), True),
        (Window(frozenset({0}), time(22), time(6), "UTC"), datetime(2026, 11, 23, 5, tzinfo=UTC), False),
    ],
)
def test_the_borders_of_a_window(window: Window, now: datetime, inside: bool) -> None:
    """The start belongs to it, the end does not; Sunday night ends on Monday."""
    assert window.contains(now) == inside


@pytest.mark.parametrize(
    ("rule", "step_id", "risk", "covers"),
    [
        (Rule("x"), "a", Risk.MUTATING, True),
        (Rule("x"), "a", Risk.DESTRUCTIVE, True),
        (Rule("x"), "a", Risk.PROTECTIVE, False),
        (Rule("x"), "a", Risk.READ, False),
        (Rule("x", steps=("a",)), "a", Risk.PROTECTIVE, True),
        (Rule("x", steps=("a",)), "a", Risk.READ, False),
        (Rule("x", steps=("b", "a*")), "abc", Risk.MUTATING, True),
        (Rule("x", steps=("A",)), "a", Risk.MUTATING, False),
    ],
)
def test_which_steps_a_policy_is_about(rule: Rule, step_id: str, risk: Risk, covers: bool) -> None:
    """Every step that changes something, but a protective one only when it is named."""
    assert rule.covers(step(step_id, risk)) == covers


@pytest.mark.parametrize(
    ("risk", "role", "needed"),
    [
        (Risk.MUTATING, "responder", R),
        (Risk.MUTATING, "viewer", R),
        (Risk.MUTATING, "", R),
        (Risk.MUTATING, "king", R),
        (Risk.MUTATING, "security", S),
        (Risk.READ, "viewer", V),
        (Risk.READ, "", R),
    ],
)
def test_the_role_that_a_step_needs(risk: Risk, role: str, needed: Role) -> None:
    """What the author wrote, but never less than a responder for what changes something."""
    assert step_role(step(risk=risk, role=role)) is needed


def test_the_settings_mistakes_are_said_in_full() -> None:
    """Which policy, which step, what it asks and what is needed; one sentence for each."""
    assert too_loose([Rule("nights", steps=("a", "nothing", "b"), role=V, approvals=1, approver=R)], PLAN) == [
        "the policy “nights” names nothing, which is no step that changes something",
        "the policy “nights” lets a viewer run a, which needs a responder",
        "the policy “nights” lets a responder approve a, which needs an approver",
        "the policy “nights” lets a viewer run b, which needs a responder",
        "the policy “nights” asks for 1 approvals of b, which needs 2",
        "the policy “nights” lets a responder approve b, which needs an approver",
    ]
    assert too_loose([Rule("empty", steps=("a",))], PLAN) == [
        "the policy “empty” asks for nothing; give deny, role, approvals or approver"
    ]
    assert too_loose([Rule("fine", steps=("a",), role=R, approvals=1, approver=A)], PLAN) == []
    assert too_loose([Rule("fine", steps=("b",), approvals=2)], PLAN) == []


@pytest.mark.parametrize(
    ("row", "who"),
    [
        ({}, Person("", "", "")),
        ({"slack_id": None, "pd_id": None, "mail": None}, Person("", "", "")),
        (
            {"slack_id": "U1", "pd_id": "P1", "mail": "Ana@X.org", "name": "Ana"},
            Person("U1", "P1", "ana@x.org"),
        ),
    ],
)
def test_a_person_from_what_a_row_keeps(row: dict[str, str | None], who: Person) -> None:
    """What is not known is empty, and an address has no case."""
    assert Person.of(row) == who
