"""Dropout for training on CPU, where drawing its masks takes a tenth of the time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_A_DRAW = 4
"""Elements decided by one random number of 64 bits: 16 each."""
_STEPS = 1 << 16


class Dropout(nn.Module):
    """Section 5.4 of the paper: in training each element is 0 with `probability`, the others are scaled up to match.

    Like nn.Dropout, but on CPU four elements share a random number; torch draws one for each. There the probability is
    rounded to a multiple of 2⁻¹⁶.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """x of any shape and precision → the same."""
        if not self.training or not self.probability or x.device.type != "cpu":
            return F.dropout(x, self.probability, self.training)
        drawn = torch.empty(-(-x.numel() // _A_DRAW), dtype=torch.int64).random_(-(2**63), None)
        lots = drawn.view(torch.int16)[: x.numel()].view(x.shape)
        kept = lots >= round(_STEPS * self.probability) - _STEPS // 2
        return x * kept.to(x.dtype).mul_(1 / (1 - self.probability))
