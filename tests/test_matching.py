"""Pieces by what somebody types."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.analysis.matching import best_matches

PIECES = ["▁", "king", "▁King", "▁kings", "▁taking", "▁kind", "ki", "▁queen", "▁king", "<0x0A>"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("king", ["▁king", "king", "▁King", "▁kings", "▁taking", "▁kind", "ki"]),
        ("▁king", ["▁king", "king", "▁King", "▁kings", "▁taking", "▁kind", "ki"]),
        ("King", ["▁King", "▁king", "king", "▁kings", "▁taking", "▁kind", "ki"]),
        (" kin ", ["▁King", "▁kind", "▁king", "▁kings", "king", "▁taking", "ki"]),
        ("quen", ["▁queen"]),
        ("7", ["▁queen"]),
        ("0A", ["<0x0A>"]),
        ("xyz", []),
    ],
)
def test_the_likeliest_come_first(typed: str, found: list[str]) -> None:
    assert [PIECES[i] for i in best_matches(PIECES, typed, 20)] == found


def test_nothing_typed_finds_the_first() -> None:
    assert best_matches(PIECES, " ", 3) == [0, 1, 2]
    assert best_matches(PIECES, "", 99) == list(range(len(PIECES)))


@given(st.lists(st.text(max_size=5), max_size=20), st.text(max_size=5), st.integers(1, 5))
def test_what_is_typed_is_found_if_it_is_there(pieces: list[str], typed: str, count: int) -> None:
    found = best_matches(pieces, typed, count)
    assert len(set(found)) == len(found) <= count
    wanted = typed.strip().removeprefix("▁")
    if wanted and any(piece.removeprefix("▁") == wanted for piece in pieces):
        first = pieces[found[0]].removeprefix("▁")
        assert first == wanted or str(found[0]) == wanted
