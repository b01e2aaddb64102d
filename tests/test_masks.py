"""Masks: what attention may see, and that what it may not see weighs exactly nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tui_transformer.masks import HIDDEN_SCORE, combine_masks, look_ahead_mask, padding_mask, target_padding_mask

PAD = 7


def softmax(scores: np.ndarray) -> np.ndarray:
    """Over the last axis, as a runtime computes it: shifted by the largest score, in float32."""
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def test_padding_is_hidden_and_nothing_else() -> None:
    ids = np.array([[4, 5, 6], [4, PAD, PAD]])
    mask = padding_mask(ids, PAD)
    assert mask.shape == (2, 1, 1, 3)
    assert mask.dtype == np.bool_
    assert mask[:, 0, 0].tolist() == [[True, True, True], [True, False, False]]


def test_a_target_s_start_is_seen_even_where_it_has_the_padding_s_id() -> None:
    mask = target_padding_mask(np.array([[PAD, 5, 6], [PAD, 5, PAD]]), PAD)
    assert mask[:, 0, 0].tolist() == [[True, True, True], [True, True, False]]


def test_padding_mask_of_a_tensor_is_the_same_mask_as_a_tensor() -> None:
    import torch

    ids = np.array([[PAD, 1, PAD], [0, 2, 3]])
    mask = padding_mask(torch.from_numpy(ids), PAD)
    assert isinstance(mask, torch.Tensor)
    assert mask.dtype == torch.bool
    assert np.array_equal(mask.numpy(), padding_mask(ids, PAD))


@given(st.integers(1, 70))
def test_row_t_sees_columns_up_to_t(length: int) -> None:
    mask = look_ahead_mask(length)
    assert mask.shape == (1, 1, length, length)
    assert mask.dtype == np.bool_
    rows, columns = np.indices((length, length))
    assert np.array_equal(mask[0, 0], columns <= rows)


@given(arrays.arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.integers(PAD - 2, PAD)))
def test_combined_mask_sees_what_both_allow(ids: np.ndarray) -> None:
    batch, length = ids.shape
    mask = combine_masks(padding_mask(ids, PAD), look_ahead_mask(length))
    assert mask.shape == (batch, 1, length, length)
    for b, row, column in np.ndindex(batch, length, length):
        assert mask[b, 0, row, column] == (column <= row and ids[b, column] != PAD)


@given(
    arrays.arrays(np.float32, (2, 3, 5, 5), elements=st.floats(-1e4, 1e4, width=32)),
    arrays.arrays(np.bool_, (2, 1, 1, 5)),
)
def test_hidden_positions_weigh_exactly_zero_and_rows_sum_to_one(scores: np.ndarray, padding: np.ndarray) -> None:
    padding[..., 0] = True  # a sentence has at least one piece
    mask = np.broadcast_to(combine_masks(padding, look_ahead_mask(5)), scores.shape)
    weights = softmax(np.where(mask, scores, np.float32(HIDDEN_SCORE)))
    assert (weights[~mask] == 0.0).all()
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_adding_the_hidden_score_hides_as_well(precision: str) -> None:
    scores = np.array([3.0, 3.0 + HIDDEN_SCORE], dtype=precision)
    assert softmax(scores).tolist() == [1.0, 0.0]
