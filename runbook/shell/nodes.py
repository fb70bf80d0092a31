"""The structure of a statement."""

from collections.abc import Iterator
from dataclasses import dataclass

from runbook.shell.lexer import Word


@dataclass(frozen=True, slots=True)
class Redirect:
    """The only redirections that are run: to nowhere, and one stream into the other."""

    stdout: str = ""  # "" | "null" | "stderr"
    stderr: str = ""  # "" | "null" | "stdout"

    def then(self, other: "Redirect") -> "Redirect":
        """Both, the later one winning."""
        return Redirect(other.stdout or self.stdout, other.stderr or self.stderr)


@dataclass(frozen=True, slots=True)
class Simple:
    """A program and its arguments."""

    words: tuple[Word, ...]
    env: tuple[tuple[str, Word], ...] = ()
    redirect: Redirect = Redirect()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Pipe:
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AndOr:
    op: str  # "and" | "or"
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Not:
    item: "Node"


@dataclass(frozen=True, slots=True)
class Unproved:
    """Something that stays with a person, and why."""

    reason: str
    text: str


Node = Simple | Pipe | AndOr | Not | Unproved


def simple_commands(node: Node) -> Iterator["Simple | Unproved"]:
    """The leaves in order."""
    match node:
        case Pipe(items):
            for item in items:
                yield from simple_commands(item)
        case AndOr(_, left, right):
            yield from simple_commands(left)
            yield from simple_commands(right)
        case Not(item):
            yield from simple_commands(item)
        case _:
            yield node
