"""Which pairs make up which batch: decided by (seed, epoch) alone, so that a resumed run sees the same.

Kernels for bf16 products are compiled for every matrix shape, so there are few: both sides of a
batch are padded to one of a score of lengths, and a batch always holds the same number of positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tui_transformer.errors import RecipeError

from .encoded import EncodedCorpus

PADDED_LENGTHS = (8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128, 192, 256, 384, 512)
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Ids that are not text: padding of either side, the target's start, each side's end."""

    source_pad: int
    source_eos: int
    target_pad: int
    target_bos: int
    target_eos: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Teacher forcing: the decoder reads `target_input` and should say `target_output`, one place ahead.

    All (B, P), P the padded length; rows beyond the last pair are padding only.
    """

    source: Rows
    target_input: Rows
    target_output: Rows

    @property
    def shape(self) -> tuple[int, int]:
        """(B, P)."""
        rows, length = self.source.shape
        return rows, length


def padded_length(length: int) -> int:
    """The smallest of the few padded lengths that holds `length` pieces, else `length` itself."""
    return next((padded for padded in PADDED_LENGTHS if padded >= length), length)


def choose_pairs(corpus: EncodedCorpus, weights: dict[str, float], random: np.random.Generator, epoch: int) -> Rows:
    """The pairs that one epoch, counted from 0, sees: each corpus `weight` times, a fraction at random.

    Raises RecipeError if there are none.
    """
    chosen, possible = [], corpus.members(epoch)
    for index, name in enumerate(corpus.names):
        members = possible[corpus.corpus[possible] == index]
        weight = weights.get(name, 1.0)
        whole = int(weight)
        part = round((weight - whole) * len(members))
        chosen += [members] * whole + [random.choice(members, part, replace=False)]
    pairs = np.concatenate(chosen)
    if not len(pairs):
        raise RecipeError("the corpora's weights are so small that an epoch sees no pair")
    return pairs


def plan_epoch(corpus: EncodedCorpus, weights: dict[str, float], positions: int, seed: int, epoch: int) -> list[Rows]:
    """The batches of one epoch, as pair indices, in training order.

    Each batch holds at most `positions` padded positions a side. Deterministic in (seed, epoch).
    """
    random = np.random.default_rng((seed, epoch))
    chosen = choose_pairs(corpus, weights, random, epoch)
    random.shuffle(chosen)
    # One more piece on either side: the end of the source, the start or the end of the target.
    longest = np.maximum(corpus.source.lengths[chosen], corpus.target.lengths[chosen]) + 1
    padded = np.array([padded_length(n) for n in range(int(longest.max()) + 1)])[longest]
    batches = []
    for length in np.unique(padded):
        members = chosen[padded == length]
        rows = max(1, positions // int(length))
        batches += [members[start : start + rows] for start in range(0, len(members), rows)]
    order = random.permutation(len(batches))
    return [batches[i] for i in order]


def make_batch(corpus: EncodedCorpus, members: Rows, positions: int, special: SpecialIds) -> Batch:
    """The tensors of one batch, always max(1, positions // P) rows."""
    longest = max(max(len(corpus.source[i]), len(corpus.target[i])) for i in members) + 1
    length = padded_length(longest)
    rows = max(1, positions // length)
    source = np.full((rows, length), special.source_pad, np.int64)
    target_input = np.full((rows, length), special.target_pad, np.int64)
    target_output = np.full((rows, length), special.target_pad, np.int64)
    for row, member in enumerate(members):
        left, right = corpus.source[member], corpus.target[member]
        source[row, : len(left) + 1] = [*left, special.source_eos]
        target_input[row, : len(right) + 1] = [special.target_bos, *right]
        target_output[row, : len(right) + 1] = [*right, special.target_eos]
    return Batch(source, target_input, target_output)


def in_order(corpus: EncodedCorpus, positions: int) -> Iterator[Rows]:
    """Every pair once, sorted by length: the batches of an evaluation."""
    order = np.argsort(np.maximum(corpus.source.lengths, corpus.target.lengths), kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order):
            last = order[stop]
            length = padded_length(int(max(corpus.source.lengths[last], corpus.target.lengths[last])) + 1)
            if (stop - start + 1) * length > positions:
                break
            stop += 1
        yield order[start:stop]
        start = stop
