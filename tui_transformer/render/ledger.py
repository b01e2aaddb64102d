"""Rows of unlike columns side by side: words, numbers as text, strips of numbers, bars.

Where the width ends, the next columns go on below, with the first one repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from tui_transformer.analysis.pooling import pool

from .bars import bar
from .labels import cell_len, fit, visible
from .palette import ACCENT, QUIET, STRONG, Floats, foreground, has_colour, levels
from .strips import blocks

GAP = 2
LABEL_WIDTH = 20
BAR_WIDTHS = (8, 40)
STROKE_WIDTH = 12
STROKES = "▁▂▃▄▅▆▇"


class Column(Protocol):
    """What a ledger needs of a column: its heading, the fewest and most cells it takes, and each of its rows."""

    def heading(self, width: int) -> str:
        """The heading in exactly so many cells."""
        ...

    def widths(self) -> tuple[int, int]:
        """The fewest cells it can be read in, and the most it has use for."""
        ...

    def drawn(self, row: int, width: int, colours: bool) -> list[Segment]:
        """One row in exactly so many cells."""
        ...


@dataclass(frozen=True, slots=True)
class Words:
    """Text; `styles`, if given, one a cell. No wider than `most`."""

    head: str
    cells: Sequence[str]
    align: Literal["left", "right"] = "left"
    styles: Sequence[Style] = ()
    most: int = LABEL_WIDTH

    def heading(self, width: int) -> str:
        """Above the text."""
        return fit(self.head, width, self.align)

    def widths(self) -> tuple[int, int]:
        """As wide as the widest cell."""
        width = min(self.most, max(cell_len(visible(text)) for text in (self.head, *self.cells)))
        return width, width

    def drawn(self, row: int, width: int, colours: bool) -> list[Segment]:
        """The text, cut where it does not fit."""
        return [Segment(fit(self.cells[row], width, self.align), _style(self.styles, row, colours))]


@dataclass(frozen=True, slots=True, eq=False)
class Strokes:
    """A vector a row (R, N): a cell for each number, by its colour, or without colour by the height of a stroke.

    Numbers go from −`full`, the lowest stroke, over zero, half high, to `full`. Those that do not fit are pooled:
    each cell is the strongest of its block. A row of NaN is left empty.
    """

    head: str
    values: Floats
    full: float

    def heading(self, width: int) -> str:
        """Above the first number."""
        return fit(self.head, width)

    @property
    def numbers(self) -> int:
        """How many a row."""
        count: int = self.values.shape[1]
        return count

    def widths(self) -> tuple[int, int]:
        """At most a cell a number."""
        most = max(self.numbers, cell_len(self.head))
        return min(most, max(STROKE_WIDTH, cell_len(self.head))), most

    def drawn(self, row: int, width: int, colours: bool) -> list[Segment]:
        """One cell a number or a block of numbers."""
        if np.isnan(self.values[row]).all():
            return [Segment(" " * width)]
        shares = pool(np.clip(self.values[row : row + 1] / (self.full or 1), -1, 1), 1, width)[0]
        if colours:
            drawn = [Segment("█", foreground(int(level), True)) for level in levels(shares, True)]
        else:
            drawn = [Segment(STROKES[round(float(share + 1) / 2 * (len(STROKES) - 1))]) for share in shares]
        return [*Segment.simplify(drawn), Segment(" " * (width - len(shares)))]


@dataclass(frozen=True, slots=True, eq=False)
class Gauges:
    """A number and a bar behind it, full at `full`; `numbers` is how values are written, `styles` how numbers look.

    A negative value has a bar of its size in the colour of negative values. A value of NaN has no bar.
    """

    head: str
    values: Sequence[float] | Floats
    full: float
    numbers: Sequence[str]
    styles: Sequence[Style] = ()

    def heading(self, width: int) -> str:
        """Above the numbers."""
        return fit(fit(self.head, self._numbers(), "right"), width)

    def widths(self) -> tuple[int, int]:
        """The number, and a bar within bounds."""
        least, most = BAR_WIDTHS
        return self._numbers() + GAP + least, self._numbers() + GAP + most

    def drawn(self, row: int, width: int, colours: bool) -> list[Segment]:
        """The number, and the bar to an eighth of a cell."""
        share = float(self.values[row]) / (self.full or 1)
        number = Segment(fit(self.numbers[row], self._numbers(), "right"), _style(self.styles, row, colours))
        drawn = Segment(bar(abs(share), max(0, width - self._numbers() - GAP)), self._bar(share) if colours else None)
        return Segment.adjust_line_length([number, Segment(" " * GAP), drawn], width)

    def _numbers(self) -> int:
        return max(cell_len(text) for text in (self.head, *self.numbers))

    def _bar(self, share: float) -> Style:
        signed = bool(np.nanmin(np.asarray(self.values)) < 0)
        # The dark end of the scale would not be seen as a bar.
        strength = np.sign(share) * (0.45 + 0.5 * abs(share)) if signed else 0.4 + 0.5 * share
        return foreground(int(levels(np.array(strength), signed)), signed)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Columns with equally many rows under their headings. The first column names the rows.

    `highlight` are the rows that it names in the accent colour.
    """

    columns: Sequence[Column]
    rows: int
    highlight: Sequence[int] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        label, *others = self.columns
        gutter = min(label.widths()[0], max(1, options.max_width // 2))
        room = max(1, options.max_width - gutter)
        least = [min(column.widths()[0], room - GAP) + GAP for column in others]
        pooled: set[tuple[int, int]] = set()
        for number, (start, stop) in enumerate(blocks(least, room)):
            if number:
                yield Segment.line()
            widths = _grown(least[start:stop], [column.widths()[1] + GAP for column in others[start:stop]], room)
            shown = [(label, gutter), *((c, w - GAP) for c, w in zip(others[start:stop], widths, strict=True))]
            yield from self._block(shown, has_colour(console))
            pooled |= {(c.numbers, w) for c, w in shown if isinstance(c, Strokes) and w < c.numbers}
        for numbers in sorted({numbers for numbers, _ in pooled}):
            cells = " and ".join(str(width) for count, width in sorted(pooled) if count == numbers)
            yield Text(f"{numbers} numbers in {cells} cells: each is the strongest of its block", style=QUIET)

    def _block(self, shown: Sequence[tuple[Column, int]], colours: bool) -> RenderResult:
        head = (" " * GAP).join(column.heading(width) for column, width in shown)
        if head.strip():
            yield Segment(head.rstrip() + "\n", STRONG if colours else None)
        for row in range(self.rows):
            for place, (column, width) in enumerate(shown):
                if place:
                    yield Segment(" " * GAP)
                drawn = column.drawn(row, width, colours)
                accent = colours and not place and row in self.highlight
                yield from Segment.apply_style(drawn, post_style=ACCENT) if accent else drawn
            yield Segment.line()


def _style(styles: Sequence[Style], row: int, colours: bool) -> Style | None:
    return styles[row] if styles and colours else None


def _grown(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Widths that fill the room as evenly as their bounds allow."""
    widths = list(least)
    while (spare := room - sum(widths)) > 0 and (able := [i for i, w in enumerate(widths) if w < most[i]]):
        for i in able[:spare]:
            widths[i] += max(1, min(spare // len(able), most[i] - widths[i]))
    return widths
