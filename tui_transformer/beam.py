"""Beam search: several hypotheses per sentence, side by side. Pure numpy on one step's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .ranking import PaperRanking, Ranking
from .search import Answer, Floats, Hypothesis, Ids, Moves, Rows, kept_rows


@dataclass(frozen=True, slots=True)
class Beam:
    """One live hypothesis of a sentence: `parent` is its row, counted within the sentence, before this step."""

    ids: tuple[int, ...]
    log_probability: float
    parent: int


@dataclass(frozen=True, slots=True)
class BeamOptions:
    """`width` hypotheses, compared by `ranking`; no sequence of `no_repeat_ngram` ids occurs twice (0: allowed)."""

    width: int = 4
    ranking: Ranking = field(default_factory=lambda: PaperRanking(0.6))
    no_repeat_ngram: int = 0


class BeamSearch:
    """Keeps the `width` likeliest beginnings of each sentence (Vaswani et al. 2017, 6.1: width 4, alpha 0.6).

    Every sentence has `width` rows. A hypothesis that chooses the end leaves its row to the next best one
    and is ranked by log-probability / length penalty. A sentence is done when `width` hypotheses have ended and no
    live one surpasses the bar that the ranking sets, or when its limit is reached.
    """

    needs_scores = True

    def __init__(
        self, first: Sequence[int], limits: Sequence[int], eos: int, options: BeamOptions,
        forced: Sequence[Sequence[int]] = (),
    ) -> None:  # fmt: skip
        """`first`: what each of N sentences reads first; `limits`: the most tokens it may get, its end included.

        An end that the ranking forces on a hypothesis at the limit does not count. `forced` are the beginnings that the
        sentences have already, if any: what they say may not be repeated either.
        """
        count, width = len(limits), options.width
        self._forced = [tuple(ids) for ids in forced] or [()] * count
        self._eos, self._options, self._width, self._ranking = eos, options, width, options.ranking
        self._limits = np.array(limits, np.int64)
        self._ended: list[list[Hypothesis]] = [[] for _ in limits]
        self._cut_off: list[list[Hypothesis]] = [[] for _ in limits]
        self._bar = np.full(count, -np.inf)
        # For the sentences that still have rows, in the order of the rows: which they are, and what their rows say.
        self._sentence: Rows = np.arange(count)
        self._alive = np.ones(count, bool)
        self._live = np.zeros((count, width, 0), np.int64)
        self._parents = np.zeros((count, width), np.intp)
        # All rows of a sentence start alike: only the first may be continued.
        self._log_probability = np.where(np.arange(width) == 0, np.float32(0), np.float32(-np.inf))[None].repeat(
            count, 0
        )
        self.ids: Ids = np.repeat(np.array(first, np.int64), width)

    @property
    def sentences(self) -> Rows:
        """The sentence of each row (R,)."""
        return np.repeat(self._sentence, self._width)

    @property
    def done(self) -> bool:
        """Whether every sentence has its translation."""
        return not self._alive.any()

    def live(self, sentence: int) -> list[Beam]:
        """The live hypotheses of a sentence that has rows, best first."""
        place = int(np.flatnonzero(self._sentence == sentence)[0])
        rows = zip(
            self._live[place].tolist(),
            self._log_probability[place].tolist(),
            self._parents[place].tolist(),
            strict=True,
        )
        return [Beam(tuple(ids), log_probability, parent) for ids, log_probability, parent in rows]

    def ended(self, sentence: int) -> list[Hypothesis]:
        """The ended hypotheses of a sentence, in the order in which they ended."""
        return self._ended[sentence]

    def advance(self, answer: Answer) -> Moves:
        """Take the decoder's answer for each row."""
        banned = self._banned()
        # Twice the width: even if `width` candidates end, as many continue.
        best = answer.candidates(2 * self._width + max(map(len, banned), default=0))
        totals = best.log_probabilities + self._log_probability.reshape(-1, 1)
        for row, ids in enumerate(banned):
            totals[row, np.isin(best.ids[row], list(ids))] = -np.inf
        values, beams, tokens = best_continuations(totals, best.ids, self._width, 2 * self._width)
        ends = tokens == self._eos
        self._end(self._ranking.counted(ends) & (values > -np.inf), values, beams)
        self._continue(np.argsort(ends, axis=1, kind="stable")[:, : self._width], values, beams, tokens)
        self._retire((~ends[:, : self._width]).sum(axis=1))
        return self._move()

    def _banned(self) -> list[set[int]]:
        """For each row the ids that would repeat one of its n-grams."""
        size = self._options.no_repeat_ngram
        if not size:
            return []
        said = zip((self._forced[sentence] for sentence in self._sentence), self._live.tolist(), strict=True)
        return [repeating_ids((*forced, *ids), size) for forced, rows in said for ids in rows]

    def _end(self, chosen: npt.NDArray[np.bool_], values: Floats, beams: Rows) -> None:
        """Make the `chosen` candidates (N, 2·width) hypotheses."""
        for place, candidate in np.argwhere(chosen & self._alive[:, None]).tolist():
            ids = tuple(self._live[place, beams[place, candidate]].tolist())
            hypothesis = self._hypothesis(ids, float(values[place, candidate]), len(ids) + 1)
            sentence = self._sentence[place]
            self._ended[sentence].append(hypothesis)
            self._bar[sentence] = self._ranking.bar([h.score for h in self._ended[sentence]], self._width)

    def _continue(self, order: Rows, values: Floats, beams: Rows, tokens: Ids) -> None:
        """Make those of the candidates (N, 2·width) that are in `order` (N, width) the live hypotheses."""
        self._parents = np.take_along_axis(beams, order, axis=1)
        self._log_probability = np.take_along_axis(values, order, axis=1)
        before = np.take_along_axis(self._live, self._parents[:, :, None], axis=1)
        self._live = np.concatenate([before, np.take_along_axis(tokens, order, axis=1)[:, :, None]], axis=2)

    def _retire(self, first: Rows) -> None:
        """Mark the sentences that are done, and keep the output of those that the limit cut off.

        `first` (N,): how many live hypotheses were among the `width` best candidates.
        """
        length, best, limits = self._live.shape[2], self._log_probability[:, 0], self._limits[self._sentence]
        hopeful = best.astype(np.float64) / self._ranking.hope(length, limits) > self._bar[self._sentence]
        going = self._alive & (length < limits) & hopeful
        for place in np.flatnonzero(self._alive & ~going):
            sentence = int(self._sentence[place])
            if length >= limits[place]:
                count = self._ranking.cut_off(
                    int(first[place]), self._width, len(self._ended[sentence]), bool(hopeful[place])
                )
                self._cut_off[sentence] = self._unfinished(sentence, count)
        self._alive = going

    def _unfinished(self, sentence: int, count: int) -> list[Hypothesis]:
        """The best `count` live hypotheses of a sentence as they are, with a forced end if they get one."""
        return [
            self._hypothesis(beam.ids, beam.log_probability, len(beam.ids) + self._ranking.forced_end, complete=False)
            for beam in self.live(sentence)[:count]
            if beam.log_probability > -np.inf
        ]

    def _hypothesis(
        self, ids: tuple[int, ...], log_probability: float, length: int, complete: bool = True
    ) -> Hypothesis:
        return Hypothesis(ids, log_probability, log_probability / self._ranking.penalty(length), complete)

    def _move(self) -> Moves:
        # The rows of the last sentences stay: a watcher looks at them once more.
        keep = kept_rows(self._alive) if self._alive.any() else np.arange(len(self._alive))
        sentences = None if len(keep) == len(self._alive) else keep
        self._sentence, self._alive = self._sentence[keep], self._alive[keep]
        self._live, self._log_probability = self._live[keep], self._log_probability[keep]
        self._parents = self._parents[keep]
        self.ids = self._live[:, :, -1].reshape(-1)
        return Moves((keep[:, None] * self._width + self._parents).reshape(-1), sentences)

    def results(self) -> list[list[Hypothesis]]:
        """The ended hypotheses of each sentence and those the limit cut off that count, best first."""
        return [
            sorted([*ended, *cut_off], key=lambda hypothesis: -hypothesis.score)[: self._width]
            for ended, cut_off in zip(self._ended, self._cut_off, strict=True)
        ]


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
    """The next ids that would make the last `size` ids a sequence that has occurred before."""
    tail = tuple(ids[len(ids) - size + 1 :]) if size > 1 else ()
    return {ids[i + size - 1] for i in range(len(ids) - size + 1) if tuple(ids[i : i + size - 1]) == tail}
