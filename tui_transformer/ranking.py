"""How beam search compares hypotheses and when it has seen enough: the paper's way, and that of `transformers`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .generation import EarlyStopping

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


def length_penalty(length: int, alpha: float) -> float:
    """((5 + length) / 6)^alpha, length with its end (Wu et al. 2016, equation 14; Vaswani et al. use 0.6)."""
    return float(((5 + length) / 6) ** alpha)


class Ranking(Protocol):
    """What beam search asks."""

    @property
    def forced_end(self) -> bool:
        """Whether a hypothesis that reaches the limit gets an end there, at no cost, as its last token."""
        ...

    def penalty(self, length: int) -> float:
        """What the log-probability of a hypothesis of this many tokens, its end included, is divided by."""
        ...

    def counted(self, ends: Mask) -> Mask:
        """Which of the candidates (N, 2·width), best first, that chose the end become hypotheses."""
        ...

    def bar(self, scores: Sequence[float], width: int) -> float:
        """What a live hypothesis must still be able to surpass, given the scores of those that have ended."""
        ...

    def hope(self, length: int, limits: npt.NDArray[np.int64]) -> Numbers:
        """The penalty by which live hypotheses of this length are compared with the bar (N,)."""
        ...

    def cut_off(self, first: int, width: int, ended: int, hopeful: bool) -> int:
        """How many live hypotheses count as they are when the limit is reached.

        `first` of them were among the `width` best candidates of the last step, `ended` hypotheses had their end.
        """
        ...


@dataclass(frozen=True, slots=True)
class PaperRanking:
    """Wu et al.'s length penalty. An end counts if fewer than `width` others go on before it. The search is over when
    `width` have ended and no live one beats the best of them. What the limit cuts off counts if nothing has ended.
    """

    alpha: float
    forced_end: bool = False

    def penalty(self, length: int) -> float:
        """Wu et al.'s."""
        return length_penalty(length, self.alpha)

    def counted(self, ends: Mask) -> Mask:
        """Those with fewer than `width` continuing candidates before them."""
        before: Mask = np.cumsum(~ends, axis=1) < ends.shape[1] // 2
        return ends & before

    def bar(self, scores: Sequence[float], width: int) -> float:
        """The best of the ended, once there are `width`."""
        return max(scores) if len(scores) >= width else -np.inf

    def hope(self, length: int, limits: npt.NDArray[np.int64]) -> Numbers:
        """That of the length they have."""
        return np.full(len(limits), self.penalty(length))

    def cut_off(self, first: int, width: int, ended: int, hopeful: bool) -> int:  # noqa: ARG002
        """All, if none has ended."""
        return 0 if ended else width


@dataclass(frozen=True, slots=True)
class TransformersRanking:
    """What `generate` in the `transformers` library does, so that a model made for it says the same here.

    The score is log-probability / length^alpha. An end counts if it is among the `width` best candidates. The search
    is over when `width` have ended and no live hypothesis beats the worst of the `width` best (`early_stopping`
    false), at once when `width` have ended (true), or when none could even at the limit ("never"). At the limit live
    hypotheses compete with the ended ones: with `forced_end` all of them, else those among the best candidates.
    """

    alpha: float
    early_stopping: EarlyStopping = False
    forced_end: bool = True

    def penalty(self, length: int) -> float:
        """length^alpha."""
        return float(length**self.alpha)

    def counted(self, ends: Mask) -> Mask:
        """Those among the first `width`."""
        first: Mask = np.arange(ends.shape[1]) < ends.shape[1] // 2
        return ends & first

    def bar(self, scores: Sequence[float], width: int) -> float:
        """The worst of the `width` best, once there are that many."""
        if len(scores) < width:
            return -np.inf
        return np.inf if self.early_stopping is True else sorted(scores, reverse=True)[width - 1]

    def hope(self, length: int, limits: npt.NDArray[np.int64]) -> Numbers:
        """That of the length they have; or of the longest they could get, if no search may stop too early."""
        if self.early_stopping == "never" and self.alpha > 0:
            return (limits + self.forced_end).astype(np.float64) ** self.alpha
        return np.full(len(limits), self.penalty(length))

    def cut_off(self, first: int, width: int, ended: int, hopeful: bool) -> int:  # noqa: ARG002
        """All with an end to come, if they still matter; without, those among the best."""
        return (width if hopeful else 0) if self.forced_end else first
