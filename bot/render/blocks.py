"""Block Kit primitives. Each keeps Slack's limits by cutting or splitting; none raises.

Limits: docs.slack.dev, Block Kit reference; the table in docs/ and the tests repeat them. Plain
strings given to these functions are outside text and are escaped; `Md` is markup already.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bot.render.text import BLANK, clip, clip_md, code_block, esc, inert, safe_url, size, split_md

Block = dict[str, Any]

SECTION: Final = 3000
FIELD: Final = 2000
FIELDS: Final = 10
HEADER: Final = 150
ACTIONS: Final = 25
CONTEXT: Final = 10
CONTEXT_TEXT: Final = 2000
OPTIONS: Final = 100
OVERFLOW: Final = 5
OPTION_TEXT: Final = 75
OPTION_VALUE: Final = 150
DESCRIPTION: Final = 50  # Slack takes 75; a hundred of them must fit into one message
BLOCK_TEXT: Final = 10_000  # over all fields of one block, so that a single block fits into a message
BUTTON_TEXT: Final = 75
BUTTON_VALUE: Final = 2000
IDENTIFIER: Final = 255
PLACEHOLDER: Final = 150
WHOLE: Final = 2800  # of a command, in one block
WHOLE_TEXT: Final = 6000  # of a command, in one message
TABLE_ROWS: Final = 100
TABLE_COLUMNS: Final = 20
TABLE_TEXT: Final = 9000


def mrkdwn(text: object, limit: int = SECTION) -> Block:
    """A markup text object. `verbatim`: Slack must not look for names and links in it by itself."""
    shown = str(clip_md(esc(text), limit))
    return {"type": "mrkdwn", "text": shown if shown.strip() else BLANK, "verbatim": True}


def plain(text: object, limit: int) -> Block:
    """A plain text object on one line."""
    return {"type": "plain_text", "text": _line(text, limit), "emoji": True}


def _line(text: object, limit: int) -> str:
    return clip(" ".join(inert(text).split()), limit) or BLANK


def identifier(text: str) -> str:
    """An action_id, block_id or callback_id within its limit."""
    return text[:IDENTIFIER]


def with_id(block: Block, block_id: str) -> Block:
    """The block with a block_id, if there is one."""
    return {**block, "block_id": identifier(block_id)} if block_id else block


def section(text: object, *, accessory: Block | None = None, block_id: str = "") -> Block:
    """A paragraph; longer text is cut. Use `sections` to keep all of it."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    if accessory:
        block["accessory"] = accessory
    return with_id(block, block_id)


def sections(text: object) -> list[Block]:
    """As many paragraphs as the text needs."""
    return [section(piece) for piece in split_md(esc(text), SECTION)]


def whole_code(text: str) -> list[Block]:
    """A command in as many code blocks as it needs: nobody agrees to what they were not shown.

    What is longer than `fits_whole` allows is cut by the message that it is in.
    """
    pieces, used = [""], 0
    for letter in text.strip("\n"):
        if used + _counts(letter) > WHOLE:
            pieces.append("")
            used = 0
        pieces[-1] += letter
        used += _counts(letter)
    return [section(code_block(piece)) for piece in pieces]


def fits_whole(text: str) -> bool:
    """Whether a message can show it to its end, with its cautions before it."""
    return sum(map(_counts, text)) <= WHOLE_TEXT


def _counts(letter: str) -> int:
    """What Slack counts for it at most, once it is escaped."""
    return 5 if letter in "&<>`" or not letter.isascii() else 1


