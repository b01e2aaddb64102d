"""How the next token is chosen: greedy search, sampling, or a given target. Pure numpy on one step's answer.

A search holds R rows, each a hypothesis about one of N sentences, and is driven by the one loop in
`decoding`: it names the ids to feed (`ids`), is told the decoder's answer (`advance`), and says which
rows continue. Nothing a search decides for one sentence depends on the other sentences in its batch.
`beam` has the search that keeps several hypotheses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]

COMPACT_BELOW = 0.9
"""Rows of finished sentences are dropped once less than this share of all rows is still alive (measured)."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A translation, in progress or done: ids without start and end, log-probability in nats.

    `score` is what hypotheses are ranked by, `complete` False if the length limit cut it off.
    """

    ids: tuple[int, ...]
    log_probability: float
    score: float
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Moves:
    """Which rows continue: new row i continues old row `rows[i]`.

    `sentences` are the places of those that continue, None if all do. `chosen` (R,): the token that each old row got,
    None where rows have no token of their own (beam search).
    """

    rows: Rows
    sentences: Rows | None
    chosen: Ids | None = None


class Best(Protocol):
    """Some likely next tokens: `ids` and `log_probabilities` (R, count), likeliest first; `chosen` (R,)."""

    @property
    def ids(self) -> Ids:
        """Ids (R, count)."""
        ...

    @property
    def log_probabilities(self) -> Floats:
        """Their log-probabilities in nats (R, count)."""
        ...

    @property
    def chosen(self) -> Floats:
        """The log-probability of the one id per row that was asked about (R,)."""
        ...


class Answer(Protocol):
    """What the decoder says about the next token of each row (`runtime.DecoderStep` is one)."""

    @property
    def next_id(self) -> Ids:
        """The likeliest id (R,)."""
        ...

    def candidates(self, count: int, chosen: Ids | None = None) -> Best:
        """The `count` likeliest, and how likely the `chosen` ones are (`next_id` if not given)."""
        ...

    def logits(self) -> Floats:
        """All scores (R, V)."""
        ...


class Search(Protocol):
    """What the loop needs of a way to search."""

    needs_scores: bool
    """Whether the answer must be able to give candidates or logits: greedy search wants the arg-max only."""

    @property
    def sentences(self) -> Rows:
        """The sentence of each row (R,)."""
        ...

    @property
    def ids(self) -> Ids:
        """The last id of each row (R,): what the decoder reads next."""
        ...

    @property
    def done(self) -> bool:
        """Whether every sentence has its translation."""
        ...

    def advance(self, answer: Answer) -> Moves:
        """Take the decoder's answer for each row."""
        ...

    def results(self) -> list[list[Hypothesis]]:
        """The hypotheses of each sentence, best first."""
        ...


def log_sum_exp(logits: Floats) -> Floats:
    """(R, V) → (R,), without overflow."""
    top = logits.max(axis=1)
    total: Floats = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return total


def log_softmax(logits: Floats) -> Floats:
    """(R, V) → log-probabilities (R, V)."""
    return logits - log_sum_exp(logits)[:, None]


class OneRow(ABC):
    """A search with one row per sentence: subclasses say which token comes next."""

    needs_scores = True

    def __init__(self, first: Sequence[int], limits: Sequence[int], eos: int) -> None:
        """`first`: what each of N sentences reads first; `limits`: the most tokens it may get, its end included."""
        self._limits, self._eos = limits, eos
        self._sentence: Rows = np.arange(len(limits))
        self._alive = np.ones(len(limits), bool)
        self._chosen: list[list[int]] = [[] for _ in limits]
        self._log_probability = np.zeros(len(limits))
        self._complete = [False] * len(limits)
        self.ids: Ids = np.array(first, np.int64)

    @property
    def sentences(self) -> Rows:
        """The sentence of each row (R,)."""
        return self._sentence

    @property
    def done(self) -> bool:
        """Whether every sentence has its translation."""
        return not self._alive.any()

    @abstractmethod
    def choose(self, answer: Answer, sentences: Rows) -> tuple[Ids, Floats | None]:
        """The next id of each row (R,) and its log-probability, None if it is not wanted."""

    def advance(self, answer: Answer) -> Moves:
        """Take the decoder's answer for each row."""
        next_id, log_probability = self.choose(answer, self._sentence)
        if log_probability is not None:
            self._log_probability[self._sentence[self._alive]] += log_probability[self._alive]
        for row in np.flatnonzero(self._alive):
            sentence, token = int(self._sentence[row]), int(next_id[row])
            if token == self._eos:
                self._complete[sentence] = True
            else:
                self._chosen[sentence].append(token)
            # The limit counts the end, which a hypothesis cut off here does not get.
            self._alive[row] = token != self._eos and len(self._chosen[sentence]) < self._limits[sentence]
        keep = kept_rows(self._alive)
        self.ids = next_id[keep]
        moves = Moves(keep, None if len(keep) == len(self._alive) else keep, next_id)
        self._sentence, self._alive = self._sentence[keep], self._alive[keep]
        return moves

    def results(self) -> list[list[Hypothesis]]:
        """The one hypothesis of each sentence."""
        return [
            [Hypothesis(tuple(ids), float(log_probability), float(log_probability), complete)]
            for ids, log_probability, complete in zip(self._chosen, self._log_probability, self._complete, strict=True)
        ]


