"""Calibration for 8-bit integers: which range of activations enters each linear layer.

Read off the PyTorch model under teacher forcing on real sentences, one at a time, so that no padding is
counted. Rare extremes are clipped where that lowers the mean squared rounding error.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from .batches import SpecialIds
from .encoded import EncodedCorpus
from .linear import Range
from .model import Transformer

SHRINKS = np.linspace(1.0, 0.4, 25)
"""Shares of the full range to try."""

VALUES_A_LAYER = 400_000


@torch.inference_mode()
def calibrate(
    model: Transformer, corpus: EncodedCorpus, special: SpecialIds, members: Iterable[int]
) -> dict[str, Range]:
    """The input range of every linear layer, by its name in the model, over the chosen pairs of a corpus."""
    seen: dict[str, list[npt.NDArray[np.float32]]] = {}

    def remember(name: str) -> object:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            seen.setdefault(name, []).append(inputs[0].flatten().numpy())

        return hook

    model.eval()
    hooks = [
        module.register_forward_pre_hook(remember(name))  # type: ignore[arg-type]
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        for member in members:
            source = torch.tensor([[*corpus.source[member].tolist(), special.source_eos]])
            target = torch.tensor([[special.target_bos, *corpus.target[member].tolist()]])
            model(source, target)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: best_range(np.concatenate(values)) for name, values in seen.items()}


def best_range(values: npt.NDArray[np.float32]) -> Range:
    """The range whose 8-bit rounding and clipping give the least mean squared error on these values."""
    low, high = float(values.min()), float(values.max())
    if len(values) > VALUES_A_LAYER:
        values = np.random.default_rng(0).choice(values, VALUES_A_LAYER, replace=False)
    return min((Range(low * share, high * share) for share in SHRINKS), key=lambda r: rounding_error(values, r))


def rounding_error(values: npt.NDArray[np.float32], candidate: Range) -> float:
    """Mean squared difference between values and their 8-bit images."""
    scale, zero = candidate.scale_and_zero()
    integers = np.clip(np.rint(values / scale) + int(zero), 0, 255)
    return float(np.mean((values - (integers - int(zero)) * scale) ** 2))
