"""The compiled runbook: frozen values that the rest of the product reads.

Line numbers count from 1 and point into the Markdown text that was compiled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """How a step is carried out."""

    HTTP = "http"
    SQL = "sql"
    REDIS = "redis"
    EXEC = "exec"
    MANUAL = "manual"
    CHECKLIST = "checklist"


class Risk(StrEnum):
    """What a step may do to the systems under care, least first; see docs and HAZARDS for who may run it."""

    READ = "read"
    MUTATING = "mutating"
    PROTECTIVE = "protective"
    DESTRUCTIVE = "destructive"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding of the compiler, as a good compiler words it."""

    severity: str  # "error" | "warning"
    code: str
    line: int
    column: int
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """A row of the runbook's escalation table."""

    role: str  # "Primary On-Call"
    contact: str  # "@devops-lead (Slack)"
    handle: str  # "devops-lead": the Slack user or user group named, without "@"
    wait: timedelta | None  # how long unacknowledged before this row is asked; None: not part of the ladder
    schedule: str  # PagerDuty schedule name, "PD-TRADING-PRIMARY"
    line: int = 0
    kind: str = (
        "ladder"  # "ladder" | "security": security is paged at once for its own incidents, off the ladder
    )
    stated_wait: timedelta | None = None  # the wait as the table states it, also for a row off the ladder


@dataclass(frozen=True, slots=True)
class Bound:
    """One side of a baseline, for instance "< 70%" or "> 2s"."""

    op: str  # "<", "<=", ">", ">="
    value: float
    unit: str  # "%", "ms", "s", "" …
    of: str = ""  # "max" in "< 80% of max"
    text: str = ""  # as written

    def holds(self, measured: float) -> bool:
        """Whether a value, in this bound's own unit, satisfies it."""
        match self.op:
            case "<":
                return measured < self.value
            case "<=":
                return measured <= self.value
            case ">":
                return measured > self.value
            case _:
                return measured >= self.value


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """A row of the performance baseline table."""

    metric: str  # "CPU Usage"
    normal: Bound
    alert: Bound
    line: int = 0
    query: str = ""  # PromQL that gives the figure


@dataclass(frozen=True, slots=True)
class Command:
    """One statement of a step, with the class that it has by itself."""

    text: str
    line: int
    column: int
    risk: Risk
    reason: str
    line_end: int = 0
    rewrite: str = ""  # what is run instead, when that differs from the text


@dataclass(frozen=True, slots=True)
class Step:
    """A group of commands that belong together, typed and classed."""

    id: str
    title: str
    kind: Kind
    risk: Risk
    reason: str  # why this risk
    source: str  # the commands as written
    line_start: int
    line_end: int
    argv: tuple[tuple[str, ...], ...] = ()  # exec: the simple commands, in order
    program: Mapping[str, object] | None = None  # exec: pipeline / and-or structure, JSON-like
    request: Mapping[str, object] | None = None  # http: {method, url, headers, body, timeout}
    sql: str = ""
    # placeholder -> type, e.g. {"REVISION": "int from ats.history"}
    params: Mapping[str, str] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()
    guard: str = ""
    verify: str = ""
    rewrites: tuple[str, ...] = ()  # what was changed against the text, in words
    unlocked: bool = False  # annotated and its digest is in the lock file
    role: str = ""
    approvals: int = 0
    digest: str = ""
    commands: tuple[Command, ...] = ()  # the statements, each with its own risk
    never: bool = False  # manual for good: no annotation may unlock it
    timeout: float = 0.0  # seconds; 0: the runner's default
    ttl: float = 0.0  # seconds an approval stays good; 0: the default
    revert: str = ""  # the id of the step that takes this one back
    before: str = ""  # the id of a read whose answer is shown first, and kept as evidence before this one runs
    after: str = ""  # the id of a read whose answer is shown once this one has run
    because: str = ""  # the author's reason for a lower risk than the compiler's
    locked: str = ""  # why an annotated step is not unlocked, for a person


@dataclass(frozen=True, slots=True)
class Entry:
    """A section of the runbook that a person can be sent to: an alert or a procedure."""

    id: str  # stable slug, e.g. "pm2-high-restart-rate"
    title: str  # clean text, no emoji, no markup
    kind: str  # "alert" | "procedure"
    severity: str = ""  # "P0", "P1", "P2" for alerts
    trigger: str = ""
    impact: str = ""
    escalation: str = ""
    path: tuple[str, ...] = ()  # titles of the enclosing sections
    steps: tuple[Step, ...] = ()
    cautions: tuple[str, ...] = ()
    text: str = ""  # the section's Markdown, mojibake repaired
    line_start: int = 0
    line_end: int = 0
    aliases: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()  # the trigger as PromQL; several are all needed


@dataclass(frozen=True, slots=True)
class Resource:
    """A row of the table of services: where it is and where its credential lives, never the credential."""

    service: str  # "Grafana"
    url: str
    credentials: str  # 'See 1Password vault: "AI-Trading-Grafana"'
    notes: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole runbook, compiled."""

    title: str
    version: str
    owner: str
    path: str
    digest: str  # sha256 of the source text
    contacts: tuple[Contact, ...] = ()
    baseline: tuple[BaselineRow, ...] = ()
    entries: tuple[Entry, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    channel: str = ""  # "#trading-ops-alerts"
    facts: Mapping[str, str] = field(default_factory=dict)  # other bold "Key: value" lines of the header
    placeholders: tuple[str, ...] = ()  # what a person must fill in: "process_name"; in order, each once
    blocks: int = 0  # code blocks
    items: int = 0  # runnable items (statements) in them
    tables: int = 0
    resources: tuple[Resource, ...] = ()

    @property
    def ladder(self) -> tuple[Contact, ...]:
        """The contacts asked in turn, shortest wait first."""
        rows = [(c.wait, i, c) for i, c in enumerate(self.contacts) if c.wait is not None]
        return tuple(c for _, _, c in sorted(rows, key=lambda r: (r[0], r[1])))

    @property
    def security(self) -> Contact | None:
        """The contact who is paged at once for a security incident."""
        return next((c for c in self.contacts if c.kind == "security"), None)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity == "error")

    def entry(self, entry_id: str) -> Entry | None:
        return next((e for e in self.entries if e.id == entry_id), None)

    def step(self, step_id: str) -> Step | None:
        return next((s for e in self.entries for s in e.steps if s.id == step_id), None)


@dataclass(frozen=True, slots=True)
class Match:
    """Which entry an incident belongs to, and why."""

    entry: Entry
    score: float  # 0..100
    reason: str  # "title is 92 % like …", "metric pm2_process_restarts is named", "alias …"


@dataclass(frozen=True, slots=True)
class Hit:
    """A search result."""

    entry: Entry
    score: float
    excerpt: str
    line: int
