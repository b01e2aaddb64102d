"""Cosines, neighbours and sums of embeddings."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tui_transformer.analysis.cosine import cosines, mean_cosine, unit
from tui_transformer.analysis.neighbours import combined, cosines_to, nearest, parse_terms

TABLES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 20), st.integers(1, 6)),
    elements=st.floats(-8, 8, width=16).map(lambda value: value if abs(value) > 0.01 else 0.0),
)


@given(TABLES)
def test_unit_rows_have_length_one_and_keep_their_direction(table: np.ndarray) -> None:
    found = unit(table)
    lengths = np.linalg.norm(table.astype(float), axis=1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), lengths > 0, atol=1e-12)
    np.testing.assert_allclose(found * lengths[:, None], table, atol=1e-6)


@given(TABLES, st.floats(0.1, 100))
def test_cosines_do_not_depend_on_lengths(table: np.ndarray, factor: float) -> None:
    found = cosines_to(table, table[0])
    assert (np.abs(found) <= 1).all()
    np.testing.assert_allclose(
        cosines_to(table.astype(float) * factor, -factor * table[0].astype(float)), -found, atol=1e-9
    )


@given(TABLES, st.integers(1, 25), st.sets(st.integers(0, 19)))
def test_the_nearest_are_the_largest_cosines_of_those_allowed(table: np.ndarray, count: int, without: set[int]) -> None:
    found = nearest(table, table[0], count, sorted(without))
    allowed = [i for i in range(len(table)) if i not in without]
    assert len(found) == min(count, len(allowed))
    assert [cosine for _, cosine in found] == sorted(cosines_to(table, table[0])[allowed], reverse=True)[: len(found)]
    assert not without & {i for i, _ in found}
    assert all(a[0] < b[0] for a, b in pairwise(found) if a[1] == b[1])


def test_a_sum_is_that_of_directions() -> None:
    table = np.array([[2, 0, 0], [0, 5, 0], [0, 0, 0.1], [1, 1, 0]])
    np.testing.assert_allclose(combined(table, [(1, 0), (-1, 1), (1, 2)]), [1, -1, 1])
    # king, man, woman, queen
    table = np.array([[1, 1], [1, 0], [-1, 0], [-1, 1]])
    ((found, cosine),) = nearest(table, combined(table, [(1, 0), (-1, 1), (1, 2)]), 1, [0, 1, 2])
    x, y = np.sqrt(0.5) - 2, np.sqrt(0.5)
    assert (found, cosine) == (3, pytest.approx((y - x) / np.sqrt(2 * (x * x + y * y))))


def test_how_alike_rows_are() -> None:
    assert mean_cosine(cosines(np.eye(3))) == pytest.approx(0)
    assert mean_cosine(cosines(np.array([[1.0, 0], [5, 0], [2, 0]]))) == pytest.approx(1)
    assert mean_cosine(cosines(np.array([[1.0, 0], [-1, 0]]))) == pytest.approx(-1)
    assert mean_cosine(cosines(np.array([[1.0, 0]]))) == 1


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("king - man + woman", [(1, "king"), (-1, "man"), (1, "woman")]),
        ("king", [(1, "king")]),
        ("− king  + a-b", [(-1, "king"), (1, "a-b")]),
        ("+ </s>", [(1, "</s>")]),
    ],
)
def test_sums_are_read(text: str, terms: list[tuple[int, str]]) -> None:
    assert parse_terms(text) == terms


@pytest.mark.parametrize("text", ["", "  ", "king -", "- - king", "king man", "king + - man", "+"])
def test_what_is_no_sum_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"between|write pieces"):
        parse_terms(text)


WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=4)


@given(st.lists(st.tuples(st.sampled_from([1, -1]), WORDS), min_size=1, max_size=5))
def test_any_sum_is_read_back(terms: list[tuple[int, str]]) -> None:
    written = " ".join(f"{'+' if sign > 0 else '-'} {word}" for sign, word in terms)
    assert parse_terms(written) == terms
