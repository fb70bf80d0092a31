"""Annotations applied to steps: risk raised freely, lowered only with a reason, unlocked only when reviewed."""

from collections.abc import Mapping
from dataclasses import replace

from runbook.annotations import Annotation, read_annotation
from runbook.blocks import Note
from runbook.locking import Reviewed, step_digest
from runbook.model import Diagnostic, Entry, Kind, Risk, Step
from runbook.places import Places
from runbook.risk import rank
from runbook.text import Names


class Unlocker:
    """Goes through the steps of a document with its annotations and its lock file."""

    def __init__(self, notes: Mapping[str, list[Note]], lock: Mapping[str, Reviewed], places: Places) -> None:
        self._notes, self._lock, self._places = notes, lock, places
        self.problems: list[Diagnostic] = []
        self._ids = Names()
        self._reverts: list[tuple[Step, int]] = []
        self._looks: list[tuple[Step, str, int]] = []
        self.renamed: dict[str, str] = {}  # the compiler's id -> the author's

    def run(self, entries: list[Entry]) -> list[Entry]:
        read = {s.id: self._read(s) for e in entries for s in e.steps}
        self._claim(read)
        changed = [replace(e, steps=tuple(self._step(s, read[s.id]) for s in e.steps)) for e in entries]
        self._check_references(changed)
        return changed

    def _error(self, code: str, line: int, message: str, hint: str, *, at: str = "#:", until: int = 0) -> None:
        """Keep an error; `at` is what it points to, looked for in that line (or until another one)."""
        place = self._places.at(line, at, "#:", until=until)
        self.problems.append(Diagnostic("error", code, *place, message, hint))

    def _read(self, step: Step) -> Annotation:
        annotation, problems = read_annotation(self._notes.get(step.id, []))
        annotation.broken = bool(problems)
        self.problems += problems
        return annotation

    def _claim(self, read: Mapping[str, Annotation]) -> None:
        """Ids that people chose come first; a step without one keeps its own unless it is taken."""
        for annotation in read.values():
            if annotation.id and not self._ids.take(annotation.id):
                self._error(
                    "id-twice",
                    annotation.line,
                    f"The id {annotation.id} is given twice.",
                    "Choose another one.",
                    at=f"id={annotation.id}",
                )
                annotation.id = ""

    def _step(self, step: Step, said: Annotation) -> Step:
        own = said.id or self._ids.unique(step.id)
        self.renamed[step.id] = own
        step = replace(
            step,
            id=own,
            params={name: said.params.get(name, "") for name in step.params},
            guard=said.guard,
            verify=said.verify,
            timeout=said.timeout,
            ttl=said.ttl,
            because=said.because,
            revert=said.revert,
            before=said.before,
            after=said.after,
        )
        self._check_params(step, said)
        if said.revert:
            self._reverts.append((step, said.lines["revert"]))
        self._looks += [(step, key, said.lines[key]) for key in ("before", "after") if key in said.lines]
        if said.unlocks and self._may_unlock(step, said) and not said.broken:
            step = self._unlocked(step, said)
        step = replace(step, digest=step_digest(step))
        return _left_to_people(step) if step.risk is Risk.MANUAL else step

    def _check_params(self, step: Step, said: Annotation) -> None:
        for name in said.params:
            if name not in step.params:
                line = said.lines[f"param.{name}"]
                self._error(
                    "param-unknown",
                    line,
                    f"There is no placeholder [{name}] in this step.",
                    "Take it out, or correct the name.",
                    at=f"param.{name}",
                )

    def _may_unlock(self, step: Step, said: Annotation) -> bool:
        line = said.line
        missing = [
            key for key, given in (("id", said.id), ("risk", said.risk), ("role", said.role)) if not given
        ]
        before = len(self.problems)
        if step.never:
            self._error(
                "never",
                line,
                f"This step can never be run from chat: {step.reason}.",
                "Leave it as a manual step without risk and role.",
            )
        elif step.program is None:
            self._error(
                "not-runnable",
                line,
                f"This step cannot be run: {step.reason}.",
                "Write it as simple commands, or leave it manual.",
            )
        elif said.risk is Risk.MANUAL:
            return True
        elif missing:
            self._error(
                "annotation-incomplete",
                line,
                f"Unlocking needs id, risk and role; {' and '.join(missing)} is missing.",
                "Add it, or leave only the id.",
            )
        else:
            self._check_risk(step, said, said.risk or Risk.MANUAL)
        return len(self.problems) == before

    def _check_risk(self, step: Step, said: Annotation, wanted: Risk) -> None:
        line = said.lines["risk"]
        if wanted is Risk.READ and step.risk is not Risk.READ:
            self._error(
                "risk-read",
                line,
                f"A read must be proved, and this is none: {step.reason}.",
                "Give its true risk.",
                at="risk=",
            )
        elif rank(wanted) < rank(step.risk) and not said.because:
            message = (
                f"The compiler says {step.risk}: {step.reason}. risk={wanted} is lower and gives no reason."
            )
            self._error("risk-lowered", line, message, 'Raise it, or add because="…".', at="risk=")
        if wanted is Risk.DESTRUCTIVE and said.approvals == 0:
            self._error(
                "approvals",
                said.lines.get("approvals", line),
                "A destructive step needs an approver who is another person.",
                "Write approvals=1 or more.",
                at="approvals=",
            )
        if wanted is not Risk.READ and said.role == "viewer":
            self._error(
                "role",
                said.lines.get("role", line),
                "A viewer cannot run a step that changes something.",
                "Write role=responder or higher.",
                at="role=",
            )

    def _unlocked(self, step: Step, said: Annotation) -> Step:
        risk = said.risk or step.risk
        if risk is Risk.MANUAL:
            return replace(step, risk=risk, reason="its author leaves it to a person")
        approvals = said.approvals if said.approvals is not None else int(risk is Risk.DESTRUCTIVE)
        reason = (
            f"{step.reason}; lowered because {said.because}" if rank(risk) < rank(step.risk) else step.reason
        )
        step = replace(step, risk=risk, reason=reason, role=said.role, approvals=approvals)
        reviewed = self._lock.get(step.id)
        if reviewed is None:
            return replace(step, locked="nobody has reviewed it yet; run `ats-bot runbook lock`")
        if reviewed.digest != step_digest(step):
            why = f"it has changed since {reviewed.reviewer} reviewed it on {reviewed.on}; run `ats-bot runbook lock`"
            return replace(step, locked=why)
        return replace(step, unlocked=True)

    def _check_references(self, entries: list[Entry]) -> None:
        ids = {s.id for e in entries for s in e.steps}
        for step, line in self._reverts:
            if step.revert not in ids:
                self._error(
                    "revert-unknown",
                    line,
                    f"There is no step {step.revert} to take this one back.",
                    "Correct the id.",
                    at="revert=",
                )
        self._check_looks({s.id: s for e in entries for s in e.steps})
        for entry in entries:
            for step in entry.steps:
                for name, kind in step.params.items():
                    source = kind.partition(" from ")[2]
                    if source and source not in ids:
                        self._error(
                            "param-source",
                            step.line_start,
                            f"[{name}] takes its choices from {source}, which is no step.",
                            "Correct the id.",
                            at=f"param.{name}",
                            until=step.line_end,
                        )

    def _check_looks(self, steps: Mapping[str, Step]) -> None:
        """What is looked at before or after must be a read that needs nothing filled in."""
        for step, key, line in self._looks:
            look = steps.get(step.before if key == "before" else step.after)
            if look is None or look.risk is not Risk.READ or look.params:
                self._error(
                    "look",
                    line,
                    f"{key}= of {step.id} names no step that only reads and has no placeholder.",
                    "Name a read, such as the one that lists what would be changed.",
                )


def _left_to_people(step: Step) -> Step:
    """A manual step carries nothing that could be run by mistake."""
    kind = step.kind if step.kind is Kind.CHECKLIST else Kind.MANUAL
    return replace(
        step, kind=kind, program=None, request=None, sql="", argv=(), role="", approvals=0, unlocked=False
    )
