"""The blocks themselves, and where each may be shown."""

from typing import Any

from sandbox.slack.blockkit.elements import (
    ELEMENTS,
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    element_in,
    image,
)
from sandbox.slack.blockkit.richtext import part
from sandbox.slack.blockkit.rules import (
    Check,
    Rule,
    Shape,
    anything,
    flag,
    ident,
    one_of,
    plain,
    several,
    string,
    text_object,
    unique_action_ids,
)

MOST_MARKDOWN = 12_000
MOST_TABLE_ROWS, MOST_TABLE_COLUMNS = 100, 20


def _text_or_fields(check: Check, value: Any, pointer: str) -> None:
    if value.get("text") is None and value.get("fields") is None:
        check.wrong("missing required field: text", pointer)


def _elements_differ(check: Check, value: Any, pointer: str) -> None:
    elements = value.get("elements")
    if isinstance(elements, list):
        unique_action_ids(check, elements, f"{pointer}/elements")


def _context_element(check: Check, value: Any, pointer: str) -> None:
    if isinstance(value, dict) and value.get("type") == "image":
        image.check(check, value, pointer)
    else:
        text_object(3000)(check, value, pointer)


def _count_markdown(check: Check, value: Any, pointer: str) -> None:
    text = value.get("text")
    before = check.markdown
    check.markdown += len(text) if isinstance(text, str) else 0
    if before <= MOST_MARKDOWN < check.markdown and len(str(text)) <= MOST_MARKDOWN:
        check.wrong(
            f"markdown blocks must be less than {MOST_MARKDOWN + 1} characters in all", f"{pointer}/text"
        )


def _cell(check: Check, value: Any, pointer: str) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "raw_text":
        Shape({"text": string(10_000)}).check(check, value, pointer)
    elif kind == "rich_text":
        Shape({"elements": several(part, most=1000)}, {"block_id": ident}).check(check, value, pointer)
    else:
        check.wrong(f"unsupported type: {kind}", f"{pointer}/type")


def _one_table(check: Check, value: Any, pointer: str) -> None:
    check.tables += 1
    if check.tables > 1:
        check.wrong("only one table block allowed", pointer)
    rows = value.get("rows")
    widths = {len(row) for row in rows if isinstance(row, list)} if isinstance(rows, list) else set()
    if len(widths) > 1:
        check.wrong("all rows must have the same number of cells", f"{pointer}/rows")


_column: Rule = Shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": flag}).check


def _column_setting(check: Check, value: Any, pointer: str) -> None:
    # `null` leaves a column as it is.
    if value is not None:
        _column(check, value, pointer)


_id: dict[str, Rule] = {"block_id": ident}
BLOCKS: dict[str, Shape] = {
    "section": Shape(
        {},
        {
            **_id,
            "text": text_object(3000),
            "fields": several(text_object(2000), most=10),
            "accessory": element_in(IN_SECTION),
            "expand": flag,
        },
        _text_or_fields,
    ),
    "header": Shape({"text": plain(150)}, _id),
    "divider": Shape({}, _id),
    "image": Shape(
        {"alt_text": string(2000)},
        {**_id, "title": plain(2000), "image_url": string(3000), "slack_file": anything},
        image.also,
    ),
    "actions": Shape({"elements": several(element_in(IN_ACTIONS), most=25)}, _id, _elements_differ),
    "context": Shape({"elements": several(_context_element, most=10)}, _id),
    "input": Shape(
        {"label": plain(2000), "element": element_in(IN_INPUT)},
        {**_id, "hint": plain(2000), "optional": flag, "dispatch_action": flag},
    ),
    "rich_text": Shape({"elements": several(part, most=1000)}, _id),
    "markdown": Shape({"text": string(MOST_MARKDOWN)}, _id, _count_markdown),
    "table": Shape(
        {"rows": several(several(_cell, most=MOST_TABLE_COLUMNS), most=MOST_TABLE_ROWS)},
        {**_id, "column_settings": several(_column_setting, most=MOST_TABLE_COLUMNS, least=0)},
        _one_table,
    ),
    "video": Shape(
        {
            "alt_text": string(2000),
            "title": plain(200),
            "thumbnail_url": string(3000),
            "video_url": string(3000),
        },
        {
            **_id,
            "author_name": string(50),
            "description": plain(200),
            "provider_icon_url": string(3000),
            "provider_name": string(200),
            "title_url": string(3000),
        },
    ),
}
ONLY_IN_MESSAGES = frozenset({"markdown", "table"})
INTERACTIVE = frozenset(ELEMENTS) - {"image"}


def block(check: Check, value: Any, pointer: str) -> None:
    """One block of a message or view."""
    if not isinstance(value, dict):
        check.wrong("must provide an object", pointer)
        return
    kind = value.get("type")
    if kind is None:
        check.wrong("missing required field: type", pointer)
    elif kind not in BLOCKS or (kind in ONLY_IN_MESSAGES and check.surface != "message"):
        check.wrong(f"unsupported type: {kind}", f"{pointer}/type")
    else:
        BLOCKS[kind].check(check, value, pointer)
    _unique_block_id(check, value.get("block_id"), pointer)


def _unique_block_id(check: Check, block_id: Any, pointer: str) -> None:
    if not isinstance(block_id, str):
        return
    if block_id in check.block_ids:
        check.wrong(f'`block_id` "{block_id}" already exists', f"{pointer}/block_id")
    check.block_ids.add(block_id)
