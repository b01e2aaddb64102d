"""What every head reads at one step: a small row of columns a head, a line a layer."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.text import Text

from tui_transformer.analysis.pooling import pool

from .bars import sparkline
from .labels import fit
from .palette import LEVELS, QUIET, RAMP, STRONG, Floats, foreground, glyph, has_colour, levels

GUTTER = 3


@dataclass(frozen=True, slots=True, eq=False)
class HeadRows:
    """Weights (L, H, S) of one step, 0…1: each head's S weights side by side, pooled to what fits, the strongest each.

    Heads that are `off`, (layer, head) from 0, are crossed out.
    """

    weights: Floats
    off: frozenset[tuple[int, int]] = frozenset()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        layers, heads, size = self.weights.shape
        cells = max(1, min(size, (options.max_width - GUTTER) // heads - 1))
        if heads * 2 + GUTTER > options.max_width:
            yield Text(f"{heads} heads need {heads * 2 + GUTTER} columns", style=QUIET)
            return
        colours = has_colour(console)
        yield Segment(" " * GUTTER)
        for head in range(heads):
            yield Segment(fit(f"H{head + 1}"[-cells:], cells, "center") + " ", STRONG)
        yield Segment.line()
        for layer in range(layers):
            yield Segment(f"L{layer + 1}".ljust(GUTTER), STRONG)
            for head in range(heads):
                off = (layer, head) in self.off
                yield from _head(pool(self.weights[layer, head][None], 1, cells)[0], cells, colours, off)
                yield Segment(" ")
            yield Segment.line()
        if cells < size:
            yield Text(f"{size} source pieces shown as {cells}, the strongest each", style=QUIET)


def _head(weights: Floats, cells: int, colours: bool, off: bool) -> list[Segment]:
    if off:
        return [Segment("╳" * cells, QUIET)]
    shades = [int(level) for level in levels(weights)]
    if not colours:
        return [Segment("".join(glyph(level) for level in shades).replace(RAMP[0], "·"))]
    return [
        # The dark end of the scale would not be seen on a dark ground.
        Segment(column if column != " " else "▁", foreground(int(0.3 * (LEVELS - 1) + 0.7 * level)))
        for column, level in zip(sparkline(weights, high=1), shades, strict=True)
    ]
