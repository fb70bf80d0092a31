"""The tables. PostgreSQL is the only truth; everything here survives a kill -9."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from bot.store.columns import json_of as _json
from bot.store.columns import when as _when


def table(model: type[SQLModel]) -> Table:
    """The bare table of a model, for statements on hot paths that need no ORM."""
    return model.__table__  # type: ignore[attr-defined,no-any-return]


class ClockRow(SQLModel, table=True):
    """How far application time is ahead of real time (drills and the demo move it)."""

    __tablename__ = "clock"
    id: int = Field(default=1, primary_key=True)
    offset_seconds: float = 0.0


class Incident(SQLModel, table=True):
    """An incident as PagerDuty last told us, and where its ladder stands."""

    __tablename__ = "incident"
    id: int | None = Field(default=None, primary_key=True)
    pd_id: str = Field(unique=True)
    number: int = Field(unique=True)  # PagerDuty's number, or one of ours above a million if it has none
    title: str = ""
    url: str = ""
    service: str = ""
    service_id: str = ""
    urgency: str = ""
    priority: str = ""
    severity: str = ""
    status: str = "triggered"
    status_at: datetime = _when(nullable=False)  # PagerDuty's time of the event that the status comes from
    triggered_at: datetime = _when(nullable=False)
    rearmed_at: datetime | None = _when()  # last time it became unacknowledged
    acked_at: datetime | None = _when()
    acked_by: dict[str, Any] = _json(dict)  # {"slack_id","name","pd_id"}
    resolved_at: datetime | None = _when()
    resolved_by: dict[str, Any] = _json(dict)
    assignees: list[dict[str, Any]] = _json(list)
    seen_at: datetime = _when(nullable=False)  # time of the newest event: older ones do not change the text
    seen_event: str = ""  # id of that event: of two at one instant the same one counts whatever came first
    moves: list[dict[str, Any]] = _json(list)  # what was told of the status (bot.domain.lifecycle.Move)
    merged_into: str = ""  # PagerDuty's id of the incident that it is part of now
    policy_id: str = ""  # escalation policy
    kind: str = ""  # what it was declared as: "", "corruption", "security"
    # responders, bridge, fields, roles, snoozed (bot.domain.extras); echoes met (bot.operations.echoes)
    extra: dict[str, Any] = _json(dict)
    entry_id: str = ""
    entry_reason: str = ""
    entry_chosen: bool = False  # by a person: never overwritten by matching
    details: dict[str, Any] = _json(dict)  # of its alerts
    enriched_at: datetime | None = _when()
    oncall: list[dict[str, Any]] = _json(list)  # who was on call when it was last looked up
    anchor_at: datetime | None = _when()  # from when the ladder counts: when nobody had it any more
    fired: list[str] = _json(list)  # keys of the rungs that were asked since
    level: int = 0  # how often somebody was asked since: rungs, then repetitions
    due_at: datetime | None = _when()  # when somebody is asked next; null: nobody is
    asked_at: datetime | None = _when()  # when somebody was asked last
    reminders: list[dict[str, Any]] = _json(list)  # [{"at","role","names","key"}], the newest last
    storm_id: int | None = Field(
        default=None, foreign_key="storm.id", index=True
    )  # it has one card with others
    successor_id: int | None = None  # the incident that came back and goes on with its card
    occurrences: int = 1  # how often it was raised, flapping
    history: list[dict[str, Any]] = _json(list)  # its rounds before this one: [{"number","from","to","by"}]
    commander: dict[str, Any] = _json(dict)  # who has command: who acknowledged, or took over since
    said_at: datetime | None = _when()  # when somebody last wrote how it stands, as of the last look
    update_due_at: datetime | None = _when()  # when the commander is asked how it stands
    review_due_at: datetime | None = _when()  # when the postmortem is asked for
    review_stage: int = 0  # how often it was
    reviewed: str = ""  # "made", "dismissed"
    pending: dict[str, Any] = _json(dict)  # an action of a person that PagerDuty has not confirmed yet
    looked_at: datetime | None = _when()  # when its automatic diagnosis was asked for: once in its life
    created_at: datetime = _when(nullable=False)

    __table_args__ = (
        Index("incident_due", "due_at", postgresql_where=text("due_at is not null")),
        Index("incident_created", "created_at"),
        Index("incident_update", "update_due_at", postgresql_where=text("update_due_at is not null")),
        Index("incident_review", "review_due_at", postgresql_where=text("review_due_at is not null")),
        Index("incident_open", "id", postgresql_where=text("status <> 'resolved'")),
        Index("incident_resolved", "resolved_at", postgresql_where=text("resolved_at is not null")),
    )


class Storm(SQLModel, table=True):
    """Many incidents of one kind at once."""

    __tablename__ = "storm"
    id: int | None = Field(default=None, primary_key=True)
    key: str  # the runbook's entry, or the service
    opened_at: datetime = _when(nullable=False)
    joined_at: datetime = _when(nullable=False)  # when the newest one joined
    closed_at: datetime | None = _when()
    shown: dict[str, Any] = _json(dict)  # how many of each status its card shows
    shown_at: datetime | None = _when()


class TimelineEntry(SQLModel, table=True):
    """Append-only: a trigger refuses UPDATE, DELETE and TRUNCATE."""

    __tablename__ = "timeline"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    incident_id: int | None = Field(default=None, foreign_key="incident.id")
    at: datetime = _when(nullable=False)  # when it happened
    recorded_at: datetime = _when(nullable=False)  # when the bot wrote it down
    kind: str
    text: str
    actor: dict[str, Any] = _json(dict)  # {"slack_id","name","pd_id"}
    source: str  # "slack" | "pagerduty" | "bot"
    data: dict[str, Any] = _json(dict)
    prev_hash: str = ""
    hash: str = ""

    __table_args__ = (Index("timeline_chain", "incident_id", "id"),)


class Message(SQLModel, table=True):
    """The outbox: a Slack message that should exist, and how far it is."""

    __tablename__ = "message"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    marker: str = Field(unique=True)  # block_id of its first block: how it is found again after a crash
    channel: str  # "#name", "C…", or "U…" for a direct message
    kind: (
        str  # "text": payload as it stands; "card", and those of outbox.live: rendered from the state each time
    )
    ref: str = ""  # which state, for those of outbox.live: one message for each kind and ref
    incident_id: int | None = Field(default=None, foreign_key="incident.id", index=True)
    parent_id: int | None = Field(default=None, sa_column=Column(BigInteger))  # whose thread it is in
    thread_ts: str = ""  # a thread that is not ours: a mention that is answered
    payload: dict[str, Any] = _json(dict)  # {"text","blocks"} for kind "text"
    rank: int = 25  # the lower the sooner (bot.domain.lane)
    wanted: int = 1  # revision that should be seen
    sent: int = 0  # revision that is seen
    channel_id: str = ""
    ts: str = ""
    attempted_at: datetime | None = _when()  # real time; set before the first post
    attempts: int = 0
    failed: str = ""  # why it can never be sent; empty: it can
    created_at: datetime = _when(nullable=False)
    sent_at: datetime | None = _when()

    __table_args__ = (
        Index("message_pending", "channel", "id", postgresql_where=text("wanted > sent and failed = ''")),
        Index("message_card", "incident_id", unique=True, postgresql_where=text("kind = 'card'")),
        Index("message_live", "kind", "ref", unique=True, postgresql_where=text("ref <> ''")),
    )


class Attachment(SQLModel, table=True):
    """A file of a message of kind "file": uploaded first, then shared with all others of its message."""

    __tablename__ = "attachment"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    message_id: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    name: str
    title: str
    alt: str = ""  # what a picture shows, in words
    content: bytes = Field(
        default=b"", sa_column=Column(LargeBinary, nullable=False)
    )  # empty once it is shared
    file_id: str = ""  # Slack's, once the bytes are there
    permalink: str = ""  # once it is shared


class Lane(SQLModel, table=True):
    """A channel's queue: until when it must keep silent."""

    __tablename__ = "lane"
    channel: str = Field(primary_key=True)
    paused_until: datetime | None = _when()  # real time
    failures: int = 0
    reason: str = ""


