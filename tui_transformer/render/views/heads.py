"""What pictures of one attention head share: which head it is, and how numbers are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tui_transformer.heads import Head
from tui_transformer.probed import Attended, Probed
from tui_transformer.render.labels import quoted
from tui_transformer.render.palette import Floats

_BEYOND = -1e4
"""No score is as low as that, unless a mask made it so."""


@dataclass(frozen=True)
class HeadInside:
    """One head of a probed sentence, and the token that asks, by its place from 0. T ask, S answer."""

    probed: Probed
    which: Head
    token: int

    @cached_property
    def attended(self) -> Attended:
        """All heads of this kind."""
        return self.probed.attended(self.which.kind)

    @property
    def asking(self) -> tuple[str, ...]:
        """The pieces that ask (T)."""
        return self.probed.asking(self.which.kind)

    @property
    def answering(self) -> tuple[str, ...]:
        """The pieces that are looked at (S)."""
        return self.probed.answering(self.which.kind)

    def of(self, part: Floats) -> Floats:
        """The head's part of query, key, scores, …: (L, H, …) → (…)."""
        mine: Floats = part[self.which.layer, self.which.head]
        return mine

    @property
    def hidden(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Where the mask hides (T, S)."""
        return np.asarray(self.of(self.attended.masked_scores) < _BEYOND)

    @cached_property
    def unmasked(self) -> Floats:
        """What the weights (T, S) would be if nothing were hidden: the softmax of the scores."""
        scores = self.of(self.attended.scores).astype(np.float64)
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
        return shares

    @property
    def name(self) -> str:
        """Such as: encoder L1 H2."""
        return f"{self.which.kind} L{self.which.layer + 1} H{self.which.head + 1}"

    def reads(self, most: int = 3) -> str:
        """What the token looks at, as a sentence: "sie" reads "her" .81, "him" .09."""
        row = self.of(self.attended.weights)[self.token]
        best = [j for j in np.argsort(-row, kind="stable")[:most].tolist() if row[j] > 0]
        listed = ", ".join(f"{quoted(self.answering[j])} {row[j]:.2f}" for j in best)
        return f"{self.name}: {quoted(self.asking[self.token])} reads {listed}."

    def values(self) -> dict[str, object]:
        """Which head and token, for JSON: layers, heads and places from 1."""
        return {
            "kind": self.which.kind, "layer": self.which.layer + 1, "head": self.which.head + 1,
            "token": self.token + 1, "asking": self.asking, "answering": self.answering,
        }  # fmt: skip


def score_text(score: float) -> str:
    """Two decimals; what a mask made of a score as a power of ten."""
    return f"{score:.0e}".replace("e+0", "e") if score < _BEYOND else f"{score:.2f}"


def weight_text(weight: float) -> str:
    """Three decimals; 0 without any is exactly 0."""
    return f"{weight:.3f}" if weight else "0"


def strongest(weights: Floats, most: int) -> list[int]:
    """The places of the largest weights, in the order of the sentence."""
    return sorted(np.argsort(-weights, kind="stable")[:most].tolist())


def shape(*sizes: int) -> str:
    """Such as (1, 9, 512)."""
    return f"({', '.join(map(str, sizes))})"


def largest(values: Sequence[Floats]) -> float:
    """The largest size of all numbers, for a scale that several pictures share."""
    return max(float(np.abs(part).max()) for part in values)
