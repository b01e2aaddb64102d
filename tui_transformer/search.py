"""How the next token is chosen: greedy or beam search. Pure numpy on the scores of one step.

A search holds R rows, each a hypothesis about one of N sentences, and is driven by the one loop in
`translator`: it names the ids to feed (`ids`), is told the decoder's answer (`advance`), and says which
rows go on. Nothing a search decides for one sentence depends on the other sentences of its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]

COMPACT_BELOW = 0.75
"""Rows of finished sentences are dropped once fewer than this share of all rows is still alive (measured: 1.2×)."""

BLOCK = 128


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A translation in the making or done: ids without start and end, log-probability in nats.

    `score` is what hypotheses are ranked by, `complete` False if the length limit cut it off.
    """

    ids: tuple[int, ...]
    log_probability: float
    score: float
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Moves:
    """Which rows go on: new row i continues old row `rows[i]`. `same_sources`: no row changed its sentence."""

    rows: Rows
    same_sources: bool


class Search(Protocol):
    """What the loop needs of a way to search."""

    needs_logits: bool

    @property
    def first_rows(self) -> Rows:
        """The sentence of each row at the start (R,)."""
        ...

    @property
    def ids(self) -> Ids:
        """The last id of each row (R,): what the decoder reads next."""
        ...

    @property
    def done(self) -> bool:
        """Whether every sentence has its translation."""
        ...

    def advance(self, next_id: Ids, logits: Floats | None) -> Moves:
        """Take the decoder's answer for each row: arg-max (R,) and, if needed, logits (R, V')."""
        ...

    def results(self) -> list[list[Hypothesis]]:
        """The hypotheses of each sentence, best first."""
        ...


def log_softmax(logits: Floats) -> Floats:
    """(R, V) → log-probabilities (R, V)."""
    return logits - log_sum_exp(logits)[:, None]


def log_sum_exp(logits: Floats) -> Floats:
    """(R, V) → (R,), without overflow."""
    top = logits.max(axis=1)
    return top + np.log(np.exp(logits - top[:, None]).sum(axis=1))  # type: ignore[no-any-return]


def length_penalty(length: int, alpha: float) -> float:
    """((5 + length) / 6)^alpha, length with its end (Wu et al. 2016, equation 14; Vaswani et al. use 0.6)."""
    return float(((5 + length) / 6) ** alpha)


