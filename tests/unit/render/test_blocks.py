"""Block Kit primitives keep Slack's limits."""

from hypothesis import given
from hypothesis import strategies as st

from bot.render.blocks import (
    actions,
    button,
    confirm_dialog,
    context,
    divider,
    fields,
    grouped_select,
    header,
    option,
    overflow,
    section,
    sections,
    static_select,
    table,
    text_input,
    url_button,
)

from .limits import check_block, check_confirm, check_element, live, units
from .samples import SETTINGS, outside


@SETTINGS
@given(outside(), st.lists(outside(), max_size=30))
def test_paragraphs(text: str, many: list[str]) -> None:
    """Any text in any paragraph is within the limits and mentions nobody."""
    blocks = [section(text), header(text, block_id=text or "x"), fields(*many), context(*many), divider()]
    for block in [*blocks, *sections(text)]:
        if "block_id" in block:
            block.pop("block_id")
        check_block(block)
        assert not live(block)


@SETTINGS
@given(outside(), outside(), st.lists(st.tuples(outside(), outside()), max_size=120))
def test_elements(text: str, value: str, pairs: list[tuple[str, str]]) -> None:
    """Any text in any button or menu is within the limits and mentions nobody."""
    sure = confirm_dialog(text, text, text, text)
    check_confirm(sure)
    choices = [option(label, chosen, description=label) for label, chosen in pairs]
    elements = [
        button(text, "press", value, style=text, confirm=sure),
        url_button(text, value, "open"),
        overflow("more", choices),
        static_select("pick", text, choices, initial=value),
        grouped_select("choose", text, {text: choices[:7], value: choices[7:]}, initial=value),
    ]
    for element in filter(None, elements):
        if element["type"] == "button" and not element.get("value", "x").strip():
            element.pop("value")
        check_element(element)
        assert not live(element)
    row = actions(*elements)
    assert row is not None
    check_block(row)
    check_block({"type": "input", "label": {"type": "plain_text", "text": "l"}, "element": text_input(
        "b", "a", text, placeholder=text, hint=text, initial=value)["element"]})  # fmt: skip


def test_a_long_text_is_kept_whole_over_several_sections() -> None:
    """Splitting loses nothing."""
    text = "\n".join(f"line {i}" for i in range(2000))
    blocks = sections(text)
    assert len(blocks) > 4
    assert "\n".join(block["text"]["text"] for block in blocks) == text


def test_most_of_everything() -> None:
    """Twenty-five buttons, five menu items and a hundred choices are kept, the rest left out."""
    row = actions(*(button(str(i), f"b{i}", "1") for i in range(30)))
    assert row is not None
    assert len(row["elements"]) == 25
    menu = overflow("more", [option(str(i), str(i)) for i in range(9)])
    assert menu is not None
    assert len(menu["options"]) == 5
    pick = static_select("pick", "p", [option(str(i), str(i)) for i in range(150)])
    assert pick is not None
    assert len(pick["options"]) == 100
    groups = {str(g): [option(str(i), f"{g}-{i}") for i in range(60)] for g in range(3)}
    grouped = grouped_select("pick", "p", groups, initial="1-3")
    assert grouped is not None
    assert [len(group["options"]) for group in grouped["option_groups"]] == [60, 40]
    assert grouped["initial_option"]["value"] == "1-3"


def test_nothing_to_press_is_no_block() -> None:
    """An empty row or menu would be refused by Slack, so there is none."""
    assert actions(None) is None
    assert overflow("more", [None]) is None
    assert static_select("pick", "p", []) is None
    assert grouped_select("pick", "p", {"a": []}) is None
    assert table([]) is None


def test_an_action_id_is_used_once_in_a_row() -> None:
    """Two elements with one action_id would be refused by Slack."""
    row = actions(url_button("a", "https://a.example"), url_button("b", "https://b.example"))
    assert row is not None
    assert len(row["elements"]) == 1


def test_an_option_is_never_sent_with_another_value() -> None:
    """A value that would have to be changed is left out: cut, it would choose something else."""
    assert option("a", "x" * 151) is None
    assert option("a", "<!channel>") is None
    assert option("a", "v", url="javascript:x") is None


def test_one_value_is_offered_once() -> None:
    """Slack refuses a menu with the same value twice."""
    menu = static_select("pick", "p", [option("a", "v"), option("b", "v")])
    assert menu is not None
    assert len(menu["options"]) == 1
    more = overflow("more", [option("a", "v"), option("b", "v")])
    assert more is not None
    assert len(more["options"]) == 1
    groups = grouped_select("pick", "p", {"a": [option("a", "v")], "b": [option("b", "v"), option("c", "w")]})
    assert groups is not None
    assert [len(group["options"]) for group in groups["option_groups"]] == [1, 1]


@SETTINGS
@given(st.lists(st.lists(outside(), max_size=25), max_size=120))
def test_tables(rows: list[list[str]]) -> None:
    """A table is rectangular and within Slack's rows, columns and characters."""
    block = table(rows)
    if block is not None:
        check_block(block)
        assert not live(block)


def test_text_is_cut_with_an_ellipsis() -> None:
    """A reader sees that something is missing."""
    assert section("x" * 4000)["text"]["text"].endswith("…")
    assert units(section("x" * 4000)["text"]["text"]) <= 3000
    assert header("x" * 200)["text"]["text"] == "x" * 149 + "…"
