"""One simple command against the program tables: read must be proved, everything else says why it is not."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from runbook import scripts
from runbook.arguments import UNSEEN, Arguments, Option, parse_arguments
from runbook.environment import problem_with, secret_in
from runbook.model import Kind, Risk
from runbook.risk import Verdict, at_least, manual, rank
from runbook.shell import Param, Simple, Var, Word
from runbook.shell.lexer import word
from runbook.tables_of_programs import Bound, Program, Rule, programs

_SYSTEM_FOLDERS = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/")
_LOG_FOLDER = re.compile(r"(?:[\w./-]+/)?(?:log|logs|journal)/")
_CHOOSE = frozenset(
    {"-l", "--selector", "--filter", "--filters", "--field-selector", "-n", "--namespace"}
)  # not what is shown
_SCRIPTS: dict[str, Callable[[str], bool]] = {
    "sed": scripts.sed_filters,
    "awk": scripts.awk_filters,
    "jq": scripts.jq_filters,
}


def program_name(text: str) -> str:
    """The program's plain name, when it comes from one of the system's own folders."""
    for folder in _SYSTEM_FOLDERS:
        if text.startswith(folder) and "/" not in text[len(folder) :]:
            return text[len(folder) :]
    return text


def judge(simple: Simple, depth: int = 0) -> Verdict:  # noqa: PLR0911 one return for each reason
    """The verdict on one simple command."""
    from runbook import handlers_of_programs, wrappers

    refused = problem_with(simple.env)
    if refused:
        return manual(refused)
    name = simple.words[0].literal
    if name is None:
        return manual("its program is only known when it runs")
    if simple.words[0].glob or simple.words[0].tilde:
        return manual("its program is a pattern")
    name = program_name(name)
    program = programs().get(name) or _script_program(name)
    if program is None:
        return _runnable(
            simple, list(simple.words), manual(f"{name} is in no program table, so nothing is known of it")
        )
    wrapped = wrappers.look_through(simple, program, depth)
    if wrapped is not None:
        return wrapped
    handler = handlers_of_programs.HANDLERS.get(program.handler)
    if handler is not None:
        return handler(simple, program)
    return by_table(simple, program)


def _script_program(name: str) -> Program | None:
    """A script that is called by its path: known by its name alone, and never a read."""
    if "/" not in name:
        return None
    base = name.rsplit("/", 1)[1]
    for pattern, program in programs().items():
        if pattern.startswith("script:") and fnmatchcase(base, pattern.removeprefix("script:")):
            return program
    return None


def rule_of(words: list[Word], program: Program) -> Rule | None:
    """The rule for a program's subcommand, looked for behind the program's own flags."""
    if not program.commands:
        return program.rule
    parsed = parse_arguments(words[1:], program.flags, stop=program.longest)
    found = [w.literal for w, place in zip(parsed.operands, parsed.places, strict=True) if place < parsed.limit]
    rule = program.find(found)
    if rule is not None and parsed.problem and any("*" in part for part in rule.path):
        return (
            None  # a flag that nobody knows stands among the words that a pattern would take for the subcommand
        )
    if rule is None and not found and program.rule is not None:
        return program.rule
    if parsed.problem and rule is not program.find([w.literal for w in parsed.operands]):
        return None  # behind that flag stand words that may belong to the subcommand
    return rule


def by_table(simple: Simple, program: Program) -> Verdict:
    """The verdict that the declarative table gives."""
    words = list(simple.words)
    rule = rule_of(words, program)
    if rule is None:
        said = " ".join(w.shown for w in words[:3])
        return _runnable(simple, words, manual(f"“{said}” is in no program table, so nothing is known of it"))
    parsed = parse_arguments(words[1:], rule.flags)
    named = [w.literal or "" for w in parsed.operands[: len(rule.path)]]
    if len(named) < len(rule.path) or not all(map(fnmatchcase, named, rule.path)):
        parsed.problem = parsed.problem or "two readings of its flags disagree"
    if any("*" in part and "/" in name for part, name in zip(rule.path, named, strict=False)):
        parsed.problem = parsed.problem or "a path stands where a name is expected, and may be any program"
    if any(w.glob for w in parsed.operands[: len(rule.path)]):
        parsed.problem = parsed.problem or "its subcommand is a pattern"
    parsed.operands, parsed.places = parsed.operands[len(rule.path) :], parsed.places[len(rule.path) :]
    forbidden = _forbidden(words, rule)
    if forbidden:
        return manual(forbidden, never=True)
    if rule.risk is not Risk.READ:
        return _runnable(simple, words, _changing(words, rule, parsed))
    words, rewrites = _bounded(words, rule, parsed)
    problem = parsed.problem or _why_not_read(rule, parsed)
    if problem:
        return _runnable(simple, words, manual(problem))
    reason = rule.reason or f"{_said(rule)} only reads"
    verdict = Verdict(Risk.READ, reason, rewrites=rewrites, filters=rule.filters, speaks=rule.speaks)
    return _runnable(simple, words, verdict)


def _said(rule: Rule) -> str:
    return " ".join((rule.name, *rule.path))


def _forbidden(words: list[Word], rule: Rule) -> str:
    for given in words[1:]:
        text = given.shown
        if any(fnmatchcase(text, pattern) for pattern in rule.never):
            return rule.never_reason or f"{_said(rule)} {text} is never run from chat"
    return ""


def _changing(words: list[Word], rule: Rule, parsed: Arguments) -> Verdict:
    risk, reason = rule.risk, rule.reason or f"{_said(rule)} changes something"
    for given in words[1:]:
        for pattern, raised in rule.raises.items():
            if fnmatchcase(given.shown, pattern) and rank(raised) > rank(risk):
                risk, reason = raised, f"{_said(rule)} with {given.shown}"
    globbed = next((w for w in words[1:] if w.glob or w.tilde), None)
    if globbed is not None and not rule.shell_free:
        return manual(f"{globbed.shown} is a pattern that only a shell expands")
    if risk is Risk.PROTECTIVE and parsed.problem:
        risk = at_least(risk, Risk.DESTRUCTIVE)
    return Verdict(risk, reason)


def _bounded(words: list[Word], rule: Rule, parsed: Arguments) -> tuple[list[Word], tuple[str, ...]]:
    """The words of a command that ends by itself, and what was changed for it."""
    changed: dict[int, Word | None] = {}
    added: list[Word] = []
    behind: list[Word] = []
    said = [b.say for b in rule.bounds if _apply(b, parsed, changed, added, behind) and b.say]
    if not (added or behind or changed):
        return words, ()
    renewed = [changed.get(i - 1, w) for i, w in enumerate(words)]
    kept = [w for w in renewed if w is not None]
    at = _after_path(kept, len(rule.path), rule) if rule.path else 1
    return [*kept[:at], *added, *kept[at:], *behind], tuple(said)


def _after_path(words: list[Word], path: int, rule: Rule) -> int:
    parsed = parse_arguments(words[1:], rule.flags, stop=path)
    return 1 + (parsed.places[-1] + 1 if len(parsed.places) >= path else 0)


def _apply(
    bound: Bound, parsed: Arguments, changed: dict[int, Word | None], added: list[Word], behind: list[Word]
) -> bool:
    """Note what one bound changes; `changed` holds a new word, or None for one left out, by its place."""
    any_change = False
    for option in parsed.options:
        if option.name in bound.drop:
            _drop(option, parsed, changed)
            any_change = True
    if bound.unless and not parsed.has(*bound.unless):
        added += [word(text) for text in bound.add]
        any_change = True
    if bound.operands == len(parsed.operands):
        behind += [word(text) for text in bound.at_end]
        any_change = True
    return any_change


def _drop(option: Option, parsed: Arguments, changed: dict[int, Word | None]) -> None:
    """Leave an option out; of a cluster (-fu), only its letter."""
    together = [o for o in parsed.options if o.first == option.first]
    if len(together) == 1:
        changed.update(dict.fromkeys(range(option.first, option.first + option.size)))
        return
    before = changed.get(option.first)
    text = before.shown if before is not None else "-" + "".join(o.name[1:] for o in together)
    if option.size > 1 or isinstance(option.value, str) or any(isinstance(o.value, str) for o in together):
        parsed.problem = parsed.problem or "its flags make it endless"
        return
    shorter = text.replace(option.name[1:], "", 1)
    changed[option.first] = word(shorter) if shorter != "-" else None


def _why_not_read(rule: Rule, parsed: Arguments) -> str:  # noqa: PLR0911 one return for each reason
    count = len(parsed.operands)
    for option in parsed.options:
        value = option.value
        shown = (value if isinstance(value, str) else value.shown if value else "").lower()
        if "environ" in shown and option.name not in _CHOOSE:
            return "it may show environments, and so secrets"
        if shown.startswith(("file://", "fileb://")):
            return f"{shown} shows a file when it is not what is expected"
        if isinstance(value, Word) and (value.glob or value.tilde) and not rule.shell_free:
            return f"{value.shown} is a pattern that only a shell expands"
    if count < rule.fewest or count > rule.most or (rule.counts and count not in rule.counts):
        return (
            f"{_said(rule)} with {count} operand{'' if count == 1 else 's'} is not known to be a read that ends"
        )
    if rule.needs and not parsed.has(*rule.needs):
        return f"{_said(rule)} is only known as a read with {' or '.join(rule.needs)}"
    texts = 0 if parsed.has("-e", "--regexp") else rule.texts
    for index, given in enumerate(parsed.operands):
        problem = _operand_problem(rule, given, index) or (
            _file_problem(given) if rule.files and index >= texts else ""
        )
        if problem:
            return problem
    if rule.first and not (parsed.operands and _matches(parsed.operands[0].literal, rule.first)):
        return f"{_said(rule)} is only known as a read of {' or '.join(rule.first[:4])}"
    return _script_problem(rule, parsed)


def _matches(text: str | None, patterns: tuple[str, ...]) -> bool:
    return text is not None and any(fnmatchcase(text.lower(), p) for p in patterns)


def _operand_problem(rule: Rule, given: Word, index: int) -> str:  # noqa: PLR0911 one return for each reason
    if (given.glob or given.tilde) and not rule.shell_free:
        return f"{given.shown} is a pattern that only a shell expands"
    if given.shown.lower().startswith(("file://", "fileb://")):
        return f"{given.shown} shows a file when it is not what is expected"
    if given.wholly_unknown and index < rule.opaque:
        return f"{given.shown} may hold a flag, which is only known when it runs"
    if secret_in(given):
        return f"{_said(rule)} {given.shown} would show a secret, or send it away"
    if rule.fixed and any(isinstance(p, Var) for p in given.parts):
        return f"{_said(rule)} {given.shown} would show a variable of the environment"
    if rule.refuse and any(fnmatchcase(given.shown.lower(), p) for p in rule.refuse):
        return rule.refuse_reason or f"{_said(rule)} {given.shown} is not known to only read"
    if rule.allow and not _matches(given.literal, rule.allow):
        return f"{_said(rule)} {given.shown} is not known to only read"
    return ""


def _file_problem(given: Word) -> str:
    """Why a file may hold secrets: by its name, or because a person may name any file."""
    if given == UNSEEN or scripts.holds_secrets(given.shown):
        return f"{given.shown} may hold secrets"
    if any(isinstance(p, Param) for p in given.parts) and not _LOG_FOLDER.match(given.leading):
        return f"{given.shown} may become any file, and so one that holds secrets"
    return ""


def _script_problem(rule: Rule, parsed: Arguments) -> str:
    check = _SCRIPTS.get(rule.script)
    if check is None:
        return ""
    given = [o.value for o in parsed.options if o.name in {"-e", "--expression"} and rule.script == "sed"]
    texts = [v if isinstance(v, str) else (v.literal if v is not None else None) for v in given]
    if not texts:
        if not parsed.operands:
            return f"{_said(rule)} without a script"
        texts = [parsed.operands[0].literal]
    if all(text is not None and check(text) for text in texts):
        return ""
    return f"the {rule.script} script in it is not known to only filter"


def _runnable(simple: Simple, words: list[Word], verdict: Verdict) -> Verdict:
    """The verdict with the argv that would be run; patterns and home folders are a shell's, so there is none."""
    if any(w.glob or w.tilde for w in words) and verdict.risk is not Risk.READ:
        return verdict
    leaf: dict[str, object] = {"op": "exec", "argv": [w.json() for w in words]}
    if simple.env:
        leaf["env"] = {name: assigned(given) for name, given in simple.env}
    before = " ".join(w.shown for w in simple.words)
    after = " ".join(w.shown for w in words)
    why = "; ".join(verdict.rewrites)
    told = (f"{after}: {why}",) if before != after and why else ()
    return verdict.but(kind=Kind.EXEC, leaf=leaf, rewrites=told)


def assigned(given: Word) -> object:
    """What stands behind the `NAME=` of an assignment."""
    whole = given.json()
    if isinstance(whole, str):
        return whole.partition("=")[2]
    first = {"text": whole[0].get("text", "").partition("=")[2]}
    return [first, *whole[1:]] if first["text"] else list(whole[1:])
