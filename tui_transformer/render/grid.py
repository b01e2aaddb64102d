"""A matrix to be read: labels at its rows and columns, a number in each cell on the colour of its value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.text import Text

from .heatmap import HeatMap
from .labels import cell_len, clip, fit, fraction, graphemes, visible
from .palette import QUIET, STRONG, Floats, cell, glyph, has_colour, levels

LABEL_WIDTH = 16
CELL_WIDTH = 12
UPRIGHT_LINES = 10
MOST_ROWS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Values (R, C), 0…1 or, if `signed`, −1…1, with R labels `rows` and C labels `columns`.

    `full` is the size of a value that has the colour of 1; numbers stay as they are, with two decimals, or with
    three where all are small.

    If the numbers do not fit the width, `overflow` says what gives way: "pool" leaves the numbers out, then writes
    column labels upright, and at last pools into a `HeatMap`; "cut" shows as many columns with their numbers as fit.
    The picture says what is missing.
    """

    values: Floats
    rows: Sequence[str]
    columns: Sequence[str]
    signed: bool = False
    overflow: Literal["pool", "cut"] = "pool"
    full: float = 1.0

    def __post_init__(self) -> None:
        if np.shape(self.values) != (len(self.rows), len(self.columns)):
            raise ValueError(f"values {np.shape(self.values)} need a label for each row and column")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.values.size:
            return
        gutter = min(LABEL_WIDTH, max(cell_len(visible(label)) for label in self.rows)) + 1
        room = max(1, options.max_width - gutter)
        needed = self._number_width if self.overflow == "cut" else 2
        shown = min(len(self.columns), max(1, room // needed)) if self.overflow == "cut" else len(self.columns)
        if (self.overflow == "pool" and room // shown < needed) or len(self.rows) > MOST_ROWS:
            yield HeatMap(self.values, self.rows, self.signed, full=self.full)
            return
        width = min(room // shown, max(self._number_width, self._label_width() + 1))
        yield from self._drawn(console, gutter, shown, width)
        if shown < len(self.columns):
            yield Text(f"the first {shown} of {len(self.columns)} columns: the rest does not fit", style=QUIET)

    @property
    def _digits(self) -> int:
        return 2 if self.full > 0.095 else 3

    @property
    def _number_width(self) -> int:
        """Of a number with its point, its sign and the space behind it."""
        return self._digits + 2 + self.signed

    def _label_width(self) -> int:
        return min(CELL_WIDTH - 1, max(cell_len(visible(label)) for label in self.columns))

    def _drawn(self, console: Console, gutter: int, shown: int, width: int) -> RenderResult:
        numbers = width >= self._number_width
        for line in column_header(self.columns[:shown], width, upright=not numbers):
            yield Segment(" " * gutter + line + "\n", STRONG)
        colours = has_colour(console)
        drawn = levels(self.values[:, :shown] / self.full, self.signed)
        for r, label in enumerate(self.rows):
            yield Segment(fit(label, gutter - 1, "right") + " ", STRONG)
            for c, level in enumerate(drawn[r].tolist()):
                glyphs = "" if colours else glyph(level, self.signed) * (width - 1)
                text = fraction(float(self.values[r, c]), self.signed, self._digits) if numbers else glyphs
                yield Segment(text.rjust(width - 1) + " ", cell(level, self.signed) if colours else None)
            yield Segment.line()


def column_header(labels: Sequence[str], width: int, upright: bool, most: int = UPRIGHT_LINES) -> list[str]:
    """The lines above columns of so many cells: labels in one line, or upright, at most so many lines high."""
    if not upright:
        return ["".join(fit(label, width - 1, "right") + " " for label in labels)]
    letters = [graphemes(clip(label, most)) for label in labels]
    height = max(map(len, letters))
    stacks = [[""] * (height - len(stack)) + stack for stack in letters]
    # A wide letter fills both cells of the narrowest column.
    return ["".join(fit(stack[line], width) for stack in stacks) for line in range(height)]
