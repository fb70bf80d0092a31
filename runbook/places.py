"""Where something stands in the document: line and column of a finding, both from 1."""

import re
from collections.abc import Sequence

from runbook.model import Diagnostic, Step


class Places:
    """Finds words in the lines of one document."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def at(self, line: int, *needles: str | re.Pattern[str], until: int = 0) -> tuple[int, int]:
        """The first of these words that stands between two lines; else where the first line's text begins."""
        for needle in needles:
            pattern = re.compile(re.escape(needle)) if isinstance(needle, str) else needle
            for number in range(max(line, 1), min(max(until, line), len(self._lines)) + 1):
                found = pattern.search(self._lines[number - 1])
                if found is not None:
                    return number, found.start() + 1
        return line, self._indent(line)

    def _indent(self, line: int) -> int:
        if not 0 < line <= len(self._lines):
            return 1
        text = self._lines[line - 1]
        return len(text) - len(text.lstrip()) + 1 if text.strip() else 1

    def within(self, step: Step, found: re.Match[str]) -> tuple[int, int]:
        """Where a match in `step.source` stands: its first line, in the command that it is part of."""
        said = found[0].strip().split("\n", 1)[0]
        offset = found.start() + len(found[0]) - len(found[0].lstrip())
        for command in step.commands:
            if offset <= len(command.text):
                line = command.line + command.text.count("\n", 0, offset)
                return self.at(line, said)
            offset -= len(command.text) + 1
        return self.at(step.line_start, said, until=step.line_end)

    def pointed(self, problem: Diagnostic) -> Diagnostic:
        """The finding, its column on the text of its line when nothing nearer is known."""
        if problem.code.startswith("annotation-") and problem.column > 1:  # counted from its "#:"
            column = problem.column + max(0, self._lines[problem.line - 1].find("#:"))
        elif problem.column > 1:
            return problem
        else:
            column = self._indent(problem.line)
        return Diagnostic(problem.severity, problem.code, problem.line, column, problem.message, problem.hint)
