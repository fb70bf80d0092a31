"""Whole messages and views: put together so that Slack takes them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from bot.render.blocks import Block, context, identifier, plain, section, with_id
from bot.render.text import BLANK, clip_md, esc, head, inert, size

MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
MESSAGE_TEXT: Final = 13_000  # Slack: about 13,200 over all blocks (`msg_blocks_too_long`)
VIEW_TEXT: Final = 60_000  # no limit is published; views are refused above about 250 KB of JSON
FALLBACK: Final = 3000
VIEW_TITLE: Final = 24
METADATA: Final = 3000
SHORTEST: Final = 200  # a paragraph is never cut below this; rather the last ones are left out

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A message ready to send: blocks, and the text that notifications and screen readers use."""

    text: str
    blocks: list[Block]

    def payload(self) -> dict[str, Any]:
        """The arguments for chat.postMessage, chat.update or a response_url."""
        return {"text": self.text, "blocks": self.blocks}


def message(text: object, blocks: Iterable[Block | None], *, marker: str = "") -> Message:
    """A message within every limit. `marker` becomes the first block's block_id.

    What matters stands first, so when there is too much the last paragraphs are cut, then the last
    ones left out; buttons and menus stay.
    """
    fallback = str(clip_md(esc(text), FALLBACK))
    kept = [block for block in blocks if block] or [section(esc(text))]
    kept = fit(kept, most=MESSAGE_BLOCKS, total=MESSAGE_TEXT)
    return Message(fallback if fallback.strip() else BLANK, [with_id(kept[0], marker), *kept[1:]])


def fit(blocks: list[Block], *, most: int, total: int) -> list[Block]:
    """The blocks, cut and left out until their number and their text are within the limits."""
    kept = _fewer(blocks, most)
    while text_size(kept) > total and len(kept) > 1:
        kept = _shorter(kept, text_size(kept) - total) or _without_last(kept)
    return kept


def _fewer(blocks: list[Block], most: int) -> list[Block]:
    if len(blocks) <= most:
        return list(blocks)
    kept = list(blocks)
    while len(kept) > most - 1:
        kept = _without_last(kept)
    missing = len(blocks) - len(kept)
    return [*kept, context(f"… {missing} more lines do not fit into one Slack message.")]


def _without_last(blocks: list[Block]) -> list[Block]:
    """One block fewer: the last that is not for pressing, never the first unless nothing else is left."""
    last = next(
        (i for i in range(len(blocks) - 1, 0, -1) if blocks[i]["type"] not in ("actions", "input")),
        len(blocks) - 1,
    )
    return blocks[:last] + blocks[last + 1 :]


def _shorter(blocks: list[Block], over: int) -> list[Block] | None:
    """The blocks with the last long paragraph cut; None when none is long enough to be cut."""
    for i in range(len(blocks) - 1, -1, -1):
        text = blocks[i]["text"]["text"] if blocks[i]["type"] == "section" and "text" in blocks[i] else ""
        if size(text) > SHORTEST:
            cut = str(clip_md(text, max(SHORTEST, size(text) - over)))
            shorter = {**blocks[i], "text": {**blocks[i]["text"], "text": cut}}
            return [*blocks[:i], shorter, *blocks[i + 1 :]]
    return None


def text_size(blocks: Iterable[Block]) -> int:
    """The length of all text that the blocks show."""
    return sum(size(text) for text in texts(blocks))


def texts(node: object) -> Iterator[str]:
    """Every text shown in a block, view or message."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from texts(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from texts(value)


def modal(
    title: object,
    blocks: Iterable[Block | None],
    *,
    submit: str = "",
    close: str = "Close",
    callback_id: str = "",
    private_metadata: str = "",
    marker: str = "",
) -> View:
    """A modal within every limit."""
    kept = fit(_some(blocks), most=VIEW_BLOCKS, total=VIEW_TEXT)
    view: View = {
        "type": "modal",
        "title": plain(title, VIEW_TITLE),
        "close": plain(close, VIEW_TITLE),
        "blocks": [with_id(kept[0], marker), *kept[1:]],
    }
    if submit:
        view["submit"] = plain(submit, VIEW_TITLE)
    if callback_id:
        view["callback_id"] = identifier(callback_id)
    if private_metadata:
        view["private_metadata"] = head(inert(private_metadata), METADATA)
    return view


def home_tab(blocks: Iterable[Block | None]) -> View:
    """An App Home within every limit."""
    return {"type": "home", "blocks": fit(_some(blocks), most=VIEW_BLOCKS, total=VIEW_TEXT)}


def _some(blocks: Iterable[Block | None]) -> list[Block]:
    return [block for block in blocks if block] or [section(BLANK)]
