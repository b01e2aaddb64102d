"""A matrix to be walked about in: labels stay in sight, numbers on colours, a cursor. Only what is seen is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.strip import Strip

from tui_transformer.render.grid import UPRIGHT_LINES, column_header
from tui_transformer.render.labels import fit, fraction
from tui_transformer.render.palette import QUIET, STRONG, Floats, cell, glyph, levels
from tui_transformer.tui.picture_view import colours_of
from tui_transformer.tui.plain import PlainTitles

if TYPE_CHECKING:
    from textual.events import Click

NUMBERED, NARROW = 5, 2
"""Cells of a column with its number, and without."""
WIDEST, TALLEST = 15, 4
"""Cells of a column and lines of a row where there is room."""
GUTTER, SMALL_GUTTER = 17, 11
HERE = STRONG + Style(reverse=True)


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """Weights (r, c) 0…1 of what will have these `rows` and `columns`; what is not known yet stays empty."""

    weights: Floats
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    least: int = 0
    """So many columns decide how wide one is, even if there are fewer."""


class MatrixView(PlainTitles, can_focus=True):
    """The row and the column of the cursor stand out. Says `Locked` and `Left`; `moved` is told at once."""

    SAYS = "The weights of one head, or of several. Arrows move, enter locks the row, escape goes back to all heads."

    DEFAULT_CSS = """
    MatrixView {
        border: round $panel-lighten-2;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        background: $background;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1;
        width: 1fr;
        height: 1fr;
    }
    MatrixView:focus {
        border: round $primary;
        border-title-color: $primary;
        border-subtitle-color: $primary;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(0, -1)", "Column before", show=False, id="attention.cell-left"),
        Binding("right,l", "move(0, 1)", "Next column", show=False, id="attention.cell-right"),
        Binding("up,k", "move(-1, 0)", "Row above", show=False, id="attention.cell-up"),
        Binding("down,j", "move(1, 0)", "Row below", show=False, id="attention.cell-down"),
        Binding("pageup", "move(-10, 0)", show=False), Binding("pagedown", "move(10, 0)", show=False),
        Binding("home,g", "move(0, -9999)", "First column", show=False, id="attention.cell-first"),
        Binding("end,G", "move(0, 9999)", "Last column", show=False, id="attention.cell-last"),
        Binding("enter", "lock", "Lock", id="attention.lock"),
        Binding("escape", "leave", "All heads", id="attention.back"),
    ]  # fmt: skip

    class Locked(Message):
        """The cell is to stay where it is, or not any more."""

    class Left(Message):
        """Enough of this one."""

    def __init__(self, moved: Callable[[tuple[int, int]], None], id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._moved = moved
        self.matrix = Matrix(np.zeros((0, 0)), (), ())
        self.cell = (0, 0)
        self._gutter, self._width, self._head, self._tall = GUTTER, NUMBERED, 1, 1

    def tell(self, matrix: Matrix, at: tuple[int, int]) -> None:
        """Show this, with the cursor at a row and a column."""
        moved = at != self.cell
        self.matrix, self.cell = matrix, at
        self._measure()
        rows, columns = len(matrix.rows), len(matrix.columns)
        self.virtual_size = Size(self._gutter + columns * self._width, self._head + rows * self._tall)
        if moved:
            # It may be where there was nothing before, and the layout does not know that yet.
            self.call_after_refresh(self._show_cursor)
        self.refresh()

    # -- where things are ------------------------------------------------------------------------------

    def _measure(self) -> None:
        """How wide and tall things are, for as long as the matrix and the room stay as they are."""
        matrix, size = self.matrix, self.size
        self._gutter = GUTTER if size.width >= 70 else SMALL_GUTTER
        room = (size.width - self._gutter) // max(1, len(matrix.columns), matrix.least)
        self._width = NARROW if room < NUMBERED else min(room, WIDEST)
        self._head = 1 if self._width >= NUMBERED else self._upright_lines()
        # A row is as tall as it is wide, more or less.
        rows = max(1, len(matrix.rows), len(matrix.columns), matrix.least)
        self._tall = max(1, min(TALLEST, self._width // 4, (size.height - self._head) // rows))

    def _upright_lines(self) -> int:
        most = max(2, min(UPRIGHT_LINES, self.size.height // 3))
        labels = self.matrix.columns
        # Columns that are still coming may have longer labels.
        return most if self.matrix.least or not labels else min(most, max(map(len, labels)))

    def _show_cursor(self) -> None:
        row, column = self.cell
        region = Region(self._gutter + column * self._width, self._head + row * self._tall, self._width, self._tall)
        # Labels cover what lies below them.
        self.scroll_to_region(region, spacing=Spacing(self._head, 0, 0, self._gutter), animate=False, immediate=True)

    def on_resize(self) -> None:
        """Columns follow the width."""
        self.tell(self.matrix, self.cell)
        self._show_cursor()

    def at(self, x: int, y: int) -> tuple[int, int] | None:
        """The cell that is drawn at a place of the widget."""
        if x < self._gutter or y < self._head:
            return None
        row = (y - self._head + self.scroll_offset.y) // self._tall
        column = (x - self._gutter + self.scroll_offset.x) // self._width
        return (row, column) if row < len(self.matrix.rows) and column < len(self.matrix.columns) else None

    # -- drawing ---------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """A line of labels or of cells, as far as it has been scrolled to."""
        first = self.scroll_offset.x // self._width
        count = -(-(self.size.width - self._gutter) // self._width) + 1
        seen = range(first, min(first + count, len(self.matrix.columns)))
        row, line = divmod(y - self._head + self.scroll_offset.y, self._tall)
        written = line == self._tall // 2
        if y < self._head:
            gutter, cells = Segment(" " * self._gutter), self._labels(seen, y)
        elif row < len(self.matrix.rows):
            gutter, cells = self._row_label(row, written), self._cells(row, seen, written)
        else:
            return Strip.blank(self.size.width, self.rich_style)
        skipped = self.scroll_offset.x - first * self._width
        right = Strip(cells).crop_extend(skipped, skipped + self.size.width - self._gutter, self.rich_style)
        return Strip([gutter, *right]).apply_style(self.rich_style)

    def _labels(self, seen: range, line: int) -> list[Segment]:
        upright = self._head > 1
        segments = []
        for column in seen:
            lines = column_header([self.matrix.columns[column]], self._width, upright, self._head)
            # What is upright stands on the first row.
            lines = [" " * self._width] * (self._head - len(lines)) + lines
            segments.append(Segment(lines[line], HERE if column == self.cell[1] and lines[line].strip() else STRONG))
        return segments

    def _row_label(self, row: int, written: bool) -> Segment:
        label = fit(self.matrix.rows[row] if written else "", self._gutter - 1, "right") + " "
        known = row < len(self.matrix.weights)
        return Segment(label, HERE if row == self.cell[0] else STRONG if known else QUIET)

    def _cells(self, row: int, seen: range, written: bool) -> list[Segment]:
        """What is `written` stands in one line of a row."""
        here = self.cell[1] if row == self.cell[0] and written else -1
        if row >= len(self.matrix.weights):
            return [self._bracketed(" ", None, column == here) for column in seen]
        weights = self.matrix.weights[row]
        drawn = levels(weights[seen.start : seen.stop]).tolist()
        colours = colours_of(self) is not None
        if self._width < NUMBERED and colours:
            runs = groupby(zip(drawn, (column == here for column in seen), strict=False))
            return [self._bracketed(" ", cell(level), at, sum(1 for _ in run)) for (level, at), run in runs]
        return [
            self._bracketed(self._value(float(weights[column]), level, written), cell(level) if colours else None,
                            column == here)
            for column, level in zip(seen, drawn, strict=False)
        ]  # fmt: skip

    def _value(self, weight: float, level: int, written: bool) -> str:
        if self._width < NUMBERED:
            return glyph(level)
        return fraction(weight) if written else ""

    def _bracketed(self, text: str, style: Style | None, here: bool, times: int = 1) -> Segment:
        """A cell as wide as its column, or several alike; brackets say that the cursor is there."""
        width = self._width
        if not here:
            return Segment((text.rjust(width - 1) + " ") * times, style)
        opening = "[" if width > NARROW or not text.strip() else ""
        inner = text.strip().rjust(width - 1 - len(opening))
        return Segment(f"{opening}{inner}]", (style or Style.null()) + STRONG)

    # -- keys and mouse --------------------------------------------------------------------------------

    def action_move(self, down: int, across: int) -> None:
        """To another cell."""
        rows, columns = len(self.matrix.rows), len(self.matrix.columns)
        if rows and columns:
            row, column = self.cell[0] + down, self.cell[1] + across
            self._moved((max(0, min(row, rows - 1)), max(0, min(column, columns - 1))))

    def action_lock(self) -> None:
        """Keep the cell, or let it follow."""
        self.post_message(self.Locked())

    def action_leave(self) -> None:
        """Back to all heads."""
        self.post_message(self.Left())

    def on_click(self, event: Click) -> None:
        """To the cell under the mouse; a second click locks it."""
        offset = event.get_content_offset(self)
        found = self.at(offset.x, offset.y) if offset else None
        if found is not None:
            self._moved(found)
            if event.chain == 2:
                self.action_lock()
