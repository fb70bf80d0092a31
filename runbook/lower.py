"""A statement's structure with every command judged: the program that is run, and its risk.

A program (`Step.program`) is JSON-like:

- `{"op": "seq" | "and" | "or" | "pipe" | "not", "items": [program, …]}`: seq goes on only after a success, and/or are
  the shell's && and ||, pipe connects standard output to the next one's input;
- `{"op": "exec", "argv": [word, …], "env": {name: word}}`, never through a shell;
- `{"op": "http", "method", "url": word, "headers": ["Name: value"], "body", "timeout", "websocket", "redirects", …}`:
  any answer that is not 2xx is a failure;
- `{"op": "sql", "dialect", "sql": [text, …], "connection": {"dsn" | "host" | "port" | "user" | "database": word}}`;
- `{"op": "redis", "command": [word, …], "connection": {…}}`.

A leaf may carry `"stdout"` ("null", "stderr") and `"stderr"` ("null", "stdout"). A word is a string, or a list of
`{"text"}`, `{"var", "default"}` and `{"param"}` that together are one argument; `runbook.fill` makes strings of them.
"""

from collections.abc import Sequence
from itertools import pairwise

from runbook.judge import judge
from runbook.model import Kind, Risk
from runbook.risk import Verdict, manual, rank
from runbook.shell import AndOr, Node, Not, Pipe, Redirect, Simple, Unproved


def lower(node: Node, depth: int = 0) -> Verdict:
    """The verdict on one statement."""
    match node:
        case Simple():
            return _redirected(judge(node, depth), node.redirect)
        case Pipe(items):
            return _joined("pipe", [lower(item, depth) for item in items])
        case AndOr(op, left, right):
            return _joined(op, [lower(left, depth), lower(right, depth)])
        case Not(item):
            return _joined("not", [lower(item, depth)])
        case Unproved(reason, _):
            return manual(reason)


def lower_all(nodes: Sequence[Node], depth: int = 0) -> Verdict:
    """Several statements, one after another; the next runs only if the one before succeeded."""
    verdicts = [lower(node, depth) for node in nodes]
    return verdicts[0] if len(verdicts) == 1 else _joined("seq", verdicts)


def join(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a step of several statements."""
    return verdicts[0] if len(verdicts) == 1 else _joined("seq", list(verdicts))


def _redirected(verdict: Verdict, redirect: Redirect) -> Verdict:
    if verdict.leaf is None or redirect == Redirect():
        return verdict
    streams = {"stdout": redirect.stdout, "stderr": redirect.stderr}
    return verdict.but(leaf={**verdict.leaf, **{name: where for name, where in streams.items() if where}})


def _kind(verdicts: list[Verdict]) -> Kind:
    """What a person would call it: the kind of the commands that do more than pass text on."""
    kinds = {v.kind for v in verdicts if not v.filters} or {v.kind for v in verdicts}
    return kinds.pop() if len(kinds) == 1 else Kind.EXEC


def _says_nothing(verdict: Verdict) -> bool:
    """Whether a command's output is empty, or only asks the other side to end."""
    argv = list(verdict.leaf.get("argv", ())) if verdict.leaf is not None else []
    return argv in ([":"], ["true"], ["echo"], ["echo", ""], ["echo", "-n"], ["echo", "Q"], ["echo", "QUIT"])


def _joined(op: str, verdicts: list[Verdict]) -> Verdict:
    worst = max(verdicts, key=lambda v: rank(v.risk))
    leaf = None
    if all(v.leaf is not None for v in verdicts):
        leaf = {"op": op, "items": [dict(v.leaf) for v in verdicts if v.leaf is not None]}
    if (
        op == "pipe"
        and worst.risk is Risk.READ
        and any(v.speaks and not _says_nothing(before) for before, v in pairwise(verdicts))
    ):
        worst = manual("what is piped into it is sent to the other side")
    if op == "pipe" and any(v.leaf is not None and v.leaf.get("op") != "exec" for v in verdicts[1:]):
        worst = manual("what is piped into it decides what it does") if worst.risk is Risk.READ else worst
        leaf = None
    return Verdict(
        risk=worst.risk,
        reason=worst.reason,
        kind=_kind(verdicts) if leaf is not None else Kind.MANUAL,
        leaf=leaf,
        never=any(v.never for v in verdicts),
        rewrites=tuple(r for v in verdicts for r in v.rewrites),
        warnings=tuple(w for v in verdicts for w in v.warnings),
        filters=all(v.filters for v in verdicts),
        speaks=verdicts[0].speaks,
    )
