"""What the Positions screen shows: how many positions of how many dimensions, in which layout, and where one looks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from tui_transformer.architecture import LAYOUTS, Layout

if TYPE_CHECKING:
    from tui_transformer.positional import Floats
    from tui_transformer.render.views.positions import Positions
    from tui_transformer.render.views.rotation import Turned

Panel = Literal["rings", "rotation", "products"]
PANELS: tuple[Panel, ...] = get_args(Panel)
DIMENSIONS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024)
COUNTS = (10, 20, 30, 50, 75, 100, 150, 200, 300, 500)
USUAL = (0, 8, 32, 4, 16, 64, 2)
"""Pairs that are shown beside that of the cursor, as many as there is room for."""
AT_ONCE = 2**24
"""So many products of a rotation do not keep anybody waiting."""


@dataclass(slots=True)
class PositionsState:
    """`k` is the offset of the rotation; `position` may be between two while the clocks turn."""

    dimensions: int = 256
    layout: Layout = "interleaved"
    count: int = 50
    k: int = 1
    position: float = 0.0
    dimension: int = 0
    whole: bool = False
    panel: Panel = "rings"
    own: bool = False
    """Whether somebody has chosen dimensions or layout; otherwise they are the model's."""
    pieces: tuple[str, ...] = field(default=())
    model: tuple[int, Layout] | None = None

    def adopt(self, dimensions: int, layout: Layout) -> None:
        """What a model has; it is shown unless something else was chosen."""
        self.model = dimensions, layout
        if not self.own:
            self.dimensions, self.layout = self.model
            self._keep_inside()

    def as_model(self) -> None:
        """Back to what the model has."""
        self.own = False
        self.adopt(*self.model or (256, LAYOUTS[0]))

    @property
    def cursor(self) -> tuple[int, int]:
        """Position and dimension of the cell that is looked at."""
        return int(self.position), self.dimension

    def go(self, position: float, dimension: int) -> None:
        """Look at another cell, or at the nearest one that there is."""
        self.position, self.dimension = position, dimension
        self._keep_inside()

    def turn_on(self, positions: float) -> None:
        """So far on; from the last position to the first."""
        self.position = (self.position + positions) % self.count

    def resize(self, dimensions: int = 0, count: int = 0) -> None:
        """One size up or down of the usual ones."""
        if dimensions:
            self.dimensions, self.own = _beside(DIMENSIONS, self.dimensions, dimensions), True
        if count:
            self.count = _beside(COUNTS, self.count, count)
        self._keep_inside()

    def other_layout(self) -> None:
        """Sines and cosines in turn or in halves; the cursor stays on its sine or cosine."""
        from tui_transformer.positional import pair_columns
        from tui_transformer.render.views.position_map import pair_of

        pair = pair_of(self.shown, self.dimension)
        half = self.shown.columns[self.dimension].startswith("c")
        self.layout, self.own = LAYOUTS[1 - LAYOUTS.index(self.layout)], True
        self.dimension = range(self.dimensions)[pair_columns(self.dimensions, self.layout)[half]][pair]

    def further(self, by: int) -> None:
        """Another offset of the rotation."""
        self.k = max(1, min(self.k + by, self.count - 1))

    @property
    def shown(self) -> Positions:
        """What pictures are made of."""
        from tui_transformer.render.views.positions import Positions

        return Positions(self.count, self.dimensions, self.layout, self.pieces[: self.count])

    @property
    def table(self) -> Floats:
        """The encoding (N, D)."""
        return _table(self.count, self.dimensions, self.layout)

    def pairs(self, most: int) -> list[int]:
        """The pair of the cursor, and the usual ones beside it."""
        from tui_transformer.render.views.position_map import pair_of

        there = self.dimensions // 2
        mine = pair_of(self.shown, self.dimension)
        others = [pair for pair in dict.fromkeys((*USUAL, there - 1)) if pair < there and pair != mine]
        return [mine, *sorted(others[: most - 1])]

    @property
    def rotation(self) -> tuple[int, int, Layout, int]:
        """What a rotation depends on."""
        return self.count, self.dimensions, self.layout, self.k

    @property
    def heavy(self) -> bool:
        """Whether the rotation of all positions takes long enough to be noticed."""
        return self.count * self.dimensions**2 > AT_ONCE

    def place(self) -> dict[str, Any]:
        """As JSON."""
        kept = asdict(self)
        del kept["pieces"], kept["model"]
        return {**kept, "position": int(self.position)}

    def take(self, place: dict[str, Any]) -> None:
        """What fits of what was kept."""
        for name, kept in self.place().items():
            value = place.get(name)
            if type(value) is type(kept):
                setattr(self, name, value)
        self.dimensions = self.dimensions if self.dimensions in range(2, 2049, 2) else 256
        self.count = max(COUNTS[0], min(self.count, COUNTS[-1]))
        self.layout = self.layout if self.layout in LAYOUTS else LAYOUTS[0]
        self.panel = self.panel if self.panel in PANELS else PANELS[0]
        self._keep_inside()

    def _keep_inside(self) -> None:
        self.position = max(0.0, min(self.position, self.count - 1.0))
        self.dimension = max(0, min(self.dimension, self.dimensions - 1))
        self.further(0)


def turned_by(shown: Positions, k: int) -> Turned:
    """The rotation of all positions."""
    from tui_transformer.render.views.rotation import turned

    return turned(shown, k)


@lru_cache(4)
def _table(count: int, dimensions: int, layout: Layout) -> Floats:
    from tui_transformer.positional import sinusoids

    return sinusoids(count, dimensions, layout)


def _beside(sizes: tuple[int, ...], size: int, by: int) -> int:
    """The next larger or smaller one; the size itself where there is none."""
    if by > 0:
        return next((one for one in sizes if one > size), size)
    return next((one for one in reversed(sizes) if one < size), size)
