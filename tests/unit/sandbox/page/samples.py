"""Messages and views with every kind of block that the page shows."""

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Blocks = list[Json]

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
# What a sender that escapes nothing would post; Slack takes < > for its own marks.
HOSTILE_LINK = "<javascript:window.hacked=1|press me>"


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": True}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def option(name: str, description: str = "") -> Json:
    made: Json = {"text": plain(name), "value": name.lower()}
    return made | ({"description": plain(description)} if description else {})


def button(text: str, action_id: str, **more: Any) -> Json:
    return {"type": "button", "text": plain(text), "action_id": action_id, "value": "1", **more}


def section(text: str, **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def card(status: str = ":red_circle: triggered") -> Blocks:
    """An incident as the bot shows it."""
    confirm = {
        "title": plain("Resolve #1?"),
        "text": mrkdwn("This closes *#1* in PagerDuty."),
        "confirm": plain("Resolve"),
        "deny": plain("Not yet"),
        "style": "danger",
    }
    return [
        {"type": "header", "text": plain(":rotating_light: P0 · PM2 High Restart Rate (signal-worker)")},
        section("Service *AI Trading System* · on call <@U0ONCALL> · since <!date^1700000000^{time}|then>"),
        {
            "type": "section",
            "fields": [
                mrkdwn("*Trigger*\n`pm2_process_restarts &gt; 3 in 5 minutes`"),
                mrkdwn("*Impact*\nInstability, possible data loss"),
                mrkdwn("*Runbook*\n<https://runbook.example/pm2|PM2 high restart rate>"),
                mrkdwn(f"*Status*\n{status}"),
            ],
        },
        {
            "type": "context",
            "elements": [
                mrkdwn(":warning: Never `pm2 restart all`"),
                mrkdwn("escalates to <!subteam^S0SRE> in 15 min"),
            ],
        },
        {
            "type": "actions",
            "elements": [
                button("Acknowledge", "ack", style="primary"),
                button("Resolve", "resolve", style="danger", confirm=confirm),
                button("Runbook", "runbook"),
                button("Diagnose", "broken"),
                {
                    "type": "overflow",
                    "action_id": "more",
                    "options": [
                        option("Note", "Write into the timeline"),
                        option("Escalate"),
                        option("Timeline"),
                    ],
                },
            ],
        },
    ]


def health() -> Blocks:
    """A table of systems."""
    rows = [
        ("System", "State", "Figure", "Baseline"),
        ("Trading API", "✅ ok", "p95 182 ms", "< 500 ms"),
        ("Database", "✅ ok", "31 of 100", "< 80 %"),
        ("PM2", "❌ critical", "signal-worker: 12 restarts", "≤ 3 in 5 min"),
        ("Disk /", "⚠️ warning", "88 %", "< 85 %"),
    ]
    cells = [[{"type": "raw_text", "text": text} for text in row] for row in rows]
    settings = [{"align": "left"}, {"align": "left"}, {"align": "right"}, {"align": "right"}]
    return [
        section("*Health*: 4 systems in 212 ms"),
        {"type": "table", "rows": cells, "column_settings": settings},
    ]


def rich() -> Blocks:
    """rich_text: lists in lists, preformatted, quote, mentions."""
    words: Blocks = [
        {"type": "text", "text": "Look at "},
        {"type": "text", "text": "pm2 status", "style": {"code": True}},
    ]
    return [
        {
            "type": "rich_text",
            "elements": [
                _rich("rich_text_section", {"type": "text", "text": "First steps", "style": {"bold": True}}),
                _rich_list("ordered", 0, words, [{"type": "text", "text": "Read the error log"}]),
                _rich_list("bullet", 1, [{"type": "text", "text": "heap errors?"}]),
                _rich("rich_text_preformatted", {"type": "text", "text": "pm2 logs --lines 50"}),
                _rich(
                    "rich_text_quote", {"type": "text", "text": "ask "}, {"type": "user", "user_id": "U0SRE"}
                ),
            ],
        }
    ]


def _rich(kind: str, *elements: Json) -> Json:
    return {"type": kind, "elements": list(elements)}


def _rich_list(style: str, indent: int, *items: Blocks) -> Json:
    sections = [_rich("rich_text_section", *item) for item in items]
    return {"type": "rich_text_list", "style": style, "indent": indent, "elements": sections}


def markdown() -> Blocks:
    text = (
        "## Runbook entry\n\nDo **this** with *care*, see [the page](https://runbook.example).\n\n"
        "1. Check `pm2 status`\n2. Restart *one* process\n   - never `restart all`\n\n"
        "| value | limit |\n|---|--:|\n| 12 | 3 |\n\n```bash\npm2 restart signal-worker\n```\n\n"
        "- [x] looked\n- [ ] mended\n\n> caution\n\n[bad](javascript:window.hacked=1) <b>no html</b>"
    )
    return [{"type": "markdown", "text": text}]


def elements() -> Blocks:
    """Every interactive element that a message may hold, an image from outside, dividers."""
    entries = [option(f"Entry {number}", f"section {number}") for number in range(1, 11)]
    return [
        section(
            "*Pick* an entry",
            block_id="pick",
            accessory={
                "type": "static_select",
                "action_id": "entry",
                "placeholder": plain("Choose an entry"),
                "options": entries,
            },
        ),
        {"type": "divider"},
        {
            "type": "actions",
            "block_id": "row",
            "elements": [
                {"type": "users_select", "action_id": "person", "placeholder": plain("Somebody")},
                {"type": "channels_select", "action_id": "room", "placeholder": plain("A channel")},
                {"type": "datepicker", "action_id": "day", "initial_date": "2026-11-22"},
                {"type": "timepicker", "action_id": "hour", "initial_time": "12:30"},
                {
                    "type": "external_select",
                    "action_id": "who",
                    "placeholder": plain("Somebody outside"),
                    "min_query_length": 1,
                },
                button("Open the runbook", "link", url="https://runbook.example/pm2"),
            ],
        },
        {
            "type": "actions",
            "block_id": "ticks",
            "elements": [
                {"type": "checkboxes", "action_id": "steps", "options": [option("Looked"), option("Mended")]},
                {"type": "radio_buttons", "action_id": "level", "options": [option("P0"), option("P1")]},
            ],
        },
        {"type": "image", "image_url": "https://outside.example/plot.png", "alt_text": "a plot from outside"},
    ]


def marks() -> Blocks:
    """mrkdwn with every mark, and what must stay as it was written."""
    return [
        section("*bold* _italic_ ~gone~ `code` *bold _both_* snake_case_name 2*3*4", block_id="marks"),
        section("&gt; quoted\n```line &lt;1&gt;\nline 2```\nafter", block_id="quotes"),
        section(
            "<!channel> <#C0GEN> <@U0SRE> <https://a.example|a *link*> https://b.example/x. :tada:",
            block_id="refs",
        ),
    ]


def hostile() -> Blocks:
    escaped = HOSTILE.replace("<", "&lt;").replace(">", "&gt;")
    return [
        {"type": "header", "text": plain(HOSTILE)},
        section(f"*{escaped}* {HOSTILE} {HOSTILE_LINK}"),
        {"type": "context", "elements": [mrkdwn(HOSTILE)]},
        {"type": "actions", "elements": [button(HOSTILE[:75], "hostile")]},
        {"type": "markdown", "text": f"{HOSTILE} [press me](javascript:window.hacked=1)"},
    ]


def declare() -> Json:
    """A modal with every input, one of which the bot may refuse."""
    kinds = [option("Outage", "pages PD-TRADING-PRIMARY"), option("Corruption"), option("Breach")]

    def asked(block_id: str, label: str, element: Json, **more: Any) -> Json:
        return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, **more}

    return {
        "type": "modal",
        "callback_id": "declare",
        "notify_on_close": True,
        "title": plain("Declare an incident"),
        "submit": plain("Declare"),
        "close": plain("Cancel"),
        "blocks": [
            section("What happened? The *rules* stay the same."),
            asked("title", "Title", {"type": "plain_text_input", "action_id": "text", "max_length": 80}),
            asked("kind", "Kind", {"type": "radio_buttons", "action_id": "choice", "options": kinds}),
            asked(
                "entry",
                "Runbook entry",
                {"type": "static_select", "action_id": "entry", "options": [option("One"), option("Two")]},
                optional=True,
            ),
            asked(
                "more",
                "Details",
                {"type": "plain_text_input", "action_id": "text", "multiline": True},
                optional=True,
                hint=plain("What you have seen so far"),
            ),
            asked("when", "Since", {"type": "datepicker", "action_id": "day"}, optional=True),
            asked(
                "count",
                "How many orders",
                {"type": "number_input", "action_id": "number", "is_decimal_allowed": False},
                optional=True,
            ),
        ],
    }


def home() -> Blocks:
    return [
        {"type": "header", "text": plain("Open incidents")},
        section("*#1* PM2 High Restart Rate", accessory=button("Open", "open")),
    ]


def everything() -> Blocks:
    return [*marks(), *rich(), *elements()]


MESSAGES: dict[str, Callable[[], Blocks]] = {
    "card": card,
    "rich": rich,
    "markdown": markdown,
    "elements": elements,
    "marks": marks,
    "hostile": hostile,
    "everything": everything,
}
