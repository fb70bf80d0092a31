"""Cleaning, escaping, cutting, mentions and times."""

import html
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.render.text import (
    Md,
    bold,
    clean,
    clip,
    clip_md,
    code,
    code_block,
    count,
    date,
    duration,
    esc,
    head,
    inert,
    joined,
    lines,
    link,
    md,
    mention_channel,
    mention_group,
    mention_user,
    moment,
    one_line,
    prose,
    safe_url,
    size,
    split_md,
)

from .limits import check_markup, units
from .samples import NOW, SETTINGS, START, outside


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
        ("@channel", "@\u2060channel"),
        ("pm2_process_restarts", "pm2_process_restarts"),
        ("_soft_ and ~gone~", "ˍsoftˍ and ∼gone∼"),
        ("*loud*", "∗loud∗"),
        ("5 * 3, 0 * * * *", "5 * 3, 0 * * * *"),
        ("`x`", "ˋxˋ"),
        ("> 85 %", "\u200b&gt; 85 %"),
        ("~5 min", "~5 min"),
    ],
)
def test_esc(text: str, shown: str) -> None:
    """Outside text is shown as it is and formats, quotes, links and mentions nothing."""
    assert esc(text) == shown


def test_esc_leaves_finished_markup_alone() -> None:
    """Markup is not escaped twice."""
    assert esc(esc("<a>")) == "&lt;a&gt;"


@SETTINGS
@given(outside())
def test_esc_is_never_live(text: str) -> None:
    """No outside text yields a bracket, a half entity or a backtick."""
    shown = esc(text)
    assert "<" not in shown
    assert ">" not in shown
    assert "`" not in shown
    check_markup(shown)


@SETTINGS
@given(st.text(alphabet=st.characters(categories=["L", "N", "Zs"]), max_size=200))
def test_esc_keeps_ordinary_text(text: str) -> None:
    """Letters, digits and spaces arrive as they were typed."""
    assert html.unescape(esc(text)) == clean(text)


def test_clean_takes_out_what_cannot_be_seen() -> None:
    """Control characters, bidirectional overrides and broken surrogates are gone, newlines are one kind."""
    assert clean("a\x00\x1b[31mb\u202ec\u2066d\ud800e\r\nf\u2028g\th") == "a[31mbcd\ufffde\nf\ng\th"


def test_titles_are_one_line() -> None:
    """Newlines and runs of spaces in a title become one space."""
    assert one_line("  disk\n\n full \t on api ") == "disk full on api"


@SETTINGS
@given(outside(), st.integers(1, 200))
def test_clip_is_within_its_limit(text: str, limit: int) -> None:
    """Cut text is never longer than asked, counted in UTF-16, and ends with an ellipsis only when cut."""
    cut = clip(clean(text), limit)
    assert units(cut) <= limit
    assert cut == clean(text) or cut.endswith("…")
    assert units(head(clean(text), limit)) <= limit


@SETTINGS
@given(
    st.lists(outside().map(esc) | outside().map(code_block) | outside().map(code), max_size=4),
    st.integers(40, 400),
)
def test_markup_is_cut_between_tokens(parts: list[Md], limit: int) -> None:
    """Cut markup keeps whole entities and tokens and closes its code block."""
    text = joined("\n", [*parts, mention_user("U0SAM0001"), date(START, NOW), link("https://a.example/", "b")])
    cut = clip_md(text, limit)
    assert units(cut) <= limit
    check_markup(cut)


@SETTINGS
@given(st.lists(outside().map(esc) | outside().map(code_block), max_size=6), st.integers(60, 600))
def test_markup_is_split_without_loss(parts: list[Md], limit: int) -> None:
    """Split markup is within the limit, each piece stands alone, and no visible character is lost."""
    text = joined("\n", parts)
    pieces = split_md(text, limit)
    for piece in pieces:
        assert units(piece) <= limit
        assert piece.strip()
        check_markup(piece)
    assert _visible("".join(pieces)) == _visible(text)


def _visible(text: str) -> str:
    return re.sub(r"\s|```", "", text)


@SETTINGS
@given(outside())
def test_code_cannot_be_broken_out_of(text: str) -> None:
    """Content with backticks stays inside its code, inline or block."""
    assert code(text).count("`") == 2
    block = code_block(text)
    assert block.startswith("```\n")
    assert block.endswith("\n```")
    assert block.count("```") == 2
    assert units(block) <= 2900


def test_prose_keeps_code() -> None:
    """A pair of backticks in the runbook's own words shows as code, an odd one as a character."""
    assert prose("run `pm2 restart *` **now** <!here>") == "run `pm2 restart *` now &lt;!here&gt;"
    assert prose("it`s") == "itˋs"


