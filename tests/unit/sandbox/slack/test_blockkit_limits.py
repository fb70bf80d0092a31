"""Every limit of Block Kit: the largest thing that Slack takes, and one more, which it refuses by name."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.slack import blockkit

Json = dict[str, Any]
Build = Callable[[int], Json]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(**fields: Any) -> Json:
    return {"type": "section", **fields}


def button(**fields: Any) -> Json:
    return {"type": "button", "action_id": "go", "text": plain("Go"), **fields}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(number: int, text: str = "text", **fields: Any) -> Json:
    return {"text": plain(text), "value": str(number), **fields}


def menu(options: list[Json], **fields: Any) -> Json:
    return actions({"type": "static_select", "action_id": "pick", "options": options, **fields})


def confirm(**fields: Any) -> Json:
    dialog = {"title": plain("t"), "text": mrkdwn("t"), "confirm": plain("y"), "deny": plain("n"), **fields}
    return actions(button(confirm=dialog))


def table(rows: int, columns: int) -> Json:
    row = [{"type": "raw_text", "text": "x"}] * columns
    return {"type": "table", "rows": [row] * rows}


def labelled(element: Json, **fields: Any) -> Json:
    return {"type": "input", "label": plain("Label"), "element": element, **fields}


BLOCK_LIMITS: list[tuple[str, int, Build, str]] = [
    ("section text", 3000, lambda n: section(text=mrkdwn("x" * n)), "/blocks/0/text/text"),
    ("fields", 10, lambda n: section(fields=[mrkdwn("x")] * n), "/blocks/0/fields"),
    ("field text", 2000, lambda n: section(fields=[mrkdwn("x" * n)]), "/blocks/0/fields/0/text"),
    ("header", 150, lambda n: {"type": "header", "text": plain("x" * n)}, "/blocks/0/text/text"),
    (
        "actions",
        25,
        lambda n: actions(*(button(action_id=str(each)) for each in range(n))),
        "/blocks/0/elements",
    ),
    ("context", 10, lambda n: {"type": "context", "elements": [mrkdwn("x")] * n}, "/blocks/0/elements"),
    ("markdown", 12_000, lambda n: {"type": "markdown", "text": "x" * n}, "/blocks/0/text"),
    ("table rows", 100, lambda n: table(n, 2), "/blocks/0/rows"),
    ("table columns", 20, lambda n: table(1, n), "/blocks/0/rows/0"),
    ("options", 100, lambda n: menu([option(each) for each in range(n)]), "/blocks/0/elements/0/options"),
    (
        "option value",
        150,
        lambda n: menu([{"text": plain("x"), "value": "x" * n}]),
        "/blocks/0/elements/0/options/0/value",
    ),
    ("option text", 75, lambda n: menu([option(1, "x" * n)]), "/blocks/0/elements/0/options/0/text/text"),
    (
        "option description",
        75,
        lambda n: menu([option(1, description=plain("x" * n))]),
        "/blocks/0/elements/0/options/0/description/text",
    ),
    (
        "overflow",
        5,
        lambda n: actions(
            {"type": "overflow", "action_id": "o", "options": [option(each) for each in range(n)]}
        ),
        "/blocks/0/elements/0/options",
    ),
    (
        "checkboxes",
        10,
        lambda n: actions({"type": "checkboxes", "action_id": "c", "options": [option(i) for i in range(n)]}),
        "/blocks/0/elements/0/options",
    ),
    ("button text", 75, lambda n: actions(button(text=plain("x" * n))), "/blocks/0/elements/0/text/text"),
    ("button value", 2000, lambda n: actions(button(value="x" * n)), "/blocks/0/elements/0/value"),
    ("button url", 3000, lambda n: actions(button(url="x" * n)), "/blocks/0/elements/0/url"),
    ("action_id", 255, lambda n: actions(button(action_id="x" * n)), "/blocks/0/elements/0/action_id"),
    ("block_id", 255, lambda n: section(text=mrkdwn("x"), block_id="x" * n), "/blocks/0/block_id"),
    ("placeholder", 150, lambda n: menu([option(1)], placeholder=plain("x" * n)), "/placeholder/text"),
    ("confirm title", 100, lambda n: confirm(title=plain("x" * n)), "/confirm/title/text"),
    ("confirm text", 300, lambda n: confirm(text=mrkdwn("x" * n)), "/confirm/text/text"),
    ("confirm button", 30, lambda n: confirm(confirm=plain("x" * n)), "/confirm/confirm/text"),
    ("deny button", 30, lambda n: confirm(deny=plain("x" * n)), "/confirm/deny/text"),
    (
        "image alt text",
        2000,
        lambda n: {"type": "image", "image_url": "https://x", "alt_text": "x" * n},
        "/blocks/0/alt_text",
    ),
    (
        "image url",
        3000,
        lambda n: {"type": "image", "image_url": "x" * n, "alt_text": "x"},
        "/blocks/0/image_url",
    ),
    (
        "input label",
        2000,
        lambda n: {**labelled({"type": "plain_text_input"}), "label": plain("x" * n)},
        "/label/text",
    ),
    (
        "input hint",
        2000,
        lambda n: labelled({"type": "plain_text_input"}, hint=plain("x" * n)),
        "/hint/text",
    ),
    (
        "text input length",
        3000,
        lambda n: labelled({"type": "plain_text_input", "max_length": n}),
        "/element/max_length",
    ),
]


@pytest.mark.parametrize(
    ("limit", "build", "pointer"), [row[1:] for row in BLOCK_LIMITS], ids=[r[0] for r in BLOCK_LIMITS]
)
def test_block_limit(limit: int, build: Build, pointer: str) -> None:
    """At the limit Slack takes it; one more is refused, and the refusal points at the place."""
    assert blockkit.message_problems([build(limit)]) == []
    problems = blockkit.message_problems([build(limit + 1)])
    assert len(problems) == 1
    assert problems[0].endswith(f"{pointer}]")


VIEW_LIMITS: list[tuple[str, int, Callable[[int], Json], str]] = [
    ("title", 24, lambda n: {"title": plain("x" * n)}, "/view/title/text"),
    ("submit", 24, lambda n: {"submit": plain("x" * n)}, "/view/submit/text"),
    ("close", 24, lambda n: {"close": plain("x" * n)}, "/view/close/text"),
    ("private_metadata", 3000, lambda n: {"private_metadata": "x" * n}, "/view/private_metadata"),
    ("callback_id", 255, lambda n: {"callback_id": "x" * n}, "/view/callback_id"),
    ("external_id", 255, lambda n: {"external_id": "x" * n}, "/view/external_id"),
    ("blocks", 100, lambda n: {"blocks": [{"type": "divider"}] * n}, "/view/blocks"),
]


@pytest.mark.parametrize(
    ("limit", "build", "pointer"), [row[1:] for row in VIEW_LIMITS], ids=[r[0] for r in VIEW_LIMITS]
)
def test_modal_limit(limit: int, build: Build, pointer: str) -> None:
    """The limits of a modal, at and beyond."""
    modal = {"type": "modal", "title": plain("Title"), "blocks": []}
    assert blockkit.view_problems({**modal, **build(limit)}, "modal") == []
    problems = blockkit.view_problems({**modal, **build(limit + 1)}, "modal")
    assert len(problems) == 1
    assert problems[0].endswith(f"[json-pointer:{pointer}]")


def test_blocks_of_a_message() -> None:
    """A message has at most 50 blocks."""
    assert blockkit.message_problems([{"type": "divider"}] * 50) == []
    assert blockkit.message_problems([{"type": "divider"}] * 51) == [
        "no more than 50 items allowed [json-pointer:/blocks]"
    ]


def test_blocks_of_a_home_tab() -> None:
    """A home tab has at most 100 blocks."""
    assert blockkit.view_problems({"type": "home", "blocks": [{"type": "divider"}] * 100}) == []
    assert blockkit.view_problems({"type": "home", "blocks": [{"type": "divider"}] * 101})


def test_markdown_counts_over_the_whole_message() -> None:
    """Markdown blocks share one limit of 12,000 characters."""
    half = {"type": "markdown", "text": "x" * 6000}
    assert blockkit.message_problems([half, half]) == []
    assert len(blockkit.message_problems([half, half, {"type": "markdown", "text": "x"}])) == 1


def test_one_table_a_message() -> None:
    """A second table is refused."""
    assert blockkit.message_problems([table(1, 1)]) == []
    assert blockkit.message_problems([table(1, 1), table(1, 1)]) == [
        "only one table block allowed [json-pointer:/blocks/1]"
    ]


def test_text_of_all_blocks_is_counted_everywhere() -> None:
    """Texts of sections, fields, buttons and rich text all count towards the limit of a message."""
    rich = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "abc"}]}],
    }
    blocks = [section(text=mrkdwn("12345"), fields=[plain("12")]), actions(button(text=plain("123"))), rich]
    assert blockkit.text_length(blocks) == 5 + 2 + 3 + 3


def test_options_of_an_external_select() -> None:
    """An app may answer with up to 100 options."""
    assert blockkit.option_problems([option(each) for each in range(100)]) == []
    assert len(blockkit.option_problems([option(each) for each in range(101)])) == 1
