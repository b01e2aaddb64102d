"""Pieces side by side as they are read, each on a colour of its own and with a note below: text that tells values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from .labels import cell_len, clip, fit
from .palette import QUIET, has_colour

HERE = Style(bold=True, underline=True)
REVERSED = HERE + Style(reverse=True)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece: how it is drawn where there are colours, what stands below it; a `later` one is dimmed."""

    text: str
    style: Style = field(default_factory=Style.null)
    below: str = ""
    later: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """Tokens in lines as wide as there is room, each line with one of notes below it if there are any.

    The token at `cursor` stands out, in colour or not.
    """

    tokens: Sequence[Token]
    cursor: int | None = None
    lines: int | None = None
    """At most so many lines of tokens: those around the cursor, or the last ones."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        notes = any(token.below for token in self.tokens)
        for line in self.shown(options.max_width):
            yield from self._line(line, has_colour(console))
            if notes:
                for _, start, cells, space in line:
                    yield Segment(" " * space + fit(self.tokens[start].below, cells), QUIET)
                yield Segment.line()

    def at(self, x: int, y: int, width: int) -> int | None:
        """The token that is drawn at a cell, if there is one."""
        height = 2 if any(token.below for token in self.tokens) else 1
        lines, line = self.shown(width), y // height
        if not 0 <= line < len(lines):
            return None
        left = 0
        for _, token, cells, space in lines[line]:
            if left <= x < left + space + cells:
                return token
            left += space + cells
        return None

    def y_of(self, token: int, width: int) -> int:
        """The line that a token is drawn in, 0 if it is not drawn."""
        height = 2 if any(one.below for one in self.tokens) else 1
        lines = (i for i, line in enumerate(self.shown(width)) if any(number == token for _, number, _, _ in line))
        return height * next(lines, 0)

    def shown(self, width: int) -> list[list[tuple[int, int, int, int]]]:
        """The lines that are drawn: of each token its column, its number, its cells and the empty ones before it."""
        lines = self._broken(max(1, width))
        if self.lines is None or len(lines) <= self.lines:
            return lines
        wanted = len(self.tokens) - 1 if self.cursor is None else self.cursor
        mine = next((i for i, line in enumerate(lines) if any(token == wanted for _, token, _, _ in line)), 0)
        start = max(0, min(mine - self.lines // 2, len(lines) - self.lines))
        return lines[start : start + self.lines]

    def _broken(self, width: int) -> list[list[tuple[int, int, int, int]]]:
        lines: list[list[tuple[int, int, int, int]]] = [[]]
        left = 0
        for number, token in enumerate(self.tokens):
            cells = min(width, max(1, cell_len(clip(token.text, width)), cell_len(token.below)))
            space = 1 if lines[-1] else 0
            if lines[-1] and left + space + cells > width:
                lines.append([])
                left, space = 0, 0
            lines[-1].append((left, number, cells, space))
            left += space + cells
        return lines

    def _line(self, line: Sequence[tuple[int, int, int, int]], colours: bool) -> RenderResult:
        for _, number, cells, space in line:
            token = self.tokens[number]
            style = token.style if colours and not token.later else QUIET if token.later else None
            if number == self.cursor:
                style = (style or Style.null()) + (HERE if colours else REVERSED)
            yield Segment(" " * space)
            yield Segment(fit(token.text, cells), style)
        yield Segment.line()
