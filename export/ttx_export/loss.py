"""Output projection and label-smoothed cross-entropy in one step.

The logits of a batch, (tokens × vocabulary), are by far its largest tensor. Here they are made, used and
thrown away in chunks, and their gradient is formed in the forward pass: twice as fast on CPU, and memory
no longer grows with the vocabulary.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function


class LossSums(NamedTuple):
    """Sums over the real tokens of a batch, means over its passes, each a scalar tensor.

    `wanted` carries the gradient; `plain` is the negative log-likelihood in nats, without smoothing and R-Drop.
    """

    wanted: Tensor
    plain: Tensor
    correct: Tensor


class _ProjectedCrossEntropy(Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, labels: Tensor,
        real: Tensor, smoothing: float, r_drop: float, dtype: torch.dtype, chunk: int,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        vocabulary, tokens = weight.shape[0], labels.shape[0]
        passes = features.shape[0] // tokens
        weight_cast = weight.detach().to(dtype)
        features_cast = features.detach().to(dtype).unflatten(0, (passes, tokens))
        grad_features = torch.empty_like(features_cast)
        grad_weight, grad_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        wanted = plain = correct = torch.zeros((), device=features.device)
        step = max(1, chunk // passes)
        for start in range(0, tokens, step):
            part = slice(start, start + step)
            label, keep = labels[part, None].repeat(passes, 1), real[part, None].float().repeat(passes, 1)
            read = features_cast[:, part].flatten(0, 1)
            logits = (read @ weight_cast.t()).float().add_(bias)
            said, most = logits.gather(1, label), logits.amax(1, keepdim=True)
            correct = correct + ((said == most) * keep).sum()
            shares = gradient = logits.softmax(1)
            # log Σ exp of the logits, by way of the likeliest token: logsumexp would pass over all of them again.
            total = most - shares.amax(1, keepdim=True).log()
            negative, uniform = total - said, total - logits.mean(1, keepdim=True)
            plain = plain + (negative * keep).sum()
            wanted = wanted + (((1 - smoothing) * negative + smoothing * uniform) * keep).sum()
            if r_drop:
                apart = torch.sub(*logits.chunk(2)).sub_(torch.sub(*total.chunk(2)))
                divergence, drawn = _drawn_together(shares.unflatten(0, (2, -1)), apart, r_drop)
                wanted = wanted + r_drop * (divergence * keep[: len(apart)]).sum()
                gradient = drawn.flatten(0, 1)
            # d(loss)/d(logits) = softmax − the smoothed one-hot distribution, 0 for padding.
            gradient.sub_(smoothing / vocabulary).scatter_add_(1, label, torch.full_like(negative, smoothing - 1))
            gradient.mul_(keep)
            grad_bias += gradient.sum(0)
            gradient = gradient.to(dtype)
            grad_features[:, part] = (gradient @ weight_cast).unflatten(0, (passes, -1))
            grad_weight += (gradient.t() @ read).float()
        ctx.save_for_backward(
            grad_features.flatten(0, 1).to(features.dtype) / passes, grad_weight / passes, grad_bias / passes
        )
        ctx.mark_non_differentiable(plain, correct)
        return wanted / passes, plain / passes, correct / passes

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale = gradients[0]
        grad_features, grad_weight, grad_bias = ctx.saved_tensors
        return grad_features * scale, grad_weight * scale, grad_bias * scale, *[None] * 6


def _drawn_together(shares: Tensor, apart: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Half of KL(p‖q) + KL(q‖p), (N, 1), and the shares plus α times its gradient by the logits, (2, N, V).

    shares: p and q, (2, N, V); apart: log p - log q, (N, V), which is used up. By the logits of p the gradient is
    (p (log p - log q - KL(p‖q)) + p - q) / 2.
    """
    p, q = shares
    p_from_q = torch.linalg.vecdot(p, apart)[:, None]
    q_from_p = -torch.linalg.vecdot(q, apart)[:, None]
    half = alpha / 2
    pull, drawn = apart.mul_(half), torch.empty_like(shares)
    torch.add(pull, 1 + half - half * p_from_q, out=drawn[0]).mul_(p).sub_(q, alpha=half)
    torch.sub(1 + half - half * q_from_p, pull, out=drawn[1]).mul_(q).sub_(p, alpha=half)
    return (p_from_q + q_from_p) / 2, drawn


def projected_cross_entropy(
    features: Tensor, projection: torch.nn.Linear, labels: Tensor, real: Tensor,
    *, smoothing: float = 0.0, r_drop: float = 0.0, dtype: torch.dtype = torch.float32, chunk: int = 256,
) -> LossSums:  # fmt: skip
    """Cross-entropy of `projection(features)` against labels, summed over the tokens where `real` is true.

    features (N, D) or, for two passes over the same tokens with different dropout, (2·N, D), one pass after the
    other; labels (N,) ids, real (N,) bool. The target distribution puts 1-smoothing on the label and spreads
    `smoothing` evenly over the whole vocabulary (Szegedy et al. 2016, section 7; as PyTorch's
    `cross_entropy(label_smoothing=…)`). `r_drop`, for two passes only, is α of R-Drop (Liang et al. 2021, formula 4,
    halved since the passes' mean is taken): the weight of their symmetric Kullback-Leibler divergence.
    Matrix products run in `dtype`, sums in float32.
    """
    return LossSums(
        *_ProjectedCrossEntropy.apply(  # type: ignore[no-untyped-call]
            features, projection.weight, projection.bias, labels, real, smoothing, r_drop, dtype, chunk
        )
    )
