"""Pieces in lines, with notes below; a row of columns a head."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from tui_transformer.render.flow import Flow, Token
from tui_transformer.render.head_rows import HeadRows
from tui_transformer.render.picture import drawn

TOKENS = [Token("▁He", below=".98"), Token("▁admired", below=".5"), Token("▁her", below=".97"), Token(".", below="1.0")]


def test_notes_stand_below_their_tokens() -> None:
    assert drawn(Flow(TOKENS), 40, None) == "▁He ▁admired ▁her .\n.98 .5       .97  1.0\n"


def test_what_does_not_fit_goes_on_below() -> None:
    assert drawn(Flow(TOKENS), 13, None) == "▁He ▁admired\n.98 .5\n▁her .\n.97  1.0\n"


def test_without_notes_there_is_no_line_for_them() -> None:
    assert drawn(Flow([Token("a"), Token("b")]), 20, None) == "a b\n"


def test_the_cursor_is_seen_without_colour() -> None:
    from rich.console import Console

    from tui_transformer.render.picture import drawing_console

    console: Console = drawing_console(40, None)
    segments = [segment for line in console.render_lines(Flow(TOKENS, cursor=1), pad=False) for segment in line]
    here = [segment.text for segment in segments if segment.style and segment.style.reverse]
    assert here == ["▁admired"]


def test_only_so_many_lines_are_drawn_those_with_the_cursor() -> None:
    tokens = [Token(str(number)) for number in range(40)]
    for cursor in range(40):
        shown = drawn(Flow(tokens, cursor, lines=2), 10, None)
        assert str(cursor) in shown.split()
        assert shown.count("\n") == 2
    assert "39" in drawn(Flow(tokens, None, lines=2), 10, None).split()


@given(
    st.lists(st.tuples(st.text(max_size=12), st.text("0123456789.", max_size=4)), max_size=30),
    st.integers(1, 60),
    st.integers(0, 40),
)
def test_no_line_is_too_wide_and_every_token_is_found(
    texts: list[tuple[str, str]], width: int, cursor: int
) -> None:  # fmt: skip
    flow = Flow([Token(text, Style(bold=True), below) for text, below in texts], cursor)
    assert all(cell_len(line) <= width for line in drawn(flow, width, None).splitlines())
    height = 2 if any(token.below for token in flow.tokens) else 1
    found = {
        flow.at(x, y, width) for y in range(height * len(flow.shown(width))) for x in range(width)
    } - {None}  # fmt: skip
    assert found == set(range(len(texts)))


def test_nothing_is_found_outside() -> None:
    flow = Flow(TOKENS)
    assert flow.at(39, 0, 40) is None
    assert flow.at(0, 2, 40) is None
    assert flow.at(0, 1, 40) == 0
    assert flow.at(5, 1, 40) == 1


WEIGHTS = np.array([[[1.0, 0, 0, 0], [0, 0.5, 0.5, 0]], [[0.25] * 4, [0, 0, 0, 1.0]]], np.float32)


def test_a_row_a_layer_and_a_group_a_head() -> None:
    assert drawn(HeadRows(WEIGHTS), 20, None) == "    H1   H2\nL1 █··· ·▒▒·\nL2 ···· ···█\n"


def test_pooled_rows_say_so_and_keep_the_strongest() -> None:
    text = drawn(HeadRows(WEIGHTS), 9, None)
    assert "4 source pieces shown as 2" in " ".join(text.split())
    assert text.splitlines()[1].startswith("L1 █")


def test_heads_that_are_off_are_crossed_out() -> None:
    text = drawn(HeadRows(WEIGHTS, frozenset({(0, 1)})), 20, None)
    assert text.splitlines()[1].endswith("╳╳╳╳")


@pytest.mark.parametrize("width", [3, 6])
def test_where_heads_have_no_room_that_is_said(width: int) -> None:
    assert "columns" in drawn(HeadRows(WEIGHTS), width, None).replace("\n", "")