class Greedy(OneRow):
    """Always the likeliest token. Log-probabilities, which take time, are summed only if `scored`."""

    def __init__(self, first: Sequence[int], limits: Sequence[int], eos: int, scored: bool = False) -> None:
        super().__init__(first, limits, eos)
        self.needs_scores = scored

    def choose(self, answer: Answer, sentences: Rows) -> tuple[Ids, Floats | None]:  # noqa: ARG002
        """The arg-max."""
        return answer.next_id, answer.candidates(1).chosen if self.needs_scores else None


class Forced(OneRow):
    """A given target, whatever the model would have said: for scores and attention of a known translation."""

    def __init__(self, first: Sequence[int], targets: Sequence[Sequence[int]], eos: int) -> None:
        """`targets`: the ids of each sentence, without start and end."""
        super().__init__(first, [len(target) + 1 for target in targets], eos)
        self._targets = [[*target, eos] for target in targets]
        self.log_probabilities: list[list[float]] = [[] for _ in targets]
        """Of each sentence's tokens, its end included."""

    def choose(self, answer: Answer, sentences: Rows) -> tuple[Ids, Floats | None]:
        """The target's next token."""
        # A row kept beyond its end reads its end again; the result is not used.
        places = [min(len(self.log_probabilities[s]), len(self._targets[s]) - 1) for s in sentences]
        next_id = np.array([self._targets[s][p] for s, p in zip(sentences, places, strict=True)], np.int64)
        chosen = answer.candidates(1, next_id).chosen
        for row in np.flatnonzero(self._alive):
            self.log_probabilities[sentences[row]].append(float(chosen[row]))
        return next_id, chosen


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """Sample instead of taking the best: from the distribution sharpened by `temperature` (below 1) or flattened,
    cut to the `top_k` likeliest (0: all) and to the likeliest that together have probability `top_p`.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for impossible values."""
        if not (0 < self.temperature < float("inf") and self.top_k >= 0 and 0 <= self.top_p <= 1 and self.seed >= 0):
            raise ValueError(f"temperature must be above 0, top_k and seed at least 0, top_p from 0 to 1: {self}")


class Sampling(OneRow):
    """Draws each token. A sentence's draws depend on the seed and its own text, not on its batch."""

    def __init__(
        self, first: Sequence[int], limits: Sequence[int], eos: int, options: SamplingOptions,
        keys: Sequence[Sequence[int]],
    ) -> None:  # fmt: skip
        """`keys`: what makes each sentence's random stream its own, such as its source ids."""
        super().__init__(first, limits, eos)
        self._options = options
        self._random = [np.random.default_rng([options.seed, *key]) for key in keys]

    def choose(self, answer: Answer, sentences: Rows) -> tuple[Ids, Floats | None]:
        """One draw per row; the log-probability is the model's own, before sharpening and cutting."""
        log_probabilities = log_softmax(answer.logits())
        next_id = np.array(
            [draw(log_probabilities[row], self._options, self._random[s]) for row, s in enumerate(sentences)], np.int64
        )
        return next_id, log_probabilities[np.arange(len(next_id)), next_id]


def draw(log_probabilities: Floats, options: SamplingOptions, random: np.random.Generator) -> int:
    """One id from log-probabilities (V,)."""
    order = np.argsort(-log_probabilities, kind="stable")[: options.top_k or None]
    sharpened = log_probabilities[order].astype(np.float64) / options.temperature
    weights = np.exp(sharpened - sharpened.max())
    weights /= weights.sum()
    # As many as are needed to reach top_p, the one that reaches it included (Holtzman et al. 2020).
    nucleus = int(np.searchsorted(np.cumsum(weights), options.top_p)) + 1
    weights = weights[:nucleus] / weights[:nucleus].sum()
    return int(order[random.choice(len(weights), p=weights)])


def kept_rows(alive: npt.NDArray[np.bool_]) -> Rows:
    """Finished sentences are dropped only when that shrinks the batch worth its copy."""
    if alive.mean() < COMPACT_BELOW:
        return np.flatnonzero(alive)
    return np.arange(len(alive))
