"""Kubernetes: the pods of the platform's namespace. `kubectl get pods` ends with 0 whatever state they are in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.domain.health import Reading, Status
from bot.errors import AtsError, ServerError, UnauthorizedError, UnreachableError
from bot.probes import answers
from bot.probes.history import since
from bot.probes.judging import Bounds, Finding, line, named, plural, span
from bot.probes.probe import Context, Options, Probe
from bot.targets import Target

SYSTEM = "Kubernetes pods"
_BOUNDS = Bounds("all pods ready", "a container crashes or cannot start", "Kubernetes' own word")
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


async def measure(target: Target, deadline: float, options: Options) -> tuple[Pod, ...]:
    argv = ["kubectl", "get", "pods", "-n", options["namespace"], "-o", "json"]
    answer = await target.run(argv, deadline=deadline, keep=_KEEP)
    if answer.exit:
        raise refusal(answer.exit, target.redact(answer.stderr), "kubectl get pods")
    return parse(answer.stdout)


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


def parse(text: str) -> tuple[Pod, ...]:
    """The pods of `kubectl get pods -o json`; raises ServerError when it is not that."""
    body = answers.parsed(text, "kubectl get pods")
    items = answers.tables(body.get("items")) if isinstance(body, dict) else []
    try:
        return tuple(_pod(item) for item in items)
    except (AttributeError, TypeError, ValueError):
        raise ServerError(
            "`kubectl get pods` printed pods of a shape that is not known. Run it by hand."
        ) from None


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


def read(pods: tuple[Pod, ...], context: Context) -> tuple[Reading, ...]:
    """One line: the pods in trouble, then how many are ready."""
    namespace = context.options["namespace"]
    if not pods:
        hint = "Is the release installed here, and is this the right cluster? `kubectl config current-context` says."
        return (line(SYSTEM, [Finding(Status.WARNING, f"no pods in {namespace}", hint)], _BOUNDS),)
    ill = [found for pod in pods if (found := _judge(pod, context)).status is not Status.OK]
    more = [Finding(ill[-1].status, said) for said in named([f.says for f in ill])[5:]]
    lasting = [p for p in pods if not p.done]
    count = Finding(Status.OK, f"{sum(p.ready for p in lasting)} of {plural(len(lasting), 'pod')} ready")
    return (
        line(SYSTEM, [*ill[:5], *more, count], _BOUNDS, number=float(sum(p.restarts for p in pods)),
             figures=tuple((_key(p), float(p.restarts)) for p in pods)),
    )  # fmt: skip


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
    asks="`kubectl get pods -n trading -o json`: waiting reasons, restarts, last exit codes",
    normal=_BOUNDS.normal,
    warning="a pod is not ready or restarted within the hour; no pods at all",
    critical="a container waits for another reason than its creation (CrashLoopBackOff …), or a pod failed",
    source=_BOUNDS.source,
    hint="Install kubectl for the bot's user with a role that may list pods, if the platform runs on Kubernetes.",
    programs=True,
    failing=Status.UNKNOWN,
    styles=("helm",),
    options={"namespace": "trading"},
)
