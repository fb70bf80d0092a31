"""Rich text: sections, lists, quotes and preformatted text, and what may stand in them."""

from typing import Any

from sandbox.slack.blockkit.rules import (
    Check,
    Rule,
    Shape,
    anything,
    flag,
    ident,
    one_of,
    several,
    string,
    whole_number,
)

_LONG = 40_000
_style: Rule = Shape(
    {},
    dict.fromkeys(
        ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"), flag
    ),
).check
_INLINE: dict[str, Shape] = {
    "text": Shape({"text": string(_LONG)}, {"style": _style}),
    "link": Shape({"url": string(_LONG)}, {"text": string(_LONG), "unsafe": flag, "style": _style}),
    "user": Shape({"user_id": ident}, {"style": _style}),
    "usergroup": Shape({"usergroup_id": ident}, {"style": _style}),
    "channel": Shape({"channel_id": ident}, {"style": _style}),
    "team": Shape({"team_id": ident}, {"style": _style}),
    "emoji": Shape({"name": ident}, {"unicode": ident, "style": _style, "skin_tone": anything}),
    "broadcast": Shape({"range": one_of("here", "channel", "everyone")}, {"style": _style}),
    "color": Shape({"value": ident}),
    "date": Shape(
        {"timestamp": whole_number(), "format": string(1000)}, {"url": string(_LONG), "fallback": string(1000)}
    ),
}


def _inline(check: Check, value: Any, pointer: str) -> None:
    _by_type(_INLINE, check, value, pointer)


def _by_type(table: dict[str, Shape], check: Check, value: Any, pointer: str) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in table:
        check.wrong(f"unsupported type: {kind}", f"{pointer}/type")
    else:
        table[kind].check(check, value, pointer)


_inlines = several(_inline, most=10_000, least=0)
_section = Shape({"elements": _inlines})
_PARTS: dict[str, Shape] = {
    "rich_text_section": _section,
    "rich_text_preformatted": Shape({"elements": _inlines}, {"border": whole_number(0, 1), "language": ident}),
    "rich_text_quote": Shape({"elements": _inlines}, {"border": whole_number(0, 1)}),
    "rich_text_list": Shape(
        {
            "style": one_of("bullet", "ordered"),
            "elements": several(
                lambda check, value, pointer: _by_type({"rich_text_section": _section}, check, value, pointer),
                most=10_000,
            ),
        },
        {"indent": whole_number(0, 8), "offset": whole_number(), "border": whole_number(0, 1)},
    ),
}


def part(check: Check, value: Any, pointer: str) -> None:
    """One element of a rich_text block."""
    _by_type(_PARTS, check, value, pointer)