class Cursor(SQLModel, table=True):
    """How far something that is read bit by bit has come."""

    __tablename__ = "cursor"
    name: str = Field(primary_key=True)
    at: datetime = _when(nullable=False)
    state: dict[str, Any] = _json(dict)


class Link(SQLModel, table=True):
    """The PagerDuty user that a person is, where the e-mail address does not say it."""

    __tablename__ = "link"
    slack_id: str = Field(primary_key=True)
    pd_id: str = Field(unique=True)
    pd_email: str
    pd_name: str = ""
    by_admin: bool = False  # else by the person: such a link makes nobody an approver
    linked_by: dict[str, Any] = _json(dict)
    linked_at: datetime = _when(nullable=False)


class Declaration(SQLModel, table=True):
    """An incident that somebody declares, kept before it is acknowledged; its key makes it one in PagerDuty."""

    __tablename__ = "declaration"
    key: str = Field(primary_key=True)  # the incident_key
    kind: str  # "incident", "corruption", "security", "page"
    asked: dict[str, Any] = _json(dict)  # what the modal said
    slack_id: str
    channel: str = ""
    response_url: str = ""
    pd_id: str = ""  # once it exists
    failed: str = ""
    asked_at: datetime = _when(nullable=False)


class Alias(SQLModel, table=True):
    """A title that a person has assigned to an entry of the runbook."""

    __tablename__ = "alias"
    title: str = Field(primary_key=True)  # its words in lower case, as the runbook library compares them
    entry_id: str
    chosen_by: dict[str, Any] = _json(dict)
    chosen_at: datetime = _when(nullable=False)


