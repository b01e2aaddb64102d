"""How likely the model finds given translations. Batched by length, in order, through `Translator.force`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from .batching import Batching, naming_lines
from .runtime import usable_cores
from .source import until_refused
from .translator import ForcedTarget, Translator
from .window import batches_by_length, spread

Pair = tuple[str, str]
"""Source and target."""

_NATS_PER_BIT = math.log(2)


@dataclass(frozen=True, slots=True)
class PairScore:
    """What the model makes of one pair: the target's pieces, their end included, and how likely each was.

    Log-probabilities are natural. `cut`: a side was longer than the model's positions, and only its
    beginning was scored. A pair without any text has no pieces.
    """

    pieces: tuple[str, ...]
    log_probabilities: tuple[float, ...]
    cut: bool = False

    @property
    def log_probability(self) -> float:
        """Of the whole target, in nats."""
        return math.fsum(self.log_probabilities)

    @property
    def perplexity(self) -> float:
        """Among how many equally likely pieces the model was undecided, so to speak: 1 is certainty."""
        return perplexity(self.log_probability, len(self.pieces))

    @property
    def surprisals(self) -> tuple[float, ...]:
        """How unexpected each piece was, in bits."""
        return tuple(-value / _NATS_PER_BIT for value in self.log_probabilities)


@dataclass(frozen=True, slots=True)
class CorpusScore:
    """The sum over many pairs."""

    pairs: int = 0
    pieces: int = 0
    log_probability: float = 0.0

    @property
    def perplexity(self) -> float:
        """Per piece, over all pairs: long ones count for more."""
        return perplexity(self.log_probability, self.pieces)

    @property
    def bits(self) -> float:
        """The surprisal of everything."""
        return -self.log_probability / _NATS_PER_BIT

    def plus(self, score: PairScore) -> CorpusScore:
        """With one more pair."""
        total = self.log_probability + score.log_probability
        return CorpusScore(self.pairs + 1, self.pieces + len(score.pieces), total)


def perplexity(log_probability: float, pieces: int) -> float:
    """exp of the mean surprisal in nats."""
    return math.exp(-log_probability / pieces) if pieces else 1.0


def score_pairs(translator: Translator, pairs: Iterable[Pair], batching: Batching | None = None) -> Iterator[PairScore]:
    """One score for each pair, in order. Lazy, and flat in memory."""
    batching = batching or Batching(workers=usable_cores())
    return score_windows(translator, _windows(pairs, batching), batching)


def score_windows(translator: Translator, windows: Iterable[list[Pair]], batching: Batching) -> Iterator[PairScore]:
    """`score_pairs` for callers that know which pairs should be processed together.

    Raises TranslationError, after the last window that succeeded, if a worker dies.
    """
    done = 0
    with ThreadPoolExecutor(batching.workers) as pool:
        for window in windows:
            with naming_lines(done, len(window)):
                yield from _score_window(translator, window, batching, pool)
            done += len(window)


def _windows(pairs: Iterable[Pair], batching: Batching) -> Iterator[list[Pair]]:
    """At first small, so that the first score comes soon."""
    rest, size = iter(pairs), min(batching.first_window, batching.window)
    while window := list(islice(rest, size)):
        yield window
        size = min(2 * size, batching.window)


def _score_window(
    translator: Translator, window: list[Pair], batching: Batching, pool: ThreadPoolExecutor
) -> Iterator[PairScore]:
    sources, refusal = until_refused(window, lambda pair: translator.whole(pair[0]))
    targets = [translator.target_ids(target) for _, target in window[: len(sources)]]
    lengths = [max(len(source.ids), len(target)) for source, target in zip(sources, targets, strict=True)]
    batches = list(batches_by_length(range(len(sources)), lengths, batching.rows, 1))

    def force(batch: list[int]) -> list[ForcedTarget]:
        return translator.force([sources[i] for i in batch], [targets[i] for i in batch])

    for source, target, forced in zip(sources, targets, spread(pool, batches, force), strict=True):
        if not source.ids and not target:
            yield PairScore((), ())
            continue
        ids = (*forced.ids, translator.special.target_eos)
        cut = len(forced.ids) < len(target) or translator.reading.is_cut(source)
        yield PairScore(translator.target.pieces(ids), forced.log_probabilities, cut)
    if refusal:
        raise refusal
