"""Any text at all keeps a grid aligned."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_transformer.render.labels import clip, fit, fraction, graphemes, plain, quoted, visible

ANY = st.text(st.characters(), max_size=30)
AWKWARD = st.text(
    st.sampled_from("a▁中한😀❤️👨‍👩‍👧🇩🇪é\u0301\u200b\u200d\u202e\u2067\n\t\x1b\x00שלוםعربي\ufe0f\u3164[/]"), max_size=20
)
TEXTS = ANY | AWKWARD


@given(TEXTS, st.integers(0, 40), st.sampled_from(["left", "right", "center"]))
def test_fitted_text_is_exactly_as_wide_as_asked(text: str, width: int, align: str) -> None:
    assert cell_len(fit(text, width, align)) == width


@given(TEXTS)
def test_visible_text_moves_nothing(text: str) -> None:
    shown = visible(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp") for character in shown)
    assert visible(shown) == shown
    assert bool(cell_len(shown)) == bool(shown)


@given(TEXTS, st.integers(0, 40))
def test_clipping_keeps_a_beginning(text: str, width: int) -> None:
    shown, clipped = visible(text), clip(text, width)
    assert cell_len(clipped) <= width
    assert clipped == shown or (shown.startswith(clipped.removesuffix("…")) and cell_len(shown) > width)


@given(TEXTS)
def test_graphemes_are_the_text(text: str) -> None:
    assert "".join(graphemes(visible(text))) == visible(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb", "a␊b"), ("\x1b[31m", "␛[31m"), ("\u202eab", "¤ab"), ("\u0301", "◌\u0301"), ("❤️", "❤"), ("[red]", "[red]"),
     ("", ""), ("\x7f", "␡"), ("a\xa0b", "a b")],
)  # fmt: skip
def test_what_cannot_be_seen_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert quoted(text) == f'"{shown}"'


def test_right_to_left_letters_turn_within_their_own_cells() -> None:
    assert fit("שלום", 6) == "\u2066שלום\u2069  "
    assert fit("abc", 6) == "abc   "


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [(0.714, False, ".71"), (1.0, False, "1.0"), (0.999, False, "1.0"), (0.0, False, ".00"), (-0.84, True, "-.84"),
     (-1.0, True, "-1.0"), (0.5, True, " .50"), (-0.001, True, " .00")],
)  # fmt: skip
def test_numbers_without_their_zero(value: float, signed: bool, text: str) -> None:
    assert fraction(value, signed) == text


def test_a_value_in_a_table_is_one_cell() -> None:
    assert [plain(value) for value in (1, 0.1234567, "a\tb\n", True)] == ["1", "0.123457", "a b ", "true"]
    assert {plain(value) for value in (None, float("nan"), np.float32("nan"))} == {""}
