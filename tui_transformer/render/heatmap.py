"""A matrix as a dense picture: two rows a line in half-block cells, or one glyph a value without colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.pooling import block_of, pool

from .labels import cell_len, fit, visible
from .palette import (
    LEVELS,
    NEGATIVE_RAMP,
    QUIET,
    RAMP,
    Floats,
    Levels,
    cell,
    foreground,
    glyph,
    half_blocks,
    has_colour,
    levels,
)

UPPER_HALF, CROSS = "▀", "┼"
REVERSED = Style(reverse=True)


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """Values (R, C), 0…1 or, if `signed`, −1…1; `full` is the size of a value that has the colour of 1.

    `rows` are labels, one a row; a line of two rows shows the upper one's. What does not fit the width, `max_lines`
    or `max_columns` is pooled, and with `caption` the picture says so.
    """

    values: Floats
    rows: Sequence[str] = ()
    signed: bool = False
    max_lines: int = 60
    caption: bool = True
    full: float = 1.0
    max_columns: int | None = None
    cursor: tuple[int, int] | None = None
    """Row and column of the value that is marked."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.values.size:
            return
        per_line = 2 if has_colour(console) else 1
        gutter = self._gutter()
        pooled = pool(self.values, self.max_lines * per_line, max(1, min(self._columns(), options.max_width - gutter)))
        drawn = levels(pooled / self.full, self.signed)
        for top in range(0, len(drawn), per_line):
            if gutter:
                label = self.rows[top * len(self.values) // len(drawn)]
                yield Segment(fit(label, gutter - 1, "right") + " ")
            line = line_of(drawn[top : top + per_line], per_line == 2, self.signed)
            yield from self._marked(line, drawn, top, per_line)
            yield Segment.line()
        if self.caption and drawn.shape != self.values.shape:
            yield shrunk(self.values.shape, drawn.shape)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        gutter, columns = self._gutter(), self._columns()
        return Measurement(gutter + min(1, columns), gutter + columns).with_maximum(options.max_width)

    def _columns(self) -> int:
        columns: int = self.values.shape[1]
        return columns if self.max_columns is None else min(columns, self.max_columns)

    def _gutter(self) -> int:
        return min(16, max(cell_len(visible(label)) for label in self.rows)) + 1 if self.rows else 0

    def _marked(self, line: list[Segment], drawn: Levels, top: int, per_line: int) -> list[Segment]:
        """A cross on the cursor's own colour, over both rows of the line; without colour the glyph, reversed."""
        if self.cursor is None:
            return line
        row, column = (
            block_of(place, whole, shown)
            for place, whole, shown in zip(self.cursor, self.values.shape, drawn.shape, strict=True)
        )
        if not top <= row < top + per_line:
            return line
        before, (here,), behind = Segment.divide(line, [column, column + 1, drawn.shape[1]])
        style = cell(int(drawn[row, column]), self.signed) if per_line == 2 else REVERSED
        return [*before, Segment(CROSS if per_line == 2 else here.text, style), *behind]


@dataclass(frozen=True, slots=True)
class Scale:
    """The legend of a heat map, in one line: 0 ░▒▓█ 1, or whatever is `full`."""

    signed: bool = False
    full: float = 1.0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        end = f"{self.full:.2g}"
        line = Text(f"−{end} " if self.signed else "0 ")
        if has_colour(console):
            cells = 16
            for i in range(cells):
                line.append("█", foreground(i * (LEVELS - 1) // (cells - 1), self.signed))
        else:
            line.append((NEGATIVE_RAMP[:0:-1] if self.signed else "") + RAMP)
        yield line.append(f" {end}")


def line_of(drawn: Levels, colours: bool, signed: bool = False) -> list[Segment]:
    """One line: the levels of one or two rows (1 or 2, C) in half blocks, or those of one row as glyphs.

    Equal neighbours are one segment.
    """
    if not colours:
        return [Segment("".join(glyph(level, signed) for level in drawn[0].tolist()))]
    runs = ((pair, sum(1 for _ in cells)) for pair, cells in groupby(zip(*drawn.tolist(), strict=True)))
    return [
        Segment(UPPER_HALF * length, half_blocks(*pair, signed) if len(pair) == 2 else foreground(pair[0], signed))
        for pair, length in runs
    ]


def shrunk(whole: tuple[int, ...], drawn: tuple[int, ...]) -> Text:
    """The line that says that a picture was pooled."""
    sizes = " × ".join(map(str, whole)), " × ".join(map(str, drawn))
    return Text(f"{sizes[0]} shown as {sizes[1]}: each cell is the strongest value of its block", style=QUIET)
