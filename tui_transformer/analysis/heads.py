"""Which head does what: a few numbers a head, and a plain name from them. Values only.

The patterns are those that were found in trained models: a neighbour, the same place, the first or last piece,
everything at once (Raganato & Tiedemann 2018; Clark et al. 2019, 3; Voita et al. 2019; Kovaleva et al. 2019). They
say where a head looks in this sentence, not what it is for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .maps import Attention

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

PATTERNS = ("previous", "diagonal", "next", "first", "last")
NUMBERS = ("entropy", "evenness", "focus", *PATTERNS, "coverage")
MOSTLY = 0.5
"""A head is named by a pattern that has at least so much of its weight, or one piece at other places has."""
MOSTLY_WIDE = 0.75
"""The same for the diagonal of encoder–decoder attention, which is three columns wide."""
BROAD = 0.85
"""A head is broad if its entropy is at least this share of the greatest possible."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadStats:
    """Arrays (L, H), means over the rows that may see more than one column; NaN where a kind has no such thing.

    `entropy`: −Σ a log2 a of a row, in bits (Shannon 1948). `evenness`: the entropy as a share of log2 of the number
    of columns the row may see, 1 for equal weights. `focus`: the largest weight of a row (the "confidence" of Voita
    et al. 2019). The patterns are the weight of a row on
      `previous` and `next`: the column before and behind its own (self-attention only),
      `diagonal`: its own column; in encoder–decoder attention those within one of the straight line from the first
      row and column to the last,
      `first` and `last`: the first and the last column.
    `coverage`: Σ over columns of min(1, Σ over rows of a), by the number of columns (the inner part of the coverage
    penalty of Wu et al. 2016, equation 14): 1 if every column has been read in full.
    `crossing`: whether this is encoder–decoder attention.
    """

    entropy: Floats
    evenness: Floats
    focus: Floats
    previous: Floats
    diagonal: Floats
    next: Floats
    first: Floats
    last: Floats
    coverage: Floats
    crossing: bool

    @classmethod
    def of(cls, attention: Attention) -> HeadStats:
        """Of all heads of a kind."""
        weights = attention.weights.astype(np.float64)
        rows, columns = weights.shape[-2:]
        seen = np.tril(np.ones((rows, columns), bool)) if attention.masked else np.ones((rows, columns), bool)
        choice = seen.sum(axis=1) > 1
        entropy = -(weights * np.log2(np.where(weights > 0, weights, 1))).sum(axis=-1)
        most = np.log2(np.maximum(2, seen.sum(axis=1)))
        patterns = {
            name: _mean(_on(weights, place & seen), choice & (place & seen).any(axis=1))
            for name, place in _places(attention, rows, columns).items()
        }
        return cls(
            entropy=_mean(entropy, choice),
            evenness=_mean(entropy / most, choice),
            focus=_mean(weights.max(axis=-1), choice),
            coverage=np.minimum(1, weights.sum(axis=-2)).mean(axis=-1),
            crossing=attention.kind == "cross",
            **patterns,
        )

    def names(self) -> npt.NDArray[np.str_]:
        """A plain name for each head (L, H): a pattern, "broad", "focused" on something else, or "mixed"."""
        patterns = np.nan_to_num(np.stack([getattr(self, name) for name in PATTERNS]))
        needed = np.array([MOSTLY_WIDE if self.crossing and name == "diagonal" else MOSTLY for name in PATTERNS])
        patterns[patterns < needed[:, None, None]] = 0
        named = np.where(patterns.any(axis=0), np.array(PATTERNS)[patterns.argmax(axis=0)], "")
        rest = np.where(self.focus >= MOSTLY, "focused", "mixed")
        return np.where(self.evenness >= BROAD, "broad", np.where(named == "", rest, named))

    def at(self, layer: int, head: int) -> dict[str, float]:
        """All numbers of one head, by name."""
        return {name: float(getattr(self, name)[layer, head]) for name in NUMBERS}


def _places(attention: Attention, rows: int, columns: int) -> dict[str, Mask]:
    """Where each pattern has its weight (R, C); nowhere, if the kind has no such pattern."""
    row, column = np.indices((rows, columns))
    crossing = attention.kind == "cross"
    line = row * (columns - 1) / max(1, rows - 1)
    return {
        "previous": (column == row - 1) & (not crossing),
        "diagonal": np.abs(column - line) <= 1 if crossing else column == row,
        "next": (column == row + 1) & (attention.kind == "encoder"),
        "first": column == 0,
        "last": (column == columns - 1) & (not attention.masked),
    }


def _on(weights: Floats, place: Mask) -> Floats:
    """The sum of each row's weights on some places (R, C) → (L, H, R)."""
    row, column = np.nonzero(place)
    sums = np.zeros(weights.shape[:3])
    if row.size:
        rows, starts = np.unique(row, return_index=True)
        sums[:, :, rows] = np.add.reduceat(weights[:, :, row, column], starts, axis=-1)
    return sums


def _mean(values: Floats, rows: Mask) -> Floats:
    """(L, H, R) → the mean over some rows (L, H), NaN if there are none."""
    if not rows.any():
        return np.full(values.shape[:2], np.nan)
    mean: Floats = values[:, :, rows].mean(axis=-1)
    return mean
