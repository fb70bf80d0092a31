import re

from hypothesis import given
from hypothesis import strategies as st

from bot.targets.kept import Kept


@given(st.lists(st.text(alphabet="abcdefgh\n", max_size=40), max_size=20), st.integers(2, 60))
def test_head_and_tail(chunks: list[str], limit: int) -> None:
    """A short stream is kept whole; of a long one the head and tail, with the number of bytes between them."""
    kept = Kept(limit)
    for chunk in chunks:
        kept.feed(chunk.encode())
    whole, half = "".join(chunks), limit // 2
    if len(whole) <= 2 * half:
        assert kept.text() == whole
        assert not kept.left_out
    else:
        missing = len(whole) - 2 * half
        assert kept.text() == f"{whole[:half]}\n… {missing:,} bytes left out …\n{whole[-half:]}"
        assert kept.left_out


def test_memory_stays_bounded() -> None:
    """However much is fed, no more than the limit is held."""
    kept = Kept(1000)
    for _ in range(1000):
        kept.feed(b"x" * 16384)
    assert len(re.sub(r"\n….*…\n", "", kept.text())) == 1000
    assert "16,383,000 bytes left out" in kept.text()


def test_colours_and_broken_text() -> None:
    """Escape sequences are taken out, and bytes that are not UTF-8 are replaced."""
    kept = Kept(1000)
    kept.feed(b"\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x07 \xff caf\xc3")
    kept.feed(b"\xa9")
    assert kept.text() == "red link � café"
