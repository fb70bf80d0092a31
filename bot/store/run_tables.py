"""The tables of runs: steps of the runbook that somebody asked to run, and who approved them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.store.columns import json_of, when


class Run(SQLModel, table=True):
    """One step of the runbook that somebody asked to run, and all that became of it."""

    __tablename__ = "run"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    key: str = Field(unique=True)  # of the click or modal: pressed twice it is one run
    incident_id: int | None = Field(default=None, foreign_key="incident.id", index=True)
    step_id: str
    title: str = ""
    risk: str = ""
    system: str = ""  # what it changes: one change at a time each
    state: str = "requested"
    reason: str = ""  # why it ended as it did, in words
    parameters: dict[str, Any] = json_of(dict)
    seen: str = ""  # the digest of what the person was shown and confirmed; "": one click
    digest: str = ""  # of what was agreed to
    agreed: dict[str, Any] = json_of(dict)  # a bot.domain.runs.Agreed
    requester: dict[str, Any] = json_of(dict)  # a Who
    roles: list[str] = json_of(list)  # of the requester when it was asked, with why
    needed: int = 0  # approvals
    approver_role: str = ""
    asked: list[dict[str, Any]] = json_of(list)  # who may approve, as far as is known
    glass: str = ""  # the reason for breaking the glass
    undo_of: int | None = Field(default=None, sa_column=Column(BigInteger))
    undo: dict[str, Any] = json_of(dict)  # parameters of the way back, as they were before it ran
    channel: str = ""  # where it was asked
    response_url: str = ""
    thread_ts: str = Field(default="", sa_column_kwargs={"server_default": ""})  # the thread, if it was in one
    guard: str = ""  # the last reading
    progress: str = ""
    output: list[dict[str, Any]] = json_of(list)  # parts, redacted
    reading: str = ""  # of the verification
    after: str = ""  # what the look afterwards showed
    late: str = ""  # what was reported after it was given up as unknown
    exit: int | None = None
    took: float = 0.0
    worker: str = ""
    cancelled_by: dict[str, Any] = json_of(dict)
    requested_at: datetime = when(nullable=False)
    expires_at: datetime = when(nullable=False)
    approved_at: datetime | None = when()
    started_at: datetime | None = when()
    beat_at: datetime | None = when()  # the database's own time: replicas' clocks may differ
    finished_at: datetime | None = when()
    revert_due_at: datetime | None = when()  # when somebody is asked to take a temporary change back

    __table_args__ = (
        Index(
            "run_one_at_a_time",
            "system",
            unique=True,
            postgresql_where=text("state = 'running' and system <> ''"),
        ),
        Index(
            "run_open", "id", postgresql_where=text("state in ('requested','awaiting','approved','running')")
        ),
    )


class Approval(SQLModel, table=True):
    """What one person decided about a run; one person counts once."""

    __tablename__ = "approval"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    run_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    slack_id: str
    person: dict[str, Any] = json_of(dict)  # a Who
    roles: list[str] = json_of(list)
    digest: str = ""  # what was approved
    at: datetime = when(nullable=False)

    __table_args__ = (UniqueConstraint("run_id", "slack_id"),)
