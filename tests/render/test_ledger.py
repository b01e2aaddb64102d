"""Rows of words, strips of numbers and bars."""

from __future__ import annotations

import hypothesis
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import RenderableType
from rich.style import Style
from rich.text import Text

from tui_transformer.render.ledger import Gauges, Ledger, Strokes, Words
from tui_transformer.render.numerals import Numerals
from tui_transformer.render.palette import foreground
from tui_transformer.render.picture import drawn


def plain(renderable: RenderableType, width: int = 80) -> list[str]:
    return drawn(renderable, width, None).splitlines()


def test_columns_stand_under_their_headings() -> None:
    ledger = Ledger([
        Words("piece", ["▁中", "a"]), Words("n", ["1", "12"], "right"),
        Gauges("weight", [1.0, 0.25], 1, ["1.0", ".25"]),
    ], 2)  # fmt: skip
    assert plain(ledger, 27) == ["piece   n  weight", "▁中     1     1.0  ████████", "a      12     .25  ██"]


def test_where_the_width_ends_columns_go_on_below_with_the_first_one() -> None:
    ledger = Ledger([Words("p", ["a"]), *(Words(f"c{i}", [f"{i}"]) for i in range(5))], 1)
    assert plain(ledger, 10) == ["p  c0  c1", "a  0   1", "", "p  c2  c3", "a  2   3", "", "p  c4", "a  4"]


def test_strokes_are_high_for_large_and_low_for_negative_numbers() -> None:
    strokes = Strokes("", np.array([[-2, -1, 0, 1, 2], [np.nan] * 5]), 2)
    assert plain(Ledger([Words("", ["a", "b"]), strokes], 2)) == ["a  ▁▃▄▅▇", "b"]


def test_strokes_that_do_not_fit_are_pooled_and_the_picture_says_so() -> None:
    values = np.zeros((1, 64))
    values[0, 40] = -1
    lines = plain(Ledger([Words("", ["a"]), Strokes("", values, 1)], 1), 19)
    assert lines[0].count("▁") == 1
    assert cell_len(lines[0]) == 19
    assert " ".join(lines[1:]) == "64 numbers in 16 cells: each is the strongest of its block"


def test_colour_tells_the_sign_of_numbers_and_bars() -> None:
    ledger = Ledger([Words("", ["a"]), Strokes("", np.array([[-1.0, 1.0]]), 1)], 1)
    (line,) = [Text.from_ansi(line) for line in drawn(ledger, 20, "truecolor").splitlines()]
    assert line.plain.rstrip() == "a  ██"
    assert [span.style for span in line.spans] == [foreground(0, True), foreground(255, True)]
    bars = drawn(Ledger([Words("", ["a", "b"]), Gauges("", [-1, 1], 1, ["-1", "1"])], 2), 20, "truecolor")
    first, second = (Text.from_ansi(line).spans[-1].style for line in bars.splitlines())
    assert first != second


def test_styles_and_highlights_need_colour() -> None:
    ledger = Ledger([Words("", ["a"], styles=[Style(italic=True)]), Words("", ["b"])], 1, [0])
    assert "\x1b" not in drawn(ledger, 20, None)
    assert "\x1b[1;3;38;2;191;113;24ma" in drawn(ledger, 20, "truecolor")


TEXTS = st.lists(st.text("a▁中😀ש\u0301\n\x1b[", max_size=30), min_size=1, max_size=4)


@hypothesis.settings(max_examples=40)
@given(TEXTS, st.integers(12, 130), st.integers(1, 300), st.integers(0, 6))
def test_no_line_is_wider_than_asked(texts: list[str], width: int, numbers: int, more: int) -> None:
    values = np.linspace(-1, 1, len(texts) * numbers).reshape(len(texts), numbers)
    columns = [Words("what", texts), Strokes("strokes", values, 1), *[Words("n", ["1.25"] * len(texts))] * more,
               Gauges("loss", values[:, 0], 1, ["-0.25"] * len(texts))]  # fmt: skip
    for colours in (None, "truecolor"):
        lines = drawn(Ledger(columns, len(texts)), width, colours).splitlines()  # type: ignore[arg-type]
        assert all(cell_len(Text.from_ansi(line).plain) <= width for line in lines)


def test_numerals_stand_in_lines_of_equal_columns() -> None:
    values = np.arange(10) / 4 - 1
    assert plain(Numerals(values), 50) == [
        " 0 -1.00 -0.75 -0.50 -0.25  0.00  0.25  0.50  0.75", " 8  1.00  1.25",
    ]  # fmt: skip
    assert plain(Numerals(values[:2]), 7) == ["0 -1.00", "1 -0.75"]
