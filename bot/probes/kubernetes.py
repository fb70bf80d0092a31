"""Kubernetes: pods, rollouts and warnings of the platform's namespace.

`kubectl get` ends with 0 whatever state they are in.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import AtsError, ServerError, UnauthorizedError, UnreachableError
from bot.probes import answers, rollouts
from bot.probes.history import since
from bot.probes.judging import Bounds, Finding, line, named, plural, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import ExecAnswer, Target

SYSTEM = "Kubernetes pods"
_BOUNDS = Bounds(
    "all pods ready, every rollout through, no warning",
    "a container crashes or cannot start, a rollout has failed",
    "Kubernetes' own word",
)
_KEEP = 8 * 1024 * 1024  # bytes
_HOUR = timedelta(hours=1)
_STARTING = frozenset(
    {"ContainerCreating", "PodInitializing", ""}
)  # of the waiting reasons; the others are failures
_HINT = "`kubectl describe pod NAME` has the events, `kubectl logs NAME --previous` the last words."


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod, its containers taken together."""

    name: str
    phase: str
    ready: bool
    restarts: int
    waiting: str = ""  # a container's reason
    last_exit: int | None = None  # of a container that ended before
    last_reason: str = ""  # "OOMKilled"
    done: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What stands there, and the warnings."""

    pods: tuple[Pod, ...]
    deployments: tuple[rollouts.Deployment, ...] = ()
    events: tuple[rollouts.Event, ...] = ()
    untold: tuple[str, ...] = ()  # what else was asked and not answered, and why


async def measure(target: Target, deadline: float, options: Options) -> Look:
    """Pods and deployments by one command; a role that may only list pods gets those."""
    get = ("kubectl", "get"), ("-n", options["namespace"], "-o", "json")
    things, events = await asyncio.gather(
        target.run([*get[0], "pods,deployments", *get[1]], deadline=deadline, keep=_KEEP),
        target.run(
            [*get[0], "events", "--field-selector", "type=Warning", *get[1]], deadline=deadline, keep=_KEEP
        ),
        return_exceptions=True,
    )
    if isinstance(things, BaseException):
        raise things
    if things.exit and not things.stdout.lstrip().startswith("{"):
        raise refusal(things.exit, target.redact(things.stderr), "kubectl get pods")
    untold = [f"rollouts: {answers.last_line(target.redact(things.stderr))}"] if things.exit else []
    found = parse(things.stdout)
    return Look(found.pods, found.deployments, _events(events, untold), tuple(untold))


def _events(answer: ExecAnswer | BaseException, untold: list[str]) -> tuple[rollouts.Event, ...]:
    """The warnings; why there are none goes into `untold`."""
    try:
        if isinstance(answer, BaseException):
            raise answer
        if answer.exit:
            raise refusal(answer.exit, answer.stderr, "kubectl get events")
        return warned(answer.stdout)
    except AtsError as error:
        untold.append(f"events: {error}")
        return ()


def refusal(exit_: int, said: str, program: str) -> AtsError:
    """The error for what kubectl or helm wrote instead of an answer."""
    last, lower = answers.last_line(said), said.casefold()
    if "forbidden" in lower or "unauthorized" in lower or "must be logged in" in lower:
        return UnauthorizedError(f"no permission: {last}")
    if any(
        words in lower for words in ("was refused", "unreachable", "no such host", "i/o timeout", "no route")
    ):
        return UnreachableError(f"refused: the cluster does not answer ({last})")
    return ServerError(f"`{program}` ended with {exit_}: {last}")


def parse(text: str) -> Look:
    """What `kubectl get pods,deployments -o json` printed; raises ServerError when it is not that."""
    items = _items(text, "kubectl get pods")
    try:
        pods = tuple(_pod(item) for item in items if item.get("kind", "Pod") == "Pod")
        return Look(
            pods, tuple(rollouts.deployment(item) for item in items if item.get("kind") == "Deployment")
        )
    except (AttributeError, TypeError, ValueError):
        raise ServerError(
            "`kubectl get pods` printed pods of a shape that is not known. Run it by hand."
        ) from None


def warned(text: str) -> tuple[rollouts.Event, ...]:
    """What `kubectl get events -o json` printed; raises ServerError when it is not that."""
    try:
        return tuple(rollouts.event(item) for item in _items(text, "kubectl get events"))
    except (AttributeError, TypeError, ValueError):
        raise ServerError("`kubectl get events` printed events of a shape that is not known.") from None


def _items(text: str, program: str) -> list[dict[str, Any]]:
    body = answers.parsed(text, program)
    return answers.tables(body.get("items")) if isinstance(body, dict) else []


def _pod(item: dict[str, Any]) -> Pod:
    status = item.get("status") or {}
    containers = answers.tables(status.get("initContainerStatuses")) + answers.tables(
        status.get("containerStatuses")
    )
    waiting = [str(w.get("reason", "")) for c in containers if (w := (c.get("state") or {}).get("waiting"))]
    ended = [e for c in containers if (e := (c.get("lastState") or {}).get("terminated"))]
    main = answers.tables(status.get("containerStatuses"))
    return Pod(
        name=str((item.get("metadata") or {}).get("name", "?")),
        phase=str(status.get("phase", "Unknown")),
        ready=bool(main) and all(c.get("ready") for c in main),
        restarts=sum(int(c.get("restartCount") or 0) for c in containers),
        waiting=next((w for w in waiting if w not in _STARTING), waiting[0] if waiting else ""),
        last_exit=int(ended[0].get("exitCode", 0)) if ended else None,
        last_reason=str(ended[0].get("reason", "")) if ended else "",
        done=status.get("phase") == "Succeeded",
    )


def read(look: Look, context: Context) -> tuple[Reading, ...]:
    """One line: pods in trouble, rollouts, warnings; then how many are well."""
    namespace, pods = context.options["namespace"], look.pods
    if not pods:
        hint = "Is the release installed here, and is this the right cluster? `kubectl config current-context` says."
        return (line(SYSTEM, [Finding(Status.WARNING, f"no pods in {namespace}", hint)], _BOUNDS),)
    ill = [found for pod in pods if (found := _judge(pod, context)).status is not Status.OK]
    more = [Finding(ill[-1].status, said) for said in named([f.says for f in ill])[5:]]
    lasting = [p for p in pods if not p.done]
    count = Finding(Status.OK, f"{sum(p.ready for p in lasting)} of {plural(len(lasting), 'pod')} ready")
    return (
        line(SYSTEM, [*ill[:5], *more, *_besides(look, context), count], _BOUNDS,
             number=float(sum(p.restarts for p in pods)),
             figures=tuple((_key(p), float(p.restarts)) for p in pods)),
    )  # fmt: skip


def _besides(look: Look, context: Context) -> list[Finding]:
    warnings = rollouts.warnings(look.events, context.now, context.options["event_minutes"])
    untold = [Finding(Status.OK, f"not told: {why}") for why in look.untold]
    return [*rollouts.rollouts(look.deployments), *warnings, *untold]


def _key(pod: Pod) -> str:
    return f"Pod {pod.name} restarts"


def _judge(pod: Pod, context: Context) -> Finding:
    """The worst of what is wrong with a pod, and why its container ended last."""
    change = since(context, _key(pod), pod.restarts, _HOUR)
    code = "" if pod.last_exit is None else f", last exit code {pod.last_exit}"
    reason = f" ({pod.last_reason})" if pod.last_reason and pod.last_reason != "Error" else ""
    detail = f"{plural(pod.restarts, 'restart')}{code}{reason}"
    if pod.waiting not in _STARTING:
        return Finding(Status.CRITICAL, f"{pod.name} {pod.waiting} ({detail})", _HINT)
    if pod.phase in {"Failed", "Unknown"}:
        return Finding(Status.CRITICAL, f"{pod.name} {pod.phase} ({detail})", _HINT)
    if not pod.ready and not pod.done:
        return Finding(Status.WARNING, f"{pod.name} is not ready ({pod.waiting or pod.phase}, {detail})", _HINT)
    if change and change.rise:
        says = f"{pod.name} restarted {plural(int(change.rise), 'time')} within {span(change.seconds)}{code}{reason}"
        return Finding(Status.WARNING, says, _HINT)
    return Finding(Status.OK, "")


PROBE = Probe(
    SYSTEM,
    measure,
    read,
    asks="`kubectl get pods,deployments -n trading -o json` and `kubectl get events` of type Warning: waiting reasons, "
    "restarts, last exit codes, rollouts, warnings",
    normal=_BOUNDS.normal,
    warning="a pod is not ready or restarted within the hour; no pods at all; a rollout is under way or paused, "
    "or lacks pods; a warning event within 15 min",
    critical="a container waits for another reason than its creation (CrashLoopBackOff …), a pod failed, or a rollout",
    source=_BOUNDS.source,
    hint="Install kubectl for the bot's user with a role that may list pods, deployments and "
    "events, if the platform runs on Kubernetes.",
    programs=True,
    failing=Status.UNKNOWN,
    styles=("helm",),
    options={"namespace": "trading", "event_minutes": 15.0},
)
