"""The fused loss is PyTorch's own cross-entropy, and so are its gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import Linear
from torch.nn import functional as F
from ttx_export.loss import projected_cross_entropy

TOKENS, D_MODEL, VOCABULARY = 13, 6, 11


def case(seed: int = 0) -> tuple[Tensor, Linear, Tensor, Tensor]:
    torch.manual_seed(seed)
    features = torch.randn(TOKENS, D_MODEL, requires_grad=True)
    labels = torch.randint(VOCABULARY, (TOKENS,))
    return features, Linear(D_MODEL, VOCABULARY), labels, torch.rand(TOKENS) < 0.7


@given(st.integers(0, 99), st.sampled_from([0.0, 0.1, 0.5]), st.integers(1, TOKENS + 1))
def test_value_and_gradients_are_those_of_cross_entropy(seed: int, smoothing: float, chunk: int) -> None:
    features, projection, labels, real = case(seed)
    sums = projected_cross_entropy(features, projection, labels, real, smoothing=smoothing, chunk=chunk)
    (sums.wanted * 3).backward()
    mine = [features.grad, projection.weight.grad, projection.bias.grad]

    features.grad = projection.weight.grad = projection.bias.grad = None
    padded = labels.masked_fill(~real, -100)
    logits = projection(features)
    expected = F.cross_entropy(logits, padded, label_smoothing=smoothing, reduction="sum")
    (expected * 3).backward()

    torch.testing.assert_close(sums.wanted, expected.detach(), rtol=1e-5, atol=1e-5)
    for found, wanted in zip(mine, [features.grad, projection.weight.grad, projection.bias.grad], strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(sums.plain, F.cross_entropy(logits, padded, reduction="sum").detach())
    assert sums.correct == ((logits.argmax(1) == labels) & real).sum()


def test_padding_has_no_gradient_whatever_its_label() -> None:
    features, projection, labels, real = case()
    results = []
    for changed in (labels, labels.masked_fill(~real, 7)):
        features.grad = None
        sums = projected_cross_entropy(features, projection, changed, real, smoothing=0.1)
        sums.wanted.backward()
        assert features.grad is not None
        assert (features.grad[~real] == 0).all()
        results.append((sums.wanted.item(), features.grad))
    assert results[0][0] == results[1][0]
    assert torch.equal(results[0][1], results[1][1])


def test_bfloat16_is_near_float32() -> None:
    features, projection, labels, real = case()
    exact = projected_cross_entropy(features, projection, labels, real, smoothing=0.1)
    rough = projected_cross_entropy(features, projection, labels, real, smoothing=0.1, dtype=torch.bfloat16)
    assert rough.wanted.dtype == torch.float32
    assert rough.wanted.item() != exact.wanted.item()
    assert rough.wanted.item() == pytest.approx(exact.wanted.item(), rel=0.02)


@given(st.integers(0, 99), st.sampled_from([0.0, 0.1]), st.sampled_from([0.5, 5.0]), st.integers(1, TOKENS + 1))
def test_r_drop_is_its_formula_and_its_gradients_are_autograds(
    seed: int, smoothing: float, alpha: float, chunk: int
) -> None:
    features, projection, labels, real = case(seed)
    other = torch.randn(TOKENS, D_MODEL)
    both = torch.cat([features.detach(), other]).requires_grad_()
    sums = projected_cross_entropy(both, projection, labels, real, smoothing=smoothing, r_drop=alpha, chunk=chunk)
    sums.wanted.backward()
    mine = [both.grad, projection.weight.grad, projection.bias.grad]

    both.grad = projection.weight.grad = projection.bias.grad = None
    logits = projection(both)
    padded = labels.masked_fill(~real, -100).repeat(2)
    smoothed = F.cross_entropy(logits, padded, label_smoothing=smoothing, reduction="sum")
    p, q = logits.log_softmax(1)[:TOKENS][real], logits.log_softmax(1)[TOKENS:][real]
    apart = F.kl_div(q, p, log_target=True, reduction="sum") + F.kl_div(p, q, log_target=True, reduction="sum")
    expected = (smoothed + alpha * apart / 2) / 2
    expected.backward()

    torch.testing.assert_close(sums.wanted, expected.detach(), rtol=1e-5, atol=1e-5)
    for found, wanted in zip(mine, [both.grad, projection.weight.grad, projection.bias.grad], strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(sums.plain, F.cross_entropy(logits, padded, reduction="sum").detach() / 2)


def test_two_equal_passes_are_one() -> None:
    features, projection, labels, real = case()
    once = projected_cross_entropy(features, projection, labels, real, smoothing=0.1)
    twice = projected_cross_entropy(
        torch.cat([features, features]), projection, labels, real, smoothing=0.1, r_drop=3.0
    )
    torch.testing.assert_close(list(once), list(twice))
