"""Routes that only read the account: users, schedules, on-calls, services, policies, priorities, abilities."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import SandboxClock
from sandbox.pagerduty.errors import bad_dates, not_found
from sandbox.pagerduty.http import answer, choices, found, many, moment, page
from sandbox.pagerduty.shapes import Shapes
from sandbox.pagerduty.world import Json, Schedule

ACCOUNT_TOKEN = "Must be a user-level token: this is an account-level access token"


class DirectoryRoutes:
    def __init__(self, shapes: Shapes, clock: SandboxClock, tokens: dict[str, str]) -> None:
        self._shapes = shapes
        self._world = shapes.world
        self._clock = clock
        self._tokens = tokens

    def routes(self) -> list[Route]:
        return [
            Route("/abilities", self.abilities),
            Route("/priorities", self.priorities),
            Route("/users", self.users),
            Route("/users/me", self.me),
            Route("/users/{id}", self.user),
            Route("/schedules", self.schedules),
            Route("/schedules/{id}", self.schedule),
            Route("/schedules/{id}/users", self.schedule_users),
            Route("/v3/schedules/{id}", self.schedule_v3),
            Route("/oncalls", self.oncalls),
            Route("/services", self.services),
            Route("/services/{id}", self.service),
            Route("/escalation_policies", self.policies),
            Route("/escalation_policies/{id}", self.policy),
        ]

    async def abilities(self, _request: Request) -> Response:
        return answer({"abilities": self._world.abilities})

    async def priorities(self, request: Request) -> Response:
        return page(request, "priorities", list(self._world.priorities.values()), self._shapes.priority)

    async def users(self, request: Request) -> Response:
        query = request.query_params.get("query", "").casefold()
        # The real query looks into names and addresses.
        users = [
            user
            for user in self._world.users.values()
            if query in user.name.casefold() or query in user.email.casefold()
        ]
        return page(request, "users", users, self._shapes.user)

    async def me(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").partition("=")[2].strip()
        user = self._world.users.get(self._tokens.get(token, ""))
        if user is None:
            # This one answer has a bare string; pdpyras and others recognise account tokens by it.
            return answer({"error": ACCOUNT_TOKEN}, 400)
        return answer({"user": self._shapes.user(user)})

    async def user(self, request: Request) -> Response:
        return answer({"user": self._shapes.user(found(self._world.users, request.path_params["id"]))})

    async def schedules(self, request: Request) -> Response:
        query = request.query_params.get("query", "").casefold()
        schedules = [each for each in self._world.schedules.values() if query in each.name.casefold()]
        return page(request, "schedules", schedules, self._shapes.schedule)

    def _schedule(self, request: Request, *, upgraded: bool) -> Schedule:
        schedule = found(self._world.schedules, request.path_params["id"])
        if schedule.upgraded != upgraded:
            raise not_found()
        return schedule

    async def schedule(self, request: Request) -> Response:
        schedule = self._schedule(request, upgraded=False)
        return answer({"schedule": self._shapes.rendered_schedule(schedule, self._clock.now())})

    async def schedule_v3(self, request: Request) -> Response:
        return answer({"schedule": self._shapes.schedule(self._schedule(request, upgraded=True))})

    async def schedule_users(self, request: Request) -> Response:
        """With since and until: who is on call between them; without: everybody in it."""
        schedule = found(self._world.schedules, request.path_params["id"])
        ids = schedule.user_ids
        if moment(request, "since") or moment(request, "until"):
            ids = [schedule.on_call] if schedule.on_call else []
        return answer({"users": [self._shapes.user(self._world.users[each]) for each in ids]})

    async def oncalls(self, request: Request) -> Response:
        include = choices(request, "include", ("escalation_policies", "users", "schedules"))
        at = moment(request, "since") or self._clock.now()
        if (until := moment(request, "until")) and until < at:
            raise bad_dates("until is before since")
        entries = [each for each in self._shapes.oncalls(at) if self._wanted(request, each)]
        if request.query_params.get("earliest") == "true":
            entries = _earliest(entries)
        return page(request, "oncalls", entries, lambda entry: self._expanded(entry, include))

    def _wanted(self, request: Request, entry: Json) -> bool:
        for name, field in (
            ("schedule_ids", "schedule"),
            ("user_ids", "user"),
            ("escalation_policy_ids", "escalation_policy"),
        ):
            ids = many(request, name)
            if ids and (entry[field] or {}).get("id") not in ids:
                return False
        return True

    def _expanded(self, entry: Json, include: list[str]) -> Json:
        whole: Json = {}
        if "users" in include:
            whole["user"] = self._shapes.user(self._world.users[entry["user"]["id"]])
        if "escalation_policies" in include:
            policy = self._world.policies[entry["escalation_policy"]["id"]]
            whole["escalation_policy"] = self._shapes.policy(policy)
        if "schedules" in include and entry["schedule"]:
            whole["schedule"] = self._shapes.schedule(self._world.schedules[entry["schedule"]["id"]])
        return entry | whole

    async def services(self, request: Request) -> Response:
        query = request.query_params.get("query", request.query_params.get("name", "")).casefold()
        services = [each for each in self._world.services.values() if query in each.name.casefold()]
        return page(request, "services", sorted(services, key=lambda each: each.name), self._shapes.service)

    async def service(self, request: Request) -> Response:
        return answer({"service": self._shapes.service(found(self._world.services, request.path_params["id"]))})

    async def policies(self, request: Request) -> Response:
        query = request.query_params.get("query", "").casefold()
        policies = [each for each in self._world.policies.values() if query in each.name.casefold()]
        return page(
            request, "escalation_policies", sorted(policies, key=lambda each: each.name), self._shapes.policy
        )

    async def policy(self, request: Request) -> Response:
        policy = found(self._world.policies, request.path_params["id"])
        return answer({"escalation_policy": self._shapes.policy(policy)})


def _earliest(entries: list[Json]) -> list[Json]:
    """One entry for each policy, level and user."""
    first: dict[tuple[str, int, str], Json] = {}
    for entry in entries:
        key = (entry["escalation_policy"]["id"], entry["escalation_level"], entry["user"]["id"])
        first.setdefault(key, entry)
    return list(first.values())