@SETTINGS
@given(outside())
def test_inert_text_opens_nothing(text: str) -> None:
    """In plain text a bracket that could open a mention or link is replaced, any other stays."""
    assert not re.search(r"<[!@#a-zA-Z/]", inert(text))


def test_inert_keeps_comparisons() -> None:
    """A title such as "lag > 30 & < 5" is not disfigured."""
    assert inert("lag > 30 & < 5") == "lag > 30 & < 5"


def test_md_escapes_its_values() -> None:
    """A template is ours; its values are escaped unless they are markup."""
    assert md("*{}* {} {x}", "<!here>", mention_user("U0SAM0001"), x=3) == "*&lt;!here&gt;* <@U0SAM0001> 3"
    assert lines("", "a<", Md(""), bold("*b* c")) == "a&lt;\n*∗b∗ c*"
    assert bold("  ") == ""


@pytest.mark.parametrize("bad", ["", "u1", "U1>", "U1|x", "!channel", "U 1", "U1\n"])
def test_only_ids_are_mentioned(bad: str) -> None:
    """What is no Slack id is shown as text, never as a mention."""
    assert "<" not in mention_user(bad)
    assert "<" not in mention_group(bad)
    assert "<" not in mention_channel(bad)


def test_mentions() -> None:
    """People, groups and channels are mentioned by id."""
    assert mention_user("U0SAM0001") == "<@U0SAM0001>"
    assert mention_group("S0SRE0001") == "<!subteam^S0SRE0001>"
    assert mention_channel("C0PROD001") == "<#C0PROD001>"
    assert mention_channel("#ops") == "#ops"


def test_date_is_in_the_readers_zone_with_utc_behind_it() -> None:
    """Near moments show the time; far ones the day too; the fallback is UTC."""
    assert date(START, NOW) == "<!date^1772506800^{time}|03:00 UTC>"
    assert (
        date(START, NOW + timedelta(days=2))
        == "<!date^1772506800^{date_short_pretty} {time}|2026-03-03 03:00 UTC>"
    )


def test_time_without_a_zone_is_utc() -> None:
    """A naive time from a driver does not raise and is taken as UTC; other zones are converted."""
    naive = START.replace(tzinfo=None)
    assert date(naive, NOW) == date(START, NOW)
    assert moment(START.astimezone(timezone(timedelta(hours=9))), NOW) == "03:00 UTC"


@SETTINGS
@given(st.datetimes(timezones=st.just(UTC)), st.datetimes())
def test_any_time_can_be_shown(at: datetime, now: datetime) -> None:
    """No moment raises, however far."""
    check_markup(date(at, now))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (900, "15 min"), (3600, "1 h"), (3900, "1 h 05 min"),
     (86400, "1 d"), (97200, "1 d 3 h")],
)  # fmt: skip
def test_duration(seconds: int, shown: str) -> None:
    """Lengths of time are in the words of a person."""
    assert duration(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(
    "bad", ["", "javascript:alert(1)", "/relative", "ftp://x", "https://", "https:// x", "x" * 9]
)
def test_addresses_that_are_none(bad: str) -> None:
    """Only http(s) addresses become links; others show their label."""
    assert safe_url(bad) == ""
    assert link(bad, "<label>") == "&lt;label&gt;"


def test_links_cannot_be_broken_out_of() -> None:
    """Brackets and bars in an address are encoded, in the label escaped."""
    assert (
        link("https://a.example/?a=1&b=<x>|y", "a > b") == "<https://a.example/?a=1&amp;b=%3Cx%3E%7Cy|a &gt; b>"
    )


def test_sizes() -> None:
    """Length is counted in UTF-16 units, the strictest way."""
    assert size("aé😀") == 4
    assert count(1, "step") == "1 step"
    assert count(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    "hostile", ["_a ", "~a ", "*a ", "\n", " ", "`", "``` ", "<", "&", ">\n", "\ud800", "@here "]
)
def test_long_hostile_text_does_not_stall(hostile: str) -> None:
    """Half a megabyte made to upset a regular expression is handled; a quadratic one would take hours."""
    text = hostile * (500_000 // len(hostile))
    check_markup(clip_md(esc(text), 3000))
    check_markup(clip_md(prose(text), 3000))
    assert units(one_line(text)) <= 150
    assert units(code_block(text)) <= 2900
    assert inert(text) is not None
    assert all(units(piece) <= 3000 for piece in split_md(esc(text), 3000))
