"""`helm` and `kubectl` for the release `ats` in the namespace `trading`."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sandbox.platform.model import Pod, Revision
from sandbox.platform.shell import Result, age, option, split, table, usage
from sandbox.platform.state import PlatformState

_RELEASE, _NAMESPACE = "ats", "trading"
_HELM_USAGE = (
    "history ats -n trading [-o json] | rollback ats [REVISION] -n trading | test|status ats -n trading"
)
_KUBECTL_USAGE = "get pods[,deployments] | get events [--field-selector type=Warning] -n trading [-o json]"
_UNREACHABLE = (
    "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?\n"
)


def helm(state: PlatformState, arguments: Sequence[str]) -> Result:  # noqa: PLR0911 (one for each subcommand)
    if state.faults.of("helm").down:
        return Result(err=f"Error: Kubernetes cluster unreachable: {_UNREACHABLE}", code=1)
    words, flags = split(arguments, valued=("-n", "--namespace", "-o", "--output", "--timeout", "--max"))
    if not set(flags) <= {"-n", "--namespace", "-o", "--output", "--timeout", "--wait", "--max"}:
        return usage("helm", _HELM_USAGE, arguments)
    if len(words) > 1 and (words[1], option(arguments, "-n", "--namespace")) != (_RELEASE, _NAMESPACE):
        return Result(err="Error: release: not found\n", code=1)
    match words:
        case ["history", _]:
            return _history(state, option(arguments, "-o", "--output") or "table")
        case ["rollback", _]:
            return _rollback(state, str(_deployed(state).number - 1))
        case ["rollback", _, revision]:
            return _rollback(state, revision)
        case ["test", _]:
            return _test(state)
        case ["status", _]:
            return _status(state)
        case _:
            return usage("helm", _HELM_USAGE, arguments)


def _deployed(state: PlatformState) -> Revision:
    return next(r for r in reversed(state.revisions) if r.status == "deployed")


def _history(state: PlatformState, output: str) -> Result:
    if output == "json":
        return Result(json.dumps([_revision(r) for r in state.revisions]) + "\n")
    head = ("REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION")
    rows = [
        (
            str(r.number),
            r.updated.strftime("%a %b %d %H:%M:%S %Y"),
            r.status,
            r.chart,
            r.app_version,
            r.description,
        )
        for r in state.revisions
    ]
    return Result(table([head, *rows]))


def _revision(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.number,
        "updated": revision.updated.isoformat(),
        "status": revision.status,
        "chart": revision.chart,
        "app_version": revision.app_version,
        "description": revision.description,
    }


def _rollback(state: PlatformState, wanted: str) -> Result:
    target = next((r for r in state.revisions if str(r.number) == wanted), None)
    if target is None:
        return Result(err=f"Error: release has no {wanted} version\n", code=1)
    if state.faults.of("helm").deaf:
        return Result("Rollback was a success! Happy Helming!\n")
    now = state.now
    state.revisions = [
        replace(r, status="superseded") if r.status == "deployed" else r for r in state.revisions
    ]
    number = state.revisions[-1].number + 1
    described = f"Rollback to {target.number}"
    state.revisions.append(Revision(number, now, "deployed", target.chart, target.app_version, described))
    for pod in state.pods:
        pod.started, pod.ready, pod.waiting, pod.restarts = now, True, "", 0
    return Result("Rollback was a success! Happy Helming!\n")


def _status(state: PlatformState) -> Result:
    deployed = _deployed(state)
    when = deployed.updated.strftime("%a %b %d %H:%M:%S %Y")
    return Result(
        f"NAME: {_RELEASE}\nLAST DEPLOYED: {when}\nNAMESPACE: {_NAMESPACE}\nSTATUS: {deployed.status}\n"
        f"REVISION: {deployed.number}\n"
    )


def _test(state: PlatformState) -> Result:
    deployed = _deployed(state)
    passed = all(p.ready for p in state.pods) and not state.faults.of("api").down
    phase = "Succeeded" if passed else "Failed"
    out = (
        f"NAME: {_RELEASE}\nNAMESPACE: {_NAMESPACE}\nSTATUS: deployed\nREVISION: {deployed.number}\n"
        f"TEST SUITE:     ats-api-probe\nPhase:          {phase}\n"
    )
    return Result(out) if passed else Result(out, "Error: pod ats-api-probe failed\n", 1)


def kubectl(state: PlatformState, arguments: Sequence[str]) -> Result:
    if state.faults.of("kubectl").down:
        return Result(err=_UNREACHABLE, code=1)
    words, flags = split(arguments, valued=("-n", "--namespace", "-o", "--output", "--field-selector"))
    things = tuple(words[1:]) if words[:1] == ["get"] else ()
    known = {"-n", "--namespace", "-o", "--output", "--field-selector"}
    if things not in {("pods",), ("pod",), ("pods,deployments",), ("events",)} or not set(flags) <= known:
        return usage("kubectl", _KUBECTL_USAGE, arguments)
    namespace = option(arguments, "-n", "--namespace") or "default"
    pods = state.pods if namespace == _NAMESPACE else []
    if option(arguments, "-o", "--output") == "json":
        items = [] if things == ("events",) else [_pod(p) for p in pods]
        if things == ("pods,deployments",):
            items += [_deployment(state, app, pods) for app in dict.fromkeys(p.app for p in pods)]
        elif things == ("events",) and namespace == _NAMESPACE:
            items = [_event(state, *warning) for warning in state.cluster_warnings]
        return Result(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=4) + "\n")
    if not pods:
        return Result(err=f"No resources found in {namespace} namespace.\n")
    rows = [
        (
            p.name,
            f"{int(p.ready)}/1",
            p.waiting or "Running",
            str(p.restarts),
            age((state.now - p.started).total_seconds()),
        )
        for p in pods
    ]
    return Result(table([("NAME", "READY", "STATUS", "RESTARTS", "AGE"), *rows]))


def _deployment(state: PlatformState, app: str, pods: Sequence[Pod]) -> dict[str, Any]:
    """All of the newest template; stuck: one of the new pods does not come up."""
    own = [p for p in pods if p.app == app]
    name = f"ats-{app}"
    stuck = name == state.rollout_stuck
    progress = {
        "type": "Progressing",
        "status": "False" if stuck else "True",
        "reason": "ProgressDeadlineExceeded" if stuck else "NewReplicaSetAvailable",
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": _NAMESPACE, "generation": 3},
        "spec": {"replicas": len(own)},
        "status": {
            "observedGeneration": 3,
            "replicas": len(own),
            "updatedReplicas": len(own) - stuck,
            "availableReplicas": sum(p.ready for p in own),
            "conditions": [progress],
        },
    }


def _event(state: PlatformState, about: str, reason: str, message: str) -> dict[str, Any]:
    kind, _, name = about.partition(" ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "type": "Warning",
        "reason": reason,
        "message": message,
        "count": 4,
        "lastTimestamp": state.now.isoformat(timespec="seconds"),
        "involvedObject": {"kind": kind, "namespace": _NAMESPACE, "name": name},
        "metadata": {"name": f"{name}.17f", "namespace": _NAMESPACE},
    }


def _pod(pod: Pod) -> dict[str, Any]:
    started = pod.started.isoformat(timespec="seconds")
    running: dict[str, Any] = {"running": {"startedAt": started}}
    waiting: dict[str, Any] = {"waiting": {"reason": pod.waiting}}
    last = {"terminated": {"exitCode": pod.last_exit_code}} if pod.last_exit_code else {}
    status = {
        "phase": "Running",
        "startTime": started,
        "containerStatuses": [
            {
                "name": pod.app,
                "ready": pod.ready,
                "restartCount": pod.restarts,
                "state": waiting if pod.waiting else running,
                "lastState": last,
            }
        ],
    }
    metadata = {
        "name": pod.name,
        "namespace": _NAMESPACE,
        "labels": {"app": pod.app},
        "creationTimestamp": started,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}
