"""Do the graphs compute what the PyTorch model computes? Checked at every export, recorded in the manifest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from tui_transformer.runtime import Runtime

from .batches import SpecialIds
from .model import Transformer

TOLERANCE = {"fp32": 1e-4, "fp16": 0.1}
"""Largest allowed difference of a logit, and of an attention weight (these agree far closer)."""

GRID = ((1, 1, 1), (1, 2, 3), (2, 5, 1), (3, 17, 9), (2, 40, 12), (5, 8, 25))
"""(batch, source length, target length): past lengths 0 … target length - 1 are all met on the way."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest absolute differences over the grid, and the share of equal arg-max ids."""

    cases: int
    steps: int
    logits: float
    attention: float
    same_next_id: float

    def within(self, tolerance: float) -> bool:
        """Whether no difference is larger; what is no number is too large."""
        return self.logits <= tolerance and self.attention <= tolerance

    def to_dict(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        return asdict(self)


@torch.inference_mode()
def measure_parity(model: Transformer, runtime: Runtime, special: SpecialIds, seed: int = 0) -> Parity:
    """Step-by-step decoding on a cache in ONNX Runtime against whole prefixes in PyTorch, on random ids."""
    random = np.random.default_rng(seed)
    logits, attention, same = [0.0], [0.0], []
    model.eval()
    longest = model.shape.positions
    grid = [(batch, min(source, longest), min(target, longest)) for batch, source, target in GRID]
    for batch, source_length, target_length in grid:
        source = random.integers(4, model.shape.source_vocabulary, (batch, source_length))
        for row in range(1, batch):  # every row but the first is padded, each to another length
            source[row, max(1, source_length * row // batch) :] = special.source_pad
        target = random.integers(4, model.shape.target_vocabulary, (batch, target_length))
        target[:, 0] = special.target_bos
        encoded = model.encode(torch.from_numpy(source))
        decoded = model.decode(torch.from_numpy(target), encoded)
        expected = model.projection(decoded.features).numpy()
        encoding = runtime.encode(source, (source != special.source_pad).astype(np.int64), attentions=True)
        # What padding attends to is nobody's business: compare the rows of real pieces.
        real = (source != special.source_pad)[None, :, None, :, None]
        attention.append(_difference(encoding.attentions * real, torch.stack(encoded.attentions).numpy() * real))
        cache = encoding.cache
        for t in range(target_length):
            step = runtime.step(target[:, t], cache, attentions=True)
            cache = step.cache
            logits.append(_difference(step.logits(), expected[:, t]))
            own = torch.stack(decoded.self_attentions)[:, :, :, t, : t + 1].numpy()
            cross = torch.stack(decoded.cross_attentions)[:, :, :, t].numpy()
            attention += [_difference(step.self_attentions, own), _difference(step.cross_attentions, cross)]
            same += (step.next_id == expected[:, t].argmax(-1)).tolist()
    steps = sum(target_length for _, _, target_length in grid)
    # np.max, for which a difference that is no number is the largest.
    return Parity(len(grid), steps, float(np.max(logits)), float(np.max(attention)), sum(same) / len(same))


def _difference(left: Any, right: Any) -> float:
    return float(np.abs(left - right).max())
