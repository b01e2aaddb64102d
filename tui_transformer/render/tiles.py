"""Many small heat maps side by side: as many a line as the width holds, each as large as there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

from .heatmap import HeatMap, shrunk
from .labels import cell_len, fit
from .palette import QUIET, STRONG, Floats, has_colour

LEAST_COLUMNS = 8
LEAST_ROWS, MOST_ROWS = 16, 32


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A heat map (R, C) of values 0…1 under its title and a note."""

    title: str
    note: str
    values: Floats


@dataclass(frozen=True, slots=True)
class _Layout:
    """How many tiles a line, of how many cells; how often a value is repeated down and across, and most rows."""

    per_line: int
    width: int
    down: int
    across: int
    rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """Rows of tiles under one another, each row with its label; all tiles have the same shape.

    A row that does not fit goes on below. Tiles that do not fit at all are pooled, and the picture says so; where
    there is room they are drawn larger.
    """

    rows: Sequence[tuple[str, Sequence[Tile]]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not any(tiles for _, tiles in self.rows):
            return
        gutter = max(cell_len(label) for label, _ in self.rows) + 1
        layout = self._layout(options.max_width - gutter, has_colour(console))
        for number, (label, tiles) in enumerate(self.rows):
            if number:
                yield Segment.line()
            for start in range(0, len(tiles), layout.per_line):
                drawn = self._side_by_side(console, options, tiles[start : start + layout.per_line], layout)
                for name, line in zip_longest([] if start else [label], drawn, fillvalue=""):
                    yield Segment(fit(str(name), gutter), STRONG)
                    yield from line
                    yield Segment.line()
        rows, columns = self._shape
        if rows > layout.rows or columns > layout.width:
            yield Segment.line()
            yield shrunk((rows, columns), (min(rows, layout.rows), min(columns, layout.width)))

    @property
    def _shape(self) -> tuple[int, int]:
        rows, columns = next(tiles[0] for _, tiles in self.rows if tiles).values.shape
        return rows, columns

    def _layout(self, room: int, colour: bool) -> _Layout:
        """Equally many tiles in each line, with an empty column between two."""
        rows, columns = self._shape
        most = max(len(tiles) for _, tiles in self.rows)
        fitting = max(1, min(most, (room + 1) // (min(columns, LEAST_COLUMNS) + 1)))
        per_line = -(-most // -(-most // fitting))
        width = max(1, (room + 1) // per_line - 1)
        across = max(1, width // columns)
        if not colour:
            # A line is as high as two columns are wide.
            return _Layout(per_line, width, 1, min(2, across), LEAST_ROWS)
        zoom = max(1, min(across, MOST_ROWS // rows))
        return _Layout(per_line, width, zoom, zoom, min(MOST_ROWS, max(LEAST_ROWS, width)))

    def _side_by_side(
        self, console: Console, options: ConsoleOptions, tiles: Sequence[Tile], layout: _Layout
    ) -> Iterator[list[Segment]]:
        """The lines of some tiles; without colour, a line parts them from one another."""
        for texts, style in (([tile.title for tile in tiles], STRONG), ([tile.note for tile in tiles], QUIET)):
            if any(texts):
                yield _joined([[Segment(fit(text, layout.width), style)] for text in texts], " ")
        rows_a_line, bar = (2, " ") if has_colour(console) else (1, "│")
        pictures = []
        for tile in tiles:
            values = np.repeat(np.repeat(tile.values, layout.down, axis=0), layout.across, axis=1)
            heat = HeatMap(values, max_lines=layout.rows // rows_a_line, caption=False)
            pictures.append(console.render_lines(heat, options.update(width=layout.width)))
        for parts in zip(*pictures, strict=True):
            yield _joined(parts, bar)


def _joined(parts: Sequence[list[Segment]], between: str) -> list[Segment]:
    return [segment for part in parts for segment in (*part, Segment(between))][:-1]
