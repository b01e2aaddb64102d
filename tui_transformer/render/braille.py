"""Points in a box, drawn with braille dots: two by four a cell. For curves, circles and maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style

from .labels import cell_len, clip, graphemes, isolated
from .palette import Floats, has_colour

EMPTY = 0x2800
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of the dot


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points (N, 2), x to the right and y upwards."""

    xy: Floats
    style: Style = field(default_factory=Style)


@dataclass(frozen=True, slots=True)
class Mark:
    """Text that begins at a point."""

    x: float
    y: float
    text: str
    style: Style = field(default_factory=Style)


@dataclass(frozen=True, slots=True, eq=False)
class Dots:
    """A box of `columns` × `lines` cells over the ranges of x and y; points outside are left out.

    Of several groups in a cell the last gives the colour; marks lie above all dots and end at the box.
    """

    groups: Sequence[Points]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    columns: int
    lines: int
    marks: Sequence[Mark] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns, colours = max(1, min(self.columns, options.max_width)), has_colour(console)
        cells = [[(" ", Style.null())] * columns for _ in range(self.lines)]
        bits = np.zeros((self.lines, columns), np.int64)
        for group in self.groups:
            for x, y in self._places(group.xy, 2 * columns, 4 * self.lines):
                bits[y // 4, x // 2] |= _BITS[y % 4][x % 2]
                cells[y // 4][x // 2] = (chr(EMPTY + bits[y // 4, x // 2]), group.style)
        for mark in self.marks:
            self._write(mark, cells, columns)
        for line in cells:
            # A wide character leaves the cell behind it without text.
            styled = [Segment(text, style if colours else _reversed(style)) for text, style in line if text]
            yield from Segment.simplify(styled)
            yield Segment.line()

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.columns, self.columns).with_maximum(options.max_width)

    def _places(self, xy: Floats, width: int, height: int) -> list[tuple[int, int]]:
        """Column and row, from the top, of the dot of each point inside."""
        lows, highs = np.array([self.x_range[0], self.y_range[0]]), np.array([self.x_range[1], self.y_range[1]])
        shares = (np.asarray(xy, np.float64).reshape(-1, 2) - lows) / (highs - lows)
        inside = shares[((shares >= 0) & (shares <= 1)).all(axis=1)]
        steps = np.rint(inside * [width - 1, height - 1]).astype(int)
        return [(int(x), height - 1 - int(y)) for x, y in steps]

    def _write(self, mark: Mark, cells: list[list[tuple[str, Style]]], columns: int) -> None:
        for x, y in self._places(np.array([[mark.x, mark.y]]), columns, self.lines):
            place = x
            for grapheme in isolated(graphemes(clip(mark.text, columns - x))):
                _clear_half(cells[y], place)
                cells[y][place] = (grapheme, mark.style)
                if cell_len(grapheme) == 2:
                    _clear_half(cells[y], place + 1)
                    cells[y][place + 1] = ("", mark.style)
                place += cell_len(grapheme)


def _reversed(style: Style) -> Style | None:
    """What is left of a style where there are no colours."""
    return Style(reverse=True) if style.reverse else None


def _clear_half(line: list[tuple[str, Style]], place: int) -> None:
    """What overwrites half a wide character leaves its other half empty."""
    if line[place][0] == "" and place:
        line[place - 1] = (" ", Style.null())
    elif cell_len(line[place][0]) == 2:
        line[place + 1] = (" ", Style.null())
