"""Values for the renderers: one plain incident, and strategies for hostile text."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st

from bot.domain.health import HealthReport, Reading, Status
from bot.render import AskedView, CardView, IncidentRow, OnCallView, ReminderView, RoleView, TimelineRow, Who
from runbook.model import Entry, Kind, Risk, Step

START = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)
NOW = START + timedelta(minutes=16)
SAM = Who("U0SAM0001", "Sam")
KIM = Who("U0KIM0001", "Kim")
DANA = Who("U0DANA001", "Dana")

# The same examples each time, no time limit for one: a slow machine must not fail a test.
SETTINGS = settings(max_examples=40, deadline=None, derandomize=True, database=None)

NASTY = (
    "<!channel>", "<!here|here>", "<@U0SAM0001>", "<!subteam^S0SRE0001>", "<#C0PROD001>",
    "<https://evil.example/|click here>", "&lt;!channel&gt;", "&amp;lt;!everyone&amp;gt;",
    "@channel @here @everyone", "``` out ```", "`a` *b* _c_ ~d~", "> quoted\n> twice",
    "\u202egnp.exe\u202c", "\u2066x\u2069", "\x00\x07\x1b[31m", "\ud800", "\udfff\ud800", "a\r\nb\u2028c",
    "", " ", "\n\n", "{} {0} {name} %s", "é" * 40, "\u200b", "x" * 3100, "&" * 700, "<" * 800, ">" * 200,
    "`" * 300, "😀" * 1600, "word " * 700, "line\n" * 700,
)  # fmt: skip


def outside() -> st.SearchStrategy[str]:
    """Text as it may come from anywhere: any characters, known attacks, and mixtures of both."""
    piece = st.one_of(st.text(max_size=40), st.sampled_from(NASTY))
    return st.lists(piece, max_size=4).map("".join)


def names() -> st.SearchStrategy[Who]:
    """People without a Slack id: nothing in the output may mention anybody then."""
    return outside().map(lambda text: Who(name=text))


def moments() -> st.SearchStrategy[datetime]:
    """Any moment, with and without a time zone."""
    return st.datetimes(timezones=st.one_of(st.none(), st.just(UTC)))


def step(title: str, source: str, risk: Risk = Risk.READ, cautions: tuple[str, ...] = ()) -> Step:
    return Step(
        id=title.casefold().replace(" ", "-"),
        title=title,
        kind=Kind.EXEC,
        risk=risk,
        reason="",
        source=source,
        line_start=1,
        line_end=2,
        cautions=cautions,
    )


def steps() -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        id=outside(),
        title=outside(),
        kind=st.sampled_from(Kind),
        risk=st.sampled_from(Risk),
        reason=outside(),
        source=outside(),
        line_start=st.just(1),
        line_end=st.just(2),
        cautions=st.lists(outside(), max_size=2).map(tuple),
        guard=outside(),
        verify=outside(),
        rewrites=st.lists(outside(), max_size=1).map(tuple),
    )


def entries() -> st.SearchStrategy[Entry]:
    return st.builds(
        Entry,
        id=outside(),
        title=outside(),
        kind=st.sampled_from(["alert", "procedure"]),
        severity=outside(),
        trigger=outside(),
        impact=outside(),
        escalation=outside(),
        path=st.lists(outside(), max_size=2).map(tuple),
        steps=st.lists(steps(), max_size=6).map(tuple),
        cautions=st.lists(outside(), max_size=3).map(tuple),
        text=outside(),
    )


def oncalls() -> st.SearchStrategy[OnCallView]:
    return st.builds(
        OnCallView, role=outside(), who=st.none() | names(), schedule=outside(), until=st.none() | moments()
    )


def cards() -> st.SearchStrategy[CardView]:
    """Cards whose every text is hostile."""
    return st.builds(
        CardView,
        number=st.integers(0, 10**9),
        pd_number=st.none() | st.integers(0, 10**9),
        title=outside(),
        service=outside(),
        severity=st.sampled_from(["P0", "P1", "P2", ""]) | outside(),
        status=st.sampled_from(["triggered", "acknowledged", "resolved"]) | outside(),
        url=outside(),
        triggered_at=moments(),
        acked_at=st.none() | moments(),
        acked_by=st.none() | names(),
        resolved_at=st.none() | moments(),
        resolved_by=st.none() | names(),
        oncall=st.lists(oncalls(), max_size=5).map(tuple),
        entry=st.none() | entries(),
        entry_reason=outside(),
        entry_link=outside(),
        choices=st.lists(st.tuples(outside(), outside()), max_size=5).map(tuple),
        pages=st.booleans(),
        next_reminder=st.none() | st.tuples(moments(), outside()),
        reminders=st.lists(outside(), max_size=5).map(tuple),
        pending=outside(),
        merged_into=outside(),
        occurrences=st.integers(0, 1000),
    )


def incident_rows() -> st.SearchStrategy[IncidentRow]:
    return st.builds(
        IncidentRow,
        number=st.integers(0, 10**9),
        title=outside(),
        status=outside(),
        triggered_at=moments(),
        severity=outside(),
        service=outside(),
        acked_by=st.none() | names(),
        url=outside(),
    )


def timeline_rows() -> st.SearchStrategy[TimelineRow]:
    return st.builds(
        TimelineRow, at=moments(), kind=outside(), text=outside(), who=st.none() | names(), source=outside()
    )


def role_views() -> st.SearchStrategy[RoleView]:
    return st.builds(RoleView, role=outside(), has=st.booleans(), why=outside())


def asked_views() -> st.SearchStrategy[AskedView]:
    return st.builds(
        AskedView,
        role=outside(),
        schedule=outside(),
        people=st.lists(names(), max_size=3).map(tuple),
        empty=st.booleans(),
        note=outside(),
        late=st.none() | st.timedeltas(timedelta(), timedelta(days=9)),
    )


def reminder_views() -> st.SearchStrategy[ReminderView]:
    return st.builds(
        ReminderView,
        number=st.integers(0, 10**9),
        title=outside(),
        triggered_at=moments(),
        severity=outside(),
        service=outside(),
        asked=st.lists(asked_views(), max_size=4).map(tuple),
        again=st.booleans(),
        others=st.integers(0, 2000),
        rearmed_at=st.none() | moments(),
        asked_before=st.lists(outside(), max_size=4).map(tuple),
        first_step=outside(),
        first_command=outside(),
        cautions=st.lists(outside(), max_size=2).map(tuple),
        link=outside(),
        url=outside(),
        next_reminder=st.none() | st.tuples(moments(), outside()),
    )


def reports() -> st.SearchStrategy[HealthReport]:
    reading = st.builds(
        Reading,
        system=outside(),
        status=st.sampled_from(Status),
        value=outside(),
        normal=outside(),
        hint=outside(),
    )
    return st.builds(
        HealthReport,
        readings=st.lists(reading, max_size=12).map(tuple),
        took=st.floats(0, 100, allow_nan=False),
    )


PM2 = Entry(
    id="pm2-high-restart-rate",
    title="PM2 High Restart Rate",
    kind="alert",
    severity="P0",
    trigger="pm2_process_restarts > 3 in 5 minutes",
    impact="System instability, potential data loss",
    escalation="If restarts persist after manual intervention",
    cautions=("Never run `pm2 restart all`: it starts everything twice.",),
    steps=(
        step("Check PM2 status", "pm2 status"),
        step("Read the logs", "pm2 logs --lines 50"),
        step("Identify the failing process", "pm2 describe [process_name]"),
        step(
            "Restart it", "pm2 restart api --update-env\npm2 status", Risk.MUTATING, ("Keep the app's name.",)
        ),
        step("Look again", "pm2 status"),
    ),
    text="### PM2",
)
ONCALL = (
    OnCallView("Primary On-Call", SAM, "PD-TRADING-PRIMARY", START + timedelta(hours=6)),
    OnCallView("Secondary", KIM, "PD-TRADING-SECONDARY", START + timedelta(days=3)),
    OnCallView("Management", None, "PD-EXECUTIVE"),
)
CARD = CardView(
    number=42,
    pd_number=1234,
    title="PM2 high restart rate on api-1",
    service="ai-trading-api",
    severity="P0",
    status="triggered",
    url="https://acme.pagerduty.com/incidents/Q1",
    triggered_at=START,
    oncall=ONCALL,
    entry=PM2,
    entry_reason="the title is 92 % like “PM2 High Restart Rate”",
    entry_link="https://git.example/runbook.md#L33",
    choices=(("pm2-high-restart-rate", "PM2 High Restart Rate"), ("backup-failure", "Backup Failure")),
    next_reminder=(START + timedelta(minutes=15), "Secondary"),
    reminders=("Asked Sam (Primary On-Call)",),
)