class Look(SQLModel, table=True):
    """A look at the systems: a health report or a diagnosis, and everybody whom it answers."""

    __tablename__ = "look"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    key: str  # what is asked: the same question at the same moment is answered by the same look
    kind: str  # "health" | "diagnosis"
    subject: dict[str, Any] = _json(dict)  # {"entry","systems","name"}
    places: list[dict[str, Any]] = _json(list)  # [{"channel","response_url","incident","by"}]
    automatic: bool = False
    asked_at: datetime = _when(nullable=False)
    done_at: datetime | None = _when()

    __table_args__ = (Index("look_key", "key", "asked_at"),)


class Watch(SQLModel, table=True):
    """A health report that is kept current for a while."""

    __tablename__ = "watch"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    channel: str
    system: str = ""  # as in /ats health [system]
    asked_by: dict[str, Any] = _json(dict)
    started_at: datetime = _when(nullable=False)
    until: datetime = _when(nullable=False)
    turn: int = 0  # looks so far; a job knows by it whether it is still the one that must look
    ended: str = ""  # why it ended, in words; empty: it goes on

    __table_args__ = (Index("watch_open", "channel", unique=True, postgresql_where=text("ended = ''")),)


class HealthSample(SQLModel, table=True):
    """A figure that was measured: the history behind trends and deltas."""

    __tablename__ = "health_sample"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    at: datetime = _when(nullable=False)
    name: str  # bot.domain.health.figures
    value: float

    __table_args__ = (Index("health_sample_name", "name", "at"),)


class Chore(SQLModel, table=True):
    """When a periodic work was last begun, by whichever replica."""

    __tablename__ = "chore"
    name: str = Field(primary_key=True)
    at: datetime = _when(nullable=False)


class ChecklistRow(SQLModel, table=True):
    """A procedure that people carry out, item by item; its items as they were when it was started."""

    __tablename__ = "checklist"
    id: int | None = Field(default=None, primary_key=True)
    incident_id: int | None = Field(default=None, foreign_key="incident.id", index=True)
    entry_id: str
    entry_digest: str = ""  # of the entry's text at the start
    title: str
    items: list[dict[str, Any]] = _json(list)
    target: float = 0.0  # seconds
    way_back: str = ""
    started_at: datetime = _when(nullable=False)
    started_by: dict[str, Any] = _json(dict)
    waits: dict[str, Any] = _json(dict)  # item -> when its time is over
    ended_at: datetime | None = _when()
    ended_by: dict[str, Any] = _json(dict)
    given_up: str = ""


class ChecklistTick(SQLModel, table=True):
    """An item that was left behind, by whom, and how: one row for each item."""

    __tablename__ = "checklist_tick"
    checklist_id: int = Field(primary_key=True, foreign_key="checklist.id")
    item: int = Field(primary_key=True)
    state: str  # "done" | "skipped"
    by: dict[str, Any] = _json(dict)
    at: datetime = _when(nullable=False)
    note: str = ""


class Inbox(SQLModel, table=True):
    """Everything that was delivered to us, once."""

    __tablename__ = "inbox"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    source: str
    delivery_id: str = Field(sa_column=Column(String, nullable=False))
    event_id: str = Field(sa_column=Column(String, nullable=False))
    type: str = ""
    body: dict[str, Any] = _json(dict)
    received_at: datetime = _when(nullable=False)
    waiting: bool = False  # it came faster than it could be applied; the worker does
    rank: int = 0  # of those that wait: the lower the sooner
    trouble: str = ""  # why it could not be applied

    __table_args__ = (
        UniqueConstraint("source", "delivery_id"),
        UniqueConstraint("source", "event_id"),
        Index("inbox_waiting", "rank", "id", postgresql_where=text("waiting")),
    )
