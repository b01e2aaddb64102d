"""Outlines, cards and profiles: what is left out, and that widths are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tui_transformer.render.bars import Profile
from tui_transformer.render.cards import Cards
from tui_transformer.render.labels import beginning, cell_len, clip, short, visible
from tui_transformer.render.outline import Line, Outline
from tui_transformer.render.picture import drawn

LABELS = st.text(max_size=30)
LINES = st.lists(
    st.builds(
        lambda label, cells, branch, share: Line(label, cells, branch, share=share),
        LABELS, st.tuples(st.text("0123456789.,-", max_size=8), st.text("abc", max_size=8)),
        st.sampled_from(["", "├─ ", "│ ├─", "│  │  ╰─ "]), st.none() | st.floats(0, 1),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@given(LINES, st.integers(30, 120))
def test_lines_keep_the_width(lines: list[Line], width: int) -> None:
    text = drawn(Outline(("part", "number", "word"), lines, optional=(0,)), width, None)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert len(text.splitlines()) >= 1 + len(lines)


def test_columns_give_way_before_labels_are_cut_and_the_picture_says_so() -> None:
    lines = [Line("a label of many cells", ("12345678", "x"), share=1.0)]
    outline = Outline(("part", "number", "word"), lines, optional=(0,))
    wide, narrow = drawn(outline, 80, None), drawn(outline, 30, None)
    assert "12345678" in wide
    assert wide.splitlines()[1].endswith("█" * 35)
    assert "12345678" not in narrow
    assert narrow.endswith("no room for number\n")
    assert "a label of many cells" in narrow
    assert "a label of …" in drawn(outline, 18, None)


def test_no_head_line_without_heads() -> None:
    assert drawn(Outline(("", ""), [Line("a", ("b",))]), 40, None) == "a  b\n"


@pytest.mark.parametrize(("width", "rows"), [(20, 6), (42, 6), (43, 3), (80, 2), (122, 2), (300, 1)])
def test_cards_stand_side_by_side_where_there_is_room(width: int, rows: int) -> None:
    text = drawn(Cards([Text(f"card {i}") for i in range(6)], least=20), width, None)
    assert sum("card" in line for line in text.splitlines()) == rows
    assert [word for word in text.split() if word.isdigit()] == list("012345")


def test_a_profile_has_labels_where_they_fit_and_says_what_it_pools() -> None:
    values = np.linspace(0, 1, 10)
    labels = [f"label{i}" for i in range(10)]
    assert drawn(Profile(values, labels), 40, None).splitlines()[1].split() == ["lab"] * 10
    assert len(drawn(Profile(values, labels), 20, None).splitlines()) == 1
    pooled = drawn(Profile(values, labels), 5, None)
    assert pooled.splitlines()[0].endswith("█")
    assert "10 shown as 5" in " ".join(pooled.split())


@given(st.text(), st.integers(0, 40))
def test_the_beginning_is_the_longest_that_fits(text: str, width: int) -> None:
    kept = beginning(text, width)
    assert cell_len(kept) <= width
    assert visible(text).startswith(kept)
    if cell_len(visible(text)) <= width:
        assert kept == visible(text) == clip(text, width)


def test_short_numbers() -> None:
    assert [short(value) for value in (1, 999.994, 1234.5, 2.5e9)] == ["1.00", "999.99", "1,234", "2.5e+09"]
