"""The inside of a model that there is not: small, always the same, and its parts belong together."""

from __future__ import annotations

from typing import Any

import numpy as np

from tui_transformer.probed import Attended, DecoderInside, EncoderInside, Probed, Stream

SOURCE = ("▁An", "thony", "▁中文", "▁שלום", "👩‍🔬", "▁Donaudampfschifffahrtsgesellschaft", "</s>")
READ = ("<s>", "▁Er", "▁中文", "▁שלום", "[red]")
SAID = (*READ[1:], "</s>")
LAYERS, HEADS, SIZE = 2, 3, 5
VOCABULARY = (*READ, "</s>", "▁sie", "▁es")


def softmax(scores: Any) -> Any:
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def example(padding: int = 0) -> Probed:
    """A sentence of 7 pieces and so much padding, and a translation of 5 with its end."""
    random = np.random.default_rng(7)

    def numbers(*shape: int) -> Any:
        return (1.5 * random.standard_normal(shape)).astype(np.float32)

    def attended(asking: int, visible: Any) -> Attended:
        query, key, value = (numbers(LAYERS, HEADS, count, SIZE) for count in (asking, *[visible.shape[-1]] * 2))
        scores = query @ key.swapaxes(-1, -2) / np.float32(SIZE**0.5)
        masked = np.where(visible, scores, np.float32(-1e9))
        weights = softmax(masked)
        return Attended(query, key, value, scores, masked, weights, weights @ value)

    def stream(count: int, per_layer: int) -> Stream:
        added = numbers(LAYERS * per_layer, count, HEADS * SIZE)
        first = 2 * numbers(1, count, HEADS * SIZE)
        return Stream(np.concatenate([first, first + np.cumsum(added, axis=0)]), added, per_layer)

    S, T = len(SOURCE) + padding, len(READ)
    visible = np.arange(S) < len(SOURCE)
    lens = 3 * numbers(LAYERS + 1, T, len(VOCABULARY))
    decoder = DecoderInside(
        attended(T, np.tri(T, dtype=bool)), attended(T, visible[None]), stream(T, 3), lens[-1], lens
    )
    encoder = EncoderInside(attended(S, visible[None]), stream(S, 2), numbers(S, HEADS * SIZE))
    said = tuple(VOCABULARY.index(piece) for piece in SAID)
    return Probed(
        "An example.", tuple(range(S)), (*SOURCE, *["<pad>"] * padding), tuple(visible.tolist()),
        (0, *said[:-1]), READ, said, SAID, True, encoder, decoder,
    )  # fmt: skip
