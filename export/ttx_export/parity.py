"""Do the graphs compute what the PyTorch model computes? Checked at every export, recorded in the manifest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from tui_transformer.runtime import Ids, Runtime

from .batches import SpecialIds
from .model import Transformer

TOLERANCE = {"fp32": 1e-4, "fp16": 0.1}
"""Largest allowed difference of a logit, and of an attention weight (these agree far closer)."""

USUAL_LOGIT = 10.0

GRID = ((1, 1, 1), (1, 2, 3), (2, 5, 1), (3, 17, 9), (2, 40, 12), (5, 8, 25))
"""(batch, source length, target length): past lengths 0 … target length - 1 are all met on the way."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest absolute differences over the grid, the share of equal arg-max ids, and the largest logit there was.

    `attention` is None where the graphs give no attention weights.
    """

    cases: int
    steps: int
    logits: float
    attention: float | None
    same_next_id: float
    largest_logit: float = 0.0

    def within(self, tolerance: float) -> bool:
        """Whether no difference is larger; nan is too large.

        Logits beyond USUAL_LOGIT, which large models made elsewhere have, may differ in proportion, as floats do.
        """
        logits = self.logits <= tolerance * max(1.0, self.largest_logit / USUAL_LOGIT)
        return logits and (self.attention is None or self.attention <= tolerance)

    def told(self) -> str:
        """The differences in words."""
        attention = "" if self.attention is None else f", attention {self.attention:.1e}"
        return f"logits {self.logits:.1e}{attention}"

    def to_dict(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        return asdict(self)


@torch.inference_mode()
def measure_parity(model: Transformer, runtime: Runtime, special: SpecialIds, seed: int = 0) -> Parity:
    """Step-by-step decoding on a cache in ONNX Runtime against whole prefixes in PyTorch, on random ids."""
    random = np.random.default_rng(seed)
    logits, attention, largest, same = [0.0], [0.0], [0.0], []
    shown = runtime.gives_attention
    model.eval()
    longest = model.shape.positions
    grid = [(batch, min(source, longest), min(target, longest)) for batch, source, target in GRID]
    for batch, source_length, target_length in grid:
        source = _pieces(random, model.shape.source_vocabulary, special.source_pad, (batch, source_length))
        for row in range(1, batch):  # every row but the first is padded, each to another length
            source[row, max(1, source_length * row // batch) :] = special.source_pad
        target = _pieces(random, model.shape.target_vocabulary, special.target_pad, (batch, target_length))
        target[:, 0] = special.target_bos
        encoded = model.encode(torch.from_numpy(source))
        decoded = model.decode(torch.from_numpy(target), encoded)
        expected = model.projection(decoded.features).numpy()
        largest.append(float(np.abs(expected).max()))
        encoding = runtime.encode(source, (source != special.source_pad).astype(np.int64), shown)
        # What padding attends to does not matter: compare the rows of real pieces.
        real = (source != special.source_pad)[None, :, None, :, None]
        if shown:
            attention.append(_difference(encoding.attentions * real, torch.stack(encoded.attentions).numpy() * real))
        cache = encoding.cache
        for t in range(target_length):
            step = runtime.step(target[:, t], cache, attentions=shown)
            cache = step.cache
            logits.append(_difference(step.logits(), expected[:, t]))
            same += (step.next_id == expected[:, t].argmax(-1)).tolist()
            if not shown:
                continue
            own = torch.stack(decoded.self_attentions)[:, :, :, t, : t + 1].numpy()
            cross = torch.stack(decoded.cross_attentions)[:, :, :, t].numpy()
            attention += [_difference(step.self_attentions, own), _difference(step.cross_attentions, cross)]
    steps = sum(target_length for _, _, target_length in grid)
    # np.max, for which a nan difference is the largest.
    worst = float(np.max(attention)) if shown else None
    return Parity(
        len(grid), steps, float(np.max(logits)), worst, sum(same) / len(same), float(np.max(largest))
    )  # fmt: skip


def _pieces(random: np.random.Generator, size: int, pad: int, shape: tuple[int, int]) -> Ids:
    """Random ids of a vocabulary except padding, which may be anywhere: in Marian's vocabularies it is last."""
    ids = random.integers(4, size, shape)
    return np.where(ids == pad, 3, ids)


def _difference(left: Any, right: Any) -> float:
    return float(np.abs(left - right).max())
