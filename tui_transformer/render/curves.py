"""Curves over one axis: lines of braille dots or marks in a box, numbers on either side, ticks below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from .braille import Dots, Mark, Points
from .labels import fit
from .palette import ACCENT, QUIET, Floats, has_colour

GUTTER, RIGHT = 9, 8
TICK_LINES = 4
UPRIGHT = "┊"
_FINE = 8
"""Dots drawn between two neighbouring columns of dots: enough that a steep line has no gaps."""
_STRIDES = tuple(n * 10**k for k in range(7) for n in (1, 2, 5))

Named = Callable[[float], str]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points (N, 2) in the order of x: a line, or with `mark` one such character a point."""

    xy: Floats
    style: Style = field(default_factory=Style)
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Ticks:
    """A row below the box: what it counts, and numbers at places on the x axis; as many as have room are shown."""

    name: str
    places: Sequence[tuple[float, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """A box as wide as there is room and `lines` high. `left` names a value of y, `right` too if it is given.

    What lies above the `y_range` is not drawn; without a range it is that of all points. The two margins are always
    as wide, so that boxes below one another have the same x axis.
    """

    curves: Sequence[Curve]
    x_range: tuple[float, float]
    left: Named
    right: Named | None = None
    lines: int = 12
    ticks: Sequence[Ticks] = ()
    y_range: tuple[float, float] | None = None
    here: float | None = None
    """A place on the x axis where an upright line stands, behind all marks."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = max(1, options.max_width - GUTTER - RIGHT)
        low, high = _widened(*(self.y_range or self._everything()))
        x_range = self.x_range if self.x_range[1] > self.x_range[0] else (self.x_range[0], self.x_range[0] + 1)
        groups = [Points(self._line(curve, x_range, columns), curve.style) for curve in self.curves if not curve.mark]
        marks = self._here(low, high)
        marks += [Mark(x, y, curve.mark, curve.style) for curve in self.curves if curve.mark for x, y in curve.xy]
        box = Dots(groups, x_range, (low, high), columns, self.lines, marks)
        quiet = QUIET if has_colour(console) else None
        for number, row in enumerate(console.render_lines(box, options.update(width=columns), pad=True)):
            named = number % TICK_LINES == 0 or number == self.lines - 1
            y = high - (high - low) * number / max(1, self.lines - 1)
            yield Segment(fit(self.left(y) if named else "", GUTTER - 2, "right") + (" ┤" if named else " │"), quiet)
            yield from row
            yield Segment(" " + fit(self.right(y), RIGHT - 1) if named and self.right else "", quiet)
            yield Segment.line()
        yield Segment(" " * (GUTTER - 1) + "└" + "─" * columns + "\n", quiet)
        for ticks in self.ticks:
            yield Segment(fit(ticks.name, GUTTER - 1) + " " + _row(ticks, x_range, columns) + "\n", quiet)

    def _here(self, low: float, high: float) -> list[Mark]:
        """A mark within each line, which has four rows of dots."""
        if self.here is None:
            return []
        ys = [high - (high - low) * (4 * line + 1.5) / (4 * self.lines - 1) for line in range(self.lines)]
        return [Mark(self.here, y, UPRIGHT, ACCENT) for y in ys]

    def _everything(self) -> tuple[float, float]:
        """The range of all values."""
        values = np.concatenate([np.zeros(0), *(curve.xy[:, 1] for curve in self.curves)])
        values = values[np.isfinite(values)]
        return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)

    def _line(self, curve: Curve, x_range: tuple[float, float], columns: int) -> Floats:
        """Of each column of dots the mean, and a straight line where a column has no value."""
        xy = curve.xy[np.isfinite(curve.xy).all(axis=1)]
        if not len(xy):
            return xy
        most = 2 * columns - 1
        places = np.rint((xy[:, 0] - x_range[0]) / (x_range[1] - x_range[0]) * most).astype(int)
        known, of = np.unique(places, return_inverse=True)
        means = np.bincount(of, xy[:, 1]) / np.bincount(of)
        fine = np.linspace(known[0], known[-1], int(known[-1] - known[0]) * _FINE + 1)
        xs = x_range[0] + fine / most * (x_range[1] - x_range[0])
        return np.stack([xs, np.interp(fine, known, means)], axis=1)


def _widened(low: float, high: float) -> tuple[float, float]:
    """A range in which a constant lies in the middle."""
    margin = 0.0 if high > low else 0.1 * abs(low) or 1.0
    return low - margin, high + margin


def _row(ticks: Ticks, x_range: tuple[float, float], columns: int) -> str:
    """Numbers that begin below their places: all, or those divisible by 2, 5, 10… so that none touches another."""
    for stride in _STRIDES:
        placed = list(_placed(ticks, stride, x_range, columns))
        if all(start + len(text) + 2 <= after for (start, text), (after, _) in pairwise(placed)):
            break
    line = ""
    for start, text in placed:
        if start + len(text) <= columns:
            line = line.ljust(start) + text
    return line


def _placed(ticks: Ticks, stride: int, x_range: tuple[float, float], columns: int) -> Iterator[tuple[int, str]]:
    for x, number in ticks.places:
        share = (x - x_range[0]) / (x_range[1] - x_range[0])
        if 0 <= share <= 1 and number % stride == 0:
            yield round(share * (columns - 1)), f"{number:,}"
