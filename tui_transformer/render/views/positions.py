"""Sinusoidal positions: the heat map, the table, the rings of (sine, cosine) pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.text import Text

from tui_transformer.architecture import Layout
from tui_transformer.positional import Floats, frequencies, pair_columns, sinusoids
from tui_transformer.render.braille import Dots, Points
from tui_transformer.render.grid import Grid
from tui_transformer.render.heatmap import HeatMap, Scale
from tui_transformer.render.labels import fraction
from tui_transformer.render.palette import ACCENT, QUIET, STRONG
from tui_transformer.render.picture import Picture, Table

VIEW = "positions"
CURVE_COLUMNS, CURVE_LINES = 72, 5
RING_LINES = 9
RING_COLUMNS, RING_GAP = 18, 3  # a ring has its numbers below it, however small it is
EDGE = 1.1


@dataclass(frozen=True, slots=True)
class Positions:
    """Which part of the encoding is shown; `pieces` name the first positions."""

    count: int
    dimensions: int
    layout: Layout
    pieces: Sequence[str] = ()

    @property
    def table(self) -> Floats:
        """PE of the positions 0…N−1: (N, D)."""
        return sinusoids(self.count, self.dimensions, self.layout)

    @property
    def labels(self) -> list[str]:
        """Of each position its piece, or its number where there is none."""
        return [self.pieces[p] if p < len(self.pieces) else str(p) for p in range(self.count)]

    @property
    def title(self) -> str:
        """What every picture of these positions begins with."""
        return f"positions 0–{self.count - 1} · d_model {self.dimensions} · {self.layout}"

    @property
    def columns(self) -> list[str]:
        """The name of each dimension: s0 is the sine of pair 0, c0 its cosine."""
        sines, cosines = pair_columns(self.dimensions, self.layout)
        names = np.empty(self.dimensions, object)
        names[sines] = [f"s{i}" for i in range(self.dimensions // 2)]
        names[cosines] = [f"c{i}" for i in range(self.dimensions // 2)]
        return [str(name) for name in names]

    def values(self) -> dict[str, object]:
        """What every picture of these positions gives as JSON."""
        return {"positions": self.count, "dimensions": self.dimensions, "layout": self.layout,
                "pieces": list(self.pieces)}  # fmt: skip


def heat_map_picture(shown: Positions) -> Picture:
    """All values at once, and how the dot product of two positions falls with their distance."""
    table = shown.table
    products = dot_products(shown)
    body = Group(
        HeatMap(table, shown.labels, signed=True),
        Scale(signed=True),
        Text(
            f"\ndot product by distance 0–{shown.count - 1}, {products.min():.2f} to 1.00 of the largest", style=QUIET
        ),
        curve(products),
    )
    at = [f"{products[shown.count - 1]:.2f} at distance {shown.count - 1}"]
    if shown.count > 2:
        at.insert(0, f"{products[1]:.2f} for neighbours")
    slowest = wavelength(shown, shown.dimensions // 2 - 1)
    says = (
        "Each row is a position, each column a dimension: pair 0 turns once in 6.3 positions"
        + (f", pair {shown.dimensions // 2 - 1} once in {slowest:,.0f}." if shown.dimensions > 2 else "."),
        "The dot product of two positions, as a share of that of a position with itself, depends on their distance "
        f"only: {', '.join(at)}.",
    )
    values = {**shown.values(), "encoding": table, "dot_products": products}
    return Picture(VIEW, shown.title, body, says, values, _tsv(shown, table))


def dot_products(shown: Positions) -> Floats:
    """PE(p) · PE(p + distance) for the distances 0…N−1, whatever p is, as a share of PE(p) · PE(p): (N,)."""
    table = shown.table
    # Each pair adds cos(kω) to the dot product: divided by their number it is 1 at distance 0.
    products: Floats = table[0] @ table.T / (shown.dimensions / 2)
    return products


def wavelength(shown: Positions, pair: int) -> float:
    """After so many positions a pair has turned once."""
    return float(2 * math.pi / frequencies(shown.dimensions)[pair])


def table_picture(shown: Positions) -> Picture:
    """The same values to be read."""
    table = shown.table
    says = ("Column s0 is the sine of pair 0, c0 its cosine; position 0 has 0 in every sine, 1 in every cosine.",)
    body = Grid(table, shown.labels, shown.columns, signed=True, overflow="cut")
    return Picture(VIEW, shown.title, body, says, {**shown.values(), "encoding": table}, _tsv(shown, table))


def rings_picture(shown: Positions, pairs: Sequence[int], position: int | None = None) -> Picture:
    """Each (sine, cosine) pair is a point on a circle; it moves unless one `position` is asked for."""
    still = shown.count - 1 if position is None else position
    angles = np.outer(np.arange(shown.count), frequencies(shown.dimensions)[list(pairs)])

    def frames() -> Iterator[RenderableType]:
        for p in range(shown.count):
            yield _rings(shown, pairs, p)

    turns = ", ".join(f"pair {pair} by {_degrees(shown, pair)}" for pair in pairs)
    says = (f"From one position to the next each point turns by its own angle: {turns}.",)
    rows = [
        (p, pair, math.sin(angles[p, i]), math.cos(angles[p, i]), math.degrees(angles[p, i]))
        for p in (range(shown.count) if position is None else (position,))
        for i, pair in enumerate(pairs)
    ]
    values = {**shown.values(), "pairs": list(pairs), "position": position, "sin": np.sin(angles),
              "cos": np.cos(angles)}  # fmt: skip
    table = Table(("position", "pair", "sin", "cos", "degrees"), rows)
    moving = frames if position is None and shown.count > 1 else None
    return Picture(VIEW, f"{shown.title} · rings", _rings(shown, pairs, still), says, values, table, moving)


def rings(shown: Positions, pairs: Sequence[int], position: float, lines: int = RING_LINES) -> RenderableType:
    """The circles of pairs side by side; a `position` between two is on its way from one to the next."""
    return Columns([_ring(shown, pair, position, lines) for pair in pairs], padding=(0, RING_GAP))


def _rings(shown: Positions, pairs: Sequence[int], position: int) -> RenderableType:
    name = f' "{shown.labels[position]}"' if position < len(shown.pieces) else ""
    return Group(Text(f"position {position}{name}", style=ACCENT), rings(shown, pairs, position))


def _ring(shown: Positions, pair: int, position: float, lines: int) -> RenderableType:
    angle = position * float(frequencies(shown.dimensions)[pair])
    x, y = math.cos(angle), math.sin(angle)
    circle = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    spoke = np.linspace(0, 1, 16)[:, None] * [x, y]
    # A dot and its eight neighbours; as many dots across as down.
    dot = 2 * EDGE / (4 * lines - 1)
    blob = np.array([[x, y]]) + np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]) * dot
    dots = Dots(
        [Points(np.stack([np.cos(circle), np.sin(circle)], axis=1), QUIET), Points(np.vstack([spoke, blob]), ACCENT)],
        (-EDGE, EDGE), (-EDGE, EDGE), 2 * lines, lines,
    )  # fmt: skip
    return Group(
        Text(f"pair {pair}", style=STRONG),
        dots,
        Text(f"sin {fraction(y, True)}  cos {fraction(x, True)}"),
        Text(f"{_degrees(shown, pair)} a position", style=QUIET),
    )


def _degrees(shown: Positions, pair: int) -> str:
    return f"{math.degrees(frequencies(shown.dimensions)[pair]):.3g}°"


def curve(
    products: Floats, columns: int = CURVE_COLUMNS, lines: int = CURVE_LINES, distance: int | None = None
) -> Dots:
    """Dot products by distance; one distance can be marked by an upright line."""
    distances = np.arange(len(products))
    low = min(float(products.min()), 1 - 1e-9)
    fine = np.linspace(0, len(products) - 1, 8 * max(2, len(products)))
    points = np.stack([fine, np.interp(fine, distances, products)], axis=1)
    groups = [Points(points, ACCENT)]
    if distance is not None:
        groups.insert(0, Points(np.array([(distance, y) for y in np.linspace(low, 1, 4 * lines)]), QUIET))
    return Dots(groups, (0, max(1, len(products) - 1)), (low, 1), columns, lines)


def _tsv(shown: Positions, table: Floats) -> Table:
    rows = [(p, label, *map(float, row)) for p, (label, row) in enumerate(zip(shown.labels, table, strict=True))]
    return Table(("position", "label", *shown.columns), rows)
