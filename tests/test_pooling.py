"""Pooling: smaller, and no peak is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tui_transformer.analysis.pooling import block_of, pool

MATRICES = arrays.arrays(
    np.float64, arrays.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.floats(-1, 1)
)
SIZES = st.integers(1, 40)


@given(MATRICES, SIZES, SIZES)
def test_it_fits_and_what_fits_stays(matrix: np.ndarray, rows: int, columns: int) -> None:
    pooled = pool(matrix, rows, columns)
    assert pooled.shape == (min(rows, len(matrix)), min(columns, matrix.shape[1]))
    if pooled.shape == matrix.shape:
        assert np.array_equal(pooled, matrix)


@given(MATRICES, SIZES, SIZES)
def test_peaks_stay_and_nothing_is_made_up(matrix: np.ndarray, rows: int, columns: int) -> None:
    pooled = pool(matrix, rows, columns)
    assert np.abs(pooled).max() == np.abs(matrix).max()
    assert np.isin(pooled, matrix).all()


@given(MATRICES, SIZES, SIZES)
def test_each_value_is_the_strongest_of_its_own_block(matrix: np.ndarray, rows: int, columns: int) -> None:
    pooled = pool(matrix, rows, columns)
    down, across = (np.arange(n + 1) * whole // n for n, whole in zip(pooled.shape, matrix.shape, strict=True))
    for i in range(pooled.shape[0]):
        for j in range(pooled.shape[1]):
            block = matrix[down[i] : down[i + 1], across[j] : across[j + 1]]
            assert abs(pooled[i, j]) == np.abs(block).max()


def test_a_stack_is_pooled_like_each_of_its_matrices() -> None:
    stack = np.random.default_rng(1).normal(size=(2, 3, 17, 23))
    for values in (stack, np.abs(stack)):
        pooled = pool(values, 5, 6)
        assert all(np.array_equal(pooled[place], pool(values[place], 5, 6)) for place in np.ndindex(2, 3))


@pytest.mark.parametrize("size", [(0, 3), (3, 0), (-1, 1)])
def test_nothing_left_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="nothing to see"):
        pool(np.ones((2, 2)), *size)


@given(st.integers(1, 60), SIZES, st.data())
def test_the_block_of_a_row_is_the_one_that_holds_its_value(whole: int, rows: int, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, whole - 1))
    matrix = np.zeros((whole, 1))
    matrix[place] = 1
    pooled = pool(matrix, rows, 1)
    assert pooled[block_of(place, whole, len(pooled)), 0] == 1
    assert pooled.sum() == 1
