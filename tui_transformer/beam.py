"""Beam search: several hypotheses a sentence, side by side. Pure numpy on one step's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .search import Answer, Floats, Hypothesis, Ids, Moves, Rows, kept_rows


def length_penalty(length: int, alpha: float) -> float:
    """((5 + length) / 6)^alpha, length with its end (Wu et al. 2016, equation 14; Vaswani et al. use 0.6)."""
    return float(((5 + length) / 6) ** alpha)


@dataclass(frozen=True, slots=True)
class Beam:
    """One live hypothesis of a sentence: `parent` is its row, counted within the sentence, before this step."""

    ids: tuple[int, ...]
    log_probability: float
    parent: int


@dataclass(frozen=True, slots=True)
class BeamOptions:
    """`width` hypotheses; `alpha` of the length penalty; no sequence of `no_repeat_ngram` ids twice (0: allowed)."""

    width: int = 4
    alpha: float = 0.6
    no_repeat_ngram: int = 0


class BeamSearch:
    """Keeps the `width` likeliest beginnings of each sentence (Vaswani et al. 2017, 6.1: width 4, alpha 0.6).

    Every sentence has `width` rows. A hypothesis that chooses the end leaves its row to the next best one
    and is ranked by log-probability / length penalty. A sentence is done when `width` hypotheses have
    ended and no live one scores better than all of them, or when its limit is reached.
    """

    needs_scores = True

    def __init__(self, first: Sequence[int], limits: Sequence[int], eos: int, options: BeamOptions) -> None:
        """`first`: what each of N sentences reads first; `limits`: the most tokens it may get, its end included."""
        self._limits, self._eos, self._options, self._width = limits, eos, options, options.width
        self._finished: list[list[Hypothesis]] = [[] for _ in limits]
        # All rows of a sentence start alike: only the first may be continued.
        self._live = [[Beam((), 0.0 if i == 0 else -np.inf, 0) for i in range(self._width)] for _ in limits]
        self._sentence: Rows = np.arange(len(limits))
        self._alive = np.ones(len(limits), bool)
        self.ids: Ids = np.repeat(np.array(first, np.int64), self._width)

    @property
    def sentences(self) -> Rows:
        """The sentence of each row (R,)."""
        return np.repeat(self._sentence, self._width)

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

    def advance(self, answer: Answer) -> Moves:
        """Take the decoder's answer for each row."""
        banned = self._banned()
        # Twice the width: even if `width` candidates end, as many go on.
        best = answer.candidates(2 * self._width + max(map(len, banned), default=0))
        scores = np.array([beam.log_probability for s in self._sentence for beam in self._live[s]], np.float32)
        totals = best.log_probabilities + scores[:, None]
        for row, ids in enumerate(banned):
            totals[row, np.isin(best.ids[row], list(ids))] = -np.inf
        values, beams, tokens = best_continuations(totals, best.ids, self._width, 2 * self._width)
        for place, sentence in enumerate(self._sentence):
            if self._alive[place]:
                self._extend(int(sentence), values[place], beams[place], tokens[place])
                self._alive[place] = self._goes_on(int(sentence))
        return self._move()

    def _banned(self) -> list[set[int]]:
        """For each row the ids that would repeat one of its n-grams."""
        size = self._options.no_repeat_ngram
        if not size:
            return []
        return [repeating_ids(beam.ids, size) for s in self._sentence for beam in self._live[s]]

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
        if len(live.ids) >= self._limits[sentence] or live.log_probability == -np.inf:
            return False
        if len(finished) < self._width:
            return True
        return self._score(live.log_probability, len(live.ids)) > max(hypothesis.score for hypothesis in finished)

    def _score(self, log_probability: float, length: int) -> float:
        return log_probability / length_penalty(length, self._options.alpha)

    def _move(self) -> Moves:
        keep = kept_rows(self._alive)
        same = len(keep) == len(self._alive)
        self._sentence, self._alive = self._sentence[keep], self._alive[keep]
        live = [self._live[s] for s in self._sentence]
        rows = [place * self._width + beam.parent for place, beams in zip(keep, live, strict=True) for beam in beams]
        self.ids = np.array([beam.ids[-1] for beams in live for beam in beams], np.int64)
        return Moves(np.array(rows, np.intp), same)

    def results(self) -> list[list[Hypothesis]]:
        """The ended hypotheses of each sentence, best first; if none has ended, those the limit cut off."""
        found = []
        for finished, live in zip(self._finished, self._live, strict=True):
            cut_off = [
                Hypothesis(b.ids, b.log_probability, self._score(b.log_probability, len(b.ids)), False)
                for b in live
                if b.ids and b.log_probability > -np.inf
            ]
            found.append(sorted(finished or cut_off, key=lambda h: -h.score)[: self._width])
        return found


def best_continuations(totals: Floats, ids: Ids, width: int, count: int) -> tuple[Floats, Rows, Ids]:
    """The `count` best continuations of each sentence, best first, among those of its `width` rows.

    totals and ids (N·width, C) → values, rows within the sentence, ids: each (N, count). Of equal ones the
    lower row comes first, then the likelier candidate.
    """
    size = totals.shape[1]
    values = totals.reshape(-1, width * size)
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    tokens = np.take_along_axis(ids.reshape(-1, width * size), order, axis=1)
    return np.take_along_axis(values, order, axis=1), order // size, tokens


def repeating_ids(ids: Sequence[int], size: int) -> set[int]:
    """The next ids that would make the last `size` ids a sequence that has been there before."""
    tail = tuple(ids[len(ids) - size + 1 :]) if size > 1 else ()
    return {ids[i + size - 1] for i in range(len(ids) - size + 1) if tuple(ids[i : i + size - 1]) == tail}
