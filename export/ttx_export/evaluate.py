"""How good the model in training is: dev loss, and greedy translations straight from PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tui_transformer.source import readable
from tui_transformer.tokenizer import Tokenizer

from .batches import SpecialIds, in_order, make_batch
from .encoded import EncodedCorpus
from .events import DevScore
from .loss import projected_cross_entropy
from .model import Transformer
from .vocabulary import Vocabularies


@torch.inference_mode()
def dev_score(
    model: Transformer, corpus: EncodedCorpus, special: SpecialIds, positions: int, dtype: torch.dtype
) -> DevScore:
    """Score a development set under teacher forcing, in batches of at most `positions` places."""
    device = next(model.parameters()).device
    model.eval()
    loss = correct = tokens = 0.0
    for members in in_order(corpus, positions):
        batch = make_batch(corpus, members, positions, special)
        source, target, output = (
            torch.from_numpy(side).to(device) for side in (batch.source, batch.target_input, batch.target_output)
        )
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            features = model.decode(target, model.encode(source)).features
        real = (output != special.target_pad).flatten()
        sums = projected_cross_entropy(features.flatten(0, 1), model.projection, output.flatten(), real, dtype=dtype)
        loss += sums.plain.item()
        correct += sums.correct.item()
        tokens += real.sum().item()
    return DevScore(loss / tokens, correct / tokens)


@torch.inference_mode()
def translate_greedily(
    model: Transformer, sentences: Sequence[str], source: Tokenizer, target: Tokenizer, special: SpecialIds,
    batch_size: int = 64,
) -> list[str]:  # fmt: skip
    """Translate without a cache, the whole prefix at every step: slow, simple, and independent of ONNX.

    The promise that ONNX Runtime says the same is tested against this.
    """
    device = next(model.parameters()).device
    model.eval()
    limit = model.shape.positions
    encoded = [[*source.encode(readable(sentence))[: limit - 1], special.source_eos] for sentence in sentences]
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
    translations = [""] * len(encoded)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        longest = max(len(encoded[i]) for i in chosen)
        ids = torch.full((len(chosen), longest), special.source_pad)
        for row, i in enumerate(chosen):
            ids[row, : len(encoded[i])] = torch.tensor(encoded[i])
        memory = model.encode(ids.to(device))
        prefix = torch.full((len(chosen), 1), special.target_bos, device=device)
        finished = torch.zeros(len(chosen), dtype=torch.bool, device=device)
        says = torch.tensor([len(encoded[i]) > 1 for i in chosen], device=device)
        # As in `Translator`: a sentence's limit is its own, whatever it is batched with.
        room = torch.tensor([min(limit - 1, 2 * len(encoded[i]) + 10) for i in chosen], device=device)
        for said in range(int(room.max())):
            scores = model.projection(model.decode(prefix, memory).features[:, -1])
            if prefix.shape[1] == 1:
                # Like `Translator`: a source that says something never gets an empty translation.
                scores[says, special.target_eos] = -torch.inf
            chosen_ids = scores.argmax(-1).masked_fill(finished | (said >= room), special.target_eos)
            finished |= chosen_ids == special.target_eos
            if finished.all():
                break
            prefix = torch.cat([prefix, chosen_ids[:, None]], dim=1)
        for row, i in enumerate(chosen):
            translations[i] = target.decode(_until(prefix[row, 1:].tolist(), special.target_eos))
    return translations


def translate_samples(
    model: Transformer, sources: Sequence[str], vocabularies: Vocabularies
) -> tuple[tuple[str, str], ...]:
    """Each source with its greedy translation."""
    said = translate_greedily(model, sources, vocabularies.source, vocabularies.target, vocabularies.special)
    return tuple(zip(sources, said, strict=True))


def _until(ids: list[int], end: int) -> list[int]:
    return ids[: ids.index(end)] if end in ids else ids
