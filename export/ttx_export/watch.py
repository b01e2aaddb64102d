"""All that happens while the model in training translates one sentence greedily, as `Translator.stream` tells it.

Computed straight from PyTorch in float32, so that a run can record at each evaluation what its heads look like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tui_transformer.decoding import Options
from tui_transformer.events import Encoded, Finished, Floats, Step, Trace
from tui_transformer.source import edges, readable
from tui_transformer.watching import Watcher

from .model import Encoded as Memory
from .model import Transformer
from .vocabulary import Vocabularies


@dataclass(frozen=True, slots=True)
class Answer:
    """What the decoder says after a prefix: scores (1, V), attention (L, 1, H, T+1) and (L, 1, H, S)."""

    scores: Floats
    self_attentions: Floats
    cross_attentions: Floats

    def logits(self) -> Floats:
        """All scores (1, V)."""
        return self.scores


@torch.inference_mode()
def watch_greedily(model: Transformer, text: str, vocabularies: Vocabularies) -> Trace:
    """The trace of one sentence, the whole prefix at every step. The model is in evaluation mode afterwards."""
    model.eval()
    device, positions, special = next(model.parameters()).device, model.shape.positions, vocabularies.special
    source, target = vocabularies.source, vocabularies.target
    ids = (*source.encode(readable(edges(text)[1]))[: positions - 1], special.source_eos)
    memory = model.encode(torch.tensor([ids], device=device))
    watcher, steps = Watcher(target, len(ids), Options(beam=1)), list[Step]()
    read, complete = [special.target_bos], False
    # The limit counts the end.
    while not complete and len(steps) < min(2 * len(ids) + 10, positions):
        answer = _read(model, torch.tensor([read], device=device), memory)
        allowed = answer.scores[0].copy()
        if not steps and len(ids) > 1:
            allowed[special.target_eos] = -np.inf
        chosen = int(allowed.argmax())
        steps.append(watcher.step(len(steps), chosen, answer))
        read.append(chosen)
        complete = chosen == special.target_eos
    said = tuple(read[1:-1] if complete else read[1:])
    score = sum(math.log(step.chosen.probability) for step in steps)
    encoded = Encoded(text, source.pieces(ids), ids, _stacked(memory.attentions)[:, 0])
    finished = Finished(target.decode(said), target.pieces(said), said, score, score, complete)
    return Trace(encoded, tuple(steps), (), finished)


def _read(model: Transformer, prefix: Tensor, memory: Memory) -> Answer:
    """The decoder's answer after the last place of a prefix (1, T+1)."""
    decoded = model.decode(prefix, memory)
    own, cross = _stacked(decoded.self_attentions), _stacked(decoded.cross_attentions)
    scores: Floats = model.projection(decoded.features[:, -1]).float().cpu().numpy()
    return Answer(scores, own[:, :, :, -1], cross[:, :, :, -1])


def _stacked(layers: tuple[Tensor, ...]) -> Floats:
    return np.stack([weights.float().cpu().numpy() for weights in layers])
