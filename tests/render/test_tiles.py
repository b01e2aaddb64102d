"""Thumbnails side by side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tui_transformer.render.heatmap import Scale
from tui_transformer.render.picture import drawn
from tui_transformer.render.tiles import Tile, Tiles


def tiles(rows: int, columns: int, count: int = 2, layers: int = 1) -> Tiles:
    values = np.linspace(0, 1, rows * columns).reshape(rows, columns)
    row = [Tile(f"H{number + 1}", "", values) for number in range(count)]
    return Tiles([(f"L{layer + 1}", row) for layer in range(layers)])


def test_tiles_have_titles_and_a_line_between() -> None:
    eye = np.eye(2)
    row = [Tile("H1", "one", eye), Tile("H2", "two", 1 - eye)]
    lines = drawn(Tiles([("L1", row), ("L2", row)]), 12, None).splitlines()
    layer = ["H1   H2", "   one  two", "   ██  │  ██", "     ██│██"]
    assert lines == [f"L1 {layer[0]}", *layer[1:], "", f"L2 {layer[0]}", *layer[1:]]


def test_a_row_that_does_not_fit_goes_on_below_in_equal_parts() -> None:
    lines = drawn(tiles(2, 8, count=8), 60, None).splitlines()
    assert [line.split() for line in lines if "H" in line] == [["L1", "H1", "H2", "H3", "H4"], ["H5", "H6", "H7", "H8"]]


def test_large_tiles_are_pooled_and_the_picture_says_so() -> None:
    lines = drawn(tiles(400, 400, count=8), 80, None).splitlines()
    assert lines[-1] == "400 × 400 shown as 16 × 8: each cell is the strongest value of its block"
    assert len(lines) == 1 + 16 + 2
    assert (
        drawn(tiles(400, 400, count=2), 80, "truecolor")
        .splitlines()[-1]
        .startswith("\x1b[2m400 × 400 shown as 32 × 38")
    )


def test_where_there_is_room_they_are_larger() -> None:
    lines = [Text.from_ansi(line).plain for line in drawn(tiles(4, 4), 40, "truecolor").splitlines()]
    assert lines[1:] == [f"   {'▀' * 16}   {'▀' * 16}  "] * 8
    assert "shown as" not in "".join(lines)


def test_nothing_is_drawn_of_nothing() -> None:
    assert drawn(Tiles([]), 40, None) == ""


@given(st.integers(20, 200), st.integers(1, 60), st.integers(1, 60), st.integers(1, 9), st.booleans())
def test_no_line_is_wider_than_the_terminal(width: int, rows: int, columns: int, count: int, colour: bool) -> None:
    lines = drawn(tiles(rows, columns, count, 2), width, "truecolor" if colour else None).splitlines()
    assert all(cell_len(Text.from_ansi(line).plain) <= width for line in lines)


@pytest.mark.parametrize(("full", "ends"), [(1.0, ("−1", "1")), (0.25, ("−0.25", "0.25"))])
def test_a_scale_names_its_ends(full: float, ends: tuple[str, str]) -> None:
    line = drawn(Scale(signed=True, full=full), 60, None).strip()
    assert (line.split()[0], line.split()[-1]) == ends
