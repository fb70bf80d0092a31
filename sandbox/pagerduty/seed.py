"""The account that the demo and most tests start with: four people, their schedules, policies, services."""

from sandbox.pagerduty.world import (
    EscalationPolicy,
    EscalationRule,
    Priority,
    Schedule,
    Service,
    Target,
    User,
    World,
)

TRADING_SERVICE = "AI Trading System"
SECURITY_SERVICE = "Security"

# One person per role; each is on call by the schedule named.
PEOPLE = (
    ("PDANA0ONCALL01", "Dana Ortiz", "dana.oncall@ats.example", "DevOps lead", "PD-TRADING-PRIMARY"),
    ("PSAM00SRE00002", "Sam Reyes", "sam.sre@ats.example", "SRE", "PD-TRADING-SECONDARY"),
    ("PCHRIS0CTO0003", "Chris Tan", "chris.cto@ats.example", "CTO", "PD-EXECUTIVE"),
    ("PSIA0SECURITY4", "Sia Novak", "sia.security@ats.example", "Security engineer", "PD-SECURITY"),
)

PRIORITIES = (
    ("P0", "Trading is down or money is being lost: act now"),
    ("P1", "Trading is impaired: act within the hour"),
    ("P2", "Needs a look on the same day; pages nobody"),
    ("P3", "Cosmetic, or for the next sprint"),
)

ABILITIES = [
    "teams",
    "urgencies",
    "incident_priority",
    "coordinated_responding",
    "status_updates",
    "service_support_hours",
    "advanced_permissions",
    "response_operations",
]

# Minutes that a level waits before the next is paged: secondary after 15 minutes, executive after an hour.
TRADING_LADDER = (("PD-TRADING-PRIMARY", 15), ("PD-TRADING-SECONDARY", 45), ("PD-EXECUTIVE", 60))


def default_world() -> World:
    """A fresh account; the same ids every time."""
    world = World(abilities=list(ABILITIES))
    for user_id, name, email, title, schedule in PEOPLE:
        world.users[user_id] = User(user_id, name, email, job_title=title)
        _add_schedule(world, schedule, user_id)
    _add_policy(world, "PD-TRADING-PRIMARY", TRADING_LADDER, "After-hours phone tree of the trading system")
    _add_policy(world, "PD-SECURITY", (("PD-SECURITY", 15),), "Security team, at once")
    _add_service(world, TRADING_SERVICE, "PD-TRADING-PRIMARY")
    _add_service(world, SECURITY_SERVICE, "PD-SECURITY")
    for name, description in PRIORITIES:
        priority = Priority(world.ids.new(), name, description)
        world.priorities[priority.id] = priority
    return world


def _add_schedule(world: World, name: str, user_id: str) -> None:
    schedule = Schedule(world.ids.new(), name, [user_id], user_id)
    world.schedules[schedule.id] = schedule


def _add_policy(world: World, name: str, ladder: tuple[tuple[str, int], ...], description: str) -> None:
    rules = [
        EscalationRule(world.ids.new(), minutes, [Target("schedule", world.schedule_named(schedule).id)])
        for schedule, minutes in ladder
    ]
    policy = EscalationPolicy(world.ids.new(), name, rules, description)
    world.policies[policy.id] = policy


def _add_service(world: World, name: str, policy: str) -> None:
    service = Service(
        world.ids.new(),
        name,
        world.policy_named(policy).id,
        routing_key=world.ids.key(),
        integration_id=world.ids.new(),
    )
    world.services[service.id] = service
