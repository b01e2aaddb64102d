"""A tree or list with columns: labels to the left, numbers to the right, a bar where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from .bars import bar
from .labels import cell_len, fit, visible
from .palette import QUIET, foreground, has_colour, levels

LEAST_LABEL = 24
LEAST_BAR, MOST_BAR = 6, 40
GAP = 2
HERE = Style(reverse=True, dim=False)


@dataclass(frozen=True, slots=True)
class Line:
    """`branch` is the part of the tree before the label; `share`, 0…1, the length of the bar."""

    label: str
    cells: Sequence[str]
    branch: str = ""
    style: Style = field(default_factory=Style)
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """Lines with equally many cells under `heads`, the first head over the labels; the one at `cursor` stands out.

    If labels would get less than 24 cells, the columns `optional` (counted from 0 behind the label) are left out,
    the first of them first, and the picture says so. Labels that still do not fit are cut.
    """

    heads: Sequence[str]
    lines: Sequence[Line]
    optional: Sequence[int] = ()
    cursor: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = [max(cell_len(visible(cell)) for cell in column)
                  for column in zip(self.heads[1:], *(line.cells for line in self.lines), strict=True)]  # fmt: skip
        wanted = max(cell_len(line.branch) + cell_len(visible(line.label)) for line in [*self.lines, self._head()])
        shown = self._shown(widths, min(wanted, LEAST_LABEL), options.max_width)
        taken = sum(widths[c] + GAP for c in shown)
        label = max(1, min(wanted, options.max_width - taken))
        bars = options.max_width - label - taken - GAP if any(line.share is not None for line in self.lines) else 0
        bars = min(bars, MOST_BAR) if bars >= LEAST_BAR else 0
        columns = [(c, widths[c]) for c in shown]
        if any(self.heads):
            yield from self._words(self._head(), label, columns, has_colour(console))
            yield Segment.line()
        for number, line in enumerate(self.lines):
            words = self._words(line, label, columns, has_colour(console))
            yield from Segment.apply_style(words, post_style=HERE) if number == self.cursor else words
            if bars and line.share is not None:
                # The dark end of the scale would not be seen as a bar.
                shade = foreground(int(levels(0.4 + 0.5 * line.share))) if has_colour(console) else None  # type: ignore[arg-type]
                yield Segment(" " * GAP + bar(line.share, bars), shade)
            yield Segment.line()
        if left := [self.heads[1 + c] for c in range(len(widths)) if c not in shown]:
            yield Text(f"no room for {', '.join(left)}", style=QUIET)

    def _head(self) -> Line:
        return Line(self.heads[0], self.heads[1:], style=QUIET)

    def _shown(self, widths: Sequence[int], label: int, room: int) -> list[int]:
        shown = list(range(len(widths)))
        for column in self.optional:
            if room - sum(widths[c] + GAP for c in shown) < label:
                shown.remove(column)
        return shown

    def _words(self, line: Line, label: int, columns: Sequence[tuple[int, int]], colours: bool) -> Iterator[Segment]:
        """Label and cells."""
        style = line.style if colours else None
        branch = line.branch[: max(0, label - 1)]
        yield Segment(branch, QUIET if colours else None)
        yield Segment(fit(line.label, label - cell_len(branch)), style)
        for column, width in columns:
            yield Segment(" " * GAP + fit(line.cells[column], width, "right"), style)
