"""Small pictures side by side, as many as the width holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table

GAP = 3


@dataclass(frozen=True, slots=True)
class Cards:
    """Cards of equal width, at least `least` cells each, in reading order, with an empty line between their rows."""

    cards: Sequence[RenderableType]
    least: int = 36

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width + GAP
        count = max(1, min(len(self.cards), room // (self.least + GAP)))
        table = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
        for _ in range(count):
            table.add_column(width=room // count - GAP)
        for start in range(0, len(self.cards), count):
            if start:
                table.add_row()
            table.add_row(*self.cards[start : start + count])
        yield table
