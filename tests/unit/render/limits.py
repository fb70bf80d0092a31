"""Slack's limits, written a second time: what a message or view must satisfy, whatever it was made from."""

import json
import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

ELEMENT_KEYS = {
    "button": {"type", "text", "action_id", "value", "style", "url", "confirm"},
    "overflow": {"type", "action_id", "options", "confirm"},
    "static_select": {"type", "action_id", "placeholder", "options", "option_groups", "initial_option"},
    "users_select": {"type", "action_id", "placeholder", "initial_user"},
    "multi_users_select": {"type", "action_id", "placeholder", "max_selected_items"},
    "radio_buttons": {"type", "action_id", "options", "initial_option"},
    "plain_text_input": {"type", "action_id", "multiline", "max_length", "placeholder", "initial_value"},
}
BLOCK_KEYS = {
    "section": {"type", "text", "fields", "accessory", "block_id"},
    "header": {"type", "text", "block_id"},
    "context": {"type", "elements", "block_id"},
    "actions": {"type", "elements", "block_id"},
    "divider": {"type", "block_id"},
    "table": {"type", "rows", "block_id"},
    "input": {"type", "label", "element", "hint", "optional", "block_id"},
}
TOKEN = re.compile(
    r"<(?:@[A-Z0-9]+|!subteam\^[A-Z0-9]+|#[CGD][A-Z0-9]+|!date\^-?\d+\^[^|<>]+\|[^|<>]+|https?://[^|<>\s]+\|[^<>]*)>"
)
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def units(text: str) -> int:
    """The length in UTF-16 units, the strictest way of counting."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def within(text: object, most: int, what: str) -> None:
    assert isinstance(text, str), what
    assert 1 <= units(text) <= most, f"{what}: {units(text)} of {most}"
    assert text.strip(), f"{what} is blank"
    assert not UNSEEN.search(text), f"{what} has control characters"


def check_plain(node: Json, most: int, what: str) -> None:
    assert node["type"] == "plain_text", what
    within(node["text"], most, what)
    assert "\n" not in node["text"], what
    assert not re.search(r"<[!@#a-zA-Z]", node["text"]), f"{what}: {node['text']}"


def check_mrkdwn(node: Json, most: int, what: str) -> None:
    assert node["type"] == "mrkdwn", what
    assert node["verbatim"] is True, "names and links must not be looked for in outside text"
    within(node["text"], most, what)
    check_markup(node["text"])


def check_markup(text: str) -> None:
    """Every bracket belongs to a whole token; every & to an entity; every code block is closed."""
    rest = TOKEN.sub("", text)
    assert "<" not in rest, text
    quotes = re.sub(r"^(> ?)+", "", rest, flags=re.MULTILINE)
    assert ">" not in quotes, text
    assert not re.search(r"&(?!amp;|lt;|gt;)", rest), text
    assert text.count("```") % 2 == 0, text


def check_option(node: Json) -> None:
    check_plain(node["text"], 75, "option")
    within(node["value"], 150, "option value")
    if "description" in node:
        check_plain(node["description"], 75, "option description")
    if "url" in node:
        within(node["url"], 3000, "option url")
        assert node["url"].lower().startswith(("http://", "https://"))


def check_options(node: Json) -> None:
    groups = node.get("option_groups")
    assert ("options" in node) != (groups is not None)
    assert groups is None or 1 <= len(groups) <= 100
    for group in groups or []:
        check_plain(group["label"], 75, "group label")
    options = node["options"] if groups is None else [o for group in groups for o in group["options"]]
    most = 5 if node["type"] == "overflow" else 100
    assert 1 <= len(options) <= most
    values = [option["value"] for option in options]
    assert len(values) == len(set(values))
    for option in options:
        check_option(option)
    if "initial_option" in node:
        assert node["initial_option"] in options


def check_element(node: Json) -> None:
    kind = node["type"]
    assert set(node) <= ELEMENT_KEYS[kind], node
    within(node["action_id"], 255, "action_id")
    if kind == "button":
        check_plain(node["text"], 75, "button")
        if "value" in node:
            within(node["value"], 2000, "button value")
        if "url" in node:
            within(node["url"], 3000, "button url")
        assert node.get("style", "primary") in ("primary", "danger")
        if "confirm" in node:
            check_confirm(node["confirm"])
    elif kind == "plain_text_input":
        assert 1 <= node["max_length"] <= 3000
        assert units(node.get("initial_value", "")) <= node["max_length"]
    elif kind not in {"users_select", "multi_users_select"}:
        check_options(node)
    if "placeholder" in node:
        check_plain(node["placeholder"], 150, "placeholder")


def check_confirm(node: Json) -> None:
    check_plain(node["title"], 100, "confirm title")
    check_plain(node["text"], 300, "confirm text")
    check_plain(node["confirm"], 30, "confirm button")
    check_plain(node["deny"], 30, "confirm button")


def check_block(block: Json) -> None:
    kind = block["type"]
    assert set(block) <= BLOCK_KEYS[kind], block
    if "block_id" in block:
        within(block["block_id"], 255, "block_id")
    match kind:
        case "section":
            check_section(block)
        case "header":
            check_plain(block["text"], 150, "header")
        case "context":
            assert 1 <= len(block["elements"]) <= 10
            for element in block["elements"]:
                check_mrkdwn(element, 3000, "context")
        case "actions":
            assert 1 <= len(block["elements"]) <= 25
            ids = [element["action_id"] for element in block["elements"]]
            assert len(ids) == len(set(ids)), ids
            for element in block["elements"]:
                check_element(element)
        case "table":
            check_table(block)
        case "input":
            check_plain(block["label"], 2000, "label")
            check_element(block["element"])
            if "hint" in block:
                check_plain(block["hint"], 2000, "hint")


def check_section(block: Json) -> None:
    assert "text" in block or "fields" in block
    if "text" in block:
        check_mrkdwn(block["text"], 3000, "section")
    assert 1 <= len(block.get("fields", [None])) <= 10
    for field in block.get("fields", []):
        check_mrkdwn(field, 2000, "field")
    if "accessory" in block:
        check_element(block["accessory"])


def check_table(block: Json) -> None:
    assert 1 <= len(block["rows"]) <= 100
    width = len(block["rows"][0])
    assert 1 <= width <= 20
    assert all(len(row) == width for row in block["rows"])
    cells = [cell for row in block["rows"] for cell in row]
    assert all(cell["type"] == "raw_text" and cell["text"] for cell in cells)
    assert sum(units(cell["text"]) for cell in cells) <= 10_000


def shown_texts(node: object) -> Iterator[str]:
    """Every `text` string in a payload."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from shown_texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from shown_texts(value)


