"""Bash as far as it can be proved: words, simple commands, pipelines and and-or lists.

What is not in these values cannot be run: it comes out as `Unproved`, with the reason, and stays with a person.
"""

from runbook.shell.lexer import LexError, Literal, Param, Part, Var, Word, lex
from runbook.shell.nodes import AndOr, Node, Not, Pipe, Redirect, Simple, Unproved, simple_commands
from runbook.shell.reader import INVALID, Comment, Statement, parse
from runbook.shell.slots import Slots, fill_slots

__all__ = [
    "INVALID",
    "AndOr",
    "Comment",
    "LexError",
    "Literal",
    "Node",
    "Not",
    "Param",
    "Part",
    "Pipe",
    "Redirect",
    "Simple",
    "Slots",
    "Statement",
    "Unproved",
    "Var",
    "Word",
    "fill_slots",
    "lex",
    "parse",
    "simple_commands",
]
