"""Rows of text cells that stand above one another, and go on below where the width ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from .labels import cell_len, fit, visible
from .palette import QUIET, has_colour

MOST = 24


@dataclass(frozen=True, slots=True)
class Strip:
    """One row: its label and its cells; `styles`, if given, one a cell."""

    label: str
    cells: Sequence[str]
    styles: Sequence[Style] = field(default=())


@dataclass(frozen=True, slots=True)
class Strips:
    """Strips with equally many cells: columns are as wide as their widest cell, at most 24 cells.

    Where the width ends, the next columns go on below an empty line.
    """

    strips: Sequence[Strip]
    align: str = "left"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        gutter = max((cell_len(visible(strip.label)) for strip in self.strips), default=0) + 2
        room = max(1, options.max_width - gutter)
        # The empty column between two cells is not needed behind the last one.
        most = min(MOST, room)
        columns = [
            min(most, max(cell_len(visible(cell)) for cell in column)) + 1
            for column in zip(*(strip.cells for strip in self.strips), strict=True)
        ]
        for number, (start, stop) in enumerate(blocks(columns, room + 1)):
            if number:
                yield Segment.line()
            for strip in self.strips:
                yield Segment(fit(strip.label, gutter), QUIET if has_colour(console) else None)
                for i in range(start, stop):
                    style = strip.styles[i] if strip.styles and has_colour(console) else None
                    yield Segment(fit(strip.cells[i], columns[i] - 1, self.align), style)
                    yield Segment(" " if i < stop - 1 else "\n")


def blocks(widths: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Start and stop of the runs of columns that fit side by side, at least one column each."""
    found, start, used = [], 0, 0
    for i, width in enumerate(widths):
        if i > start and used + width > room:
            found.append((start, i))
            start, used = i, 0
        used += width
    return [*found, (start, len(widths))] if widths else []
