"""Messages and views as a whole."""

from hypothesis import given
from hypothesis import strategies as st

from bot.render import Message, home_tab, message, modal
from bot.render.blocks import Block, actions, button, context, divider, fields, header, section, table

from .checks import taken, taken_view
from .limits import live, shown_texts, units
from .samples import SETTINGS, outside


def any_block() -> st.SearchStrategy[Block | None]:
    return st.one_of(
        outside().map(section),
        outside().map(header),
        outside().map(lambda text: context(text, text)),
        st.lists(outside(), max_size=10).map(lambda texts: fields(*texts)),
        outside().map(lambda text: actions(*(button(text, f"b{i}", "1") for i in range(3)))),
        st.just(divider()),
        st.none(),
    )


@SETTINGS
@given(outside(), st.lists(any_block(), max_size=70), st.sampled_from(["", "incident-42"]))
def test_any_message_is_taken(text: str, blocks: list[Block | None], marker: str) -> None:
    """However much there is, the message is within every limit and mentions nobody."""
    made = message(text, blocks, marker=marker)
    taken(made, marker)
    assert not live(made.payload())


@SETTINGS
@given(outside(), st.lists(any_block(), max_size=120))
def test_any_view_is_taken(text: str, blocks: list[Block | None]) -> None:
    """However much there is, the modal and the home are within every limit."""
    taken_view(modal(text, blocks, callback_id="c", private_metadata=text))
    taken_view(home_tab(blocks))


def test_what_stands_first_stays() -> None:
    """With too much text the beginning and the buttons stay; the last paragraphs are cut."""
    row = actions(button("Acknowledge", "incident_ack", "1"))
    blocks = [section("first " + "a" * 2000), row, *(section(str(i) * 2900) for i in range(8))]
    made = message("m", blocks)
    assert made.blocks[0] == section("first " + "a" * 2000)
    assert made.blocks[1] == row
    assert made.blocks[2] == section("0" * 2900)
    assert made.blocks[-1]["text"]["text"].endswith("…")
    assert sum(map(units, shown_texts(made.blocks))) > 12_000


def test_buttons_stay_when_blocks_are_too_many() -> None:
    """Fifty-one blocks: the last paragraphs give way, and the message says so; buttons stay."""
    row = actions(button("Acknowledge", "incident_ack", "1"))
    made = message("m", [*(section(str(i)) for i in range(80)), row])
    assert len(made.blocks) == 50
    assert made.blocks[-2] == row
    assert "32" in made.blocks[-1]["elements"][0]["text"]


def test_a_message_without_blocks_shows_its_text() -> None:
    """The text is also the block when there is nothing else."""
    assert message("hello <you>", []) == Message("hello &lt;you&gt;", [section("hello <you>")])


def test_an_empty_message_still_has_text() -> None:
    """A blank fallback would be refused by Slack."""
    taken(message("", []))


def test_the_marker_is_on_the_first_block() -> None:
    """A message can be found again by its first block's id."""
    made = message("m", [header("a"), section("b")], marker="card-7")
    assert made.blocks[0]["block_id"] == "card-7"
    assert "block_id" not in made.blocks[1]


def test_a_large_table_fits() -> None:
    """A hundred rows of twenty long cells are still one message."""
    taken(message("m", [section("x"), table([["y" * 3000] * 20] * 100)]))


def test_ten_long_fields_fit() -> None:
    """A single block cannot be larger than a message."""
    taken(message("m", [fields(*["z" * 3000] * 10)]))
    taken(message("m", [context(*["z" * 3000] * 10)]))
