"""The tables a runbook carries: contacts, baseline, services."""

import re
from datetime import timedelta

from runbook.document import Section, Table
from runbook.durations import parse_bound, parse_duration
from runbook.model import BaselineRow, Contact, Diagnostic, Resource
from runbook.text import plain

_HANDLE = re.compile(r"@([\w.-]{1,80})")
_URL = re.compile(r"https?://[^\s|)>]+")


def _column(header: list[str], *words: str) -> int | None:
    for wanted in words:
        for index, cell in enumerate(header):
            if wanted in cell:
                return index
    return None


def _cell(row: list[str], index: int | None) -> str:
    return plain(row[index]) if index is not None and index < len(row) else ""


def _header(table: Table) -> list[str]:
    return [plain(c).lower() for c in table.header]


def _contact(row: list[str], columns: tuple[int | None, ...], line: int) -> Contact:
    role, contact, wait_text, schedule = (_cell(row, c) for c in columns)
    found = _HANDLE.search(contact)
    security = "security" in role.lower()
    stated: timedelta | None = parse_duration(wait_text)
    return Contact(
        role=role,
        contact=contact,
        handle=found[1].rstrip(".") if found else "",
        wait=None if security else stated,
        schedule=schedule,
        line=line,
        kind="security" if security else "ladder",
        stated_wait=stated,
    )


def _contacts(table: Table) -> tuple[list[Contact], list[Diagnostic]]:
    header = _header(table)
    role, contact = _column(header, "role", "who"), _column(header, "contact", "slack", "handle")
    wait = _column(header, "escalation", "wait", "after", "time")
    schedule = _column(header, "schedule", "pagerduty")
    if role is None or contact is None or wait is None:
        return [], []
    rows, problems = [], []
    for cells, line in zip(table.rows, table.row_lines, strict=False):
        row = _contact(cells, (role, contact, wait, schedule), line)
        rows.append(row)
        if row.stated_wait is None:
            message = f"The wait of {row.role or 'this row'} cannot be read as a duration."
            hint = 'Write "Immediate", "15 minutes" or "1 hour".'
            problems.append(Diagnostic("warning", "contact-wait", line, 1, message, hint))
    return rows, problems


def _baseline(table: Table) -> tuple[list[BaselineRow], list[Diagnostic]]:
    header = _header(table)
    metric, normal = _column(header, "metric", "measure"), _column(header, "normal", "healthy", "expected")
    alert = _column(header, "alert", "critical", "threshold")
    query = _column(header, "query", "promql", "expression")
    if metric is None or normal is None or alert is None:
        return [], []
    rows, problems = [], []
    for cells, line in zip(table.rows, table.row_lines, strict=False):
        low = parse_bound(_cell(cells, normal), default="<")
        high = parse_bound(_cell(cells, alert), default=">")
        if low is None or high is None:
            message = f"The bounds of {_cell(cells, metric) or 'this row'} cannot be read."
            problems.append(
                Diagnostic("warning", "baseline-bound", line, 1, message, 'Write "< 70%" and "> 85%".')
            )
            continue
        rows.append(BaselineRow(_cell(cells, metric), low, high, line, _cell(cells, query)))
    return rows, problems


def _resources(table: Table) -> list[Resource]:
    header = _header(table)
    service, url = _column(header, "service", "system", "name"), _column(header, "url", "address", "link")
    credentials = _column(header, "credential", "login", "access", "auth")
    if service is None or url is None or credentials is None:
        return []
    notes = _column(header, "note", "comment")
    rows = []
    for cells, line in zip(table.rows, table.row_lines, strict=False):
        found = _URL.search(_cell(cells, url))
        address = found[0] if found else _cell(cells, url)
        rows.append(
            Resource(_cell(cells, service), address, _cell(cells, credentials), _cell(cells, notes), line)
        )
    return rows


class Tables:
    """Everything that was found in the tables of a document."""

    def __init__(self, sections: list[Section]) -> None:
        self.contacts: list[Contact] = []
        self.baseline: list[BaselineRow] = []
        self.resources: list[Resource] = []
        self.problems: list[Diagnostic] = []
        self.count = 0
        for section in sections:
            for table in section.tables:
                self._add(table)

    def _add(self, table: Table) -> None:
        self.count += 1
        contacts, problems = _contacts(table)
        self.contacts += contacts
        baseline, more = _baseline(table) if not contacts else ([], [])
        self.baseline += baseline
        self.problems += problems + more
        if not contacts and not baseline:
            self.resources += _resources(table)
