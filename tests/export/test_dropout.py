"""Dropout leaves out as many elements as it should, scales the others, and is nothing outside training."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ttx_export.dropout import Dropout


@pytest.mark.parametrize("probability", [0.05, 0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_share_that_is_left_out(probability: float, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    x = torch.ones(500, 801, dtype=dtype)
    dropped = Dropout(probability)(x)
    assert dropped.dtype == dtype
    kept = dropped != 0
    assert kept.float().mean() == pytest.approx(1 - probability, abs=5 * (0.25 / x.numel()) ** 0.5)
    torch.testing.assert_close(dropped[kept].unique(), torch.tensor([1 / (1 - probability)], dtype=dtype))


def test_neighbours_are_left_out_independently() -> None:
    torch.manual_seed(1)
    kept = (Dropout(0.5)(torch.ones(400_000)) != 0).float() - 0.5
    for distance in range(1, 9):
        assert abs(float((kept[:-distance] * kept[distance:]).mean())) < 5 * 0.25 / len(kept) ** 0.5


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), st.floats(0, 0.99))
def test_any_shape_and_the_same_seed_the_same_elements(shape: list[int], probability: float) -> None:
    dropout = Dropout(probability)
    torch.manual_seed(7)
    first = dropout(torch.ones(shape))
    torch.manual_seed(7)
    assert first.shape == tuple(shape)
    assert torch.equal(first, dropout(torch.ones(shape)))


def test_the_gradient_goes_where_the_values_went() -> None:
    x = torch.ones(1000, requires_grad=True)
    dropped = Dropout(0.4)(x)
    dropped.sum().backward()
    assert torch.equal(x.grad, dropped.detach())


def test_nothing_happens_outside_training() -> None:
    x = torch.randn(10, 10)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