def check_blocks(blocks: list[Json], most: int) -> None:
    assert 1 <= len(blocks) <= most
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    assert len(ids) == len(set(ids))
    assert sum(block["type"] == "table" for block in blocks) <= 1
    for block in blocks:
        check_block(block)


def check_message(payload: Json, marker: str = "") -> None:
    """A whole message."""
    json.dumps(payload, ensure_ascii=False).encode()  # no broken surrogates
    within(payload["text"], 4000, "fallback text")
    check_markup(payload["text"])
    check_blocks(payload["blocks"], 50)
    assert all(block["type"] != "input" for block in payload["blocks"])
    assert sum(map(units, shown_texts(payload["blocks"]))) <= 13_200
    if marker:
        assert payload["blocks"][0]["block_id"] == marker


def check_view(view: Json) -> None:
    """A modal or an App Home."""
    assert len(json.dumps(view, ensure_ascii=False).encode()) < 250_000
    check_blocks(view["blocks"], 100)
    if view["type"] == "home":
        assert set(view) == {"type", "blocks"}
        return
    check_plain(view["title"], 24, "title")
    check_plain(view["close"], 24, "close")
    assert units(view.get("private_metadata", "")) <= 3000
    assert units(view.get("callback_id", "")) <= 255
    has_input = any(block["type"] == "input" for block in view["blocks"])
    assert "submit" in view or not has_input, "a modal with fields needs a submit button"
    if "submit" in view:
        check_plain(view["submit"], 24, "submit")


def live(payload: object) -> set[str]:
    """Every live token in a payload: mentions, links, dates."""
    return {token for text in shown_texts(payload) for token in re.findall(r"<[!@#a-zA-Z][^>]*>", text)}
