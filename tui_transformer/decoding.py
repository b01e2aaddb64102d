"""The one loop: ids in, decoder, search, cache; for one watched sentence and for a batch of many alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .beam import BeamOptions, BeamSearch
from .search import Greedy, Ids, Rows, Sampling, SamplingOptions, Search

if TYPE_CHECKING:
    from .runtime import Cache, DecoderStep, Runtime


LANES = 16
"""Sums over the source run in vectors of up to so many numbers, and what does not fill a vector is added in another
order: with whole vectors only, a sentence's scores are the same to the last bit whatever it is batched with."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to translate."""

    beam: int = 4
    """Hypotheses kept a sentence; 1 is greedy search."""
    length_penalty: float = 0.6
    max_length: int | None = None
    """Most pieces of a translation; None for twice the source and 10 more."""
    no_repeat_ngram: int = 0
    """No sequence of so many pieces twice in a translation; 0 allows it."""
    sampling: SamplingOptions | None = None
    """Draw instead of searching."""
    prefix: tuple[int, ...] = ()
    """Ids of a forced beginning."""
    candidates: int = 5
    """How many candidates a watched `Step` lists."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One turn of the loop: what the decoder said of each row, whose row it was, and the token it got.

    `sentences` (R,); `chosen` (R,), None in beam search, whose rows have no token of their own.
    """

    step: DecoderStep
    sentences: Rows
    chosen: Ids | None


def make_search(
    sources: Sequence[Sequence[int]], options: Options, positions: int, bos: int, eos: int, scored: bool = False
) -> Search:
    """The search that the options ask for, over sentences given by their source ids."""
    room = max(1, positions - len(options.prefix))
    limits = [min(options.max_length if options.max_length is not None else 2 * len(ids) + 10, room) for ids in sources]
    first = [options.prefix[-1] if options.prefix else bos] * len(sources)
    if options.sampling:
        return Sampling(first, limits, eos, options.sampling, sources)
    if options.beam == 1 and not options.no_repeat_ngram:
        return Greedy(first, limits, eos, scored)
    return BeamSearch(first, limits, eos, BeamOptions(options.beam, options.length_penalty, options.no_repeat_ngram))


def decode(
    runtime: Runtime, cache: Cache, search: Search, bos: int, prefix: Sequence[int] = (), attentions: bool = False
) -> Iterator[Observed]:
    """Drive a search to its end from the encoder's cache; the forced beginning is read first.

    Lazy: whoever stops reading stops the decoding.
    """
    every = np.arange(cache.batch)
    for read, forced in zip((bos, *prefix), prefix, strict=False):
        step = runtime.step(np.full(cache.batch, read, np.int64), cache, search.needs_scores, attentions)
        yield Observed(step, every, np.full(cache.batch, forced, np.int64))
        cache = step.cache
    cache = cache.select(search.sentences)
    while not search.done:
        sentences = search.sentences
        step = runtime.step(search.ids, cache, search.needs_scores, attentions)
        moves = search.advance(step)
        yield Observed(step, sentences, moves.chosen)
        if not search.done:
            cache = step.cache.select(moves.rows, moves.same_sources)


def pad(
    sequences: Sequence[Sequence[int]], pad_id: int, positions: int, hidden: Sequence[Collection[int]] = ()
) -> tuple[Ids, Ids]:
    """Ids and mask (B, S), S the longest sequence rounded up to whole lanes; mask 1 for a piece, 0 for padding.

    S is at most `positions`, which the longest sequence must not exceed. Places that are `hidden` in a sequence get
    the mask of padding as well.
    """
    length = min(-(-max(map(len, sequences)) // LANES) * LANES, positions)
    ids = np.full((len(sequences), length), pad_id, np.int64)
    mask = np.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    for row, places in enumerate(hidden):
        mask[row, list(places)] = 0
    return ids, mask
