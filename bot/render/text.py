"""Text for Slack: cleaning, escaping, cutting, mentions and times.

`Md` marks text that is finished Slack markup. Everything else is outside text: the primitives of
`bot.render.blocks` escape it on the way in, so that forgetting to escape shows `&amp;lt;` at worst and never a
live `<!channel>`. Build markup with `md("*{}* on {}", title, service)`: the template is ours, the
values are escaped.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

ELLIPSIS: Final = "…"
LONGEST: Final = 20_000  # of one outside text; a message shows 13,200 in all
BLANK: Final = "–"  # Slack refuses empty text

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"
    "|[\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINE = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BOLD = re.compile(r"(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)")
# The bounds keep hostile text of any length from making these quadratic.
_PAIRED = re.compile(r"(?<!\w)([_~])(?=\S)([^\n]{0,200}?\S)\1(?!\w)")
_LOOKALIKE: Final = {"_": "ˍ", "~": "∼"}
_QUOTE = re.compile(r"^([^\S\n]{0,50})&gt;", re.MULTILINE)
_BROADCAST = re.compile(r"@(?=(?:channel|here|everyone|group)\b)", re.IGNORECASE)
_LIVE = re.compile(r"<(?=[^\s<>=\d-])")
_URL = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)
_SLACK_ID = re.compile(r"[A-Z0-9]{2,40}")
_DAY: Final = timedelta(hours=20)  # a bare time of day is unambiguous within this distance


class Md(str):
    """Finished Slack markup: escaped, safe to send."""

    __slots__ = ()


def clean(text: object) -> str:
    """Text without control characters, bidirectional overrides and broken surrogates.

    Tabs and newlines stay. What no message could show anyway is cut, so that a hostile megabyte costs nothing.
    """
    text = _NEWLINE.sub("\n", clip(str(text), LONGEST))
    return _UNSEEN.sub("", _SURROGATE.sub("\ufffd", text))


def one_line(text: object, limit: int = 150) -> str:
    """Outside text on one line, at most `limit` long; for titles and names."""
    return clip(" ".join(clean(text).split()), limit)


def size(text: str) -> int:
    """Length in UTF-16 units: never less than however Slack counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def head(text: str, limit: int) -> str:
    """The longest beginning of a text that is within the limit."""
    cut = text[: max(limit, 0)]
    while (over := size(cut) - limit) > 0 and cut:
        cut = cut[: -max(1, over // 2)]
    return cut


def clip(text: str, limit: int) -> str:
    """Plain text cut to the limit, with an ellipsis where something is missing."""
    if size(text) <= limit:
        return text
    return head(text, limit - 1).rstrip() + ELLIPSIS if limit > 0 else ""


def esc(text: object) -> Md:
    """Outside text as markup in which nothing is live: no mention, no link, no formatting, no quote."""
    if isinstance(text, Md):
        return text
    safe = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    safe = _BOLD.sub("∗", safe.replace("`", "ˋ"))
    safe = _PAIRED.sub(lambda m: _LOOKALIKE[m[1]] + m[2] + _LOOKALIKE[m[1]], safe)
    # A quote mark at the start of a line counts even when escaped; a zero-width space takes it off the start.
    return Md(_BROADCAST.sub("@\u2060", _QUOTE.sub("\\1\u200b&gt;", safe)))


def inert(text: object) -> str:
    """Outside text for places without markup (buttons, headers, options): `<!channel>` is broken there too.

    Only a bracket that could open a mention or a link is replaced: "lag > 30 s" stays as it is.
    """
    return _BROADCAST.sub("@\u2060", _LIVE.sub("‹", clean(text)))


def md(template: str, *values: object, **named: object) -> Md:
    """Markup from a template of ours; values that are not markup are escaped."""
    return Md(template.format(*map(esc, values), **{key: esc(value) for key, value in named.items()}))


def joined(separator: str, parts: Iterable[object]) -> Md:
    """The non-empty parts, escaped, with a separator of ours between them."""
    return Md(separator.join(esc(part) for part in parts if part))


def lines(*parts: object) -> Md:
    """The non-empty parts, escaped, one under the other."""
    return joined("\n", parts)


def clip_md(text: str, limit: int) -> Md:
    """Markup cut to the limit: never inside an entity, a mention, a link or a code block."""
    if size(text) <= limit:
        return Md(text)
    cut = _whole(head(text, limit - 6))  # room for the ellipsis and for closing a code block
    if cut.count("```") % 2:
        cut = cut.rstrip("`\n ")
        return Md(cut + ELLIPSIS + ("\n```" if cut.count("```") % 2 else ""))
    return Md(cut.rstrip() + ELLIPSIS)


def _whole(cut: str) -> str:
    """A beginning of markup without the half entity, half token or half fence at its end."""
    cut = re.sub(r"&[a-z]{0,4}$", "", cut)
    if cut.rfind("<") > cut.rfind(">"):
        cut = cut[: cut.rfind("<")]
    return re.sub(r"(?<!`)`{1,2}$", "", cut) if "```" in cut else cut


def split_md(text: str, limit: int) -> list[Md]:
    """Markup in pieces within the limit, parted at line ends; a code block goes on in the next piece."""
    pieces: list[Md] = []
    piece, fenced = "", False
    for line in text.split("\n"):
        for part in _parts(line, limit - 10):
            longer = f"{piece}\n{part}" if piece else part
            if piece and size(longer) > limit - 4:
                pieces.append(Md(piece + "\n```" if fenced else piece))
                longer = f"```\n{part}" if fenced else part
            piece = longer
            fenced ^= part.count("```") % 2 == 1
    return [*pieces, Md(piece)] if piece.strip() else pieces


def _parts(line: str, limit: int) -> list[str]:
    """One line in parts within the limit, no token of markup cut."""
    parts = []
    while size(line) > limit:
        cut = _whole(head(line, limit)) or head(line, limit)
        parts.append(cut)
        line = line[len(cut) :]
    return [*parts, line]


def bold(text: object) -> Md:
    """Bold, on one line."""
    inner = esc(text) if isinstance(text, Md) else esc(one_line(text, 300))
    return Md(f"*{inner.strip()}*") if inner.strip() else Md("")


def code(text: object, limit: int = 300) -> Md:
    """Inline code on one line. A backtick inside becomes its lookalike: it would end the code."""
    inner = one_line(text, limit).replace("`", "ˋ") or BLANK
    return Md("`" + inner.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") + "`")


def prose(text: object) -> Md:
    """Outside text in which a pair of backticks still shows as code; for the runbook's and people's words."""
    parts = re.split(r"`([^`\n]+)`", clean(text).replace("**", ""))
    return Md("".join(code(part, 2500) if i % 2 else esc(part) for i, part in enumerate(parts)))


def code_block(text: object, limit: int = 2900) -> Md:
    """A code block that its content cannot end: a zero-width space parts three backticks."""
    inner = clean(text).strip("\n").replace("```", "`\u200b`\u200b`") or BLANK
    safe = inner.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if size(safe) > limit - 8:
        safe = _whole_entity(head(safe, limit - 9)) + ELLIPSIS
    return Md("```\n" + safe + "\n```")


def _whole_entity(cut: str) -> str:
    return re.sub(r"&[a-z]{0,4}$", "", cut)


def mention_user(user_id: str) -> Md:
    """A live mention of one person. A text that is no Slack id is shown as text instead."""
    return Md(f"<@{user_id}>") if _SLACK_ID.fullmatch(user_id) else esc(user_id)


def mention_group(group_id: str) -> Md:
    """A live mention of a user group. A text that is no Slack id is shown as text instead."""
    return Md(f"<!subteam^{group_id}>") if _SLACK_ID.fullmatch(group_id) else esc(group_id)


def mention_channel(channel: str) -> Md:
    """A link to a channel by id (`C…`); a name is shown as text."""
    return Md(f"<#{channel}>") if re.fullmatch(r"[CGD][A-Z0-9]{4,40}", channel) else esc(channel)


def safe_url(url: str, limit: int = 3000) -> str:
    """An http(s) address fit for a button or a link, or "" when it is none."""
    url = clean(url).strip()
    for bad, good in (("<", "%3C"), (">", "%3E"), ("|", "%7C"), ('"', "%22"), ("`", "%60")):
        url = url.replace(bad, good)
    return url if _URL.fullmatch(url) and size(url) <= limit else ""


def link(url: str, label: object) -> Md:
    """A link with a label; only the label when the address is not http(s)."""
    target = safe_url(url, 2000)
    shown = esc(one_line(label, 200) or "link")
    return Md(f"<{target.replace('&', '&amp;')}|{shown}>") if target else shown


def utc(at: datetime) -> datetime:
    """The moment in UTC; a time without a zone is taken as UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def date(at: datetime, now: datetime) -> Md:
    """A moment in the reader's own time zone; the day is named when it is not near `now`."""
    near = abs(utc(at) - utc(now)) < _DAY
    shape = "{time}" if near else "{date_short_pretty} {time}"
    return Md(f"<!date^{int(utc(at).timestamp())}^{shape}|{moment(at, now)}>")


def moment(at: datetime, now: datetime) -> str:
    """A moment as plain text in UTC, for places where Slack's dates do not work."""
    near = abs(utc(at) - utc(now)) < _DAY
    return f"{utc(at):%H:%M} UTC" if near else f"{utc(at):%Y-%m-%d %H:%M} UTC"


def duration(span: timedelta) -> str:
    """A length of time in words: "40 s", "12 min", "1 h 05 min", "2 d 3 h"."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{seconds} s"
    minutes = seconds // 60
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 step", "3 steps"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
