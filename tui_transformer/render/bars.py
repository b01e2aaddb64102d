"""Horizontal bars with numbers, and a line of small columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.pooling import pool

from .labels import beginning, cell_len, fit, visible
from .palette import ACCENT, QUIET, Floats, foreground, has_colour, levels

EIGHTHS = " ▏▎▍▌▋▊▉█"
COLUMNS = " ▁▂▃▄▅▆▇█"
LABEL_WIDTH = 24
MOST_CELLS = 60
MOST_COLUMN = 6
LEAST_LABELLED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """A bar for each value, its label before and its number behind it.

    `full` is the value of a bar of full length: the largest one if not given. A negative value has a bar of its
    size in the colour of negative values; its number has the sign. `numbers` are the values with two decimals if
    not given; `highlight` is the bar in the accent colour.
    """

    labels: Sequence[str]
    values: Sequence[float] | Floats
    numbers: Sequence[str] = ()
    full: float | None = None
    highlight: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        values = np.asarray(self.values, np.float64)
        if not len(values):
            return
        numbers = list(self.numbers) or [f"{value:.2f}" for value in values]
        widest = max(cell_len(visible(label)) for label in self.labels)
        label_width = max(1, min(widest, LABEL_WIDTH, options.max_width // 3))
        number_width = max(map(cell_len, numbers))
        cells = max(1, min(MOST_CELLS, options.max_width - label_width - number_width - 2))
        full = self.full or float(np.abs(values).max()) or 1.0
        for i, (label, value, number) in enumerate(zip(self.labels, values, numbers, strict=True)):
            yield Segment(fit(label, label_width) + " ")
            yield Segment(bar(abs(value) / full, cells), self._style(console, i, value / full))
            yield Segment(" " + fit(number, number_width, "right") + "\n")

    def at(self, x: int, y: int, width: int) -> int | None:  # noqa: ARG002
        """The bar that is drawn at a cell."""
        return y if 0 <= y < len(self.values) else None

    def _style(self, console: Console, i: int, share: float) -> Style | None:
        if not has_colour(console):
            return None
        signed = bool(np.min(self.values) < 0)
        # The dark end of the scale would not be seen as a bar.
        strength = np.sign(share) * (0.45 + 0.5 * abs(share)) if signed else 0.4 + 0.5 * share
        return ACCENT if i == self.highlight else foreground(int(levels(np.array(strength), signed)), signed)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A small column for each value 0…1, side by side in one line, with the beginning of its label below if that fits.

    What does not fit the width is pooled, and the picture says so.
    """

    values: Floats
    labels: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        pooled = pool(np.asarray(self.values)[None], 1, max(1, options.max_width))[0]
        width = min(MOST_COLUMN, options.max_width // len(pooled))
        colours = has_colour(console)
        for column, level in zip(sparkline(pooled, high=1), levels(0.3 + 0.7 * pooled), strict=True):
            # The dark end of the scale would not be seen on a dark ground.
            yield Segment(column * max(1, width - 1), foreground(int(level)) if colours else None)
            yield Segment(" " * (width > 1))
        yield Segment.line()
        if self.labels and width >= LEAST_LABELLED:
            short = "".join(fit(beginning(label, width - 1), width) for label in self.labels)
            yield Segment(short + "\n", QUIET if colours else None)
        if len(pooled) < len(self.values):
            yield Text(f"{len(self.values)} shown as {len(pooled)}, the strongest each", style=QUIET)


def bar(share: float, cells: int) -> str:
    """A bar over a share 0…1 of so many cells, to an eighth of a cell; exactly that wide."""
    eighths = round(min(1.0, max(0.0, float(np.nan_to_num(share)))) * cells * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (EIGHTHS[rest] if rest else "")).ljust(cells)


def sparkline(values: Sequence[float] | Floats, low: float = 0.0, high: float | None = None) -> str:
    """A small column a value, one cell each: from `low`, empty, to `high`, full; the largest value if not given."""
    known = np.nan_to_num(np.asarray(values, np.float64))
    if not len(known):
        return ""
    span = (float(known.max()) if high is None else high) - low
    shares = np.clip((known - low) / span, 0, 1) if span > 0 else np.zeros_like(known)
    return "".join(COLUMNS[round(float(share) * 8)] for share in shares)
