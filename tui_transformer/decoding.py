"""The one loop: ids in, decoder, search, cache; the same for one watched sentence and for a batch of many."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .banning import Banned
from .beam import BeamOptions, BeamSearch
from .generation import Generation
from .ranking import PaperRanking, Ranking, TransformersRanking
from .search import Forced, Greedy, Ids, Rows, Sampling, SamplingOptions, Search

if TYPE_CHECKING:
    from .runtime import Cache, DecoderStep, Runtime


LANES = 16
"""Sums over the source run in vectors of up to this many numbers, and what does not fill a vector is added in another
order: with whole vectors only, a sentence's scores are the same to the last bit whatever it is batched with."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to translate."""

    beam: int = 4
    """Hypotheses kept per sentence; 1 is greedy search."""
    length_penalty: float | None = None
    """None for the model's own, which is 0.6 by default."""
    max_length: int | None = None
    """Most pieces in a translation; None for the model's own: twice the source plus 10, not counting a forced
    beginning, for ours."""
    no_repeat_ngram: int = 0
    """No sequence of this many pieces occurs twice in a translation, forced beginning included; 0 turns this off."""
    sampling: SamplingOptions | None = None
    """Sample instead of searching."""
    prefix: tuple[int, ...] = ()
    """Ids of a forced beginning."""
    target: tuple[int, ...] | None = None
    """Ids of a whole target, without its end, to be read instead of searching for one: `beam`, `max_length` and the
    like have no effect then. What does not fit the model's positions is cut off."""
    candidates: int = 5
    """How many candidates a watched `Step` lists."""
    distributions: bool = False
    """Whether a watched `Step` keeps the log-probabilities of the whole vocabulary."""
    clause_limit: int | None = None
    """Sentences of more pieces are translated clause by clause, 0 for only those too long for the model; None for the
    model's own."""
    quotes: bool | None = None
    """Whether what a sentence quotes is translated by itself; None for the model's own."""

    def __post_init__(self) -> None:
        """Raises ValueError for impossible values."""
        longest = 1 if self.max_length is None else self.max_length
        if min(self.beam, longest) < 1 or min(self.candidates, self.no_repeat_ngram, self.clause_limit or 0) < 0:
            raise ValueError(
                "beam and max_length must be at least 1, candidates, no_repeat_ngram and clause_limit at least 0: "
                f"{self}"
            )
        if self.sampling and self.no_repeat_ngram:
            raise ValueError("sampling does not support no_repeat_ngram")


@dataclass(frozen=True, slots=True)
class Observed:
    """One turn of the loop: what the decoder said about each row, which sentence it belongs to, and the token it got.

    `sentences` (R,); `chosen` (R,), None in beam search, whose rows have no token of their own.
    """

    step: DecoderStep
    sentences: Rows
    chosen: Ids | None


def make_search(
    sources: Sequence[Sequence[int]],
    options: Options,
    positions: int,
    bos: int,
    eos: int,
    scored: bool = False,
    prefixes: Sequence[Sequence[int]] | None = None,
    generation: Generation | None = None,
) -> Search:
    """The search that the options ask for, over sentences given by their source ids.

    `prefixes`: the forced beginning of each sentence, all equally long, instead of the options' one.
    `generation`: the model's own settings where the options say nothing; the defaults of ours if not given.
    Raises ValueError for a forced beginning that leaves no room.
    """
    generation = generation or Generation()
    prefixes = [options.prefix] * len(sources) if prefixes is None else prefixes
    forced = len(prefixes[0])
    if forced >= positions:
        raise ValueError(f"the forced beginning has {forced} pieces: the model has only {positions} positions")
    room = max(1, positions - forced)
    longest = options.max_length or generation.max_length
    most = None if longest is None else max(1, longest - forced)
    limits = [min(most or 2 * len(ids) + 10, room) for ids in sources]
    if generation.forced_end:
        limits = [max(1, limit - 1) for limit in limits]
    first = [prefix[-1] if prefix else bos for prefix in prefixes]
    if options.target is not None:
        return Forced(first, [options.target[: room - 1]] * len(sources), eos)
    if options.sampling:
        return Sampling(first, limits, eos, options.sampling, sources)
    if options.beam == 1 and not options.no_repeat_ngram:
        return Greedy(first, limits, eos, scored)
    beam = BeamOptions(options.beam, ranking(options, generation), options.no_repeat_ngram)
    return BeamSearch(first, limits, eos, beam, prefixes)


def ranking(options: Options, generation: Generation) -> Ranking:
    """How the model wants hypotheses compared, with the options' length penalty if they have one."""
    alpha = generation.length_penalty if options.length_penalty is None else options.length_penalty
    if generation.ranking == "transformers":
        return TransformersRanking(alpha, generation.early_stopping, generation.forced_end)
    return PaperRanking(alpha)


def decode(
    runtime: Runtime,
    cache: Cache,
    search: Search,
    bos: int,
    prefixes: Sequence[Sequence[int]] | None = None,
    attentions: bool = False,
    banned: Banned | None = None,
) -> Iterator[Observed]:
    """Drive a search to its end from the encoder's cache; forced beginnings, all equally long, are read first.

    `banned`: what the search must not choose. Lazy: stop reading, and decoding stops.
    """
    banned = banned or Banned()
    every = np.arange(cache.rows)
    columns = np.array([(bos, *prefix) for prefix in prefixes or [()] * cache.rows], np.int64).T
    for read, forced in pairwise(columns):
        step = runtime.step(read, cache, search.needs_scores, attentions)
        yield Observed(step, every, forced)
        cache = step.cache
    cache = cache.select(search.sentences)
    begins = len(columns) == 1
    while not search.done:
        sentences, now = search.sentences, banned.at(begins)
        step = runtime.step(search.ids, cache, search.needs_scores or bool(now.ids), attentions)
        moves = search.advance(now.without(step))
        begins = False
        yield Observed(step, sentences, moves.chosen)
        if not search.done:
            cache = step.cache.select(moves.rows, moves.sentences)


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
