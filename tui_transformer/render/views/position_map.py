"""The part of an encoding that a screen has room for, with a cursor, and what is to be said of the cell below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.segment import Segment
from rich.text import Text

from tui_transformer.positional import Floats, pair_columns
from tui_transformer.render.heatmap import HeatMap
from tui_transformer.render.labels import cell_len, clip, fraction, quoted, short, visible
from tui_transformer.render.palette import QUIET, STRONG, has_colour
from tui_transformer.render.picture import Picture

from .positions import Positions, wavelength

MOST_LABEL = 12
HERE, THERE, COLUMN = "▸", "▹", "▼"
NAMED = 16
"""Every so manieth column has its name above it."""


@dataclass(frozen=True, slots=True, eq=False)
class PositionMap:
    """`lines` lines of an encoding (N, D) from (`top`, `left`) on, or the `whole` of it pooled to that size.

    ▸ stands before the position of the cursor, ▹ before the one that is `offset` further.
    """

    shown: Positions
    table: Floats
    cursor: tuple[int, int]
    lines: int
    top: int = 0
    left: int = 0
    offset: int = 0
    whole: bool = False

    @property
    def gutter(self) -> int:
        """Cells before the values."""
        return 2 + min(MOST_LABEL, max(cell_len(visible(label)) for label in self.shown.labels))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        colours = has_colour(console)
        rows, columns = self._window(options.max_width, colours)
        yield Segment(self._ruler(columns, options.max_width) + "\n", QUIET if colours else None)
        position, dimension = self.cursor
        inside = position in rows and dimension in columns
        yield HeatMap(
            self.table[rows.start : rows.stop, columns.start : columns.stop], self._labels(rows, colours), signed=True,
            max_lines=self.lines - 1, caption=False,
            cursor=(position - rows.start, dimension - columns.start) if inside else None,
        )  # fmt: skip

    def at(self, x: int, y: int, width: int, colours: bool) -> tuple[int, int] | None:
        """Position and dimension of a cell; of two in a line the upper one, or the one below the cursor."""
        rows, columns = self._window(width, colours)
        drawn = self._drawn(rows, colours)
        across = min(len(columns), width - self.gutter)
        line, column = (y - 1) * (2 if colours else 1), x - self.gutter
        if not (0 <= line < drawn and 0 <= column < across):
            return None
        position = rows.start + line * len(rows) // drawn
        dimension = columns.start + column * len(columns) // across
        below = rows.start + (line + 1) * len(rows) // drawn
        if colours and self.cursor == (position, dimension) and line + 1 < drawn:
            position = below
        return position, dimension

    def _window(self, width: int, colours: bool) -> tuple[range, range]:
        if self.whole:
            return range(self.shown.count), range(self.shown.dimensions)
        rows, columns = (self.lines - 1) * (2 if colours else 1), max(1, width - self.gutter)
        return (range(self.top, min(self.top + rows, self.shown.count)),
                range(self.left, min(self.left + columns, self.shown.dimensions)))  # fmt: skip

    def _drawn(self, rows: range, colours: bool) -> int:
        return min(len(rows), max(1, self.lines - 1) * (2 if colours else 1))

    def _labels(self, rows: range, colours: bool) -> list[str]:
        """Of each row its label; the first one of a line has the label of a marked one, if that is in its line."""
        names = self.shown.labels
        here, there = self.cursor[0], self.cursor[0] + self.offset
        drawn, per_line = self._drawn(rows, colours), 2 if colours else 1
        labels = [""] * len(rows)
        starts = [line * len(rows) // drawn for line in range(0, drawn, per_line)]
        for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
            line = range(rows.start + start, rows.start + stop)
            row = here if here in line else there if there in line else line.start
            mark = HERE if row == here else THERE if row == there else " "
            name = clip(names[row], self.gutter - 2)
            # The heat map isolates what is written from right to left, and would show signs that do so already.
            labels[start] = mark + " " * (self.gutter - 2 - cell_len(name)) + name
        return labels

    def _ruler(self, columns: range, width: int) -> str:
        across = min(len(columns), max(1, width - self.gutter))
        cells = [" "] * across
        for dimension in columns:
            name = self.shown.columns[dimension] if dimension % NAMED == 0 else ""
            place = (dimension - columns.start) * across // len(columns)
            if (
                name
                and place + len(name) <= across
                and not "".join(cells[max(0, place - 1) : place + len(name)]).strip()
            ):
                cells[place : place + len(name)] = name
        if self.cursor[1] in columns:
            cells[(self.cursor[1] - columns.start) * across // len(columns)] = COLUMN
        return " " * self.gutter + "".join(cells)


def kept_in_view(first: int, place: int, room: int, count: int) -> int:
    """The first of `room` rows (of `count`) that are shown, moved no further than `place` needs."""
    first = max(min(first, place), place - room + 1)
    return max(0, min(first, count - room))


def cell_says(shown: Positions, table: Floats, position: int, dimension: int) -> str:
    """Such as: position 3 "great" · c8 (dimension 17) -.42 · pair 8 turns once in 35.2 positions."""
    pair = pair_of(shown, dimension)
    name = f" {quoted(shown.pieces[position])}" if position < len(shown.pieces) else ""
    value = fraction(float(table[position, dimension]), True, 3)
    return (
        f"position {position}{name} · {shown.columns[dimension]} (dimension {dimension}) {value} · "
        f"turns once in {short(wavelength(shown, pair))} positions"
    )


def pair_of(shown: Positions, dimension: int) -> int:
    """The pair that a dimension belongs to."""
    sines, cosines = (range(shown.dimensions)[half] for half in pair_columns(shown.dimensions, shown.layout))
    return sines.index(dimension) if dimension in sines else cosines.index(dimension)


def together(pictures: Sequence[Picture]) -> Picture:
    """Pictures of the same positions as one; the table is that of the first."""
    first, *others = pictures
    bodies = [part for one in others for part in (Text(), Text(visible(one.title), style=STRONG), one.body)]
    says = tuple(sentence for one in pictures for sentence in one.says)
    values = {key: value for one in pictures for key, value in one.values.items()}
    return Picture(first.view, first.title, Group(first.body, *bodies), says, values, first.table)
