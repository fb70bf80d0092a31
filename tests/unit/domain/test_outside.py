"""Text from outside as it can be kept."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.outside import keepable

ODD = "a\x00b\ud83dc"


def test_what_no_database_keeps_is_replaced_however_deep() -> None:
    """In keys and texts; numbers, emoji and everything else are left as they are."""
    told = {ODD: [ODD, {"x": ODD}, 1, None, True, "🚨"]}
    assert keepable(told) == {"a�b�c": ["a�b�c", {"x": "a�b�c"}, 1, None, True, "🚨"]}


@given(st.text() | st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.none())))
def test_what_can_be_kept_stays_as_it_is(value: object) -> None:
    """Ordinary text without NUL is not touched, and whatever comes out is UTF-8."""
    clean = keepable(value)
    json.dumps(clean, ensure_ascii=False).encode()
    if "\\u0000" not in json.dumps(value):
        assert clean == value
