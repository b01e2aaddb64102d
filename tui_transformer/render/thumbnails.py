"""Small pictures of matrices that are still growing: each in a frame that stays where and as large as it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rich.segment import Segment

from tui_transformer.analysis.pooling import pool

from .heatmap import line_of
from .palette import QUIET, Floats, Levels, levels

CROSSED = "╳"


@dataclass(frozen=True, slots=True)
class Frame:
    """So many lines of so many cells (`width`); with `colours` a line shows two rows in half blocks."""

    lines: int
    width: int
    colours: bool

    @property
    def rows(self) -> int:
        """Most rows that are told apart."""
        return self.lines * (2 if self.colours else 1)

    def levels(self, weights: Floats, rows: int, columns: int) -> Levels:
        """The levels (…, r, c) of what is known (…, R, C) of matrices that will have so many `rows` and `columns`.

        What does not fit is pooled, the strongest weight each; where there is room each weight is drawn larger.
        """
        known, wide = weights.shape[-2:]
        rows, columns = max(rows, known, 1), max(columns, wide, 1)
        whole = weights
        if (known, wide) != (rows, columns):
            whole = np.zeros((*weights.shape[:-2], rows, columns), weights.dtype)
            whole[..., :known, :wide] = weights
        pooled = pool(whole, self.rows, self.width)
        drawn = levels(pooled[..., : -(-known * pooled.shape[-2] // rows), :])
        down, across = self._zoom(rows, columns)
        return np.repeat(np.repeat(drawn, down, axis=-2), across, axis=-1)

    def _zoom(self, rows: int, columns: int) -> tuple[int, int]:
        across = max(1, self.width // columns)
        if not self.colours:
            # A line is as high as two columns are wide.
            down = max(1, min(across // 2, self.rows // max(rows, columns)))
            return down, min(2 * down, across)
        both = max(1, min(across, self.rows // max(rows, columns)))
        return both, both

    def draw(self, drawn: Levels) -> list[list[Segment]]:
        """The lines of it, each as wide as the frame."""
        per_line = 2 if self.colours else 1
        filled = drawn.shape[1] if drawn.size else 0
        blank, rest = [Segment(" " * self.width)], [Segment(" " * (self.width - filled))]
        picture = [line_of(drawn[top : top + per_line], self.colours) + rest for top in range(0, len(drawn), per_line)]
        return picture + [blank] * (self.lines - len(picture))

    def crossed(self) -> list[list[Segment]]:
        """The lines of a head that is off."""
        return [[Segment(CROSSED * self.width, QUIET)]] * self.lines
