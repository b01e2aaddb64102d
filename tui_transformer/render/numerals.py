"""Many numbers one after the other, in lines of equal columns."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment

from .palette import QUIET, Floats, has_colour

EVERY = (16, 8, 4, 2, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Numerals:
    """A vector (N,) with two decimals, in lines of 16 numbers or as many as fit; the place of a line's first, from 0.

    What fits is 16, 8, 4, 2 or 1, so that places are easily counted.
    """

    values: Floats

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        texts = [f"{value:.2f}" for value in self.values.tolist()]
        width, gutter = max(map(len, texts), default=0) + 1, len(str(len(texts)))
        count = next((count for count in EVERY if gutter + count * width <= options.max_width), 1)
        for start in range(0, len(texts), count):
            yield Segment(str(start).rjust(gutter), QUIET if has_colour(console) else None)
            yield Segment("".join(text.rjust(width) for text in texts[start : start + count]) + "\n")
