"""Programs that run another program: what they run is what counts."""

import re
from collections.abc import Mapping
from typing import Any

from runbook.arguments import UNSEEN, Arguments, parse_arguments
from runbook.durations import parse_duration
from runbook.environment import problem_with
from runbook.judge import judge, rule_of
from runbook.model import Kind, Risk
from runbook.risk import Verdict, manual
from runbook.shell import Simple, Statement, Unproved, Word, fill_slots, parse
from runbook.shell.lexer import is_assignment
from runbook.tables_of_programs import Flag, Program, flags_of

MAX_DEPTH = 6


def look_through(simple: Simple, program: Program, depth: int) -> Verdict | None:
    """The verdict on what a wrapper runs; None when the program is no wrapper."""
    wrapper, flags, skip = program.wrapper, dict[str, Flag](), 0
    if wrapper is None and program.commands:
        rule = rule_of(list(simple.words), program)
        if rule is None or rule.wrapper is None:
            return None
        wrapper, flags, skip = rule.wrapper, dict(rule.flags), len(rule.path)
    if wrapper is None:
        return None
    if depth >= MAX_DEPTH:
        return manual("it is wrapped too many times")
    flags |= flags_of(wrapper.get("flags", ""))
    return _Wrapped(simple, program, wrapper, flags, skip, depth).verdict()