class Greedy:
    """Always the likeliest token. `scored` adds up log-probabilities, for which the logits are fetched."""

    def __init__(self, limits: Sequence[int], bos: int, eos: int, scored: bool = False) -> None:
        """`limits`: the most tokens each of the N sentences may get, its end included."""
        self.needs_logits = scored
        self._limits, self._eos = limits, eos
        self._sentence: Rows = np.arange(len(limits))
        self._alive = np.ones(len(limits), bool)
        self._chosen: list[list[int]] = [[] for _ in limits]
        self._log_probability = np.zeros(len(limits))
        self._complete = [False] * len(limits)
        self.ids: Ids = np.full(len(limits), bos, np.int64)

    @property
    def first_rows(self) -> Rows:
        """The sentence of each row at the start (R,)."""
        return np.arange(len(self._limits))

    @property
    def done(self) -> bool:
        """Whether every sentence has its translation."""
        return not self._alive.any()

    def advance(self, next_id: Ids, logits: Floats | None) -> Moves:
        """Take the decoder's answer for each row: arg-max (R,) and, if needed, logits (R, V')."""
        if logits is not None:
            chosen = logits[np.arange(len(next_id)), next_id]
            self._log_probability[self._sentence[self._alive]] += (chosen - log_sum_exp(logits))[self._alive]
        for row in np.flatnonzero(self._alive):
            sentence, token = int(self._sentence[row]), int(next_id[row])
            if token == self._eos:
                self._complete[sentence] = True
            else:
                self._chosen[sentence].append(token)
            # The limit counts the end, which a hypothesis cut off here does not get.
            self._alive[row] = token != self._eos and len(self._chosen[sentence]) < self._limits[sentence]
        keep = _kept_rows(self._alive)
        self.ids = next_id[keep]
        moves = Moves(keep, same_sources=len(keep) == len(self._alive))
        self._sentence, self._alive = self._sentence[keep], self._alive[keep]
        return moves

    def results(self) -> list[list[Hypothesis]]:
        """The hypotheses of each sentence, best first."""
        return [
            [Hypothesis(tuple(ids), float(log_probability), float(log_probability), complete)]
            for ids, log_probability, complete in zip(self._chosen, self._log_probability, self._complete, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Beam:
    """One live hypothesis of a sentence: `parent` is its row before this step."""

    ids: tuple[int, ...]
    log_probability: float
    parent: int


class BeamSearch:
    """Keeps the `width` likeliest beginnings of each sentence (Vaswani et al. 2017, 6.1: width 4, alpha 0.6).

    Every sentence has `width` rows. A hypothesis that chooses the end leaves its row to the next best one
    and is ranked by log-probability / length penalty. A sentence is done when `width` hypotheses have
    ended and no live one scores better than all of them, or when its limit is reached.
    """

    needs_logits = True

    def __init__(self, limits: Sequence[int], bos: int, eos: int, width: int, alpha: float) -> None:
        """`limits`: the most tokens each of the N sentences may get, its end included."""
        self._limits, self._eos, self._width, self._alpha = limits, eos, width, alpha
        self._finished: list[list[Hypothesis]] = [[] for _ in limits]
        # All rows of a sentence start alike: only the first may be continued.
        self._live = [[Beam((), 0.0 if i == 0 else -np.inf, 0) for i in range(width)] for _ in limits]
        self._sentence: Rows = np.arange(len(limits))
        self._alive = np.ones(len(limits), bool)
        self.ids: Ids = np.full(len(limits) * width, bos, np.int64)

    @property
    def first_rows(self) -> Rows:
        """The sentence of each row at the start (R,)."""
        return np.repeat(np.arange(len(self._limits)), self._width)

    @property
    def done(self) -> bool:
        """Whether every sentence has its translation."""
        return not self._alive.any()

    @property
    def live(self) -> list[list[Beam]]:
        """The live hypotheses of each sentence, best first."""
        return self._live

    @property
    def finished(self) -> list[list[Hypothesis]]:
        """The ended hypotheses of each sentence, in the order in which they ended."""
        return self._finished

    def advance(self, next_id: Ids, logits: Floats | None) -> Moves:
        """Take the decoder's answer for each row: arg-max (R,) and, if needed, logits (R, V')."""
        assert logits is not None
        assert len(next_id) == len(logits)
        scores = np.array([beam.log_probability for s in self._sentence for beam in self._live[s]], np.float32)
        totals = logits + (scores - log_sum_exp(logits))[:, None]
        # Twice the width: even if `width` candidates end, as many go on.
        values, beams, tokens = best_candidates(totals.reshape(len(self._sentence), self._width, -1), 2 * self._width)
        for place, sentence in enumerate(self._sentence):
            if self._alive[place]:
                self._extend(int(sentence), values[place], beams[place], tokens[place])
                self._alive[place] = self._goes_on(int(sentence))
        return self._move()

    def _extend(self, sentence: int, values: Floats, beams: Rows, tokens: Ids) -> None:
        """Replace a sentence's live hypotheses by its best candidates; those that end are finished."""
        before, after = self._live[sentence], list[Beam]()
        for value, beam, token in zip(values.tolist(), beams.tolist(), tokens.tolist(), strict=True):
            if len(after) == self._width:
                break
            ids = before[beam].ids
            if token != self._eos:
                after.append(Beam((*ids, token), value, beam))
            elif value > -np.inf:
                self._finished[sentence].append(Hypothesis(ids, value, self._score(value, len(ids) + 1)))
        self._live[sentence] = after

    def _goes_on(self, sentence: int) -> bool:
        live, finished = self._live[sentence][0], self._finished[sentence]
        if len(live.ids) >= self._limits[sentence]:
            return False
        if len(finished) < self._width:
            return True
        return self._score(live.log_probability, len(live.ids)) > max(hypothesis.score for hypothesis in finished)

    def _score(self, log_probability: float, length: int) -> float:
        return log_probability / length_penalty(length, self._alpha)

    def _move(self) -> Moves:
        keep = _kept_rows(self._alive)
        same = len(keep) == len(self._alive)
        self._sentence, self._alive = self._sentence[keep], self._alive[keep]
        live = [self._live[s] for s in self._sentence]
        rows = [place * self._width + beam.parent for place, beams in zip(keep, live, strict=True) for beam in beams]
        self.ids = np.array([beam.ids[-1] for beams in live for beam in beams], np.int64)
        return Moves(np.array(rows, np.intp), same)

    def results(self) -> list[list[Hypothesis]]:
        """The hypotheses of each sentence, best first."""
        found = []
        for finished, live in zip(self._finished, self._live, strict=True):
            cut_off = [
                Hypothesis(b.ids, b.log_probability, self._score(b.log_probability, len(b.ids)), False)
                for b in live
                if b.ids and b.log_probability > -np.inf
            ]
            found.append(sorted(finished or cut_off, key=lambda h: -h.score)[: self._width])
        return found


def best_candidates(totals: Floats, count: int) -> tuple[Floats, Rows, Ids]:
    """The `count` best of each sentence's continuations: totals (N, beams, V) → values, beams, ids (N, count).

    Best first; equal ones in order of beam and id. Looks for the best blocks first: each of the best
    `count` continuations lies in one of the best `count` blocks.
    """
    sentences, _, vocabulary = totals.shape
    block = BLOCK if vocabulary % BLOCK == 0 else vocabulary
    blocks = totals.reshape(sentences, -1, block)
    best = np.sort(_largest(blocks.max(axis=2), count), axis=1)
    candidates = np.take_along_axis(blocks, best[:, :, None], axis=1).reshape(sentences, -1)
    chosen = np.sort(_largest(candidates, count), axis=1)
    values = np.take_along_axis(candidates, chosen, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    chosen, values = np.take_along_axis(chosen, order, axis=1), np.take_along_axis(values, order, axis=1)
    flat = np.take_along_axis(best, chosen // block, axis=1) * block + chosen % block
    return values, flat // vocabulary, flat % vocabulary


def _largest(values: Floats, count: int) -> Rows:
    """Columns of the `count` largest of each row, the lower column where equal: (N, M) → (N, min(count, M))."""
    if count >= values.shape[1]:
        return np.broadcast_to(np.arange(values.shape[1]), values.shape)
    return np.argsort(-values, axis=1, kind="stable")[:, :count]


def _kept_rows(alive: npt.NDArray[np.bool_]) -> Rows:
    """Finished sentences are dropped only when that shrinks the batch worth its copy."""
    if alive.mean() < COMPACT_BELOW:
        return np.flatnonzero(alive)
    return np.arange(len(alive))
