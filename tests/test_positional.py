"""Sinusoids: the paper's formula, its values, and PE(pos + k) = R(k) · PE(pos)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_transformer.architecture import LAYOUTS, Layout
from tui_transformer.positional import frequencies, pair_columns, rotation, sinusoids

layouts = st.sampled_from(LAYOUTS)
sizes = st.integers(1, 64).map(lambda half: 2 * half)
offsets = st.floats(-3000, 3000)


def encoding(position: float, d_model: int, layout: Layout) -> np.ndarray:
    """PE of any real position, written down from section 3.5 of the paper, one dimension at a time."""
    row = np.empty(d_model)
    for i in range(d_model // 2):
        angle = position / 10000 ** (2 * i / d_model)
        sine, cosine = (2 * i, 2 * i + 1) if layout == "interleaved" else (i, d_model // 2 + i)
        row[sine], row[cosine] = math.sin(angle), math.cos(angle)
    return row


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("d_model", [2, 6, 128, 512])
def test_table_follows_the_paper(d_model: int, layout: Layout) -> None:
    table = sinusoids(40, d_model, layout)
    assert table.shape == (40, d_model)
    assert table.dtype == np.float64
    for position in (0, 1, 2, 17, 39):
        np.testing.assert_allclose(table[position], encoding(position, d_model, layout), atol=1e-12)


def test_textbook_values() -> None:
    table = sinusoids(4, 4).round(4).tolist()
    assert table == [
        [0.0, 1.0, 0.0, 1.0],
        [0.8415, 0.5403, 0.01, 1.0],
        [0.9093, -0.4161, 0.02, 0.9998],
        [0.1411, -0.99, 0.03, 0.9996],
    ]


def test_halves_are_all_sines_then_all_cosines() -> None:
    assert sinusoids(2, 4, "halves")[1].round(4).tolist() == [0.8415, 0.01, 0.5403, 1.0]


@given(sizes)
def test_layouts_differ_by_a_fixed_permutation(d_model: int) -> None:
    interleaved, halves = (sinusoids(20, d_model, layout) for layout in LAYOUTS)
    assert np.array_equal(interleaved[:, [*range(0, d_model, 2), *range(1, d_model, 2)]], halves)


@given(sizes, layouts)
def test_first_row_is_zero_for_sines_and_one_for_cosines(d_model: int, layout: Layout) -> None:
    sines, cosines = pair_columns(d_model, layout)
    first = sinusoids(1, d_model, layout)[0]
    assert (first[sines] == 0.0).all()
    assert (first[cosines] == 1.0).all()
    assert len(first[sines]) == len(first[cosines]) == d_model // 2


@given(sizes)
def test_frequencies_fall_geometrically_from_one(d_model: int) -> None:
    values = frequencies(d_model)
    assert values[0] == 1.0
    assert values[-1] > 1e-4
    np.testing.assert_allclose(values[1:] / values[:-1], 10000 ** (-2 / d_model))


@given(sizes, layouts, st.integers(0, 300), st.integers(0, 300))
def test_rotation_by_the_distance_turns_one_position_into_another(
    d_model: int, layout: Layout, here: int, there: int
) -> None:
    table = sinusoids(301, d_model, layout)
    turned = rotation(there - here, d_model, layout) @ table[here]
    np.testing.assert_allclose(turned, table[there], atol=1e-10)


@given(sizes, layouts, offsets, offsets)
def test_rotation_holds_for_positions_before_zero_and_between_whole_ones(
    d_model: int, layout: Layout, position: float, offset: float
) -> None:
    turned = rotation(offset, d_model, layout) @ encoding(position, d_model, layout)
    np.testing.assert_allclose(turned, encoding(position + offset, d_model, layout), atol=1e-9)


@given(sizes, layouts, offsets, offsets)
def test_rotations_form_a_group(d_model: int, layout: Layout, first: float, second: float) -> None:
    one, other = rotation(first, d_model, layout), rotation(second, d_model, layout)
    np.testing.assert_allclose(one @ one.T, np.eye(d_model), atol=1e-12)
    np.testing.assert_allclose(one @ other, rotation(first + second, d_model, layout), atol=1e-9)
    assert np.array_equal(rotation(-first, d_model, layout), one.T)
    assert np.array_equal(rotation(0, d_model, layout), np.eye(d_model))


@given(sizes, layouts, st.integers(0, 200), st.integers(0, 200))
def test_similarity_depends_on_the_distance_alone(d_model: int, layout: Layout, here: int, distance: int) -> None:
    table = sinusoids(401, d_model, layout)
    expected = np.cos(distance * frequencies(d_model)).sum()
    assert table[here] @ table[here + distance] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("d_model", [0, -2, 3, 511])
def test_dimensions_must_come_in_pairs(d_model: int) -> None:
    with pytest.raises(ValueError, match=f"not {d_model}$"):
        sinusoids(4, d_model)


def test_unknown_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="one of interleaved, halves, not 'thirds'"):
        sinusoids(4, 4, "thirds")  # type: ignore[arg-type]