def fields(*texts: object) -> Block:
    """Up to ten short texts in two columns; on a phone they stand one under the other."""
    kept = [text for text in texts if text][:FIELDS] or [BLANK]
    return {"type": "section", "fields": [mrkdwn(text, min(FIELD, BLOCK_TEXT // len(kept))) for text in kept]}


def header(text: object, *, block_id: str = "") -> Block:
    """A large bold line without markup."""
    return with_id({"type": "header", "text": plain(text, HEADER)}, block_id)


def context(*texts: object) -> Block:
    """Small grey text: what is good to know and not urgent."""
    kept = [text for text in texts if text][:CONTEXT] or [BLANK]
    return {
        "type": "context",
        "elements": [mrkdwn(text, min(CONTEXT_TEXT, BLOCK_TEXT // len(kept))) for text in kept],
    }


def divider() -> Block:
    """A thin line."""
    return {"type": "divider"}


def actions(*elements: Block | None, block_id: str = "") -> Block | None:
    """Buttons and menus in a row; none when there is nothing to press. An action_id is kept once."""
    kept: dict[str, Block] = {}
    for element in elements:
        if element:
            kept.setdefault(str(element.get("action_id", "")), element)
    if not kept:
        return None
    return with_id({"type": "actions", "elements": list(kept.values())[:ACTIONS]}, block_id)


def button(
    text: object, action_id: str, value: str = "", *, style: str = "", confirm: Block | None = None
) -> Block:
    """A button; `style` is "primary", "danger" or nothing."""
    block: Block = {
        "type": "button",
        "text": plain(text, BUTTON_TEXT),
        "action_id": identifier(action_id),
    }
    if value:
        block["value"] = clip(inert(value), BUTTON_VALUE)
    if style in ("primary", "danger"):
        block["style"] = style
    if confirm:
        block["confirm"] = confirm
    return block


def url_button(text: object, url: str, action_id: str = "open_url") -> Block | None:
    """A button that opens an address; none when the address is not http(s)."""
    target = safe_url(url)
    return {**button(text, action_id), "url": target} if target else None


def confirm_dialog(title: object, text: object, ok: object, cancel: object = "Cancel") -> Block:
    """The question Slack asks before it sends a press."""
    return {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(ok, 30),
        "deny": plain(cancel, 30),
    }


def option(text: object, value: str, *, url: str = "", description: object = "") -> Block | None:
    """One choice; none when its value would have to be cut (another value would be sent) or its url is bad."""
    if not value.strip() or size(value) > OPTION_VALUE or value != inert(value):
        return None
    block: Block = {"text": plain(text, OPTION_TEXT), "value": value}
    if description:
        block["description"] = plain(description, DESCRIPTION)
    if url:
        target = safe_url(url)
        return {**block, "url": target} if target else None
    return block


def overflow(action_id: str, options: Iterable[Block | None]) -> Block | None:
    """The "…" menu, up to five choices; none without a choice."""
    kept = _unique(options)[:OVERFLOW]
    if not kept:
        return None
    return {"type": "overflow", "action_id": identifier(action_id), "options": kept}


def static_select(
    action_id: str, placeholder: object, options: Iterable[Block | None], *, initial: str = ""
) -> Block | None:
    """A menu of up to a hundred choices; none without a choice."""
    kept = _unique(options)[:OPTIONS]
    if not kept:
        return None
    block = _select(action_id, placeholder) | {"options": kept}
    return _with_initial(block, kept, initial)


def grouped_select(
    action_id: str, placeholder: object, groups: Mapping[str, Sequence[Block | None]], *, initial: str = ""
) -> Block | None:
    """A menu whose choices stand under headings, a hundred choices in all; none without a choice."""
    kept: list[Block] = []
    every: list[Block] = []
    for label, options in groups.items():
        chosen = _unique(options, every)[: OPTIONS - len(every)]
        if chosen and len(kept) < OPTIONS:
            kept.append({"label": plain(label, OPTION_TEXT), "options": chosen})
            every += chosen
    if not kept:
        return None
    return _with_initial(_select(action_id, placeholder) | {"option_groups": kept}, every, initial)


def _select(action_id: str, placeholder: object) -> Block:
    return {
        "type": "static_select",
        "action_id": identifier(action_id),
        "placeholder": plain(placeholder, PLACEHOLDER),
    }


def _with_initial(block: Block, options: Sequence[Block], initial: str) -> Block:
    found = next((choice for choice in options if choice["value"] == initial), None)
    return {**block, "initial_option": found} if found else block


def _unique(options: Iterable[Block | None], before: Iterable[Block] = ()) -> list[Block]:
    """The choices whose value is not among those before: Slack refuses a menu with one value twice."""
    taken = {choice["value"] for choice in before}
    kept: dict[str, Block] = {}
    for choice in options:
        if choice and choice["value"] not in taken:
            kept.setdefault(choice["value"], choice)
    return list(kept.values())


def table(rows: Sequence[Sequence[object]]) -> Block | None:
    """A table of plain cells, first row the headings; at most one in a message. None without rows."""
    kept = [list(row)[:TABLE_COLUMNS] for row in rows[:TABLE_ROWS] if row]
    if not kept:
        return None
    width = max(map(len, kept))
    each = max(1, min(500, TABLE_TEXT // (width * len(kept))))
    padded = [[*row, *[""] * (width - len(row))] for row in kept]
    return {
        "type": "table",
        "rows": [[{"type": "raw_text", "text": _line(cell, each)} for cell in row] for row in padded],
    }


def text_input(
    block_id: str,
    action_id: str,
    label: object,
    *,
    placeholder: object = "",
    hint: object = "",
    maximum: int = 2000,
    multiline: bool = True,
    optional: bool = False,
    initial: str = "",
) -> Block:
    """A field to type in."""
    element: Block = {
        "type": "plain_text_input",
        "action_id": identifier(action_id),
        "multiline": multiline,
        "max_length": min(max(maximum, 1), 3000),
    }
    if placeholder:
        element["placeholder"] = plain(placeholder, PLACEHOLDER)
    if initial:
        element["initial_value"] = clip(inert(initial), element["max_length"])
    return input_block(block_id, label, element, hint=hint, optional=optional)


def input_block(
    block_id: str, label: object, element: Block, *, hint: object = "", optional: bool = False
) -> Block:
    """A labelled field of a modal."""
    block: Block = {"type": "input", "label": plain(label, 2000), "element": element, "optional": optional}
    if hint:
        block["hint"] = plain(hint, 2000)
    return with_id(block, block_id)
