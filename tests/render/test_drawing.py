"""What pictures are made of: values can be read back from what is drawn, at any width."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.text import Text

from tui_transformer.render.bars import Bars, bar, sparkline
from tui_transformer.render.braille import Dots, Mark, Points
from tui_transformer.render.grid import Grid
from tui_transformer.render.heatmap import HeatMap, Scale
from tui_transformer.render.palette import LEVELS, NEGATIVE_RAMP, RAMP, cell, colour, glyph, levels, scale
from tui_transformer.render.picture import drawn
from tui_transformer.render.strips import Strip, Strips, blocks

AWKWARD = ["▁He", "中文字", "שלום", "😀", "a\nb", "", "[red]", "e\u0301", "\u0301", "long" * 20]
WIDTHS = st.integers(20, 200)


def plain(renderable: RenderableType, width: int = 80) -> list[str]:
    return drawn(renderable, width, None).splitlines()


def coloured(renderable: RenderableType, width: int = 80) -> list[Text]:
    return [Text.from_ansi(line) for line in drawn(renderable, width, "truecolor").splitlines()]


def fits(renderable: RenderableType, width: int) -> bool:
    lines = [*plain(renderable, width), *(line.plain for line in coloured(renderable, width))]
    return all(cell_len(line) <= width for line in lines)


# The scale


def luminance(rgb: tuple[int, int, int]) -> float:
    return float(np.dot([0.2126, 0.7152, 0.0722], (np.array(rgb) / 255) ** 2.2))


def test_the_scale_gets_lighter_all_the_way() -> None:
    light = [luminance(rgb) for rgb in scale()]
    assert all(a < b + 1e-4 for a, b in zip(light, light[4:], strict=False))
    assert light[0] < 0.05
    assert light[-1] > 0.7


def test_the_signed_scale_gets_lighter_from_zero_both_ways_and_its_ends_differ() -> None:
    light = [luminance(rgb) for rgb in scale(signed=True)]
    half = LEVELS // 2
    assert all(a < b + 1e-4 for a, b in zip(light[half:], light[half + 4 :], strict=False))
    assert all(a < b + 1e-4 for a, b in zip(light[half::-1], light[half - 4 :: -1], strict=False))
    assert scale(True)[0][2] > scale(True)[0][0]
    assert scale(True)[-1][0] > scale(True)[-1][2]


def test_levels_and_glyphs_are_in_order_and_stay_on_the_scale() -> None:
    assert levels(np.array([-1, 0, 0.5, 1, 9, np.nan])).tolist() == [0, 0, 128, 255, 255, 0]
    assert levels(np.array([-1.0, 1.0]), signed=True).tolist() == [0, 255]
    assert "".join(dict.fromkeys(glyph(level) for level in range(LEVELS))) == RAMP
    assert "".join(dict.fromkeys(glyph(level, True) for level in range(LEVELS // 2))) == NEGATIVE_RAMP[::-1]


@pytest.mark.parametrize("signed", [False, True])
def test_numbers_can_be_read_on_every_colour(signed: bool) -> None:
    for level in range(LEVELS):
        style = cell(level, signed)
        assert style.color
        assert style.color.triplet
        pair = sorted((luminance(tuple(style.color.triplet)), luminance(scale(signed)[level])))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) > 4.5


# Heat maps


def test_two_rows_share_a_line_in_colour() -> None:
    lines = coloured(HeatMap(np.array([[0.0, 1.0], [1.0, 0.5], [0.2, 0.4]])))
    assert [line.plain for line in lines] == ["▀▀", "▀▀"]
    style = lines[0].get_style_at_offset(_console(), 1)
    assert (style.color, style.bgcolor) == (colour(255), colour(128))


def test_without_colour_each_row_has_a_line_of_glyphs() -> None:
    assert plain(HeatMap(np.array([[0.0, 0.2, 0.4], [0.6, 0.8, 1.0]]), ["a", "b"])) == ["a  ·░", "b ▒▓█"]
    assert plain(HeatMap(np.array([[-1.0, -0.4, 0.4]]), signed=True)) == ["#~░"]


def test_what_does_not_fit_is_pooled_and_the_picture_says_so() -> None:
    values = np.zeros((400, 400))
    values[217, 303] = 1
    lines = plain(HeatMap(values))
    assert sum(line.count("█") for line in lines) == 1
    assert lines[-1] == "400 × 400 shown as 60 × 80: each cell is the strongest value of its block"
    assert coloured(HeatMap(values))[-1].plain.startswith("400 × 400 shown as 120 × 80")


def test_the_value_at_the_cursor_is_marked() -> None:
    values = np.linspace(0, 1, 24).reshape(4, 6)
    heat = HeatMap(values, cursor=(3, 2))
    first, second = coloured(heat)
    assert "┼" not in first.plain
    assert second.plain == "▀▀┼▀▀▀"
    style = second.get_style_at_offset(Console(), 2)
    assert style.bgcolor == colour(int(levels(values[3:4, 2])[0]))
    assert plain(heat) == plain(HeatMap(values))
    small = HeatMap(values, cursor=(3, 5), max_columns=2, max_lines=1, caption=False)
    assert [line.plain for line in coloured(small)] == ["▀┼"]


def test_thumbnails_stand_side_by_side() -> None:
    lines = plain(Columns([HeatMap(np.ones((2, 3)))] * 3, padding=(0, 1)), 40)
    assert lines == ["███ ███ ███"] * 2


def test_scales() -> None:
    assert plain(Scale()) == ["0  ·░▒▓█ 1"]
    assert plain(Scale(signed=True)) == ["−1 #%=~- ·░▒▓█ 1"]


# Grids


def test_a_grid_has_labels_and_numbers() -> None:
    grid = Grid(np.array([[0.71, 0.12], [0.05, 1.0]]), ["Er", "sie"], ["▁He", "▁admired"])
    assert plain(grid) == ["         ▁He ▁admired", " Er      .71      .12", "sie      .05      1.0"]
    assert [line.plain.rstrip() for line in coloured(grid)] == plain(grid)


def test_narrow_grids_write_labels_upright_and_then_pool() -> None:
    values = np.eye(20)
    labels = [f"w{i}" for i in range(20)]
    upright = plain(Grid(values, labels, labels), 50)
    assert upright[0].split() == ["w"] * 10
    assert len(upright) == 23
    assert "20 × 20 shown as 20 × 16" in " ".join(plain(Grid(values, labels, labels), 20))


def test_a_cut_grid_keeps_its_numbers_and_says_what_is_missing() -> None:
    lines = plain(Grid(np.ones((2, 30)), ["a", "b"], [str(i) for i in range(30)], overflow="cut"), 60)
    assert lines[-1] == "the first 14 of 30 columns: the rest does not fit"


def test_labels_must_fit_the_values() -> None:
    with pytest.raises(ValueError, match="label for each"):
        Grid(np.ones((2, 2)), ["a"], ["b", "c"])


@hypothesis.settings(max_examples=30)
@given(WIDTHS, st.integers(1, 60), st.integers(1, 60), st.booleans())
def test_no_line_is_wider_than_the_terminal(width: int, rows: int, columns: int, signed: bool) -> None:
    labels = (AWKWARD * 6)[:rows], (AWKWARD * 6)[:columns]
    values = np.linspace(-1 if signed else 0, 1, rows * columns).reshape(rows, columns)
    assert fits(Grid(values, *labels, signed), width)
    assert fits(HeatMap(values, labels[0], signed), width)
    assert fits(Bars(labels[0], values[:, 0]), width)
    assert fits(Strips([Strip("a", labels[1]), Strip("b", ["x"] * columns)]), width)


def test_every_row_of_a_grid_is_equally_wide_whatever_its_label() -> None:
    values = np.ones((len(AWKWARD), len(AWKWARD)))
    lines = drawn(Grid(values, AWKWARD, AWKWARD), 120, "truecolor").splitlines()
    assert len({cell_len(Text.from_ansi(line).plain) for line in lines}) == 1


# Bars, columns, dots, strips


def test_bars_are_as_long_as_their_values() -> None:
    lines = plain(Bars(["a", "b"], [1.0, 0.5], full=1.0), 30)
    assert lines == [f"a {'█' * 23} 1.00", f"b {'█' * 11 + '▌':<23} 0.50"]


@given(st.floats(-1, 2) | st.just(float("nan")), st.integers(1, 60))
def test_a_bar_is_as_wide_as_asked(share: float, cells: int) -> None:
    assert cell_len(bar(share, cells)) == cells


def test_sparklines() -> None:
    assert sparkline([0, 0.5, 1]) == " ▄█"
    assert sparkline([0, 0]) == "  "
    assert sparkline([]) == ""


def test_dots_are_where_the_points_are() -> None:
    box = Dots([Points(np.array([[0, 0], [1, 1], [2, 2]]))], (0, 1), (0, 1), 2, 1)
    assert plain(box) == ["⡀⠈"]


def test_marks_lie_above_dots_and_stay_in_the_box() -> None:
    box = Dots([Points(np.array([[0.5, 0.5]]))], (0, 1), (0, 1), 9, 1, [Mark(0.5, 0.5, "中文字")])
    assert plain(box) == ["    中文…"]
    assert plain(Dots([], (0, 1), (0, 1), 6, 1, [Mark(0, 0, "中文"), Mark(0.2, 0, "x")])) == [" x文"]


def test_strips_go_on_below() -> None:
    lines = plain(Strips([Strip("n", ["1", "2", "3"]), Strip("word", ["aaaa", "b", "cc"])]), 13)
    assert lines == ["n     1    2", "word  aaaa b", "", "n     3", "word  cc"]
    assert blocks([5, 5, 50], 10) == [(0, 2), (2, 3)]
    assert blocks([], 10) == []


def _console() -> object:
    from tui_transformer.render.picture import drawing_console

    return drawing_console(80, "truecolor")