class _Wrapped:
    def __init__(
        self,
        simple: Simple,
        program: Program,
        wrapper: Mapping[str, Any],
        flags: Mapping[str, Flag],
        skip: int,
        depth: int,
    ) -> None:
        self.simple, self.program, self.wrapper, self.depth = simple, program, wrapper, depth
        self.flags = flags
        self.stop = skip + int(wrapper.get("operands", 0)) + 1
        self.parsed: Arguments = parse_arguments(list(simple.words[1:]), flags, stop=self.stop)

    @property
    def name(self) -> str:
        return self.program.names[0]

    def verdict(self) -> Verdict:  # noqa: PLR0911 one return for each reason
        inner = self._inner_words()
        if self.parsed.problem:
            return manual(f"{self.name}: {self.parsed.problem}")
        for given in self.simple.words[: len(self.simple.words) - len(inner)]:
            if given.glob or given.tilde:
                return manual(f"{given.shown} is a pattern that only a shell expands")
        if self.wrapper.get("known") and any(w.wholly_unknown for w in self.parsed.operands):
            return manual(f"where {self.name} goes is only known when it runs")
        if not inner:
            return manual(
                self.wrapper.get("empty", f"{self.name} alone opens a session or shows its environment")
            )
        if self.wrapper.get("script"):
            return self._script(inner)
        if self.wrapper.get("string"):
            return self._string(inner)
        return self._around(inner)

    def _inner_words(self) -> list[Word]:
        places = self.parsed.places
        if len(places) < self.stop:
            return []
        return list(self.simple.words[1 + places[self.stop - 1] :])

    def _assignments(self, inner: list[Word]) -> tuple[list[Word], list[tuple[str, Word]]]:
        env: list[tuple[str, Word]] = []
        while self.wrapper.get("assignments") and inner and is_assignment(inner[0].leading):
            env.append((inner[0].leading.partition("=")[0], inner[0]))
            inner = inner[1:]
        return inner, env

    def _around(self, inner: list[Word]) -> Verdict:
        inner, env = self._assignments(inner)
        refused = problem_with(tuple(env))
        if refused:
            return manual(refused)
        if not inner:
            return manual(self.wrapper.get("empty", f"{self.name} alone shows its environment"))
        if self.wrapper.get("appends"):
            return self._appending(inner)
        verdict = judge(Simple(tuple(inner)), self.depth + 1)
        return self._wrapped(inner, verdict)

    def _appending(self, inner: list[Word]) -> Verdict:
        """Xargs adds operands that nobody has seen: they count as unknown."""
        marked = [w if w.literal != "{}" else UNSEEN for w in inner]
        words = marked if marked != inner else [*inner, UNSEEN]
        verdict = judge(Simple(tuple(words)), self.depth + 1)
        if any("{}" in w.shown and w.literal != "{}" for w in inner):
            return manual("xargs puts unseen text into the middle of an argument")
        if verdict.risk is Risk.READ and verdict.kind is not Kind.EXEC:
            return manual("xargs adds arguments that nobody has seen")
        return verdict.but(
            leaf={"op": "exec", "argv": [w.json() for w in self.simple.words]}, kind=Kind.EXEC, rewrites=()
        )

    def _prefix(self, size: int) -> list[Word]:
        """The wrapper's own words, without the flags that ask for a terminal."""
        drop = set(str(self.wrapper.get("drop", "")).split())
        gone = {o.first for o in self.parsed.options if o.name in drop}
        keep = self.simple.words[: len(self.simple.words) - size]
        return [w for i, w in enumerate(keep) if i - 1 not in gone]

    def _wrapped(self, inner: list[Word], verdict: Verdict) -> Verdict:
        if verdict.leaf is None:
            return verdict
        if self.wrapper.get("transparent") and (
            verdict.kind is not Kind.EXEC or verdict.leaf.get("op") != "exec"
        ):
            return self._with_deadline(verdict)
        if verdict.leaf.get("op") == "exec":
            ran = list(verdict.leaf["argv"])
        elif verdict.rewrites and verdict.risk is Risk.READ:
            return manual(f"inside {self.name} it would have to be rewritten: {verdict.rewrites[0]}")
        else:
            ran = [w.json() for w in inner]
        if self.wrapper.get("once"):
            told = f"{' '.join(w.shown for w in inner)}: run once, since {self.name} never ends"
            return verdict.but(rewrites=(told,))
        prefix = self._prefix(len(inner))
        leaf = {"op": "exec", "argv": [*(w.json() for w in prefix), *ran], **_environment(self.simple)}
        shown = " ".join(w.shown for w in prefix)
        rewrites = tuple(f"{shown} {r}" for r in verdict.rewrites)
        if len(prefix) + len(inner) != len(self.simple.words) and not rewrites:
            rewrites = (f"{shown} {' '.join(w.shown for w in inner)}: without a terminal",)
        return verdict.but(kind=Kind.EXEC, leaf=leaf, rewrites=rewrites)

    def _with_deadline(self, verdict: Verdict) -> Verdict:
        """An HTTP, SQL or Redis step keeps only the deadline of `timeout`."""
        text = self.parsed.operands[0].literal if self.parsed.operands else None
        span = parse_duration(f"{text}s" if text and text.isdigit() else text or "")
        if self.name != "timeout" or span is None or verdict.leaf is None:
            return verdict
        return verdict.but(leaf={**verdict.leaf, "timeout": span.total_seconds()})

    def _script(self, inner: list[Word]) -> Verdict:
        """`sh -c '…'`: the text is read as a shell would."""
        if not self.parsed.has("-c"):
            return manual(f"{self.name} runs whatever the file or its input holds")
        text = inner[0].literal
        if text is None or len(inner) > 1:
            return manual(f"what {self.name} runs is only known when it runs")
        return self._text(text, [*self.simple.words])

    def _string(self, inner: list[Word]) -> Verdict:
        """`watch` and `ssh` hand a string to a shell, here or on the far side."""
        texts = [w.literal for w in inner]
        if any(t is None for t in texts):
            return manual(f"what {self.name} runs is only known when it runs")
        if len(inner) > 1 and any(not t or re.search(r"[\s;|&<>()`$]", t) for t in texts if t is not None):
            return manual(
                f"{self.name} joins its arguments, and the quotes around one of them are lost on the way"
            )
        return self._text(" ".join(t for t in texts if t is not None), list(self.simple.words))

    def _text(self, text: str, words: list[Word]) -> Verdict:
        from runbook.lower import lower_all

        slots = fill_slots(text)
        if slots.names:
            return manual(f"what {self.name} runs holds a placeholder")
        found = parse(text)
        statements = [s for s in found if isinstance(s, Statement)]
        if not statements or any(isinstance(s.node, Unproved) for s in statements):
            why = next((s.node.reason for s in statements if isinstance(s.node, Unproved)), "nothing to run")
            return manual(f"what {self.name} runs is not proved: {why}")
        inner = lower_all([s.node for s in statements], self.depth + 1)
        if inner.leaf is None:
            return inner
        if self.wrapper.get("local"):
            told = inner.rewrites or (
                (f"{text}: run once, since {self.name} never ends",) if self.wrapper.get("once") else ()
            )
            return inner.but(rewrites=told)
        if inner.rewrites and inner.risk is Risk.READ:
            return manual(f"what {self.name} runs would have to be rewritten: {inner.rewrites[0]}")
        leaf = {"op": "exec", "argv": [w.json() for w in words], **_environment(self.simple)}
        return inner.but(kind=Kind.EXEC, leaf=leaf, rewrites=())


def _environment(simple: Simple) -> dict[str, object]:
    if not simple.env:
        return {}
    from runbook.judge import assigned

    return {"env": {name: assigned(given) for name, given in simple.env}}
