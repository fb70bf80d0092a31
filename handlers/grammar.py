"""What can be typed after `/ats`: pure text in, a command out."""

from dataclasses import dataclass

from rapidfuzz import fuzz, process, utils

NEAR = 60.0  # how alike (0..100) a word must be to be offered as what was meant


@dataclass(frozen=True, slots=True)
class Spec:
    """A subcommand, as help shows it."""

    usage: str
    summary: str
    needs_number: bool = False
    needs: str = ""  # what must follow, in words


COMMANDS: dict[str, Spec] = {
    "health": Spec(
        "health [system] [--watch 10m]", "How every system is, against what is normal; kept current for a while"
    ),
    "diag": Spec(
        "diag alert|system|N", "Look into it: the runbook's steps that only read, and what stands out"
    ),
    "incidents": Spec("incidents", "Open incidents, most severe first"),
    "incident": Spec("incident N", "One incident", needs_number=True),
    "ack": Spec("ack N", "Acknowledge it in PagerDuty, as you", needs_number=True),
    "resolve": Spec("resolve N [what it was]", "Resolve it in PagerDuty, as you", needs_number=True),
    "note": Spec("note N text", "Add a note to it", needs_number=True, needs="The text"),
    "snooze": Spec(
        "snooze N 30m", "Quiet for a while, then it comes again", needs_number=True, needs="The time"
    ),
    "reassign": Spec(
        "reassign N @who", "To somebody else, or to a role", needs_number=True, needs="The person"
    ),
    "escalate": Spec("escalate N", "To the next level of its escalation policy, now", needs_number=True),
    "responders": Spec(
        "responders N @who [words]", "Have PagerDuty call people to help", needs_number=True, needs="The person"
    ),
    "priority": Spec(
        "priority N P1", "Its priority; reminders follow", needs_number=True, needs="The priority"
    ),
    "update": Spec("update N text", "Publish a status update", needs_number=True, needs="The text"),
    "merge": Spec(
        "merge N into M", "N becomes part of M", needs_number=True, needs="The other incident's number"
    ),
    "reopen": Spec("reopen N", "A resolved one is triggered again", needs_number=True),
    "link": Spec("link e-mail", "Who you are in PagerDuty, if your e-mail there is another"),
    "runbook": Spec("runbook [words]", "Search the runbook, or list what is in it"),
    "checklist": Spec("checklist [words [for N]]", "A procedure, item by item: who did what and when"),
    "declare": Spec("declare [title]", "Say that there is an incident: the right people are paged"),
    "page": Spec("page role reason", "Have PagerDuty call who is on call for a role"),
    "oncall": Spec("oncall [at time]", "Who is on call, until when, and the phone tree"),
    "run": Spec("run STEP [name=value] [#N] [--dry-run]", "Run a step of the runbook; shows everything first"),
    "actions": Spec("actions", "Which steps you may run, and which not and why"),
    "audit": Spec("audit [person, step or #N]", "Who ran what, when, and what came of it"),
    "handover": Spec(
        "handover N @who [note]",
        "Give command of it to somebody, or take it: @me",
        needs_number=True,
        needs="The person",
    ),
    "postmortem": Spec(
        "postmortem N [dismiss]", "Draft its postmortem from what is recorded", needs_number=True
    ),
    "timeline": Spec("timeline N", "Everything that happened, who did it and when", needs_number=True),
    "whoami": Spec("whoami", "Who the bot takes you for, and what you may do"),
    "help": Spec("help", "This list"),
}
_ALIASES = {
    "acknowledge": "ack",
    "status": "health",
    "diagnose": "diag",
    "on-call": "oncall",
    "?": "help",
    "list": "incidents",
}


@dataclass(frozen=True, slots=True)
class Command:
    """A well-formed command."""

    name: str
    number: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that is no command: what was typed, and what may have been meant."""

    typed: str
    nearest: str = ""  # usage of the nearest command
    problem: str = ""  # what is wrong, when the command itself is known


def parse(text: str) -> Command | Mistake:
    """Read what was typed after `/ats`; nothing at all means help."""
    words = text.strip().split(maxsplit=1)
    if not words:
        return Command("help")
    typed, rest = words[0].lower(), words[1].strip() if len(words) > 1 else ""
    name = _ALIASES.get(typed, typed)
    spec = COMMANDS.get(name)
    if spec is None:
        return Mistake(typed=words[0][:80], nearest=_nearest(typed))
    if not spec.needs_number:
        return Command(name, text=rest)
    return _numbered(name, spec, rest)


def _numbered(name: str, spec: Spec, rest: str) -> Command | Mistake:
    first, _, text = rest.partition(" ")
    digits = first.lstrip("#")
    if not digits.isascii() or not digits.isdigit() or not 0 < int(digits[:12]) < 2**31:
        said = (
            f"“{first[:40]}” is not the number of an incident."
            if first
            else "The number of the incident is missing."
        )
        return Mistake(typed=name, nearest=spec.usage, problem=said)
    if spec.needs and not text.strip():
        return Mistake(typed=name, nearest=spec.usage, problem=f"{spec.needs} is missing.")
    return Command(name, number=int(digits), text=text.strip())


def _nearest(typed: str) -> str:
    found = process.extractOne(
        typed, [*COMMANDS, *_ALIASES], scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=NEAR
    )
    return COMMANDS[_ALIASES.get(found[0], found[0])].usage if found else ""


def usage() -> str:
    """All commands in one line, as a usage hint."""
    return " | ".join(spec.usage for spec in COMMANDS.values())


def help_rows() -> list[tuple[str, str]]:
    """(usage, summary) of every command, for `/ats help`."""
    return [(f"/ats {spec.usage}", spec.summary) for spec in COMMANDS.values()]
